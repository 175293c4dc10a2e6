// Puts the parts together.
import * as vscode from 'vscode';

import { find } from './binary';
import { assetCommands } from './commands/assets';
import { computeCommands } from './commands/compute';
import type { Commands, Context } from './commands/context';
import { machineCommands } from './commands/machines';
import { runCommands } from './commands/runs';
import { submitCommands } from './commands/submit';
import { Daemon } from './daemon';
import { Explorer } from './explorer';
import { Failures } from './failures';
import { LanguageServer, workspaceSetting } from './language-server';
import { Controllers } from './notebook/controllers';
import { RunLogs } from './run-log';
import { RunPanels } from './run-panel';
import { StatusBar } from './status-bar';
import { tell } from './tell';
import { TextDocuments } from './text-documents';

const INSTALL = 'make build';

/** What the tests look at. */
export interface Api {
  server: LanguageServer;
  explorer: Explorer;
}

let parts: vscode.Disposable[] = [];

export async function activate(extension: vscode.ExtensionContext): Promise<Api | undefined> {
  const log = vscode.window.createOutputChannel('Lazuli', { log: true });
  extension.subscriptions.push(log, new vscode.Disposable(() => stop()));
  let api: Api | undefined;
  const begin = async () => {
    stop();
    api = await start(extension, log).catch((error: unknown) => {
      tell(error);
      return undefined;
    });
  };
  extension.subscriptions.push(
    vscode.commands.registerCommand('lazuli.findProgram', begin),
    vscode.commands.registerCommand('lazuli.showLog', () => log.show()),
    vscode.commands.registerCommand('lazuli.copyInstallCommand', async () => {
      await vscode.env.clipboard.writeText(INSTALL);
      void vscode.window.showInformationMessage('The command is in the clipboard: run it in a checkout of Lazuli, then put its target/debug on the search path or name target/debug/lazuli in the setting lazuli.path.', 'Open settings', 'Look again').then((chosen) => {
        if (chosen === 'Open settings') return vscode.commands.executeCommand('workbench.action.openSettings', 'lazuli.path');
        if (chosen === 'Look again') return begin();
      });
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('lazuli.path')) void begin();
    }),
  );
  await begin();
  return api;
}

export function deactivate() {
  return stop();
}

function stop() {
  for (const part of parts.splice(0).reverse()) part.dispose();
}

async function start(extension: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<Api | undefined> {
  const wanted = String((extension.extension.packageJSON as { version: string }).version);
  const found = await find(vscode.workspace.getConfiguration('lazuli').get<string>('path') ?? '', wanted);
  if ('problem' in found) {
    await vscode.commands.executeCommand('setContext', 'lazuli.state', 'missing');
    log.warn(found.problem);
    tell(new Error(found.problem), { title: 'How to install', run: () => vscode.commands.executeCommand('lazuli.copyInstallCommand') }, { title: 'Open settings', run: () => vscode.commands.executeCommand('workbench.action.openSettings', 'lazuli.path') });
    return undefined;
  }
  log.info(`${found.path} ${found.version}`);
  const daemon = new Daemon();
  const server = new LanguageServer(found.path, log);
  const explorer = new Explorer(server);
  const panels = new RunPanels(extension.extensionUri, daemon);
  const logs = new RunLogs(server);
  const documents = new TextDocuments(server);
  const failures = new Failures(server);
  const controllers = new Controllers(() => ({ lazuli: found.path, python: vscode.workspace.getConfiguration('lazuli').get<string>('python') ?? '' }), daemon, server, (line) => log.info(line));
  const context: Context = { program: found.path, extension, server, daemon, explorer, panels, logs, documents, failures };
  parts.push(
    server, explorer, panels, logs, failures, controllers,
    new StatusBar(server),
    vscode.workspace.registerTextDocumentContentProvider('lazuli', documents),
    vscode.workspace.registerTextDocumentContentProvider('lazuli-answer', documents),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (!change.affectsConfiguration('lazuli.workspace')) return;
      const workspace = workspaceSetting();
      // Without one the folder's `config.json` says it, which the server reads when it starts.
      if (workspace) server.changeWorkspace(workspace).catch(tell);
      else void vscode.commands.executeCommand('lazuli.findProgram');
    }),
  );
  register(extension, {
    ...runCommands(context),
    ...assetCommands(context),
    ...computeCommands(context),
    ...machineCommands(context),
    ...submitCommands(context),
    showMore: (more: never) => explorer.showMore(more),
    restartKernel: () => controllers.restart(vscode.window.activeNotebookEditor?.notebook),
  });
  await server.start();
  return { server, explorer };
}

/** A command that fails says why, once, in the same way. */
function register(extension: vscode.ExtensionContext, commands: Commands) {
  const { menus } = (extension.extension.packageJSON as { contributes: { menus: { commandPalette: { command: string; when: string }[] } } }).contributes;
  const ofRows = new Set(menus.commandPalette.filter(({ when }) => when === 'false').map(({ command }) => command));
  for (const [name, act] of Object.entries(commands)) {
    parts.push(vscode.commands.registerCommand(`lazuli.${name}`, async (...given: never[]) => {
      try {
        // VS Code hands over nothing for a row that it is about to draw anew.
        if (given[0] === undefined && ofRows.has(`lazuli.${name}`)) throw new Error('the explorer was being refreshed: choose the entry again');
        return await act(...given);
      } catch (error) {
        tell(error);
        return undefined;
      }
    }));
  }
}
