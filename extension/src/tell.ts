// How a failure reaches people: one sentence, and what to do next.
import * as vscode from 'vscode';

import { Refused } from './language-server';

/** Says why something did not happen. What somebody cancelled needs no telling. */
export function tell(error: unknown, ...actions: { title: string; run: () => unknown }[]): void {
  if (error instanceof vscode.CancellationError || (error as Error)?.name === 'Canceled') return;
  const message = error instanceof Error ? error.message : String(error);
  if (/request cancell?ed/i.test(message)) return;
  const hint = error instanceof Refused && error.hint ? ` (${error.hint})` : '';
  void vscode.window.showErrorMessage(`${message}${hint}`, ...actions.map(({ title }) => title)).then((chosen) => {
    actions.find(({ title }) => title === chosen)?.run();
  });
}
