import assert from 'node:assert/strict';
import { test } from 'node:test';
import iconv from 'iconv-lite';
import { cleanText, decodeText } from '#replyd/mail/mime/charset.js';

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
  const latin1 = (hex: string) => Buffer.from(hex, 'latin1');
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
