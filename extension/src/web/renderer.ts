// Draws a run under a notebook cell. Where the extension answers, it is live; in a notebook that came from
// elsewhere it is the picture that was saved.
import { MessageTransport, StateTransport, define, type RunDetailsElement } from './run-details.js';

import type { FromView } from '../daemon';
import { decoded } from './decode';
import { followTheme } from './theme';

/** So long nothing is shown, waiting for the extension to answer. */
const PATIENCE_MS = 1500;

interface OutputItem {
  readonly id: string;
  json(): { run: { run_id: string } };
}

interface RendererContext {
  readonly postMessage?: (message: unknown) => void;
  readonly onDidReceiveMessage?: (listener: (message: unknown) => void) => { dispose(): void };
}

export function activate(context: RendererContext) {
  define();
  const send = (message: FromView) => context.postMessage?.(message);
  const live = context.postMessage ? new MessageTransport(send) : null;
  context.onDidReceiveMessage?.((message) => live?.receive(decoded(message)));
  const shown = new Map<string, { element: RunDetailsElement; kept: StateTransport | null }>();

  return {
    async renderOutputItem(item: OutputItem, place: HTMLElement) {
      const details = item.json();
      const known = shown.get(item.id);
      if (known && known.element.isConnected && known.element.runId === details.run.run_id) {
        known.kept?.update(details);
        return;
      }
      const element = document.createElement('lazuli-run-details') as RunDetailsElement;
      followTheme(element);
      place.replaceChildren(element);
      const asked = knows(live, details.run.run_id);
      const patience = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS));
      const answer = await Promise.race([asked, patience]);
      const kept = answer ? null : new StateTransport(details);
      shown.set(item.id, { element, kept });
      element.runId = details.run.run_id;
      element.transport = answer ? live : kept;
      // The extension may begin after the window: what was saved stands there until it answers.
      if (answer === undefined && (await asked) && shown.get(item.id)?.element === element) {
        shown.set(item.id, { element, kept: null });
        element.transport = live;
      }
    },
    disposeOutputItem(id?: string) {
      if (id === undefined) shown.clear();
      else shown.delete(id);
    },
  };
}

async function knows(live: MessageTransport | null, runId: string): Promise<boolean> {
  if (!live) return false;
  return live.fetch(`/api/runs/${encodeURIComponent(runId)}`).then((answer) => answer.ok, () => false);
}
