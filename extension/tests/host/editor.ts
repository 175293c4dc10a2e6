import assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { Answer } from '../../src/lsp';
import { api, children, ended, file, until } from './support';

const TRAINING = `from azureml.core import Run

run = Run.get_context()
for step in range(3):
    run.log('loss', 1 / (step + 1))
print('done')
`;

describe('in the editor', () => {
  before(async () => {
    const { server } = await api();
    await server.request('lazuli/start');
    await until('the daemon', () => server.status?.daemon === 'running');
  });

  it('shows workspaces, groups and what is in them', async () => {
    const roots = await children(undefined);
    assert.equal(roots[0]?.contextValue, 'workspace.current');
    const groups = await children(roots[0]?.id);
    assert.deepEqual(groups.map(({ label }) => label).slice(0, 4), ['Experiments', 'Models', 'Datasets', 'Datastores']);
    const { explorer } = await api();
    const nodes = await explorer.getChildren();
    const item = explorer.getTreeItem(nodes[0] ?? assert.fail());
    assert.equal(item.label, 'default');
    assert.equal(item.collapsibleState, vscode.TreeItemCollapsibleState.Expanded);
  });

  it('submits the file that is open, with what is on the screen', async () => {
    const uri = file('train.py', '');
    const document = await vscode.workspace.openTextDocument(uri);
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), TRAINING));
    const answer = await vscode.commands.executeCommand<Answer>('lazuli.submit', uri.toString(), { words: ['--compute', 'local', '--experiment', 'editor'] });
    assert.ok(answer?.run, 'it has become a run');
    assert.equal((await ended('editor', answer.run)).status, 'Completed');
    const { server } = await api();
    const { text } = await server.logPart(answer.run, 0);
    assert.match(text, /done/);
  });

  it('says above a script what it came to', async () => {
    const uri = vscode.Uri.joinPath(vscode.workspace.workspaceFolders?.[0]?.uri ?? assert.fail(), 'train.py');
    const titles = await until('the last run', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
      const titles = (lenses ?? []).map(({ command }) => command?.title ?? '');
      return titles.some((title) => title.startsWith('last run')) && titles;
    });
    assert.equal(titles[0], 'Submit to local');
  });

  it('marks the line at which a run failed', async () => {
    const uri = file('broken.py', "from azureml.core import Run\n\nrun = Run.get_context()\nrun.log('x', 1)\nraise ValueError('no such column')\n");
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    await vscode.commands.executeCommand('lazuli.submit', uri.toString(), { words: ['--experiment', 'broken'] });
    const [problem] = await until('the problem', () => {
      const found = vscode.languages.getDiagnostics(uri).filter(({ source }) => source?.startsWith('run '));
      return found.length > 0 && found;
    });
    assert.match(problem?.message ?? '', /no such column/);
    assert.equal(problem?.range.start.line, 4);
  });

  it('completes names of the workspace, and warns of one that is not there', async () => {
    file('table.csv', 'age,bmi\n1,2\n');
    const { server } = await api();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    await server.perform('Registering', ['dataset', 'register', 'csv_table', 'table.csv'], { folder });
    const uri = file('reads.py', "from azureml.core import Workspace\nws = Workspace.from_config()\na = ws.datasets['']\nb = ws.datasets['csv_tabel']\n");
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    await until('the completion', async () => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', uri, new vscode.Position(2, 17));
      return list.items.some(({ label }) => (typeof label === 'string' ? label : label.label) === 'csv_table');
    });
    const problem = await until('the warning', () => vscode.languages.getDiagnostics(uri).find(({ message }) => message.includes('csv_tabel')));
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', uri, problem.range);
    const fix = actions.find(({ edit }) => edit);
    assert.ok(fix?.edit, 'there is a quick fix');
    assert.ok(await vscode.workspace.applyEdit(fix.edit));
    assert.match(document.getText(), /b = ws\.datasets\['csv_table'\]/);
  });

  it('leaves plain Python to a server for Python', async () => {
    const { server } = await api();
    const uri = file('plain.py', "import os\nvalue = {'alpha': 1}\npath = os.path.jo\nitem = value['al']\ndef area(width, height): return width * height\narea()\n");
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    // Beside pyright every answer of ours here would be a second one.
    for (const position of [new vscode.Position(2, 17), new vscode.Position(3, 15), new vscode.Position(5, 5)]) {
      for (const method of ['completion', 'hover', 'signatureHelp']) {
        const found = await server.request<{ items?: unknown[] } | unknown[] | null>(`textDocument/${method}`, { textDocument: { uri: uri.toString() }, position });
        assert.deepEqual((Array.isArray(found) ? found : found?.items) ?? [], [], `${method} at ${position.line}`);
        assert.ok(method === 'completion' || found === null, `${method} at ${position.line}`);
      }
    }
    assert.deepEqual(vscode.languages.getDiagnostics(uri), []);
  });

  it('shows names as they are, whatever stands in them', async () => {
    const { server, explorer } = await api();
    const name = '<b onload=alert(1)>**x** [y](command:z)';
    await server.perform('Creating', ['experiment', 'create', name]);
    const node = (await children('default/experiments')).find(({ label }) => label === name);
    const item = explorer.getTreeItem(node ?? assert.fail('it is listed'));
    assert.equal(item.label, name);
    assert.ok(item.tooltip === undefined || typeof item.tooltip === 'string', 'no Markdown');
  });

  it('says what is wrong in a sentence', async () => {
    const { server } = await api();
    await assert.rejects(server.perform('Asking', ['run', 'show', 'nowhere']), /run `nowhere` not found/);
    assert.deepEqual(await server.tree(undefined).then(({ items }) => items.map(({ label }) => label)), ['default']);
  });

  it('has every command that its menus name', async () => {
    const { contributes } = vscode.extensions.getExtension('lazuli.lazuli')?.packageJSON as { contributes: { commands: { command: string }[]; menus: Record<string, { command: string }[]> } };
    const known = new Set(await vscode.commands.getCommands(true));
    const named = [...contributes.commands, ...Object.values(contributes.menus).flat()].map(({ command }) => command);
    assert.deepEqual(named.filter((command) => !known.has(command)), []);
  });
});
