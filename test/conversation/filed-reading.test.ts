/** Filing is told the same by a FiledReading that came from another thread as by the whole Reading. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FiledReading, filedReading } from '#replyd/conversation/filing.js';
import { isFlaggedAsSpam } from '#replyd/conversation/rules/blocked.js';
import { deliveryAddresses, threadIds } from '#replyd/conversation/rules/filing.js';
import { carriesAnyLoopMark, carriesLoopMark } from '#replyd/conversation/rules/loop.js';
import { leadsBack } from '#replyd/conversation/rules/relay.js';
import type { Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { corpusMails } from '../mail/corpus.js';

async function readingOf(bytes: Uint8Array) {
  return readMail(await parseMail(bytes, keepInMemory), { texts: [], replyAddresses: [] });
}

/** All that goes into the rows as it stands, and every answer that is found in the header. */
function told(reading: FiledReading) {
  const { kind, evidence, report, reportedIds, html, mail } = reading;
  const { text, quotedText, signature } = reading.text;
  const { from, to, cc, subject, date, messageId, inReplyTo, references } = mail;
  return {
    ...{ kind, evidence, report, reportedIds, html, text, quotedText, signature },
    ...{ from, to, cc, subject, date, messageId, inReplyTo, references },
    attachments: mail.attachments.map(attachment => ({ ...attachment, content: undefined })),
    threadIds: threadIds(reading, reading.mail.messageId),
    deliveryAddresses: deliveryAddresses(mail),
    spam: isFlaggedAsSpam(mail.headers),
    ofOurs: carriesAnyLoopMark(mail.headers),
    ofThisAccount: carriesLoopMark(mail.headers, 'acct_1'),
    leadsBack: leadsBack(reading, 'operator@example.org'),
  };
}

const filed = (reading: Reading) => structuredClone(filedReading(reading));

test('every mail of the corpus comes over', async () => {
  const mails = corpusMails();
  assert.ok(mails.length > 100);
  for (const { name, bytes } of mails) {
    const reading = await readingOf(bytes);
    // With the reasons of its text, which the message keeps too.
    const evidence = [...new Set([...reading.evidence, ...reading.text.evidence.slice(0, 8)])];
    assert.deepEqual(told(filed(reading)), { ...told(reading), evidence }, name);
  }
});

const FIELDS: readonly (readonly [field: string, answer: Partial<ReturnType<typeof told>>])[] = [
  ['X-Spam-Flag: YES', { spam: true }],
  ['X-Replyd-Loop: acct_1', { ofOurs: true, ofThisAccount: true, leadsBack: true }],
  ['X-Replyd-Loop: acct_2', { ofOurs: true, ofThisAccount: false, leadsBack: true }],
  ...['Delivered-To', 'X-Delivered-To', 'Envelope-To', 'X-Envelope-To', 'X-Original-To', 'X-Forwarded-To'].map(
    name =>
      [
        `${name}: inbox+1@reply.example.com`,
        { deliveryAddresses: [{ field: name.toLowerCase(), address: 'inbox+1@reply.example.com' }] },
      ] as const,
  ),
  [
    'Received: from a.example by b.example for <inbox+1@reply.example.com>; Tue, 3 Mar 2026 10:15:00 +0100',
    { deliveryAddresses: [{ field: 'received', address: 'inbox+1@reply.example.com' }] },
  ],
  [
    'Resent-To: inbox+1@reply.example.com',
    { deliveryAddresses: [{ field: 'resent-to', address: 'inbox+1@reply.example.com' }] },
  ],
  ['X-Nothing: of all that', { spam: false, ofOurs: false, leadsBack: false, deliveryAddresses: [] }],
];

for (const [field, answer] of FIELDS) {
  test(`is found on the other side: ${field.slice(0, 40)}`, async () => {
    const reading = await readingOf(Buffer.from(`From: a@b.example\r\nSubject: S\r\n${field}\r\n\r\nText\r\n`));
    const after = told(filed(reading));
    assert.deepEqual({ ...after, ...answer }, after);
    assert.deepEqual(after, told(reading));
  });
}

test('a mark in the header of a returned mail is found on the other side', async () => {
  const report = [
    'From: mailer-daemon@mx.example',
    'Subject: failed',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example',
    '',
    'Final-Recipient: rfc822; a@b.example',
    'Action: failed',
    'Status: 5.1.1',
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    'X-Replyd-Loop: operator',
    'Subject: ours',
    '',
    '--b--',
    '',
  ];
  const reading = await readingOf(Buffer.from(report.join('\r\n')));
  assert.equal(leadsBack(reading, 'operator@example.org'), true);
  assert.equal(leadsBack(filed(reading), 'operator@example.org'), true);
});
