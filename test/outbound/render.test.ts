import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { type ComposeInput, compose } from '#replyd/conversation/compose.js';
import { MAX_IN_MEMORY, renderMail } from '#replyd/outbound/render.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'replyd-render-'));
after(() => rmSync(folder, { recursive: true }));

function input(changes: Partial<ComposeInput> = {}): ComposeInput {
  return {
    account: {
      id: 'acct_1',
      name: 'Acmé "GmbH"',
      support_email: 'support@example.com',
      domains: ['reply.example.com'],
      features: { inbound_emails: true },
      settings: {},
    },
    conversation: {
      id: 'cv_1',
      number: 7,
      subject: 'Größe, 寸法 und 👍 in einem langen Betreff, der gefaltet werden muss',
    },
    mailId: 'mail_9',
    date: Date.UTC(2026, 10, 22, 9, 5),
    unmailed: [
      {
        author: { name: 'Nöra', role: 'agent' },
        text: 'Grüße\n\n.\n.x **y**',
        format: 'markdown',
        date: null,
        received_at: '1970-01-01T00:00:00.000Z',
      },
    ],
    context: [],
    copies: [
      { email: 'anna@customer.example', name: 'Anna, "K" Ö', role: 'to', replyTo: 'reply+aa@reply.example.com' },
      { email: 'bert@customer.example', name: '', role: 'cc', replyTo: null },
    ],
    chain: Array.from({ length: 30 }, (_, index) => `${'m'.repeat(60)}${index}@customer.example`),
    firstSubject: null,
    answered: true,
    attachments: [],
    ...changes,
  };
}

async function bytesOf(changes: Partial<ComposeInput> = {}): Promise<{ bytes: Buffer; whole: Buffer }> {
  const { mail, copies } = compose(input(changes));
  const content = await renderMail(mail, { folder });
  assert.ok('bytes' in content);
  const bytes = Buffer.from(content.bytes);
  return { bytes, whole: Buffer.concat([Buffer.from(copies[0]!.head), bytes]) };
}

function assertWireForm(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  assert.match(text, /^[\t\r\n\x20-\x7e]*$/, 'ASCII only');
  assert.doesNotMatch(text, /[^\r]\n|\r[^\n]/, 'CRLF only');
  assert.ok(text.endsWith('\r\n'));
  for (const line of text.split('\r\n')) assert.ok(line.length <= 998, `line of ${line.length}`);
}

test('a parser reads back what was composed', async () => {
  const { bytes, whole } = await bytesOf();
  assertWireForm(bytes);
  const mail = await simpleParser(whole);
  assert.deepEqual(mail.from?.value, [{ name: 'Nöra (Acmé "GmbH")', address: 'support@example.com' }]);
  assert.deepEqual(mail.replyTo?.value, [{ name: 'Nöra (Acmé "GmbH")', address: 'reply+aa@reply.example.com' }]);
  assert.deepEqual([mail.to].flat()[0]?.value, [{ name: 'Anna, "K" Ö', address: 'anna@customer.example' }]);
  assert.deepEqual([mail.cc].flat()[0]?.value, [{ name: '', address: 'bert@customer.example' }]);
  assert.equal(mail.subject, 'Re: Größe, 寸法 und 👍 in einem langen Betreff, der gefaltet werden muss');
  assert.equal(mail.messageId, '<mail_9@reply.example.com>');
  assert.equal(mail.inReplyTo, `<${'m'.repeat(60)}29@customer.example>`);
  assert.equal(mail.references?.length, 31);
  assert.equal(mail.references?.[0], '<cv_1@reply.example.com>');
  assert.equal(mail.date?.toISOString(), '2026-11-22T09:05:00.000Z');
  assert.equal(mail.text?.trimEnd(), 'Grüße\n\n.\n.x **y**');
  assert.match(String(mail.html), /<strong>y<\/strong>/);
});

test('an ASCII name is written as people know it', async () => {
  const { whole } = await bytesOf({
    account: { ...input().account, name: 'Acme' },
    unmailed: [
      {
        author: { name: 'Nora', role: 'agent' },
        text: 'x',
        format: 'plain',
        date: null,
        received_at: '1970-01-01T00:00:00.000Z',
      },
    ],
  });
  const header = whole.toString('latin1').replaceAll('\r\n ', ' ');
  assert.match(header, /^From: "Nora \(Acme\)" <support@example\.com>\r$/m);
  assert.match(header, /^Reply-To: "Nora \(Acme\)" <reply\+aa@reply\.example\.com>\r$/m);
});

test('the header holds each field once and nothing that marks a robot or a list', async () => {
  const { whole } = await bytesOf();
  const header = whole.toString('latin1').split('\r\n\r\n')[0]!;
  const names = header
    .split('\r\n')
    .filter(line => /^\S/.test(line))
    .map(line => line.split(':')[0]!);
  assert.deepEqual([...names].sort(), [
    'Cc',
    'Content-Type',
    'Date',
    'From',
    'In-Reply-To',
    'MIME-Version',
    'Message-ID',
    'References',
    'Reply-To',
    'Subject',
    'To',
    'X-Replyd-Loop',
  ]);
});

test('no value begins a field of its own', async () => {
  const evil = 'x\r\nBcc: evil@evil.example\r\n\r\n<script>';
  const attachment = { filename: evil, contentType: evil, size: 1, content: { bytes: Buffer.from('a') } };
  const { whole } = await bytesOf({
    account: {
      id: 'acct_1',
      name: evil,
      support_email: 'support@example.com',
      domains: ['reply.example.com'],
      features: { inbound_emails: true },
      settings: { subject_template: evil },
    },
    conversation: { id: 'cv_1', number: 7, subject: evil },
    unmailed: [
      {
        author: { name: evil, role: 'agent' },
        text: 'x',
        format: 'plain',
        date: null,
        received_at: '1970-01-01T00:00:00.000Z',
      },
    ],
    copies: [{ email: 'a@customer.example', name: evil, role: 'to', replyTo: null }],
    attachments: [attachment],
  });
  assert.doesNotMatch(whole.toString('latin1'), /^Bcc/im);
  const mail = await simpleParser(whole);
  assert.equal(mail.bcc, undefined);
  assert.equal(mail.attachments.length, 1);
});

test('attachments from memory and from a file', async () => {
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 256));
  const file = path.join(folder, 'attachment.bin');
  writeFileSync(file, bytes);
  const raw = Buffer.from('Subject: ä\n\nx'.repeat(200));
  const { bytes: mailBytes } = await bytesOf({
    attachments: [
      { filename: 'Rechnung ü 寸.pdf', contentType: 'application/pdf', size: bytes.length, content: { bytes } },
      { filename: 'from file.bin', contentType: 'application/x-thing', size: bytes.length, content: { file } },
      { filename: 'mail.eml', contentType: 'message/rfc822', size: raw.length, content: { bytes: raw } },
    ],
  });
  assertWireForm(mailBytes);
  const mail = await simpleParser(mailBytes);
  assert.deepEqual(
    mail.attachments.map(attached => attached.filename),
    ['Rechnung ü 寸.pdf', 'from file.bin', 'mail.eml'],
  );
  for (const [index, expected] of [bytes, bytes, raw].entries()) {
    assert.ok(mail.attachments[index]!.content.equals(expected), `attachment ${index} is byte for byte the same`);
  }
  // A message part can't be encoded (RFC 2046 5.2.1), so it goes as a file.
  assert.match(mailBytes.toString('latin1'), /Content-Type: application\/octet-stream; name=mail\.eml\r\n/);
});

test('above the limit the mail is streamed into a file of its own', async () => {
  const bytes = Buffer.alloc(MAX_IN_MEMORY + 1, 'x');
  const attachment = { filename: 'big.txt', contentType: 'text/plain', size: bytes.length, content: { bytes } };
  const content = await renderMail(compose(input({ attachments: [attachment] })).mail, { folder });
  assert.ok('file' in content);
  assert.equal(statSync(content.file).mode & 0o777, 0o600);
  const stored = readFileSync(content.file);
  assertWireForm(stored);
  assert.ok((await simpleParser(stored)).attachments[0]!.content.equals(bytes));
});

test('words above the limit are streamed too, and are the same', async () => {
  const text = `${'Grüße 👍 寸法 = .\n.x\n'.repeat(8_000)}end`;
  const { mail } = compose(input({ unmailed: [{ ...input().unmailed[0]!, text, format: 'plain' }] }));
  assert.ok(Buffer.byteLength(mail.text) > 2 * 64 * 1024, 'more than one slice');
  const content = await renderMail(mail, { folder });
  assert.ok('file' in content);
  const stored = readFileSync(content.file);
  assertWireForm(stored);
  const read = await simpleParser(stored);
  assert.equal(read.text?.trimEnd(), mail.text.trimEnd());
  assert.equal(String(read.html).trimEnd(), mail.html.trimEnd());
});

test('room is held for words as long as they are encoded', async () => {
  const text = 'щ'.repeat(MAX_IN_MEMORY / 2);
  const { mail } = compose(input({ unmailed: [{ ...input().unmailed[0]!, text, format: 'plain' }] }));
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
    return true;
  };
  const content = await renderMail(mail, { folder, space: { take: () => true, hold, release: () => undefined } });
  assert.ok('file' in content);
  const { size } = statSync(content.file);
  assert.ok(size > 2 * (Buffer.byteLength(mail.text) + Buffer.byteLength(mail.html)), 'it grew much');
  assert.ok(held >= size, `${size} bytes were written, and ${held} held`);
});

test('an attachment that can’t be read fails the rendering and leaves no file', async () => {
  const before = readdirSync(folder).length;
  for (const size of [10, MAX_IN_MEMORY + 1]) {
    const content = { file: path.join(folder, 'gone') };
    const attachment = { filename: 'gone', contentType: 'text/plain', size, content };
    await assert.rejects(renderMail(compose(input({ attachments: [attachment] })).mail, { folder }), {
      code: 'ENOENT',
    });
  }
  assert.equal(readdirSync(folder).length, before);
});
