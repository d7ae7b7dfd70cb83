import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BringingMail,
  broughtAs,
  type CcState,
  changesOf,
  MOST_CARRIED,
  MOST_KNOWN,
  MOST_NAMED,
  namedIn,
  refusalToCarry,
} from '#replyd/conversation/rules/carry.js';

const MAIL: BringingMail = {
  policy: 'carry',
  kind: 'reply',
  hasNoEffect: false,
  writer: 'contact',
  dmarc: null,
  cameToOther: false,
  isForward: false,
};

test('whom a mail brings in, by the account, the writer and the mail', () => {
  const table: readonly (readonly [Partial<BringingMail>, 'carried' | 'suggested' | null])[] = [
    [{}, 'carried'],
    [{ policy: 'suggest' }, 'suggested'],
    [{ policy: 'never' }, null],
    [{ writer: 'carried' }, 'carried'],
    [{ writer: 'carried', policy: 'suggest' }, 'suggested'],
    // A stranger's attempt, and that of somebody who only was written to once.
    [{ writer: 'other' }, null],
    [{ writer: 'other', policy: 'suggest' }, null],
    [{ kind: 'auto_reply' }, null],
    [{ kind: 'bounce' }, null],
    [{ kind: 'receipt' }, null],
    [{ kind: 'complaint' }, null],
    [{ kind: 'list' }, null],
    [{ kind: null }, null],
    [{ hasNoEffect: true }, null],
    [{ dmarc: 'pass' }, 'carried'],
    [{ dmarc: 'none' }, 'carried'],
    [{ dmarc: 'fail' }, 'suggested'],
    [{ dmarc: 'temperror' }, 'suggested'],
    [{ dmarc: 'fail', writer: 'other' }, null],
    [{ cameToOther: true }, 'suggested'],
    [{ isForward: true }, 'suggested'],
  ];
  for (const [mail, expected] of table) assert.equal(broughtAs({ ...MAIL, ...mail }), expected, JSON.stringify(mail));
});

const person = (number: number) => ({ name: '', email: `p${number}@other.example` });
const people = (count: number, from = 0) => Array.from({ length: count }, (_, index) => person(from + index));

test('To counts like Cc, each person once, the first hundred', () => {
  const [one, two, three] = people(3);
  const upper = { name: 'P0', email: 'P0@Other.example' };
  assert.deepEqual(namedIn({ to: [one!, two!], cc: [upper, three!] }), [one, two, three]);
  assert.equal(namedIn({ to: people(MOST_NAMED - 1), cc: people(50, 500) }).length, MOST_NAMED);
});

test('what becomes of whom is known already', () => {
  const ann = { name: 'Ann', email: 'Ann@other.example' };
  const table: readonly (readonly [CcState | null, 'carried' | 'suggested', 'carried' | 'suggested' | null])[] = [
    [null, 'carried', 'carried'],
    [null, 'suggested', 'suggested'],
    ['suggested', 'carried', 'carried'],
    ['suggested', 'suggested', null],
    ['carried', 'carried', null],
    ['carried', 'suggested', null],
    ['removed', 'carried', null],
    ['removed', 'suggested', null],
  ];
  for (const [before, as, state] of table) {
    const known = new Map(before === null ? [] : [['ann@other.example', before]]);
    assert.deepEqual(
      changesOf([ann], as, known),
      state === null ? [] : [{ person: ann, state, isKnown: before !== null }],
      `${before} ${as}`,
    );
  }
});

test('twenty are carried, the 21st is suggested, beyond sixty nobody is kept', () => {
  const states = (known: ReadonlyMap<string, CcState>, count: number) =>
    changesOf(people(count, 1000), 'carried', known).map(change => change.state);
  assert.deepEqual(states(new Map(), 21), [...new Array(MOST_CARRIED).fill('carried'), 'suggested']);
  assert.equal(states(new Map(), 100).length, MOST_KNOWN);
  const full = new Map(people(MOST_CARRIED).map(each => [each.email, 'carried' as const]));
  assert.deepEqual(states(full, 2), ['suggested', 'suggested']);
  const gone = new Map(people(MOST_KNOWN).map(each => [each.email, 'removed' as const]));
  assert.deepEqual(states(gone, 2), []);
  assert.equal(refusalToCarry(MOST_CARRIED - 1), null);
  assert.match(refusalToCarry(MOST_CARRIED)!, /^20 people/);
});
