/**
 * Agents who answer by mail, through real Postfix both ways: the notification lies in the agent's mailbox, he answers as his
 * program does, Postfix brings it to replyd with what a filter said of its sender (Authentication-Results), and the answer
 * lies in the customer's mailbox, or nothing does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentProfile, Conversation, Message } from '#replyd/conversation/model.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { addAccount, type DaemonProcess, withDaemon } from '../daemon-process.js';
import { SHAPES } from '../mail/reply-text/clients/shapes.js';
import { CLIENTS, type Client } from '../mail/reply-text/clients/table.js';
import { eventually, freePorts } from '../run.js';
import { withLogs } from '../with-logs.js';
import { headerField, readMaildir } from './maildir.js';
import { type Postfix, postfixMissing, startPostfix } from './postfix.js';
import { sendMail } from './smtp-talk.js';

const CUSTOMER = 'customer@customer.example';
const ANNA = 'anna@team.example';
const BOB = 'bob@team.example';
/** Taken by Postfix, and bounced later: its next hop is replyd, which knows no such address (5.1.1). */
const GONE = 'gone@reply.example.com';
const SAID = 'My lamp came without its shade. What can I do now?';
/** Of the same twelve kinds as in most offices: web, phone and desk. */
const PROGRAMS = [
  'Gmail on the web',
  'Gmail for Android',
  'Apple Mail for macOS',
  'Apple Mail for iOS',
  'Outlook for Windows',
  'Outlook on the web',
  'Outlook for iOS',
  'Outlook for Mac',
  'Thunderbird',
  'Yahoo Mail',
  'Proton Mail',
  'Roundcube',
];

/** What an agent's mail became: the message, and whether the customer got a mail. */
interface Ending {
  readonly message: string;
  readonly reason?: RegExp;
  readonly mailed: boolean;
}

interface Written {
  /** Above the quote. */
  readonly text?: string;
  readonly from?: string;
  /** What the filter said. */
  readonly results?: string | null;
  readonly fields?: readonly string[];
  readonly client?: string;
  readonly asText?: boolean;
  /** What a program does to the quote. */
  readonly quoted?: (quote: string) => string;
  readonly file?: boolean;
}

const PASS = 'dmarc=pass header.from=team.example';
const ANSWER = 'A new shade is on its way.';
const GOES: Ending = { message: `outgoing reply: ${ANSWER}`, mailed: true };
const held = (reason: RegExp): Ending => ({ message: `held outgoing reply: ${ANSWER}`, reason, mailed: false });

type Before = (at: Place) => Promise<void>;
interface Place {
  readonly daemon: DaemonProcess;
  readonly api: Api;
  readonly conversation: Conversation;
}

const TABLE: readonly (readonly [
  name: string,
  written: Written,
  ending: Ending,
  before?: Before | undefined,
  after?: Before,
])[] = [
  ['an answer', {}, GOES],
  ['an answer by a connection that is his', { results: 'auth=pass smtp.auth=anna@team.example' }, GOES],
  ['a note', { text: '/note\nCall her.' }, { message: 'note note: Call her.', mailed: false }],
  ['/resolve', { text: `/resolve\n${ANSWER}` }, GOES, undefined, status('resolved')],
  ['/reopen', { text: `/reopen\n${ANSWER}` }, GOES, resolve, status('open')],
  ['/assign', { text: `/assign Bob\n${ANSWER}` }, GOES, undefined, assigned(BOB)],
  ['/mute', { text: `/mute\n${ANSWER}` }, GOES],
  [
    'commands alone',
    { text: '/assign none\n/resolve' },
    { message: 'note note: /assign none\n/resolve', mailed: false },
    undefined,
    status('resolved'),
  ],
  [
    'an unknown command',
    { text: `/later\n${ANSWER}` },
    { message: `held note note: /later\n${ANSWER}`, reason: /no command "\/later"/, mailed: false },
  ],
  ['an attachment', { file: true }, { message: `outgoing reply: ${ANSWER} +shade.png`, mailed: true }],
  [
    'a forged From with his token',
    { from: 'mallory@evil.example', results: 'dmarc=pass header.from=evil.example' },
    held(/from mallory@evil\.example, not from anna@team\.example/),
  ],
  ['DMARC fail', { results: 'dmarc=fail header.from=team.example' }, held(/DMARC is fail, not pass/)],
  ['DMARC none', { results: 'dmarc=none header.from=team.example' }, held(/DMARC is none, not pass/)],
  ['DMARC temperror', { results: 'dmarc=temperror header.from=team.example' }, held(/DMARC is temperror, not pass/)],
  ['no verdict', { results: null }, held(/DMARC is not known, not pass/)],
  [
    'a verdict of nobody we know',
    { results: null, fields: ['Authentication-Results: mx.evil.example; dmarc=pass header.from=team.example'] },
    held(/DMARC is not known, not pass/),
  ],
  ['a disabled agent', {}, held(/anna@team\.example is disabled/), disabled, enabled],
  ['a stale answer: a colleague was faster', {}, held(/stale: Bob wrote since/), colleague],
  ['a stale answer: the customer wrote', {}, held(/stale: Some Customer wrote since/), customerWrote],
  [
    'an out-of-office',
    { text: 'I am on holiday.', fields: ['Auto-Submitted: auto-replied'] },
    { message: 'note auto_reply', mailed: false },
  ],
  [
    'a bounce to his reply address',
    { text: 'I could not be delivered.', fields: ['Auto-Submitted: auto-replied', 'X-Failed-Recipients: x@y.example'] },
    { message: 'note bounce', mailed: false },
  ],
];

test('agents answer by mail through Postfix', { timeout: 400_000 }, async t => {
  const why = postfixMissing();
  if (why !== null) return t.skip(why);
  const [port = 0] = await freePorts(1);
  const postfix = await startPostfix({
    relay: { 'reply.example.com': `smtp:[127.0.0.1]:${port}` },
    mailboxes: [CUSTOMER, ANNA, BOB],
  });
  t.after(() => postfix.stop());
  const settings = {
    'smtp.listen': [`127.0.0.1:${port}`],
    'auth.authserv_id': ['mx.example.com'],
    'auth.verify': 'never',
    'continuity.delay': '0s',
    'web.listen': '127.0.0.1:0',
    'web.public_url': 'https://desk.example.com',
    'outbound.transport': 'smtp',
    'outbound.host': '127.0.0.1',
    'outbound.port': postfix.address.port,
    'outbound.tls': 'none',
    'outbound.retry': ['1s'],
  };
  await withLogs({ postfix: () => postfix.log() }, () =>
    withDaemon({ settings }, async daemon => {
      await addAccount(daemon);
      await daemon.json(['account', 'enable', 'acme', 'agent_mail']);
      for (const [address, name, notify] of [
        [ANNA, 'Anna', 'all'],
        [BOB, 'Bob', 'none'],
      ] as const) {
        await daemon.json(['agent', 'add', address, '--account', 'acme', '--name', name, '--notify', notify]);
      }
      const api = await apiOf(daemon);
      for (const [name, written, ending, before, after] of TABLE) {
        await t.test(name, async () => {
          const { conversation, notification } = await told(api, postfix);
          const place = { daemon, api, conversation };
          await before?.(place);
          await endsAs(place, { postfix, notification, written, ending });
          await after?.(place);
        });
      }
      // An agent is notified sixty times in an hour.
      await notify(daemon, { [ANNA]: 'none', [BOB]: 'all' });
      for (const client of PROGRAMS) {
        for (const asText of [true, false]) {
          const form = asText ? 'text' : 'HTML';
          await t.test(`${client}, ${form}: an answer`, async () => {
            const { conversation, notification } = await told(api, postfix, BOB);
            const place = { daemon, api, conversation };
            await endsAs(place, { postfix, notification, written: { from: BOB, client, asText }, ending: GOES });
          });
          await t.test(`${client}, ${form}: it destroyed the marker`, async () => {
            const { conversation, notification } = await told(api, postfix, BOB);
            const quoted = (quote: string) => quote.replaceAll(/\[acme#(\d+)\/\d+\]/g, 'acme $1');
            const reason = /its marker \[acme#\d+\/…\] is not found/;
            const place = { daemon, api, conversation };
            const ending = { message: 'held note note', reason, mailed: false };
            await endsAs(place, { postfix, notification, written: { from: BOB, client, asText, quoted }, ending });
          });
        }
      }
      await notify(daemon, { [ANNA]: 'all', [BOB]: 'none' });
      await t.test('a note that is answered stays a note', () => noteStaysNote(api, postfix, daemon));
      await t.test('his next notification says what changed', () => saysWhatChanged(api, postfix, daemon));
      await t.test('a bounce of a notification suspends notifying him', () => bounceSuspends(api, daemon));
    }),
  );
});

type Api = (method: string, path: string, body?: object) => Promise<unknown>;

async function notify(daemon: DaemonProcess, wanted: Readonly<Record<string, string>>): Promise<void> {
  for (const [who, what] of Object.entries(wanted)) await daemon.json(['agent', 'set', who, `notify=${what}`]);
}

async function apiOf(daemon: DaemonProcess): Promise<Api> {
  const { key } = await daemon.json<{ key: string }>(['key', 'add', 'acme']);
  return async (method, path, body) => {
    const response = await fetch(`http://${daemon.listening.http}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
}

/** A conversation that began just now, and the notification of it in an agent's mailbox. */
async function told(
  api: Api,
  postfix: Postfix,
  who = ANNA,
): Promise<{ conversation: Conversation; notification: Buffer }> {
  const conversation = (await api('POST', '/conversations', {
    channel: 'email',
    subject: 'My lamp',
    contact: { email: CUSTOMER, name: 'Some Customer' },
    messages: [{ direction: 'incoming', text: SAID }],
  })) as Conversation;
  return { conversation, notification: await mailAbout(postfix, who, conversation, 1) };
}

/** The mail with this place among those about the conversation in a mailbox of the team. */
async function mailAbout(postfix: Postfix, who: string, { number }: Conversation, place: number): Promise<Buffer> {
  return eventually(`notification ${place} of #${number}`, async () => {
    const mails = await readMaildir(postfix.mailbox(who));
    return mails.filter(mail => headerField(mail, 'Subject')?.startsWith(`[acme#${number}]`))[place - 1];
  });
}

async function messagesOf(api: Api, { id }: Conversation): Promise<readonly Message[]> {
  return ((await api('GET', `/conversations/${id}/messages`)) as { data: readonly Message[] }).data;
}

interface Case {
  readonly postfix: Postfix;
  readonly notification: Buffer;
  readonly written: Written;
  readonly ending: Ending;
}

async function endsAs(
  { api, conversation }: Place,
  { postfix, notification, written, ending }: Case,
): Promise<Message> {
  const from = written.from ?? ANNA;
  const sent = await sendMail(postfix.address, {
    from,
    to: [addressIn(headerField(notification, 'Reply-To'))],
    data: await answerTo(notification, written),
  });
  assert.equal(sent.data[0]?.code, 250, sent.recipients[0]?.raw);
  const message = await eventually('his mail stands in the conversation', async () =>
    (await messagesOf(api, conversation)).find(({ mail_id }) => mail_id !== null),
  );
  const files = message.attachments.map(({ filename }) => ` +${filename}`).join('');
  const said = `${message.held ? 'held ' : ''}${message.direction} ${message.kind}: ${message.text}${files}`;
  assert.ok(said.startsWith(ending.message), said);
  if (ending.reason === undefined) assert.equal(message.held, false, message.evidence.join('\n'));
  else assert.match(message.evidence.join('\n'), ending.reason);
  assert.deepEqual([message.html, message.message_id === null || ending.mailed], [null, true]);
  if (!ending.mailed) {
    assert.deepEqual(message.deliveries, [], 'nobody is mailed');
    return message;
  }
  const mail = await eventually('the customer has it', async () =>
    (await readMaildir(postfix.mailbox(CUSTOMER))).find(
      each => each.includes(`[#${conversation.number}]`) || refersTo(each, conversation),
    ),
  );
  const name = from === BOB ? 'Bob' : 'Anna';
  assert.equal(headerField(mail, 'From'), `"${name} (Acme)" <support@example.com>`);
  const whole = mail.toString('latin1');
  for (const trace of [
    from,
    'Reply-To-Anna',
    addressIn(headerField(notification, 'Reply-To')),
    'her-own-id',
    'Anna Own',
    'shade. What can I do now?\r\n>',
  ])
    assert.ok(!whole.includes(trace), `${trace} is in the customer's mail`);
  assert.match(addressIn(headerField(mail, 'Reply-To')), /^reply\+[0-9a-f]{32}@reply\.example\.com$/);
  if (written.file) assert.match(whole, /filename="?shade\.png/);
  return message;
}

function refersTo(mail: Buffer, { id }: Conversation): boolean {
  return headerField(mail, 'References')?.includes(id) === true;
}

/** What an agent's program sends when he presses Reply. */
async function answerTo(notification: Buffer, written: Written): Promise<string> {
  const { text = ANSWER, results = PASS, fields = [], quoted = (quote: string) => quote } = written;
  const client = CLIENTS.find(({ name }) => name === (written.client ?? 'Thunderbird'))!;
  const id = headerField(notification, 'Message-ID') ?? '';
  const { plain, html } = await bodiesOf(notification);
  const isText = (written.asText ?? true) || client.html === null;
  const body = isText ? plainOf(client, { text, quote: quoted(plain) }) : htmlOf(client, { text, quote: quoted(html) });
  const part = [
    `Content-Type: text/${isText ? 'plain' : 'html'}; charset=utf-8`,
    'Content-Transfer-Encoding: base64',
    '',
    ...base64(body),
  ];
  const head = [
    ...(results === null ? [] : [`Authentication-Results: mx.example.com; ${results}`]),
    `From: Anna Own <${written.from ?? ANNA}>`,
    `To: ${headerField(notification, 'Reply-To')}`,
    'X-Her-Own: Reply-To-Anna',
    `Subject: Re: ${headerField(notification, 'Subject')}`,
    'Date: Tue, 03 Mar 2026 11:00:00 +0100',
    `Message-ID: <her-own-id.${Math.random()}@team.example>`,
    `In-Reply-To: ${id}`,
    `References: ${headerField(notification, 'References')} ${id}`,
    ...fields,
    'MIME-Version: 1.0',
  ];
  if (written.file !== true) return [...head, ...part, ''].join('\r\n');
  return [
    ...head,
    'Content-Type: multipart/mixed; boundary=b1',
    '',
    '--b1',
    ...part,
    '--b1',
    'Content-Type: image/png; name=shade.png',
    'Content-Disposition: attachment; filename=shade.png',
    'Content-Transfer-Encoding: base64',
    '',
    ...base64('no picture'),
    '--b1--',
    '',
  ].join('\r\n');
}

function plainOf(client: Client, { text, quote }: { text: string; quote: string }): string {
  const lines = quote.trimEnd().split('\n');
  const device = client.device === undefined ? [] : ['', client.device];
  return [
    text,
    ...device,
    '',
    ...client.reply,
    ...(client.sign === '' ? [''] : []),
    ...lines.map(line => `${client.sign ?? '> '}${line}`),
    '',
  ].join('\n');
}

function htmlOf(client: Client, { text, quote }: { text: string; quote: string }): string {
  const escaped = (line: string) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return SHAPES[client.html!]({
    own: text
      .split('\n')
      .map(line => `<div>${escaped(line)}</div>`)
      .join(''),
    head: client.reply
      .map(escaped)
      .filter(line => !/^_+$/.test(line))
      .join('<br>'),
    quote,
    below: '',
    device: client.device === undefined ? '' : `<div>${escaped(client.device)}</div>`,
  });
}

function base64(text: string): readonly string[] {
  return (
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  );
}

/** Text and HTML of a notification, as a program shows them. */
async function bodiesOf(mail: Buffer): Promise<{ readonly plain: string; readonly html: string }> {
  const { plain, html } = await parseMail(mail, keepInMemory);
  return { plain: plain!.replaceAll('\r\n', '\n'), html: /<body>([\s\S]*)<\/body>/.exec(html!)![1]! };
}

function addressIn(field: string | null): string {
  return /<([^>]*)>/.exec(field ?? '')?.[1] ?? field ?? '';
}

// ---------------------------------------------------------------- before and after

function status(wanted: Conversation['status']): Before {
  return async ({ api, conversation }) => {
    await eventually(`it is ${wanted}`, async () => {
      const now = (await api('GET', `/conversations/${conversation.id}`)) as Conversation;
      return now.status === wanted;
    });
  };
}

function assigned(email: string): Before {
  return async ({ api, conversation }) => {
    const now = (await api('GET', `/conversations/${conversation.id}`)) as Conversation;
    assert.equal(now.assignee?.email, email);
  };
}

async function resolve({ api, conversation }: Place): Promise<void> {
  await api('PATCH', `/conversations/${conversation.id}`, { status: 'resolved' });
}

async function disabled({ daemon }: Place): Promise<void> {
  await daemon.json(['agent', 'disable', ANNA]);
}

async function enabled({ daemon }: Place): Promise<void> {
  await daemon.json(['agent', 'enable', ANNA]);
}

async function colleague({ api, conversation }: Place): Promise<void> {
  const agent = { name: 'Bob', email: BOB };
  await api('POST', `/conversations/${conversation.id}/messages`, {
    direction: 'outgoing',
    text: 'I was faster.',
    mail: 'never',
    agent,
  });
}

async function customerWrote({ api, conversation }: Place): Promise<void> {
  await api('POST', `/conversations/${conversation.id}/messages`, { direction: 'incoming', text: 'I found it.' });
}

// ---------------------------------------------------------------- longer ones

async function noteStaysNote(api: Api, postfix: Postfix, daemon: DaemonProcess): Promise<void> {
  const { conversation } = await told(api, postfix);
  const agent = { name: 'Bob', email: BOB };
  await api('POST', `/conversations/${conversation.id}/messages`, {
    direction: 'note',
    text: 'Be careful with her.',
    agent,
  });
  const notification = await mailAbout(postfix, ANNA, conversation, 2);
  assert.match((await bodiesOf(notification)).plain, /Bob noted .*for the team alone:\n\nBe careful with her\./);
  const written = { text: 'I know her.' };
  const ending = { message: 'note note: I know her.', mailed: false };
  await endsAs({ daemon, api, conversation }, { postfix, notification, written, ending });
}

async function saysWhatChanged(api: Api, postfix: Postfix, daemon: DaemonProcess): Promise<void> {
  const { conversation, notification } = await told(api, postfix);
  const place = { daemon, api, conversation };
  assert.match(
    (await bodiesOf(notification)).plain,
    /^--- Please reply above this line --- \[acme#\d+\/1\]\n\nSome Customer wrote on /,
  );
  assert.match((await bodiesOf(notification)).plain, /https:\/\/desk\.example\.com\/conversations\/cv_\w+/);
  await colleague(place);
  const stale = await endsAs(place, { postfix, notification, written: {}, ending: held(/stale: Bob/) });
  await api('POST', `/conversations/${conversation.id}/messages`, { direction: 'incoming', text: 'Thanks.' });
  // It waits its minute behind the first one.
  const [waiting] = await daemon.jsonLines<{ id: string }>(['queue', 'list', '--state', 'waiting']);
  await daemon.json(['queue', 'retry', waiting!.id]);
  const next = await mailAbout(postfix, ANNA, conversation, 2);
  const { plain } = await bodiesOf(next);
  assert.match(plain, /Thanks\./);
  assert.match(plain, /Bob answered on [^\n]*:\n\nI was faster\./);
  assert.match(plain, /Your mail of [^\n]* was not taken[^\n]*stale: Bob wrote/);
  assert.equal(headerField(next, 'Subject'), headerField(notification, 'Subject'));
  assert.equal(headerField(next, 'References'), headerField(notification, 'References'));
  await daemon.json(['message', 'release', stale.id]);
  const released = await eventually('the released answer is on its way', async () => {
    const found = (await messagesOf(api, conversation)).find(({ id }) => id === stale.id)!;
    return found.deliveries[0]?.state === 'sent' ? found : undefined;
  });
  assert.deepEqual([released.author.email, released.held], [ANNA, false]);
}

async function bounceSuspends(api: Api, daemon: DaemonProcess): Promise<void> {
  await daemon.json(['agent', 'add', GONE, '--account', 'acme', '--name', 'Gone', '--notify', 'all']);
  const conversation = (await api('POST', '/conversations', {
    channel: 'email',
    contact: { email: CUSTOMER, name: 'Some Customer' },
    messages: [{ direction: 'incoming', text: SAID }],
  })) as Conversation;
  const agent = await eventually('he is suspended', async () => {
    const found = await daemon.json<AgentProfile>(['agent', 'show', GONE]);
    return found.suspended === null ? undefined : found;
  });
  assert.match(agent.suspended!.reason, /^5\.1\.1/);
  const bounce = (await messagesOf(api, conversation)).find(({ kind }) => kind === 'bounce');
  assert.equal(bounce?.report[0]?.recipient, GONE);
  assert.equal((await daemon.json<AgentProfile>(['agent', 'enable', GONE])).suspended, null);
}
