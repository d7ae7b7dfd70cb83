import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPacer } from '#replyd/base/pacer.js';
import { eventually } from '../run.js';

test('what is asked for is done after it was asked for, and no more often than allowed', async () => {
  const EVERY = 30;
  let done = 0;
  const pacer = createPacer(() => (done += 1), { soon: 1, every: EVERY });
  const began = performance.now();
  for (let asked = 0; asked < 200; asked += 1) {
    pacer.ask();
    if (asked % 10 === 9) await sleep(1);
  }
  const before = done;
  pacer.ask();
  await eventually('the last one is done', () => done > before, { every: 1 });
  // A timer may come a part of a millisecond early.
  assert.ok(done <= 1 + (performance.now() - began) / (EVERY - 1), `${done} times`);
  const all = done;
  pacer.ask();
  pacer.close();
  pacer.close();
  pacer.ask();
  await sleep(2 * EVERY);
  assert.equal(done, all, 'nothing after it was closed');
});
