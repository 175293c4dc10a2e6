// Builds dist/: the extension (CommonJS, as the extension host wants it), the notebook renderer and the
// script of the run panel (modules), and the component that both show, as Studio's build made it.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';

const isProduction = process.argv.includes('--production');
const component = '../studio/dist/module/run-details.js';
if (!existsSync(component)) {
  console.error(`error: ${component} is not there\nhint: build Studio first: make studio`);
  process.exit(1);
}
mkdirSync('dist', { recursive: true });
cpSync(component, 'dist/run-details.js');

const common = { bundle: true, minify: isProduction, sourcemap: !isProduction, logLevel: 'warning', target: 'es2022' };
await Promise.all([
  build({
    ...common,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
  }),
  ...['renderer', 'panel'].map((name) =>
    build({
      ...common,
      entryPoints: [`src/web/${name}.ts`],
      outfile: `dist/${name}.js`,
      format: 'esm',
      external: ['./run-details.js'],
    }),
  ),
  build({
    ...common,
    minify: false,
    entryPoints: ['tests/host/index.ts'],
    outfile: 'dist/tests/index.js',
    platform: 'node',
    format: 'cjs',
    external: ['vscode', 'mocha'],
  }),
]);
