import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMailboxes } from '#replyd/mail/mailboxes.js';

/** [list, `name <email>` of each mailbox] */
const TABLE: readonly (readonly [string, readonly string[]])[] = [
  ['Ann Lee <ann@Example.com>', ['Ann Lee <ann@example.com>']],
  ['<ann@example.com>', [' <ann@example.com>']],
  ['ann@example.com,bob@example.com, <c@example.com>', [' <ann@example.com>', ' <bob@example.com>', ' <c@example.com>']],
  ['"Lee, Ann B." <ann@example.com>, Bob van X <bob@example.com>', ['Lee, Ann B. <ann@example.com>', 'Bob van X <bob@example.com>']],
  ['Ann bob@example.com', ['Ann <bob@example.com>']],
  ['Ann .b@example.com.', ['Ann . . <b@example.com>']],
  ['"ann@example.com" <ann@example.com>', [' <ann@example.com>']],
  ["'Ann' <ann@example.com>, O'Neil <o@example.com>", ['Ann <ann@example.com>', "O'Neil <o@example.com>"]],
  ['Lee, Ann <ann@example.com>', ['Lee, Ann <ann@example.com>']],
  ['Ann  Lee <ann@example.com> ,, bob@example.com (Bob), ', ['Ann Lee <ann@example.com>', 'Bob <bob@example.com>']],
  ['=?utf-8?q?J=C3=BCrgen?= <j@example.com>', ['J\xfcrgen <j@example.com>']],
  ['team: Ann <ann@example.com>, bob@example.com;', ['Ann <ann@example.com>', ' <bob@example.com>']],
  ['<a@b..c>, Ann <ann@example.com.>', ['Ann <ann@example.com>']],
  ['=?utf-8?B?IkFubiBMZWUiIDxhbm5AZXhhbXBsZS5jb20+?=', ['Ann Lee <ann@example.com>']],
  ['=?utf-8?Q?Lee,_Ann?= =?utf-8?Q?_<ann@example.com>?=', ['Lee, Ann <ann@example.com>']],
  ['=?utf-8?B?YW5uQGV4YW1wbGUuY29t?=', [' <ann@example.com>']],
  ['=?utf-8?B?QW5uIDxhQGV4YW1wbGUubmV0Pg==?= <ann@example.com>', ['Ann <a@example.net> <ann@example.com>']],
  ['=?utf-8?Q?a@example.net?= <ann@example.com>', ['a@example.net <ann@example.com>']],
  ['=?utf-8?Q?=3D=3Futf-8=3FQ=3FJ=3DC3=3DBCrgen=3F=3D?= <j@example.com>', ['J\u00fcrgen <j@example.com>']],
  ['=?utf-8?Q?Lee, Ann (Sales)?= <ann@example.com>', ['Lee, Ann (Sales) <ann@example.com>']],
  ['=?utf-8?Q?Sales: "Ann"?= <ann@example.com>', ['Sales: "Ann <ann@example.com>']],
  ["'ann@example.com', 'Bob' <'bob@example.com'>", [' <ann@example.com>', 'Bob <bob@example.com>']],
  ["o'neil@example.com, 'o'neil@example.com'", [" <o'neil@example.com>", " <o'neil@example.com>"]],
  ['Ann [mailto:ann@example.com], Bob <mailto:bob@example.com>', ['Ann <ann@example.com>', 'Bob <bob@example.com>']],
  ['"Ann Lee <ann@example.com>', ['Ann Lee <ann@example.com>']],
  ['Ann <<ann@example.com>>', ['Ann <ann@example.com>']],
  ['undisclosed-recipients:;', []],
  ['Ann', []],
  ['@', []],
  ['', []],
]; // biome-ignore format: a table

test('lists of addresses, plain and not', () => {
  for (const [list, expected] of TABLE) {
    const found = parseMailboxes([list]).map(({ name, email }) => `${name} <${email}>`);
    assert.deepEqual(found, expected, list);
  }
  const all = parseMailboxes(TABLE.map(([list]) => list));
  assert.equal(all.length, TABLE.flatMap(([, expected]) => expected).length);
});

test('at most 500, of at most 50,000 characters', () => {
  const list = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => `${name} <a${at}@example.com>`).join(', ');
  assert.equal(parseMailboxes([list(600, 'Ann')]).length, 500);
  assert.equal(parseMailboxes([list(300, 'Ann'), list(300, '"Bob"')]).length, 500);
  assert.equal(parseMailboxes([list(3, 'Ann'), list(600, 'Bob')]).at(-1)?.email, 'a496@example.com');
  assert.ok(parseMailboxes([list(499, 'A'.repeat(120))]).length < 499);
});

test('a hostile list takes no longer than its length', () => {
  const evil = ['Ann '.repeat(200_000), '"Ann '.repeat(200_000), `${'a.'.repeat(400_000)}@`, 'a@a,'.repeat(200_000)];
  for (const text of evil) assert.ok(parseMailboxes([`${text}@`]).length <= 500);
});
