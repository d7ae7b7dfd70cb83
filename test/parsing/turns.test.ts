import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from '#replyd/parsing/turns.js';

/** Mails that wait, as `network/client account number`; `-` in front: for the operator alone. */
const CASES: readonly (readonly [what: string, waiting: string, order: string])[] = [
  ['nothing', '', ''],
  ['one client: as they came', 'n/a x 1, n/a x 2, n/a x 3', 'n/a x 1, n/a x 2, n/a x 3'],
  ['clients', 'n/a x 1, n/a x 2, n/a x 3, n/b x 1', 'n/a x 1, n/b x 1, n/a x 2, n/a x 3'],
  ['accounts of a client', 'n/a x 1, n/a x 2, n/a x 3, n/a y 1', 'n/a x 1, n/a y 1, n/a x 2, n/a x 3'],
  [
    'networks, however many clients they have',
    'n/a x 1, n/b x 1, n/c x 1, m/a x 1, m/a x 2',
    'n/a x 1, m/a x 1, n/b x 1, m/a x 2, n/c x 1',
  ],
  ['clients first, then accounts', 'n/a x 1, n/a y 1, n/a z 1, n/b x 1', 'n/a x 1, n/b x 1, n/a y 1, n/a z 1'],
  ['the operator last', '-n/a  1, n/b x 1, -n/b  1, n/b x 2', 'n/b x 1, n/b x 2, -n/a  1, -n/b  1'],
];

function turnsOf(waiting: string) {
  const turns = createTurns<string>();
  for (const mail of waiting === '' ? [] : waiting.split(', ')) {
    const [client = '', account = ''] = mail.replace(/^-/, '').split(' ');
    turns.push(mail, { client: client.split('/'), account, last: mail.startsWith('-') });
  }
  return turns;
}

for (const [what, waiting, order] of CASES) {
  test(`turns: ${what}`, () => {
    const turns = turnsOf(waiting);
    const read: string[] = [];
    for (let next = turns.next(); next !== undefined; next = turns.next()) read.push(next);
    assert.equal(read.join(', '), order);
  });
}

test('what was given back comes first, in its order', () => {
  const turns = turnsOf('n/a x 1, n/a x 2, n/b x 1, -n/c  1');
  const taken = [turns.next()!, turns.next()!];
  turns.giveBack(taken);
  const read = [1, 2, 3, 4, 5].map(() => turns.next());
  assert.deepEqual(read, ['n/a x 1', 'n/b x 1', 'n/a x 2', '-n/c  1', undefined]);
});

test('who comes while others wait has his turn behind those that have not had theirs', () => {
  const turns = turnsOf('n/a x 1, n/a x 2, n/b x 1');
  assert.equal(turns.next(), 'n/a x 1');
  turns.push('m/c x 1', { client: ['m', 'c'], account: 'x', last: false });
  assert.deepEqual([turns.next(), turns.next(), turns.next()], ['n/b x 1', 'm/c x 1', 'n/a x 2']);
});
