/**
 * A notification comes back from each of the mail programs in `clients/table.ts` as a reply above it, inside of it and
 * below it: only what stands above the marker is the agent's answer, and what a program breaks is doubtful.
 */
import assert from 'node:assert/strict';
import os from 'node:os';
import { before, test } from 'node:test';
import { type AgentNotice, agentNotice, noticeWords } from '#replyd/conversation/agent-notice.js';
import { isCarried, readAgentMail } from '#replyd/mail/agent-mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { type AgentAnswer, answerAbove, type Notified, picturesBeside } from '#replyd/mail/reply-text/agent-answer.js';
import { renderMail } from '#replyd/outbound/render.js';
import { SHAPES } from './clients/shapes.js';
import { CLIENTS, type Client } from './clients/table.js';

const SAID = 'Hello,\n\nmy lamp came without its shade, and the bulb is broken too.\n\nWhat can I do now?\n\nJane';
const SECRET_NOTE = 'She has complained three times this year, be careful with her.';
const OWN = ['Hello Jane,', '', 'we send a new one today.', '', 'Ann'];
const NOTIFIED: Notified = {
  texts: [SAID, SECRET_NOTE, ...noticeWords('Jane')],
  secrets: ['reply+0123456789abcdef0123456789abcdef@in.acme.example', 'cv_1'],
  addresses: ['support@acme.example'],
};
const NOTICE: AgentNotice = {
  account: {
    id: 'acct_1',
    slug: 'acme',
    name: 'Acme',
    support_email: 'support@acme.example',
    domains: ['in.acme.example'],
    settings: {},
  },
  conversation: { id: 'cv_1', number: 12, subject: 'My lamp' },
  contact: 'Jane',
  agent: { name: 'Ann', email: 'ann@acme.example' },
  purpose: 'answer',
  seq: 5,
  messages: [
    {
      author: 'Jane',
      direction: 'incoming',
      text: SAID,
      files: ['lamp.jpg'],
      at: '2026-11-30T08:00:00Z',
      isUnread: false,
    },
  ],
  more: 0,
  since: [
    { author: 'Bob', direction: 'note', text: SECRET_NOTE, files: [], at: '2026-11-30T07:00:00Z', isUnread: false },
  ],
  held: [],
  link: 'https://desk.acme.example/conversations/cv_1',
};

let sent: { readonly plain: string; readonly html: string };

async function rendered(notice: AgentNotice): Promise<typeof sent> {
  const content = await renderMail(agentNotice(notice, { mailId: 'mail_9', date: Date.UTC(2026, 10, 30, 8) }), {
    folder: os.tmpdir(),
  });
  assert.ok('bytes' in content);
  const parsed = await parseMail(Buffer.from(content.bytes), keepInMemory);
  return {
    plain: parsed.plain!.replaceAll('\r\n', '\n').trimEnd(),
    html: /<body>([\s\S]*)<\/body>/.exec(parsed.html!)![1]!,
  };
}

before(async () => {
  sent = await rendered(NOTICE);
});

const PLACE = { account: 'acme', number: 12, seq: 5 };

for (const client of CLIENTS) {
  test(`${client.name}: above`, () => {
    for (const body of bodiesOf(client, OWN, '')) {
      const found = answerAbove(body, NOTIFIED);
      assert.deepEqual(found.marker, PLACE);
      assert.equal(found.remains, null, `${found.text}`);
      assert.equal(found.text.replaceAll(/\n+/g, '\n'), OWN.join('\n').replaceAll(/\n+/g, '\n'));
    }
  });

  test(`${client.name}: below or inside is nothing that goes out`, () => {
    for (const body of bodiesOf(client, [], 'This stands below.')) {
      const found = answerAbove(body, NOTIFIED);
      assert.ok(found.text === '' || found.remains !== null, found.text);
      assert.ok(!holdsOurs(found) || found.remains !== null, found.text);
    }
  });
}

const MARK = '--- Please reply above this line --- [acme#12/5]';
const TOKEN = 'reply+0123456789abcdef0123456789abcdef@in.acme.example';

/** What programs and people do to a marker, as text. `text`: what is taken; `remains`: it is doubtful all the same. */
const TRICKS: readonly (readonly [
  name: string,
  plain: string,
  wanted: { text?: string; remains?: true; seq?: number } | null,
])[] = [
  ['as it was sent', `Yes.\n\n${MARK}\n\n${SAID}`, { text: 'Yes.' }],
  ['quoted', `Yes.\n\n> ${MARK}\n> Hello`, { text: 'Yes.' }],
  ['quoted twice', `Yes.\n\n>> ${MARK}\n>> Hello`, { text: 'Yes.' }],
  ['quoted with initials', `Yes.\n\nAB> ${MARK}\nAB> Hello`, { text: 'Yes.' }],
  ['quoted with bars', `Yes.\n\n| ${MARK}\n| Hello`, { text: 'Yes.' }],
  [
    'wrapped before the bracket',
    `Yes.\n\n> --- Please reply above this line ---\n> [acme#12/5]\n> Hello`,
    { text: 'Yes.' },
  ],
  ['wrapped in its words', `Yes.\n\n> --- Please reply\n> above this line --- [acme#12/5]\n> Hello`, { text: 'Yes.' }],
  [
    'wrapped in the bracket',
    `Yes.\n\n> --- Please reply above this line --- [acme#\n> 12/5]\n> Hello`,
    { text: 'Yes.' },
  ],
  ['blanks in the bracket', `Yes.\n\n--- Please reply above this line --- [ acme # 12 / 5 ]`, { text: 'Yes.' }],
  [
    'blanks that do not break',
    `Yes.\n\n---\u00a0Please\u00a0reply\u00a0above\u00a0this\u00a0line\u00a0---\u00a0[acme#12/5]`,
    { text: 'Yes.' },
  ],
  ['signs that nobody sees', `Yes.\n\n--- Please reply above this line --- [acme\u200b#12\u2060/5]`, { text: 'Yes.' }],
  ['escaped as HTML', `Yes.\n\n--- Please reply above this line --- &#91;acme&#35;12/5&#93;`, { text: 'Yes.' }],
  [
    'escaped as hexadecimal HTML',
    `Yes.\n\n&gt; --- Please&nbsp;reply above this line --- &#x5B;acme#12&sol;5&#x5d;`,
    { text: 'Yes.', remains: true },
  ],
  ['escaped as Markdown', `Yes.\n\n\\--- Please reply above this line --- \\[acme\\#12/5\\]`, { text: 'Yes.' }],
  ['emphasised', `Yes.\n\n*--- Please reply above this line --- [acme#12/5]*`, { text: 'Yes.' }],
  ['long dashes', `Yes.\n\n— Please reply above this line — [acme#12/5]`, { text: 'Yes.' }],
  ['in capitals', `Yes.\n\n--- PLEASE REPLY ABOVE THIS LINE --- [ACME#12/5]`, { text: 'Yes.' }],
  ['the German words', `Yes.\n\n--- Bitte antworten Sie über dieser Zeile --- [acme#12/5]`, { text: 'Yes.' }],
  ['the bracket alone', `Yes.\n\n> [acme#12/5]\n> Hello`, { text: 'Yes.' }],
  ['two of them: the topmost counts', `Yes.\n\n> ${MARK}\n> Hello\n>> ${MARK.replace('/5', '/2')}`, { text: 'Yes.' }],
  [
    'two of them, the older on top',
    `Yes.\n\n> ${MARK.replace('/5', '/2')}\n> Hello\n\n${MARK}`,
    { text: 'Yes.', seq: 2 },
  ],
  ['its bracket removed', `Yes.\n\n> --- Please reply above this line ---\n> Hello`, null],
  ['its number changed to a word', `Yes.\n\n> --- Please reply above this line --- [acme#12/x]\n> Hello`, null],
  ['all of it removed', `Yes.\n\n> ${SAID.replaceAll('\n', '\n> ')}`, null],
  [
    'translated with its bracket',
    `Yes.\n\n--- Merci de répondre au-dessus de cette ligne --- [acme#12/5]`,
    { remains: true },
  ],
  ['all lines in one', `Yes. On Monday Jane wrote: ${MARK} Hello, my lamp`, { remains: true }],
  ['the quote above the marker', `> ${SAID.replaceAll('\n', '\n> ')}\n\nYes.\n\n${MARK}`, { remains: true }],
  ['the words above the marker, unquoted', `Yes.\n\n${SAID}\n\n${MARK}`, { remains: true }],
  ['a note above the marker', `Yes.\n${SECRET_NOTE}\n${MARK}`, { remains: true }],
  [
    'our own footer above the marker',
    `Yes.\nAnswer this mail to answer Jane. Nothing from the topmost line on is sent.\n${MARK}`,
    { remains: true },
  ],
  ['an answer inside of the quote', `${MARK}\n> What can I do now?\nYes.`, { text: '' }],
  ['an inline answer, the marker at the end', `> What can I do now?\nWait.\n${MARK}`, { remains: true }],
  [
    'a header of a quote that nobody knows',
    `Yes.\n\nAnn (Acme) <support@acme.example> ghi\n${MARK}`,
    { remains: true },
  ],
  ['the subject of a quote that nobody knows', `Yes.\n\nTema: [acme#12] My lamp\n${MARK}`, { remains: true }],
  ['the reply address above', `Yes.\nan ${TOKEN}\n${MARK}`, { remains: true }],
  ['the link above', `Yes.\nhttps://desk.acme.example/conversations/cv_1\n${MARK}`, { remains: true }],
  ['a signature above', `Yes.\n\n-- \nAnn\nann@acme.example\n\n> ${MARK}`, { text: 'Yes.' }],
  ['a device line above', `Yes.\n\nSent from my iPhone\n\n> ${MARK}`, { text: 'Yes.' }],
  ['nothing above', `${MARK}\n\nYes.`, { text: '' }],
  ['a marker in the words of the customer, below', `Yes.\n\n${MARK}\n\n${MARK.replace('/5', '/99')}`, { text: 'Yes.' }],
  [
    'a marker that the customer named himself by',
    `Yes.\n\nOn Monday, [acme#12/99] (Acme) wrote:\n> ${MARK}`,
    { remains: true, seq: 99 },
  ],
];

for (const [name, plain, wanted] of TRICKS) {
  test(`the marker ${name}`, () => {
    const found = answerAbove({ plain, html: null }, NOTIFIED);
    if (wanted === null) return assert.equal(found.marker, null);
    assert.deepEqual(found.marker, { ...PLACE, seq: wanted.seq ?? 5 });
    assert.equal(found.remains !== null, wanted.remains === true, JSON.stringify(found));
    if (wanted.text !== undefined) assert.equal(found.text, wanted.text);
  });
}

test('a marker in the HTML part alone is found there', () => {
  const html = `<div>Yes.</div><blockquote type="cite"><p>--- Please reply above this line --- <b>&#91;acme#12/5]</b></p></blockquote>`;
  const found = answerAbove({ plain: 'Yes.\n\n> Hello', html }, NOTIFIED);
  assert.deepEqual([found.marker, found.text, found.remains], [PLACE, 'Yes.', null]);
});

test('what the customer or his name say begins no marker', async () => {
  const { plain } = await rendered({
    ...NOTICE,
    contact: '[acme#12/98]',
    conversation: { ...NOTICE.conversation, subject: '[acme#12/97] lamp' },
    messages: [{ ...NOTICE.messages[0]!, author: '[acme#12/99]', text: '[acme#12/96]', files: [] }],
  });
  assert.deepEqual(plain.match(/\[acme#12\/\d+\]/g), ['[acme#12/5]', '[acme#12/96]']);
  const mail = agentNotice(
    { ...NOTICE, messages: [{ ...NOTICE.messages[0]!, author: '[acme#12/99]' }] },
    { mailId: 'mail_1', date: 0 },
  );
  assert.equal(mail.from.name, '(acme#12/99) (Acme)');
  assert.equal(mail.subject, '[acme#12] My lamp');
});

test('a notification in both languages holds what an agent needs, and no id of a customer', async () => {
  for (const locale of ['en', 'de'] as const) {
    const mail = agentNotice(
      { ...NOTICE, account: { ...NOTICE.account, settings: { locale } } },
      { mailId: 'mail_1', date: 0 },
    );
    assert.match(mail.text, /^--- .+ --- \[acme#12\/5\]\n\nJane /);
    for (const part of [SAID.split('\n')[2]!, 'lamp.jpg', SECRET_NOTE, '/resolve', NOTICE.link!])
      assert.ok(mail.text.includes(part), part);
    assert.deepEqual([mail.inReplyTo, mail.references], ['team.cv_1@in.acme.example', ['team.cv_1@in.acme.example']]);
    assert.deepEqual(
      mail.headers.map(({ name }) => name),
      ['Auto-Submitted', 'X-Auto-Response-Suppress', 'X-Replyd-Loop'],
    );
    assert.ok(answerAbove({ plain: `Ja.\n${mail.text}`, html: null }, NOTIFIED).text === 'Ja.');
  }
});

test('a customer cannot put HTML or a link into a notification', () => {
  const text =
    '<img src=x onerror=alert(1)> <a href="https://evil.example">here</a> https://evil.example/conversations/cv_2 [x](https://evil.example)';
  const { html } = agentNotice(
    { ...NOTICE, messages: [{ ...NOTICE.messages[0]!, text }] },
    { mailId: 'mail_1', date: 0 },
  );
  assert.ok(!/<img|<a [^>]*evil/i.test(html), html);
});

function holdsOurs({ text }: AgentAnswer): boolean {
  return /complained|shade|reply above|Nothing from/i.test(text);
}

function bodiesOf(client: Client, own: readonly string[], below: string) {
  const device = client.device === undefined ? [] : ['', client.device];
  const quoted = sent.plain.split('\n').map(line => `${client.sign ?? ''}${line}`.trimEnd());
  const plain = [
    ...own,
    ...device,
    '',
    ...client.reply,
    ...(client.sign === '' ? [''] : []),
    ...quoted,
    '',
    below,
    '',
  ].join('\n');
  if (client.html === null) return [{ plain, html: null }];
  const html = SHAPES[client.html]({
    own: own.map(line => `<div>${line === '' ? '<br>' : line}</div>`).join(''),
    head: client.reply
      .map(escaped)
      .filter(line => !/^_+$/.test(line))
      .join('<br>'),
    quote: sent.html,
    below: below === '' ? '' : `<div>${below}</div>`,
    device: client.device === undefined ? '' : `<div>${escaped(client.device)}</div>`,
  });
  if (client.sign === null) return [{ plain: null, html }];
  return [
    { plain, html: null },
    { plain: null, html },
    { plain, html },
  ];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

test('pictures of a signature, and below the marker, stand beside his words', () => {
  const picture = (id: string) => `<img alt="" width=20 src="cid:${id}">`;
  const marker =
    '<blockquote type="cite"><p>--- Please reply above this line --- [acme#12/5]</p><p>Jane wrote</p></blockquote>';
  const words = '<div>We send a new one today.</div>';
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['none', `${words}${marker}`, []],
    ['in his words', `${words}<div>${picture('lamp@x')}</div><div>Like this one.</div>${marker}`, []],
    ['alone', `<div>${picture('lamp@x')}</div>${marker}`, []],
    [
      'in a signature of Gmail',
      `${words}<div><br></div><span class="gmail_signature_prefix">-- </span><br><div class="gmail_signature">Ann<br>${picture('logo@x')}</div><br>${marker}`,
      ['logo@x'],
    ],
    ['behind the delimiter', `${words}<div>-- <br>Ann<br>${picture('logo@x')}</div>${marker}`, ['logo@x']],
    ['below the marker', `${words}${marker}${picture('old@x')}`, ['old@x']],
    [
      'in both',
      `${words}<div>${picture('logo@x')} is our new sign</div><div>-- <br>Ann ${picture('logo@x')}</div>${marker}`,
      [],
    ],
    ['without a marker', `${words}<div>-- <br>Ann ${picture('logo@x')}</div>`, ['logo@x']],
  ];
  for (const [where, html, beside] of cases) assert.deepEqual([...picturesBeside(html)], beside, where);
});

test('of a mail with a picture in its signature the other files are his', async () => {
  const part = (...lines: readonly string[]) => ['--b1', ...lines, ''];
  const raw = [
    'From: Ann <ann@acme.example>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/related; boundary=b1',
    '',
    ...part(
      'Content-Type: text/html; charset=utf-8',
      '',
      '<p>See the plan.</p><div>-- <br>Ann<br><img src="cid:logo@x"></div>',
      '<blockquote type="cite">--- Please reply above this line --- [acme#12/5]</blockquote>',
    ),
    ...part(
      'Content-Type: image/png; name=logo.png',
      'Content-ID: <logo@x>',
      'Content-Disposition: inline',
      '',
      'logo',
    ),
    ...part('Content-Type: image/png; name=plan.png', 'Content-Disposition: attachment', '', 'plan'),
    '--b1--',
    '',
  ].join('\r\n');
  const mail = await parseMail(Buffer.from(raw), keepInMemory);
  const read = await readAgentMail(mail, NOTIFIED, async () => Buffer.alloc(0));
  assert.deepEqual([read.answer.text, read.files, read.pictures], ['See the plan.', 1, ['logo@x']]);
  assert.deepEqual(
    mail.attachments.filter(file => isCarried(file, read.pictures)).map(({ filename }) => filename),
    ['plan.png'],
  );
});
