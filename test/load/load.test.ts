/**
 * The load tests in short: what must be true however slow the machine is. Rates, memory and the large numbers are looked
 * at by `npm run test:load`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flood } from './flood.js';
import { slow } from './slow.js';
import { slope, steady } from './steady.js';

test('under steady load every 250 is in its place once, and nothing stays open', async () => {
  const result = await steady({ conversations: 150, rate: 60, seconds: 3, outgoing: 'file', settled: 1 });
  assert.deepEqual([result.kept.failures, result.single.failures], [{}, {}]);
  assert.deepEqual(result.misplaced, []);
  assert.equal(result.unexpected, 0);
  assert.ok(result.acknowledged >= 2 && result.answers >= 1 && result.posts > result.answers, JSON.stringify(result));
  assert.deepEqual(result.descriptors.after, result.descriptors.before);
});

test('more connections than are allowed: strangers get nine in ten, the others are sent away, and all are forgotten', async () => {
  const result = await flood({ connections: 200, limit: 40, perAddress: 3, senders: 5 });
  const { descriptors, memory: _, ...seen } = result;
  assert.deepEqual(seen, {
    served: 36,
    refused: 164,
    others: {},
    closed: 164,
    stored: 5,
    health: 200,
    trusted: { full: 220, room: 220 },
    ofAddress: 3,
    ofNetwork: 12,
    elsewhere: true,
    ofTrusted: 13,
  });
  assert.equal(descriptors.full, descriptors.before + 36);
  assert.equal(descriptors.after, descriptors.before);
});

test('slow senders do not stop the others, and a total time limit ends them', async () => {
  const result = await slow({ senders: 20, every: 200, pairs: 1, seconds: 1, timeLimit: 2 });
  assert.deepEqual(result.sentAway, {
    'command: 421 4.4.2 Time limit exceeded, closing connection': 10,
    'data: 421 4.4.2 Time limit exceeded, closing connection': 10,
  });
  assert.deepEqual(result.failures, {});
  for (const turn of result.turns) assert.ok(turn.with.accepted > 0);
  assert.equal(result.stored, result.accepted);
  assert.equal(result.descriptors.after, result.descriptors.before);
});

test('the line of least squares', () => {
  const table: [readonly (readonly [number, number])[], number][] = [
    [[], 0],
    [[[1, 5]], 0],
    [
      [
        [1, 5],
        [1, 9],
      ],
      0,
    ],
    [
      [
        [0, 1],
        [1, 3],
        [2, 5],
      ],
      2,
    ],
    [
      [
        [0, 0],
        [1, 3],
        [2, 0],
      ],
      0,
    ],
  ];
  for (const [points, expected] of table) assert.equal(slope(points), expected);
});
