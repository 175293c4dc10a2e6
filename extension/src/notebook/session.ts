// One notebook and its kernel: cells in, outputs out.
import { dirname } from 'node:path';
import * as vscode from 'vscode';

import { Kernel, type Cells, type Message, type Program } from './kernel';
import { failure, items, output, stream } from './outputs';

interface Shown {
  cell: vscode.NotebookCell;
  output: vscode.NotebookCellOutput;
}

export class Session implements vscode.Disposable {
  private kernel: Kernel | undefined;
  /** Outputs that may be replaced later, by the name that the kernel gave them. */
  private readonly displays = new Map<string, Shown[]>();
  private running: { execution: vscode.NotebookCellExecution; id: string; displays: Set<string> } | undefined;
  /** How cells ended here: the editor says so itself only a moment later. */
  private readonly ends = new WeakMap<vscode.NotebookCell, vscode.NotebookCellExecutionSummary>();
  /** Outputs are changed one after the other, in the order in which the kernel said them: a change is asked
   * of the editor, and one that came before it was made would not find what it changes. */
  private showing: Promise<void> = Promise.resolve();

  constructor(
    private readonly notebook: vscode.NotebookDocument,
    private readonly controller: vscode.NotebookController,
    private readonly cells: Cells,
    private readonly program: () => Program,
    private readonly log: (line: string) => void,
  ) {}

  private started(): Kernel {
    if (this.kernel?.isAlive) return this.kernel;
    const folder = this.notebook.uri.scheme === 'file' ? dirname(this.notebook.uri.fsPath) : vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const kernel = new Kernel(this.program(), this.cells, folder, this.log);
    kernel.listen((message) => {
      if (message.channel === 'stdin') void this.ask(kernel, message);
      if (message.channel !== 'iopub') return;
      this.showing = this.showing.then(() => this.show(message)).catch((error: unknown) => this.log(String(error)));
    });
    this.kernel = kernel;
    return kernel;
  }

  /** Runs one cell. True: the next one may follow. */
  async run(cell: vscode.NotebookCell): Promise<boolean> {
    const execution = this.controller.createNotebookCellExecution(cell);
    const startTime = Date.now();
    execution.start(startTime);
    await execution.clearOutput();
    // What this cell showed before is gone, and nothing replaces it.
    for (const [name, shown] of this.displays) this.displays.set(name, shown.filter((it) => it.cell !== cell));
    let isFine = false;
    try {
      const kernel = this.started();
      const idle = new Promise<void>((resolve) => {
        const stop = kernel.listen((message) => {
          if (message.header.msg_type !== 'status' || message.content['execution_state'] !== 'idle') return;
          if (message.parent_header.msg_id !== this.running?.id) return;
          stop();
          resolve();
        });
        void kernel.ended.then(() => resolve());
      });
      const content = { code: cell.document.getText(), silent: false, store_history: true, user_expressions: {}, allow_stdin: true, stop_on_error: true };
      const { id, reply } = kernel.request('shell', 'execute_request', content);
      this.running = { execution, id, displays: new Set() };
      execution.token.onCancellationRequested(() => void this.interrupt());
      const answer = await reply;
      // What was printed last may come after the reply; `idle` is the end.
      await idle;
      await this.showing;
      const count = answer.content['execution_count'];
      if (typeof count === 'number') execution.executionOrder = count;
      isFine = answer.content['status'] === 'ok';
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await execution.appendOutput(failure({ ename: 'Kernel', evalue: message, traceback: [] }));
    }
    this.running = undefined;
    const endTime = Date.now();
    this.ends.set(cell, { executionOrder: execution.executionOrder, success: isFine, timing: { startTime, endTime } });
    execution.end(isFine, endTime);
    return isFine;
  }

  private async ask(kernel: Kernel, message: Message) {
    if (message.header.msg_type !== 'input_request') return;
    const { content } = message;
    const value = await vscode.window.showInputBox({ prompt: String(content['prompt'] ?? ''), password: content['password'] === true, ignoreFocusOut: true });
    kernel.answer(message, value ?? '');
  }

  private async show(message: Message): Promise<void> {
    const { content } = message;
    const type = message.header.msg_type;
    if (type === 'update_display_data') return this.replace(content);
    const running = this.running;
    if (!running || message.parent_header.msg_id !== running.id) return;
    const { execution } = running;
    switch (type) {
      case 'stream': {
        const last = execution.cell.outputs.at(-1);
        const item = stream(content['name'], String(content['text'] ?? ''));
        const isSame = last?.items[0]?.mime === item.mime;
        return isSame && last ? execution.appendOutputItems([item], last) : execution.appendOutput(new vscode.NotebookCellOutput([item], { outputType: 'stream' }));
      }
      case 'display_data':
      case 'execute_result': {
        const made = output(content, type);
        const name = (content['transient'] as { display_id?: string } | undefined)?.display_id;
        if (name) this.displays.set(name, [...(this.displays.get(name) ?? []), { cell: execution.cell, output: made }]);
        return execution.appendOutput(made);
      }
      case 'error':
        return execution.appendOutput(failure(content));
      case 'clear_output':
        return execution.clearOutput();
    }
  }

  /** A newer picture of something that was shown, perhaps by a cell that ended long ago. */
  private async replace(content: Record<string, unknown>) {
    const name = (content['transient'] as { display_id?: string } | undefined)?.display_id ?? '';
    const data = items((content['data'] ?? {}) as Record<string, unknown>);
    for (const { cell, output: shown } of this.displays.get(name) ?? []) {
      if (this.notebook.isClosed || cell.index < 0) continue;
      if (this.running?.execution.cell === cell) {
        await this.running.execution.replaceOutputItems(data, shown);
        continue;
      }
      // Only an execution may change outputs.
      const execution = this.controller.createNotebookCellExecution(cell);
      const ended = this.ends.get(cell) ?? cell.executionSummary;
      execution.executionOrder = ended?.executionOrder;
      execution.start(ended?.timing?.startTime);
      await execution.replaceOutputItems(data, shown);
      execution.end(ended?.success, ended?.timing?.endTime);
    }
  }

  async interrupt() {
    const kernel = this.kernel;
    if (!kernel?.isAlive) return;
    await kernel.request('control', 'interrupt_request', {}).reply.catch((error: unknown) => this.log(String(error)));
  }

  async restart() {
    await this.kernel?.stop();
    this.kernel = undefined;
    this.displays.clear();
    this.started();
  }

  /** What the running kernel would write here. */
  async complete(code: string, cursor: number): Promise<{ matches: string[]; start: number; end: number }> {
    if (!this.kernel?.isAlive || this.running) return { matches: [], start: cursor, end: cursor };
    const { reply } = this.kernel.request('shell', 'complete_request', { code, cursor_pos: cursor });
    const { matches, cursor_start: start, cursor_end: end } = (await reply).content as { matches?: string[]; cursor_start?: number; cursor_end?: number };
    return { matches: matches ?? [], start: start ?? cursor, end: end ?? cursor };
  }

  dispose() {
    void this.kernel?.stop();
  }
}
