import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWaker } from '#replyd/base/waker.js';

/** Work whose runs end when the test says so. */
function heldWork() {
  const ends: (() => void)[] = [];
  const errors: unknown[] = [];
  let runs = 0;
  const waker = createWaker(
    () => {
      runs += 1;
      return new Promise<void>((resolve, reject) => {
        ends.push(() => (runs === 2 ? reject(new Error('second')) : resolve()));
      });
    },
    error => errors.push(error),
  );
  /** Ends the run that is under way, and gives the next one its turn. */
  const end = async () => {
    ends.pop()!();
    await new Promise(setImmediate);
  };
  return { waker, errors, end, runs: () => runs };
}

test('one run at a time, and one more for all wake-ups meanwhile', async () => {
  const { waker, errors, end, runs } = heldWork();
  assert.equal(runs(), 0, 'nothing before it is woken');
  waker.wake();
  assert.equal(runs(), 1, 'at once');
  waker.wake();
  waker.wake();
  assert.equal(runs(), 1);
  await end();
  assert.equal(runs(), 2);
  waker.wake();
  await end();
  assert.deepEqual([runs(), errors.length], [3, 1], 'a run that fails is told, and the next one comes');
  await end();
  assert.equal(runs(), 3, 'nothing without a wake-up');
});

test('close waits for the run and starts no other', async () => {
  const { waker, end, runs } = heldWork();
  waker.wake();
  waker.wake();
  let ended = false;
  const closing = waker.close().then(() => {
    ended = true;
  });
  assert.equal(waker.closed, true);
  await new Promise(setImmediate);
  assert.equal(ended, false);
  await end();
  await closing;
  await waker.close();
  waker.wake();
  assert.equal(runs(), 1);
});
