import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createLog } from '#replyd/base/log.js';
import { watchClock } from '#replyd/outbound/clock-steps.js';
import { settled } from './memory-queue.js';

const DAY = 86_400_000;

function open(context: TestContext) {
  const asked: number[] = [];
  const faults: Error[] = [];
  const lines: string[] = [];
  let [wall, steady] = [1_800_000_000_000, 5];
  let look = () => {};
  const watch = watchClock({
    wall: () => wall,
    steady: () => steady,
    putBack: async by => {
      const fault = faults.shift();
      if (fault) throw fault;
      asked.push(by);
      return 1;
    },
    log: createLog('info', 'json', { write: line => lines.push(line) }),
    everySecond: each => {
      look = each;
      return () => {};
    },
  });
  context.after(() => watch.close());
  /** A second goes by, in which the clock on the wall is put on by `step` milliseconds. */
  const second = async (step = 0) => {
    steady += 1000.3;
    wall += 1000 + step;
    look();
    await settled();
  };
  return { asked, faults, second, events: () => lines.map(line => (JSON.parse(line) as { event: string }).event) };
}

test('a clock that is put back pulls forward what waits, by as much', async context => {
  const { asked, second, events } = open(context);
  await second();
  await second(-2 * DAY);
  await second();
  assert.deepEqual(asked, [2 * DAY]);
  assert.deepEqual(events(), ['clock_stepped', 'waits_shortened']);
});

test('a clock that is put forward is only told of; put back again it is a step like any other', async context => {
  const { asked, second, events } = open(context);
  await second(2 * DAY);
  await second();
  assert.deepEqual(asked, []);
  assert.deepEqual(events(), ['clock_stepped']);
  await second(-2 * DAY);
  assert.deepEqual(asked, [2 * DAY]);
});

test('small corrections are no step, however many there are', async context => {
  const { asked, second, events } = open(context);
  for (let time = 0; time < 20; time += 1) await second(-5000);
  assert.deepEqual([asked, events()], [[], []]);
});

test('while the store fails the step is remembered, with those that come on top', async context => {
  const { asked, faults, second } = open(context);
  faults.push(new Error('disk full'), new Error('disk full'));
  await second(-DAY);
  await second(-3 * DAY);
  assert.deepEqual(asked, []);
  await second();
  await second();
  assert.deepEqual(asked, [4 * DAY]);
});
