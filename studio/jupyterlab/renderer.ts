import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Widget } from '@lumino/widgets';

import type { RunDetails } from '../src/api/types';
import { isFinal } from '../src/parts/format';
import { define, type RunDetailsElement } from '../src/run-details/element';
import { HttpTransport } from '../src/transport/http';
import { StateTransport } from '../src/transport/state';

/** The application's own class: a widget of another copy would not be one of its widgets. */
export type WidgetClass = typeof Widget;

export const MIME = 'application/vnd.lazuli.run+json';

export function rendererFactory(Base: WidgetClass): IRenderMime.IRendererFactory {
  define();
  return {
    // What it shows is text and pictures; a notebook that nobody trusts shows them, too.
    safe: true,
    mimeTypes: [MIME],
    createRenderer: () => make(Base),
  };
}

function make(Base: WidgetClass): IRenderMime.IRenderer {
  class RunWidget extends Base implements IRenderMime.IRenderer {
    private readonly element = document.createElement('lazuli-run-details') as RunDetailsElement;
    private kept: StateTransport | null = null;

    constructor() {
      super();
      this.addClass('lazuli-run');
      this.node.style.padding = '8px 12px 8px 4px';
      this.node.append(this.element);
      followTheme(this.element);
    }

    async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
      const details = model.data[MIME] as unknown as RunDetails;
      // A kernel that follows the run sends newer states: a live component needs none of them.
      if (this.element.transport && this.element.runId === details.run.run_id) {
        this.kept?.update(details);
        return;
      }
      const live = await reach(details.run.run_id);
      if (live && !isFinal(details.run.status)) this.keepTheEnd(model, live, details.run.run_id);
      this.kept = live ? null : new StateTransport(details);
      this.element.runId = details.run.run_id;
      this.element.transport = live ?? this.kept;
    }

    /** What is saved with the notebook is to be the end, also when no kernel was there to send it. */
    private keepTheEnd(model: IRenderMime.IMimeModel, live: HttpTransport, runId: string) {
      const keep = (event: Event) => {
        if ((event as CustomEvent<string>).detail !== runId || this.isDisposed) return;
        this.element.removeEventListener('lazuli-ended', keep);
        void live.fetch(`/api/runs/${encodeURIComponent(runId)}/display`).then(async (answer) => {
          if (answer.ok) model.setData({ data: ((await answer.json()) as { data: Record<string, never> }).data });
        });
      };
      this.element.addEventListener('lazuli-ended', keep);
    }
  }
  return new RunWidget();
}

let transport: HttpTransport | null = null;

/** By way of the server's proxy, if it is there and its daemon knows the run; a notebook may come
 *  from elsewhere. */
async function reach(runId: string): Promise<HttpTransport | null> {
  transport ??= new HttpTransport(`${baseUrl()}lazuli`, permission);
  try {
    const answer = await transport.fetch(`/api/runs/${encodeURIComponent(runId)}`);
    return answer.ok ? transport : null;
  } catch {
    return null;
  }
}

interface PageConfig {
  baseUrl?: string;
  token?: string;
}

function config(): PageConfig {
  const text = document.getElementById('jupyter-config-data')?.textContent;
  return text ? (JSON.parse(text) as PageConfig) : {};
}

function baseUrl(): string {
  const url = new URL(config().baseUrl ?? '/', location.origin);
  return url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
}

/** What Jupyter's server asks of every request that changes something. */
function permission(): Record<string, string> {
  const found = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
  const { token } = config();
  return {
    ...(found?.[1] ? { 'X-XSRFToken': decodeURIComponent(found[1]) } : {}),
    ...(token ? { Authorization: `token ${token}` } : {}),
  };
}

function followTheme(element: HTMLElement) {
  const apply = () => {
    const isLight = document.body.dataset['jpThemeLight'] !== 'false';
    element.setAttribute('theme', isLight ? 'light' : 'dark');
  };
  apply();
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light'] });
}
