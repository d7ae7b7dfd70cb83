import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMails } from './mails.js';

test('mutated mails are read or refused, never lost and never a crash', async () => {
  const { mails, invalid, faults } = await runMails(300, 20260601);
  assert.deepEqual(faults, []);
  assert.ok(invalid < mails / 50, `${invalid} of ${mails} refused`);
});
