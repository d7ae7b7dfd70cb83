import assert from 'node:assert/strict';
import { test } from 'node:test';
import iconv from 'iconv-lite';
import { cleanText, decodeText } from '#replyd/mail/mime/charset.js';
import { charsetNamed } from '#replyd/mail/mime/charset-names.js';

const GREETINGS: [charset: string, text: string][] = [
  ['utf-8', 'Grüße, 你好, Привет 😀'],
  ['iso-8859-1', 'Größe café'],
  ['iso-8859-2', 'Zażółć gęślą jaźń'],
  ['iso-8859-5', 'Привет'],
  ['iso-8859-7', 'Καλημέρα'],
  ['iso-8859-8', 'שלום'],
  ['iso-8859-9', 'Teşekkürler, ığ'],
  ['iso-8859-15', 'Preis: 10 €'],
  ['windows-1250', 'Příliš žluťoučký'],
  ['windows-1251', 'Здравствуйте'],
  ['windows-1252', '“quoted” – 10 € …'],
  ['windows-1253', 'Καλημέρα'],
  ['windows-1254', 'Teşekkürler'],
  ['windows-1255', 'שלום'],
  ['windows-1256', 'مرحبا'],
  ['windows-1257', 'Ačiū'],
  ['windows-1258', 'Xin chào'],
  ['windows-874', 'สวัสดี'],
  ['tis-620', 'สวัสดี'],
  ['koi8-r', 'Здравствуйте'],
  ['koi8-u', 'Привіт, їжак'],
  ['shift_jis', 'こんにちは、注文です'],
  ['euc-jp', 'こんにちは'],
  ['euc-kr', '안녕하세요'],
  ['ks_c_5601-1987', '안녕하세요'],
  ['gb2312', '你好，订单'],
  ['gbk', '你好，訂單'],
  ['gb18030', '你好 😀'],
  ['big5', '你好，訂單'],
  ['utf-16le', 'Grüße'],
  ['utf-7', 'Grüße 你好'],
];

test('declared charsets', () => {
  for (const [charset, text] of GREETINGS) {
    const bytes = iconv.encode(text, charset === 'ks_c_5601-1987' ? 'cp949' : charset);
    assert.equal(decodeText(bytes, charset), text, charset);
    assert.equal(decodeText(bytes, ` "${charset.toUpperCase()}"; `), text, charset);
  }
});

test('wrong and missing declarations', () => {
  const table: [bytes: Uint8Array, charset: string | null, text: string][] = [
    [Buffer.from('Grüße'), null, 'Grüße'],
    [Buffer.from('Grüße'), 'us-ascii', 'Grüße'],
    [Buffer.from('Grüße'), 'iso-8859-1', 'Grüße'],
    [Buffer.from('Привет'), 'windows-1252', 'Привет'],
    [Buffer.from('你好你好'), 'big5', '你好你好'],
    [Buffer.from('Grüße'), 'x-no-such-charset', 'Grüße'],
    [Buffer.from('Grüße'), 'base64', 'Grüße'],
    [latin1('Gr\xfc\xdfe'), null, 'Grüße'],
    [latin1('Gr\xfc\xdfe'), 'utf-8', 'Grüße'],
    [latin1('Gr\xfc\xdfe'), 'us-ascii', 'Grüße'],
    [latin1('Gr\xfc\xdfe'), 'unknown-8bit', 'Grüße'],
    [latin1('\x93quoted\x94 \x80'), 'iso-8859-1', '“quoted” €'],
    [latin1('\x93quoted\x94'), null, '“quoted”'],
    [latin1('\x1b$B$3$s\x1b(B'), 'iso-2022-jp', 'こん'],
    [latin1('\x1b$B$3$s\x1b(B'), null, 'こん'],
    [latin1('\x1b$B$3$s\x1b(B'), 'us-ascii', 'こん'],
    [Buffer.concat([Buffer.from('你好你好你好'), latin1('\xe4')]), 'utf-8', '你好你好你好\ufffd'],
    [Buffer.from('\ufeffHello'), null, 'Hello'],
    [Buffer.concat([latin1('\xff\xfe'), Buffer.from('Grüße', 'utf16le')]), null, 'Grüße'],
    [Buffer.concat([latin1('\xff\xfe'), Buffer.from('Grüße', 'utf16le')]), 'utf-16', 'Grüße'],
    [Buffer.concat([latin1('\xfe\xff'), Buffer.from('Grüße', 'utf16le').swap16()]), null, 'Grüße'],
    [Buffer.from('plain ascii'), 'utf-16', 'plain ascii'],
    [latin1('a\0b'), null, 'ab'],
    [Buffer.from('Grüße'), 'utf-16 from a broken header', 'Grüße'],
    [latin1(''), null, ''],
    [latin1(''), 'shift_jis', ''],
  ];
  for (const [bytes, charset, text] of table) assert.equal(decodeText(bytes, charset), text, `${charset}: ${text}`);
});

test('text that may be stored', () => {
  assert.equal(cleanText('a\ud800b\udc00c'), 'a\ufffdb\ufffdc');
  assert.equal(cleanText('smile 😀'), 'smile 😀');
  assert.equal(cleanText('\ufeffa\0b'), 'ab');
});

test('any bytes under any name give text', () => {
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 7) & 255));
  for (const [charset] of [...GREETINGS, ['iso-2022-jp', ''], ['utf-32', ''], ['__proto__', ''], ['constructor', '']]) {
    const text = decodeText(bytes, charset!);
    assert.equal(text.includes('\0'), false, charset);
    assert.equal(/[\ud800-\udfff]/u.test(text), false, charset);
  }
});

test('names of charsets', () => {
  const table: [names: string, charset: string][] = [
    ['utf-8 UTF8 utf_8 unicode-1-1-utf-8 us-ascii ANSI_X3.4-1968 cp65001 en_US.UTF-8 3Dutf-8 charset=utf-8 8bit', ''],
    ['iso-8859-1 latin1 l1 csISOLatin1 ISO_8859-1:1987 cp819 Cp1252 x-cp1252 windows-1252 1252', 'windows-1252'],
    ['latin-2 latin2 l2 csISOLatin2 iso88592 cp28592', 'iso-8859-2'],
    ['latin5 csISOLatin5 iso-8859-9 x-cp1254', 'windows-1254'],
    ['latin9 latin-9 l9 csISOLatin9 iso_8859-15 ISO8859_15 de_DE.ISO8859-15 cp28605', 'iso-8859-15'],
    ['cyrillic iso-ir-144 csISOLatinCyrillic', 'iso-8859-5'],
    ['koi8 koi8_r csKOI8R 20866', 'koi8-r'],
    ['cp51932 csEUCPkdFmtJapanese x-euc-jp ujis eucJP-win windows-51932', 'euc-jp'],
    ['csISO2022JP cp50220 cp50222 iso-2022-jp-ms ISO-2022-JP-2 x-windows-iso2022jp', 'iso-2022-jp'],
    ['ms_kanji x-sjis csWindows31J ms932 cp943c x-mac-japanese SJIS-win', 'shift_jis'],
    ['iso-2022-kr csISO2022KR', 'iso-2022-kr'],
    ['ks_c_5601-1987 korean MS949 x-windows-949 uhc csEUCKR', 'cp949'],
    ['chinese csGB2312 gb_2312-80 x-gbk ms936 euc-cn', 'gb18030'],
    ['x-x-big5 cn-big5 cp950', 'big5-hkscs'],
    ['tis-620 tis620.2533 iso-8859-11 dos-874', 'windows-874'],
    ['ibm866 866 csIBM866', 'cp866'],
    ['no-such-name', 'no-such-name'],
    ['__proto__', '__proto__'],
  ];
  for (const [names, charset] of table) {
    for (const name of names.split(' ')) {
      assert.equal(charsetNamed(name), charset, name);
      assert.equal(charsetNamed(` "${name.toUpperCase()}"; x=y`), charset, name);
    }
  }
});

test('lines of another charset in UTF-8', () => {
  const table: [bytes: readonly (string | Buffer)[], text: string][] = [
    [['Gr\u00fc\u00dfe\n', latin1('J\xf6rg')], 'Gr\u00fc\u00dfe\nJ\u00f6rg'],
    [['Gr\u00fc\u00dfe, ', latin1('J\xf6rg\n')], 'Gr\u00fc\u00dfe, J\u00f6rg\n'],
    [['\u4f60\u597d', Buffer.from([0xe8, 0xb0]), '\u4f60'], '\u4f60\u597d\ufffd\u4f60'],
    [['\u4f60\u597d', Buffer.from([0xe8])], '\u4f60\u597d\ufffd'],
    [['\u4f60\n', latin1('caf\xe9')], '\u4f60\ncaf\u00e9'],
  ];
  for (const [pieces, text] of table) {
    const bytes = Buffer.concat(pieces.map(piece => Buffer.from(piece)));
    assert.equal(decodeText(bytes, 'utf-8'), text);
    assert.equal(decodeText(bytes, null), text);
  }
});

test('UTF-8 that a gateway calls ISO-8859-1, with a line of its own', () => {
  const bytes = Buffer.concat([Buffer.from('Gr\u00fc\u00dfe, l\u00e4uft\n'), latin1('J\xf6rg')]);
  assert.equal(decodeText(bytes, 'iso-8859-1'), 'Gr\u00fc\u00dfe, l\u00e4uft\nJ\u00f6rg');
  assert.equal(decodeText(latin1('CAF\xc9\xbb \xe9t\xe9'), 'iso-8859-1'), 'CAF\u00c9\u00bb \u00e9t\u00e9');
});

test('hostile bytes cost linear time', () => {
  const before = process.cpuUsage();
  for (const piece of ['\xc3\xa9\xe9', '\xe9', '\xe8\xb0', '\xf0\n', '~{', '\x1b$)C\x0e']) {
    const bytes = Buffer.from(piece.repeat(1_000_000 / piece.length), 'latin1');
    for (const charset of ['utf-8', 'iso-2022-kr', 'hz', 'x'.repeat(1_000_000)]) decodeText(bytes, charset);
  }
  assert.ok(process.cpuUsage(before).user < 10_000_000);
});

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

test('a wide charset with more behind its name is that charset', () => {
  const bytes = Buffer.from('Größe 😀', 'utf16le');
  for (const name of ['utf-16le x', 'UTF-16 for <a@b.example>', 'utf-16zz']) {
    assert.equal(decodeText(bytes, name), 'Größe 😀', name);
  }
  assert.equal(decodeText(Buffer.from([0, 0, 0, 0x41]), 'utf-32be; x'), 'A');
});
