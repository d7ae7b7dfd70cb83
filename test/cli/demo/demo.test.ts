import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeProgram, unfitLines } from '../program.js';

test('the demo shows the whole circle at 80 columns, ends with 0 and leaves nothing behind', async t => {
  const program = makeProgram(t);
  const folder = path.join(program.folder, 'tmp');
  mkdirSync(folder);
  const demo = await program.run(['demo'], { bare: true, env: { TMPDIR: folder } });
  assert.equal(demo.code, 0, demo.stderr);
  assert.equal(demo.stderr, '');
  assert.deepEqual(unfitLines(demo.stdout), []);
  const printed = /Reply-To: .*?<(reply\+[0-9a-f]{32}@in\.shop\.example)>/s.exec(demo.stdout)?.[1];
  assert.ok(printed);
  assert.ok(demo.stdout.includes(`To: ${printed}`));
  const [, , , reply] = demo.stdout.split('─'.repeat(80));
  assert.match(
    reply ?? '',
    /^\n3\. Maria Keller <maria@customer\.example>\n {2}incoming, .* by smtp +msg_\w+\n\n {2}Thank you, /,
  );
  assert.match(reply ?? '', /\n {2}… \d+ quoted lines, `message show msg_\w+` shows them\n/);
  assert.ok(!reply?.includes('your teapot left us'), 'the quote was cut off');
  assert.deepEqual(readdirSync(folder), []);
});
