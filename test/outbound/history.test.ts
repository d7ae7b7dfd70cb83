/**
 * What each reader of a mail gets to see of the conversation, byte by byte, from a whole daemon through a smarthost; and
 * that a reply to such a mail is its new words alone.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Conversation } from '#replyd/conversation/model.js';
import type { Mail } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { type SmtpSink, startSink } from './smtp-sink.js';

const JANE = 'jane@client.example';
const BEN = 'ben@partner.example';
const EVE = 'eve@other.example';

let sink: SmtpSink;
let daemon: DaemonProcess;
let id: string;
let taken = 0;

before(async () => {
  sink = await startSink();
  daemon = await makeDaemon({
    settings: { 'outbound.transport': 'smtp', 'outbound.host': '127.0.0.1', 'outbound.port': sink.port },
  });
  await daemon.start();
  await daemon.json(['account', 'add', 'acme', '--domain', 'in.acme.example', '--support-email', 'help@acme.example']);
  await daemon.json(['account', 'set', 'acme', 'name=Acme', 'footer=Acme Ltd']);
  const started = await daemon.json<Conversation>([
    ...['conversation', 'start', '--account', 'acme', '--contact', JANE, '--contact-name', 'Jane'],
    ...['--channel', 'web_widget', '--text', 'Is anybody <there>?'],
  ]);
  id = started.id;
});

after(async () => {
  await daemon?.close();
  await sink?.close();
});

/** The mails of an answer, by reader. */
async function answer(text: string, ...cc: string[]): Promise<Readonly<Record<string, Mail>>> {
  const more = cc.flatMap(address => ['--cc', address]);
  await daemon.json(['conversation', 'reply', id, '--text', text, '--agent', 'Ann', ...more]);
  const count = taken + 1 + cc.length;
  while (sink.mails.length < count) await sleep(20);
  const mails = sink.mails.slice(taken, count);
  taken = count;
  // The courier may have said 250 before the store knows it.
  for (;;) {
    const { messages } = await daemon.json<Required<Conversation>>(['conversation', 'show', id]);
    if (messages.at(-1)!.deliveries.every(delivery => delivery.state === 'sent')) break;
    await sleep(20);
  }
  const parsed = await Promise.all(
    mails.map(async mail => [mail.rcptTo, await parseMail(Buffer.from(mail.data), keepInMemory)] as const),
  );
  return Object.fromEntries(parsed);
}

/** A person writes to a reply address. */
async function write(from: string, { text, to, cc = '' }: { text: string; to: string; cc?: string }): Promise<void> {
  const copy = cc === '' ? '' : `Cc: ${cc}\r\n`;
  const name = from.split('@')[0]!;
  const header = `From: ${name[0]!.toUpperCase()}${name.slice(1)} <${from}>\r\nTo: <${to}>\r\n${copy}Subject: Re: your mail\r\n`;
  const data = `${header}Message-ID: <${Buffer.from(text).toString('hex').slice(0, 20)}@client.example>\r\n\r\n${text.replaceAll('\n', '\r\n')}\r\n`;
  const sent = await sendMail(daemon.smtp, { from, to: [to], data });
  assert.equal(sent.data[0]?.code, 250);
}

const LINE = '--- Please reply above this line ---';

function textOf(mail: Mail): string {
  return mail.plain!.replaceAll('\r\n', '\n').replaceAll(/\d+ \w{3} \d{4}, \d\d:\d\d UTC/g, 'WHEN');
}

/** Of the HTML part what stands in our frame. */
function htmlOf(mail: Mail): string {
  const html = mail.html!.replaceAll('\r\n', '\n').replaceAll(/\d+ \w{3} \d{4}, \d\d:\d\d UTC/g, 'WHEN');
  const found = /<div class="replyd-mail"><div style="[^"]*">\n([\s\S]*)\n<\/div><\/div>\n<\/body><\/html>\n?$/.exec(
    html,
  );
  assert.ok(found, html);
  return found[1]!;
}

function quotedText(name: string, text: string): string {
  return `On WHEN, ${name} wrote:\n${text
    .split('\n')
    .map(line => `> ${line}`)
    .join('\n')}\n\n`;
}

const BLOCKQUOTE = '<blockquote type="cite" style="margin:0 0 16px;padding-left:12px;border-left:2px solid #d0d7de">';

function quotedHtml(name: string, html: string): string {
  return `<p>On WHEN, ${name} wrote:</p>\n${BLOCKQUOTE}\n<div dir="auto">\n${html}\n</div>\n</blockquote>\n`;
}

/** A whole mail: the answer, what is quoted below the line, the footer. */
function expected(text: string, quotes: readonly (readonly [name: string, text: string, html: string])[]) {
  const footer = '<div dir="auto" style="color:#59636e;font-size:13px">\n<p>Acme Ltd</p>\n</div>';
  const history = quotes.map(([name, , html]) => quotedHtml(name, html)).join('');
  return {
    text: `${text}\n\n${quotes.length === 0 ? '' : `${LINE}\n\n`}${quotes.map(([name, said]) => quotedText(name, said)).join('')}-- \nAcme Ltd\n`,
    html:
      `<div dir="auto">\n<p>${text}</p>\n</div>\n${footer}` +
      (quotes.length === 0
        ? ''
        : `\n<div style="margin-top:24px;color:#59636e;font-size:13px">\n<p>${LINE}</p>\n${history}</div>`),
  };
}

function shown(mail: Mail | undefined) {
  assert.ok(mail);
  return { text: textOf(mail), html: htmlOf(mail) };
}

const FIRST = ['Ann (Acme)', 'First answer.', '<p>First answer.</p>'] as const;
const THANKS = ['Jane', 'Thanks, a lot & more.', '<p>Thanks, a lot &amp; more.</p>'] as const;
const SECOND = ['Ann (Acme)', 'Second answer.', '<p>Second answer.</p>'] as const;
const BENS = ['Ben', 'Ben here.', '<p>Ben here.</p>'] as const;
const TO_BEN = ['Jane', 'Ben should know.', '<p>Ben should know.</p>'] as const;

test('the first mail has the context, and no line', async () => {
  const mails = await answer('First answer.');
  const { text } = shown(mails[JANE]);
  assert.equal(
    text,
    'First answer.\n\nEarlier in this conversation:\n\nJane · WHEN\n> Is anybody <there>?\n\n-- \nAcme Ltd\n',
  );
});

test('the contact is quoted everything but notes, three at most, the latest first; a new Cc nothing', async () => {
  const conversation = await daemon.json<Conversation>(['conversation', 'show', id]);
  await write(JANE, { text: THANKS[1], to: conversation.reply_to! });
  await daemon.json(['conversation', 'note', id, '--text', 'A secret note.']);
  const mails = await answer('Second answer.', BEN);
  const there = ['Jane', 'Is anybody <there>?', '<p>Is anybody &lt;there&gt;?</p>'] as const;
  assert.deepEqual(shown(mails[JANE]), expected('Second answer.', [THANKS, FIRST, there]));
  assert.deepEqual(shown(mails[BEN]), expected('Second answer.', []));
  const [jane, ben] = [mails[JANE]!, mails[BEN]!];
  const same = ({ messageId, date, to, cc, subject, references, inReplyTo, from }: Mail) => ({
    messageId,
    date,
    to,
    cc,
    subject,
    references,
    inReplyTo,
    from,
  });
  assert.deepEqual(same(jane), same(ben));
  assert.deepEqual([jane.to, jane.cc], [[{ name: 'Jane', email: JANE }], [{ name: '', email: BEN }]]);
  assert.notEqual(jane.replyTo[0]!.email, ben.replyTo[0]!.email);
});

test('who takes part is quoted what went to him and came from him; who comes later nothing', async () => {
  const conversation = await daemon.json<Conversation>(['conversation', 'show', id]);
  const ben = conversation.participants.find(({ email }) => email === BEN)!;
  await write(BEN, { text: BENS[1], to: ben.reply_to! });
  await write(JANE, { text: TO_BEN[1], to: conversation.reply_to!, cc: `Ben <${BEN}>` });
  const mails = await answer('Third answer.', BEN, EVE);
  assert.deepEqual(shown(mails[JANE]), expected('Third answer.', [TO_BEN, BENS, SECOND]));
  assert.deepEqual(shown(mails[BEN]), expected('Third answer.', [TO_BEN, BENS, SECOND]));
  assert.deepEqual(shown(mails[EVE]), expected('Third answer.', []));
  await write(JANE, { text: 'Between us.', to: conversation.reply_to! });
  const next = await answer('Fourth answer.', BEN);
  const third = ['Ann (Acme)', 'Third answer.', '<p>Third answer.</p>'] as const;
  assert.deepEqual(
    shown(next[JANE]),
    expected('Fourth answer.', [['Jane', 'Between us.', '<p>Between us.</p>'], third, TO_BEN]),
  );
  assert.deepEqual(shown(next[BEN]), expected('Fourth answer.', [third, TO_BEN, BENS]));
});

test('a reply to such a mail is its new words alone, and the message says that its mail quoted', async () => {
  const mails = await answer('Fifth answer.');
  const { plain, replyTo } = mails[JANE]!;
  const quoted = plain!
    .trimEnd()
    .split(/\r?\n/)
    .map(line => `> ${line}`.trimEnd());
  const own = 'All is well now.\n\nJane';
  await write(JANE, {
    text: `${own}\n\nOn Mon, Nov 30, 2026 at 9:00 AM Ann (Acme) <help@acme.example> wrote:\n${quoted.join('\n')}`,
    to: replyTo[0]!.email,
  });
  const { messages } = await daemon.json<Required<Conversation>>(['conversation', 'show', id]);
  assert.equal(messages.at(-1)!.text, own);
  assert.deepEqual(
    messages.filter(({ direction }) => direction === 'outgoing').map(({ history }) => history),
    [true, true, true, true, true],
  );
});
