/** When the composer looks again after it could not do its work. What it composes: way-out.test.ts. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ReplydError } from '#replyd/base/errors.js';
import { silentLog } from '#replyd/base/log.js';
import type { Store } from '#replyd/conversation/store.js';
import { openComposer } from '#replyd/outbound/composer.js';
import { openHooks } from '#replyd/outbound/hooks.js';
import { settled } from './memory-queue.js';

const FULL = new ReplydError('unavailable', 'no space left');

/** A store with one conversation that is due. `looks` are the questions what is due, `snapshots` the tries to compose. */
function open(context: TestContext, faults: { due?: readonly Error[]; snapshot?: readonly Error[] }) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 1_800_000_000_000;
  const [due, snapshot] = [[...(faults.due ?? [])], [...(faults.snapshot ?? [])]];
  const count = { looks: 0, snapshots: 0 };
  let composed = false;
  const throwNext = (all: Error[]) => {
    const fault = all.shift();
    if (fault) throw fault;
  };
  const store = {
    async dueConversations() {
      count.looks += 1;
      throwNext(due);
      return composed ? [] : ['cv_1'];
    },
    dueForwards: async () => [],
    dueNotices: async () => [],
    nextNoticeAt: async () => null,
    nextComposeAt: async () => (composed ? null : now),
    async composeSnapshot() {
      count.snapshots += 1;
      throwNext(snapshot);
      composed = true;
      return null;
    },
  } as unknown as Store;
  const settings = () => ({ context: 0, history: 0, envelopeSender: 'bounce', maxSize: 10_000_000, page: null });
  const composer = openComposer({ store, folder: '/', clock: () => now, log: silentLog, settings, onComposed() {} });
  context.after(() => composer.close());
  const pass = async (milliseconds: number) => {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
    await settled();
  };
  const putClock = (by: number) => {
    now += by;
  };
  return { composer, count, pass, putClock };
}

test('what is due and can not be read is asked for again, without another change', async context => {
  const { composer, count, pass } = open(context, { due: [FULL] });
  composer.wake();
  await settled();
  assert.deepEqual(count, { looks: 1, snapshots: 0 });
  await pass(5_000);
  assert.ok(count.snapshots > 0);
});

test('a conversation waits 5 s for the store and a minute for itself', async context => {
  const { composer, count, pass } = open(context, { snapshot: [FULL, new Error('no such charset')] });
  composer.wake();
  await settled();
  assert.equal(count.snapshots, 1);
  await pass(4_900);
  assert.equal(count.snapshots, 1);
  await pass(200);
  assert.equal(count.snapshots, 2);
  await pass(59_000);
  assert.equal(count.snapshots, 2);
  await pass(2_000);
  assert.equal(count.snapshots, 3);
});

test('a clock that is put back by days puts off nothing for days', async context => {
  const { composer, count, putClock } = open(context, { snapshot: [new Error('no such charset')] });
  composer.wake();
  await settled();
  putClock(-2 * 86_400_000);
  composer.wake();
  await settled();
  assert.equal(count.snapshots, 2);
});

test('hooks that can not be read are asked for again', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  const store = {
    async pendingHooks() {
      asked += 1;
      if (asked === 1) throw FULL;
      return [];
    },
  } as unknown as Store;
  const poster = { post: async () => ({ status: 200, text: '' }), close() {} };
  const random = (count: number) => new Uint8Array(count);
  const hooks = openHooks({ store, poster, clock: () => 0, random, log: silentLog });
  context.after(() => hooks.close());
  hooks.wake();
  await settled();
  assert.equal(asked, 1);
  context.mock.timers.tick(1_000);
  await settled();
  assert.equal(asked, 2);
});
