import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decompressedRtf, wordsOfRtf } from '#replyd/mail/mime/rtf.js';
import { signedContent } from '#replyd/mail/mime/signed-data.js';
import { openedWinmail } from '#replyd/mail/mime/winmail.js';
import { corpusMails } from '../corpus.js';

test('compressed RTF: the example of MS-OXRTFCP section 3.1.1', () => {
  const hex =
    '2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af3 2068656c0900 206277 05b0 6c647d 0a80 0fa0';
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  assert.equal(decompressedRtf(bytes), '{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n');
  for (let length = 0; length < bytes.length; length += 1) decompressedRtf(bytes.subarray(0, length));
});

test('words of RTF', () => {
  const table: [rtf: string, text: string][] = [
    ['{\\rtf1\\ansi a\\par b\\tab c\\line d}', 'a\nb\tc\nd'],
    ['{\\rtf1 \\{x\\} \\\\ a\\~b\\_c}', '{x} \\ a\u00a0b-c'],
    ["{\\rtf1\\ansicpg1251 \\'cf\\'f0}", '\u041f\u0440'],
    ['{\\rtf1\\uc2\\u8364??x\\uc1\\u228?}', '\u20acx\u00e4'],
    ['{\\rtf1{\\info{\\title no}}{\\*\\unknown no}yes{\\fonttbl{\\f0 no;}}}', 'yes'],
    ['{\\rtf1 a}}} b', 'a b'],
    ['{\\rtf1 \\constructor x}', 'x'],
    ['', ''],
  ];
  for (const [rtf, text] of table) assert.deepEqual(wordsOfRtf(rtf), { text, isHtml: false }, rtf);
});

/** The containers of the corpus, decoded. */
function containers(name: RegExp): Buffer[] {
  return corpusMails()
    .filter(mail => name.test(mail.name))
    .map(mail => /(?:^|\n)((?:[A-Za-z0-9+/]{40,}\n)+[A-Za-z0-9+/]*={0,2})/.exec(mail.bytes.toString())?.[1] ?? '')
    .map(text => Buffer.from(text, 'base64'));
}

test('broken containers: cut at each byte, with each byte turned', () => {
  const readers = [
    [openedWinmail, containers(/-winmail-(?:long|rtf|in-)/)],
    [signedContent, containers(/-smime-(?:opaque|signed)/)],
  ] as const;
  for (const [read, found] of readers) {
    assert.ok(found.length >= 3 && found.every(bytes => read(bytes) !== null));
    for (const bytes of found) {
      for (let at = 0; at < bytes.length; at += 1) {
        read(bytes.subarray(0, at));
        for (const value of [0, 0x7f, 0x80, 0xff]) {
          const turned = Buffer.from(bytes);
          turned[at] = value;
          read(turned);
        }
      }
    }
  }
});

test('hostile containers cost linear time', () => {
  const before = process.cpuUsage();
  const head = Buffer.from('789f3e220100', 'hex');
  const many = (hex: string) => Buffer.from(hex.repeat(2_000_000 / hex.length), 'hex');
  for (const hex of ['02029006000000000000 0000', '01039006000400000000000000', '020690060000000000', '00']) {
    openedWinmail(Buffer.concat([head, many(hex.replaceAll(' ', ''))]));
  }
  const signed = Buffer.from('308006092a864886f70d010702a0803080020101', 'hex');
  for (const hex of ['3180', '3080', '2480', '0400', '0401aa', '248004000000']) {
    signedContent(Buffer.concat([signed, many(hex)]));
    signedContent(Buffer.concat([signed, Buffer.from('3100308006012aa0802480', 'hex'), many(hex)]));
  }
  for (const rtf of ['{', '}', '\\', '{\\*', "\\'aa", '\\u1', '\\f1', '{\\fonttbl\\f1\\fcharset1', '\\par', 'a\n']) {
    wordsOfRtf(`{\\rtf1\\fromhtml1 ${rtf.repeat(1_000_000 / rtf.length)}`);
  }
  const bomb = Buffer.concat([
    Buffer.from('ffffffffffffffff4c5a467500000000', 'hex'),
    many('ff00000000000000000000000000000000'),
  ]);
  assert.ok(decompressedRtf(bomb).length <= 8 * 1024 * 1024);
  assert.ok(process.cpuUsage(before).user < 15_000_000);
});
