/**
 * Every piece of configuration in the documents, pasted as an operator would: at the end of the file that `replyd init`
 * writes, each alone and (where they do not contradict each other) one below the other.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { initialConfig } from '#replyd/config/example.js';
import { loadConfig } from '#replyd/config/load.js';

const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pagesBelow('docs')].filter(existsSync);

function pagesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter(name => name.endsWith('.md')).map(name => path.join(folder, name));
}

/** The `toml` blocks of a page, also those that stand indented in a list. */
function snippetsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^([ \t]*)```toml[^\n]*\n(.*?)^\1```[ \t]*$/gms)].map(([, indent, text]) =>
    text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

function load(text: string): void {
  loadConfig({ file: '/etc/replyd/config.toml', env: {}, cwd: '/', readFile: () => ({ text, mode: 0o640 }) });
}

test('the blocks of a page are found', () => {
  const page = 'a\n```toml\nx = 1\n```\n- b\n  ```toml\n  y = 1\n  z = 2\n  ```\n```sh\nw\n```\n';
  assert.deepEqual(snippetsOf(page), ['x = 1\n', 'y = 1\nz = 2\n']);
});

test('every snippet can be appended to the file that init writes', () => {
  const initial = initialConfig({ data_dir: '/var/lib/replyd' });
  const snippets = PAGES.flatMap(page => snippetsOf(readFileSync(page, 'utf8')).map(text => ({ page, text })));
  assert.ok(snippets.length > 0);
  for (const { page, text } of snippets) {
    assert.doesNotThrow(() => load(`${initial}\n${text}`), `${page}:\n${text}`);
    // Below a table the next snippet would mean other keys.
    assert.doesNotMatch(text, /^\s*\[/m, `${page} has a table, write dotted keys:\n${text}`);
  }
});

test('the three natural ways to set smtp.listen: pasted at the end, at the beginning, or the commented line set', () => {
  const initial = initialConfig({ data_dir: '/var/lib/replyd' });
  const line = 'smtp.listen = ["[::]:25"]';
  load(`${initial}${line}\n`);
  load(`${line}\n${initial}`);
  const edited = initial.replace(/^#smtp\.listen = .*$/m, line);
  assert.notEqual(edited, initial);
  load(edited);
  assert.throws(
    () => load(`${edited}${line}\n`),
    /config\.toml:\d+: smtp\.listen: is given twice, on lines \d+ and \d+: delete one of them$/,
  );
});
