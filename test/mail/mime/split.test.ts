import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitMail } from '#replyd/mail/mime/split.js';

const HEAD = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';

/** Depth, type and content of each part. */
type Found = readonly [number, string, string];

const MIXED: Found = [0, 'multipart/mixed', ''];
const X: Found = [1, 'text/plain', 'x'];
const Y: Found = [1, 'text/plain', 'y'];
const EMPTY: Found = [1, 'text/plain', ''];
const INNER = 'Content-Type: multipart/mixed; boundary=c\r\n\r\n';
const CALLED = 'Content-Type: text/plain; boundary=b\r\n\r\n';

const MAILS: readonly (readonly [string, string, readonly Found[]])[] = [
  ['nothing at all', '', [[0, 'text/plain', '']]],
  ['a header without end', 'From: a', [[0, 'text/plain', '']]],
  ['an empty body', 'From: a\r\n\r\n', [[0, 'text/plain', '']]],
  ['a body without a last line end', 'From: a\r\n\r\nx', [[0, 'text/plain', 'x']]],
  ['a part of one line end', `${HEAD}--b\r\n\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`, [MIXED, EMPTY, X]],
  ['an empty part', `${HEAD}--b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`, [MIXED, EMPTY, X]],
  ['a part without header end', `${HEAD}--b\r\nX: y\r\n--b\r\n\r\nx\r\n--b--\r\n`, [MIXED, EMPTY, X]],
  ['a last part without header end', `${HEAD}--b\r\nX: y\r\n--b--\r\n`, [MIXED, EMPTY]],
  ['an end without line end', `${HEAD}--b\r\n\r\nx\r\n--b--`, [MIXED, X]],
  ['an end in place of a part', `${HEAD}--b\r\n--b--\r\n\r\nx\r\n--b\r\n\r\ny\r\n`, [MIXED]],
  ['a delimiter in place of the end', `${HEAD}--b\r\n\r\nx\r\n--b`, [MIXED, X]],
  ['a delimiter and CR at the end', `${HEAD}--b\r\n\r\nx\r\n--b\r`, [MIXED, X]],
  ['bare CR before a delimiter', `${HEAD}--b\r\n\r\nx\n\r--b\r\n\r\ny\r\n--b--\r\n`, [MIXED, X, Y]],
  ['bare CR before the last line', `${HEAD}--b\r\n\r\nx\r\n\r--b--`, [MIXED, X]],
  ['words before and after', `${HEAD}before\r\n\r\n--b\r\n\r\nx\r\n--b--\r\nafter\r\nmore`, [[0, 'multipart/mixed', 'before\r\n\r\n'], X]],
  ['an end before all parts', `${HEAD}--b--\r\nwords\r\n--b\r\n\r\nx\r\n`, [[0, 'multipart/mixed', '--b--\r\nwords\r\n'], [1, 'text/plain', 'x\r\n']]],
  ['dashes in a part', `${HEAD}--b\r\n\r\n--\r\n-- \r\n--c\r\n--bb\r\n---\r\n--b--\r\n`, [MIXED, [1, 'text/plain', '--\r\n-- \r\n--c\r\n--bb\r\n---']]],
  ['a boundary on a part that is no multipart', `${CALLED}x\r\n--b\r\n\r\ny\r\n--b--\r\nz\r\n`, [[0, 'text/plain', 'x'], Y]],
  ['a multipart without parts in such a part', `${CALLED}--b\r\n${INNER}x\r\n--b--\r\n--b--\r\ny\r\n--b\r\n\r\nz\r\n`, [[0, 'text/plain', ''], [1, 'multipart/mixed', 'x\r\n']]],
  ['an inner multipart that never ends', `${HEAD}--b\r\n${INNER}--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n`, [MIXED, [1, 'multipart/mixed', ''], [2, 'text/plain', 'x'], Y]],
  ['words in a multipart without parts', `${HEAD}--b\r\n${INNER}words\r\n--b\r\n\r\ny\r\n--b--\r\n`, [MIXED, [1, 'multipart/mixed', 'words\r\n'], Y]],
  ['a multipart without parts at the end', `${HEAD}--b\r\n${INNER}words\r\n--b--\r\nafter\r\nmore`, [MIXED, [1, 'multipart/mixed', 'words\r\n']]],
  ['a multipart without words at the end', `${HEAD}--b\r\n${INNER}--b--\r\nafter\r\nmore`, [MIXED, [1, 'multipart/mixed', '']]],
  ['a multipart that only ends', `${HEAD}--b--\r\n--b--\r\nx`, [[0, 'multipart/mixed', '--b--\r\n--b--\r\nx']]],
  ['white space behind a delimiter', `${HEAD}--b \t\r\n\r\nx\r\n--b-- \r\r\n\r\ny\r\n--b -\r\n--b${' '.repeat(999)}\r\n\r\nz\r\n`, [MIXED, X]],
  ['too much white space', `${HEAD}--b${' '.repeat(1_003)}\r\n\r\nx\r\n`, [[0, 'multipart/mixed', `--b${' '.repeat(1_003)}\r\n\r\nx\r\n`]]],
  ['a type in two lines', 'Content-Type: multipart/mixed;\r\n\tboundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n', [MIXED, X]],
  ['white space in a boundary', 'Content-Type: multipart/mixed; boundary="b  c"\r\n\r\n--b  c\r\n\r\nx\r\n--b  c--\r\n', [MIXED, X]],
  ['comments, a boundary in pieces', 'Content-Type: multipart/mixed (x); boundary*0="b"; boundary*1=c\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n', [MIXED, X]],
  ['a boundary in raw 8-bit', 'Content-Type: multipart/mixed; boundary="\xe9"\r\n\r\n--\xe9\r\n\r\nx\r\n--\xe9--\r\n', [MIXED, X]],
  ['a NUL in a boundary', 'Content-Type: multipart/mixed; boundary=b\0c\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n', [MIXED, X]],
  ['no type but a file name', 'Content-Disposition: attachment; filename=a.png\r\n\r\nx', [[0, '', 'x']]],
  ['an empty type', 'Content-Type:\r\n\r\nx', [[0, '', 'x']]],
  ['a type of one word', 'Content-Type: text\r\n\r\nx', [[0, '', 'x']]],
  ['words behind a type', 'Content-Type: multipart/mixed charset=x; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n', [[0, '', ''], X]],
  ['a multipart of no kind', 'Content-Type: multipart/; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n', [[0, '', ''], X]],
  ['two types', 'Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n', [MIXED, X]],
  ['LF alone', `${HEAD}--b\r\n\r\nx\r\n--b--\r\n`.replaceAll('\r\n', '\n'), [MIXED, X]],
  ['CR alone', `${HEAD}--b\r\n\r\nx\r\n--b--\r\n`.replaceAll('\r\n', '\r'), [MIXED, X]],
  ['CR CR LF', `${HEAD}--b\r\n\r\nx\r\n--b--\r\n`.replaceAll('\r\n', '\r\r\n'), [MIXED, X]],
]; // biome-ignore format: a table

for (const [name, text, expected] of MAILS) {
  test(`split: ${name}`, () => {
    const found = [...splitMail(Buffer.from(text, 'latin1'))];
    const shown = found.map(({ part, content }) => [part.depth, part.type, Buffer.from(content).toString('latin1')]);
    assert.deepEqual(shown, expected);
  });
}

test('above the limits the splitter stops, after what stands in front', () => {
  const deep = Array.from(
    { length: 60 },
    (_, index) => `Content-Type: multipart/mixed; boundary=b${index}.\r\n\r\n--b${index}.\r\n`,
  );
  const beyond: readonly (readonly [string, number])[] = [
    [`${HEAD}${'--b\r\n\r\nx\r\n'.repeat(1_100)}`, 1000],
    [deep.join(''), 51],
    [`X: y\r\n`.repeat(200_000), 0],
  ];
  for (const [text, least] of beyond) {
    let count = 0;
    assert.throws(() => {
      for (const _ of splitMail(Buffer.from(text))) count += 1;
    }, Error);
    assert.equal(count, least);
  }
});

test('rows of dashes and delimiters without end cost their length', () => {
  const bodies = [
    '--\r\n'.repeat(500_000),
    '-'.repeat(2_000_000),
    `${'--b-'.repeat(500_000)}`,
    '\r--\r'.repeat(400_000),
  ];
  for (const body of bodies) assert.equal([...splitMail(Buffer.from(`${HEAD}${body}`))].length, 1);
});
