/** The daemon's housekeeping goes on piece by piece, outlives faults, and ends when it is told to. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLog } from '#replyd/base/log.js';
import { openHousekeeping } from '#replyd/store/upkeep/housekeeping.js';
import type { KeepSince } from '#replyd/store/upkeep/retention.js';
import { eventually } from '../../run.js';

const DAY = 86_400_000;

function openWith(context: TestContext, pieces: (() => Record<string, number>)[], removed = () => 0) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-housekeeping-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const lines: string[] = [];
  const asked: KeepSince[] = [];
  const files: string[] = [];
  const housekeeping = openHousekeeping({
    store: {
      clearEvents: async () => 0,
      unfiledSums: async () => ({ mails: 1, bytes: 1, removed: removed() }),
      clearOld: async since => {
        asked.push(since);
        return pieces.shift()?.() ?? {};
      },
      async *placedBefore() {},
      filesWithoutRow: async () => [],
      deliveriesWithoutMail: async () => [],
      clearFiles: async () => {
        files.push('asked');
        return 0;
      },
    },
    dataDir,
    log: createLog('info', 'json', { write: line => lines.push(line) }),
    keep: () => ({ raw: 30 * DAY, resolved: null, deliveries: null, unfiled: 90 * DAY }),
  });
  context.after(() => housekeeping.close());
  const events = () => lines.map(line => JSON.parse(line) as Record<string, unknown>);
  return { housekeeping, asked, events, tick: () => context.mock.timers.tick(60_000) };
}

test('pieces are added up and told once; what is kept for ever is not asked for', async context => {
  const { asked, events, tick } = openWith(context, [
    () => ({ raw_mails: 500 }),
    () => ({ raw_mails: 20 }),
    () => ({ unfiled_mails: 3 }),
  ]);
  assert.equal(asked.length, 0, 'not at once');
  tick();
  await eventually('a round ends', () => events().length === 1);
  assert.equal(asked.length, 4);
  const { raw, resolved, unfiled } = asked[0]!;
  assert.deepEqual([resolved, raw! - unfiled!], [null, 60 * DAY]);
  const { event, raw_mails, unfiled_mails } = events()[0]!;
  assert.deepEqual([event, raw_mails, unfiled_mails], ['cleared', 520, 3]);
});

test('mails that went because of limits.unfiled are told of once', async context => {
  let removed = 7;
  const { events, tick, asked } = openWith(context, [], () => removed);
  await Promise.resolve();
  removed = 10;
  tick();
  await eventually('it is told', () => events().length === 1);
  assert.deepEqual([events()[0]!.event, events()[0]!.removed], ['unfiled_over_limit', 3]);
  await eventually('the next round is over', () => {
    tick();
    return asked.length > 3;
  });
  assert.equal(events().length, 1);
});

test('a fault is told and the next round begins anew', async context => {
  const { asked, events, tick } = openWith(context, [
    () => {
      throw new Error('the disk is full');
    },
    () => ({ raw_mails: 1 }),
  ]);
  tick();
  await eventually('the fault is told', () => events().some(({ event }) => event === 'clear_failed'));
  await eventually('the next round clears', () => {
    tick();
    return events().some(({ event }) => event === 'cleared');
  });
  assert.ok(asked.length >= 3);
});

test('a clock that was put forward clears nothing for an hour', async context => {
  const { asked, tick } = openWith(context, []);
  const real = Date.now;
  const realPerformance = performance.now.bind(performance);
  let [wall, running] = [0, 0];
  context.mock.method(Date, 'now', () => real() + wall + running);
  context.mock.method(performance, 'now', () => realPerformance() + running);
  const settled = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
  };
  const clears = async (milliseconds: number) => {
    running += milliseconds;
    const before = asked.length;
    // A tick counts for nothing while the round before is at its files.
    await eventually('a round', () => {
      tick();
      return asked.length > before;
    });
    await settled();
  };
  const clearsNothing = async (milliseconds: number, why?: string) => {
    running += milliseconds;
    const before = asked.length;
    tick();
    await settled();
    assert.equal(asked.length, before, why);
  };
  await clears(60_000);
  // Only the first round of an hour looks at files: when there was another one it is over.
  await clears(60_000);
  wall = 2 * DAY;
  await clearsNothing(60_000);
  await clearsNothing(30 * 60_000);
  wall = 0;
  await clearsNothing(29 * 60_000, 'put right, but nobody knows which one was');
  await clears(2 * 60_000);
});

test('it ends within the piece that it is at', async context => {
  const { housekeeping, asked, tick } = openWith(
    context,
    Array.from({ length: 1000 }, () => () => ({ raw_mails: 1 })),
  );
  tick();
  await eventually('it has begun', () => asked.length > 2);
  await housekeeping.close();
  const then = asked.length;
  tick();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(asked.length, then);
});
