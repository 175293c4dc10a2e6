// Every command that the tree offers, on a node that offers it, against the daemon.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';

import type { Node } from '../../src/explorer';
import type { Answer, Item } from '../../src/lsp';
import { answering, type Answers, type Asked } from './answers';
import { api, children, ended, file, until } from './support';

interface Menu {
  command: string;
  when: string;
}

const KEEPS = `import os, sys
from azureml.core import Run

run = Run.get_context()
os.makedirs('outputs', exist_ok=True)
with open('outputs/model.pkl', 'w') as model:
    model.write('weights')
for step in range(3):
    run.log('loss', 1 / (step + 1))
print('arguments', sys.argv[1:])
`;
const ENDLESS = `import time

for step in range(100_000):
    print('step', step, flush=True)
    time.sleep(0.1)
`;

/** What was executed: compared with what package.json contributes. */
const executed = new Set<string>();
const contributes = () => (vscode.extensions.getExtension('lazuli.lazuli')?.packageJSON as { contributes: { commands: { command: string }[]; menus: Record<string, Menu[]> } }).contributes;
const folder = () => mkdtempSync(join(tmpdir(), 'lazuli-test-'));
const all = (place: string): string[] => readdirSync(place, { recursive: true }).map(String);

async function call<T = unknown>(name: string, given: unknown[], answers: Answers = {}): Promise<{ result: T; asked: Asked }> {
  executed.add(`lazuli.${name}`);
  const done = await answering(answers, () => vscode.commands.executeCommand<T>(`lazuli.${name}`, ...given));
  assert.deepEqual(done.asked.errors, []);
  return done;
}

/** As somebody who opens the node's menu: an entry that is not in it cannot be chosen. */
async function act<T = unknown>(name: string, node: Item, answers: Answers = {}) {
  const value = (await api()).explorer.getTreeItem(node).contextValue ?? '';
  assert.ok(offers(name, value), `the menu of ${value} has no ${name}`);
  return call<T>(name, [node], answers);
}

function offers(name: string, value: string): boolean {
  const entries = (contributes().menus['view/item/context'] ?? []).filter(({ command }) => command === `lazuli.${name}`);
  return entries.some(({ when }) => {
    const [, pattern] = /viewItem =~ \/(.*)\//.exec(when) ?? [];
    return pattern ? new RegExp(pattern).test(value) : when.endsWith(`viewItem == ${value}`);
  });
}

async function node(group: string, label: string, workspace = 'default'): Promise<Item> {
  return until(`${label} in ${group}`, async () => (await children(`${workspace}/${group}`)).find((item) => item.label === label));
}

async function group(name: string, workspace = 'default'): Promise<Item> {
  return (await children(workspace)).find((item) => item.id.endsWith(`/${name}`)) ?? assert.fail(name);
}

async function submit(script: string, text: string, experiment: string): Promise<string> {
  const uri = file(script, text);
  const answer = await vscode.commands.executeCommand<Answer>('lazuli.submit', uri.toString(), { words: ['--experiment', experiment] });
  return answer?.run ?? assert.fail('it has become a run');
}

const shown = () => vscode.window.activeTextEditor?.document.getText() ?? '';
const run = async (id: string, experiment = 'actions') => (await children(`default/experiments/${experiment}`)).find((item) => item.run === id);

describe('what the tree offers', () => {
  let first: Item;
  let second: Item;

  before(async () => {
    const { server } = await api();
    await server.request('lazuli/start');
    first = await ended('actions', await submit('keeps.py', KEEPS, 'actions'));
    second = await ended('actions', await submit('keeps.py', KEEPS.replace('1 /', '2 /'), 'actions'));
    assert.equal(first.status, 'Completed');
  });

  it('shows runs, and compares them', async () => {
    await act('openRun', first);
    await until('the panel', () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).some(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('lazuli.run')));
    executed.add('lazuli.compareRuns');
    await answering({}, () => vscode.commands.executeCommand('lazuli.compareRuns', first, [first, second]));
    assert.match(shown(), /loss/);
    await act('compareNewest', await node('experiments', 'actions'));
    assert.match(shown(), /loss/);
    await act('copyRunId', first);
    assert.equal(await vscode.env.clipboard.readText(), first.run);
  });

  it('follows a log while it grows, and cancels the run', async () => {
    const id = await submit('endless.py', ENDLESS, 'actions');
    const going = await until('it to run', async () => {
      const item = await run(id);
      return item?.status === 'Running' && item;
    });
    assert.ok(!offers('cancelRun', 'run.Completed'), 'what has ended is not canceled');
    await act('followLog', going);
    const log = () => vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme === 'output').map((document) => document.getText()).find((text) => /^step 0$/m.test(text)) ?? '';
    const steps = () => [...log().matchAll(/^step (\d+)$/gm)].map(([, step]) => Number(step));
    const before = await until('the log', () => steps().length);
    await until('the log to grow', () => steps().length > before);
    await act('cancelRun', going);
    assert.equal((await ended('actions', id)).status, 'Canceled');
    const { server } = await api();
    await until('the last line', async () => log().trim() === (await server.logPart(id, 0)).text.trim());
    assert.deepEqual(steps(), steps().map((_, index) => index), 'each line once, in its order');
  });

  it('draws anew rows that have changed, and not what is above them', async () => {
    const { explorer } = await api();
    const id = await submit('endless.py', ENDLESS, 'actions');
    const going = await until('it to run', async () => {
      const item = await run(id);
      return item?.status === 'Running' && item;
    });
    const below = async (parent: Node | undefined, name: string) => (await explorer.getChildren(parent)).find((one) => one.id.split('/').at(-1) === name);
    const experiment = await below(await below(await below(undefined, 'default'), 'experiments'), 'actions');
    assert.ok((await explorer.getChildren(experiment)).length >= 3);
    const drawn: (Node | undefined)[] = [];
    const listening = explorer.onDidChangeTreeData((node) => drawn.push(node));
    await act('cancelRun', going);
    await until('the row', () => drawn.some((node) => node?.id === going.id && (node as Item).status === 'Canceled'));
    listening.dispose();
    // The age of a run is a part of its row, and no row above it has changed.
    assert.deepEqual(drawn.filter((node) => !node?.id.startsWith(`${experiment?.id}/`)), []);
  });

  it('says so when a row was drawn anew under its menu', async () => {
    const { asked } = await answering({}, () => vscode.commands.executeCommand('lazuli.cancelRun', undefined));
    assert.deepEqual(asked.errors, ['the explorer was being refreshed: choose the entry again']);
  });

  it('brings files of a run here', async () => {
    const [outputs, logs, one] = [folder(), folder(), folder()];
    await act('downloadOutputs', first, { open: [[vscode.Uri.file(outputs)]] });
    assert.ok(all(outputs).some((path) => path.endsWith('model.pkl')), String(all(outputs)));
    const files = (await children(first.id)).find(({ kind }) => kind === 'folder') ?? assert.fail('no files');
    assert.ok(!offers('uploadToDatastore', (await api()).explorer.getTreeItem(files).contextValue ?? ''), 'nothing is uploaded into a run');
    await act('downloadLogs', files, { open: [[vscode.Uri.file(logs)]] });
    assert.ok(all(logs).some((path) => path.endsWith('.txt')), String(all(logs)));
    const model = (await children(files.id)).find(({ label }) => label.endsWith('model.pkl')) ?? assert.fail('no model');
    await act('downloadFile', model, { open: [[vscode.Uri.file(one)]] });
    assert.ok(all(one).some((path) => path.endsWith('model.pkl')), String(all(one)));
    await act('openFile', model);
    await until('the file', () => shown() === 'weights');
    const page = join(one, 'run.html');
    await act('exportRun', first, { save: [vscode.Uri.file(page)] });
    assert.match(readFileSync(page, 'utf8'), /<html/);
  });

  it('keeps models', async () => {
    await act('registerModel', first, { input: ['churn', 'outputs/model.pkl'] });
    await act('registerModelFile', await group('models'), { open: [[file('local.pkl', 'other weights')]], input: ['churn'] });
    const known = async () => (await (await api()).server.perform('Asking', ['model', 'list'])).text;
    const model = await until('the second version', async () => {
      const found = await node('models', 'churn');
      return found.version === 2 && found;
    });
    await act('showModel', model);
    assert.match(shown(), /churn/);
    const place = folder();
    await act('downloadModel', model, { open: [[vscode.Uri.file(place)]] });
    assert.ok(all(place).some((path) => path.endsWith('local.pkl')), String(all(place)));
    const version = (await children(model.id)).find((item) => item.version === 2) ?? assert.fail('no version');
    await act('deleteModel', version, { warning: ['Delete'] });
    assert.match(await known(), /churn +1 /);
    await act('deleteModel', model, { warning: ['Delete'] });
    assert.doesNotMatch(await known(), /churn/);
  });

  it('keeps datasets', async () => {
    const uri = file('patients.csv', 'age,bmi\n61,24.5\n');
    const { asked } = await call('registerDataset', [uri], { input: ['patients'] });
    assert.deepEqual(asked.values, ['patients'], 'the name to begin with is that of the file');
    await act('registerDataset', await group('datasets'), { open: [[uri]], input: ['patients'] });
    const dataset = await node('datasets', 'patients');
    await act('previewDataset', dataset);
    await until('the table', () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).some(({ label }) => label.startsWith('patients')));
    await act('profileDataset', dataset);
    assert.match(shown(), /bmi/);
    const old = (await children(dataset.id)).find((item) => item.version === 1) ?? assert.fail('no version');
    await act('showDataset', old);
    assert.match(shown(), /patients/);
    assert.ok(!offers('deleteDataset', 'dataset_version'));
    await act('deleteDataset', dataset, { warning: ['Unregister'] });
    await until('it to be gone', async () => !(await children('default/datasets')).some(({ label }) => label === 'patients'));
    assert.ok(existsSync(uri.fsPath), 'its file stays');
  });

  it('keeps datastores', async () => {
    const place = folder();
    await act('addDatastore', await group('datastores'), { open: [[vscode.Uri.file(place)]], input: ['lake'] });
    const lake = await node('datastores', 'lake');
    await act('showDatastore', lake);
    assert.match(shown(), /lake/);
    await act('uploadToDatastore', lake, { open: [[file('up/a.txt', 'first')]] });
    assert.equal(readFileSync(join(place, 'a.txt'), 'utf8'), 'first');
    const stored = (await children(lake.id)).find(({ label }) => label === 'a.txt') ?? assert.fail('it is listed');
    await act('openFile', stored);
    await until('the file', () => shown() === 'first');
    const here = folder();
    await act('downloadFromDatastore', lake, { open: [[vscode.Uri.file(here)]] });
    assert.deepEqual(all(here), ['a.txt']);
    await act('setDefaultDatastore', lake);
    await until('it to be the default', async () => (await node('datastores', 'lake')).contextValue === 'datastore.default');
    await act('setDefaultDatastore', await node('datastores', 'workspaceblobstore'));
    await act('removeDatastore', await node('datastores', 'lake'), { warning: ['Forget'] });
    assert.ok(!(await children('default/datastores')).some(({ label }) => label === 'lake'));
    assert.ok(existsSync(join(place, 'a.txt')), 'what it holds stays');
  });

  it('keeps environments', async () => {
    const { asked: begun } = await call('createEnvironment', [file('requirements.txt', 'six==1.17.0\n')], { input: ['plain'] });
    assert.deepEqual(begun.values, ['requirements']);
    const uri = file('conda.yml', 'dependencies:\n  - python\n');
    await act('createEnvironment', await group('environments'), { open: [[uri]], input: ['plain'] });
    const environment = await node('environments', 'plain');
    await act('showEnvironment', environment);
    assert.match(shown(), /plain/);
    const versions = await children(environment.id);
    assert.deepEqual(versions.map(({ label }) => label), ['version 2', 'version 1']);
    await act('showEnvironment', versions[1] ?? assert.fail());
    assert.match(shown(), /six/);
    assert.ok(!offers('deleteEnvironment', 'environment_version'));
    const { asked } = await act('buildEnvironment', environment);
    assert.deepEqual(asked.progress.map(({ title, isCancellable }) => [title, isCancellable]), [['Building plain', true]]);
    await act('deleteEnvironment', environment, { warning: ['Delete'] });
    assert.ok(!(await children('default/environments')).some(({ label }) => label === 'plain'));
  });

  it('creates, stops, starts and deletes compute', async () => {
    await act('createCompute', await group('compute'), { pick: ['Cluster'], input: ['cpu-cluster', '3'] });
    await act('showCompute', await node('compute', 'cpu-cluster'));
    assert.match(shown(), /3/);
    for (const verb of ['startCompute', 'stopCompute', 'restartCompute']) assert.ok(!offers(verb, (await node('compute', 'cpu-cluster')).contextValue), `a cluster has no ${verb}`);
    await act('createCompute', await group('compute'), { pick: ['Instance'], input: ['desk'] });
    const state = async () => (await node('compute', 'desk')).status;
    assert.equal(await state(), 'Running');
    await act('restartCompute', await node('compute', 'desk'));
    assert.equal(await state(), 'Running');
    await act('stopCompute', await node('compute', 'desk'));
    assert.equal(await state(), 'Stopped');
    assert.ok(!offers('stopCompute', (await node('compute', 'desk')).contextValue), 'what is stopped is not stopped again');
    await act('startCompute', await node('compute', 'desk'));
    assert.equal(await state(), 'Running');
    await act('deleteCompute', await node('compute', 'desk'), { warning: ['Delete'] });
    assert.ok(!(await children('default/compute')).some(({ label }) => label === 'desk'));
    const opened = new Promise<vscode.Terminal>((resolve) => vscode.window.onDidOpenTerminal(resolve));
    await act('openTerminal', await node('compute', 'local'));
    const terminal = await opened;
    assert.equal((terminal.creationOptions as vscode.TerminalOptions).env?.['LAZULI_WORKSPACE'], 'default');
    terminal.dispose();
  });

  it('attaches no machine of which somebody gives up, or that does not answer', async () => {
    const compute = await group('compute');
    const known = 'Keys that ssh knows and its agent';
    const address = 'ada@127.0.0.1:1';
    for (const given of [{ input: [undefined] }, { input: [address, undefined] }, { input: [address, 'box'], pick: [undefined] }, { input: [address, 'box'], pick: ['A file …'], open: [[]] }, { input: [address, 'box', undefined], pick: [known] }] as Answers[]) {
      const { asked } = await act('attachMachine', compute, given);
      assert.deepEqual(asked.progress, [], 'nothing was tried');
    }
    const { asked } = await answering({ input: [address, 'box', '1'], pick: [known] }, () => vscode.commands.executeCommand('lazuli.attachMachine', compute));
    assert.deepEqual(asked.values, ['', 'machine', '1']);
    assert.deepEqual(asked.progress.map(({ title, isCancellable }) => [title, isCancellable]), [['Attaching box', true]]);
    assert.match(asked.errors.join(), /on port 1 \(see that sshd runs there/);
    assert.ok(!(await children('default/compute')).some(({ label }) => label === 'box'));
    for (const verb of ['showCompute', 'openTerminal', 'detachMachine']) assert.ok(offers(verb, 'compute.remote'), verb);
    for (const verb of ['startCompute', 'stopCompute', 'deleteCompute']) assert.ok(!offers(verb, 'compute.remote'), verb);
    executed.add('lazuli.detachMachine');
    const detached = await answering({ warning: ['Detach'] }, () => vscode.commands.executeCommand('lazuli.detachMachine', { ...compute, name: 'box' }));
    assert.match(detached.asked.errors.join(), /compute target `box` not found/);
  });

  it('asks where to run a file, and remembers the answers for it', async () => {
    const [one, other] = [file('one.py', KEEPS), file('other.py', KEEPS)];
    const begun = await call<Answer>('runFile', [one], { pick: ['cpu-cluster'], input: ['--epochs 7 --name "a b"', 'remembered'] });
    assert.deepEqual(begun.asked.picks[0]?.map(({ label }) => label).sort(), ['cpu-cluster', 'local']);
    assert.equal((await ended('remembered', begun.result.run ?? '')).status, 'Completed');
    const { server } = await api();
    assert.match((await server.logPart(begun.result.run ?? '', 0)).text, /arguments \['--epochs', '7', '--name', 'a b'\]/);
    const again = await call<Answer>('runFile', [one], { pick: ['local'], input: ['', 'remembered'] });
    assert.deepEqual(again.asked.placeholders, ['cpu-cluster']);
    assert.match(again.asked.picks[0]?.find(({ label }) => label === 'cpu-cluster')?.description ?? '', /last time/);
    assert.deepEqual(again.asked.values, ['--epochs 7 --name "a b"', 'remembered']);
    const elsewhere = await call<Answer>('runFile', [other], { pick: ['local'], input: ['', 'remembered'] });
    assert.deepEqual(elsewhere.asked.placeholders, ['local']);
    assert.equal(elsewhere.asked.values[0], '', 'another file has arguments of its own');
    for (const { result } of [again, elsewhere]) await ended('remembered', result.run ?? '');
    await act('deleteCompute', await node('compute', 'cpu-cluster'), { warning: ['Delete'] });
  });

  it('switches workspaces, and makes things in the one that was meant', async () => {
    const { server } = await api();
    await call('createWorkspace', [], { input: ['second'] });
    const other = (await children(undefined)).find(({ label }) => label === 'second') ?? assert.fail('it is listed');
    await act('createExperiment', await group('experiments', 'second'), { input: ['there'] });
    await node('experiments', 'there', 'second');
    await act('switchWorkspace', other);
    await until('the other workspace', () => server.status?.workspace === 'second');
    await act('createExperiment', await group('experiments'), { input: ['here'] });
    await act('deleteExperiment', await node('experiments', 'here'), { warning: ['Delete'] });
    assert.ok(!(await children('default/experiments')).some(({ label }) => label === 'here'));
    assert.ok(!(await children('second/experiments')).some(({ label }) => label === 'here'));
    await call('switchWorkspace', [], { pick: ['default'] });
    await until('the first workspace', () => server.status?.workspace === 'default');
  });

  it('leads elsewhere', async () => {
    const { asked } = await call('openStudio', []);
    assert.match(asked.external[0] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/studio\/enter#code=/);
    await call('refresh', []);
    await call('showLog', []);
    await call('start', []);
    await call('copyInstallCommand', []);
    assert.equal(await vscode.env.clipboard.readText(), 'make build');
  });

  it('takes files that are dropped, and gives files that are dragged', async () => {
    const { explorer } = await api();
    const store = await node('datastores', 'workspaceblobstore');
    const dropped = new vscode.DataTransfer();
    dropped.set('text/uri-list', new vscode.DataTransferItem([file('drop/a.txt', 'first'), file('drop/b c.txt', 'second')].join('\r\n')));
    await answering({}, () => explorer.handleDrop(store, dropped));
    const names = (await children(store.id)).map(({ label }) => label);
    assert.ok(names.includes('a.txt') && names.includes('b c.txt'), String(names));

    const whole = new vscode.DataTransfer();
    whole.set('text/uri-list', new vscode.DataTransferItem(vscode.Uri.joinPath(file('tables/deep/x.csv', 'a\n1\n'), '../..').toString()));
    await answering({}, () => explorer.handleDrop(store, whole));
    const inner = (await children(store.id)).find(({ kind }) => kind === 'folder') ?? assert.fail('the folder is there');
    await answering({}, () => explorer.handleDrop(inner, dropped));
    assert.ok((await children(inner.id)).some(({ label }) => label === 'b c.txt'), 'into the folder it was dropped on');

    const dragged = new vscode.DataTransfer();
    const files = (await children(store.id)).filter(({ label }) => label === 'a.txt' || label === 'b c.txt');
    await answering({}, () => explorer.handleDrag(files, dragged, new vscode.CancellationTokenSource().token));
    const uris = ((await dragged.get('text/uri-list')?.asString()) ?? '').split('\r\n').map((uri) => vscode.Uri.parse(uri));
    assert.deepEqual(uris.map(({ fsPath }) => readFileSync(fsPath, 'utf8')).sort(), ['first', 'second']);

    const { asked } = await answering({}, () => explorer.handleDrop(first, dropped));
    assert.match(asked.errors[0] ?? '', /dropped on a datastore/);
  });

  it('shows progress that can be cancelled', async () => {
    const { server } = await api();
    file('endless.py', ENDLESS);
    const place = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const { asked } = await answering({}, async (_, cancel) => {
      const waiting = server.perform('Waiting for it', ['run', 'submit', 'endless.py', '--experiment', 'waits', '--wait'], { folder: place });
      const failed = assert.rejects(waiting);
      await until('the run', async () => (await children('default/experiments/waits').catch(() => []))[0]?.status === 'Running');
      cancel();
      await failed;
    });
    assert.deepEqual(asked.progress.map(({ title, isCancellable }) => [title, isCancellable]), [['Waiting for it', true]]);
    const [going] = await children('default/experiments/waits');
    assert.equal(going?.status, 'Running', 'a run that was submitted goes on');
    await act('cancelRun', going ?? assert.fail());
    await ended('waits', going?.run ?? '');
  });

  it('deletes runs, and says of what fails why', async () => {
    await act('deleteRun', second, { warning: ['Delete'] });
    await until('it to be gone', async () => !(await run(second.run ?? '')));
    const { asked } = await answering({}, () => vscode.commands.executeCommand('lazuli.startCompute', { ...first, name: 'nowhere' }));
    assert.match(asked.errors.join(), /compute target `nowhere` not found/);
  });

  it('looks for its program again', async () => {
    // The language server is another one from here on: this test is the last.
    await call('findProgram', []);
    const uri = file('again.py', "from azureml.core import Run\nrun = Run.get_context()\nrun.log('x', 1)\n");
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    await until('a lens', async () => ((await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri)) ?? []).some(({ command }) => command?.title === 'Submit to local'));
  });

  after('every command has its test', () => {
    const known = [...contributes().commands, ...(contributes().menus['view/item/context'] ?? []), ...(contributes().menus['view/title'] ?? [])];
    // Those of notebooks are tried there, and on a real machine.
    const elsewhere = ['lazuli.restartKernel', 'lazuli.newNotebookThere'];
    const wanted = new Set(known.map(({ command }) => command).filter((command) => !elsewhere.includes(command)));
    assert.deepEqual([...wanted].filter((command) => !executed.has(command)), [], 'contributed, and never executed here');
  });
});
