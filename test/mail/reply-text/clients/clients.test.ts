/**
 * A mail of ours, composed and rendered, comes back from each mail program as a reply above it, inside it or below it,
 * and forwarded with a note; as text, as HTML and as both. So does one that quotes earlier messages. The words that are new
 * are known exactly.
 */
import assert from 'node:assert/strict';
import os from 'node:os';
import { before, test } from 'node:test';
import { compose } from '#replyd/conversation/compose.js';
import type { ComposeMessage } from '#replyd/conversation/composing.js';
import type { KnownTexts } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';
import { renderMail } from '#replyd/outbound/render.js';
import { SHAPES } from './shapes.js';
import { CLIENTS, type Client } from './table.js';

const SAID = 'Hello Jane,\n\nwhich lamp did you order?\n\nAnd which shade do you need?\n\nBest regards\nAnn';
const LOOKED = 'Thank you, Jane.\n\nI have had a look: there were two lamps in your order, and we sent one.\n\nAnn';
const MAILED = 'One lamp is missing from the parcel that came today.\n\nWhen will it come?\n\nJane';
const KNOWN: KnownTexts = {
  replyAddresses: ['reply+5f@in.acme.example'],
  texts: [SAID, 'My order is incomplete.', 'Acme Ltd, Ghent'],
};
/** What she wrote by mail is no text of ours. */
const KNOWN_LATER: KnownTexts = { ...KNOWN, texts: [SAID, LOOKED, ...KNOWN.texts.slice(1)] };
const OWN = ['Hello Ann,', '', 'the blue one, please. It is for the kitchen.', '', 'Jane'];
const NOTE = ['Is this from you?', '', 'Jane'];
const FIRST = 'The blue one.';
const SECOND = 'Red, as before.';

const MODES = ['top', 'bottom', 'inline', 'forward'] as const;
type Mode = (typeof MODES)[number];

interface Sent {
  readonly plain: string;
  readonly html: string;
}

function said(text: string, role: 'agent' | 'contact'): ComposeMessage {
  return {
    author: { name: role === 'agent' ? 'Ann' : 'Jane', role },
    text,
    format: role === 'agent' ? 'markdown' : 'plain',
    date: null,
    received_at: '2026-11-30T08:00:00Z',
  };
}

/** Our mail as it was sent. */
async function sentWith(history: readonly ComposeMessage[], locale: string): Promise<Sent> {
  const { mail } = compose({
    account: {
      id: 'acct_1',
      name: 'Acme',
      support_email: 'support@acme.example',
      domains: ['in.acme.example'],
      features: { inbound_emails: true },
      settings: { footer: 'Acme Ltd, Ghent', locale },
    },
    conversation: { id: 'cv_1', number: 1, subject: 'Your order' },
    mailId: 'mail_9',
    date: Date.UTC(2026, 10, 30, 8),
    unmailed: [said(SAID, 'agent')],
    context: [],
    history,
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
  return { plain: parsed.plain!.replaceAll('\r\n', '\n').trimEnd(), html };
}

const HISTORY = [said('My order is incomplete.', 'contact'), said(MAILED, 'contact'), said(LOOKED, 'agent')];
const SENT = new Map<string, Sent>();
const MAILS = [
  { title: '', history: [], locale: 'en', known: KNOWN },
  { title: ', with history', history: HISTORY, locale: 'en', known: KNOWN_LATER },
  { title: ', with history in German', history: HISTORY, locale: 'de', known: KNOWN_LATER },
];

before(async () => {
  for (const { title, history, locale } of MAILS) SENT.set(title, await sentWith(history, locale));
});

const CASES = MAILS.flatMap(mail => CLIENTS.flatMap(client => MODES.map(mode => ({ ...mail, client, mode }))));

for (const { title, known, client, mode } of CASES) {
  test(`${client.name}: ${mode}${title}`, () => {
    const sent = SENT.get(title)!;
    const plain = plainOf(sent, client, mode);
    const html = client.html === null ? null : htmlOf(sent, client, mode);
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
      const found = splitReply(body, known, { subject });
      const parts = [body.plain === null ? '' : 'text', body.html === null ? '' : 'HTML'].join(' ');
      assert.equal(wanted(found.text), expected(client, mode, body.html === null), parts);
    }
  });
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

function plainOf(sent: Sent, client: Client, mode: Mode): string {
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

function htmlOf(sent: Sent, client: Client, mode: Mode): string {
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
