// `lazuli lsp`, and everything that is asked of it.
import * as vscode from 'vscode';
import {
  CloseAction, ErrorAction, LanguageClient, ProgressType, RevealOutputChannelOn, State, type LanguageClientOptions, type ServerOptions,
} from 'vscode-languageclient/node';

import type { Answer, LogPart, RevealTarget, RunChanged, Status, TreePage } from './lsp';

let tokens = 0;

/** A refusal of the daemon, in one sentence, with what to do next. */
export class Refused extends Error {
  constructor(message: string, readonly hint: string | undefined, readonly kind?: string) {
    super(message);
  }
}

export class LanguageServer implements vscode.Disposable {
  private readonly client: LanguageClient;
  private readonly statusEmitter = new vscode.EventEmitter<Status>();
  private readonly treeEmitter = new vscode.EventEmitter<string[]>();
  private readonly runEmitter = new vscode.EventEmitter<RunChanged>();
  private watched = new Map<string, number>();
  readonly onStatus = this.statusEmitter.event;
  readonly onTree = this.treeEmitter.event;
  readonly onRun = this.runEmitter.event;
  status: Status | undefined;

  constructor(program: string, private readonly log: vscode.LogOutputChannel) {
    const server: ServerOptions = { command: program, args: ['lsp'] };
    const languages = ['python', 'rust'];
    const options: LanguageClientOptions = {
      documentSelector: [
        ...languages.map((language) => ({ scheme: 'file', language })),
        ...languages.map((language) => ({ scheme: 'untitled', language })),
        ...languages.map((language) => ({ notebook: '*', language })),
        { scheme: 'file', language: 'yaml' },
      ],
      initializationOptions: { workspace: workspaceSetting() },
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // Names and descriptions are what people typed: text, never markup that runs something.
      markdown: { isTrusted: false, supportHtml: false },
      errorHandler: { error: () => ({ action: ErrorAction.Continue }), closed: () => this.closed() },
    };
    this.client = new LanguageClient('lazuli', 'Lazuli', server, options);
    this.client.onNotification('lazuli/statusChanged', (status: Status) => this.told(status));
    this.client.onNotification('lazuli/treeChanged', ({ parents }: { parents: string[] }) => this.treeEmitter.fire(parents));
    this.client.onNotification('lazuli/runChanged', (changed: RunChanged) => this.runEmitter.fire(changed));
    this.client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) void this.begin();
    });
  }

  private ends: number[] = [];

  /** A server that ends again and again is left alone; once in a while it is started anew. */
  private closed() {
    const now = Date.now();
    this.ends = [...this.ends.filter((end) => now - end < 60_000), now];
    if (this.ends.length <= 4) return { action: CloseAction.Restart };
    return { action: CloseAction.DoNotRestart, message: 'The language server of Lazuli ended five times within a minute and was not started again; its log says why.' };
  }

  async start() {
    await this.client.start();
  }

  private async begin() {
    try {
      this.told(await this.request<Status>('lazuli/status'));
      await this.request('lazuli/subscribe');
      for (const run of this.watched.keys()) await this.request('lazuli/watch', { run });
    } catch (error) {
      this.log.error(String(error));
    }
  }

  private told(status: Status) {
    const before = this.status;
    this.status = status;
    this.statusEmitter.fire(status);
    if (before?.daemon !== status.daemon || before?.workspace !== status.workspace) this.treeEmitter.fire([]);
  }

  async request<T>(method: string, parameters?: object, token?: vscode.CancellationToken): Promise<T> {
    try {
      // What is `undefined` here would be sent as a list with `null` in it.
      if (!parameters) return await this.client.sendRequest<T>(method);
      return await (token ? this.client.sendRequest<T>(method, parameters, token) : this.client.sendRequest<T>(method, parameters));
    } catch (error) {
      const { message, data } = error as { message: string; data?: { hint?: string; kind?: string } };
      throw new Refused(message, data?.hint, data?.kind);
    }
  }

  tree(parent: string | undefined, cursor?: string): Promise<TreePage> {
    return this.request('lazuli/tree', { ...(parent === undefined ? {} : { parent }), ...(cursor === undefined ? {} : { cursor }) });
  }

  reveal(target: RevealTarget): Promise<{ path: string[] }> {
    return this.request('lazuli/reveal', target);
  }

  logPart(run: string, offset: number, file?: string): Promise<LogPart> {
    return this.request('lazuli/log', { run, offset, ...(file === undefined ? {} : { file }) });
  }

  /** Says what becomes of the run until it has ended, or until the answer is disposed. */
  async watch(run: string): Promise<vscode.Disposable> {
    const count = this.watched.get(run) ?? 0;
    this.watched.set(run, count + 1);
    if (count === 0) await this.request('lazuli/watch', { run });
    return new vscode.Disposable(() => {
      const now = (this.watched.get(run) ?? 1) - 1;
      if (now > 0) return void this.watched.set(run, now);
      this.watched.delete(run);
      this.request('lazuli/unwatch', { run }).catch((error) => this.log.warn(String(error)));
    });
  }

  /** Performs a command of the table with a progress that can be cancelled, and returns what it came to. */
  perform(title: string, words: string[], more: { workspace?: string; folder?: string } = {}): Promise<Answer> {
    return this.withProgress(title, 'lazuli/command', { words, ...more });
  }

  submitText(title: string, parameters: { text: string; script?: string; words?: string[]; folder?: string }): Promise<Answer> {
    return this.withProgress(title, 'lazuli/submitText', parameters);
  }

  private async withProgress(title: string, method: string, parameters: object): Promise<Answer> {
    const token = `lazuli-${++tokens}`;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    const answer = await vscode.window.withProgress(options, async (progress, cancelled) => {
      const heard = this.client.onProgress(ProgressKind, token, (value) => {
        if (value.message) progress.report({ message: value.message, ...(value.percentage === undefined ? {} : { increment: value.percentage }) });
      });
      try {
        return await this.request<Answer>(method, { ...parameters, workDoneToken: token }, cancelled);
      } finally {
        heard.dispose();
      }
    });
    if (answer.isBad) throw new Refused(answer.text, undefined);
    return answer;
  }

  changeWorkspace(workspace: string): Promise<void> {
    return this.client.sendNotification('workspace/didChangeConfiguration', { settings: { lazuli: { workspace } } });
  }

  dispose() {
    for (const emitter of [this.statusEmitter, this.treeEmitter, this.runEmitter]) emitter.dispose();
    return this.client.isRunning() ? this.client.stop().catch((error: unknown) => this.log.warn(String(error))) : undefined;
  }
}

interface ProgressValue {
  message?: string;
  percentage?: number;
}
const ProgressKind = new ProgressType<ProgressValue>();

export function workspaceSetting(): string | undefined {
  return vscode.workspace.getConfiguration('lazuli').get<string>('workspace') || undefined;
}
