import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestProbeWait, probeWait, retryWait } from '#replyd/conversation/rules/schedule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const middle = () => Uint8Array.of(128, 0);

test('the usual schedule: from one minute to four hours, for three days', () => {
  const waits = [1, 2, 5, 15, 30, 60, 120, 240].map(minutes => minutes * MINUTE);
  const schedule = { waits, giveUpAfter: 72 * HOUR };
  let total = 0;
  let attempt = 1;
  for (; ; attempt += 1) {
    const wait = retryWait(schedule, attempt, middle);
    if (wait === null) break;
    assert.equal(wait, waits[Math.min(attempt, 8) - 1]);
    total += wait;
  }
  assert.equal(attempt, 26);
  assert.ok(total >= 72 * HOUR && total < 76 * HOUR, `${total / HOUR} hours`);
  assert.equal(retryWait(schedule, 1_000_000_000, middle), null);
});

test('randomness spreads within a tenth', () => {
  const schedule = { waits: [1000], giveUpAfter: HOUR };
  assert.equal(
    retryWait(schedule, 1, () => Uint8Array.of(0, 0)),
    900,
  );
  assert.equal(
    retryWait(schedule, 1, () => Uint8Array.of(255, 255)),
    1100,
  );
});

test('probes double up to the longest', () => {
  const probes = { first: 10, longest: 80 };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 1000].map(failures => probeWait(probes, failures, middle)),
    [10, 20, 40, 80, 80, 80],
  );
  assert.ok(probeWait(probes, 9, () => Uint8Array.of(255, 255)) <= longestProbeWait(probes));
});
