import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';

import type { Api } from '../../src/extension';
import type { Item } from '../../src/lsp';

export async function api(): Promise<Api> {
  const extension = vscode.extensions.getExtension<Api>('lazuli.lazuli');
  assert.ok(extension, 'the extension is there');
  const found = await extension.activate();
  assert.ok(found, 'it has found its program');
  return found;
}

export function file(name: string, text: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  assert.ok(folder);
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return vscode.Uri.file(path);
}

/** Asks until the answer is there: what is waited for is an event elsewhere. */
export async function until<T>(what: string, ask: () => T | undefined | false | Promise<T | undefined | false>, patience = 60_000): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function children(of: string | undefined): Promise<Item[]> {
  const { server } = await api();
  return (await server.tree(of)).items;
}

/** The run, once it has ended. */
export async function ended(experiment: string, run: string): Promise<Item> {
  return until(`the end of ${run}`, async () => {
    const item = (await children(`default/experiments/${experiment}`)).find((one) => one.run === run);
    return ['Completed', 'Failed', 'Canceled'].includes(item?.status ?? '') && item;
  });
}
