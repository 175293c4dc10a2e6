// Other machines as compute targets, by SSH.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import { Refused } from '../language-server';
import type { Item } from '../lsp';
import { ON_MACHINE } from '../notebook/controllers';
import { confirm, inside, words } from './ask';
import type { Commands, Context } from './context';

/** Somebody looks up an address or a fingerprint elsewhere while a question stands. */
const STAYS = { ignoreFocusOut: true };

export function machineCommands({ server, explorer }: Context): Commands {
  return {
    attachMachine: async (given?: Item) => {
      const address = await askAddress();
      const name = address && (await askName(address));
      const key = name && (await askKey());
      const most = key && (await askNumber());
      if (!most) return;
      const attach = (...more: string[]) => server.perform(`Attaching ${name}`, ['compute', 'attach', name, address, '--max-nodes', most, ...key, ...more], inside(given));
      try {
        await attach();
      } catch (error) {
        const shown = unknownHostKey(error);
        if (!shown) throw error;
        if (!(await acceptsKey(address, shown))) return;
        await attach('--host-key', shown.fingerprint);
      }
      explorer.refresh();
      await explorer.reveal({ kind: 'compute', name, ...inside(given) });
    },
    newNotebookThere: async (node: Item) => {
      const kernelspec = { name: `${ON_MACHINE}${node.name}`, display_name: `Lazuli (Python) on ${node.name}`, language: 'python' };
      const content = new vscode.NotebookData([new vscode.NotebookCellData(vscode.NotebookCellKind.Code, '', 'python')]);
      content.metadata = { metadata: { kernelspec, language_info: { name: 'python' } } };
      await vscode.window.showNotebookDocument(await vscode.workspace.openNotebookDocument('jupyter-notebook', content));
    },
    detachMachine: async (node: Item) => {
      const detail = node.status === 'cut' ? 'It cannot be reached now, so what Lazuli put there stays.' : 'What Lazuli put there is removed.';
      if (!(await confirm(`Detach the machine ${node.name}?`, `${detail} Runs and their files are kept here.`, 'Detach'))) return;
      await server.perform(`Detaching ${node.name}`, ['compute', 'detach', node.name ?? ''], { workspace: node.workspace });
      explorer.refresh();
    },
  };
}

async function askAddress(): Promise<string | undefined> {
  const file = join(homedir(), '.ssh', 'config');
  const hosts = configuredHosts(await readFile(file, 'utf8').catch(() => ''));
  const other = { label: 'Another address …' };
  const picked = hosts.length ? await vscode.window.showQuickPick([...hosts.map((label) => ({ label })), other], { ...STAYS, title: 'Which machine?', placeHolder: 'A host of your ~/.ssh/config' }) : other;
  if (picked && picked !== other) return configuredAddress(file, picked.label);
  const address = picked && (await vscode.window.showInputBox({
    ...STAYS, title: 'Address of the machine', placeHolder: 'USER@HOST', prompt: 'USER@HOST, or USER@HOST:PORT',
    validateInput: (text) => (parseAddress(text) ? undefined : 'USER@HOST, or USER@HOST:PORT'),
  }));
  return address?.trim();
}

const NAME = /^[A-Za-z][A-Za-z0-9-]{1,31}$/;

function askName(address: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    ...STAYS, title: 'Name of the compute target', value: targetName(parseAddress(address)?.host ?? ''), prompt: 'Runs are submitted to it by this name',
    validateInput: (text) => (NAME.test(text) ? undefined : '2 to 32 letters, digits and `-`, a letter first'),
  });
}

/** As options of the command. */
async function askKey(): Promise<string[] | undefined> {
  const known = { label: 'Keys that ssh knows and its agent', detail: 'As `ssh` itself would' };
  const file = { label: 'A file …', detail: 'The private key that opens this machine' };
  const picked = await vscode.window.showQuickPick([known, file], { ...STAYS, title: 'With which key?' });
  if (picked !== file) return picked && [];
  const [key] = (await vscode.window.showOpenDialog({ title: 'The private key', openLabel: 'Use', defaultUri: vscode.Uri.file(join(homedir(), '.ssh')) })) ?? [];
  return key && ['--key', key.fsPath];
}

function askNumber(): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    ...STAYS, title: 'So many runs run there at once', value: '1',
    validateInput: (text) => (/^[1-9]\d*$/.test(text) ? undefined : 'a number from 1 on'),
  });
}

function acceptsKey(address: string, { fingerprint, kind }: HostKey): Promise<boolean> {
  const file = `/etc/ssh/ssh_host_${/rsa|ecdsa/.exec(kind)?.[0] ?? 'ed25519'}_key.pub`;
  const detail = `It shows the key\n\n${fingerprint}\n(${kind})\n\nCompare it with what the machine's administrator tells you, or with what \`ssh-keygen -lf ${file}\` prints there. If they differ, somebody else answers in its place.`;
  return confirm(`The host key of ${address} is not known yet`, detail, 'Accept this key');
}

interface HostKey {
  /** `SHA256:…` */
  fingerprint: string;
  kind: string;
}

/** The host key that a person has to accept before the machine is attached; none when something else is wrong. */
export function unknownHostKey(error: unknown): HostKey | undefined {
  if (!(error instanceof Refused) || error.kind !== 'conflict') return undefined;
  const [, fingerprint, kind] = / is not known yet: (SHA256:[A-Za-z0-9+/]{43}) \(([\w@.-]+)\)$/.exec(error.message) ?? [];
  return fingerprint && kind ? { fingerprint, kind } : undefined;
}

/** `USER@HOST[:PORT]`, cut; whether its parts are good is for the daemon to say. */
export function parseAddress(text: string): { user: string; host: string; port: string | undefined } | undefined {
  const [, user, rest] = /^([^@\s]+)@([^@\s]+)$/.exec(text.trim()) ?? [];
  // An IPv6 address may stand without brackets, but has no port then.
  const [, bracketed, plain, port] = /^(?:\[([^[\]]+)\]|([^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*))(?::(\d+))?$/.exec(rest ?? '') ?? [];
  const host = bracketed ?? plain;
  return user && host ? { user, host, port } : undefined;
}

/** A name to begin with: the host's first label. */
export function targetName(host: string): string {
  const name = (host.split('.')[0] ?? '').replace(/[^A-Za-z0-9-]/g, '-').slice(0, 32);
  return NAME.test(name) ? name : 'machine';
}

/** The hosts that a configuration of ssh names; those of files that it includes are typed. */
export function configuredHosts(configuration: string): string[] {
  const lines = configuration.matchAll(/^[ \t]*host(?:[ \t]*=|[ \t])(.*)$/gim);
  const names = [...lines].flatMap(([, line]) => words((line ?? '').replace(/(^|\s)#.*/, '')));
  // Patterns are no hosts.
  return [...new Set(names.filter((name) => /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(name)))];
}

/** What ssh would make of the name: `Match`, `Host *` and the like are its own to understand. */
async function configuredAddress(file: string, host: string): Promise<string> {
  // Without ssh, attaching says what is missing.
  const { stdout } = await promisify(execFile)('ssh', ['-F', file, '-G', host]).catch(() => ({ stdout: '' }));
  const setting = (key: string) => new RegExp(`^${key} (.+)$`, 'm').exec(stdout)?.[1];
  const port = setting('port') ?? '22';
  return `${setting('user') ?? userInfo().username}@${host}${port === '22' ? '' : `:${port}`}`;
}
