// Questions that commands ask.
import * as vscode from 'vscode';

import type { LanguageServer } from '../language-server';
import type { Item } from '../lsp';

export async function confirm(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}

export async function folder(title: string, label: string): Promise<string | undefined> {
  const first = vscode.workspace.workspaceFolders?.[0]?.uri;
  const chosen = await vscode.window.showOpenDialog({ title, openLabel: label, canSelectFolders: true, canSelectFiles: false, ...(first ? { defaultUri: first } : {}) });
  return chosen?.[0]?.fsPath;
}

/** Every item of a group of the tree, page after page. */
export async function all(server: LanguageServer, id: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await server.tree(id, cursor);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined && items.length < 1000);
  return items;
}

/** The node a command was called on, or one that is chosen now. */
export async function chosen(server: LanguageServer, node: Item | undefined, group: string, title: string): Promise<Item | undefined> {
  if (node?.kind) return node;
  const workspace = server.status?.workspace ?? 'default';
  const items = await all(server, `${encoded(workspace)}/${group}`);
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({ label: item.label, description: item.description, item })),
    { title, placeHolder: items.length ? title : 'there is none yet' },
  );
  return picked?.item;
}

/** The workspace of the node that something new was asked for at; the current one when there was none. */
export function inside(given: Item | vscode.Uri | undefined): { workspace?: string } {
  return given && !(given instanceof vscode.Uri) ? { workspace: given.workspace } : {};
}

/** As the ids of the tree write a name. */
export function encoded(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2F');
}

export function words(line: string): string[] {
  const found: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    found.push(double !== undefined ? double.replace(/\\(.)/g, '$1') : (single ?? plain ?? ''));
  }
  return found;
}
