// Jupyter's outputs as VS Code has them.
import * as vscode from 'vscode';

const encoder = new TextEncoder();
const decoder = /^image\/(?!svg)|^application\/(pdf|octet-stream)/;

/** The richest form stands first in VS Code's own order; all are kept, for the saved notebook. */
export function items(data: Record<string, unknown>): vscode.NotebookCellOutputItem[] {
  return Object.entries(data).map(([mime, value]) => {
    if (decoder.test(mime) && typeof value === 'string') return new vscode.NotebookCellOutputItem(Buffer.from(value, 'base64'), mime);
    const text = Array.isArray(value) ? value.join('') : value;
    return new vscode.NotebookCellOutputItem(encoder.encode(typeof text === 'string' ? text : JSON.stringify(text)), mime);
  });
}

/** What stands under a cell in place of a widget, which needs the code of the Jupyter extension. */
export const NO_WIDGETS = 'This is a widget, shown as text. To move it, open the notebook in JupyterLab,\nor choose a kernel of the Jupyter extension.';

/** A display that only a widget's own code can draw says what to do; what it is stays in the notebook. */
function explained(data: Record<string, unknown>): Record<string, unknown> {
  if (!('application/vnd.jupyter.widget-view+json' in data)) return data;
  const text = data['text/plain'];
  return { ...data, 'text/plain': `${Array.isArray(text) ? text.join('') : String(text ?? 'Widget')}\n${NO_WIDGETS}` };
}

export function output(content: Record<string, unknown>, type: string): vscode.NotebookCellOutput {
  const metadata = { outputType: type, metadata: content['metadata'] ?? {}, ...(content['execution_count'] === undefined ? {} : { executionCount: content['execution_count'] }) };
  return new vscode.NotebookCellOutput(items(explained((content['data'] ?? {}) as Record<string, unknown>)), metadata);
}

export function failure(content: Record<string, unknown>): vscode.NotebookCellOutput {
  const { ename, evalue, traceback } = content as { ename?: string; evalue?: string; traceback?: string[] };
  const error = { name: ename ?? 'Error', message: evalue ?? '', stack: (traceback ?? []).join('\n') };
  return new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem.error(error)], { outputType: 'error', originalError: content });
}

export function stream(name: unknown, text: string): vscode.NotebookCellOutputItem {
  return name === 'stderr' ? vscode.NotebookCellOutputItem.stderr(text) : vscode.NotebookCellOutputItem.stdout(text);
}
