// The workspace, and whether its daemon is there.
import * as vscode from 'vscode';

import type { LanguageServer } from './language-server';
import type { Status } from './lsp';

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('lazuli.status', vscode.StatusBarAlignment.Left, 5);
  private readonly subscription: vscode.Disposable;

  constructor(server: LanguageServer) {
    this.item.name = 'Lazuli';
    this.subscription = server.onStatus((status) => this.show(status));
    if (server.status) this.show(server.status);
  }

  private show({ daemon, workspace, message }: Status) {
    const isThere = daemon === 'running';
    this.item.text = isThere ? `$(database) ${workspace}` : '$(debug-disconnect) Lazuli';
    this.item.tooltip = isThere ? `Lazuli workspace ${workspace}: choose another one` : `${message ?? 'No daemon of Lazuli runs.'} Choose to start it.`;
    this.item.command = isThere ? 'lazuli.switchWorkspace' : 'lazuli.start';
    this.item.show();
    void vscode.commands.executeCommand('setContext', 'lazuli.state', isThere ? 'running' : 'absent');
  }

  dispose() {
    this.subscription.dispose();
    this.item.dispose();
  }
}
