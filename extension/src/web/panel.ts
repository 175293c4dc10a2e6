// The run panel: one component that fills the page and asks the extension by messages.
import { MessageTransport, define, type RunDetailsElement } from './run-details.js';

import { decoded } from './decode';
import { followTheme } from './theme';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void; setState(state: unknown): void };

const host = acquireVsCodeApi();
const element = document.querySelector<RunDetailsElement>('lazuli-run-details');
if (element) {
  define();
  const transport = new MessageTransport((message) => host.postMessage(message));
  window.addEventListener('message', (event: MessageEvent<{ lazuli?: string; run?: string }>) => {
    if (event.data?.lazuli === 'show' && event.data.run) element.runId = event.data.run;
    else transport.receive(decoded(event.data));
  });
  followTheme(element);
  element.addEventListener('lazuli-open', (event) => {
    event.preventDefault();
    host.postMessage({ lazuli: 'open', target: (event as CustomEvent<unknown>).detail });
  });
  // What VS Code hands back when it restores the panel.
  host.setState({ run: element.runId });
  element.transport = transport;
}
