import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readFileStream, readTextFile } from '#replyd/base/text-file.js';

test('a file is read whole; a pipe, a folder and nothing at all are told from it at once', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => path.join(folder, name);
  const bytes = Buffer.alloc(200_000, 'abc');
  writeFileSync(at('large'), bytes);
  writeFileSync(at('empty'), '');
  execFileSync('mkfifo', [at('pipe')]);
  const read = async (name: string) => Buffer.concat(await readFileStream(at(name)).toArray());
  assert.ok((await read('large')).equals(bytes));
  assert.equal((await read('empty')).length, 0);
  assert.equal(readTextFile(at('large')), bytes.toString());
  for (const [name, reason] of [
    ['pipe', /pipe is no file/],
    ['.', /is no file|EISDIR/],
    ['none', /ENOENT/],
  ] as const) {
    await assert.rejects(read(name), reason, name);
    assert.throws(() => readTextFile(at(name)), reason, name);
  }
});
