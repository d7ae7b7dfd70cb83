import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mail } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import * as reports from '#replyd/mail/reports/report.js';
import { reportedMessageIds } from '#replyd/mail/reports/report.js';
import { bestStatus, findStatus } from '#replyd/mail/reports/report-status.js';
import { isDaemon } from '#replyd/mail/reports/senders.js';

const readReport = (mail: Mail, nullSender: boolean, toBounceAddress = false) =>
  reports.readReport(mail, { nullSender, toBounceAddress });

async function report(status: string, type = 'message/delivery-status') {
  const text = `Content-Type: multipart/report; boundary=b\n\n--b\n\nnotice\n--b\nContent-Type: ${type}\n\n${status}\n--b--\n`;
  return readReport(await parseMail(Buffer.from(text), keepInMemory), true);
}

test('codes', () => {
  const table: [text: string, status: string | null][] = [
    ['5.1.1', '5.1.1'],
    ['5.1.1 (bad mailbox)', '5.1.1'],
    ['550 5.1.10 x', '5.1.10'],
    ['(#5.1.1)', '5.1.1'],
    ['550-5.7.26 text', '5.7.26'],
    ['[192.5.1.1]', null],
    ['5.1.1.1', null],
    ['host 5.1.1.7 said 4.2.2 full', '4.2.2'],
    ['3.1.1', null],
    ['5.1', null],
    ['', null],
  ];
  for (const [text, status] of table) assert.equal(findStatus(text), status, text);
  assert.equal(bestStatus('5.0.0', '550 5.1.1 x'), '5.1.1');
  assert.equal(bestStatus('5.2.2', '550 5.1.1 x'), '5.2.2');
  assert.equal(bestStatus('5.0.0', '450 4.1.1 x'), '5.0.0');
  assert.equal(bestStatus('', ''), null);
});

test('recipients of a report', async () => {
  const table: [fields: string, recipient: string, action: string][] = [
    ['Final-Recipient: rfc822; ann@example.org\nAction: failed', 'ann@example.org', 'failed'],
    ['Final-Recipient: rfc822;<ann@example.org>\nAction: FAILED', 'ann@example.org', 'failed'],
    ['Final-Recipient: ann@example.org\nAction: failed (sorry)', 'ann@example.org', 'failed'],
    ['Final-Recipient: rfc822; ann+2Bnews@example.org\nAction: failed', 'ann+news@example.org', 'failed'],
    ['Final-Recipient: rfc822; ann+20@example.org\nAction: failed', 'ann+20@example.org', 'failed'],
    ['Original-Recipient: rfc822; ann@example.org\nFinal-Recipient: x400; nonsense', 'ann@example.org', 'failed'],
    ['Final-Recipient: rfc822; ann@example.org\nStatus: 4.4.1', 'ann@example.org', 'delayed'],
    ['Final-Recipient: rfc822; ann@example.org\nStatus: 2.0.0', 'ann@example.org', 'delivered'],
    ['Final-Recipient: rfc822; ann@example.org\nAction: expanded', 'ann@example.org', 'expanded'],
    ['Final-Recipient: nobody\nAction: failed', '', 'failed'],
  ];
  for (const [fields, recipient, action] of table) {
    const found = await report(`Reporting-MTA: dns; mx\n\n${fields}\n`);
    assert.deepEqual(
      found?.report.map(entry => [entry.recipient, entry.action]),
      [[recipient, action]],
      fields,
    );
  }
});

test('a report is limited', async () => {
  const group = 'Final-Recipient: rfc822; ann@example.org\nAction: failed\nDiagnostic-Code: smtp; x\n\n';
  assert.equal((await report(`Reporting-MTA: dns; mx\n\n${group.repeat(1000)}`))?.report.length, 100);
  const long = await report(`Final-Recipient: rfc822; a@b.example\nDiagnostic-Code: smtp; ${'x'.repeat(9000)}\n`);
  assert.equal(long?.report[0]?.diagnostic?.length, 501);
});

test('who is a mail daemon', async () => {
  const from = async (field: string) => isDaemon(await parseMail(Buffer.from(`From: ${field}\n\nx`), keepInMemory));
  const daemons = [
    'MAILER-DAEMON@example.org',
    'MAILER-DAEMON <>',
    'mailerdaemon@example.org',
    'postmaster@example.org',
    'Mail Delivery Subsystem <x@example.org>',
    'MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org',
  ];
  for (const field of daemons) assert.equal(await from(field), true, field);
  for (const field of ['', 'postmaster.ann@example.org', 'Ann <ann@example.org>', 'Ann <>']) {
    assert.equal(await from(field), false, field);
  }
});

test('only machines bounce in words', async () => {
  const kind = async (...header: string[]) => {
    const text = [...header, '', 'Your message to ann@example.org could not be delivered.'].join('\n');
    return readReport(await parseMail(Buffer.from(text), keepInMemory), false)?.kind ?? null;
  };
  assert.equal(await kind('From: MAILER-DAEMON@mx.example', 'Subject: x'), 'bounce');
  assert.equal(await kind('From: it@mx.example', 'X-Failed-Recipients: ann@example.org'), 'bounce');
  assert.equal(await kind('From: it@mx.example', 'X-MS-Exchange-Message-Is-Ndr:', 'Subject: x'), 'bounce');
  assert.equal(await kind('From: it@mx.example', 'Auto-Submitted: auto-replied', 'Subject: Unzustellbar: x'), 'bounce');
  assert.equal(await kind('From: it@mx.example', 'Auto-Submitted: auto-replied', 'Subject: Out of office'), null);
  assert.equal(await kind('From: ann@example.org', 'Auto-Submitted: no', 'Subject: Undeliverable: x'), null);
  assert.equal(await kind('From: ann@example.org', 'Subject: Undeliverable: x'), null);
});

test('a machine that speaks of delays and deliveries need not bounce', async () => {
  const kind = async (lines: readonly string[], nullSender: boolean) =>
    readReport(await parseMail(Buffer.from(lines.join('\n')), keepInMemory), nullSender)?.kind ?? null;
  const away = 'My answer will be delayed; what was not delivered: ask bob@example.org\n500 Main Street';
  assert.equal(await kind(['From: ann@example.org', 'Subject: Re: order', '', away], true), null);
  assert.equal(await kind(['From: ann@example.org', 'Subject: Out of office: Undeliverable', '', away], true), null);
  assert.equal(await kind(['From: postmaster@example.org', 'Subject: not delivered', '', away], false), null);
  assert.equal(
    await kind(['From: ann@example.org', 'Subject: Re: order', '', `${away}: 550 5.1.1 unknown`], true),
    'bounce',
  );
  assert.equal(await kind(['From: postmaster@example.org', 'Subject: x', '', `${away}: 550 5.1.1 x`], false), 'bounce');
  assert.equal(await kind(['From: MAILER-DAEMON@example.org', 'Subject: x', '', away], false), 'bounce');
});

test('three signs make a bounce in words', async () => {
  const kind = async (lines: readonly string[], nullSender: boolean, toBounceAddress: boolean) =>
    readReport(await parseMail(Buffer.from(lines.join('\n')), keepInMemory), nullSender, toBounceAddress)?.kind ?? null;
  const failed = ['Subject: Undeliverable', '', 'The mail did not reach ann@example.org.'];
  const words = ['Subject: Hello', '', 'The mail did not reach ann@example.org.'];
  const copy = ['', '--- Below this line is a copy of the message.', '', 'Received: by x', 'Message-ID: <our@x>'];
  const person = 'From: ann@example.org';
  const server = 'From: postmaster@mx.example';
  const table: readonly (readonly [lines: readonly string[], nullSender: boolean, toBounce: boolean, kind: unknown])[] =
    [
      [[server, ...failed], true, true, 'bounce'],
      [[server, ...failed], true, false, 'bounce'],
      [[server, ...failed], false, true, 'bounce'],
      [[server, ...failed], false, false, null],
      [[person, ...failed], true, true, 'bounce'],
      [[person, ...failed], true, false, null],
      [[person, ...failed], false, true, null],
      [[person, ...words], true, true, null],
      [[person, ...words, ...copy], true, true, 'bounce'],
      [[person, ...failed, ...copy], false, false, null],
      [[server, 'Subject: Hello', '', 'See below.', ...copy], true, true, 'bounce'],
      [[server, 'Subject: Hello', '', 'See below.'], true, true, null],
      [[server, 'Subject: Hello', 'Auto-Submitted: auto-replied', '', 'The mail is not delivered.'], true, true, null],
      [[server, 'Subject: Delivery Status Notification (Success)', '', 'It was delivered.'], true, true, null],
      [[person, 'Subject: Re: [#7] Parcel not delivered', '', 'Thanks.'], true, true, null],
      [[person, 'Subject: [#7] Parcel not delivered', '', 'Thanks.'], true, true, null],
    ];
  for (const [lines, nullSender, toBounce, expected] of table) {
    assert.equal(await kind(lines, nullSender, toBounce), expected, `${nullSender} ${toBounce} ${lines.join(' | ')}`);
  }
});

test('how notices name a recipient', async () => {
  const table: [lines: string, recipient: string][] = [
    ['<ann@example.org>:\nno such user', 'ann@example.org'],
    ['   ann@example.org\n   no such user', 'ann@example.org'],
    ['ann@example.org: no such user', 'ann@example.org'],
    ['ann@example.org Invalid Address, ERROR_CODE :550', 'ann@example.org'],
    ["'ann@example.org' on 1/6/2026 10:00", 'ann@example.org'],
    ['Ann Lee (ann@example.org)<mailto:ann@example.org>', 'ann@example.org'],
    ['To: ann@example.org', 'ann@example.org'],
    ['Unknown user: ann@example.org', 'ann@example.org'],
    ['Could not be delivered to: <ann@example.org>', 'ann@example.org'],
    ['There was an error delivering your mail to <ann@example.org>.', 'ann@example.org'],
    ['Your message to ann@example.org was not accepted.', 'ann@example.org'],
    ['Your message from bounce+x@in.example.com to ann@example.org was rejected.', 'ann@example.org'],
    ['Contact postmaster@example.org for help.', ''],
    ['Recipient: [SMTP:ann@example.org]', 'ann@example.org'],
    ['收件人：ann@example.org', 'ann@example.org'],
    ['用户不存在（ann@example.org）。', 'ann@example.org'],
    ['MAIL FROM: bounce+x@in.example.com\nRCPT TO: ann@example.org', 'ann@example.org'],
  ];
  for (const [lines, recipient] of table) {
    const text = `From: MAILER-DAEMON@mx.example\nTo: bounce+x@in.example.com\nSubject: Mail delivery failed\n\n${lines}\n`;
    const found = readReport(await parseMail(Buffer.from(text), keepInMemory), true);
    assert.equal(found?.report[0]?.recipient ?? '', recipient, lines);
  }
});

test('the id of our mail is found where a returned copy is quoted or indented', async () => {
  const body = (copy: string) =>
    `From: MAILER-DAEMON@x.example\n\nfailed\n\n--- Below this line is a copy of the message.\n\n${copy}`;
  const copies = [
    'Subject: x\nMessage-ID: <our@x>\n\nbody\nMessage-ID: <no@x>\n',
    '> Subject: x\n> Message-ID:\n>  <our@x>\n>\n> body\n',
    '    Received: by x\n    Message-Id: <our@x>\n\nbody',
  ];
  for (const copy of copies) {
    const mail = await parseMail(Buffer.from(body(copy)), keepInMemory);
    assert.deepEqual(reportedMessageIds(mail), ['our@x'], copy);
  }
});

test('hostile texts cost linear time', async () => {
  for (const unit of [
    'nie ',
    'impossible de ',
    'X-A: b\n',
    'Received: x\n y\n',
    'a@b ',
    '<a@b',
    'x@'.repeat(300),
    '(',
    ' ',
    '5.1.',
    '> ',
    '=?',
  ]) {
    const text = `From: MAILER-DAEMON@x.example\nSubject: undelivered mail\n\n${unit.repeat(100_000)}`;
    const found = readReport(await parseMail(Buffer.from(text), keepInMemory), true);
    assert.equal(found?.kind, 'bounce', unit.slice(0, 10));
  }
});
