import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut, oneLine, pad, printable, width, wrap, wrapRemark } from '#replyd/cli/terminal/text.js';

const WIDTHS: readonly [text: string, columns: number][] = [
  ['', 0],
  ['plain', 5],
  ['Grüße', 5],
  ['Gru\u0308ße', 5],
  ['日本語', 6],
  ['한국어', 6],
  ['ﾊﾝｶｸ', 4],
  ['ＦＵＬＬ', 8],
  ['👍', 2],
  ['👩‍👩‍👧‍👦', 2],
  ['🇩🇪', 2],
  ['❤️', 2],
  ['שלום', 4],
  ['مرحبا', 5],
  ['zero\u200bwidth', 9],
  ['é\u0301\u0302', 1],
];

test('columns of text', () => {
  for (const [text, columns] of WIDTHS) assert.equal(width(text), columns, JSON.stringify(text));
});

test('a character alone is what it is beside one that needs the segmenter', () => {
  for (let code = 0x20; code < 0x3000; code++) {
    const character = String.fromCharCode(code);
    const name = `U+${code.toString(16)}`;
    assert.equal(printable(`日${character}`), `日${printable(character)}`, name);
    assert.equal(width(`日${character}`), 2 + width(character), name);
  }
});

const HOSTILE: readonly [text: string, shown: string][] = [
  ['\x1b[2J\x1b]0;owned\x07', '␛[2J␛]0;owned␇'],
  ['a\x00b', 'a␀b'],
  ['\x7f', '␡'],
  ['\u009b31m', '\ufffd31m'],
  ['exe.\u202efdp', 'exe.fdp'],
  ['\u2066isolate\u2069', 'isolate'],
  ['a\tb', 'a    b'],
  ['a\r\nb\rc\u2028d', 'a\nb\nc\nd'],
  ['half \ud83d pair', 'half \ufffd pair'],
  ['Größe 日本 👍 שלום', 'Größe 日本 👍 שלום'],
];

test('what a terminal would act on is shown, or gone', () => {
  for (const [text, shown] of HOSTILE) assert.equal(printable(text), shown, JSON.stringify(text));
});

test('one line stays one line', () => {
  assert.equal(oneLine(' a\n b\r\n\tc\u2029d '), 'a b c d');
});

test('cutting counts columns and keeps graphemes whole', () => {
  assert.equal(cut('short', 5), 'short');
  assert.equal(cut('longer', 5), 'long…');
  assert.equal(cut('日本語です', 7), '日本語…');
  assert.equal(cut('日本語です', 6), '日本…');
  assert.equal(cut('👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 5), '👩‍👩‍👧‍👦👩‍👩‍👧‍👦…');
  assert.equal(width(cut(`x${'\u0301'.repeat(100_000)}y`, 10)), 2);
  assert.ok(cut(`x${'\u0301'.repeat(100_000)}`, 10).length < 20);
});

test('padding counts columns', () => {
  assert.equal(pad('日本', 6), '日本  ');
  assert.equal(pad('7', 3, 'right'), '  7');
  assert.equal(pad('toolong', 3), 'toolong');
});

test('wrapping breaks at spaces, and words only where they are too long', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('a\n\nb', 7), ['a', '', 'b']);
  assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
  assert.deepEqual(wrap('日本語日本語', 5), ['日本', '語日', '本語']);
  assert.deepEqual(wrap('  indented line', 10), ['  indented', 'line']);
  assert.deepEqual(wrap('x abcdefghij', 4), ['x', 'abcd', 'efgh', 'ij']);
  assert.deepEqual(wrapRemark('say `a b c` now', 8), ['say', '`a b c`', 'now']);
  assert.deepEqual(
    wrapRemark('one two\nsay `a b c d` now', 8),
    ['one two', 'say `a b c d` now'],
    'too long to be kept whole',
  );
});

test('a long hostile line is wrapped whole, without cutting a grapheme', () => {
  const line = 'a\u0301'.repeat(200_000);
  const lines = wrap(line, 78);
  assert.equal(lines.length, Math.ceil(200_000 / 78));
  assert.equal(lines.join(''), line);
  const flags = '\u{1f1e9}\u{1f1ea}'.repeat(1000);
  assert.ok(wrap(flags, 78).every(each => each.length % 4 === 0));
});
