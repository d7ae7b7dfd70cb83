/**
 * Every hostile mail of `test/hostile/mails.ts`, small: it is read, or refused for what it has too much of. How long they
 * take at 1 MB is `npm run bench -- hostile`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOSTILE_MAILS } from '../hostile/mails.js';
import { readHostile } from '../hostile/read.js';

const SIZE = 32 * 1024;
const TOO_MUCH = /more than 1000 parts|nested deeper than 50|Max allowed child nodes|finds no words in it/;

test('hostile mails have names of their own, and there are enough of them', () => {
  const names = HOSTILE_MAILS.map(mail => mail.name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 200);
});

test('each hostile mail is read, or has too much of something', async () => {
  const faults: string[] = [];
  for (const mail of HOSTILE_MAILS) {
    const bytes = mail.bytes(SIZE);
    if (bytes.length > SIZE + 2_000) faults.push(`${mail.name}: ${bytes.length} bytes`);
    const result = await readHostile(mail, bytes);
    if (result.kind !== 'read' && !TOO_MUCH.test(result.reason)) faults.push(`${mail.name}: ${result.reason}`);
  }
  assert.deepEqual(faults, []);
});
