// What every command has at hand.
import type * as vscode from 'vscode';

import type { Daemon } from '../daemon';
import type { Explorer } from '../explorer';
import type { Failures } from '../failures';
import type { LanguageServer } from '../language-server';
import type { RunLogs } from '../run-log';
import type { RunPanels } from '../run-panel';
import type { TextDocuments } from '../text-documents';

export interface Context {
  /** The program `lazuli`. */
  program: string;
  extension: vscode.ExtensionContext;
  server: LanguageServer;
  daemon: Daemon;
  explorer: Explorer;
  panels: RunPanels;
  logs: RunLogs;
  documents: TextDocuments;
  failures: Failures;
}

export type Commands = Record<string, (...parameters: never[]) => unknown>;
