import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';

async function read(lines: readonly string[], mailFrom?: string): Promise<Reading> {
  const mail = await parseMail(Buffer.from(lines.join('\n')), keepInMemory);
  return readMail(mail, { replyAddresses: [], texts: [] }, mailFrom === undefined ? {} : { mailFrom });
}

const OUT_OF_OFFICE = ['From: ann@example.org', 'Subject: Out of office: order', '', 'Back on Monday.'];
const BOUNCE = [
  'From: postmaster@example.org',
  'Subject: Undelivered Mail Returned to Sender',
  'Auto-Submitted: auto-replied',
  '',
  '<ann@example.org>: 550 5.1.1 no such user',
  '> a quoted line',
];

test('the envelope decides where it is known, else Return-Path', async () => {
  const table: [mailFrom: string | undefined, header: string, kind: string][] = [
    ['', 'X: y', 'auto_reply'],
    ['ann@example.org', 'Return-Path: <>', 'reply'],
    [undefined, 'Return-Path: <>', 'auto_reply'],
    [undefined, 'Return-Path: <MAILER-DAEMON>', 'auto_reply'],
    [undefined, 'Return-Path: <ann@example.org>', 'reply'],
    [undefined, 'X: y', 'reply'],
    ['#@[]', 'X: y', 'auto_reply'],
  ];
  for (const [mailFrom, header, kind] of table) {
    assert.equal((await read([header, ...OUT_OF_OFFICE], mailFrom)).kind, kind, `${mailFrom} ${header}`);
  }
});

test('a report is one before any other sign counts, and its words stay whole', async () => {
  const { kind, evidence, report, text } = await read(BOUNCE, '');
  assert.equal(kind, 'bounce');
  assert.deepEqual(evidence, ['report: bounce by the words "undeliver"']);
  assert.equal(report[0]?.status, '5.1.1');
  assert.equal(text.text, '<ann@example.org>: 550 5.1.1 no such user\n> a quoted line');
  assert.equal(text.quotedText, '');
});

test('evidence that quotes a long line stays ASCII where the mail is', async () => {
  const moment = 'On Mon, May 3, 2027 at 10:02 AM Ann Lee from the support team';
  const { evidence, text } = await read(
    [
      `Auto-Submitted: auto-replied (${'x'.repeat(90)})`,
      '',
      'Yes.',
      '',
      `${moment} <ann@example.org> wrote:`,
      '> Well?',
    ],
    'ann@example.org',
  );
  assert.deepEqual(evidence, [`robot: auto-submitted: auto-replied (${'x'.repeat(66)}...`]);
  assert.deepEqual(text.evidence, [`quote: attribution line 3 ("${moment.slice(0, 59)}...")`]);
});

test('pictures of the mail are shown by their content', async () => {
  const { html, mail } = await read([
    'Content-Type: multipart/related; boundary=b',
    '',
    '--b',
    'Content-Type: text/html',
    '',
    '<p>see <img src="cid:a@x" alt="logo"><img src="cid:none@x"></p><script>alert(1)</script>',
    '--b',
    'Content-Type: image/png',
    'Content-ID: <a@x>',
    '',
    'png',
    '--b--',
  ]);
  assert.ok(html?.includes(`src="attachment:${mail.attachments[0]!.sha256}"`), html ?? 'null');
  assert.equal(html?.includes('script'), false);
  assert.equal(mail.attachments[0]?.inline, true);
});

test('HTML above its limits is not shown, and that is said', async () => {
  const { html, evidence, kind } = await read(['Content-Type: text/html', '', '<b>'.repeat(1000), 'words']);
  assert.equal(html, null);
  assert.equal(kind, 'reply');
  assert.match(evidence[0]!, /^html: not shown/);
});
