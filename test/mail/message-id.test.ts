import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMessageId, parseMessageIds } from '#replyd/mail/message-id.js';

test('lists of ids as they come', () => {
  const table: [string | string[], string[]][] = [
    ['<a@example.com>', ['a@example.com']],
    ['<a@x> <b@x>\r\n\t<c@x>', ['a@x', 'b@x', 'c@x']],
    ['<a@x><b@x>', ['a@x', 'b@x']],
    ['<a@x>,<b@x>; <c@x>', ['a@x', 'b@x', 'c@x']],
    ['<a@x> <b@x> <a@x>', ['a@x', 'b@x']],
    ['<A@x> <a@x>', ['A@x', 'a@x']],
    ['< a@x >', ['a@x']],
    ['<very-long-\r\n id@x>', ['very-long-id@x']],
    ['<a@x> (Ann\'s message of "Tue <1> Jan") <b@x>', ['a@x', 'b@x']],
    ['(nested (comment \\) <no@x>)) <a@x>', ['a@x']],
    ['<a@x> from ann@example.com at "Jan 1, 2026 <9:00>"', ['a@x']],
    ['Your message of "Tue, 1 Jan 2026" <a@x>', ['a@x']],
    ['Your message of <Tue, 1 Jan>', []],
    ['a@x b@x', ['a@x', 'b@x']],
    ['a@x, b@x', ['a@x', 'b@x']],
    ['a@x>', ['a@x']],
    ['<a@x', ['a@x']],
    ['<a@x <b@x>', ['a@x', 'b@x']],
    ['<a@x some words', ['a@x']],
    ['<<a@x>>', ['a@x']],
    ['<20260101.abc>', ['20260101.abc']],
    ['word', []],
    ['', []],
    ['<>', []],
    ['(never closed <a@x>', ['a@x']],
    ['"never closed <a@x>', ['a@x']],
    [
      ['<a@x>', '<b@x>'],
      ['a@x', 'b@x'],
    ],
    ['<a\0b@x>', ['ab@x']],
    ['<a\ud800b@x>', ['ab@x']],
    [`<${'a'.repeat(997)}@x>`, []],
    ['<用户@例子.example>', ['用户@例子.example']],
  ];
  for (const [value, expected] of table) assert.deepEqual(parseMessageIds(value), expected, JSON.stringify(value));
});

test('one id', () => {
  const table: [string, string | null][] = [
    [' <a@example.com> ', 'a@example.com'],
    ['a@example.com', 'a@example.com'],
    ['20260101.abc', '20260101.abc'],
    ['<a@x> <b@x>', 'a@x'],
    ['a b c', null],
    ['', null],
    ['<>', null],
    ['()', null],
  ];
  for (const [value, expected] of table) assert.equal(parseMessageId(value), expected, value);
});

test('a long chain keeps its root and its end', () => {
  const all = Array.from({ length: 500 }, (_, index) => `${index}@x`);
  const ids = parseMessageIds(all.map(id => `<${id}>`).join(' '));
  assert.deepEqual(ids, [...all.slice(0, 20), ...all.slice(320)]);
});

test('hostile fields are read in one pass', () => {
  for (const unit of ['(', '<', '"', '\\(', '<a@x', '(<"', ' ', '>']) {
    assert.ok(parseMessageIds(unit.repeat(50_000)).length <= 200, unit);
  }
});
