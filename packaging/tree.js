/**
 * `node packaging/tree.js FOLDER`: the program as packages install it. Into FOLDER, which must not be there, goes what
 * `npm pack` packs, the libraries that it runs with, the Node that the project pins, and `THIRD-PARTY`, the licences of all of
 * them. Everything is copied from this checkout after `npm ci` and `npm run build`: no network, no npm.
 *
 * What no run needs stays out: types, maps and documents of libraries, C sources, and files of their makers' tools, native code of other systems.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.resolve(process.argv[2] ?? fail('usage: node packaging/tree.js FOLDER'));
const { files } = readJson('package.json');
const lock = readJson('package-lock.json').packages;
const pinned = `node_modules/node-linux-${process.arch}`;

if (existsSync(target)) fail(`${target} is there already`);
if (!existsSync(path.join(root, 'dist/cli/main.js')) || !existsSync(path.join(root, 'dist/web/manifest.json')))
  fail('replyd is not built: npm ci && npm run build');
if (!existsSync(path.join(root, pinned, 'bin/node'))) fail(`there is no ${pinned}: npm ci, on Linux on x64 or arm64`);

for (const each of ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', ...files]) copy(each, () => true);
const libraries = Object.keys(lock).filter(each => /^node_modules\//.test(each) && !lock[each].dev && !lock[each].link);
for (const each of libraries) copy(each, isNeeded);
copy(pinned, file => /^(?:|bin|bin\/node|package\.json|LICENSE)$/.test(file));
writeFileSync(path.join(target, 'THIRD-PARTY'), [...libraries, pinned].map(licenceOf).join('\n'));

/** Copies a file or folder of the checkout; of a folder what `takes`, asked with the path inside of it, wants. */
function copy(name, takes) {
  const from = path.join(root, name);
  mkdirSync(path.dirname(path.join(target, name)), { recursive: true });
  cpSync(from, path.join(target, name), { recursive: true, filter: file => takes(path.relative(from, file)) });
}

function isNeeded(file) {
  if (isLicence(path.basename(file))) return true;
  const [top] = file.split('/');
  const native = /^prebuilds\/(.*)\.node$/.exec(file);
  if (native !== null) return native[1] === `linux-${process.arch}`;
  // Libraries of a library stand in the list by themselves; what begins with a full stop is for their makers.
  if (top === 'node_modules' || /(?:^|\/)(?:\.[^/]*|eslint\.config\.\w+)$/.test(file)) return false;
  return !/\.(?:d\.[cm]?ts|map|md|markdown|c|cc|cpp|h|hpp|gypi?|tgz|tar\.gz)$/.test(file);
}

function isLicence(name) {
  return /^(?:licen[sc]e|copying|notice)/i.test(name);
}

function licenceOf(name) {
  const { version, license } = readJson(path.join(name, 'package.json'));
  const texts = readdirSync(path.join(root, name))
    .filter(isLicence)
    .map(file => readFileSync(path.join(root, name, file), 'utf8').trimEnd());
  const title = `${name.split('node_modules/').at(-1)} ${version} (${license ?? lock[name].license})`;
  return [title, '='.repeat(title.length), '', texts.join('\n\n') || 'It has no text of its licence.', ''].join('\n');
}

function readJson(name) {
  return JSON.parse(readFileSync(path.join(root, name), 'utf8'));
}

function fail(reason) {
  process.stderr.write(`tree: ${reason}\n`);
  process.exit(1);
}
