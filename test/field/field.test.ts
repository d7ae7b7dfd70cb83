import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { type SmtpSink, startSink } from '../outbound/smtp-sink.js';
import { eventually } from '../run.js';
import { type FieldCase, fieldCases, type Right } from './cases.js';

const CONTACT = 'jane.doe@client.example';

let daemon: DaemonProcess;
let sink: SmtpSink;
/** Of the operator. */
let key: string;

before(async () => {
  sink = await startSink();
  daemon = await makeDaemon({
    settings: {
      'outbound.transport': 'smtp',
      'outbound.host': '127.0.0.1',
      'outbound.port': sink.port,
    },
  });
  await daemon.start();
  ({ key } = await daemon.json<{ readonly key: string }>(['key', 'add', '--operator']));
});

after(async () => {
  await daemon?.close();
  await sink?.close();
});

for (const each of fieldCases()) {
  test(`field ${each.name}`, { todo: each.open ?? false }, async () => {
    const { conversation, message } = await play(each);
    assert.deepEqual(await seen(each, { conversation, message }), each.right, each.why);
  });
}

/** A mail of the field comes into an account of its own: the customer asks, we answer by mail, and the mail comes. */
async function play({ name, mail, mode, from, first, answer }: FieldCase) {
  const slug = name.toLowerCase();
  const domain = `${slug.replaceAll(/[^a-z0-9]+/g, '-')}.reply.example`;
  const add = ['account', 'add', slug, '--domain', domain, '--support-email', 'support@acme.example'];
  const { inbox } = await daemon.json<Account>(add);
  await daemon.json(['account', 'enable', slug, 'new_conversations']);
  const conversation = await api<Conversation>('conversations', {
    account: slug,
    channel: 'web_widget',
    contact: { name: 'Jane Doe', email: CONTACT },
    messages: [{ direction: 'incoming', text: first }],
  });
  await api(`conversations/${conversation.id}/messages`, {
    direction: 'outgoing',
    text: answer,
    agent: { name: 'Ann' },
    mail: 'now',
  });
  const sent = await eventually('our answer is mailed', async () => {
    const found = sink.accepted.find(each => each.mailFrom.includes(domain));
    return found ?? Promise.reject(new Error('not yet'));
  });
  const places: Record<string, string> = {
    REPLY: conversation.reply_to!,
    INBOX: inbox!,
    BOUNCE: sent.mailFrom,
    MID: /^message-id:\s*(\S+)/im.exec(sent.data)![1]!,
    EMAIL: CONTACT,
  };
  const data = mail.toString('latin1').replaceAll(/\{\{([A-Z]+)\}\}/g, (_, place: string) => places[place]!);
  const to = places[{ reply: 'REPLY', inbox: 'INBOX', bounce: 'BOUNCE' }[mode]]!;
  const answered = await sendMail(daemon.smtp, { from: from ?? CONTACT, to: [to], data: Buffer.from(data, 'latin1') });
  assert.equal(answered.data[0]?.code, 250, JSON.stringify(answered));
  const mailId = /mail_\w+/.exec(answered.data[0]!.raw)?.[0];
  const { data: conversations } = await api<{ readonly data: readonly Conversation[] }>(
    `conversations?account=${slug}`,
  );
  const shown = await Promise.all(conversations.map(({ id }) => api<Conversation>(`conversations/${id}`)));
  const message = shown.flatMap(({ messages = [] }) => messages).find(each => each.mail_id === mailId);
  assert.ok(message, `${mailId} stands in no conversation`);
  return { conversation, message };
}

/** What was understood, in the words of what is right. */
async function seen(
  { right }: FieldCase,
  { conversation, message }: { conversation: Conversation; message: Message },
): Promise<Right> {
  const text = flat(message.text);
  const files = message.attachments.map(file => file.filename ?? '');
  const { messages = [] } = await api<Conversation>(`conversations/${conversation.id}`);
  const told = messages.flatMap(each => each.deliveries).find(each => each.report !== null);
  const all: Record<keyof Right, unknown> = {
    kind: message.kind,
    text: right.text !== undefined && flat(right.text) === text ? right.text : message.text,
    text_has: right.text_has?.every(words => text.includes(flat(words))) ? right.text_has : message.text,
    text_has_not: right.text_has_not?.some(words => text.includes(flat(words))) ? message.text : right.text_has_not,
    html_has: message.html?.includes(right.html_has ?? '') ? right.html_has : message.html,
    files: [...files].sort(),
    has_files: right.has_files?.every(file => files.some(each => each.includes(file))) ? right.has_files : files,
    file_count: files.length,
    writer: message.author.email,
    writer_name: message.author.name,
    date: message.date?.startsWith(right.date ?? '') ? right.date : message.date,
    report: told?.report ?? null,
    threaded: message.conversation_id === conversation.id,
  };
  return Object.fromEntries(Object.keys(right).map(name => [name, all[name as keyof Right]]));
}

function flat(text: string | null): string {
  return (text ?? '').replaceAll(/\s+/g, ' ').trim();
}

async function api<T>(place: string, body?: object): Promise<T> {
  const answer = await fetch(`http://${daemon.listening.http}/v1/${place}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${place}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
