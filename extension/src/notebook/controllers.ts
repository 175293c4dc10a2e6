// "Lazuli (Rust)" and "Lazuli (Python)" for notebooks, without the Jupyter extension.
import * as vscode from 'vscode';

import { ViewHost, type Daemon, type FromView } from '../daemon';
import type { Language, Program } from './kernel';
import { Session } from './session';

const KERNELS: { language: Language; label: string }[] = [
  { language: 'rust', label: 'Lazuli (Rust)' },
  { language: 'python', label: 'Lazuli (Python)' },
];
/** What notebooks call the kernels that we stand in for. */
const NAMES: Record<string, Language> = { lazuli: 'rust', 'lazuli-python': 'python', 'python3-azureml': 'python', 'python38-azureml': 'python' };

export class Controllers implements vscode.Disposable {
  private readonly sessions = new Map<vscode.NotebookDocument, { session: Session; language: Language }>();
  private readonly controllers = new Map<Language, vscode.NotebookController>();
  private readonly subscriptions: vscode.Disposable[] = [];

  constructor(private readonly program: () => Program, daemon: Daemon, private readonly log: (line: string) => void) {
    for (const { language, label } of KERNELS) {
      const controller = vscode.notebooks.createNotebookController(`lazuli-${language}`, 'jupyter-notebook', label);
      controller.supportedLanguages = [language];
      controller.supportsExecutionOrder = true;
      controller.description = 'Runs, metrics and models at hand';
      controller.executeHandler = (cells, notebook) => this.execute(language, cells, notebook);
      controller.interruptHandler = (notebook) => this.sessions.get(notebook)?.session.interrupt();
      this.controllers.set(language, controller);
      this.subscriptions.push(controller);
    }
    for (const notebook of vscode.workspace.notebookDocuments) this.prefer(notebook);
    void this.choose(vscode.window.activeNotebookEditor);
    this.subscriptions.push(
      vscode.workspace.onDidOpenNotebookDocument((notebook) => this.prefer(notebook)),
      vscode.window.onDidChangeActiveNotebookEditor((editor) => this.choose(editor)),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => this.close(notebook)),
      vscode.languages.registerCompletionItemProvider(KERNELS.map(({ language }) => ({ notebookType: 'jupyter-notebook', language })), { provideCompletionItems: (document, position) => this.complete(document, position) }, '.', ':', '%'),
      runsUnderCells(daemon),
    );
  }

  /** A notebook that names one of ours need not ask for it. */
  private async choose(editor: vscode.NotebookEditor | undefined) {
    const wanted = editor && named(editor.notebook);
    if (!wanted) return;
    const chosen = { notebookEditor: editor, id: `lazuli-${wanted}`, extension: 'lazuli.lazuli', skipIfAlreadySelected: true };
    await vscode.commands.executeCommand('notebook.selectKernel', chosen);
  }

  private prefer(notebook: vscode.NotebookDocument) {
    const wanted = named(notebook);
    // One that is suggested is chosen without asking; of two, neither is.
    if (wanted) this.controllers.get(wanted)?.updateNotebookAffinity(notebook, vscode.NotebookControllerAffinity.Preferred);
  }

  private session(notebook: vscode.NotebookDocument, language: Language): Session {
    const known = this.sessions.get(notebook);
    if (known?.language === language) return known.session;
    known?.session.dispose();
    const controller = this.controllers.get(language);
    if (!controller) throw new Error(`there is no kernel for ${language}`);
    const session = new Session(notebook, controller, language, this.program, this.log);
    this.sessions.set(notebook, { session, language });
    return session;
  }

  /** Cells run one after the other; a failure keeps those behind it from running. */
  private async execute(language: Language, cells: vscode.NotebookCell[], notebook: vscode.NotebookDocument) {
    const session = this.session(notebook, language);
    for (const cell of cells) {
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
    for (const { session } of this.sessions.values()) session.dispose();
    for (const one of this.subscriptions) one.dispose();
  }
}

/** The kernel of ours that the notebook asks for. */
function named(notebook: vscode.NotebookDocument): Language | undefined {
  // VS Code's own reader of notebooks has put it at several places over the years.
  type Metadata = { kernelspec?: { name?: string }; metadata?: Metadata; custom?: { metadata?: Metadata } };
  const metadata = notebook.metadata as Metadata;
  const spec = metadata.metadata?.kernelspec ?? metadata.custom?.metadata?.kernelspec ?? metadata.kernelspec;
  return NAMES[spec?.name ?? ''];
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
