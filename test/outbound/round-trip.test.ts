import assert from 'node:assert/strict';
import os from 'node:os';
import { test } from 'node:test';
import { type ComposeInput, compose } from '#replyd/conversation/compose.js';
import type { ComposeMessage } from '#replyd/conversation/composing.js';
import { carriesLoopMark } from '#replyd/conversation/rules/loop.js';
import type { KnownTexts, Mail } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';
import { renderMail } from '#replyd/outbound/render.js';

// What we send is what we read back: our own parser on our own mail, and a reply that quotes it.

const AT = Date.UTC(2026, 10, 22, 9, 5);
const AT_ISO = new Date(AT).toISOString();

function said(text: string, name: string, role: 'agent' | 'contact'): ComposeMessage {
  return {
    author: { name, role },
    text,
    format: role === 'agent' ? 'markdown' : 'plain',
    date: null,
    received_at: AT_ISO,
  };
}

const INPUT: ComposeInput = {
  account: {
    id: 'acct_1',
    name: 'Acme',
    support_email: 'support@example.com',
    domains: ['reply.example.com'],
    features: { inbound_emails: true },
    settings: { footer: 'Acme Ltd, London' },
  },
  conversation: { id: 'cv_1', number: 7, subject: 'Where is it — «Größe»?' },
  mailId: 'mail_9',
  date: AT,
  unmailed: [
    said(
      'Hello Anna,\n\nyour parcel is **on its way**. It takes:\n\n- two days by air\n- a week by sea',
      'Nora',
      'agent',
    ),
  ],
  context: [said('Where is my parcel?\n\nIt is late.', 'Anna', 'contact'), said('Let me look.', 'Omar', 'agent')],
  copies: [
    { email: 'anna@customer.example', name: 'Anna', role: 'to', replyTo: 'reply+aa@reply.example.com' },
    { email: 'bert@customer.example', name: 'Bert Ö', role: 'cc', replyTo: null },
  ],
  chain: ['a@customer.example', 'b@customer.example'],
  firstSubject: null,
  answered: true,
  attachments: [],
};

const KNOWN_TEXTS: KnownTexts = {
  replyAddresses: ['reply+aa@reply.example.com'],
  texts: [...INPUT.unmailed, ...INPUT.context].map(message => message.text),
};

async function sentMail(): Promise<{ mail: Mail; text: string }> {
  const composed = compose(INPUT);
  const content = await renderMail(composed.mail, { folder: os.tmpdir() });
  assert.ok('bytes' in content);
  const bytes = Buffer.concat([Buffer.from(composed.copies[0]!.head), content.bytes]);
  return { mail: await parseMail(bytes, keepInMemory), text: composed.mail.text };
}

test('our own parser reads our own mail', async () => {
  const { mail, text } = await sentMail();
  assert.deepEqual(mail.from, { name: 'Nora (Acme)', email: 'support@example.com' });
  assert.deepEqual(mail.replyTo, [{ name: 'Nora (Acme)', email: 'reply+aa@reply.example.com' }]);
  assert.deepEqual(mail.to, [{ name: 'Anna', email: 'anna@customer.example' }]);
  assert.deepEqual(mail.cc, [{ name: 'Bert Ö', email: 'bert@customer.example' }]);
  assert.equal(mail.subject, 'Re: Where is it — «Größe»?');
  assert.equal(mail.date, new Date(AT).toISOString());
  assert.equal(mail.messageId, 'mail_9@reply.example.com');
  assert.deepEqual(mail.inReplyTo, ['b@customer.example']);
  assert.deepEqual(mail.references, ['cv_1@reply.example.com', 'a@customer.example', 'b@customer.example']);
  assert.equal(mail.plain?.trimEnd(), text.trimEnd());
  assert.equal(carriesLoopMark(mail.headers, 'acct_1'), true);
});

test('it is a person’s mail to whoever classifies it', async () => {
  const { mail } = await sentMail();
  assert.deepEqual(readMail(mail, { replyAddresses: [], texts: [] }).kind, 'reply');
});

test('a reply that quotes it is its new words alone', async () => {
  const { text } = await sentMail();
  const lines = text.trimEnd().split('\n');
  const quoted = lines.map(line => `>${line === '' || line.startsWith('>') ? '' : ' '}${line}`).join('\n');
  const attribution = 'On Sun, 22 Nov 2026 at 09:05, Nora (Acme) <reply+aa@reply.example.com> wrote:';
  const styles: Record<string, string> = {
    'quote signs below an attribution': `Thanks, great.\n\n${attribution}\n\n${quoted}\n`,
    'a header block and no signs': [
      'Thanks, great.',
      '',
      'From: Nora (Acme) <reply+aa@reply.example.com>',
      'Sent: Sunday, 22 November 2026 09:05',
      'To: Anna',
      'Subject: Re: Where is it',
      '',
      text,
    ].join('\n'),
    'quote signs and no attribution': `Thanks, great.\n\n${quoted}\n`,
    'below the quote': `${attribution}\n\n${quoted}\n\nThanks, great.\n`,
  };
  for (const [style, plain] of Object.entries(styles)) {
    assert.equal(splitReply({ plain, html: null }, KNOWN_TEXTS).text.trim(), 'Thanks, great.', style);
  }
});
