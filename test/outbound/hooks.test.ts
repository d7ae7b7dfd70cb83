/** Hooks on the real queue and the real store, with a receiver that does what a test says and a clock that it moves. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '#replyd/base/log.js';
import { MAX_TROUBLE, openHooks, PROBES_BEFORE_LOST, testHook } from '#replyd/outbound/hooks.js';
import type { Poster } from '#replyd/outbound/webhook.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { eventually } from '../run.js';

interface Told {
  readonly hook: string;
  readonly conversation: string;
  readonly seq: number;
  readonly type: string;
  readonly id: string;
}

async function open(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-hooks-'));
  let time = Date.UTC(2026, 0, 5);
  const clock = () => time;
  const rules = { prefixes: ['reply'], separator: '+', delay: 0, maxSize: 1_000_000, responseBytes: 8_388_608 };
  const store = await openStore({ dataDir, writer: 'direct', rules, migrate: true, clock });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const told: Told[] = [];
  let tries = 0;
  let answer: (event: Told) => number | null = () => 200;
  const poster: Poster = {
    async post({ body, url }) {
      const event = JSON.parse(body);
      const one = {
        hook: url,
        conversation: event.conversation?.id ?? '',
        seq: event.seq,
        type: event.type,
        id: event.id,
      };
      tries += 1;
      await new Promise<void>(resolve => setImmediate(resolve));
      const status = answer(one);
      if (status === 200) told.push(one);
      return { status, text: String(status) };
    },
    close() {},
  };
  // Alarms ring when a test says that it is later.
  const alarms = new Map<object, { at: number; ring: () => void }>();
  const timers = {
    set(ring: () => void, wait: number) {
      const handle = {};
      alarms.set(handle, { at: time + wait, ring });
      return handle;
    },
    clear: (handle: unknown) => void alarms.delete(handle as object),
  };
  const hooks = openHooks({ store, poster, clock, random: () => new Uint8Array([128, 0]), log: silentLog, timers });
  context.after(async () => {
    await hooks.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    store,
    poster,
    clock,
    told,
    hooks,
    tries: () => tries,
    answerWith(next: (event: Told) => number | null) {
      answer = next;
    },
    later(wait: number) {
      time += wait;
      for (const [handle, alarm] of [...alarms]) {
        if (alarm.at > time) continue;
        alarms.delete(handle);
        alarm.ring();
      }
      hooks.wake();
    },
    start: () => store.startConversation({ account: 'acme', channel: 'line', contact: {}, via: 'api' }),
    async say(id: string, times: number) {
      for (let i = 0; i < times; i += 1)
        await store.addMessage({ id }, { direction: 'note', text: `${i}`, via: 'api' });
      hooks.wake();
    },
    done: () =>
      eventually('nothing waits', async () => {
        hooks.wake();
        return (await store.pendingHooks()).length === 0;
      }),
  };
}

function inOrder(told: readonly Told[]): void {
  const last = new Map<string, number>();
  for (const { hook, conversation, seq } of told) {
    const name = `${hook} ${conversation}`;
    assert.equal(seq, (last.get(name) ?? 0) + 1, `${name}: ${seq} after ${last.get(name)}`);
    last.set(name, seq);
  }
}

test('every hook hears every conversation in its order', async context => {
  const { store, told, start, say, done } = await open(context);
  for (const name of ['a', 'b']) await store.addHook({ account: 'acme', url: `https://${name}.example/` });
  const all = await Promise.all([start(), start(), start()]);
  await Promise.all(all.map(({ id }) => say(id, 20)));
  await done();
  assert.equal(told.length, 2 * 3 * 21);
  inOrder(told);
});

test('a receiver that is down is probed with one event at a time, and then hears all in order', async context => {
  const { store, told, start, say, done, tries, answerWith, later } = await open(context);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://a.example/' });
  const { id } = await start();
  const other = await start();
  answerWith(() => 503);
  await say(id, 5);
  await say(other.id, 5);
  await eventually('it is in trouble', async () => (await store.destination(hook.id)).paused === 'trouble');
  await eventually(
    'nothing is under way',
    async () => (await store.deliveries({ state: 'leased', limit: 9 })).length === 0,
  );
  const before = tries();
  for (let probe = 1; probe <= 4; probe += 1) {
    const { failures } = await store.destination(hook.id);
    later(20 * 60_000);
    await eventually('probed', async () => (await store.destination(hook.id)).failures === failures + 1);
  }
  assert.equal(tries(), before + 4);
  assert.deepEqual(told, []);
  answerWith(() => 200);
  later(20 * 60_000);
  await done();
  assert.equal(told.length, 12);
  inOrder(told);
  const shown = await store.hook(hook.id);
  assert.deepEqual([shown.state, shown.failing_since, shown.reason], ['on', null, null]);
});

test('an event that is refused holds up its conversation alone, and is given up after a day', async context => {
  const { store, told, start, say, done, tries, answerWith, later } = await open(context);
  await store.addHook({ account: 'acme', url: 'https://a.example/' });
  const bad = await start();
  const good = await start();
  answerWith(({ conversation, seq }) => (conversation === bad.id && seq === 2 ? 422 : 200));
  await say(bad.id, 3);
  await say(good.id, 3);
  await eventually(
    'the other conversation is told',
    () => told.filter(each => each.conversation === good.id).length === 4,
  );
  assert.deepEqual(
    told.filter(each => each.conversation === bad.id).map(each => each.seq),
    [1],
  );
  const failed = () => store.deliveries({ state: 'failed', limit: 9 });
  for (let hour = 0; hour < 40 && (await failed()).length === 0; hour += 1) {
    const before = tries();
    const idle = async () => (await store.deliveries({ state: 'leased', limit: 1 })).length === 0;
    await eventually('nothing is under way', idle);
    later(4_000_000);
    await eventually('tried again', () => tries() > before);
    await eventually('nothing is under way', idle);
  }
  await done();
  assert.deepEqual(
    told.filter(each => each.conversation === bad.id).map(each => each.seq),
    [1, 3, 4],
  );
  assert.equal((await failed()).length, 1);
});

test('410 ends a hook at once, five days of trouble too, and each is told', async context => {
  const { store, told, start, say, done, answerWith, later } = await open(context);
  const gone = (await store.addHook({ account: 'acme', url: 'https://gone.example/' })).hook;
  const lost = (await store.addHook({ account: 'acme', url: 'https://lost.example/' })).hook;
  await store.addHook({ account: 'acme', url: 'https://fine.example/' });
  answerWith(({ hook }) => (hook.includes('gone') ? 410 : hook.includes('lost') ? null : 200));
  const { id } = await start();
  await say(id, 3);
  await eventually('it is off', async () => (await store.hook(gone.id)).state === 'off');
  await eventually('it fails', async () => (await store.hook(lost.id)).failing_since !== null);
  later(MAX_TROUBLE - 1000);
  await eventually('probed', async () => (await store.destination(lost.id)).failures > 1);
  assert.equal((await store.hook(lost.id)).state, 'on');
  // A clock that jumped by five days is no five days of trouble.
  later(20 * 60_000);
  await eventually('probed again', async () => (await store.destination(lost.id)).failures > 2);
  assert.equal((await store.hook(lost.id)).state, 'on');
  await store.setDestination({ ...(await store.destination(lost.id)), failures: PROBES_BEFORE_LOST }, 'queue');
  later(20 * 60_000);
  await eventually('it is off', async () => (await store.hook(lost.id)).state === 'off');
  await done();
  assert.deepEqual(
    told.filter(each => each.type === 'hook.disabled').map(each => [each.hook, each.seq]),
    [
      ['https://fine.example/', 0],
      ['https://fine.example/', 0],
    ],
  );
  assert.ok(told.every(each => each.hook.includes('fine')));
  assert.match((await store.hook(lost.id)).reason ?? '', /^failing since 2026-01-05/);
});

test('a test event that is taken switches a hook on again', async context => {
  const { store, poster, clock, told, answerWith, start, say, done } = await open(context);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://a.example/' });
  await store.disableHook(hook.id, 'gone');
  answerWith(() => 500);
  assert.deepEqual(await testHook({ store, poster, clock }, hook.id), { ok: false, response: '500' });
  assert.equal((await store.hook(hook.id)).state, 'off');
  answerWith(() => 200);
  assert.deepEqual(await testHook({ store, poster, clock }, hook.id), { ok: true, response: '200' });
  assert.equal((await store.hook(hook.id)).state, 'on');
  const { id } = await start();
  await say(id, 1);
  await done();
  assert.deepEqual(
    told.map(each => each.type),
    ['hook.test', 'conversation.created', 'message.created'],
  );
});
