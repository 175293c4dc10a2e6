// Magics in colour, in the cells of JupyterLab and Notebook 7. The editor's own grammars of Python and
// Rust do not know them.
//
// JupyterLab loads a prebuilt extension as a container of module federation: a global with `init`, which
// gets the modules that the application shares, and `get`, which hands out what the container has. It is
// written by hand, because it is this small and what would build it is not.
(() => {
  const MAGIC = /^(\s*)(%%?[A-Za-z_]\w*)(.*)$/;
  const WORD = /(--?[A-Za-z][\w-]*)|(\{[^}]*\})|("[^"]*"|'[^']*')|\S+/g;
  let shared = {};

  async function module(name) {
    const versions = Object.values(shared[name] ?? {});
    const found = versions.at(-1);
    if (!found) throw new Error(`JupyterLab does not share ${name}`);
    return (await found.get())();
  }

  async function plugin() {
    const { EditorExtensionRegistry, IEditorExtensionRegistry } = await module('@jupyterlab/codemirror');
    const { Decoration, ViewPlugin } = await module('@codemirror/view');
    const { Prec, RangeSetBuilder } = await module('@codemirror/state');
    const mark = (name, colour) =>
      Decoration.mark({
        attributes: { class: `lazuli-${name}`, style: `color: var(--jp-mirror-editor-${colour}-color)` },
      });
    const marks = {
      magic: mark('magic', 'keyword'),
      option: mark('option', 'attribute'),
      text: mark('text', 'string'),
    };

    function decorate(view) {
      const builder = new RangeSetBuilder();
      for (const { from, to } of view.visibleRanges) {
        for (let line = view.state.doc.lineAt(from); ; line = view.state.doc.line(line.number + 1)) {
          const magic = MAGIC.exec(line.text);
          if (magic) {
            const [, space, name, rest] = magic;
            const start = line.from + space.length;
            builder.add(start, start + name.length, marks.magic);
            for (const word of rest.matchAll(WORD)) {
              const kind = word[1] ? marks.option : word[3] ? marks.text : undefined;
              const place = start + name.length + word.index;
              if (kind) builder.add(place, place + word[0].length, kind);
            }
          }
          if (line.to >= to || line.number === view.state.doc.lines) break;
        }
      }
      return builder.finish();
    }

    const colours = ViewPlugin.define(
      view => ({
        decorations: decorate(view),
        update(change) {
          if (change.docChanged || change.viewportChanged) this.decorations = decorate(change.view);
        },
      }),
      { decorations: plugin => plugin.decorations },
    );
    return {
      id: 'lazuli-magics:plugin',
      description: 'Magics in colour',
      autoStart: true,
      requires: [IEditorExtensionRegistry],
      activate: (_, registry) =>
        registry.addExtension({
          name: 'lazuli-magics',
          // Cells are edited in line. The marks of the grammar go round ours, whose colour then holds.
          factory: ({ inline, model }) =>
            inline && model.mimeType !== 'text/x-ipythongfm'
              ? EditorExtensionRegistry.createImmutableExtension(Prec.lowest(colours))
              : null,
        }),
    };
  }

  globalThis._JUPYTERLAB ??= {};
  globalThis._JUPYTERLAB['lazuli-magics'] = {
    init(scope) {
      shared = scope;
    },
    async get(name) {
      if (name !== './extension') throw new Error(`lazuli-magics has no module ${name}`);
      const extension = await plugin();
      return () => ({ __esModule: true, default: extension });
    },
  };
})();
