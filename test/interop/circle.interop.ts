/**
 * The whole circle with one MTA on both sides: an agent's answer leaves replyd through it as a smarthost, lies in
 * the customer's mailbox, and the customer's reply comes back through it into the same conversation. And what comes
 * back when the mail can't be delivered, at once or later.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conversation, Message, QueuedDelivery } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';
import { withLogs } from '../with-logs.js';
import { CUSTOMER, type Front, MTAS, missing, NOBODY, UNDELIVERABLE, withFront } from './front.js';
import { headerField, readMaildir, waitForMails } from './maildir.js';
import { sendMail } from './smtp-talk.js';

for (const mta of MTAS) {
  test(`the circle closes through ${mta}`, { timeout: 180_000 }, async t => {
    const why = missing(mta);
    if (why !== null) return t.skip(why);
    await withFront(mta, 'lmtp-unix', front =>
      withDaemon({ settings: { ...front.settings, ...front.smarthost } }, async daemon => {
        await addAccount(daemon);
        const logs = { [mta]: () => front.log(), replyd: () => daemon.log() };
        const cases: readonly [string, () => Promise<void>][] = [
          ['agent, mailbox, reply, same conversation', () => circle(front, daemon)],
          ['a recipient the smarthost refuses', () => refusedAtOnce(front, daemon)],
          ['a bounce that comes later', () => bouncesLater(front, daemon)],
        ];
        for (const [name, body] of cases) await t.test(name, () => withLogs(logs, body));
      }),
    );
  });

  test(`answers wait while ${mta} is away`, { timeout: 180_000 }, async t => {
    const why = missing(mta);
    if (why !== null) return t.skip(why);
    await withFront(mta, 'smtp', front =>
      withDaemon({ settings: { ...front.settings, ...front.smarthost, 'outbound.port': 1 } }, async daemon => {
        await addAccount(daemon);
        await waitsForSmarthost(front, daemon);
      }),
    );
  });
}

async function circle(front: Front, daemon: DaemonProcess): Promise<void> {
  const before = (await readMaildir(front.mailbox(CUSTOMER))).length;
  const conversation = await startConversation(daemon);
  const answer = await answerBy(daemon, conversation, 'It is at **number 7**.');

  const mails = await waitForMails(front.mailbox(CUSTOMER), before + 1);
  const mail = mails[before]!;
  assert.equal(mails.length, before + 1, 'one mail for one answer');
  assert.equal(addressIn(headerField(mail, 'Reply-To')), conversation.reply_to);
  assert.equal(headerField(mail, 'From'), '"Jane (Acme)" <support@example.com>');
  assert.equal(addressIn(headerField(mail, 'To')), CUSTOMER);
  assert.match(addressIn(headerField(mail, 'Return-Path')), /^bounce\+[0-9a-f]{32}@reply\.example\.com$/);
  assert.match(headerField(mail, 'Message-ID') ?? '', /^<[^<>@\s]+@reply\.example\.com>$/);
  assert.equal(headerField(mail, 'Auto-Submitted'), null);

  const sent = await eventually('the delivery is sent', async () => {
    const delivery = (await messageOf(daemon, conversation, answer.id)).deliveries[0];
    return delivery?.state === 'sent' ? delivery : undefined;
  });
  assert.equal(sent.recipient, CUSTOMER);
  assert.equal(sent.attempts, 1);
  assert.match(sent.smtp_response ?? '', /^250 /);

  const sentReply = await sendMail(front.address, {
    from: CUSTOMER,
    to: [addressIn(headerField(mail, 'Reply-To'))],
    data: replyTo(mail, 'Found it, thank you!'),
  });
  assert.equal(sentReply.data[0]?.code, 250, sentReply.recipients[0]?.raw);
  const reply = await eventually('the reply stands in the conversation', async () => {
    return (await messagesOf(daemon, conversation.id)).find(({ mail_id, direction }) => {
      return mail_id !== null && direction === 'incoming';
    });
  });
  assert.equal(reply.text, 'Found it, thank you!');
  assert.equal(reply.kind, 'reply');
  assert.equal(reply.in_reply_to, trimBrackets(headerField(mail, 'Message-ID')));
  assert.equal(reply.sender?.is_participant, true);

  // And round again: the second answer refers to the reply.
  await answerBy(daemon, conversation, 'You are welcome.');
  const second = (await waitForMails(front.mailbox(CUSTOMER), before + 2))[before + 1]!;
  assert.equal(trimBrackets(headerField(second, 'In-Reply-To')), reply.message_id);
  assert.ok(headerField(second, 'References')?.includes(headerField(mail, 'Message-ID') ?? '?'));
  assert.deepEqual(
    (await messagesOf(daemon, conversation.id)).map(({ seq, direction }) => `${seq} ${direction}`),
    ['1 incoming', '2 outgoing', '3 incoming', '4 outgoing'],
  );
}

async function refusedAtOnce(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon, { contact: NOBODY });
  const answer = await answerBy(daemon, conversation, 'Anybody there?');
  const delivery = await eventually('the delivery fails', async () => {
    const found = (await messageOf(daemon, conversation, answer.id)).deliveries[0];
    return found?.state === 'failed' ? found : undefined;
  });
  assert.match(delivery.smtp_response ?? delivery.last_error ?? '', /55\d/);
  assert.deepEqual(await front.waiting(), []);
}

async function bouncesLater(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon, { contact: UNDELIVERABLE });
  const answer = await answerBy(daemon, conversation, 'Are you still there?');
  const delivery = await eventually('the bounce is shown at the answer', async () => {
    const found = (await messageOf(daemon, conversation, answer.id)).deliveries[0];
    return found?.report === 'bounced' ? found : undefined;
  });
  assert.equal(delivery.state, 'sent');
  const bounce = (await messagesOf(daemon, conversation.id)).find(({ kind }) => kind === 'bounce');
  assert.ok(bounce !== undefined, 'the bounce stands in the conversation');
  assert.deepEqual(
    bounce.report.map(({ recipient, action, delivery_id }) => ({ recipient, action, delivery_id })),
    [{ recipient: UNDELIVERABLE, action: 'failed', delivery_id: delivery.id }],
  );
  await eventually('nothing waits in the MTA', async () => (await front.waiting()).length === 0);
}

async function waitsForSmarthost(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const answer = await answerBy(daemon, conversation, 'It took a while.');
  // Trouble with the smarthost is no attempt of the delivery: it waits, and says for what.
  const waiting = await eventually('the first try is over', async () => {
    const [delivery] = await daemon.jsonLines<QueuedDelivery>(['queue', 'list']);
    return delivery !== undefined && delivery.last_error !== null && delivery.state !== 'leased' ? delivery : undefined;
  });
  assert.ok(['waiting', 'deferred'].includes(waiting.state), waiting.state);
  assert.match(waiting.last_error ?? '', /ECONNREFUSED/);

  await daemon.stop();
  await daemon.configure({ 'outbound.port': front.address.port });
  await daemon.start();
  // It would find out by itself at the next probe; an operator who has mended it need not wait.
  assert.equal((await daemon.cli(['queue', 'resume'])).code, 0);
  const mails = await waitForMails(front.mailbox(CUSTOMER), 1);
  assert.equal(addressIn(headerField(mails[0]!, 'Reply-To')), conversation.reply_to);
  await eventually('the delivery is sent', async () => {
    return (await messageOf(daemon, conversation, answer.id)).deliveries[0]?.state === 'sent';
  });
  assert.equal((await readMaildir(front.mailbox(CUSTOMER))).length, 1, 'sent once');
}

function answerBy(daemon: DaemonProcess, conversation: Conversation, text: string): Promise<Message> {
  return daemon.json<Message>(['conversation', 'reply', conversation.id, '--text', text, '--agent', 'Jane']);
}

async function messageOf(daemon: DaemonProcess, conversation: Conversation, id: string): Promise<Message> {
  const found = (await messagesOf(daemon, conversation.id)).find(message => message.id === id);
  if (found === undefined) throw new Error(`no message ${id}`);
  return found;
}

/** What a mail program sends when its user presses Reply and types a line. */
function replyTo(mail: Uint8Array, text: string): string {
  const id = headerField(mail, 'Message-ID') ?? '';
  const body = Buffer.from(mail).toString('utf8').replaceAll('\r\n', '\n');
  const quoted = body.slice(body.indexOf('\n\n') + 2).split('\n');
  return [
    `From: Some Customer <${CUSTOMER}>`,
    `To: ${headerField(mail, 'Reply-To')}`,
    `Subject: Re: ${(headerField(mail, 'Subject') ?? '').replace(/^Re: /, '')}`,
    'Date: Tue, 03 Mar 2026 11:00:00 +0100',
    'Message-ID: <press-reply@customer.example>',
    `In-Reply-To: ${id}`,
    `References: ${headerField(mail, 'References') ?? ''} ${id}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '',
    'On Tue, 3 Mar 2026 at 10:00, Jane (Acme) <support@example.com> wrote:',
    ...quoted.slice(0, 40).map(line => `> ${line}`),
    '',
  ].join('\r\n');
}

function addressIn(field: string | null): string {
  return /<([^>]*)>/.exec(field ?? '')?.[1] ?? field ?? '';
}

function trimBrackets(field: string | null): string | null {
  return field === null ? null : field.replace(/^<|>$/g, '');
}
