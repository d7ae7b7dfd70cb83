import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailParts, type Part, partsAtOnce } from '#replyd/mail/mime/parts.js';
import { corpusMails } from '../corpus.js';

const HEAD = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';

/** Where the stream of the MIME parser and a pass of our own over its steps could part ways. */
const EDGES: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'a header without end': 'From: a',
  'an empty body': 'From: a\r\n\r\n',
  'a body without a last line end': 'From: a\r\n\r\nx',
  'a part of one line end': `${HEAD}--b\r\n\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`,
  'an empty part': `${HEAD}--b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`,
  'a part without header end': `${HEAD}--b\r\nX: y\r\n--b\r\n\r\nx\r\n--b--\r\n`,
  'a last part without header end': `${HEAD}--b\r\nX: y\r\n--b--\r\n`,
  'a delimiter at the end': `${HEAD}--b\r\n\r\nx\r\n--b--`,
  'an end in place of a part': `${HEAD}--b\r\n--b--\r\n\r\nx\r\n--b\r\n\r\ny\r\n`,
  'a delimiter that ends nothing': `${HEAD}--b\r\n\r\nx\r\n--b`,
  'bare CR before a delimiter': `${HEAD}--b\r\n\r\nx\n\r--b\r\n\r\ny\r\n--b--\r\n`,
  'words before and after': `${HEAD}before\r\n\r\n--b\r\n\r\nx\r\n--b--\r\nafter\r\nmore`,
  'an end before all parts': `${HEAD}--b--\r\nwords\r\n--b\r\n\r\nx\r\n`,
  'dashes in a part': `${HEAD}--b\r\n\r\n--\r\n-- \r\n--c\r\n--bb\r\n---\r\n--b--\r\n`,
  'a boundary on a part that is no multipart': 'Content-Type: text/plain; boundary=b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\nz\r\n',
  'an inner multipart that never ends': `${HEAD}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n`,
  'words in a multipart without parts': `${HEAD}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nwords\r\n--b\r\n\r\ny\r\n--b--\r\n`,
  'a multipart without parts at the end': `${HEAD}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nwords\r\n--b--\r\nafter\r\nmore`,
  'a multipart without words at the end': `${HEAD}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--b--\r\nafter\r\nmore`,
  'a multipart that only ends': `${HEAD}--b--\r\n--b--\r\nx`,
  'a multipart without parts in a text': 'Content-Type: text/plain; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nx\r\n--b--\r\n--b--\r\ny\r\n--b\r\n\r\nz\r\n',
  'a bare CR before the last line': `${HEAD}--b\r\n\r\nx\r\n\r--b--`,
  'a delimiter and CR at the end': `${HEAD}--b\r\n\r\nx\r\n--b\r`,
  'white space behind a delimiter': `${HEAD}--b \t\r\n\r\nx\r\n--b-- \r\r\n\r\ny\r\n--b -\r\n--b${' '.repeat(999)}\r\n\r\nz\r\n`,
  'too much white space': `${HEAD}--b${' '.repeat(1_003)}\r\n\r\nx\r\n`,
  'a type in two lines': 'Content-Type: multipart/mixed;\r\n\tboundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  'white space in a boundary': 'Content-Type: multipart/mixed; boundary="b  c"\r\n\r\n--b  c\r\n\r\nx\r\n--b  c--\r\n',
  'comments, a boundary in pieces': 'Content-Type: multipart/mixed (x); boundary*0="b"; boundary*1=c\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n',
  'a boundary in raw 8-bit': 'Content-Type: multipart/mixed; boundary="\xe9"\r\n\r\n--\xe9\r\n\r\nx\r\n--\xe9--\r\n',
  'no type but a file name': 'Content-Disposition: attachment; filename=a.png\r\n\r\nx',
  'an empty type': 'Content-Type:\r\n\r\nx',
  'a type of one word': 'Content-Type: text\r\n\r\nx',
  'a multipart of no kind': 'Content-Type: multipart/; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  'two types': 'Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  'a name far from its colon': 'Content-Type            : multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  'a header that begins folded': ' Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
  'a NUL in a boundary': 'Content-Type: multipart/mixed; boundary=b\0c\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n',
  'LF alone': `${HEAD}--b\r\n\r\nx\r\n--b--\r\n`.replaceAll('\r\n', '\n'),
  'a long line': `From: a\r\n\r\n${'x'.repeat(200_000)}\r\n${'y'.repeat(70_000)}`,
}; // biome-ignore format: a table

function shown(part: Part, pieces: readonly Uint8Array[]): unknown {
  const header = Buffer.from(part.headerBytes).toString('latin1');
  return [part.depth, part.type, header, Buffer.concat(pieces).toString('latin1')];
}

function partsInMemory(bytes: Uint8Array): unknown[] {
  const found: unknown[] = [];
  try {
    for (const { part, content } of partsAtOnce(bytes)) found.push(shown(part, [content]));
  } catch (error) {
    found.push(String(error));
  }
  return found;
}

async function partsOf(source: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const found: unknown[] = [];
  try {
    for await (const { part, content } of mailParts(source)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of content) pieces.push(piece);
      found.push(shown(part, pieces));
    }
  } catch (error) {
    found.push(String(error));
  }
  return found;
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

test('a mail in memory is split as its stream is', async () => {
  const mails = corpusMails().map(mail => [mail.name, mail.bytes] as const);
  const edges = Object.entries(EDGES).map(([name, text]) => [name, Buffer.from(text, 'latin1')] as const);
  const deep = Array.from(
    { length: 60 },
    (_, index) => `Content-Type: multipart/mixed; boundary=${index}\r\n\r\n--${index}\r\n`,
  );
  const limits = [
    ['too many parts', Buffer.from(`${HEAD}${'--b\r\n\r\nx\r\n'.repeat(1_100)}`)],
    ['too deep', Buffer.from(deep.join(''))],
    ['too long a header', Buffer.from(`X: y\r\n`.repeat(30_000))],
  ] as const;
  for (const [name, bytes] of [...mails, ...edges, ...limits]) {
    const atOnce = partsInMemory(bytes);
    assert.deepEqual(atOnce, await partsOf(piecesOf(bytes)), name);
    assert.ok(atOnce.length > 0, name);
  }
});

const HALVES: readonly string[] = [
  '--b\r\n', '--b--\r\n', '--c\r\n', '--c--\r\n', '--b \t\r\n', '--c\n', '--b--\n', '--b', '--b--', '\r--b\r\n', '--', '-- \r\n',
  '\r\n', '\n', '\r', '\r\n\r\n', 'x\r\n', 'words', 'X: y\r\n', ' z\r\n', 'Content-Type: text/html\r\n',
  'Content-Type: multipart/mixed; boundary=b\r\n', 'Content-Type: multipart/mixed; boundary="c"\r\n\r\n',
  'Content-Type: text/plain; boundary=c\r\n', 'Content-Type: multipart/digest; boundary=b\r\n\r\n',
  'Content-Type: message/rfc822\r\n\r\n', 'Content-Disposition: attachment; filename=a.png\r\n',
]; // biome-ignore format: a table

test('the same for multiparts put together by chance', async () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let count = 0; count < 3_000; count += 1) {
    const pieces = Array.from({ length: 1 + random(14) }, () => HALVES[random(HALVES.length)]!);
    const mail = Buffer.from(`${HEAD}${pieces.join('')}`, 'latin1');
    assert.deepEqual(partsInMemory(mail), await partsOf(piecesOf(mail)), JSON.stringify(mail.toString('latin1')));
  }
});
