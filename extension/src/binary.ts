// Where the program `lazuli` is, and whether it fits this extension.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Found = { path: string; version: string } | { problem: string };

/**
 * The setting, then `$LAZULI_BIN`, the search path, and where cargo and pip put programs. A folder that is open
 * is never looked into: what it holds must not be started by opening it.
 */
export async function find(setting: string, wanted: string): Promise<Found> {
  if (setting) {
    const path = setting.startsWith('~/') ? join(homedir(), setting.slice(2)) : setting;
    return (await isProgram(path)) ? check(path, wanted) : { problem: `there is no program at \`${setting}\`, which the setting lazuli.path names` };
  }
  const named = process.env['LAZULI_BIN'];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), '.cargo/bin'), join(homedir(), '.local/bin')];
  for (const path of [...(named ? [named] : []), ...folders.filter(Boolean).map((folder) => join(folder, 'lazuli'))]) {
    if (await isProgram(path)) return check(path, wanted);
  }
  return { problem: 'the program `lazuli` was not found on the search path' };
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false);
}

async function check(path: string, wanted: string): Promise<Found> {
  const { output, error } = await new Promise<{ output: string; error: string | undefined }>((resolve) => {
    execFile(path, ['--version'], { timeout: 10_000 }, (error, stdout) => resolve({ output: stdout, error: error?.message }));
  });
  const version = /(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (error || !version) return { problem: `\`${path}\` does not tell its version: ${error ?? output.trim()}` };
  return fits(version, wanted)
    ? { path, version }
    : { problem: `\`${path}\` is version ${version}, and this extension is made for ${wanted.split('.').slice(0, 2).join('.')}: install the one that fits` };
}

/** Before 1.0 a minor version may change everything. */
export function fits(version: string, wanted: string): boolean {
  const [major, minor] = version.split('.');
  const [wantedMajor, wantedMinor] = wanted.split('.');
  return major === wantedMajor && (major !== '0' || minor === wantedMinor);
}
