import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KEY_NAMES } from '#replyd/config/keys.js';
import { referencePages } from './pages.js';

test('the reference pages are what `npm run docs` writes', async () => {
  for (const [file, text] of await referencePages()) {
    assert.equal(readFileSync(file, 'utf8'), text, `${file} is out of date: npm run docs`);
  }
});

test('every key has a heading, every command its help', async () => {
  const pages = await referencePages();
  const headings = [...pages.get('docs/configuration.md')!.matchAll(/^### `(.+)`$/gm)].map(match => match[1]);
  assert.deepEqual(headings, [...KEY_NAMES]);
  const usages = [...pages.get('docs/commands.md')!.matchAll(/^Usage: replyd (.*)$/gm)].map(match => match[1]!);
  assert.ok(usages.length > 50);
  assert.ok(usages.some(usage => usage.startsWith('account add')));
});
