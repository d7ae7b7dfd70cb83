import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newTally } from '../attack/attack.js';
import { needsRoot, runTrials, someTrials } from '../attack/data-dir.js';

test("root's commands touch no file that the owner of data_dir leads them to", {
  skip: needsRoot() ?? false,
}, async () => {
  const tally = newTally();
  await runTrials(await someTrials(), tally);
  const { tried, held, notes } = tally.result();
  assert.equal(held, tried, notes.join('\n'));
});
