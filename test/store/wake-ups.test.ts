/** A store whose engine is told of others' commits: it looks once they may have been, and no more often than allowed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assembled } from '#replyd/store/assembled.js';
import { eventually } from '../run.js';

/** Milliseconds between two looks, less what a timer may come early. */
const AT_MOST_EVERY = 49;

test('a flood of wake-ups: the last one is followed, and most share a look', async context => {
  let wakeUp = () => {};
  let [committed, looks] = [0, 0];
  const none = () => Promise.reject(new Error('nobody asks'));
  const store = assembled(
    {
      run: none,
      setRules() {},
      newKey: () => 1,
      afterRemoval() {},
      search: { find: none, fill: none, forget: none, progress: none, close: async () => {} },
      databaseBytes: () => 0,
      async version() {
        looks += 1;
        return committed;
      },
      onWakeUp(listener) {
        wakeUp = listener;
      },
      place: none,
      content: none,
      async *placedBefore() {},
      async close() {},
    },
    { pollEvery: 3_600_000 },
  );
  context.after(() => store.close());
  const flood = async () => {
    for (let burst = 0; burst < 100; burst += 1) {
      for (let each = 0; each < 100; each += 1) wakeUp();
      await sleep(2);
    }
  };
  await flood();
  assert.equal(looks, 0, 'nobody wants to know');
  let seen: number | null = null;
  store.onChange(() => {
    seen = committed;
  });
  const began = performance.now();
  await flood();
  committed = 7;
  wakeUp();
  await eventually('it is seen', () => seen === 7, { every: 1 });
  assert.ok(looks <= 2 + (performance.now() - began) / AT_MOST_EVERY, `${looks} looks`);
});
