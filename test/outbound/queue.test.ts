import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ReplydError } from '#replyd/base/errors.js';
import { createLog } from '#replyd/base/log.js';
import type { Courier, Outcome, Parcel } from '#replyd/conversation/ports.js';
import { openQueue, type Queue, type QueueOptions } from '#replyd/outbound/queue.js';
import {
  FAILED,
  FakeTime,
  type MemoryStore,
  memoryStore,
  REFUSED,
  RETRY,
  SENT,
  settled,
  TROUBLE,
} from './memory-queue.js';

const MINUTE = 60_000;
const SCHEDULE = { waits: [MINUTE, 2 * MINUTE, 5 * MINUTE], giveUpAfter: 10 * MINUTE };

interface Bench {
  readonly store: MemoryStore;
  readonly time: FakeTime;
  readonly queue: Queue;
  /** Ids in the order of their tries. */
  readonly tries: string[];
  readonly log: string[];
  /** What the courier answers: one outcome for all, by delivery, or held until `let go`. */
  answer: (parcel: Parcel) => Outcome | Promise<Outcome>;
}

function bench(t: TestContext, prepare: (store: MemoryStore) => void, options: Partial<QueueOptions> = {}): Bench {
  const store = memoryStore();
  const time = new FakeTime();
  const log: string[] = [];
  const made = { store, time, log, tries: [] as string[], answer: (): Outcome => SENT } as unknown as Bench & {
    queue: Queue;
  };
  prepare(store);
  const courier: Courier = {
    deliver: async parcel => {
      made.tries.push(parcel.deliveryId);
      return made.answer(parcel);
    },
    close: async () => {},
  };
  made.queue = openQueue({
    store,
    courier,
    destination: 'smarthost',
    concurrency: 3,
    schedule: SCHEDULE,
    probes: { first: 10_000, longest: 80_000 },
    clock: time.clock,
    // The middle of the spread: waits are exact.
    random: bytes => Uint8Array.from({ length: bytes }, (_, index) => (index === 0 ? 128 : 0)),
    log: createLog('debug', 'json', { write: line => log.push(line) }),
    timers: time,
    ...options,
  });
  t.after(async () => {
    await made.queue.close();
    assert.equal(time.pending.size, 0, 'a timer was left behind');
  });
  return made;
}

function add(count: number) {
  return (store: MemoryStore) => {
    for (let index = 0; index < count; index += 1) store.add();
  };
}

function states(of: Bench): string[] {
  return of.store.deliveries.map(each => each.state);
}

test('sends what is due, oldest first, and sleeps until the next', async t => {
  const at = bench(t, store => {
    store.add();
    store.add({ dueAt: 1_000_000 + 5000 });
    store.add();
  });
  await settled();
  assert.deepEqual(at.tries, ['dl_1', 'dl_3']);
  assert.equal(at.time.next(), 5000);
  await at.time.advance(5000);
  assert.deepEqual(states(at), ['sent', 'sent', 'sent']);
  assert.equal(at.time.next(), null);
});

test('a commit wakes it', async t => {
  const at = bench(t, () => {});
  await settled();
  at.store.add();
  await settled();
  assert.deepEqual(at.tries, []);
  at.queue.wake();
  await settled();
  assert.deepEqual(states(at), ['sent']);
});

test('never more tries at a time than allowed, and the free slot is filled', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(5));
  at.answer = () => new Promise(resolve => going.push(() => resolve(SENT)));
  await settled();
  assert.equal(at.tries.length, 3);
  going.shift()!();
  await settled();
  assert.equal(at.tries.length, 4);
  at.queue.wake();
  await settled();
  assert.equal(at.tries.length, 4);
  while (going.length > 0) {
    going.shift()!();
    await settled();
  }
  assert.deepEqual(states(at), ['sent', 'sent', 'sent', 'sent', 'sent']);
});

test('keeps the order of one key: the younger goes when the older is settled', async t => {
  const at = bench(t, store => {
    store.add({ orderKey: 'a' });
    store.add({ orderKey: 'a' });
    store.add({ orderKey: 'b' });
  });
  at.answer = parcel => (parcel.deliveryId === 'dl_1' && parcel.attempt === 1 ? RETRY : SENT);
  await settled();
  assert.deepEqual(at.tries, ['dl_1', 'dl_3']);
  await at.time.advance(MINUTE + 1000);
  assert.deepEqual(at.tries, ['dl_1', 'dl_3', 'dl_1', 'dl_2']);
});

test('what is leased and nobody holds is tried again after a minute; what is on its way stays', async t => {
  let end = () => {};
  const at = bench(t, store => {
    store.add();
    // The store went back to before it was settled.
    store.add({ state: 'leased', attempts: 1, lease: 1 });
  });
  at.answer = parcel => (parcel.deliveryId === 'dl_1' ? new Promise(done => (end = () => done(SENT))) : SENT);
  await settled();
  await at.time.advance(MINUTE / 2);
  at.queue.wake();
  await settled();
  assert.deepEqual(at.tries, ['dl_1']);
  await at.time.advance(MINUTE / 2);
  at.queue.wake();
  await settled();
  assert.deepEqual(at.tries, ['dl_1', 'dl_2']);
  assert.deepEqual(states(at), ['leased', 'sent']);
  end();
  await settled();
  assert.deepEqual(states(at), ['sent', 'sent']);
});

test('waiting for an older one of its order does not keep the processor busy', async t => {
  const at = bench(t, store => {
    store.add({ orderKey: 'a', state: 'deferred', dueAt: 1_000_000 + 10 * MINUTE });
    store.add({ orderKey: 'a' });
  });
  await settled();
  assert.equal(at.time.next(), 1000);
});

test('a temporary failure is retried with growing waits and given up in the end', async t => {
  const at = bench(t, add(1));
  at.answer = () => RETRY;
  const waits: number[] = [];
  for (let turn = 0; turn < 10 && at.store.of('dl_1').state !== 'failed'; turn += 1) {
    await settled();
    const wait = at.time.next();
    if (wait === null) break;
    waits.push(wait / MINUTE);
    await at.time.advance(wait);
  }
  assert.deepEqual(waits, [1, 2, 5, 5]);
  assert.deepEqual(states(at), ['failed']);
  assert.equal(at.tries.length, 5);
});

test('a permanent failure ends that delivery alone', async t => {
  const at = bench(t, add(3));
  at.answer = parcel => (parcel.deliveryId === 'dl_2' ? FAILED : SENT);
  await settled();
  assert.deepEqual(states(at), ['sent', 'failed', 'sent']);
});

test('a courier that throws is a temporary failure', async t => {
  const at = bench(t, add(1));
  at.answer = () => {
    throw new Error('a bug');
  };
  await settled();
  assert.deepEqual(states(at), ['deferred']);
  assert.equal(at.store.of('dl_1').response, 'a bug');
});

// ---------------------------------------------------------------- trouble with the destination

test('trouble pauses the destination, fails nobody and counts no attempt', async t => {
  const at = bench(t, add(5));
  at.answer = () => TROUBLE;
  await settled();
  assert.equal(at.tries.length, 3);
  assert.deepEqual(at.store.state, {
    name: 'smarthost',
    paused: 'trouble',
    reason: TROUBLE.response,
    nextProbeAt: at.time.now + 10_000,
    failures: 1,
  });
  assert.deepEqual(states(at), Array(5).fill('waiting'));
  assert.ok(at.store.deliveries.every(each => each.attempts === 0));
});

test('one probe an interval, longer each time up to a limit, another delivery each time', async t => {
  const at = bench(t, add(4));
  at.answer = () => TROUBLE;
  await settled();
  at.tries.length = 0;
  const intervals: number[] = [];
  for (let probe = 0; probe < 5; probe += 1) {
    const wait = at.time.next()!;
    intervals.push(wait / 1000);
    at.queue.wake();
    await settled();
    assert.equal(at.tries.length, probe, 'no try before its time');
    await at.time.advance(wait);
    assert.equal(at.tries.length, probe + 1);
  }
  assert.deepEqual(intervals, [10, 20, 40, 80, 80]);
  assert.ok(new Set(at.tries).size >= 3, at.tries.join());
  assert.ok(at.store.deliveries.every(each => each.attempts === 0));
});

test('one delivery that always makes trouble does not keep the others waiting for ever', async t => {
  const at = bench(t, add(4), { concurrency: 1 });
  at.answer = parcel => (parcel.deliveryId === 'dl_1' ? TROUBLE : SENT);
  await at.time.advance(10 * MINUTE);
  assert.deepEqual(states(at), ['waiting', 'sent', 'sent', 'sent']);
});

test('the probe’s success releases all', async t => {
  const at = bench(t, add(5));
  at.answer = () => TROUBLE;
  await settled();
  at.answer = () => SENT;
  await at.time.advance(10_000);
  assert.deepEqual(states(at), Array(5).fill('sent'));
  assert.deepEqual(at.store.state, {
    name: 'smarthost',
    paused: null,
    reason: null,
    nextProbeAt: null,
    failures: 0,
  });
});

for (const outcome of [RETRY, FAILED]) {
  test(`a probe that is answered with ${outcome.kind} ends the trouble: the destination is there`, async t => {
    const at = bench(t, add(3));
    at.answer = () => TROUBLE;
    await settled();
    at.answer = parcel => (parcel.deliveryId === 'dl_1' || parcel.deliveryId === 'dl_2' ? outcome : SENT);
    await at.time.advance(10_000);
    assert.equal(at.store.state.paused, null);
    assert.equal(at.store.of('dl_3').state, 'sent');
  });
}

test('trouble outlasts a restart, and a clock that jumped back does not prolong it', async t => {
  const at = bench(t, store => {
    add(2)(store);
    store.state = { ...store.state, paused: 'trouble', reason: 'x', nextProbeAt: 1_000_000 + 30_000, failures: 2 };
  });
  await settled();
  assert.deepEqual(at.tries, []);
  assert.equal(at.time.next(), 30_000);
  at.store.state = { ...at.store.state, nextProbeAt: at.time.now + 365 * 24 * 60 * MINUTE };
  at.queue.wake();
  await settled();
  assert.deepEqual(states(at), ['sent', 'sent']);
});

test('an operator’s pause is honoured, not overwritten by trouble, and ended by him alone', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(5));
  at.answer = () => new Promise(resolve => going.push(() => resolve(TROUBLE)));
  await settled();
  at.store.state = { ...at.store.state, paused: 'operator', reason: 'maintenance' };
  for (const go of going) go();
  await at.time.advance(10 * MINUTE);
  assert.equal(at.tries.length, 3);
  assert.equal(at.store.state.paused, 'operator');
  assert.equal(at.time.next(), null);
  at.answer = () => SENT;
  at.store.state = { ...at.store.state, paused: null, reason: null };
  at.queue.wake();
  await settled();
  assert.deepEqual(states(at), Array(5).fill('sent'));
});

// ---------------------------------------------------------------- refused by policy

test('three recipients refused in a row and none taken: trouble, and nobody has failed', async t => {
  const at = bench(t, add(4), { concurrency: 1 });
  at.answer = () => REFUSED;
  await settled();
  assert.deepEqual(at.tries, ['dl_1', 'dl_2', 'dl_3']);
  assert.equal(at.store.state.paused, 'trouble');
  assert.equal(at.store.state.reason, REFUSED.response);
  assert.deepEqual(states(at), ['deferred', 'deferred', 'deferred', 'waiting']);
  await at.time.advance(24 * 60 * MINUTE);
  assert.ok(!states(at).includes('failed'));
  at.answer = () => SENT;
  await at.time.advance(10 * MINUTE);
  assert.deepEqual(states(at), Array(4).fill('sent'));
});

test('the same recipient three times is not everybody', async t => {
  const at = bench(t, store => {
    for (let index = 0; index < 4; index += 1) store.add({ rcptTo: 'anna@customer.example' });
  });
  at.answer = () => REFUSED;
  await settled();
  assert.equal(at.store.state.paused, null);
  assert.deepEqual(states(at), Array(4).fill('deferred'));
});

test('one recipient refused while others are taken: held once, then failed', async t => {
  const at = bench(t, add(4));
  at.answer = parcel => (parcel.deliveryId === 'dl_2' ? REFUSED : SENT);
  await settled();
  assert.deepEqual(states(at), ['sent', 'deferred', 'sent', 'sent']);
  await at.time.advance(MINUTE);
  assert.deepEqual(states(at), ['sent', 'failed', 'sent', 'sent']);
  assert.equal(at.store.state.paused, null);
});

test('a lone refused delivery is retried as any other and given up in the end', async t => {
  const at = bench(t, add(1));
  at.answer = () => REFUSED;
  await at.time.advance(14 * MINUTE);
  assert.deepEqual(states(at), ['failed']);
  assert.equal(at.tries.length, 5);
});

// ---------------------------------------------------------------- faults of the store, shutdown, reload

test('a store that fails at settle is asked again; the mail is not sent again', async t => {
  const at = bench(t, store => {
    add(1)(store);
    store.faults.settle = [new Error('disk full'), new Error('disk full')];
  });
  await settled();
  assert.deepEqual(states(at), ['leased']);
  await at.time.advance(2000);
  assert.deepEqual(states(at), ['sent']);
  assert.equal(at.tries.length, 1);
});

test('a delivery that was removed meanwhile is let go', async t => {
  const at = bench(t, store => {
    add(1)(store);
    store.faults.settle = [new ReplydError('not_found', 'there is no delivery dl_1')];
  });
  await settled();
  assert.equal(at.time.next(), null);
});

for (const method of ['lease', 'nextDueAt', 'destination', 'release', 'setDestination'] as const) {
  test(`a store that fails at ${method} is asked again`, async t => {
    const at = bench(t, store => {
      add(2)(store);
      store.faults[method] = [new Error('disk full')];
    });
    at.answer = parcel => (at.tries.length === 1 && parcel.deliveryId === 'dl_1' ? TROUBLE : SENT);
    await at.time.advance(MINUTE);
    assert.deepEqual(states(at), ['sent', 'sent']);
  });
}

test('a lease that failed and counted all the same is free again, and what is held stays', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(1));
  at.answer = () => new Promise(resolve => going.push(() => resolve(SENT)));
  await settled();
  add(2)(at.store);
  const { lease } = at.store;
  at.store.lease = async (...asked) => {
    at.store.lease = lease;
    await lease(...asked);
    throw new ReplydError('unavailable', 'the answer to the commit was lost');
  };
  at.queue.wake();
  await settled();
  assert.deepEqual(states(at), ['leased', 'leased', 'leased']);
  await at.time.advance(MINUTE);
  assert.equal(at.tries.length, 3, 'each once');
  for (const go of going) go();
  await at.time.advance(MINUTE);
  assert.deepEqual(states(at), ['sent', 'sent', 'sent']);
});

test('closing waits for the tries under way, settles them and begins no other', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(5));
  at.answer = () => new Promise(resolve => going.push(() => resolve(SENT)));
  await settled();
  let closed = false;
  const closing = at.queue.close().then(() => {
    closed = true;
  });
  at.queue.wake();
  await settled();
  assert.equal(closed, false);
  for (const go of going) go();
  await closing;
  await at.queue.close();
  assert.deepEqual(states(at), ['sent', 'sent', 'sent', 'waiting', 'waiting']);
});

test('closing has a limit; what is still under way keeps its lease for the restart', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(1));
  at.answer = () => new Promise(resolve => going.push(() => resolve(SENT)));
  await settled();
  const closing = at.queue.close({ graceMs: 30_000 });
  await at.time.advance(29_000);
  assert.equal(at.time.next(), 1000);
  await at.time.advance(1000);
  await closing;
  assert.deepEqual(states(at), ['leased']);
  assert.match(at.log.at(-1)!, /"unsettled".*"count":1/);
  going[0]!();
  await settled();
});

test('what was leased while closing is given back untouched', async t => {
  const at = bench(t, add(2));
  await at.queue.close();
  assert.deepEqual(at.tries, []);
  assert.deepEqual(states(at), ['waiting', 'waiting']);
  assert.ok(at.store.deliveries.every(each => each.attempts === 0));
});

test('a probe whose companions can not be given back at once leaves none of them leased', async t => {
  const at = bench(t, store => {
    add(4)(store);
    store.state = { name: 'smarthost', paused: 'trouble', reason: 'away', nextProbeAt: 0, failures: 1 };
    store.faults.release = [new Error('disk full'), new Error('disk full')];
  });
  await settled();
  assert.equal(at.tries.length, 1, 'the probe itself goes out');
  await at.time.advance(2000);
  assert.deepEqual(states(at), ['sent', 'sent', 'sent', 'sent']);
});

test('closing while the store fails leaves the lease to the restart', async t => {
  const at = bench(t, store => {
    add(1)(store);
    store.faults.settle = Array.from({ length: 100 }, () => new Error('disk full'));
  });
  await settled();
  await at.queue.close();
  assert.deepEqual(states(at), ['leased']);
  await at.store.voidLeases();
  assert.deepEqual(states(at), ['deferred']);
});

test('a changed courier, schedule and number of slots hold for the next try', async t => {
  const going: (() => void)[] = [];
  const at = bench(t, add(3), { concurrency: 1 });
  at.answer = () => new Promise(resolve => going.push(() => resolve(SENT)));
  await settled();
  const others: string[] = [];
  at.queue.change({
    courier: {
      deliver: async parcel => {
        others.push(parcel.deliveryId);
        return RETRY;
      },
      close: async () => {},
    },
    concurrency: 3,
    schedule: { waits: [7 * MINUTE], giveUpAfter: MINUTE },
  });
  await settled();
  assert.deepEqual(others, ['dl_2', 'dl_3']);
  assert.equal(at.time.next(), 7 * MINUTE);
  going[0]!();
  await settled();
  assert.deepEqual(states(at), ['sent', 'deferred', 'deferred']);
});

test('the log names deliveries and answers, never a whole token', async t => {
  const at = bench(t, add(1));
  const token = '0123456789abcdef0123456789abcdef';
  at.answer = () => ({ ...RETRY, response: `450 4.7.1 <bounce+${token}@reply.example.com>: wait` });
  await settled();
  const line = JSON.parse(at.log.find(each => each.includes('"deferred"'))!);
  assert.deepEqual(line, {
    time: line.time,
    level: 'info',
    event: 'deferred',
    delivery: 'dl_1',
    destination: 'smarthost',
    attempt: 1,
    response: '450 4.7.1 <bounce+012345…@reply.example.com>: wait',
    next_attempt_at: new Date(at.time.now + MINUTE).toISOString(),
  });
  assert.equal(at.log.join('').includes(token), false);
});
