// JupyterLab loads a prebuilt extension as a module-federation container: a global with `init`, which
// gets the modules that the application shares, and `get`, which hands out what the container has.
// Written by hand, because it is this small and a bundler for it is not.
import { rendererFactory, type WidgetClass } from './renderer';

interface Shared {
  [name: string]: { [version: string]: { get: () => Promise<() => unknown> } };
}

let shared: Shared = {};

async function module(name: string): Promise<unknown> {
  const versions = Object.values(shared[name] ?? {});
  const found = versions.at(-1);
  if (!found) throw new Error(`JupyterLab does not share ${name}`);
  return (await found.get())();
}

const container = {
  init(scope: Shared) {
    shared = scope;
  },
  async get(name: string): Promise<() => unknown> {
    if (name !== './mimeExtension') throw new Error(`lazuli-jupyterlab has no module ${name}`);
    const { Widget } = (await module('@lumino/widgets')) as { Widget: WidgetClass };
    const extension = {
      id: 'lazuli-jupyterlab:run',
      description: 'Shows runs, live',
      rendererFactory: rendererFactory(Widget),
      // Before the picture that the same output carries as HTML.
      rank: 0,
      dataType: 'json',
    };
    return () => ({ __esModule: true, default: extension });
  },
};

const federated = globalThis as unknown as { _JUPYTERLAB?: Record<string, unknown> };
federated._JUPYTERLAB ??= {};
federated._JUPYTERLAB['lazuli-jupyterlab'] = container;
