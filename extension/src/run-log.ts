// Logs of runs as output channels that follow.
import * as vscode from 'vscode';

import type { LanguageServer } from './language-server';
import { tell } from './tell';

export class RunLogs implements vscode.Disposable {
  private readonly open = new Map<string, FollowedLog>();

  constructor(private readonly server: LanguageServer) {}

  /** Shows the run's log, which grows until the run has ended. */
  async show(run: string, name: string, preserveFocus = true) {
    let log = this.open.get(run);
    if (!log) {
      log = new FollowedLog(this.server, run, name);
      this.open.set(run, log);
      await log.follow().catch(tell);
    }
    log.channel.show(preserveFocus);
  }

  dispose() {
    for (const log of this.open.values()) log.dispose();
  }
}

class FollowedLog implements vscode.Disposable {
  readonly channel: vscode.OutputChannel;
  private offset = 0;
  private reading: Promise<void> = Promise.resolve();
  private readonly subscriptions: vscode.Disposable[] = [];

  constructor(private readonly server: LanguageServer, private readonly run: string, name: string) {
    this.channel = vscode.window.createOutputChannel(`Lazuli: ${name}`, 'log');
  }

  async follow() {
    this.subscriptions.push(this.server.onRun(({ run, bundle }) => {
      if (run !== this.run) return;
      void this.read();
      if (bundle.is_final) this.stop();
    }));
    this.subscriptions.push(await this.server.watch(this.run));
    await this.read();
  }

  /** One reading after the other: what is read once is appended once. */
  private read(): Promise<void> {
    this.reading = this.reading.then(async () => {
      for (;;) {
        const { text, offset, size } = await this.server.logPart(this.run, this.offset);
        if (text) this.channel.append(text);
        const isStuck = offset === this.offset;
        this.offset = offset;
        if (isStuck || offset >= size) return;
      }
    }).catch((error: unknown) => {
      // A run that has not begun has no log yet.
      if (!/not found|no log/i.test(String(error))) this.channel.appendLine(`[${String(error)}]`);
    });
    return this.reading;
  }

  private stop() {
    for (const one of this.subscriptions.splice(0)) one.dispose();
  }

  dispose() {
    this.stop();
    this.channel.dispose();
  }
}
