/** The budget of disk space: what is written or held counts at once, a look at the disk settles what was written. */
import assert from 'node:assert/strict';
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { withRoom } from '#replyd/base/space.js';
import { watchSpace } from '#replyd/store/blobs/space.js';
import { eventually } from '../../run.js';

const GIB = 2 ** 30;

/** As much room as `room`, less what others write to the disk meanwhile; each step here is far more than that. */
function open(context: TestContext, room: number) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { bavail, bsize } = statfsSync(tmpdir());
  let least = bavail * bsize - room;
  const space = watchSpace({ dataDir: tmpdir(), folder: path.join(tmpdir(), 'replyd-space'), minFree: () => least });
  context.after(space.close);
  return {
    ...space,
    setMinFree: (to: number) => {
      least = to;
    },
  };
}

test('what was taken counts until the disk was looked at again', async context => {
  const space = open(context, 4 * GIB);
  assert.deepEqual([space.take(3 * GIB), space.take(3 * GIB), space.low()], [true, false, false]);
  await space.look();
  assert.deepEqual([space.take(3 * GIB), space.take(2 * GIB)], [true, false]);
});

test('what is held counts until it is released', async context => {
  const space = open(context, 4 * GIB);
  assert.deepEqual([space.hold(3 * GIB), space.hold(3 * GIB)], [true, false]);
  await space.look();
  assert.equal(space.take(3 * GIB), false);
  space.release(3 * GIB);
  assert.equal(space.take(3 * GIB), true);
});

test('work that may write is begun only when there is room for all of it', async context => {
  const space = open(context, 4 * GIB);
  let ran = 0;
  const work = async () => {
    ran += 1;
    assert.equal(space.hold(3 * GIB), false);
    return 'done';
  };
  assert.equal(await withRoom(space, 3 * GIB, work), 'done');
  // As if all of it was written, until somebody looks.
  await assert.rejects(withRoom(space, 3 * GIB, work), error => isReplydError(error, 'disk_full'));
  assert.equal(ran, 1);
  await space.look();
  await assert.rejects(
    withRoom(space, 3 * GIB, () => Promise.reject(new Error('its own'))),
    /its own/,
  );
});

test('below limits.min_free nothing fits; with 0 everything does', context => {
  const space = open(context, -GIB);
  assert.deepEqual([space.low(), space.take(0), space.hold(1)], [true, false, false]);
  space.setMinFree(0);
  assert.deepEqual([space.low(), space.take(2 ** 60), space.hold(2 ** 60)], [false, true, true]);
});

test('the last room is for what is small', context => {
  const mib = 2 ** 20;
  const space = open(context, 0);
  space.setMinFree(space.free() - 20 * mib);
  assert.deepEqual([space.take(6 * mib), space.hold(6 * mib), space.low()], [false, false, false]);
  assert.deepEqual([space.hold(6 * mib, 'small'), space.hold(16 * mib, 'small')], [true, false]);
});

test('what was written and removed again is free soon, without anybody asking', async context => {
  const space = open(context, 4 * GIB);
  assert.deepEqual([space.take(3 * GIB), space.take(3 * GIB)], [true, false]);
  context.mock.timers.tick(100);
  await eventually('there is room again', () => space.take(3 * GIB));
});
