// What made a run fail, as a problem at the line where it happened.
import { basename } from 'node:path';
import * as vscode from 'vscode';

import type { LanguageServer } from './language-server';
import { RUN_MIME, type RunChanged } from './lsp';

interface Failed {
  run: { run_id: string; name: string; status: string; error?: { message: string; details?: string } | null };
}

export class Failures implements vscode.Disposable {
  private readonly problems = vscode.languages.createDiagnosticCollection('lazuli runs');
  private readonly subscriptions: vscode.Disposable[];
  private readonly submitted = new Map<string, vscode.Uri>();

  constructor(server: LanguageServer) {
    this.subscriptions = [this.problems, server.onRun((changed) => this.heard(changed)), vscode.workspace.onDidChangeTextDocument(({ document }) => this.problems.delete(document.uri))];
  }

  /** From now on a failure of the run is told in the file. */
  expect(run: string, file: vscode.Uri) {
    this.submitted.set(run, file);
    this.problems.delete(file);
  }

  private heard({ run, bundle }: RunChanged) {
    const file = this.submitted.get(run);
    if (!file || !bundle.is_final) return;
    this.submitted.delete(run);
    const { run: found } = bundle.data[RUN_MIME] as Failed;
    if (found.status !== 'Failed') return;
    const line = failingLine(found.error?.details ?? '', basename(file.path)) ?? 1;
    const range = new vscode.Range(line - 1, 0, line - 1, 1000);
    const problem = new vscode.Diagnostic(range, found.error?.message ?? 'the run failed', vscode.DiagnosticSeverity.Error);
    problem.source = `run ${found.name}`;
    this.problems.set(file, [problem]);
  }

  dispose() {
    for (const one of this.subscriptions) one.dispose();
  }
}

/** The last frame of a Python traceback that lies in the script. */
export function failingLine(traceback: string, script: string): number | undefined {
  let found: number | undefined;
  for (const [, path, line] of traceback.matchAll(/File "([^"]+)", line (\d+)/g)) {
    if (path && basename(path) === script) found = Number(line);
  }
  return found;
}
