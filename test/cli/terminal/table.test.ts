import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facts, table } from '#replyd/cli/terminal/table.js';
import { unfitLines } from '../program.js';

interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly count: number;
}

const SHAPE = [
  { title: 'id', of: (row: Row) => row.id },
  { title: 'name', of: (row: Row) => row.name, shrinks: true },
  { title: 'count', of: (row: Row) => row.count, align: 'right' as const },
];

test('columns are as wide as they must be', () => {
  const text = table(
    [
      { id: 'a', name: 'Grüße', count: 7 },
      { id: 'bcd', name: null, count: 1234 },
    ],
    SHAPE,
    { columns: 80 },
  );
  assert.equal(text, ['id   name   count', 'a    Grüße      7', 'bcd  -       1234'].join('\n'));
});

test('what is too wide is cut where it may be, never an id', () => {
  const id = 'msg_0123456789a';
  const rows = ['日本語'.repeat(30), '👍'.repeat(60), 'שלום '.repeat(30), '\x1b[31mred\x07'.repeat(20)].map(
    (name, count) => ({ id, name, count }),
  );
  const text = table(rows, SHAPE, { columns: 80, note: row => `why: ${row.name}` });
  assert.deepEqual(unfitLines(text), []);
  // A long note goes on in lines of its own, three at most.
  assert.deepEqual(
    text
      .split(id)
      .slice(1)
      .map(row => row.trimEnd().split('\n').length),
    [4, 4, 4, 4],
  );
  assert.equal(text.split(id).length, 5);
});

test('an address that is cut stands whole under its row', () => {
  const shape = [SHAPE[0]!, { ...SHAPE[1]!, title: 'to', whole: true }];
  const rows = ['a@example.org', `${'long'.repeat(10)}@example.org`].map((name, count) => ({ id: 'abc', name, count }));
  assert.deepEqual(table(rows, shape, { columns: 30 }).split('\n'), [
    'id   to',
    'abc  a@example.org',
    'abc  longlonglonglonglonglong…',
    '    to:',
    '    longlonglonglonglonglonglo',
    '    nglonglonglong@example.org',
  ]);
});

test('facts leave out what is not known', () => {
  assert.equal(
    facts([
      ['name', 'Maria'],
      ['address', null],
      ['since', ''],
      ['number', 0],
    ]),
    'name    Maria\nnumber  0',
  );
});
