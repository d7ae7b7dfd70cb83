import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeaderBlock, valuesByName } from '#replyd/mail/mime/headers.js';

/** [why, header, names and values] */
const TABLE: readonly (readonly [string, string, readonly (readonly [string, string])[]])[] = [
  ['plain fields', 'From: ann\nX-Own-Name: b\n', [['from', 'ann'], ['x-own-name', 'b']]],
  ['names in any case, with blanks', 'SUBJECT : a\nmessage-id\t:<b>\n', [['subject', 'a'], ['message-id', '<b>']]],
  ['no blank, several blanks', 'To:a\nTo:   b  \nTo:\n', [['to', 'a'], ['to', 'b'], ['to', '']]],
  ['folds', 'To: a,\n b,\n\t c\nCc:\n d\n \n', [['to', 'a, b, c'], ['cc', 'd']]],
  ['white space inside', 'To: a  b\tc \t d e\n', [['to', 'a b c d e']]],
  ['a bare CR', 'To: a\rb\nCc: c\r\r\n d\n', [['to', 'a b'], ['cc', 'c d']]],
  ['NUL', 'To: a\0b \0 c\n', [['to', 'ab c']]],
  ['raw UTF-8', 'To: J\xc3\xbcrgen\n', [['to', 'J\xfcrgen']]],
  ['raw 8-bit without a charset', 'To: J\xfcrgen\n folded\n', [['to', 'J\xfcrgen folded']]],
  ['raw 8-bit in the charset of the block', 'To: \xe1\nContent-Type: text/plain; charset=iso-8859-7\n', [['to', '\u03b1'], ['content-type', 'text/plain; charset=iso-8859-7']]],
  ['raw ISO-2022-JP', 'To: \x1b$B%F%9%H\x1b(B\n', [['to', '\u30c6\u30b9\u30c8']]],
  ['a line that is no field, and its fold', 'To: a\nwords\n more\nCc: b\n', [['to', 'a'], ['cc', 'b']]],
  ['an mbox line', 'From ann@example.com Mon Jan  1 12:00:00\n folded\nTo: a\n', [['to', 'a']]],
  ['up to a blank line', 'To: a\n\nCc: b\n', [['to', 'a']]],
  ['no line end at the end', 'To: a\nCc: b', [['to', 'a'], ['cc', 'b']]],
  ['nothing', '', []],
]; // biome-ignore format: a table

test('fields of a header', () => {
  for (const [why, text, fields] of TABLE) {
    const expected = fields.map(([name, value]) => ({ name, value }));
    for (const header of [text, text.replaceAll('\n', '\r\n').replaceAll('\r\r\r\n', '\r\r\n')]) {
      assert.deepEqual(parseHeaderBlock(Buffer.from(header, 'latin1')).fields, expected, why);
    }
  }
});

test('what stands out of order is said', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['To: a\r\nCc: b\r\n\r\n', -1],
    ['To: a\r\nwords\r\n', 7],
    [': a\r\n', 0],
    [' To: a\r\n', -1],
    ['To: a\0\r\n', -1],
    ['To: \xff\r\n', -1],
    ['>From ann@example.com Mon\nTo: a\n', -1],
    [`${'To: a\n'.repeat(501)}`, -1],
  ];
  for (const [text, malformedAt] of cases) {
    const block = parseHeaderBlock(Buffer.from(text, 'latin1'));
    assert.equal(block.malformedAt, malformedAt, JSON.stringify(text.slice(0, 40)));
    assert.ok(block.fields.length <= 500);
  }
});

test('a long value is cut, and its white space counts before it goes', () => {
  const value = (text: string) => parseHeaderBlock(Buffer.from(`X: ${text}\n`)).fields[0]!.value;
  assert.equal(value('x'.repeat(100_000)).length, 99_999);
  assert.equal(value('a\n '.repeat(60_000)).length, 66_665);
});

test('values of several names', () => {
  const { fields } = parseHeaderBlock(Buffer.from('To: a\nCc: b\nTo: c\nBcc: d\n'));
  const values = valuesByName(fields, new Set(['to', 'cc', 'from']));
  assert.deepEqual([...values], [['to', ['a', 'c']], ['cc', ['b']]]); // biome-ignore format: a table
});
