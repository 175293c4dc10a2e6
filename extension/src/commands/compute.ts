// Compute targets and workspaces.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import type { Item } from '../lsp';
import { confirm, inside } from './ask';
import type { Commands, Context } from './context';

export function computeCommands({ program, server, explorer, documents }: Context): Commands {
  const at = (node: Item) => ({ workspace: node.workspace });
  const act = (verb: string, doing: string) => async (node: Item) => {
    await server.perform(`${doing} ${node.name}`, ['compute', verb, node.name ?? ''], at(node));
    explorer.refresh();
  };
  return {
    createCompute: async (given?: Item) => {
      const kind = await vscode.window.showQuickPick(
        [
          { label: 'Cluster', word: 'cluster', detail: 'Always there: so many runs at once, the others wait' },
          { label: 'Instance', word: 'instance', detail: 'One run at a time, and it can be started and stopped' },
        ],
        { title: 'What kind of compute target?' },
      );
      const name = kind && (await vscode.window.showInputBox({ title: `Name of the ${kind.word}`, prompt: 'Letters, digits and `-`' }));
      const most = name && (kind.word === 'instance' ? '1' : await vscode.window.showInputBox({ title: 'So many runs run at once', value: '2', validateInput: (text) => (/^[1-9]\d*$/.test(text) ? undefined : 'a number from 1 on') }));
      if (!most) return;
      await server.perform(`Creating ${name}`, ['compute', 'create', name, '--kind', kind.word, '--max-nodes', most], inside(given));
      await explorer.reveal({ kind: 'compute', name, ...inside(given) });
    },
    showCompute: async (node: Item) => {
      const words = node.name === 'local' ? ['compute', 'list'] : ['compute', 'status', node.name ?? ''];
      await documents.show(`Compute ${node.label}`, (await server.perform(`Asking for ${node.label}`, words, at(node))).text);
    },
    startCompute: act('start', 'Starting'),
    stopCompute: act('stop', 'Stopping'),
    restartCompute: async (node: Item) => {
      await act('stop', 'Stopping')(node);
      await act('start', 'Starting')(node);
    },
    deleteCompute: async (node: Item) => {
      if (!(await confirm(`Delete the compute target ${node.name}?`, 'What waits for it is canceled.', 'Delete'))) return;
      await act('delete', 'Deleting')(node);
    },
    openTerminal: (node: Item) => {
      const there = node.contextValue === 'compute.remote' ? { shellPath: program, shellArgs: ['ssh', node.name ?? ''] } : {};
      vscode.window.createTerminal({ name: `Lazuli: ${node.name}`, env: { LAZULI_WORKSPACE: node.workspace }, ...there }).show();
    },
    switchWorkspace: async (node?: Item) => {
      const picked = node?.name ?? (await pickWorkspace());
      if (picked) await vscode.workspace.getConfiguration('lazuli').update('workspace', picked, vscode.workspace.workspaceFolders ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global);
    },
    createWorkspace: async () => {
      const name = await vscode.window.showInputBox({ title: 'Name of the workspace' });
      if (!name) return;
      await server.perform(`Creating ${name}`, ['workspace', 'create', name]);
      explorer.refresh();
    },
    start: () => server.request('lazuli/start'),
    refresh: () => explorer.refresh(),
    revealInExplorer: (target: { kind: Item['kind']; name: string }) => explorer.reveal(target),
    openStudio: async () => {
      // It carries a code that is good once, and for this browser alone.
      const { stdout } = await promisify(execFile)(program, ['studio', '--print']);
      await vscode.env.openExternal(vscode.Uri.parse(stdout.trim(), true));
    },
  };

  async function pickWorkspace(): Promise<string | undefined> {
    const { items } = await server.tree(undefined);
    const picked = await vscode.window.showQuickPick(items.map((item) => ({ label: item.label, description: item.description })), { title: 'Which workspace?' });
    return picked?.label;
  }
}
