/** People in Cc, through a whole daemon with real SMTP on both sides; and two daemons that are in Cc of each other. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { type SmtpSink, startSink, type TakenMail } from './smtp-sink.js';

const JANE = 'jane@client.example';
const BEN = 'ben@partner.example';

let sink: SmtpSink;
const daemons: DaemonProcess[] = [];

async function start(slug: string): Promise<DaemonProcess> {
  const daemon = await makeDaemon({
    settings: {
      'outbound.transport': 'smtp',
      'outbound.host': '127.0.0.1',
      'outbound.port': sink.port,
      'limits.loop_messages': 5,
    },
  });
  daemons.push(daemon);
  await daemon.start();
  const { slug: made } = await daemon.json<Account>([
    ...['account', 'add', slug, '--domain', `in.${slug}.example`, '--support-email', `help@${slug}.example`],
  ]);
  await daemon.json(['account', 'enable', made, 'new_conversations']);
  return daemon;
}

before(async () => {
  sink = await startSink();
  await start('acme');
  await start('umbra');
});

after(async () => {
  for (const daemon of daemons) await daemon.close();
  await sink?.close();
});

async function inbox(daemon: DaemonProcess, slug: string): Promise<string> {
  return (await daemon.json<Account>(['account', 'show', slug])).inbox!;
}

async function conversationOf(daemon: DaemonProcess): Promise<Required<Conversation>> {
  const [newest] = await daemon.jsonLines<Conversation>(['conversation', 'list']);
  return daemon.json<Required<Conversation>>(['conversation', 'show', newest!.id]);
}

async function taken(count: number): Promise<readonly TakenMail[]> {
  while (sink.mails.length < count) await sleep(20);
  return sink.mails.splice(0);
}

test('a customer brings in Ben, who gets the answer, answers from a Reply-To of his own, and is removed', async () => {
  const [daemon] = daemons as [DaemonProcess];
  const to = await inbox(daemon, 'acme');
  const header = `From: Jane <${JANE}>\r\nTo: help@acme.example\r\nCc: Ben <${BEN}>, help@acme.example\r\nSubject: Lamp\r\n`;
  const data = `${header}Message-ID: <one@client.example>\r\n\r\nWe need a lamp.\r\n`;
  await sendMail(daemon.smtp, { from: JANE, to: [to], data });
  const { id, cc } = await conversationOf(daemon);
  assert.deepEqual(
    cc.map(({ name, email, state }) => ({ name, email, state })),
    [{ name: 'Ben', email: BEN, state: 'carried' }],
  );
  await daemon.json(['conversation', 'reply', id, '--text', 'Which one?']);
  const mails = await taken(2);
  assert.deepEqual(mails.map(mail => mail.rcptTo).sort(), [BEN, JANE]);
  const [ben, jane] = await Promise.all(
    [BEN, JANE].map(who => parseMail(Buffer.from(mails.find(mail => mail.rcptTo === who)!.data), keepInMemory)),
  );
  assert.deepEqual([ben!.to, ben!.cc], [[{ name: 'Jane', email: JANE }], [{ name: 'Ben', email: BEN }]]);
  assert.notEqual(ben!.replyTo[0]!.email, jane!.replyTo[0]!.email);
  const reply = `From: ${BEN}\r\nSubject: Re: Lamp\r\nMessage-ID: <two@partner.example>\r\n\r\nThe blue one.\r\n`;
  await sendMail(daemon.smtp, { from: BEN, to: [ben!.replyTo[0]!.email], data: reply });
  const { messages } = await conversationOf(daemon);
  const last = messages.at(-1)!;
  assert.deepEqual([last.author.email, last.sender?.is_participant, last.sender?.token_of], [BEN, true, null]);
  await daemon.json(['conversation', 'cc', id, 'remove', BEN]);
  await daemon.json(['conversation', 'reply', id, '--text', 'It is on its way.']);
  assert.deepEqual(
    (await taken(1)).map(mail => mail.rcptTo),
    [JANE],
  );
  assert.deepEqual((await daemon.json<Conversation>(['conversation', 'cc', id])).cc, []);
  const added = await daemon.json<Conversation>(['conversation', 'cc', id, 'add', BEN]);
  assert.equal(added.cc[0]!.state, 'carried');
});

test('two daemons in Cc of each other, where somebody answers at once: the loop ends by its rules', async () => {
  const [acme, umbra] = daemons as [DaemonProcess, DaemonProcess];
  const places = [
    { daemon: acme, slug: 'acme', inbox: await inbox(acme, 'acme') },
    { daemon: umbra, slug: 'umbra', inbox: await inbox(umbra, 'umbra') },
  ];
  // A smarthost that knows where the domains are; the support addresses are forwarded to the inbox.
  const route = async ({ mailFrom, rcptTo, data }: TakenMail): Promise<void> => {
    for (const { daemon, slug, inbox: forwarded } of places) {
      const to = rcptTo === `help@${slug}.example` ? forwarded : rcptTo;
      if (to.endsWith(`@in.${slug}.example`)) await sendMail(daemon.smtp, { from: mailFrom, to: [to], data });
    }
  };
  const header = `From: Jane <${JANE}>\r\nTo: help@acme.example\r\nCc: help@umbra.example\r\nSubject: Both\r\n`;
  const data = `${header}Message-ID: <both@client.example>\r\n\r\nWho of you can help?\r\n`;
  for (const { daemon, inbox: to } of places) await sendMail(daemon.smtp, { from: JANE, to: [to], data });
  const answered = new Set<string>();
  const answers = new Map<string, number>();
  /** What an event of a new message tells is answered; a loop tells none. */
  const answerAll = async (): Promise<number> => {
    let count = 0;
    for (const { daemon, slug } of places) {
      for (const { id } of await daemon.jsonLines<Conversation>(['conversation', 'list'])) {
        const { messages } = await daemon.json<Required<Conversation>>(['conversation', 'show', id]);
        for (const message of messages) {
          if (message.direction !== 'incoming' || message.looping || answered.has(message.id)) continue;
          answered.add(message.id);
          const text = `Answer ${answered.size} of ${slug}`;
          const { deliveries } = await daemon.json<Message>(['conversation', 'reply', id, '--text', text]);
          answers.set(slug, (answers.get(slug) ?? 0) + 1);
          count += deliveries.length;
        }
      }
    }
    return count;
  };
  sink.mails.splice(0);
  let rounds = 0;
  for (let mails = await answerAll(); mails > 0; mails = await answerAll()) {
    for (const mail of await taken(mails)) await route(mail);
    rounds += 1;
    assert.ok(rounds < 30, 'it does not end');
  }
  let looping = 0;
  for (const { daemon, slug } of places) {
    for (const { id } of await daemon.jsonLines<Conversation>(['conversation', 'list'])) {
      const { messages, cc } = await daemon.json<Required<Conversation>>(['conversation', 'show', id]);
      looping += messages.filter(message => message.looping).length;
      assert.ok(
        cc.every(each => !/@in\./.test(each.email) && each.email !== `help@${slug}.example`),
        JSON.stringify(cc),
      );
    }
  }
  assert.ok(looping > 0, 'the rules of loops ended it');
  for (const [slug, count] of answers) assert.ok(count <= 30, `${slug}: ${count}`);
});
