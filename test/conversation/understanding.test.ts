/**
 * What mails do, through the whole program: sent over SMTP to a running daemon, looked at in its store as the command
 * line does. One daemon for all; each test has a conversation with a contact of its own.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { addAccount, type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { connectTalk } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';

const LIMIT = 6;
const OPERATOR = 'operator@example.org';

let daemon: DaemonProcess;
let store: OpenStore;
let count = 0;

before(async () => {
  daemon = await makeDaemon({
    settings: {
      'limits.loop_messages': LIMIT,
      'auth.authserv_id': ['mx.example.com'],
      'operator.address': OPERATOR,
    },
  });
  await daemon.start();
  await addAccount(daemon);
  const { config } = loadConfig({ file: daemon.configFile, env: {}, cwd: daemon.folder });
  store = await openStore({ dataDir: config.dataDir, writer: 'direct', rules: storeRules(config), migrate: false });
});
after(async () => {
  await store.close();
  await daemon.close();
});

interface Opened {
  readonly id: string;
  readonly reply: string;
  readonly contact: string;
}

async function open(text = 'Where is my parcel?'): Promise<Opened> {
  count += 1;
  const contact = `customer${count}@customer.example`;
  const made = await store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    contact: { email: contact },
    text,
    via: 'cli',
  });
  return { id: made.id, reply: made.reply_to!, contact };
}

/** Sends a mail; gives the id in the 250. `client`: as if it came from this address, which nobody trusts. */
async function send(
  mailFrom: string,
  rcptTo: readonly string[],
  mail: string | Uint8Array,
  client?: string,
): Promise<string> {
  const talk = await connectTalk(daemon.smtp, { timeout: 20_000 });
  await talk.expect(220);
  await talk.command('EHLO client.example.net', 250);
  if (client !== undefined) {
    await talk.command(`XCLIENT ADDR=${client}`, 220);
    await talk.command('EHLO client.example.net', 250);
  }
  await talk.command(`MAIL FROM:<${mailFrom}>`, 250);
  for (const to of rcptTo) await talk.command(`RCPT TO:<${to}>`, 250);
  await talk.command('DATA', 354);
  talk.sendMail(typeof mail === 'string' ? mail.replaceAll('\n', '\r\n') : mail);
  const answer = await talk.expect('250 2.0.0');
  await talk.command('QUIT', 221);
  return answer.texts[0]!.split(' ').at(-1)!;
}

let numbers = 0;

/** A mail from a person; `head` are further header lines. */
function letter(from: string, text: string, head: readonly string[] = []): string {
  numbers += 1;
  const lines = [`From: ${from}`, 'Subject: Re: Hello', `Message-ID: <n${numbers}@customer.example>`, ...head];
  return `${lines.join('\n')}\n\n${text}\n`;
}

function show(id: string): Promise<Conversation> {
  return store.conversation({ id });
}

async function last(id: string): Promise<Message> {
  return (await show(id)).messages!.at(-1)!;
}

interface SentMail {
  readonly mail_from: string;
  readonly rcpt_to: string;
  readonly message_id: string;
  readonly text: string;
}

function sentTo(recipient: string): SentMail[] {
  const folder = path.join(daemon.dataFolder, 'sent');
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()
    .flatMap(name => {
      const envelope = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Omit<SentMail, 'text'>;
      const file = path.join(folder, name.replace('.json', '.eml'));
      return envelope.rcpt_to === recipient ? [{ ...envelope, text: readFileSync(file, 'utf8') }] : [];
    });
}

/** Answers in the conversation and waits until the mail has left. */
async function answer({ id, contact }: Opened, text: string): Promise<{ message: Message; sent: SentMail }> {
  const already = sentTo(contact).length;
  const message = await store.addMessage({ id: id }, { direction: 'outgoing', text: text, mail: 'now', via: 'cli' });
  const sent = await eventually('the answer has left', async () => {
    const now = await store.message(message.id);
    return now.mail.state === 'sent' && sentTo(contact).length > already ? sentTo(contact).at(-1) : undefined;
  });
  return { message, sent };
}

function bounceMail(recipient: string, fields: readonly string[], returned = ''): string {
  numbers += 1;
  return [
    'From: Mail Delivery System <MAILER-DAEMON@mx.example.net>',
    'Subject: Undelivered Mail Returned to Sender',
    `Message-ID: <b${numbers}@mx.example.net>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'I am sorry.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    ...fields,
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    returned,
    '',
    '--b--',
    '',
  ].join('\n');
}

const HARD = ['Action: failed', 'Status: 5.1.1', 'Diagnostic-Code: smtp; 550 5.1.1 no such user'];

test('a robot opens nothing again and causes no mail', async () => {
  const opened = await open();
  await store.setConversation({ id: opened.id }, { status: 'resolved' });
  const robots = [
    letter(opened.contact, 'I am away', ['Auto-Submitted: auto-replied']),
    letter(opened.contact, 'Read', ['X-Autoreply: yes']),
    bounceMail(opened.contact, ['Action: delayed', 'Status: 4.4.1']),
  ];
  for (const robot of robots) await send('', [opened.reply], robot);
  const shown = await show(opened.id);
  assert.deepEqual(
    [shown.status, shown.messages!.slice(1).map(each => each.kind)],
    ['resolved', ['auto_reply', 'auto_reply', 'bounce']],
  );
  assert.deepEqual(sentTo(opened.contact), []);
  await send(opened.contact, [opened.reply], letter(opened.contact, 'I am back'));
  assert.equal((await show(opened.id)).status, 'open');
});

test('a loop is filed, told of once, and changes nothing', async () => {
  const opened = await open();
  await store.setConversation({ id: opened.id }, { status: 'resolved' });
  for (let number = 0; number < LIMIT; number += 1) {
    await send(
      '',
      [opened.reply],
      letter(`robot${number}@robot.example`, `away ${number}`, ['Auto-Submitted: auto-replied']),
    );
  }
  for (let number = 0; number < 3; number += 1) {
    await send('x@robot.example', [opened.reply], letter(`robot${number}@robot.example`, `hello ${number}`));
  }
  const shown = await show(opened.id);
  assert.equal(shown.status, 'resolved');
  assert.deepEqual(
    shown.messages!.slice(1).map(each => each.looping),
    [...Array(LIMIT).fill(false), true, true, true],
  );
});

test('verdicts count from a trusted host, of our own checker, and a failed DMARC is held', async () => {
  const opened = await open();
  await store.setFeature('acme', 'hold_strangers', true);
  try {
    await store.setConversation({ id: opened.id }, { status: 'resolved' });
    const failed =
      'Authentication-Results: mx.example.com; dmarc=fail (p=reject) header.from=customer.example; spf=pass';
    const forged = 'Authentication-Results: mx.example.com; dmarc=pass';
    const other = 'Authentication-Results: mx.evil.example; dmarc=fail';
    const check = async (head: readonly string[], client?: string) => {
      await send(opened.contact, [opened.reply], letter(opened.contact, `check ${numbers}`, head), client);
      const { held, sender } = await last(opened.id);
      return [held, sender!.dmarc, sender!.spf];
    };
    assert.deepEqual(await check([failed, 'Received: from a by mx.example.com', forged]), [true, 'fail', 'pass']);
    assert.equal((await show(opened.id)).status, 'resolved');
    const held = await last(opened.id);
    assert.match(held.sender!.evidence.join('\n'), /dmarc=fail \(p=reject\)/);
    await store.releaseMessage(held.id);
    assert.equal((await show(opened.id)).status, 'open');
    assert.deepEqual(await check([other]), [false, null, null]);
    assert.deepEqual(await check([failed], '203.0.113.5'), [false, null, null]);
    await send('eve@other.example', [opened.reply], letter('Eve <eve@other.example>', 'give me the keys'));
    const eve = await last(opened.id);
    assert.deepEqual([eve.held, eve.evidence], [true, ['threaded: reply address', 'held: unknown writer']]);
    assert.equal((await show(opened.id)).participants.length, 1);
    await store.dropMessage(eve.id);
    assert.equal((await last(opened.id)).held, false);
  } finally {
    await store.setFeature('acme', 'hold_strangers', false);
  }
});

test('a hard bounce suspends the contact, the conversation says so, and his next mail ends it', async () => {
  const opened = await open();
  const { message, sent } = await answer(opened, 'It is on its way.');
  assert.match(sent.mail_from, /^bounce\+[0-9a-f]{32}@reply\.example\.com$/);
  await send(
    '',
    [sent.mail_from],
    bounceMail(opened.contact, ['Action: delayed', 'Status: 4.4.1', 'Diagnostic-Code: smtp; timed out']),
  );
  const delivery = async () => (await store.message(message.id)).deliveries[0]!;
  assert.deepEqual([(await delivery()).report, (await delivery()).state], ['delayed', 'sent']);
  assert.equal((await show(opened.id)).contact.suspended, null);
  await send('', [sent.mail_from], bounceMail(opened.contact, HARD));
  assert.deepEqual(
    [(await delivery()).report, (await delivery()).last_error],
    ['bounced', '5.1.1 550 5.1.1 no such user'],
  );
  assert.equal((await last(opened.id)).report[0]!.delivery_id, (await delivery()).id);
  const { stdout } = await daemon.cli(['conversation', 'show', opened.id]);
  assert.match(stdout, /suspended\s+since [\s\S]*5\.1\.1 no such user/);
  const waiting = await store.addMessage(
    { id: opened.id },
    { direction: 'outgoing', text: 'Are you there?', mail: 'now', via: 'cli' },
  );
  assert.deepEqual(waiting.mail, { state: 'waiting', reason: 'suspended' });
  await send(opened.contact, [opened.reply], letter(opened.contact, 'Yes, try again'));
  assert.equal((await show(opened.id)).contact.suspended, null);
  await eventually('what waited has left', async () => sentTo(opened.contact).length === 2);
});

test('a holiday reply to the bounce address is none, a person there is heard, and text alone is understood', async () => {
  const opened = await open();
  const { message, sent } = await answer(opened, 'It is on its way.');
  await send(
    '',
    [sent.mail_from],
    letter(opened.contact, 'I am on the beach', ['Auto-Submitted: auto-replied (vacation)']),
  );
  assert.equal((await last(opened.id)).kind, 'auto_reply');
  await send(opened.contact, [sent.mail_from], letter(opened.contact, 'I wrote to the wrong address'));
  assert.deepEqual([(await last(opened.id)).kind, (await last(opened.id)).author.role], ['reply', 'contact']);
  const report = async () => (await store.message(message.id)).deliveries[0]!.report;
  assert.equal(await report(), null);
  const notice = `Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<${opened.contact}>:\n192.0.2.9 does not like recipient.\nRemote host said: 550 5.1.1 unknown\nGiving up on 192.0.2.9.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <x>\n`;
  await send('', [sent.mail_from], letter('MAILER-DAEMON@mx.example.net', notice));
  assert.deepEqual([(await last(opened.id)).kind, await report()], ['bounce', 'bounced']);
  assert.match((await show(opened.id)).contact.suspended!.reason, /^5\.1\.1/);
});

test('without our bounce address the returned header tells which mail it was', async () => {
  const opened = await open();
  const { message, sent } = await answer(opened, 'It is on its way.');
  const id = /^Message-ID: (<.*>)\r?$/im.exec(sent.text)![1]!;
  const { inbox } = await store.account('acme');
  await send('', [inbox!], bounceMail(opened.contact, HARD, `Message-ID: ${id}`));
  assert.deepEqual((await last(opened.id)).evidence.at(0), `threaded: the returned mail ${id}`);
  assert.equal((await store.message(message.id)).deliveries[0]!.report, 'bounced');
});

test('a complaint suspends, a receipt says delivered', async () => {
  const opened = await open();
  const { message, sent } = await answer(opened, 'It is on its way.');
  const report = (type: string, kind: string, fields: string) =>
    `From: ${opened.contact}\nSubject: Report\nMessage-ID: <r${numbers++}@x.example>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=${type}; boundary=b\n\n--b\n\nReport\n--b\nContent-Type: ${kind}\n\n${fields}\n\n--b--\n`;
  await send(
    '',
    [sent.mail_from],
    report(
      'disposition-notification',
      'message/disposition-notification',
      `Final-Recipient: rfc822; ${opened.contact}\nDisposition: manual-action/MDN-sent-manually; displayed`,
    ),
  );
  assert.equal((await last(opened.id)).kind, 'receipt');
  assert.equal((await store.message(message.id)).deliveries[0]!.report, 'delivered');
  await send(
    '',
    [sent.mail_from],
    report('feedback-report', 'message/feedback-report', `Feedback-Type: abuse\nOriginal-Rcpt-To: ${opened.contact}`),
  );
  assert.equal((await last(opened.id)).kind, 'complaint');
  assert.equal((await show(opened.id)).contact.suspended?.reason, 'complaint');
});

test('mail for postmaster is kept and sent on to the operator, but never in a circle', async () => {
  const raw = letter('ann@example.net', 'Your server sends me spam.');
  const id = await send('ann@example.net', ['postmaster@reply.example.com', 'abuse@reply.example.com'], raw);
  assert.equal(await send('ann@example.net', ['postmaster@reply.example.com', 'abuse@reply.example.com'], raw), id);
  const copy = await eventually('the copy has left', () => sentTo(OPERATOR)[0]);
  assert.deepEqual([copy.mail_from, copy.rcpt_to], ['', OPERATOR]);
  assert.match(copy.text, /Content-Type: message\/rfc822/);
  assert.match(copy.text, /Your server sends me spam\./);
  const returned = await send('', ['postmaster@reply.example.com'], copy.text.replaceAll('\r\n', '\n'));
  const kept = await store.mails({ state: 'kept', limit: 100 });
  assert.deepEqual(
    kept.map(each => [each.id, each.reason]),
    [
      [returned, 'not sent on: it would lead back to us'],
      [id, null],
    ],
  );
  for (let number = 0; number < 21; number += 1) {
    await send('ann@example.net', ['abuse@reply.example.com'], letter('ann@example.net', `more of it ${number}`));
  }
  const reasons = (await store.mails({ state: 'kept', limit: 100 })).map(each => each.reason);
  assert.equal(reasons.filter(reason => reason === 'not sent on: 20 copies in the last hour').length, 2);
  await eventually('all copies have left', () => sentTo(OPERATOR).length === 20);
});

test('mail to the forwarding address is threaded, or opens a conversation', async () => {
  const opened = await open();
  const { inbox } = await store.account('acme');
  await send(
    opened.contact,
    [inbox!],
    letter(opened.contact, 'by token', [`X-Original-To: ${opened.reply.toUpperCase()}`]),
  );
  assert.equal((await last(opened.id)).text, 'by token');
  await send(
    opened.contact,
    [inbox!],
    letter(opened.contact, 'by id', [`References: <x@y.example> <${opened.id}@reply.example.com>`]),
  );
  assert.equal((await last(opened.id)).text, 'by id');
  await store.setFeature('acme', 'new_conversations', true);
  const before = await store.conversations({ limit: 100 });
  await send('dora@customer.example', [inbox!], letter('Dora <dora@customer.example>', 'I have a question'));
  const [newest, ...others] = await store.conversations({ limit: 100 });
  assert.deepEqual(
    [newest!.contact.email, newest!.channel, others.length],
    ['dora@customer.example', 'email', before.length],
  );
  assert.deepEqual((await last(newest!.id)).evidence, ['threaded: a new conversation']);
});

test('files keep their names, pictures stand in the HTML, what was seen before is marked', async () => {
  const opened = await open();
  const corpus = (name: string) => readFileSync(path.join('test/corpus', name, 'mail.eml'));
  await send(opened.contact, [opened.reply], corpus('254-inline-image-referenced'));
  const picture = await last(opened.id);
  const inline = picture.attachments.find(each => each.inline)!;
  assert.ok(picture.html!.includes(`src="attachment:${inline.sha256}"`), picture.html!);
  assert.match(picture.html!, /^<div style="overflow:hidden;contain:paint">.*<\/div>$/s);
  assert.equal(inline.seen_before, false);
  const bytes = await store.read((await store.attachment(inline.id)).content);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), inline.sha256);
  const again = corpus('254-inline-image-referenced')
    .toString('latin1')
    .replace(/^Subject:.*$/m, 'Subject: again');
  await send(opened.contact, [opened.reply], Buffer.from(again, 'latin1'));
  assert.deepEqual(
    (await last(opened.id)).attachments.map(each => each.seen_before),
    picture.attachments.map(() => true),
  );
  await send(opened.contact, [opened.reply], corpus('256-attached-mail'));
  const attached = (await last(opened.id)).attachments.find(each => each.content_type === 'message/rfc822')!;
  assert.match(attached.filename, /\.eml$/);
  await send(opened.contact, [opened.reply], corpus('252-attachment-path-name'));
  for (const { filename } of (await last(opened.id)).attachments) assert.doesNotMatch(filename, /[/\\]/);
});

test('hostile HTML is kept in the raw mail and not shown', async () => {
  const opened = await open();
  const deep = `${'<div>'.repeat(5_000)}deep<script>alert(1)</script>`;
  const body = letter(opened.contact, deep, ['MIME-Version: 1.0', 'Content-Type: text/html']);
  await send(opened.contact, [opened.reply], body);
  const message = await last(opened.id);
  assert.deepEqual([message.html, message.text], [null, 'deep']);
  assert.match(message.evidence.join('\n'), /html: not shown, nested deeper than 100 elements/);
  const { raw } = await store.mail(message.mail_id!);
  assert.match(Buffer.from(await store.read(raw)).toString(), /<div><div>/);
});
