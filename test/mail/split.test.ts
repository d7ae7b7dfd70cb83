import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailParts } from '#replyd/mail/parts.js';
import { corpusMails } from './corpus.js';

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
  'a delimiter that ends nothing': `${HEAD}--b\r\n\r\nx\r\n--b`,
  'bare CR before a delimiter': `${HEAD}--b\r\n\r\nx\n\r--b\r\n\r\ny\r\n--b--\r\n`,
  'words before and after': `${HEAD}before\r\n\r\n--b\r\n\r\nx\r\n--b--\r\nafter\r\nmore`,
  'an end before all parts': `${HEAD}--b--\r\nwords\r\n--b\r\n\r\nx\r\n`,
  'dashes in a part': `${HEAD}--b\r\n\r\n--\r\n-- \r\n--c\r\n--bb\r\n---\r\n--b--\r\n`,
  'a boundary on a part that is no multipart': 'Content-Type: text/plain; boundary=b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\nz\r\n',
  'an inner multipart that never ends': `${HEAD}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n`,
  'LF alone': `${HEAD}--b\r\n\r\nx\r\n--b--\r\n`.replaceAll('\r\n', '\n'),
  'a long line': `From: a\r\n\r\n${'x'.repeat(200_000)}\r\n${'y'.repeat(70_000)}`,
}; // biome-ignore format: a table

async function partsOf(source: Uint8Array | AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const found: unknown[] = [];
  try {
    for await (const { part, content } of mailParts(source)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of content) pieces.push(piece);
      const header = Buffer.from(part.headerBytes).toString('latin1');
      found.push([part.depth, part.type, header, Buffer.concat(pieces).toString('latin1')]);
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
    const atOnce = await partsOf(bytes);
    assert.deepEqual(atOnce, await partsOf(piecesOf(bytes)), name);
    assert.ok(atOnce.length > 0, name);
  }
});
