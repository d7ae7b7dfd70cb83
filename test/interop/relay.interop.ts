/**
 * An MTA hands the inbound domain to replyd, by SMTP and by LMTP: what replyd takes, what the MTA refuses on
 * replyd's word before it has accepted anything, and what happens to mail while replyd is away.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Conversation, MailRecord } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';
import { withLogs } from '../with-logs.js';
import { CUSTOMER, FORGED, type Front, HAND_OVERS, MTAS, missing, withFront } from './front.js';
import { readMaildir } from './maildir.js';
import { sendMail } from './smtp-talk.js';

for (const mta of MTAS) {
  for (const handOver of HAND_OVERS) {
    test(`${mta} relays by ${handOver}`, { timeout: 180_000 }, async t => {
      const why = missing(mta);
      if (why !== null) return t.skip(why);
      await withFront(mta, handOver, front =>
        withDaemon({ settings: front.settings }, async daemon => {
          await addAccount(daemon);
          const logs = { [mta]: () => front.log(), replyd: () => daemon.log() };
          const cases: readonly [string, () => Promise<void>][] = [
            ['a reply stands in its conversation once', () => takesReply(front, daemon)],
            ['the door is named in the message', () => namesDoor(front, daemon, handOver)],
            ['an unknown token is refused by the MTA itself', () => refusesUnknown(front, daemon)],
            ['many probes are no abuse', () => survivesProbes(front, daemon)],
            ['two conversations and a stranger in one mail', () => takesSeveral(front, daemon)],
            ['8-bit words and lines that begin with a dot', () => keepsBytes(front, daemon)],
            ['20 MiB', () => takesLarge(front, daemon)],
            ['replyd stopped: queued, then delivered exactly once', () => waitsForReplyd(front, daemon)],
          ];
          for (const [name, body] of cases) await t.test(name, () => withLogs(logs, body));
          assert.deepEqual(await front.bounces(), [], 'no bounce was made in all of this');
          assert.deepEqual(await readMaildir(front.mailbox(FORGED)), [], 'and none was sent to a forged sender');
        }),
      );
    });
  }
}

async function takesReply(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const sent = await sendMail(front.address, reply(conversation.reply_to, 'It is at the neighbours.'));
  assert.equal(sent.data[0]?.code, 250);
  const messages = await arrived(daemon, conversation, 1);
  assert.equal(messages[0]!.text, 'It is at the neighbours.');
  assert.equal(messages[0]!.author.email, CUSTOMER);
  await queueEmpty(front);
}

async function namesDoor(front: Front, daemon: DaemonProcess, handOver: string): Promise<void> {
  const conversation = await startConversation(daemon);
  await sendMail(front.address, reply(conversation.reply_to, 'Hello.'));
  const [message] = await arrived(daemon, conversation, 1);
  assert.equal(message!.via, handOver === 'smtp' ? 'smtp' : 'lmtp');
}

async function refusesUnknown(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const token = conversation.reply_to.slice('reply+'.length, conversation.reply_to.indexOf('@'));
  const unknown = [
    `reply+${otherHex(token)}@reply.example.com`,
    `reply+${token}0@reply.example.com`,
    'reply+@reply.example.com',
    'nobody@reply.example.com',
  ];
  const sent = await sendMail(front.address, { ...reply('', 'Spam.'), from: FORGED, to: unknown });
  for (const [index, answer] of sent.recipients.entries()) assert.equal(answer.code, 550, unknown[index]);
  assert.deepEqual(sent.data, []);
  assert.deepEqual(await front.waiting(), []);
  assert.deepEqual(await daemon.jsonLines<MailRecord>(['mail', 'list', '--state', 'refused']), []);
}

async function survivesProbes(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const strangers = Array.from({ length: 30 }, () => `reply+${randomBytes(16).toString('hex')}@reply.example.com`);
  const answers = await Promise.all(
    strangers.map(stranger => sendMail(front.address, { ...reply(stranger, 'Spam.'), from: FORGED })),
  );
  assert.deepEqual(
    answers.map(({ recipients }) => recipients[0]!.code),
    strangers.map(() => 550),
  );
  const sent = await sendMail(front.address, reply(conversation.reply_to, 'I am real.'));
  assert.equal(sent.data[0]?.code, 250);
  await arrived(daemon, conversation, 1);
}

async function takesSeveral(front: Front, daemon: DaemonProcess): Promise<void> {
  const first = await startConversation(daemon);
  const second = await startConversation(daemon, { contact: 'other@customer.example' });
  const sent = await sendMail(front.address, {
    ...reply('', 'For both of you.'),
    to: [first.reply_to, 'reply+00000000000000000000000000000000@reply.example.com', second.reply_to],
  });
  assert.deepEqual(
    sent.recipients.map(answer => answer.code),
    [250, 550, 250],
  );
  await arrived(daemon, first, 1);
  await arrived(daemon, second, 1);
  await queueEmpty(front);
}

async function keepsBytes(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const text = 'Grüße aus Köln, 日本語, emoji 🙂\n.\n..two dots\nthe end';
  const sent = await sendMail(front.address, reply(conversation.reply_to, text));
  assert.equal(sent.data[0]?.code, 250);
  const [message] = await arrived(daemon, conversation, 1);
  assert.equal(message!.text, text);
}

async function takesLarge(front: Front, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const bytes = randomBytes(15 * 1024 * 1024);
  const { data, ...envelope } = reply(conversation.reply_to, '');
  const header = data
    .slice(0, data.indexOf('\r\n\r\n'))
    .replace('text/plain; charset=utf-8', 'multipart/mixed; boundary=b1');
  const body = [
    '--b1',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'The photographs.',
    '--b1',
    'Content-Type: image/png; name=photo.png',
    'Content-Disposition: attachment; filename=photo.png',
    'Content-Transfer-Encoding: base64',
    '',
    ...bytes.toString('base64').match(/.{1,76}/g)!,
    '--b1--',
    '',
  ].join('\r\n');
  const sent = await sendMail(front.address, { ...envelope, data: `${header}\r\n\r\n${body}` });
  assert.equal(sent.data[0]?.code, 250, sent.data[0]?.raw);
  const [message] = await arrived(daemon, conversation, 1);
  assert.equal(message!.text, 'The photographs.');
  assert.deepEqual(
    message!.attachments.map(({ filename, size, sha256 }) => ({ filename, size, sha256 })),
    [{ filename: 'photo.png', size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }],
  );
}

async function waitsForReplyd(front: Front, daemon: DaemonProcess): Promise<void> {
  const known = await startConversation(daemon);
  const other = await startConversation(daemon, { contact: 'other@customer.example' });
  await sendMail(front.address, reply(known.reply_to, 'Before.'));
  await arrived(daemon, known, 1);
  await queueEmpty(front);

  await daemon.stop();
  // The MTA has asked about this address before: it takes the mail and keeps it.
  const kept = await sendMail(front.address, reply(known.reply_to, 'While you were away.'));
  assert.equal(kept.data[0]?.code, 250, kept.recipients[0]?.raw);
  // It knows nothing of this one, and asks the sender to come again: nothing is accepted that would have to bounce.
  const unasked = await sendMail(front.address, reply(other.reply_to, 'Me too.'));
  assert.equal(Math.floor(unasked.recipients[0]!.code / 100), 4, unasked.recipients[0]!.raw);
  await front.retry();
  await eventually('the mail waits', async () => (await front.waiting()).includes(CUSTOMER));

  await daemon.start();
  await eventually('the MTA delivers what waited', async () => {
    await front.retry();
    return (await front.waiting()).length === 0;
  });
  const messages = await arrived(daemon, known, 2);
  assert.deepEqual(
    messages.map(message => message.text),
    ['Before.', 'While you were away.'],
  );
  assert.equal((await incoming(daemon, other)).length, 0);
}

let made = 0;

/** A customer's mail, each with a Message-ID of its own. */
function reply(to: string, text: string): { from: string; to: readonly string[]; data: string } {
  made++;
  return {
    from: CUSTOMER,
    to: [to],
    data: [
      `From: Some Customer <${CUSTOMER}>`,
      `To: ${to || 'undisclosed-recipients:;'}`,
      'Subject: Re: your parcel',
      `Date: Tue, 03 Mar 2026 10:00:${String(made % 60).padStart(2, '0')} +0100`,
      `Message-ID: <${made}.${randomBytes(6).toString('hex')}@customer.example>`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      text,
      '',
    ].join('\r\n'),
  };
}

async function incoming(daemon: DaemonProcess, conversation: Conversation) {
  return (await messagesOf(daemon, conversation.id)).filter(({ mail_id, direction }) => {
    return direction === 'incoming' && mail_id !== null;
  });
}

/** Waits for the mails of a conversation and gives their messages; more than `count` is a failure. */
async function arrived(daemon: DaemonProcess, conversation: Conversation, count: number) {
  const messages = await eventually(`${count} mail(s) in the conversation`, async () => {
    const found = await incoming(daemon, conversation);
    return found.length >= count ? found : undefined;
  });
  assert.equal(messages.length, count, 'each mail is there once');
  return messages;
}

function queueEmpty(front: Front): Promise<true> {
  return eventually('the queue of the MTA is empty', async () => (await front.waiting()).length === 0);
}

/** A token like it that is another. */
function otherHex(token: string): string {
  return `${token[0] === '0' ? '1' : '0'}${token.slice(1)}`;
}
