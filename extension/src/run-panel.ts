// A run in a panel of its own: the same component that notebooks and Studio show.
import * as vscode from 'vscode';

import { ViewHost, type Daemon, type FromView } from './daemon';

const VIEW = 'lazuli.run';

export class RunPanels implements vscode.WebviewPanelSerializer<{ run?: string }>, vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(VIEW, this);

  constructor(private readonly extension: vscode.Uri, private readonly daemon: Daemon) {}

  show(run: string, title: string, column = vscode.ViewColumn.Beside) {
    const known = this.panels.get(run);
    if (known) return known.reveal();
    const panel = vscode.window.createWebviewPanel(VIEW, title, { viewColumn: column, preserveFocus: true }, { retainContextWhenHidden: true });
    this.fill(panel, run);
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { run?: string } | undefined) {
    if (state?.run) this.fill(panel, state.run);
    else panel.dispose();
  }

  private fill(panel: vscode.WebviewPanel, run: string) {
    this.panels.set(run, panel);
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.extension, 'dist')] };
    panel.iconPath = vscode.Uri.joinPath(this.extension, 'media/icon.svg');
    const host = new ViewHost(this.daemon, (message) => void webview.postMessage(message));
    webview.onDidReceiveMessage((message: FromView | { lazuli: 'open'; target: unknown }) => {
      if (message.lazuli === 'open') void vscode.commands.executeCommand('lazuli.open', message.target);
      else void host.receive(message);
    });
    panel.onDidDispose(() => {
      host.dispose();
      this.panels.delete(run);
    });
    const script = webview.asWebviewUri(vscode.Uri.joinPath(this.extension, 'dist/panel.js'));
    webview.html = page(webview.cspSource, script.toString(), run);
  }

  dispose() {
    this.registration.dispose();
    for (const panel of this.panels.values()) panel.dispose();
  }
}

/** Scripts come from the extension alone; reports of runs stand in frames that may run nothing. */
function page(source: string, script: string, run: string): string {
  const policy = `default-src 'none'; script-src ${source}; style-src ${source} 'unsafe-inline'; img-src ${source} data: blob:; font-src ${source}; frame-src blob: data:`;
  const attribute = run.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Run</title>
<style>body { padding: 12px 16px; }</style>
</head>
<body>
<lazuli-run-details run-id="${attribute}"></lazuli-run-details>
<script type="module" src="${script}"></script>
</body>
</html>`;
}
