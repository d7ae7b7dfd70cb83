import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWER_TIMEOUT, createAdmission, overdue } from '#replyd/ingress/smtp-limits.js';

test('places are counted in the whole and by client, and given back', () => {
  const limits = { maxConnections: 4, maxConnectionsPerIp: 2 };
  const admission = createAdmission(() => limits);
  assert.equal(admission.enter('a'), true);
  assert.equal(admission.enter('a'), true);
  assert.equal(admission.enter('a'), false);
  assert.equal(admission.enter('b'), true);
  assert.equal(admission.enter(null), true);
  assert.equal(admission.enter('c'), false);
  assert.equal(admission.enter(null), false);
  assert.equal(admission.total, 4);
  admission.leave('a');
  assert.equal(admission.enter('a'), true);
  // A reload counts at once; nobody is thrown out.
  limits.maxConnections = 3;
  admission.leave('b');
  assert.equal(admission.enter('b'), false);
  for (const key of ['a', 'a', null]) admission.leave(key);
  assert.equal(admission.total, 0);
});

test('a connection that becomes another client moves its place', () => {
  const admission = createAdmission(() => ({ maxConnections: 9, maxConnectionsPerIp: 1 }));
  admission.enter(null);
  admission.enter(null);
  assert.equal(admission.move(null, 'a'), true);
  assert.equal(admission.move(null, 'a'), false);
  assert.equal(admission.total, 2);
  admission.leave('a');
  assert.equal(admission.enter('a'), false);
  admission.leave('a');
  assert.equal(admission.total, 0);
  assert.equal(admission.enter('a'), true);
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
