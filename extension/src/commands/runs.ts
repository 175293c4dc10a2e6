// Runs: look at them, follow, compare, cancel, bring their files here.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';

import type { Item } from '../lsp';
import { confirm, folder } from './ask';
import type { Commands, Context } from './context';

interface Target {
  kind: 'run' | 'model' | 'dataset';
  name: string;
  version?: number;
}

export function runCommands({ server, panels, logs, explorer, documents }: Context): Commands {
  const title = (run: Item) => run.name ?? run.label;
  const show = (id: string, name = id) => panels.show(id, name);
  const perform = (what: string, words: string[], node: Item) => server.perform(what, words, { workspace: node.workspace });

  async function compare(ids: string[]) {
    const { text } = await server.perform('Comparing runs', ['run', 'compare', ...ids]);
    await documents.show(`Comparison of ${ids.length} runs`, text);
  }

  return {
    openRun: (run: Item) => show(run.run ?? '', title(run)),
    showRun: (id: string) => show(id),
    open: (target: Target) => (target.kind === 'run' ? show(target.name) : explorer.reveal(target)),
    followLog: (run: Item) => logs.show(run.run ?? '', title(run)),
    compareRuns: (first: Item | string[], selected?: Item[]) =>
      compare(Array.isArray(first) ? first : (selected ?? [first]).map((run) => run.run ?? '').filter(Boolean)),
    compareNewest: async (experiment: Item) => {
      const { text } = await perform('Comparing runs', ['run', 'compare', '--experiment', experiment.name ?? ''], experiment);
      await documents.show(`Newest runs of ${experiment.label}`, text);
    },
    cancelRun: async (run: Item) => {
      await perform(`Canceling ${title(run)}`, ['run', 'cancel', run.run ?? ''], run);
    },
    deleteRun: async (run: Item) => {
      if (!(await confirm(`Delete the run ${title(run)}?`, 'It can be restored until `lazuli gc` removes it for good.', 'Delete'))) return;
      await perform(`Deleting ${title(run)}`, ['run', 'delete', run.run ?? ''], run);
      explorer.refresh();
    },
    copyRunId: (run: Item) => vscode.env.clipboard.writeText(run.run ?? ''),
    downloadOutputs: async (run: Item) => {
      const place = await folder('Where to put the outputs', 'Download here');
      if (!place) return;
      const { text } = await perform(`Downloading outputs of ${title(run)}`, ['run', 'download', 'outputs', '--run', run.run ?? '', '--to', place], run);
      void vscode.window.showInformationMessage(text.split('\n').at(-1) ?? text);
    },
    downloadLogs: async (run: Item) => {
      const place = await folder('Where to put the logs', 'Download here');
      if (!place) return;
      const { text } = await perform(`Downloading logs of ${title(run)}`, ['run', 'download', 'user_logs', '--run', run.run ?? '', '--to', place], run);
      void vscode.window.showInformationMessage(text.split('\n').at(-1) ?? text);
    },
    registerModel: async (run: Item) => {
      const name = await vscode.window.showInputBox({ title: 'Name of the model', prompt: 'A name that is taken gets its next version' });
      if (!name) return;
      const path = await vscode.window.showInputBox({ title: 'File or folder of the run', value: 'outputs/model.pkl' });
      if (!path) return;
      await perform(`Registering ${name}`, ['model', 'register', name, path, '--run', run.run ?? ''], run);
    },
    exportRun: async (run: Item) => {
      const uri = await vscode.window.showSaveDialog({ title: 'Save the run as a page', filters: { 'Web page': ['html'] } });
      if (!uri) return;
      await perform(`Exporting ${title(run)}`, ['run', 'export', run.run ?? '', '--html', uri.fsPath], run);
    },
    /** A file of a run or of a datastore, brought here to be looked at. */
    openFile: async (file: Item) => {
      const place = await mkdtemp(join(tmpdir(), 'lazuli-file-'));
      const path = file.path ?? '';
      const words = file.run
        ? ['run', 'download', path, '--run', file.run, '--to', place]
        : ['datastore', 'download', path, '--datastore', file.name ?? '', '--to', place];
      await perform(`Opening ${basename(path)}`, words, file);
      const [found] = await vscode.workspace.fs.stat(vscode.Uri.file(join(place, path))).then(() => [join(place, path)], () => [join(place, basename(path))]);
      await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(found ?? ''));
    },
    downloadFile: async (file: Item) => {
      const place = await folder('Where to put the file', 'Download here');
      if (!place) return;
      const words = file.run
        ? ['run', 'download', file.path ?? '', '--run', file.run, '--to', place]
        : ['datastore', 'download', file.path ?? '', '--datastore', file.name ?? '', '--to', place];
      await perform(`Downloading ${file.label}`, words, file);
    },
  };
}
