// What `lazuli lsp` answers and tells beyond the protocol; docs/language-server.md is its description.

export type ItemKind =
  | 'workspace' | 'group' | 'experiment' | 'run' | 'model' | 'model_version' | 'dataset' | 'dataset_version'
  | 'datastore' | 'environment' | 'environment_version' | 'compute' | 'secret' | 'folder' | 'file';

/** A node of the explorer. */
export interface Item {
  id: string;
  kind: ItemKind;
  label: string;
  description?: string;
  tooltip?: string;
  hasChildren: boolean;
  status?: string;
  /** What is wrong with it. */
  problem?: string;
  contextValue: string;
  workspace: string;
  run?: string;
  name?: string;
  version?: number;
  path?: string;
}

export interface TreePage {
  items: Item[];
  nextCursor?: string;
}

export interface Status {
  daemon: 'running' | 'absent';
  workspace: string;
  version: string;
  message?: string;
}

/** What a command of the table came to. */
export interface Answer {
  text: string;
  json: unknown;
  html?: string;
  run?: string;
  isBad: boolean;
}

export interface Bundle {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  is_final: boolean;
  sequence: number;
}

export interface RunChanged {
  run: string;
  bundle: Bundle;
}

export interface LogPart {
  text: string;
  offset: number;
  size: number;
}

export interface RevealTarget {
  kind: ItemKind;
  name: string;
  version?: number;
  workspace?: string;
}

export const RUN_MIME = 'application/vnd.lazuli.run+json';

const ENDED = new Set(['Completed', 'Failed', 'Canceled']);

export function isEnded(status: string | undefined): boolean {
  return status !== undefined && ENDED.has(status);
}
