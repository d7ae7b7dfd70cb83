import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { isReplydError } from '#replyd/base/errors.js';
import type { Mail } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';

/** Lines with CRLF; a character is a byte, so that any charset can stand in a mail. */
function read(...lines: string[]): Promise<Mail> {
  return parseMail(Buffer.from(lines.join('\r\n'), 'latin1'), keepInMemory);
}

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

test('the fields of a header', async () => {
  const mail = await read(
    'Received: from a by b;',
    '\tMon, 1 Jun 2026 10:00:00 +0000',
    'From: =?utf-8?Q?J=C3=BCrgen_M?= =?utf-8?Q?=C3=BCller?= <J.Mueller@Example.COM>',
    'Sender: office@example.com',
    'Reply-To: a@example.com, "B, b" <b@example.com>',
    'To: undisclosed-recipients:;',
    'To: Support <reply+0123456789abcdef0123456789abcdef@in.example.com>',
    'Cc: Team: c@example.com, D <d@example.com>;, broken, <e@example.com>',
    'Subject: =?iso-8859-1?Q?Gr=FC=DFe?=',
    ' =?utf-8?B?4oKs?= ok',
    'Date: Mon, 1 Jun 2026 12:00:00 +0200 (CEST)',
    'Message-ID: <m@example.com>',
    'In-Reply-To: <a@x> (their mail)',
    'References: <r@x><a@x>',
    'X-Odd : kept',
    'Content-Type: TEXT/Plain; charset="utf-8"; name*=utf-8\'\'x%20y',
    '',
    'Hello',
  );
  assert.deepEqual(mail.from, { name: 'Jürgen Müller', email: 'J.Mueller@example.com' });
  assert.deepEqual(mail.sender, { name: '', email: 'office@example.com' });
  assert.deepEqual(
    mail.replyTo.map(box => box.email),
    ['a@example.com', 'b@example.com'],
  );
  assert.deepEqual(mail.to, [{ name: 'Support', email: 'reply+0123456789abcdef0123456789abcdef@in.example.com' }]);
  assert.deepEqual(
    mail.cc.map(box => box.email),
    ['c@example.com', 'd@example.com', 'e@example.com'],
  );
  assert.equal(mail.subject, 'Grüße€ ok');
  assert.equal(mail.date, '2026-06-01T10:00:00.000Z');
  assert.equal(mail.messageId, 'm@example.com');
  assert.deepEqual(mail.inReplyTo, ['a@x']);
  assert.deepEqual(mail.references, ['r@x', 'a@x']);
  assert.deepEqual(mail.headers[0], { name: 'received', value: 'from a by b; Mon, 1 Jun 2026 10:00:00 +0000' });
  assert.deepEqual(mail.headers.at(-2), { name: 'x-odd', value: 'kept' });
  assert.deepEqual(mail.contentType, { type: 'text/plain', params: { charset: 'utf-8', name: 'x y' } });
});

test('senders as they come', async () => {
  const table: [field: string, name: string, email: string | null][] = [
    ['ann@example.com', '', 'ann@example.com'],
    ['ann@example.com (Ann Lee)', 'Ann Lee', 'ann@example.com'],
    ['"Lee, Ann" <ann@example.com>', 'Lee, Ann', 'ann@example.com'],
    ['Lee, Ann <ann@example.com>', 'Lee, Ann', 'ann@example.com'],
    ['Ann Lee <ann@example.com', 'Ann Lee', 'ann@example.com'],
    ['Ann Lee ann@example.com', 'Ann Lee', 'ann@example.com'],
    ['<ann@example.com>', '', 'ann@example.com'],
    ['ann@example.com <ann@example.com>', '', 'ann@example.com'],
    ["'Ann' <ann@example.com>", 'Ann', 'ann@example.com'],
    ['"=?utf-8?B?w4Tnm5g=?=" <ann@example.com>', 'Ä盘', 'ann@example.com'],
    [utf8('Änn <ann@example.com>'), 'Änn', 'ann@example.com'],
    ['\xc4nn <ann@example.com>', 'Änn', 'ann@example.com'],
    [utf8('Ann <ann@müller.example>'), 'Ann', 'ann@xn--mller-kva.example'],
    ['=?utf-8?Q?Boss_=3Cboss=40example.com=3E?= <eve@example.net>', 'Boss <boss@example.com>', 'eve@example.net'],
    ['a.@docomo.ne.jp', '', 'a.@docomo.ne.jp'],
    ['"Ann\\"s" <ann@example.com>', 'Ann"s', 'ann@example.com'],
    ['nobody', '', null],
    ['', '', null],
    ['<>', '', null],
    ['Ann <ann at example.com>', '', null],
  ];
  for (const [field, name, email] of table) {
    const mail = await read(`From: ${field}`, '', 'x');
    assert.deepEqual(mail.from, email === null ? null : { name, email }, field);
  }
});

test('dates that are none stay none', async () => {
  assert.equal((await read('Date: not a date', '', 'x')).date, null);
  assert.equal((await read('Subject: x', '', 'x')).date, null);
});

const ALTERNATIVE = [
  'Content-Type: multipart/alternative; boundary=b',
  '',
  'This is a multi-part message.',
  '--b',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=FC=DFe =',
  'aus Wien',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from('<p>Grüße</p>').toString('base64'),
  '--b--',
  'epilogue',
];

test('text and HTML of one mail', async () => {
  const mail = await read(...ALTERNATIVE);
  assert.equal(mail.plain, 'Grüße aus Wien');
  assert.equal(mail.html, '<p>Grüße</p>');
  assert.deepEqual(mail.attachments, []);
});

test('texts that follow one another are all read', async () => {
  const part = (type: string, text: string) => ['--o', `Content-Type: ${type}`, '', text];
  const mixed = ['Content-Type: multipart/mixed; boundary=o', ''];
  const alternative = ['--o', ...ALTERNATIVE];
  const plainOnly = await read(...mixed, ...part('text/plain', 'one'), ...part('text/plain', 'two'), '--o--');
  assert.deepEqual([plainOnly.plain, plainOnly.html], ['one\ntwo', null]);
  const footer = await read(...mixed, ...alternative, ...part('text/plain', 'a < b'), '--o--');
  assert.deepEqual([footer.plain, footer.html], ['Grüße aus Wien\na < b', '<p>Grüße</p>\n<div>a &lt; b</div>']);
  const htmlTail = await read(...mixed, ...part('text/plain', 'one'), ...part('text/html', '<p>two</p>'), '--o--');
  assert.deepEqual([htmlTail.plain, htmlTail.html], [null, '<div>one</div>\n<p>two</p>']);
  const htmlOnly = await read('Content-Type: text/html', '', '<p>x</p>');
  assert.deepEqual([htmlOnly.plain, htmlOnly.html], [null, '<p>x</p>']);
  const emptyPlain = await read(...mixed, ...part('text/plain', ' '), ...part('text/html', '<p>x</p>'), '--o--');
  assert.deepEqual([emptyPlain.plain, emptyPlain.html], [' ', '<p>x</p>']);
});

test('no words are lost in broken mails', async () => {
  const table: [why: string, lines: string[], word: string][] = [
    ['no boundary parameter', ['Content-Type: multipart/mixed', '', '--b', '', 'words'], 'words'],
    ['another boundary', ['Content-Type: multipart/mixed; boundary=a', '', '--b', '', 'words', '--b--'], 'words'],
    ['never closed', ['Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'words'], 'words'],
    ['inner never closed', [
      'Content-Type: multipart/mixed; boundary=o', '', '--o',
      'Content-Type: multipart/alternative; boundary=i', '', '--i', '', 'words', '--o--'], 'words'],
    ['no blank line', ['Subject: x', 'words of a body', ' and more'], 'words'],
    ['no blank line in a part', ['Content-Type: multipart/mixed; boundary=b', '', '--b', 'words here', '--b--'], 'words'],
    ['no type', ['Content-Type:', '', 'words'], 'words'],
    ['half a type', ['Content-Type: text', '', 'words'], 'words'],
    ['odd type', ['Content-Type: text/x-plain', '', 'words'], 'words'],
    ['unknown encoding', ['Content-Transfer-Encoding: x-none', '', 'words'], 'words'],
    ['base64 that is none', ['Content-Transfer-Encoding: base64', '', 'These are words, not base64.'], 'words'],
    ['base64 without end', ['Content-Transfer-Encoding: base64', '', 'd29yZHM'], 'words'],
    ['quoted printable', ['Content-Transfer-Encoding: Quoted Printable;', '', '=77ords'], 'words'],
    ['"BASE64"', ['Content-Transfer-Encoding: "BASE64" (x)', '', 'd29yZHM='], 'words'],
    ['x-uuencode', ['Content-Transfer-Encoding: x-uuencode', '', 'begin 644 x', "%=V]R9',", '`', 'end'], 'words'],
    ['unquoted boundary', ['Content-Type: multipart/mixed; boundary=--=_P:1/2', '', '----=_P:1/2', '', 'words'], 'words'],
    ['boundary in two types', [
      'Content-Type: multipart/mixed; boundary=b', 'Content-Type: text/plain', '', '--b', '', 'words', '--b--'], 'words'],
    ['boundary in UTF-8', [
      utf8('Content-Type: multipart/mixed; boundary="grün"'), '', utf8('--grün'), '', 'words'], 'words'],
    ['named body', ['Content-Type: text/plain; name="body.txt"', '', 'words'], 'words'],
    ['header in disorder', [': x', 'no colon', 'Subject: s', '', 'words'], 'words'],
    ['mbox line', ['From ann@example.com Mon Jun  1 10:00:00 2026', 'Subject: x', '', 'words'], 'words'],
    ['boundary with spaces', ['Content-Type: multipart/mixed; boundary="b "', '', '--b', '', 'words', '--b--'], 'words'],
  ]; // biome-ignore format: one case a line
  for (const [why, lines, word] of table) {
    const mail = await read(...lines);
    assert.ok(mail.plain?.includes(word), `${why}: ${mail.plain}`);
  }
});

test('charsets, soft lines and line ends', async () => {
  const plain = async (type: string, text: string) => (await read(`Content-Type: text/plain; ${type}`, '', text)).plain;
  assert.equal(await plain('charset=iso-8859-1', 'Gr\xfc\xdfe'), 'Grüße');
  assert.equal(await plain('charset=utf-8', 'Gr\xfc\xdfe'), 'Grüße');
  assert.equal(await plain('', utf8('Grüße 你好')), 'Grüße 你好');
  assert.equal(await plain('charset=shift_jis', '\x82\xb1\x82\xf1'), 'こん');
  assert.equal(await plain('charset=nonsense', 'a\0b\rc\r\nd'), 'ab\nc\nd');
  assert.equal(
    await plain('format=flowed', 'one \r\ntwo\r\n\r\n> q \r\n> r\r\n-- \r\nme'),
    'one two\n\n> q r\n-- \nme',
  );
  assert.equal(await plain('format=flowed; delsp=yes', 'one \r\ntwo'), 'onetwo');
  assert.equal(await plain('format=flowed', ' >no quote\r\n From here'), '>no quote\nFrom here');
  const page = await read('Content-Type: text/html', '', '<meta charset="koi8-r"><p>\xf0\xd2\xc9\xd7\xc5\xd4</p>');
  assert.equal(page.html, '<meta charset="koi8-r"><p>Привет</p>');
});

test('attachments', async () => {
  const png = Buffer.from([137, 80, 78, 71, 0, 255]);
  const mail = await read(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html',
    '',
    '<p>see <img src="cid:logo%40x"> <img src=\'CID:two@x\'></p>',
    '--b',
    'Content-Type: image/png; name="=?utf-8?Q?Gr=C3=BC=C3=9Fe.png?="',
    'Content-ID: <logo@x>',
    'Content-Disposition: inline',
    'Content-Transfer-Encoding: base64',
    '',
    png.toString('base64'),
    '--b',
    'Content-Type: image/gif',
    'Content-ID: <three@x>',
    'Content-Disposition: inline',
    '',
    'GIF',
    '--b',
    'Content-Disposition: attachment; filename*0*=utf-8\'\'%E2%82%AC%20; filename*1="rates.pdf"',
    '',
    '%PDF',
    '--b',
    'Content-Type: application/octet-stream; name="C:\\\\temp\\\\..\\\\report.docx"',
    '',
    'x',
    '--b',
    'Content-Type: text/plain; name="notes.txt"',
    'Content-Disposition: inline; filename="notes.txt"',
    '',
    'notes',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'inner text',
    '--b',
    'Content-Type: application/ms-tnef',
    '',
    'tnef',
    '--b',
    'Content-Type: text/calendar; method=REQUEST',
    '',
    'BEGIN:VCALENDAR',
    '--b--',
  );
  assert.equal(mail.html?.startsWith('<p>see'), true);
  assert.deepEqual(
    mail.attachments.map(file => [file.filename, file.contentType, file.size, file.inline, file.contentId]),
    [
      ['Grüße.png', 'image/png', 6, true, 'logo@x'],
      ['image-2.gif', 'image/gif', 3, false, 'three@x'],
      ['€ rates.pdf', 'application/pdf', 4, false, null],
      ['report.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 1, false, null],
      ['notes.txt', 'text/plain', 5, false, null],
      ['message-6.eml', 'message/rfc822', 28, false, null],
      ['winmail.dat', 'application/ms-tnef', 4, false, null],
      ['attachment-8.ics', 'text/calendar', 15, false, null],
    ],
  );
  assert.equal(mail.attachments[0]!.sha256, createHash('sha256').update(png).digest('hex'));
  assert.deepEqual(mail.attachments[0]!.content, { bytes: png });
});

test('names of attachments in every spelling', async () => {
  const table: [field: string, filename: string][] = [
    ['filename="a b.pdf"', 'a b.pdf'],
    ['filename=a b.pdf', 'a b.pdf'],
    [utf8('filename="Größe.pdf"'), 'Größe.pdf'],
    ['filename="Gr\xf6\xdfe.pdf"', 'Größe.pdf'],
    ["filename*=iso-8859-1'de'Gr%F6%DFe.pdf", 'Größe.pdf'],
    ["filename*=gb2312''%C4%E3.pdf", '你.pdf'],
    ["filename*=windows-1251''%CF%F0%E8.pdf", 'При.pdf'],
    ["filename*=''plain.pdf", 'plain.pdf'],
    ['filename="fallback.pdf"; filename*=utf-8\'\'Gr%C3%B6%C3%9Fe.pdf', 'Größe.pdf'],
    ['filename="=?utf-8?Q?Gr=C3=B6?= =?utf-8?Q?=C3=9Fe.pdf?="', 'Größe.pdf'],
    ['filename="=?utf-8?Q?Gr=C3=B6=C3=9F?=\r\n =?utf-8?Q?e.pdf?="', 'Größe.pdf'],
    ['filename==?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?=', 'Größe.pdf'],
    ['filename*0="=?utf-8?Q?Gr=C3=B6"; filename*1="=C3=9Fe.pdf?="', 'Größe.pdf'],
    ['filename*0="long "; filename*1="name.pdf"', 'long name.pdf'],
    ['filename="a\\"b.pdf"', 'a"b.pdf'],
    ['filename=""', 'attachment-1.pdf'],
  ];
  for (const [field, filename] of table) {
    const mail = await read('Content-Type: application/pdf', `Content-Disposition: attachment; ${field}`, '', 'x');
    assert.equal(mail.attachments[0]?.filename, filename, field);
  }
});

test('8-bit header fields in the charset of the mail', async () => {
  const gbk = '\xc4\xe3\xba\xc3';
  const mail = await read(`Subject: ${gbk}`, 'Content-Type: text/plain; charset=gb2312', '', gbk);
  assert.deepEqual([mail.subject, mail.plain], ['你好', '你好']);
  assert.equal(
    (await read(utf8('Subject: 你好'), 'Content-Type: text/plain; charset=gb2312', '', 'x')).subject,
    '你好',
  );
});

test('the parts of a digest are mails', async () => {
  const mail = await read(
    'Content-Type: multipart/digest; boundary=b',
    '',
    '--b',
    '',
    'Subject: one',
    '',
    '1',
    '--b--',
  );
  assert.deepEqual(
    mail.attachments.map(file => [file.filename, file.contentType]),
    [['message-1.eml', 'message/rfc822']],
  );
});

test('reports', async () => {
  const mail = await read(
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    '',
    'Sorry.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    '',
    'Final-Recipient: rfc822; ann@example.com',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Message-ID: <sent@in.example.com>',
    'Subject: hello',
    '',
    'our words',
    '--b--',
  );
  assert.equal(mail.plain, 'Sorry.');
  assert.deepEqual(mail.reports, [
    {
      contentType: 'message/delivery-status',
      body: 'Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; ann@example.com',
    },
  ]);
  assert.deepEqual(mail.returnedHeaders?.[0], { name: 'message-id', value: '<sent@in.example.com>' });
  assert.equal(mail.attachments[0]?.filename, 'message-1.eml');
  assert.equal(mail.contentType.params['report-type'], 'delivery-status');
});

test('a text above 4 MiB is cut and kept whole as a file', async () => {
  const text = 'words and words\r\n'.repeat(300_000);
  const mail = await read('Subject: long', '', text);
  assert.ok(mail.plain!.startsWith('words and words\nwords'));
  assert.ok(mail.plain!.length < 4.1 * 1024 * 1024);
  assert.deepEqual(
    mail.attachments.map(file => [file.filename, file.size]),
    [['attachment-1.txt', text.length]],
  );
});

test('line ends that were broken on the way', async () => {
  const table: [why: string, text: string][] = [
    ['CR', ALTERNATIVE.join('\r')],
    ['CR CR LF', ALTERNATIVE.join('\r\r\n')],
    ['LF', ALTERNATIVE.join('\n')],
  ];
  for (const [why, text] of table) {
    const mail = await parseMail(Buffer.from(text, 'latin1'), keepInMemory);
    assert.deepEqual([mail.plain, mail.html], ['Grüße aus Wien', '<p>Grüße</p>'], why);
  }
});

test('a large attachment passes through in pieces', async () => {
  const line = `${Buffer.alloc(57, 7).toString('base64')}\r\n`;
  const header = 'Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  let largest = 0;
  const mail = await parseMail(Buffer.from(header + line.repeat(200_000)), {
    async keep(content) {
      for (const piece of content) largest = Math.max(largest, piece.length);
      return { file: 'kept' };
    },
  });
  assert.equal(mail.attachments[0]?.size, 200 * 1000 * 57);
  assert.ok(largest < 256 * 1024);
});

test('above the limits a mail is invalid, never lost by a crash', async () => {
  const bomb = ['Content-Type: multipart/mixed; boundary=b', '', ...Array.from({ length: 2000 }, () => '--b\r\n\r\nx')];
  const long = [`X: ${'x'.repeat(2_000_000)}`, '', 'x'];
  for (const lines of [bomb, long]) {
    await assert.rejects(read(...lines), error => isReplydError(error, 'invalid'));
  }
});

test('nested parts are read, up to a limit', async () => {
  const nested = (levels: number) => {
    const lines: string[] = [];
    for (let depth = 0; depth < levels; depth += 1) {
      lines.push(`Content-Type: multipart/mixed; boundary=b${depth}`, '', `--b${depth}`);
    }
    return read(...lines, '', 'deep words');
  };
  assert.equal((await nested(50)).plain, 'deep words');
  await assert.rejects(nested(51), error => isReplydError(error, 'invalid'));
});

test('trouble outside of the mail is passed on as it is', async () => {
  const full = new Error('disk full');
  const mail = Buffer.from('Content-Type: application/pdf\r\n\r\nx');
  const failing = { keep: () => Promise.reject(full) };
  await assert.rejects(parseMail(mail, failing), error => error === full);
  const late = {
    async keep(content: Iterable<Uint8Array>): Promise<never> {
      for (const _ of content) throw full;
      throw full;
    },
  };
  await assert.rejects(parseMail(mail, late), error => error === full);
});

test('plain mails are read as mailparser reads them', async () => {
  for (const lines of [ALTERNATIVE, ['From: Ann <ann@example.com>', 'Subject: x', '', 'Hello', 'you']]) {
    const bytes = Buffer.from(lines.join('\r\n'), 'latin1');
    const ours = await parseMail(bytes, keepInMemory);
    const theirs = await simpleParser(bytes, { skipHtmlToText: true, skipTextToHtml: true });
    assert.equal(ours.plain, theirs.text);
    assert.equal(ours.html, theirs.html === false ? null : theirs.html);
    assert.equal(ours.subject, theirs.subject ?? '');
    assert.equal(ours.from?.email, theirs.from?.value[0]?.address);
  }
});
