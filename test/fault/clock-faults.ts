/** The clock on the wall is put forward, and back again, while everything waits for something. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench, BenchOptions } from './bench.js';
import type { Fault, FaultGroup } from './fault.js';

const DAY = 86_400_000;
const DELAY = 1_000;

const clockFile = path.join(tmpdir(), `replyd-clock-${process.pid}`);

async function putClock(bench: Bench, days: number): Promise<void> {
  const steps = () => bench.daemon.events('clock_stepped').length;
  const before = steps();
  writeFileSync(clockFile, String(days * DAY));
  await bench.eventually('the step is seen', () => steps() > before);
}

/** An answer that is deferred, one whose delay runs, and a webhook in trouble, all begun by the clock as it is now. */
async function beginWaits(bench: Bench): Promise<{ all: readonly string[]; deferred: string; told: string }> {
  const { smarthost, receiver, store, hook } = bench;
  const [deferred, delayed, told] = [bench.word(), bench.word(), bench.word()];
  smarthost.script.RCPT = '451 4.7.1 Greylisted';
  await receiver.behave(500);
  assert.equal(await bench.answer(deferred, { conversation: 0 }), '201');
  assert.equal(await bench.answer(delayed, { conversation: 1, mail: 'auto' }), '201');
  assert.equal(await bench.mail(told), '250 2.0.0');
  await bench.eventually('it is deferred', async () => (await bench.deliveryOf(deferred)).state === 'deferred');
  await bench.eventually('the hook is in trouble', async () => (await store.hook(hook)).failing_since !== null);
  return { all: [deferred, delayed], deferred, told };
}

async function endWaits(bench: Bench, waits: Awaited<ReturnType<typeof beginWaits>>): Promise<void> {
  delete bench.smarthost.script.RCPT;
  await bench.receiver.behave(200);
  for (const word of waits.all) await bench.expectSent(word, 20_000);
  await bench.eventually('the receiver is told', () => bench.receiver.words.includes(waits.told));
  assert.equal((await bench.store.hook(bench.hook)).state, 'on');
}

/** Forwards and back: what began under the wrong clock must not wait for days under the right one. */
function forwardsAndBack(days: number): Fault {
  return {
    name: `clock ${days} days forwards, and back`,
    quick: days === 2,
    async run(bench) {
      const talk = await bench.session();
      const before = await beginWaits(bench);
      await putClock(bench, days);
      // Nothing expires: neither what waits, nor the session, nor the hook that is in trouble.
      await bench.eventually('the hook is probed', () => bench.receiver.requests() > 1);
      assert.equal((await bench.store.hook(bench.hook)).state, 'on');
      assert.notEqual((await bench.deliveryOf(before.deferred)).state, 'failed');
      assert.equal(await bench.mail(bench.word(), { on: talk }), '250 2.0.0');
      await endWaits(bench, before);
      const meanwhile = await beginWaits(bench);
      await putClock(bench, 0);
      await endWaits(bench, meanwhile);
      assert.equal(await bench.mail(bench.word(), { on: talk }), '250 2.0.0');
      await talk.quit();
      return 'nothing expired, no wait grew';
    },
  };
}

const backwards: Fault = {
  name: 'clock 2 days backwards, and back',
  quick: false,
  async run(bench) {
    const talk = await bench.session();
    const before = await beginWaits(bench);
    await putClock(bench, -2);
    await endWaits(bench, before);
    assert.equal(await bench.mail(bench.word(), { on: talk }), '250 2.0.0');
    const meanwhile = await beginWaits(bench);
    await putClock(bench, 0);
    await endWaits(bench, meanwhile);
    await talk.quit();
    return 'no wait grew by two days';
  },
};

export const clockFaults: FaultGroup = {
  name: 'the clock',
  options: (): BenchOptions => ({
    settings: { 'continuity.delay': `${DELAY}ms`, 'outbound.retry': ['1s'] },
    env: {
      NODE_OPTIONS: `--import=${new URL('./moved-clock.js', import.meta.url)}`,
      CLOCK_OFFSET_FILE: clockFile,
    },
    tidy: () => rmSync(clockFile, { force: true }),
  }),
  faults: [forwardsAndBack(2), forwardsAndBack(6), backwards],
};
