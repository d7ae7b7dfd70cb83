import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spendTurn, takeTurn } from '#replyd/ingress/providers/turns.js';

const WHOLE = 256 * 1024;

test('strangers go on in their order, and take turns with who is known', async () => {
  const order: string[] = [];
  const work = async (who: 'known' | 'strangers', name: string, cost = WHOLE) => {
    await takeTurn(cost, who);
    order.push(name);
  };
  spendTurn(WHOLE);
  const strangers = Array.from({ length: 5 }, (_, number) => work('strangers', `s${number}`));
  const known = Array.from({ length: 2 }, (_, number) => work('known', `k${number}`));
  await Promise.all([...strangers, ...known]);
  assert.deepEqual(
    order.filter(name => name.startsWith('s')),
    ['s0', 's1', 's2', 's3', 's4'],
  );
  assert.deepEqual(
    order.filter(name => name.startsWith('k')),
    ['k0', 'k1'],
  );
  assert.ok(order.indexOf('k1') <= 3, String(order));
});

test('between two turns of work everybody else has one', async () => {
  spendTurn(WHOLE);
  let others = 0;
  const other = () => {
    others += 1;
    if (others < 100) setImmediate(other);
  };
  setImmediate(other);
  for (let count = 0; count < 10; count += 1) await takeTurn(WHOLE, 'strangers');
  assert.ok(others >= 9, String(others));
  for (let count = 0; count < 100; count += 1) await takeTurn(1, 'known');
});
