import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { isHardFailure, readReport, reportedMessageIds } from '#replyd/mail/report.js';
import { bestStatus, findStatus } from '#replyd/mail/report-status.js';
import { isDaemon } from '#replyd/mail/text-bounce.js';

async function report(status: string, type = 'message/delivery-status') {
  const text = `Content-Type: multipart/report; boundary=b\n\n--b\n\nnotice\n--b\nContent-Type: ${type}\n\n${status}\n--b--\n`;
  return readReport(await parseMail(Buffer.from(text), keepInMemory), true);
}

test('which failures cut a contact off', () => {
  const hard = ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1'];
  const soft = ['5.0.0', '5.1.0', '5.1.7', '5.1.8', '5.2.2', '5.3.4', '5.4.4', '5.7.1', '4.1.1', '2.1.5', null];
  for (const status of hard) assert.equal(isHardFailure({ action: 'failed', status }), true, status);
  for (const status of soft) assert.equal(isHardFailure({ action: 'failed', status }), false, `${status}`);
  assert.equal(isHardFailure({ action: 'delayed', status: '5.1.1' }), false);
  assert.equal(isHardFailure({ action: 'complaint', status: null }), true);
});

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

test('who is a mail daemon', () => {
  const from = (name: string, email: string) => isDaemon({ name, email });
  assert.equal(isDaemon(null), false);
  assert.equal(from('', 'MAILER-DAEMON@example.org'), true);
  assert.equal(from('', 'mailerdaemon@example.org'), true);
  assert.equal(from('', 'postmaster@example.org'), true);
  assert.equal(from('Mail Delivery Subsystem', 'x@example.org'), true);
  assert.equal(from('', 'postmaster.ann@example.org'), false);
  assert.equal(from('Ann', 'ann@example.org'), false);
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
  for (const unit of ['a@b ', '<a@b', 'x@'.repeat(300), '(', ' ', '5.1.', '> ', '=?']) {
    const text = `From: MAILER-DAEMON@x.example\nSubject: undelivered mail\n\n${unit.repeat(100_000)}`;
    const found = readReport(await parseMail(Buffer.from(text), keepInMemory), true);
    assert.equal(found?.kind, 'bounce', unit.slice(0, 10));
  }
});
