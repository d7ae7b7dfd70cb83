import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeProgram, makeShop, unfitLines } from '../program.js';

test('check: a whole store ends with 0, with text and with JSON', async context => {
  const shop = await makeShop(context);
  const text = await shop.text(['check']);
  assert.match(text, /^✔ database +\d+ pages: in order\n/);
  assert.deepEqual(unfitLines(text), []);
  const results = await shop.json<{ check: string; ok: boolean; faults: unknown[] }>(['check']);
  assert.deepEqual(
    results.map(({ check, ok, faults }) => [check, ok, faults]),
    ['database', 'references', 'rows', 'order', 'contents', 'files', 'search'].map(check => [check, true, []]),
  );
});

test('check: what is missing is named, with advice and exit 1', async context => {
  const shop = await makeShop(context);
  writeFileSync(path.join(shop.folder, 'plan.pdf'), Buffer.alloc(200_000, 'p'));
  await shop.text(['conversation', 'reply', 'acme#1', '--text', 'see there', '--attach', 'plan.pdf']);
  const blobs = path.join(shop.dataDir, 'blobs');
  const folder = path.join(blobs, readdirSync(blobs)[0]!);
  const file = path.join(folder, readdirSync(folder)[0]!);
  assert.equal(statSync(file).size, 200_000);
  rmSync(file);
  const result = await shop.run(['check']);
  assert.equal(result.code, 1);
  assert.match(result.stdout, /^✘ contents +\d+ contents: 1 wrong$/m);
  assert.match(result.stdout.replaceAll(/\n */g, ' '), /its file is missing; needed by att_\w+/);
  assert.match(result.stdout, /→ restore a backup/);
});

test('check: no store, no database', async context => {
  const program = makeProgram(context);
  const none = await program.run(['check']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no store/);
  mkdirSync(program.dataDir, { mode: 0o700 });
  const file = path.join(program.dataDir, 'replyd.db');
  writeFileSync(file, 'this is no database, but a text that is long enough to be taken for one, '.repeat(60));
  const broken = await program.run(['check']);
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /^✘ database/);
  truncateSync(file, 0);
});
