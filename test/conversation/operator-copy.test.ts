import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OperatorCopy, operatorCopy } from '#replyd/conversation/operator-copy.js';
import { leadsBack } from '#replyd/conversation/rules/relay.js';
import type { Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';

const COPY: OperatorCopy = {
  addressee: 'postmaster@reply.example.com',
  operator: 'operator@example.org',
  mailId: 'mail_00000000001',
  mailFrom: 'ann@example.net',
  messageId: 'mail_00000000002@reply.example.com',
  date: Date.UTC(2026, 5, 1, 10),
  boundary: 'replyd-5f1e',
  raw: Buffer.from('From: Ann <ann@example.net>\r\nSubject: Spam from you\r\n\r\nPlease stop.\r\n'),
  maxSize: 1_000_000,
};

async function readingOf(bytes: Uint8Array, mailFrom = ''): Promise<Reading> {
  return readMail(await parseMail(bytes, keepInMemory), { texts: [], replyAddresses: [] }, { mailFrom });
}

function kept(reading: Reading): { type: string; bytes: Buffer } {
  const [file] = reading.mail.attachments;
  assert.ok(file && 'bytes' in file.content && reading.mail.attachments.length === 1);
  return { type: file.contentType, bytes: Buffer.from(file.content.bytes) };
}

const RAWS: [string, Buffer, string][] = [
  ['plain', Buffer.from(COPY.raw), 'message/rfc822'],
  ['bare line feeds', Buffer.from('Subject: x\n\na\nb\n'), 'message/rfc822'],
  ['eight bits', Buffer.from('Subject: grün\r\n\r\nschön\r\n'), 'message/rfc822'],
  ['NUL', Buffer.from('Subject: x\r\n\r\na\0b\r\n'), 'application/octet-stream'],
  ['a bare carriage return', Buffer.from('Subject: x\r\n\r\na\rb\r\n'), 'application/octet-stream'],
  ['a long line', Buffer.from(`Subject: x\r\n\r\n${'a'.repeat(2_000)}\r\n`), 'application/octet-stream'],
  ['a long last line', Buffer.from(`Subject: x\r\n\r\n${'a'.repeat(2_000)}`), 'application/octet-stream'],
];

for (const [what, raw, type] of RAWS) {
  test(`the operator's copy holds the mail: ${what}`, async () => {
    const bytes = operatorCopy({ ...COPY, raw });
    const reading = await readingOf(bytes);
    const file = kept(reading);
    const sent = type === 'message/rfc822' ? raw.toString().replaceAll(/\r?\n/g, '\r\n') : raw.toString();
    assert.equal(file.bytes.toString().trimEnd(), sent.trimEnd());
    assert.ok(bytes.includes(`Content-Type: ${type}`));
    assert.equal(reading.kind, 'auto_reply', 'no responder answers it');
    assert.equal(leadsBack(reading, 'somebody@else.example'), true, 'it is not sent on again');
    for (const line of bytes.toString('latin1').split('\r\n')) {
      assert.ok(line.length <= 998 && !/[\r\n]/.test(line), JSON.stringify(line.slice(0, 80)));
    }
  });
}

test('of a mail that is too large the header is sent on', async () => {
  const raw = Buffer.concat([COPY.raw, Buffer.alloc(100_000, 'x\n')]);
  const bytes = operatorCopy({ ...COPY, raw, maxSize: 50_000 });
  assert.ok(bytes.length < 5_000);
  assert.match(bytes.toString(), /rfc822-headers[\s\S]*Subject: Spam from you\r\n--replyd-5f1e--/);
  assert.match(bytes.toString(), /too large to be sent on/);
});

test('sent on is what people and machines write to us, but nothing that would come back', async () => {
  const operator = 'Operator@example.org';
  const mail = (head: string) => Buffer.from(`${head}\r\nSubject: Hello\r\n\r\nText\r\n`);
  const rows: [string, boolean][] = [
    ['From: ann@example.net', false],
    ['From: operator@example.org', false],
    ['From: robot@example.net\r\nAuto-Submitted: auto-generated', false],
    ['From: operator@example.org\r\nAuto-Submitted: auto-replied', true],
    ['From: ann@example.net\r\nX-Replyd-Loop: operator', true],
    ['From: ann@example.net\r\nX-Replyd-Loop: acc_00000000001', true],
  ];
  for (const [head, expected] of rows)
    assert.equal(leadsBack(await readingOf(mail(head), 'x@y.example'), operator), expected, head);
  const bounce = Buffer.from(
    [
      'From: MAILER-DAEMON@mx.example.org',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.example.org',
      '',
      'Final-Recipient: rfc822; operator@example.org',
      'Action: failed',
      'Status: 5.1.1',
      '',
      '--b--',
      '',
    ].join('\r\n'),
  );
  assert.equal(leadsBack(await readingOf(bounce), operator), true);
  assert.equal(leadsBack(await readingOf(bounce), 'other@example.org'), false);
});
