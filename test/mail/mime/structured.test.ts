import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structured } from '#replyd/mail/mime/structured.js';

/** [value, its word, the name in it] */
const TABLE: readonly (readonly [string, string, string | undefined])[] = [
  ['attachment; filename="x.pdf"', 'attachment', 'x.pdf'],
  ['attachment; filename=x.pdf; size=1', 'attachment', 'x.pdf'],
  ['attachment; filename="a;b.pdf"; size=1', 'attachment', 'a;b.pdf'],
  ['attachment; filename="a \\"b\\".pdf"', 'attachment', 'a "b".pdf'],
  ['attachment; filename="a "b".pdf"', 'attachment', 'a b.pdf'],
  ['attachment; size=1; filename="a "b".pdf"; size=2', 'attachment', 'a b.pdf'],
  ['attachment; filename="a "b"; c "d".pdf"', 'attachment', 'a b; c d.pdf'],
  ['attachment; filename=""x.pdf""', 'attachment', 'x.pdf'],
  ['attachment; filename="x y.pdf', 'attachment', 'x y.pdf'],
  ['attachment; filename="x y.pdf; size=1', 'attachment', 'x y.pdf'],
  ['attachment; filename="C:\\new\\x.pdf"', 'attachment', 'C:\\new\\x.pdf'],
  ["attachment; filename='x y.pdf'", 'attachment', 'x y.pdf'],
  ["attachment; filename='a;b.pdf'", 'attachment', 'a;b.pdf'],
  ['attachment; filename=a;b.pdf', 'attachment', 'a;b.pdf'],
  ['attachment; filename:"x.pdf"', 'attachment', 'x.pdf'],
  ['attachment; "x.pdf"', 'attachment', 'x.pdf'],
  ['attachment; filename="a "b".pdf"; filename*=UTF-8\'\'%C3%A4.pdf', 'attachment', '\u00e4.pdf'],
  ["attachment; filename*=csISO2022JP'ja'%1B%24B%25F%259%25H%1B%28B.pdf", 'attachment', '\u30c6\u30b9\u30c8.pdf'],
  ["attachment; filename*=latin-9''%A4.pdf", 'attachment', '\u20ac.pdf'],
  ['attachment filename="x.pdf"', 'attachment', 'x.pdf'],
  ['attachment; filename=""', 'attachment', ''],
  ['attachment', 'attachment', undefined],
];

test('names of files that break the grammar', () => {
  for (const [value, word, name] of TABLE) {
    const read = structured([{ name: 'content-disposition', value }], 'content-disposition');
    assert.deepEqual([read.value, read.params.filename], [word, name], value);
  }
  const typed = (value: string) => structured([{ name: 'content-type', value }], 'content-type');
  assert.deepEqual(typed('image/jpeg name="x "y".jpg"'), { value: 'image/jpeg', params: { name: 'x y.jpg' } });
  assert.deepEqual(typed('text/html charset=koi8-r'), { value: 'text/html', params: { charset: 'koi8-r' } });
});

test('hostile values cost linear time', () => {
  const before = process.cpuUsage();
  for (const piece of ['"', '; name="', ';', ' ', '\\', '"; a=', 'name=', "'", '(']) {
    for (const start of ['', 'a; filename="', 'a; filename=', 'a ']) {
      structured([{ name: 'x', value: start + piece.repeat(100_000 / piece.length) }], 'x');
    }
  }
  assert.ok(process.cpuUsage(before).user < 10_000_000);
});
