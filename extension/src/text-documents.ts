// `lazuli:` documents: what a name means, where a definition leads, and answers of commands.
import * as vscode from 'vscode';

import type { LanguageServer } from './language-server';

export class TextDocuments implements vscode.TextDocumentContentProvider {
  private readonly answers = new Map<string, string>();

  constructor(private readonly server: LanguageServer) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const kept = this.answers.get(uri.toString());
    if (kept !== undefined) return kept;
    return (await this.server.request<{ text: string }>('lazuli/content', { uri: uri.toString() })).text;
  }

  /** Shows text under a title, read only. */
  async show(title: string, text: string, language = 'plaintext') {
    const uri = vscode.Uri.from({ scheme: 'lazuli-answer', path: `/${title}`, query: String(this.answers.size) });
    this.answers.set(uri.toString(), text);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, language);
    await vscode.window.showTextDocument(document, { preview: true });
  }
}
