// A person at the dialogs: what is asked is answered here, everything behind the answers is the real thing.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

export interface Answers {
  open?: vscode.Uri[][];
  save?: vscode.Uri[];
  /** `undefined`: the question is closed. */
  input?: (string | undefined)[];
  /** Labels of what is picked. */
  pick?: (string | undefined)[];
  /** The button of a warning. */
  warning?: string[];
  /** The button of a notice; one that is not named is left alone. */
  notice?: string[];
}

export interface Asked {
  /** What stood in each input box before anything was typed. */
  values: string[];
  picks: vscode.QuickPickItem[][];
  placeholders: string[];
  notices: string[];
  errors: string[];
  progress: { title: string; isCancellable: boolean; messages: string[] }[];
  external: string[];
}

/** Runs `act` with somebody who answers; every answer has to be asked for, and every question answered. */
export async function answering<T>(answers: Answers, act: (asked: Asked, cancel: () => void) => Thenable<T> | Promise<T>): Promise<{ result: T; asked: Asked }> {
  const asked: Asked = { values: [], picks: [], placeholders: [], notices: [], errors: [], progress: [], external: [] };
  const left = { open: [...(answers.open ?? [])], save: [...(answers.save ?? [])], input: [...(answers.input ?? [])], pick: [...(answers.pick ?? [])], warning: [...(answers.warning ?? [])] };
  const next = <V>(list: V[], question: string): V => {
    assert.ok(list.length, `nobody expected to be asked: ${question}`);
    return list.shift() as V;
  };
  const cancels: vscode.CancellationTokenSource[] = [];
  const { showOpenDialog, showSaveDialog, showInputBox, showQuickPick, showWarningMessage, showInformationMessage, showErrorMessage, withProgress } = vscode.window;
  const openExternal = vscode.env.openExternal;
  Object.assign(vscode.env, {
    openExternal: async (uri: vscode.Uri) => asked.external.push(uri.toString(true)) > 0,
  });
  Object.assign(vscode.window, {
    showOpenDialog: async (options: vscode.OpenDialogOptions) => next(left.open, options.title ?? 'a file'),
    showSaveDialog: async (options: vscode.SaveDialogOptions) => next(left.save, options.title ?? 'a place'),
    showInputBox: async (options: vscode.InputBoxOptions) => {
      asked.values.push(options.value ?? '');
      const answer = next(left.input, options.title ?? 'a text');
      if (answer !== undefined) assert.equal((await options.validateInput?.(answer)) ?? undefined, undefined, `${answer} is refused`);
      return answer;
    },
    showQuickPick: async (given: vscode.QuickPickItem[] | Promise<vscode.QuickPickItem[]>, options: vscode.QuickPickOptions) => {
      const items = await given;
      asked.picks.push(items);
      asked.placeholders.push(options.placeHolder ?? '');
      const label = next(left.pick, options.title ?? 'a choice');
      if (label === undefined) return undefined;
      return items.find((item) => item.label === label) ?? assert.fail(`${label} is none of ${items.map((item) => item.label).join(', ')}`);
    },
    showWarningMessage: async (question: string, _options: vscode.MessageOptions, ...buttons: string[]) => {
      const answer = next(left.warning, question);
      assert.ok(buttons.includes(answer), `${question} has no button ${answer}`);
      return answer;
    },
    showInformationMessage: async (text: string, ...buttons: string[]) => {
      asked.notices.push(text);
      return buttons.find((button) => answers.notice?.includes(button));
    },
    showErrorMessage: async (text: string) => {
      asked.errors.push(text);
      return undefined;
    },
    withProgress: (options: vscode.ProgressOptions, task: Parameters<typeof vscode.window.withProgress>[1]) => {
      const shown = { title: options.title ?? '', isCancellable: options.cancellable === true, messages: [] as string[] };
      asked.progress.push(shown);
      return withProgress(options, (progress, token) => {
        const source = new vscode.CancellationTokenSource();
        token.onCancellationRequested(() => source.cancel());
        cancels.push(source);
        const report = (value: { message?: string; increment?: number }) => {
          if (value.message) shown.messages.push(value.message);
          progress.report(value);
        };
        return task({ report }, source.token);
      });
    },
  });
  try {
    const result = await act(asked, () => cancels.forEach((source) => source.cancel()));
    const unasked = Object.entries(left).filter(([, list]) => list.length);
    // Why something was not asked for is said by the failure, if there was one.
    if (!asked.errors.length) assert.deepEqual(unasked, [], 'answers that nobody asked for');
    return { result, asked };
  } finally {
    Object.assign(vscode.window, { showOpenDialog, showSaveDialog, showInputBox, showQuickPick, showWarningMessage, showInformationMessage, showErrorMessage, withProgress });
    Object.assign(vscode.env, { openExternal });
  }
}
