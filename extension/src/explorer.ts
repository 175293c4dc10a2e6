// The explorer: nodes come from the language server, one level and one page at a time.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';

import type { LanguageServer } from './language-server';
import type { Item, RevealTarget } from './lsp';
import { tell } from './tell';

/** A page's end: choosing it brings the next one. */
export interface More {
  kind: 'more';
  id: string;
  parent: Item | undefined;
  cursor: string;
}
export type Node = Item | More;

const MIME = 'application/vnd.code.tree.lazuli.explorer';
/** No event tells of the link to a machine: as long as one is in sight it is asked for again after so many milliseconds. */
const BETWEEN_LOOKS = 10_000;
/** Dragging out needs the files at once; more than that is downloaded by its command. */
const MOST_DRAGGED = 20;

export class Explorer implements vscode.TreeDataProvider<Node>, vscode.TreeDragAndDropController<Node>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.emitter.event;
  readonly dropMimeTypes = ['text/uri-list'];
  readonly dragMimeTypes = ['text/uri-list'];
  readonly view: vscode.TreeView<Node>;
  /** What is open, by id; events name ids. */
  private readonly known = new Map<string, Item>();
  /** The rows below an id ('' is the root) that VS Code was given last. */
  private readonly given = new Map<string, Node[]>();
  /** What a choice of a row does, by the row's id, and the name of its command. */
  private readonly openers = new Map<string, { name: string; open: () => void }>();
  private readonly parents = new Map<string, string>();
  /** How many pages of a node were asked for. */
  private readonly pages = new Map<string, number>();
  private readonly dirty = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private told = 0;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly server: LanguageServer) {
    this.view = vscode.window.createTreeView<Node>('lazuli.explorer', { treeDataProvider: this, dragAndDropController: this, canSelectMany: true, showCollapseAll: true });
    const looking = setInterval(() => this.lookAtMachines(), BETWEEN_LOOKS);
    this.subscriptions = [this.view, this.emitter, server.onTree((ids) => this.touch(ids)), new vscode.Disposable(() => clearInterval(looking))];
  }

  private lookAtMachines() {
    const machines = [...this.known.values()].filter(({ contextValue }) => contextValue === 'compute.remote');
    if (this.view.visible && machines.length) this.touch(machines.map(({ id }) => this.parents.get(id) ?? ''));
  }

  /** Many events in a moment are one refresh; the first after a quiet time is told at once. */
  private touch(ids: string[]) {
    for (const id of ids.length ? ids : ['']) this.dirty.add(id);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.told = Date.now();
      const dirty = this.dirty.has('') ? [...this.given.keys()] : [...this.dirty];
      this.dirty.clear();
      for (const id of dirty) void this.renew(id);
    }, Math.max(0, this.told + 200 - Date.now()));
  }

  /** Draws anew what has changed below an id, and nothing else: whoever points at another row keeps it. */
  private async renew(id: string) {
    const parent = this.known.get(id);
    const before = this.given.get(id);
    if (!before || (id && !parent)) return;
    // A failure is told by the tree, which asks again.
    const now = await this.ask(parent).catch(() => undefined);
    if (before !== this.given.get(id)) return;
    if (!now || before.length !== now.length || before.some((node, at) => node.id !== now[at]?.id)) return this.emitter.fire(parent);
    for (const [at, node] of before.entries()) {
      const changed = now[at];
      if (!changed || JSON.stringify(node) === JSON.stringify(changed)) continue;
      // VS Code knows a row by the object that it was given.
      for (const key of Object.keys(node)) delete (node as unknown as Record<string, unknown>)[key];
      this.emitter.fire(Object.assign(node, changed));
    }
  }

  refresh(node?: Node) {
    this.emitter.fire(node);
  }

  showMore(more: More) {
    const id = more.parent?.id ?? '';
    this.pages.set(id, (this.pages.get(id) ?? 1) + 1);
    this.emitter.fire(more.parent);
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    const id = parent?.id ?? '';
    // Asked for: when this fails, the next event asks again.
    this.given.set(id, []);
    const children = await this.ask(parent);
    this.given.set(id, children);
    for (const child of children) {
      if (child.kind === 'more') continue;
      this.known.set(child.id, child);
      this.parents.set(child.id, id);
    }
    return children;
  }

  private async ask(parent?: Node): Promise<Node[]> {
    if (parent?.kind === 'more' || this.server.status?.daemon === 'absent') return [];
    const children: Node[] = [];
    const id = parent?.id ?? '';
    let cursor: string | undefined;
    for (let page = 0; page < (this.pages.get(id) ?? 1); page++) {
      const { items, nextCursor } = await this.server.tree(parent?.id, cursor);
      children.push(...items);
      cursor = nextCursor;
      if (cursor === undefined) break;
    }
    if (cursor !== undefined) children.push({ kind: 'more', id: `${id}/…`, parent: parent as Item | undefined, cursor });
    return children;
  }

  getParent(node: Node): Node | undefined {
    if (node.kind === 'more') return node.parent;
    return this.known.get(this.parents.get(node.id) ?? '');
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === 'more') {
      const item = new vscode.TreeItem('Show more …');
      item.id = node.id;
      item.command = this.opener('lazuli.showMore', node);
      return item;
    }
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    const isCurrent = node.contextValue === 'workspace.current';
    const item = new vscode.TreeItem(node.label, node.hasChildren ? (isCurrent ? Expanded : Collapsed) : None);
    item.id = node.id;
    // Texts are names that people gave: plain text, whatever stands in them.
    item.tooltip = node.tooltip;
    item.description = node.description;
    // A folder of a run takes no uploads, as one of a datastore does.
    item.contextValue = node.kind === 'folder' && node.run ? 'folder.run' : node.contextValue;
    item.iconPath = icon(node);
    item.accessibilityInformation = { label: [node.label, node.status, node.description].filter(Boolean).join(', ') };
    const command = opened(node);
    if (command) item.command = this.opener(command, node);
    return item;
  }

  /**
   * A command of the row's own, without arguments: those VS Code forgets as soon as something above the row is
   * refreshed, before it has drawn the row anew, and a click in between would be lost.
   */
  private opener(command: string, node: Node): vscode.Command {
    const open = () => void vscode.commands.executeCommand(command, node);
    const known = this.openers.get(node.id);
    const opener = known ?? { name: `lazuli.explorer.open.${this.openers.size}`, open };
    opener.open = open;
    if (!known) {
      this.openers.set(node.id, opener);
      this.subscriptions.push(vscode.commands.registerCommand(opener.name, () => opener.open()));
    }
    return { command: opener.name, title: 'Open' };
  }

  /** Opens the tree down to a name and selects it. */
  async reveal(target: RevealTarget) {
    const { path } = await this.server.reveal(target);
    let parent: Item | undefined;
    for (const id of path) {
      if (!this.known.has(id)) {
        await this.getChildren(parent);
        // VS Code remembers the children that it was given, and this one is new to it.
        this.emitter.fire(parent);
      }
      parent = this.known.get(id);
      if (!parent) break;
    }
    // Until a refresh is through, VS Code does not find what is new; when it is, nobody is told.
    for (let attempts = 20; parent; attempts--) {
      try {
        return await this.view.reveal(parent, { select: true, focus: true, expand: true });
      } catch (error) {
        if (attempts <= 1) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
        parent = this.known.get(parent.id);
      }
    }
  }

  async handleDrag(nodes: readonly Node[], transfer: vscode.DataTransfer, token: vscode.CancellationToken) {
    const files = nodes.filter((node): node is Item => node.kind === 'file' && node.path !== undefined);
    transfer.set(MIME, new vscode.DataTransferItem(nodes));
    if (files.length === 0 || files.length > MOST_DRAGGED) return;
    const folder = await mkdtemp(join(tmpdir(), 'lazuli-drag-'));
    const uris: string[] = [];
    for (const file of files) {
      if (token.isCancellationRequested) return;
      const path = file.path ?? '';
      const words = file.run
        ? ['run', 'download', path, '--run', file.run, '--to', folder, '--force']
        : ['datastore', 'download', path, '--datastore', file.name ?? '', '--to', folder, '--overwrite'];
      await this.server.perform(`Downloading ${basename(path)}`, words, { workspace: file.workspace });
      uris.push(vscode.Uri.file(join(folder, path)).toString());
    }
    transfer.set('text/uri-list', new vscode.DataTransferItem(uris.join('\r\n')));
  }

  async handleDrop(target: Node | undefined, transfer: vscode.DataTransfer) {
    const place = target && target.kind !== 'more' ? storedPlace(target) : undefined;
    if (!target || target.kind === 'more' || !place) {
      return tell(new Error('files are dropped on a datastore or on a folder of one'));
    }
    const text = await transfer.get('text/uri-list')?.asString();
    const files = (text ?? '').split(/\r?\n/).filter((line) => line && !line.startsWith('#')).map((line) => vscode.Uri.parse(line));
    await upload(this.server, target, files);
    this.emitter.fire(target);
  }

  dispose() {
    clearTimeout(this.timer);
    for (const one of this.subscriptions) one.dispose();
  }
}

/** The datastore and folder that files dropped here belong to. */
export function storedPlace(node: Item): { datastore: string; folder: string } | undefined {
  if (node.kind === 'datastore' && node.name) return { datastore: node.name, folder: '' };
  if (node.kind === 'folder' && node.name && node.path !== undefined && !node.run) return { datastore: node.name, folder: node.path };
  return undefined;
}

export async function upload(server: LanguageServer, target: Item, files: readonly vscode.Uri[]) {
  const place = storedPlace(target);
  const paths = files.filter((uri) => uri.scheme === 'file').map((uri) => uri.fsPath);
  if (!place || paths.length === 0) return;
  const words = ['datastore', 'upload', ...paths, '--datastore', place.datastore, ...(place.folder ? ['--target', place.folder] : [])];
  try {
    const { text } = await server.perform(`Uploading to ${place.datastore}`, words, { workspace: target.workspace });
    void vscode.window.setStatusBarMessage(text.split('\n').at(-1) ?? '', 8000);
  } catch (error) {
    tell(error);
  }
}

function opened(node: Item): string | undefined {
  switch (node.kind) {
    case 'run': return 'lazuli.openRun';
    case 'dataset': case 'dataset_version': return 'lazuli.previewDataset';
    case 'model': case 'model_version': return 'lazuli.showModel';
    case 'file': return 'lazuli.openFile';
    case 'environment': case 'environment_version': return 'lazuli.showEnvironment';
    case 'compute': return 'lazuli.showCompute';
    default: return undefined;
  }
}

const ICONS: Record<string, string> = {
  workspace: 'home', experiment: 'beaker', model: 'package', model_version: 'package', dataset: 'table', dataset_version: 'table',
  datastore: 'database', environment: 'layers', environment_version: 'layers', compute: 'server', secret: 'key', folder: 'folder', file: 'file',
};
const GROUPS: Record<string, string> = {
  experiments: 'beaker', models: 'package', datasets: 'table', datastores: 'database', environments: 'layers', compute: 'server-process',
};
/** Shape and colour both say it. */
const STATUS: Record<string, [string, string]> = {
  Completed: ['pass', 'charts.green'],
  Failed: ['error', 'charts.red'],
  Canceled: ['circle-slash', 'disabledForeground'],
  Running: ['sync~spin', 'charts.blue'],
  Queued: ['clock', 'charts.yellow'],
  Preparing: ['gear~spin', 'charts.yellow'],
  Starting: ['loading~spin', 'charts.yellow'],
  Finalizing: ['loading~spin', 'charts.blue'],
  CancelRequested: ['stop-circle', 'charts.orange'],
  NotStarted: ['circle-outline', 'disabledForeground'],
};

/** The link to a machine. */
const LINK: Record<string, [string, string]> = {
  connected: ['vm-active', 'charts.green'],
  connecting: ['loading~spin', 'charts.yellow'],
  cut: ['warning', 'charts.orange'],
};

export function icon(node: Item): vscode.ThemeIcon {
  const status = node.status ?? '';
  const state = node.kind === 'run' ? (STATUS[status] ?? ['circle-outline', 'disabledForeground']) : node.kind === 'compute' ? LINK[status] : undefined;
  if (state) return new vscode.ThemeIcon(state[0], new vscode.ThemeColor(state[1]));
  if (node.kind === 'group') return new vscode.ThemeIcon(GROUPS[node.id.split('/').at(-1) ?? ''] ?? 'folder');
  return new vscode.ThemeIcon(ICONS[node.kind] ?? 'circle-outline');
}
