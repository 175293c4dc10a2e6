// Models, datasets, datastores, environments and experiments.
import * as vscode from 'vscode';

import { upload } from '../explorer';
import type { Item } from '../lsp';
import { chosen, confirm, folder, inside } from './ask';
import type { Commands, Context } from './context';

export function assetCommands({ server, explorer, documents, extension }: Context): Commands {
  const at = (node: Item) => ({ workspace: node.workspace });

  /** The answer of a command as a document: text, with the table that a notebook would show. */
  async function show(title: string, words: string[], node: Item) {
    const { text } = await server.perform(title, words, at(node));
    await documents.show(title, text);
  }

  const version = (node: Item) => (node.version === undefined ? [] : ['--version', String(node.version)]);
  const named = (node: Item) => (node.kind === 'dataset_version' ? `${node.name}@${node.version}` : (node.name ?? ''));

  return {
    showModel: (node: Item) => show(`Model ${node.name}`, ['model', 'show', node.name ?? '', ...(node.kind === 'model_version' ? version(node) : [])], node),
    downloadModel: async (given?: Item) => {
      const node = await chosen(server, given, 'models', 'Which model?');
      const place = node && (await folder('Where to put the model', 'Download here'));
      if (!node || !place) return;
      const { text } = await server.perform(`Downloading ${node.name}`, ['model', 'download', node.name ?? '', ...version(node), '--to', place], at(node));
      void vscode.window.showInformationMessage(text.split('\n').at(-1) ?? text);
    },
    registerModelFile: async (given?: vscode.Uri | Item) => {
      const file = given instanceof vscode.Uri ? given : (await vscode.window.showOpenDialog({ title: 'File or folder of the model', canSelectFiles: true, canSelectFolders: true, openLabel: 'Register' }))?.[0];
      const name = file && (await vscode.window.showInputBox({ title: 'Name of the model', value: stem(file), prompt: 'A name that is taken gets its next version' }));
      if (!name) return;
      await server.perform(`Registering ${name}`, ['model', 'register', name, file.fsPath], inside(given));
      await explorer.reveal({ kind: 'model', name, ...inside(given) });
    },
    deleteModel: async (node: Item) => {
      const what = node.kind === 'model_version' ? `version ${node.version} of ${node.name}` : `${node.name} with all its versions`;
      if (!(await confirm(`Delete ${what}?`, 'It can be restored with `lazuli model restore`.', 'Delete'))) return;
      await server.perform(`Deleting ${node.name}`, ['model', 'delete', node.name ?? '', ...(node.kind === 'model_version' ? version(node) : [])], at(node));
    },
    previewDataset: async (given?: Item) => {
      const node = await chosen(server, given, 'datasets', 'Which dataset?');
      if (node) await preview(node);
    },
    profileDataset: (node: Item) => show(`Profile of ${named(node)}`, ['dataset', 'profile', named(node)], node),
    showDataset: (node: Item) => show(`Dataset ${named(node)}`, ['dataset', 'show', named(node)], node),
    deleteDataset: async (node: Item) => {
      if (!(await confirm(`Unregister ${node.name}?`, 'Its files stay where they are.', 'Unregister'))) return;
      await server.perform(`Unregistering ${node.name}`, ['dataset', 'remove', node.name ?? ''], at(node));
    },
    registerDataset: async (given?: vscode.Uri | Item) => {
      const picked = given instanceof vscode.Uri ? [given] : await vscode.window.showOpenDialog({ title: 'Files of the dataset', canSelectMany: true, openLabel: 'Register' });
      if (!picked?.length) return;
      const name = await vscode.window.showInputBox({ title: 'Name of the dataset', value: picked[0] && stem(picked[0]) });
      if (!name) return;
      await server.perform(`Registering ${name}`, ['dataset', 'register', name, ...picked.map((uri) => uri.fsPath), '--new-version'], inside(given));
      await explorer.reveal({ kind: 'dataset', name, ...inside(given) });
    },
    uploadToDatastore: async (given?: Item) => {
      const node = await chosen(server, given, 'datastores', 'Which datastore?');
      const files = node && (await vscode.window.showOpenDialog({ title: `Upload to ${node.name}`, canSelectMany: true, canSelectFiles: true, canSelectFolders: true, openLabel: 'Upload' }));
      if (node && files) await upload(server, node, files);
      explorer.refresh(given);
    },
    downloadFromDatastore: async (node: Item) => {
      const place = await folder('Where to put the files', 'Download here');
      if (!place) return;
      const { text } = await server.perform(`Downloading from ${node.name}`, ['datastore', 'download', node.path ?? '', '--datastore', node.name ?? '', '--to', place], at(node));
      void vscode.window.showInformationMessage(text.split('\n').at(-1) ?? text);
    },
    addDatastore: async (given?: Item) => {
      const place = await folder('A folder, or a mounted share, as a datastore', 'Add');
      const name = place && (await vscode.window.showInputBox({ title: 'Name of the datastore' }));
      if (!name) return;
      await server.perform(`Adding ${name}`, ['datastore', 'add', name, '--folder', place], inside(given));
      await explorer.reveal({ kind: 'datastore', name, ...inside(given) });
    },
    showDatastore: (node: Item) => show(`Datastore ${node.name}`, ['datastore', 'show', node.name ?? ''], node),
    setDefaultDatastore: async (node: Item) => {
      await server.perform(`${node.name} becomes the default`, ['datastore', 'default', node.name ?? ''], at(node));
      explorer.refresh();
    },
    removeDatastore: async (node: Item) => {
      if (!(await confirm(`Forget the datastore ${node.name}?`, 'What it holds stays where it is.', 'Forget'))) return;
      await server.perform(`Forgetting ${node.name}`, ['datastore', 'remove', node.name ?? ''], at(node));
      explorer.refresh();
    },
    showEnvironment: (node: Item) => show(`Environment ${node.name}`, ['environment', 'show', node.name ?? ''], node),
    buildEnvironment: (node: Item) => server.perform(`Building ${node.name}`, ['environment', 'build', node.name ?? ''], at(node)),
    createEnvironment: async (given?: vscode.Uri | Item) => {
      const filters = { 'conda file or requirements of pip': ['yml', 'yaml', 'txt'] };
      const file = given instanceof vscode.Uri ? given : (await vscode.window.showOpenDialog({ title: 'What the environment is made of', filters, openLabel: 'Create' }))?.[0];
      const name = file && (await vscode.window.showInputBox({ title: 'Name of the environment', value: stem(file), prompt: 'A name that is taken gets its next version' }));
      if (!name) return;
      const kind = file.path.endsWith('.txt') ? '--requirements' : '--conda-file';
      await server.perform(`Creating ${name}`, ['environment', 'create', name, kind, file.fsPath], inside(given));
      await explorer.reveal({ kind: 'environment', name, ...inside(given) });
    },
    deleteEnvironment: async (node: Item) => {
      if (!(await confirm(`Forget all versions of the environment ${node.name}?`, 'Runs keep what they ran in.', 'Delete'))) return;
      await server.perform(`Deleting ${node.name}`, ['environment', 'delete', node.name ?? ''], at(node));
      explorer.refresh();
    },
    createExperiment: async (given?: Item) => {
      const name = await vscode.window.showInputBox({ title: 'Name of the experiment' });
      if (name) await server.perform(`Creating ${name}`, ['experiment', 'create', name], inside(given));
    },
    deleteExperiment: async (node: Item) => {
      if (!(await confirm(`Delete ${node.name} with all its runs?`, 'It can be restored until `lazuli gc` removes it for good.', 'Delete'))) return;
      await server.perform(`Deleting ${node.name}`, ['experiment', 'delete', node.name ?? ''], at(node));
      explorer.refresh();
    },
  };

  /** The table that a notebook shows: rows, types, histograms. The page runs nothing and loads nothing. */
  async function preview(node: Item) {
    const version = node.kind === 'dataset_version' && node.version !== undefined ? { version: node.version } : {};
    const bundle = await server.request<{ data: Record<string, unknown> }>('lazuli/display', { dataset: node.name, workspace: node.workspace, ...version });
    const panel = vscode.window.createWebviewPanel('lazuli.dataset', named(node), { viewColumn: vscode.ViewColumn.Active }, { enableScripts: false, localResourceRoots: [] });
    panel.iconPath = vscode.Uri.joinPath(extension.extensionUri, 'media/icon.svg');
    panel.webview.html = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"><body style="padding:12px 16px">${String(bundle.data['text/html'] ?? '')}</body>`;
  }
}

/** A name to begin with: the file's, without what stands behind the last dot. */
function stem(file: vscode.Uri): string {
  return file.path.split('/').at(-1)?.replace(/\.[^.]*$/, '') ?? '';
}
