import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf } from '#replyd/base/network.js';
import { ANSWER_TIMEOUT, createAdmission, createRateLimiter, overdue } from '#replyd/ingress/smtp/limits.js';

const a = clientOf('192.0.2.1');
const b = clientOf('198.51.100.1');
const c = clientOf('2001:db8::1');

test('places are counted in the whole and by client, and given back', () => {
  const limits = { maxConnections: 4, maxConnectionsPerIp: 2 };
  const admission = createAdmission(() => limits);
  assert.equal(admission.enter(a), true);
  assert.equal(admission.enter(a), true);
  assert.equal(admission.enter(a), false);
  assert.equal(admission.enter(b), true);
  assert.equal(admission.enter(null), true);
  assert.equal(admission.enter(c), false);
  assert.equal(admission.enter(null), false);
  assert.equal(admission.total, 4);
  admission.leave(a);
  assert.equal(admission.enter(a), true);
  // A reload counts at once; nobody is thrown out.
  limits.maxConnections = 3;
  admission.leave(b);
  assert.equal(admission.enter(b), false);
  for (const client of [a, a, null]) admission.leave(client);
  assert.equal(admission.total, 0);
});

test('strangers leave one place in ten to trusted clients', () => {
  const admission = createAdmission(() => ({ maxConnections: 20, maxConnectionsPerIp: 99 }));
  for (let count = 0; count < 18; count += 1) assert.equal(admission.enter(a), true, `${count}`);
  assert.equal(admission.enter(b), false);
  // Behind a proxy that we trust a stranger is a stranger.
  assert.equal(admission.enter(null), true);
  assert.equal(admission.move(null, b), false);
  admission.leave(b);
  assert.equal(admission.enter(null), true);
  assert.equal(admission.enter(null), true);
  assert.equal(admission.enter(null), false);
  admission.leave(a);
  assert.equal(admission.enter(b), true);
});

test('a connection that becomes another client moves its place', () => {
  const admission = createAdmission(() => ({ maxConnections: 9, maxConnectionsPerIp: 1 }));
  admission.enter(null);
  admission.enter(null);
  assert.equal(admission.move(null, a), true);
  assert.equal(admission.move(null, a), false);
  assert.equal(admission.total, 2);
  admission.leave(a);
  assert.equal(admission.enter(a), false);
  admission.leave(a);
  assert.equal(admission.total, 0);
  assert.equal(admission.enter(a), true);
});

test('which clock has run out', () => {
  const limits = { idleTimeout: 60, sessionTimeout: 600, dataTimeout: 300 };
  const times = { connectedAt: 0, activeAt: 0, dataSince: null, waitingSince: null };
  const table: [string, Parameters<typeof overdue>[0], number, ReturnType<typeof overdue>][] = [
    ['idle, in time', times, 60, null],
    ['idle', times, 61, 'idle'],
    ['active, session in time', { ...times, activeAt: 590 }, 600, null],
    ['session', { ...times, activeAt: 590 }, 601, 'session'],
    ['data in time', { ...times, activeAt: 390, dataSince: 100 }, 400, null],
    ['data', { ...times, activeAt: 390, dataSince: 100 }, 401, 'data'],
    ['idle in data', { ...times, activeAt: 100, dataSince: 100 }, 161, 'idle'],
    ['the session does not cut data', { ...times, activeAt: 690, dataSince: 500 }, 700, null],
    ['our slowness is not the client’s', { ...times, waitingSince: 10 }, 5_000, null],
    ['our answer', { ...times, waitingSince: 10 }, 11 + ANSWER_TIMEOUT, 'answer'],
  ];
  for (const [name, state, now, expected] of table) assert.equal(overdue(state, limits, now), expected, name);
});

test('a network has the places of four addresses', () => {
  const admission = createAdmission(() => ({ maxConnections: 99, maxConnectionsPerIp: 1 }));
  const entered = [1, 2, 3, 4, 5, 6].map(last => admission.enter(clientOf(`192.0.2.${last}`)));
  assert.deepEqual(entered, [true, true, true, true, false, false]);
  assert.equal(admission.enter(clientOf('192.0.3.1')), true);
  const six = [1, 2, 3, 4, 5].map(group => admission.enter(clientOf(`2001:db8:7:${group}::1`)));
  assert.deepEqual(six, [true, true, true, true, false]);
  assert.equal(admission.enter(clientOf('2001:db8:8::1')), true);
});

test('a rate limiter fills over connections and wears off within an hour', () => {
  let now = 1_000_000;
  const limiter = createRateLimiter(
    () => 10,
    () => now,
  );
  for (let count = 0; count < 10; count += 1) {
    assert.equal(limiter.isBlocked(a), false, `${count}`);
    limiter.count(a);
  }
  assert.equal(limiter.isBlocked(a), true);
  assert.equal(limiter.isBlocked(b), false);
  now += 5 * 60_000;
  assert.equal(limiter.isBlocked(a), true);
  now += 60_000 + 1;
  assert.equal(limiter.isBlocked(a), false);
  limiter.count(a);
  assert.equal(limiter.isBlocked(a), true);
  now += 3_600_000;
  for (let count = 0; count < 9; count += 1) limiter.count(a);
  assert.equal(limiter.isBlocked(a), false);
});

test('a rate limiter counts a network whose addresses each stay below', () => {
  const limiter = createRateLimiter(
    () => 10,
    () => 0,
  );
  for (let last = 1; last <= 40; last += 1) limiter.count(clientOf(`192.0.2.${last}`));
  assert.equal(limiter.isBlocked(clientOf('192.0.2.200')), true);
  assert.equal(limiter.isBlocked(clientOf('192.0.3.200')), false);
});

test('a rate limiter forgets who was counted longest ago instead of growing', () => {
  const limiter = createRateLimiter(
    () => 1,
    () => 0,
  );
  limiter.count(c);
  assert.equal(limiter.isBlocked(c), true);
  for (let index = 0; index < 20_000; index += 1) {
    limiter.count({ address: `a${index}`, network: `n${index}` });
  }
  assert.equal(limiter.isBlocked(c), false);
});
