/**
 * Each fault once that takes no long waiting; `npm run test:fault` tries all of them, several rounds each. After each
 * there is full service again from the same process, and at the end of a group the books are balanced.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLogs } from '../with-logs.js';
import { openBench } from './bench.js';
import { newNotes } from './fault.js';
import { FAULTS } from './faults.js';

for (const group of FAULTS) {
  const quick = group.faults.filter(fault => fault.quick);
  if (quick.length === 0) continue;
  test(`${group.name}: whatever goes wrong, the answer is honest and service comes back`, async context => {
    const obstacle = group.obstacle?.() ?? null;
    if (obstacle !== null) return context.skip(obstacle);
    const bench = await openBench(group.options?.());
    context.after(() => bench.close());
    const notes = newNotes({ patient: false });
    const { pid } = bench.daemon;
    for (const fault of quick) {
      const hindered = fault.obstacle?.() ?? null;
      await context.test(fault.name, { skip: hindered ?? false }, () =>
        withLogs({ replyd: () => bench.daemon.log() }, async () => {
          await fault.run(bench, notes);
          await bench.expectService();
        }),
      );
    }
    assert.ok(group.restarts === true || bench.daemon.pid === pid, 'the same process all the time');
    await bench.expectWhole(notes);
  });
}
