import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createUnproven,
  FAIR_TIME,
  FIELD_COST,
  GUESSES,
  KNOWN_SHARES,
  READ_AT_ONCE,
  type Reading,
  TOTAL_SHARES,
} from '#replyd/ingress/providers/unproven.js';
import { NETWORK_SHARES } from '#replyd/ingress/smtp/limits.js';

const MINUTE = 60_000;
const LIMIT = 10_000_000;

const GOES_ON: Reading = { stalls: () => false, cut: () => undefined };

function world(limit = LIMIT) {
  const clock = { now: 5 * MINUTE };
  const made = createUnproven({ limit: () => limit, now: () => clock.now });
  return {
    ...made,
    clock,
    open: (client: string | null, largest: number, reading = GOES_ON) => made.open(client, largest, reading),
  };
}

/** A request that has asked for a place. */
function readers(limit?: number) {
  const { open, clock } = world(limit);
  const cut: string[] = [];
  const enter = (client: string | null, stalls = false) => {
    const allowance = open(client, 0, { stalls: () => stalls, cut: () => cut.push(client ?? 'nobody') });
    return { ...allowance, entered: allowance.enter() };
  };
  return { clock, cut, enter };
}

test('so many are read at once; a place is free again with a proof or at the end', () => {
  const { cut, enter } = readers();
  const all = Array.from({ length: READ_AT_ONCE }, (_, number) => enter(`10.0.${number}.1`));
  assert.ok(all.every(({ entered }) => entered));
  assert.equal(enter('192.0.2.1').entered, false);
  assert.equal(enter(null).entered, false, 'a proxy that says nothing has no place of its own');
  all[0]!.proven();
  assert.equal(enter('192.0.2.1').entered, true);
  assert.equal(enter('192.0.3.1').entered, false);
  all[1]!.end();
  assert.equal(enter('192.0.3.1').entered, true);
  assert.deepEqual(cut, []);
});

test('an address that proved itself has places that no stranger takes', () => {
  const { cut, enter } = readers();
  enter('192.0.2.1').proven();
  for (let number = 0; number < READ_AT_ONCE; number += 1) enter(`10.0.${number}.1`);
  assert.equal(enter('10.1.0.1').entered, false);
  const known = Array.from({ length: READ_AT_ONCE * KNOWN_SHARES }, () => enter('192.0.2.1').entered);
  assert.ok(known.every(entered => entered));
  assert.equal(enter('192.0.2.1').entered, false);
  assert.deepEqual(cut, []);
});

test('who stands still loses his place, then the network with the most, then who has had it for long', () => {
  const { clock, cut, enter } = readers();
  for (let number = 0; number < READ_AT_ONCE - 3; number += 1) enter(`10.0.${number}.1`);
  enter('198.51.100.1');
  enter('198.51.100.2');
  enter('203.0.113.1', true);
  const steps = ['192.0.2.1', '192.0.3.1', '192.0.4.1'].map(client => [enter(client).entered, cut.at(-1)]);
  assert.deepEqual(steps, [
    [true, '203.0.113.1'],
    [true, '198.51.100.2'],
    [false, '198.51.100.2'],
  ]);
  clock.now += FAIR_TIME;
  assert.equal(enter('192.0.4.1').entered, true);
  assert.deepEqual(cut, ['203.0.113.1', '198.51.100.2', '10.0.0.1']);
});

test('bytes without a proof: at once, within a minute, and again when the minute is over', () => {
  const { clock, open } = world();
  const first = open('192.0.2.1', 0);
  const steps = [0.6, 0.5, 0.4, 0.1].map(share => first.take(share * LIMIT));
  assert.deepEqual(steps, [true, false, true, false]);
  assert.equal(open('192.0.2.1', 0).take(1), false, 'on their way they count for all of its requests');
  assert.equal(open('192.0.2.2', 0).take(LIMIT), true, 'others have their own');
  clock.now += MINUTE;
  assert.equal(first.take(1), false, 'what is on its way does not wear off');
  first.end();
  assert.equal(open('192.0.2.1', 0).take(1), false);
  clock.now += MINUTE / 2;
  const second = open('192.0.2.1', 0);
  assert.deepEqual([second.take(LIMIT / 2), second.take(LIMIT / 10)], [true, false]);
});

test('a proof gives everything back, and the address has more room for an hour', () => {
  const { clock, open } = world();
  const post = open('192.0.2.1', 0);
  assert.equal(post.take(LIMIT), true);
  post.proven();
  assert.equal(post.take(1e12), true);
  const known = open('192.0.2.1', 0);
  assert.deepEqual([known.take(LIMIT * KNOWN_SHARES), known.take(1)], [true, false]);
  known.end();
  post.end();
  clock.now += 61 * MINUTE;
  const later = open('192.0.2.1', 0);
  assert.deepEqual([later.take(LIMIT), later.take(1)], [true, false]);
});

test('a network, and everybody together; a known address needs no room in the total', () => {
  const { open } = world();
  open('198.51.100.9', 0).proven();
  for (let host = 1; host <= NETWORK_SHARES; host++) assert.equal(open(`192.0.2.${host}`, 0).take(LIMIT), true);
  assert.equal(NETWORK_SHARES, TOTAL_SHARES, 'the next one is too much for both');
  assert.equal(open('192.0.2.200', 0).take(1), false);
  assert.equal(open('203.0.113.1', 0).take(1), false);
  assert.equal(open(null, 0).take(1), false);
  assert.equal(open('198.51.100.9', 0).take(LIMIT), true);
});

test('the largest post fits, whatever the limit is', () => {
  const { open } = world(10);
  const post = open('192.0.2.1', LIMIT);
  assert.equal(post.take(LIMIT), true);
  for (let field = 0; field < 100; field++) assert.equal(post.take(FIELD_COST), true);
});

test('many addresses keep no memory for ever, and forget none that is being read', () => {
  const { open } = world(1e9);
  const first = open('10.0.0.1', 0);
  first.take(1e9);
  for (let count = 0; count < 30_000; count++) {
    const post = open(`10.${1 + (count >> 16)}.${(count >> 8) & 255}.${count & 255}`, 0);
    post.take(1);
    post.end();
  }
  assert.equal(open('10.0.0.1', 0).take(1), false);
});

test('passwords: different wrong ones count, the same one does not', () => {
  const { clock, isGuessing, wrongPassword } = world();
  for (let count = 0; count < 1000; count++) wrongPassword('192.0.2.1', 'the old password');
  assert.equal(isGuessing('192.0.2.1'), false);
  for (let count = 1; count < GUESSES; count++) wrongPassword('192.0.2.1', `guess ${count}`);
  assert.equal(isGuessing('192.0.2.1'), true);
  assert.deepEqual([isGuessing('192.0.2.2'), isGuessing(null)], [false, false]);
  clock.now += 10 * MINUTE;
  assert.equal(isGuessing('192.0.2.1'), false, 'it wears off');
  for (let host = 1; host <= 100; host++) wrongPassword(`203.0.113.${host}`, `guess ${host}`);
  assert.equal(isGuessing('203.0.113.200'), true, 'its whole network');
});

test('an address that has proven itself is no guesser', () => {
  const { open, isGuessing, wrongPassword } = world();
  open('192.0.2.1', 0).proven();
  for (let count = 0; count < 100; count++) wrongPassword('192.0.2.1', `guess ${count}`);
  assert.equal(isGuessing('192.0.2.1'), false);
});
