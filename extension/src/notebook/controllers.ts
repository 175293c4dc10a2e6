// "Lazuli (Rust)", "Lazuli (Python)" and "Lazuli (Python) on MACHINE" for notebooks, without the Jupyter extension.
import * as vscode from 'vscode';

import { ViewHost, type Daemon, type FromView } from '../daemon';
import type { LanguageServer } from '../language-server';
import type { Cells, Program } from './kernel';
import { Session } from './session';

const RUST: Cells = { id: 'lazuli-rust', language: 'rust', label: 'Lazuli (Rust)' };
const PYTHON: Cells = { id: 'lazuli-python', language: 'python', label: 'Lazuli (Python)' };
/** How the names of kernels on attached machines begin, here and in Jupyter. */
export const ON_MACHINE = 'lazuli-python-on-';
/** What notebooks call the kernels that we stand in for. */
const NAMES: Record<string, string> = { lazuli: RUST.id, 'lazuli-python': PYTHON.id, 'python3-azureml': PYTHON.id, 'python38-azureml': PYTHON.id };

export class Controllers implements vscode.Disposable {
  private readonly sessions = new Map<vscode.NotebookDocument, { session: Session; id: string }>();
  private readonly controllers = new Map<string, { cells: Cells; controller: vscode.NotebookController }>();
  private readonly subscriptions: vscode.Disposable[] = [];
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly program: () => Program, daemon: Daemon, private readonly server: LanguageServer, private readonly log: (line: string) => void) {
    this.offer(RUST);
    this.offer(PYTHON);
    for (const notebook of vscode.workspace.notebookDocuments) this.prefer(notebook);
    void this.choose(vscode.window.activeNotebookEditor);
    this.subscriptions.push(
      vscode.workspace.onDidOpenNotebookDocument((notebook) => this.prefer(notebook)),
      vscode.window.onDidChangeActiveNotebookEditor((editor) => this.choose(editor)),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => this.close(notebook)),
      vscode.languages.registerCompletionItemProvider([RUST, PYTHON].map(({ language }) => ({ notebookType: 'jupyter-notebook', language })), { provideCompletionItems: (document, position) => this.complete(document, position) }, '.', ':', '%'),
      server.onStatus(() => this.lookSoon()),
      server.onTree(() => this.lookSoon()),
      runsUnderCells(daemon),
    );
  }

  private offer(cells: Cells) {
    const controller = vscode.notebooks.createNotebookController(cells.id, 'jupyter-notebook', cells.label);
    controller.supportedLanguages = [cells.language];
    controller.supportsExecutionOrder = true;
    controller.description = cells.on ? 'Cells run on the machine, with runs, metrics and models at hand' : 'Runs, metrics and models at hand';
    controller.executeHandler = (chosen, notebook) => this.execute(cells, chosen, notebook);
    controller.interruptHandler = (notebook) => this.sessions.get(notebook)?.session.interrupt();
    this.controllers.set(cells.id, { cells, controller });
  }

  private lookSoon() {
    this.looking ??= setTimeout(() => {
      this.looking = undefined;
      // Without a daemon there are no machines; the explorer says what is wrong.
      this.look().catch((error: unknown) => this.log(String(error)));
    }, 500);
  }

  /** Each attached machine of the workspace has a kernel of its own. */
  async look() {
    const { status } = this.server;
    if (status?.daemon !== 'running') return;
    const workspace = status.workspace.replaceAll('%', '%25').replaceAll('/', '%2F');
    const { items } = await this.server.tree(`${workspace}/compute`);
    const machines = new Map(items.filter((item) => item.contextValue.startsWith('compute.remote')).map((item) => [`${ON_MACHINE}${item.name}`, item.name]));
    for (const [id, { controller }] of this.controllers) {
      if (!id.startsWith(ON_MACHINE) || machines.has(id)) continue;
      for (const [notebook, session] of this.sessions) if (session.id === id) this.close(notebook);
      controller.dispose();
      this.controllers.delete(id);
    }
    for (const [id, on] of machines) {
      if (!on || this.controllers.has(id)) continue;
      this.offer({ id, language: 'python', label: `Lazuli (Python) on ${on}`, on });
      // Others have chosen already, and may be about to run.
      for (const notebook of vscode.workspace.notebookDocuments) if (named(notebook) === id) this.prefer(notebook);
      const editor = vscode.window.activeNotebookEditor;
      if (editor && named(editor.notebook) === id) await this.choose(editor);
    }
  }

  /** A notebook that names one of ours need not ask for it. */
  private async choose(editor: vscode.NotebookEditor | undefined) {
    const wanted = editor && named(editor.notebook);
    if (!wanted || !this.controllers.has(wanted)) return;
    const chosen = { notebookEditor: editor, id: wanted, extension: 'lazuli.lazuli', skipIfAlreadySelected: true };
    await vscode.commands.executeCommand('notebook.selectKernel', chosen);
  }

  private prefer(notebook: vscode.NotebookDocument) {
    const wanted = named(notebook);
    // One that is suggested is chosen without asking; of two, neither is.
    if (wanted) this.controllers.get(wanted)?.controller.updateNotebookAffinity(notebook, vscode.NotebookControllerAffinity.Preferred);
  }

  private session(notebook: vscode.NotebookDocument, cells: Cells): Session {
    const known = this.sessions.get(notebook);
    if (known?.id === cells.id) return known.session;
    known?.session.dispose();
    const offered = this.controllers.get(cells.id);
    if (!offered) throw new Error(`there is no kernel ${cells.label}`);
    const session = new Session(notebook, offered.controller, cells, this.program, this.log);
    this.sessions.set(notebook, { session, id: cells.id });
    return session;
  }

  /** Cells run one after the other; a failure keeps those behind it from running. */
  private async execute(cells: Cells, chosen: vscode.NotebookCell[], notebook: vscode.NotebookDocument) {
    const session = this.session(notebook, cells);
    for (const cell of chosen) {
      if (!(await session.run(cell))) return;
    }
  }

  async restart(notebook: vscode.NotebookDocument | undefined) {
    const known = notebook && this.sessions.get(notebook);
    if (!known) throw new Error('no kernel of Lazuli runs for this notebook yet: run a cell');
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'Restarting the kernel' }, () => known.session.restart());
  }

  private async complete(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.CompletionItem[]> {
    const notebook = vscode.workspace.notebookDocuments.find((one) => one.getCells().some((cell) => cell.document === document));
    const known = notebook && this.sessions.get(notebook);
    if (!known) return [];
    const { matches, start, end } = await known.session.complete(document.getText(), document.offsetAt(position));
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    return matches.map((match) => {
      const item = new vscode.CompletionItem(match);
      item.range = range;
      item.sortText = `1${match}`;
      return item;
    });
  }

  private close(notebook: vscode.NotebookDocument) {
    this.sessions.get(notebook)?.session.dispose();
    this.sessions.delete(notebook);
  }

  dispose() {
    clearTimeout(this.looking);
    for (const { session } of this.sessions.values()) session.dispose();
    for (const { controller } of this.controllers.values()) controller.dispose();
    for (const one of this.subscriptions) one.dispose();
  }
}

/** The kernel of ours that the notebook asks for. */
function named(notebook: vscode.NotebookDocument): string | undefined {
  // VS Code's own reader of notebooks has put it at several places over the years.
  type Metadata = { kernelspec?: { name?: string }; metadata?: Metadata; custom?: { metadata?: Metadata } };
  const metadata = notebook.metadata as Metadata;
  const spec = metadata.metadata?.kernelspec ?? metadata.custom?.metadata?.kernelspec ?? metadata.kernelspec;
  const name = spec?.name ?? '';
  return name.startsWith(ON_MACHINE) ? name : NAMES[name];
}

/** Answers what runs under cells ask. */
function runsUnderCells(daemon: Daemon): vscode.Disposable {
  const messaging = vscode.notebooks.createRendererMessaging('lazuli-run');
  const hosts = new Map<vscode.NotebookEditor, ViewHost>();
  const listening = messaging.onDidReceiveMessage(({ editor, message }) => {
    let host = hosts.get(editor);
    if (!host) {
      host = new ViewHost(daemon, (answer) => void messaging.postMessage(answer, editor));
      hosts.set(editor, host);
    }
    void host.receive(message as FromView);
  });
  const closing = vscode.window.onDidChangeVisibleNotebookEditors((editors) => {
    for (const [editor, host] of hosts) {
      if (editors.includes(editor)) continue;
      host.dispose();
      hosts.delete(editor);
    }
  });
  return new vscode.Disposable(() => {
    listening.dispose();
    closing.dispose();
    for (const host of hosts.values()) host.dispose();
  });
}
