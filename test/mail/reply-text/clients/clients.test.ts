/**
 * A mail of ours, composed and rendered, comes back from each mail program as a reply above it, inside it or below it,
 * and forwarded with a note; as text, as HTML and as both. The words that are new are known exactly.
 */
import assert from 'node:assert/strict';
import os from 'node:os';
import { before, test } from 'node:test';
import { compose } from '#replyd/conversation/compose.js';
import type { KnownTexts } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';
import { renderMail } from '#replyd/outbound/render.js';
import { SHAPES } from './shapes.js';
import { CLIENTS, type Client } from './table.js';

const SAID = 'Hello Jane,\n\nwhich lamp did you order?\n\nAnd which shade do you need?\n\nBest regards\nAnn';
const KNOWN: KnownTexts = {
  replyAddresses: ['reply+5f@in.acme.example'],
  texts: [SAID, 'My order is incomplete.', 'Acme Ltd, Ghent'],
};
const OWN = ['Hello Ann,', '', 'the blue one, please. It is for the kitchen.', '', 'Jane'];
const NOTE = ['Is this from you?', '', 'Jane'];
const FIRST = 'The blue one.';
const SECOND = 'Red, as before.';

const MODES = ['top', 'bottom', 'inline', 'forward'] as const;
type Mode = (typeof MODES)[number];

/** Our mail as it was sent. */
let sent: { readonly plain: string; readonly html: string };

before(async () => {
  const { mail } = compose({
    account: {
      id: 'acct_1',
      name: 'Acme',
      support_email: 'support@acme.example',
      domains: ['in.acme.example'],
      features: { inbound_emails: true },
      settings: { footer: 'Acme Ltd, Ghent' },
    },
    conversation: { id: 'cv_1', number: 1, subject: 'Your order' },
    mailId: 'mail_9',
    date: Date.UTC(2026, 10, 30, 8),
    unmailed: [
      {
        author: { name: 'Ann', role: 'agent' },
        text: SAID,
        format: 'markdown',
        date: null,
        received_at: '2026-11-30T08:00:00Z',
      },
    ],
    context: [],
    copies: [{ email: 'jane@client.example', name: 'Jane', role: 'to', replyTo: 'reply+5f@in.acme.example' }],
    chain: [],
    firstSubject: null,
    answered: false,
    attachments: [],
  });
  const content = await renderMail(mail, { folder: os.tmpdir() });
  assert.ok('bytes' in content);
  const parsed = await parseMail(Buffer.from(content.bytes), keepInMemory);
  const html = /<body>([\s\S]*)<\/body>/.exec(parsed.html!)![1]!;
  sent = { plain: parsed.plain!.replaceAll('\r\n', '\n').trimEnd(), html };
});

for (const client of CLIENTS) {
  for (const mode of MODES) {
    test(`${client.name}: ${mode}`, () => {
      const plain = plainOf(client, mode);
      const html = client.html === null ? null : htmlOf(client, mode);
      const subject = mode === 'forward' ? 'Fwd: [#1] Your order' : 'Re: [#1] Your order';
      const bodies =
        html === null
          ? [{ plain, html }]
          : client.sign === null
            ? [{ plain: null, html }]
            : [
                { plain, html: null },
                { plain: null, html },
                { plain, html },
              ];
      for (const body of bodies) {
        const found = splitReply(body, KNOWN, { subject });
        const parts = [body.plain === null ? '' : 'text', body.html === null ? '' : 'HTML'].join(' ');
        assert.equal(wanted(found.text), expected(client, mode, body.html === null), parts);
      }
    });
  }
}

test('sixty programs, each once and with its source', () => {
  assert.ok(CLIENTS.length >= 60, `${CLIENTS.length}`);
  for (const { name, source } of CLIENTS) assert.ok(source !== '', name);
  assert.equal(new Set(CLIENTS.map(({ name }) => name)).size, CLIENTS.length);
});

/** Lines of HTML parts have no blank lines where blocks follow one another. */
function wanted(text: string): string {
  return text.replaceAll(/\n+/g, '\n');
}

function expected(client: Client, mode: Mode, isText: boolean): string {
  if (mode === 'forward') return wanted(NOTE.join('\n'));
  if (mode !== 'inline') return wanted(OWN.join('\n'));
  if (!isText || client.sign === '') return `${FIRST}\n${SECOND}`;
  // Between marked lines the questions stay; the HTML part shows answers inside of our mail.
  const quoted = (text: string): string =>
    text
      .split('\n')
      .map(line => `${client.sign}${line}`.trimEnd())
      .join('\n');
  const [asked, more] = SAID.split('order?');
  return wanted(
    `${quoted(`${asked}order?`)}\n${FIRST}\n${quoted(`${more!.slice(1).split('need?')[0]}need?`)}\n${SECOND}`,
  );
}

function plainOf(client: Client, mode: Mode): string {
  const device = client.device === undefined ? [] : ['', client.device];
  const head = mode === 'forward' ? client.forward : client.reply;
  const quoted = sent.plain
    .split('\n')
    .map(line => `${(mode === 'forward' ? client.forwardSign : client.sign) ?? ''}${line}`.trimEnd());
  if (mode === 'bottom') return [...head, ...gap(client), ...quoted, '', ...OWN, ...device, ''].join('\n');
  if (mode !== 'inline') {
    return [...(mode === 'forward' ? NOTE : OWN), ...device, '', ...head, ...gap(client), ...quoted, ''].join('\n');
  }
  const answered = quoted.flatMap(line => {
    if (line.endsWith('order?')) return [line, '', FIRST, ''];
    return line.endsWith('need?') ? [line, '', SECOND, ''] : [line];
  });
  return [...head, ...gap(client), ...answered, ''].join('\n');
}

function gap(client: Client): readonly string[] {
  return client.sign === '' ? [''] : [];
}

function htmlOf(client: Client, mode: Mode): string {
  const isForward = mode === 'forward';
  const shape = SHAPES[(isForward ? client.forwardHtml : undefined) ?? client.html!];
  const quote =
    mode === 'inline'
      ? sent.html
          .replace('order?</p>', `order?</p>\n<p style="color:red">${FIRST}</p>`)
          .replace('need?</p>', `need?</p>\n<p style="color:red">${SECOND}</p>`)
      : sent.html;
  return shape({
    own: mode === 'top' ? blocks(OWN) : isForward ? blocks(NOTE) : '',
    head: (isForward ? client.forward : client.reply)
      .map(escaped)
      .filter(line => !/^_+$/.test(line))
      .join('<br>'),
    quote,
    below: mode === 'bottom' ? blocks(OWN) : '',
    device:
      client.device === undefined || mode === 'inline' || mode === 'bottom'
        ? ''
        : `<div>${escaped(client.device)}</div>`,
  });
}

function blocks(lines: readonly string[]): string {
  return lines.map(line => `<div>${line === '' ? '<br>' : line}</div>`).join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
