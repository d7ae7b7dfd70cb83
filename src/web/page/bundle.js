/**
 * Bundles the page for the browser into dist/web: `npm run build` runs it behind the compiler.
 *
 * It writes `page.html`, the files that it names under `assets/` with a hash of their content in the name (so they may be
 * kept for ever), beside each the same gzipped (`NAME.gz`), and `manifest.json`:
 * `{ page, assets: { "/assets/NAME": { type, size, gzip } } }`, with the bytes of both. The web server gives out what stands
 * in the manifest and nothing else.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.resolve(here, '../../../dist/web');
const TYPES = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

await rm(path.join(target, 'assets'), { recursive: true, force: true });
await mkdir(target, { recursive: true });
const { metafile, outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { main: 'main.tsx', theme: 'theme.ts', icon: 'icon.svg' },
  outdir: path.join(target, 'assets'),
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome125', 'firefox128', 'safari18'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'copy' },
  legalComments: 'none',
  metafile: true,
  write: false,
});
await mkdir(path.join(target, 'assets'), { recursive: true });
let page = await readFile(path.join(here, 'page.html'), 'utf8');
const assets = {};
for (const file of outputFiles) {
  const name = path.basename(file.path);
  const zipped = gzipSync(file.contents, { level: constants.Z_BEST_COMPRESSION });
  await writeFile(file.path, file.contents);
  await writeFile(`${file.path}.gz`, zipped);
  assets[`/assets/${name}`] = { type: TYPES[path.extname(name)], size: file.contents.length, gzip: zipped.length };
  // `main-ABCD1234.js` stands in the page as `main.js`.
  page = page.replace(name.replace(/-[A-Z0-9]{8}(?=\.)/, ''), name);
}
if (Object.keys(metafile.outputs).length !== Object.keys(assets).length) throw new Error('two outputs have one name');
await writeFile(path.join(target, 'page.html'), page);
await writeFile(path.join(target, 'manifest.json'), `${JSON.stringify({ page: 'page.html', assets }, null, 2)}\n`);
