import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { withBoundedHeader } from '#replyd/verifying/bounded-header.js';

async function bounded(mail: string, piece = 7): Promise<string | null> {
  const pieces = mail.match(new RegExp(`[\\s\\S]{1,${piece}}`, 'g')) ?? [];
  const stream = await withBoundedHeader(Readable.from(pieces.map(each => Buffer.from(each, 'latin1'))));
  if (stream === null) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

test('an ordinary mail stays as it is, whatever its line ends', async () => {
  for (const end of ['\r\n', '\n']) {
    const mail = `From: a@b.example${end}Subject: x${end} y${end}${end}Body${end}${end}DKIM-Signature: no field${end}`;
    for (const piece of [1, 7, 1000]) assert.equal(await bounded(mail, piece), mail);
  }
  for (const mail of ['', '\r\nonly a body', 'Subject: no body', 'Subject: \xff\x00\r\n\r\n\xfe']) {
    assert.equal(await bounded(mail), mail);
  }
});

test('of many signatures the topmost five stay, and no ARC', async () => {
  const signatures = Array.from({ length: 9 }, (_, index) => `DKIM-Signature: v=1;\r\n l=${index}\r\n`);
  const rest = 'From: a@b.example\r\n\r\nBody';
  const mail = `${signatures.join('')}ARC-Seal: i=1;\r\n cv=none\r\ndkim-signature : v=1\r\n${rest}`;
  assert.equal(await bounded(mail), signatures.slice(0, 5).join('') + rest);
});

test('a header without end is not read', async () => {
  assert.equal(await bounded(`From: a@b.example\r\n${'X: y\r\n'.repeat(100_000)}\r\n`, 65_536), null);
});
