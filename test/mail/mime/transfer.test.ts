import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNoBase64, type TransferEncoding, transferDecode, transferDecoder } from '#replyd/mail/mime/transfer.js';

const TABLE: [encoding: TransferEncoding, encoded: string, decoded: string][] = [
  ['base64', 'SGVsbG8=', 'Hello'],
  ['base64', 'SGVs\r\nbG8=\r\n', 'Hello'],
  ['base64', 'SGVsbG8', 'Hello'],
  ['base64', 'SGVsbG8=SGVsbG8=', 'HelloHello'],
  ['base64', 'SGVs bG8=!', 'Hello'],
  ['base64', '_-8', '\xff\xef'],
  ['base64', '====', ''],
  ['quoted-printable', 'a=3Db=e9', 'a=b\xe9'],
  ['quoted-printable', 'soft =\r\nbreak=\nhere', 'soft breakhere'],
  ['quoted-printable', 'soft= \t\r\nbreak', 'softbreak'],
  ['quoted-printable', 'a = b, =XY, =4, =G1', 'a = b, =XY, =4, =G1'],
  ['quoted-printable', '==3D', '=='],
  ['quoted-printable', '=4=41', '=4A'],
  ['quoted-printable', 'end=', 'end'],
  ['quoted-printable', 'end=4', 'end=4'],
  ['quoted-printable', `=${' '.repeat(200)}x`, `=${' '.repeat(200)}x`],
  ['uuencode', 'begin 644 test.txt\r\n#0V%T\r\n`\r\nend\r\n', 'Cat'],
  ['uuencode', 'begin 644 test.txt\n+:&5L;&\\@=V]R;&0\n \nend', 'hello world'],
  ['', 'a=3Db', 'a=3Db'],
  ['', '\0\xff', '\0\xff'],
];

test('decoding, whole and cut anywhere', () => {
  for (const [encoding, encoded, decoded] of TABLE) {
    const bytes = Buffer.from(encoded, 'latin1');
    assert.equal(Buffer.from(transferDecode(bytes, encoding)).toString('latin1'), decoded, encoded);
    for (const step of [1, 2, 3]) {
      const decoder = transferDecoder(encoding);
      const out: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step)
        out.push(Buffer.from(decoder.push(bytes.subarray(at, at + step))));
      out.push(decoder.end());
      assert.equal(Buffer.concat(out).toString('latin1'), decoded, `${encoded} by ${step}`);
    }
  }
});

test('text that only calls itself base64', () => {
  assert.equal(isNoBase64(Buffer.from('Hello, my order has not arrived yet. What now?\r\n')), true);
  assert.equal(isNoBase64(Buffer.from(`${Buffer.from('Hello, my order').toString('base64')}\r\n`)), false);
  assert.equal(isNoBase64(Buffer.from('')), false);
});
