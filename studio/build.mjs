// Builds everything that Studio's sources become, into `dist/`:
//   studio/                  the pages that the daemon serves
//   module/run-details.js    the component as a module, for the VS Code extension
//   export/run-details.js    the same as a classic script, for files that `lazuli run export` writes
//   labextension/            JupyterLab's and Notebook 7's prebuilt extension
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build } from 'vite';

// The folder itself stays: cargo looks at it.
for (const part of ['studio', 'module', 'export', 'labextension']) rmSync(`dist/${part}`, { recursive: true, force: true });
await build();

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** One file from one entry, nothing beside it. */
async function single(entry, format, outDir, fileName) {
  await build({
    configFile: false,
    plugins: [svelte()],
    publicDir: false,
    build: {
      target: 'es2022',
      outDir,
      emptyOutDir: false,
      lib: { entry, formats: [format], name: 'lazuliStudio', fileName: () => fileName },
      rollupOptions: { output: { codeSplitting: false } },
    },
  });
}

await single('src/run-details/index.ts', 'es', 'dist/module', 'run-details.js');
await single('src/export/page.ts', 'iife', 'dist/export', 'run-details.js');
await single('jupyterlab/entry.ts', 'iife', 'dist/labextension/static', 'remoteEntry.js');

// JupyterLab asks for the file that `package.json` names; a name by content is never stale.
const entry = readFileSync('dist/labextension/static/remoteEntry.js');
const name = `remoteEntry.${createHash('sha256').update(entry).digest('hex').slice(0, 16)}.js`;
mkdirSync('dist/labextension/static', { recursive: true });
cpSync('dist/labextension/static/remoteEntry.js', `dist/labextension/static/${name}`);
rmSync('dist/labextension/static/remoteEntry.js');
writeFileSync(
  'dist/labextension/package.json',
  `${JSON.stringify(
    {
      name: 'lazuli-jupyterlab',
      version,
      description: 'Live runs in notebooks',
      license: 'Apache-2.0',
      jupyterlab: {
        mimeExtension: true,
        outputDir: '.',
        _build: { load: `static/${name}`, mimeExtension: './mimeExtension' },
      },
    },
    null,
    2,
  )}\n`,
);
writeFileSync(
  'dist/labextension/install.json',
  `${JSON.stringify({ packageManager: 'lazuli', packageName: 'lazuli', uninstallInstructions: 'run `lazuli kernel uninstall`' }, null, 2)}\n`,
);
