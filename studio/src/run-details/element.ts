// The custom element that every host shows: Studio, JupyterLab, VS Code and exported files.
import { mount, unmount } from 'svelte';
import chartStyle from 'uplot/dist/uPlot.min.css?inline';

import style from '../style/lazuli.css?inline';
import type { Transport } from '../transport/transport';
import RunDetails from './RunDetails.svelte';

/** What somebody wants to see. */
export type Target =
  | { kind: 'run'; name: string }
  | { kind: 'model'; name: string; version: number }
  | { kind: 'dataset'; name: string; version: number }
  | { kind: 'environment'; name: string; version: string };

let sheet: CSSStyleSheet | null = null;

/**
 * `<lazuli-run-details run-id=".." theme="light|dark">`, with its `transport` set as a property.
 *
 * A link to a run, model or dataset is the event `lazuli-open` with a `Target` as its detail. A host
 * that goes there calls `preventDefault`; where nobody does, a run is shown in this place.
 * `lazuli-tab` says which tab was chosen, `lazuli-ended` that nothing more will happen to the run.
 */
export class RunDetailsElement extends HTMLElement {
  static readonly observedAttributes = ['run-id', 'tab'];

  #transport: Transport | null = null;
  #shown: Record<string, unknown> | null = null;
  #earlier: string[] = [];

  get transport(): Transport | null {
    return this.#transport;
  }

  set transport(transport: Transport | null) {
    this.#transport = transport;
    this.#show();
  }

  get runId(): string {
    return this.getAttribute('run-id') ?? '';
  }

  set runId(runId: string) {
    this.setAttribute('run-id', runId);
  }

  connectedCallback() {
    this.#show();
  }

  disconnectedCallback() {
    this.#hide();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null) {
    // Which tab is open is the component's own once somebody has chosen one.
    if (before !== now && (name === 'run-id' || !this.#shown)) this.#show();
  }

  #hide() {
    if (this.#shown) void unmount(this.#shown);
    this.#shown = null;
  }

  #show() {
    this.#hide();
    if (!this.isConnected || !this.#transport || !this.runId) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(`${chartStyle}\n${style}\n:host{display:block}`);
    }
    root.adoptedStyleSheets = [sheet];
    root.replaceChildren();
    this.#shown = mount(RunDetails, {
      target: root,
      props: {
        transport: this.#transport,
        runId: this.runId,
        tab: this.getAttribute('tab') ?? 'metrics',
        onopen: (target: Target) => this.#open(target),
        ontab: (tab: string) =>
          this.dispatchEvent(new CustomEvent('lazuli-tab', { detail: tab, bubbles: true, composed: true })),
        onended: () => this.dispatchEvent(new CustomEvent('lazuli-ended', { detail: this.runId, bubbles: true, composed: true })),
      },
    });
    const earlier = this.#earlier.at(-1);
    if (earlier) {
      const back = document.createElement('button');
      back.className = 'plain';
      back.textContent = '← Back';
      back.addEventListener('click', () => {
        this.#earlier.pop();
        this.runId = earlier;
      });
      root.prepend(back);
    }
  }

  #open(target: Target) {
    const event = new CustomEvent('lazuli-open', { detail: target, bubbles: true, composed: true, cancelable: true });
    if (this.dispatchEvent(event) && target.kind === 'run') {
      this.#earlier.push(this.runId);
      this.runId = target.name;
    }
  }
}

/** Makes the element known to this page; a second time does nothing. */
export function define() {
  if (!customElements.get('lazuli-run-details')) {
    customElements.define('lazuli-run-details', RunDetailsElement);
  }
}
