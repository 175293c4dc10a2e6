import assert from 'node:assert/strict';
import * as vscode from 'vscode';

import { NO_WIDGETS } from '../../src/notebook/outputs';
import { api, file, until } from './support';

async function open(name: string, kernel: string, language: string, cells: string[]): Promise<vscode.NotebookDocument> {
  const uri = file(name, JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: kernel, display_name: kernel, language }, language_info: { name: language } },
    cells: cells.map((source, index) => ({ id: `c${index}`, cell_type: 'code', metadata: {}, execution_count: null, outputs: [], source: [source] })),
  }));
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  await vscode.window.showNotebookDocument(notebook);
  await vscode.commands.executeCommand('notebook.selectKernel', { id: `lazuli-${language}`, extension: 'lazuli.lazuli' });
  return notebook;
}

async function runAll(notebook: vscode.NotebookDocument, count = notebook.cellCount) {
  await vscode.commands.executeCommand('notebook.execute');
  const isDone = () => notebook.getCells().slice(0, count).every((cell) => cell.executionSummary?.success !== undefined);
  // The first cell of Rust starts a compiler.
  await until('the cells', isDone, 110_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${notebook.getCells().map(text).join('\n---\n')}`);
  });
}

function text(cell: vscode.NotebookCell): string {
  return cell.outputs.flatMap(({ items }) => items).map(({ data }) => Buffer.from(data).toString()).join('\n');
}

describe('notebooks', () => {
  it('run Python, ask, fail and go on', async () => {
    await api();
    const notebook = await open('python.ipynb', 'lazuli-python', 'python', ["import sys\nprint('hello', 6 * 7)\n6 * 7", '%experiment list', "raise ValueError('stop')", "print('never')"]);
    await runAll(notebook, 3);
    const [first, second, third, fourth] = notebook.getCells();
    assert.match(text(first ?? assert.fail()), /hello 42/);
    assert.equal(first?.executionSummary?.executionOrder, 1);
    assert.ok(second?.executionSummary?.success);
    assert.equal(third?.executionSummary?.success, false);
    assert.match(text(third ?? assert.fail()), /stop/);
    assert.equal(fourth?.executionSummary?.success, undefined, 'what stands behind a failure does not run');
  });

  it('show everything in its order, and the newest picture of each', async () => {
    const code = "from IPython.display import display\nfor n in range(30):\n    shown = display(n, display_id=True)\n    shown.update(n + 100)\nfor n in range(200):\n    print(n, flush=True)";
    const notebook = await open('order.ipynb', 'lazuli-python', 'python', [code]);
    await runAll(notebook);
    const outputs = notebook.cellAt(0).outputs.map(({ items: [item] }) => Buffer.from(item?.data ?? []).toString());
    const numbers = Array.from({ length: 30 }, (_, n) => String(n + 100));
    assert.deepEqual(outputs.slice(0, 30), numbers);
    assert.equal(text(notebook.cellAt(0)).split('\n').filter((line) => /^\d+$/.test(line)).slice(-200).join(), Array.from({ length: 200 }, (_, n) => n).join());
  });

  it('run Rust', async () => {
    const notebook = await open('rust.ipynb', 'lazuli', 'rust', ['let x = 6 * 7;\nprintln!("hello {x}");', 'x + 1']);
    await runAll(notebook);
    assert.match(text(notebook.cellAt(0)), /hello 42/);
    assert.match(text(notebook.cellAt(1)), /43/);
  });

  it('say what to do about a widget, and keep it', async () => {
    const widget = "{'application/vnd.jupyter.widget-view+json': {'version_major': 2, 'version_minor': 0, 'model_id': target.comm_id}, 'text/plain': 'IntSlider(value=7)'}";
    const notebook = await open('widgets.ipynb', 'lazuli-python', 'python', [`from comm import create_comm\nfrom IPython.display import display\ntarget = create_comm('jupyter.widget', data={'state': {}})\ndisplay(${widget}, raw=True)`, "target.send({'method': 'update', 'state': {'value': 8}})\nprint('goes on')"]);
    await runAll(notebook);
    const [shown] = notebook.cellAt(0).outputs;
    const plain = shown?.items.find(({ mime }) => mime === 'text/plain');
    assert.equal(Buffer.from(plain?.data ?? []).toString(), `IntSlider(value=7)\n${NO_WIDGETS}`);
    assert.ok(shown?.items.some(({ mime }) => mime === 'application/vnd.jupyter.widget-view+json'), 'the saved notebook has the widget');
    assert.match(text(notebook.cellAt(1)), /goes on/);
  });

  it('are interrupted, and restarted', async () => {
    const notebook = await open('endless.ipynb', 'lazuli-python', 'python', ["import time\ny = 1\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.01)", "print('y' in globals())"]);
    const done = vscode.commands.executeCommand('notebook.execute');
    await until('the loop', () => text(notebook.cellAt(0)).includes('begun'));
    await vscode.commands.executeCommand('notebook.cancelExecution');
    await done;
    await until('the interrupt', () => notebook.cellAt(0).executionSummary?.success === false);
    assert.match(text(notebook.cellAt(0)), /KeyboardInterrupt/);
    await vscode.commands.executeCommand('lazuli.restartKernel');
    await vscode.commands.executeCommand('notebook.cell.execute', { ranges: [{ start: 1, end: 2 }], document: notebook.uri });
    await until('the second cell', () => notebook.cellAt(1).executionSummary?.success);
    assert.match(text(notebook.cellAt(1)), /False/);
  });

  it('show a run that was submitted, and keep its last picture', async () => {
    file('cell_script.py', "from azureml.core import Run\nRun.get_context().log('accuracy', 0.93)\n");
    const notebook = await open('runs.ipynb', 'lazuli', 'rust', ['%submit cell_script.py', '%rundetails']);
    await runAll(notebook);
    const state = await until('the end of the run', () => {
      const item = notebook.cellAt(1).outputs.flatMap(({ items }) => items).find(({ mime }) => mime === 'application/vnd.lazuli.run+json');
      const details = item && (JSON.parse(Buffer.from(item.data).toString()) as { run: { status: string } });
      return details?.run.status === 'Completed' && details;
    });
    assert.equal(state.run.status, 'Completed');
    assert.doesNotMatch(JSON.stringify(state), /Bearer|token/);
  });
});
