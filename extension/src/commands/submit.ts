// From a file or cell to a run.
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';

import { icon } from '../explorer';
import type { Answer, Item } from '../lsp';
import { all, encoded, words } from './ask';
import type { Commands, Context } from './context';

interface Remembered {
  compute: string;
  arguments: string;
  experiment: string;
}

export function submitCommands({ server, panels, logs, failures, extension }: Context): Commands {
  const key = (uri: vscode.Uri) => `submit:${uri.toString()}`;
  const remembered = (uri: vscode.Uri): Remembered => ({ compute: 'local', arguments: '', experiment: '', ...extension.workspaceState.get<Remembered>(key(uri)) });

  async function submit(uri: vscode.Uri, options: string[], line: string) {
    const parameters = words(line);
    const cell = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
    let answer: Answer;
    if (uri.scheme === 'file') {
      // What is on the screen is what runs.
      if (cell?.isDirty) await cell.save();
      const folder = dirname(uri.fsPath);
      const after = parameters.length ? ['--', ...parameters] : [];
      answer = await server.perform(`Submitting ${basename(uri.fsPath)}`, ['run', 'submit', basename(uri.fsPath), ...options, ...after], { folder });
    } else {
      if (!cell) throw new Error('the cell is not open any more');
      const { script, given, text } = cellScript(cell.getText());
      const folder = notebookFolder(uri);
      answer = await server.submitText(`Submitting ${script}`, { text, script, words: [...given, ...options], ...(folder ? { folder } : {}) });
    }
    if (!answer.run) return answer;
    if (uri.scheme === 'file') failures.expect(answer.run, uri);
    panels.show(answer.run, basename(uri.path));
    await logs.show(answer.run, basename(uri.path));
    return answer;
  }

  async function chooseCompute(uri: vscode.Uri): Promise<string | undefined> {
    const before = remembered(uri).compute;
    const items = await all(server, `${encoded(server.status?.workspace ?? 'default')}/compute`);
    const picked = await vscode.window.showQuickPick(
      items.map((item) => ({ label: item.label, description: [item.description, item.label === before ? 'last time' : ''].filter(Boolean).join(', '), detail: item.problem ?? more(item), iconPath: icon(item) })),
      { title: 'Where to run it', placeHolder: before },
    );
    return picked?.label;
  }

  const options = ({ compute, experiment }: Remembered) => ['--compute', compute, ...(experiment ? ['--experiment', experiment] : [])];

  return {
    /** The lens: with what was said the last time. */
    submit: (uri: string, more?: { words?: string[] }) => {
      const place = vscode.Uri.parse(uri);
      const { arguments: line, experiment } = remembered(place);
      const given = more?.words ?? [];
      return submit(place, given.includes('--experiment') ? given : [...given, '--experiment', experiment || named(place)], line);
    },
    chooseCompute: async (uri: string) => {
      const place = vscode.Uri.parse(uri);
      const compute = await chooseCompute(place);
      if (!compute) return;
      const before = remembered(place);
      const now = { ...before, compute, experiment: before.experiment || named(place) };
      await extension.workspaceState.update(key(place), now);
      return submit(place, options(now), now.arguments);
    },
    runFile: async (given?: vscode.Uri) => {
      const uri = given ?? vscode.window.activeTextEditor?.document.uri;
      if (uri?.scheme !== 'file' || !uri.path.endsWith('.py')) throw new Error('open the Python script that is to run, and save it');
      const compute = await chooseCompute(uri);
      if (!compute) return;
      const before = remembered(uri);
      const line = await vscode.window.showInputBox({ title: 'Arguments of the script', value: before.arguments, placeHolder: '--epochs 10', prompt: 'Kept for this file' });
      if (line === undefined) return;
      const experiment = await vscode.window.showInputBox({ title: 'Experiment', value: before.experiment || named(uri), prompt: 'Runs that belong together' });
      if (experiment === undefined) return;
      const now = { compute, arguments: line, experiment };
      await extension.workspaceState.update(key(uri), now);
      return submit(uri, options(now), line);
    },
  };
}

/** The experiment of who names none: that of the folder. */
function named(uri: vscode.Uri): string {
  const folder = uri.scheme === 'file' ? dirname(uri.fsPath) : notebookFolder(uri);
  return basename(folder ?? '') || 'editor';
}

/** What a tooltip says beyond its first line, which the entry says itself; a list has one line for it. */
function more(item: Item): string | undefined {
  return item.tooltip?.split('\n').slice(1).map((line) => line.trim()).join(', ');
}

/** `%%submit train.py --name x` above the script; without it the whole cell is the script. */
export function cellScript(text: string): { script: string; given: string[]; text: string } {
  const [first = '', ...rest] = text.split('\n');
  if (!first.startsWith('%%submit')) return { script: 'cell.py', given: [], text };
  const given = words(first.slice('%%submit'.length));
  const script = given[0]?.endsWith('.py') ? given.shift() : undefined;
  return { script: script ?? 'cell.py', given, text: rest.join('\n') };
}

function notebookFolder(cell: vscode.Uri): string | undefined {
  const notebook = vscode.workspace.notebookDocuments.find((one) => one.getCells().some(({ document }) => document.uri.toString() === cell.toString()));
  return notebook?.uri.scheme === 'file' ? dirname(notebook.uri.fsPath) : undefined;
}
