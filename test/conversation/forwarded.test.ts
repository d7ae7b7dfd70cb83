/**
 * What the team sends on, through the whole program: each forward of the corpus (`opens` in its expect.json) by SMTP to a
 * running daemon, with the feature `forwarded_mail` on, then what stands in its store.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account, Contact, Conversation, Message, QueuedDelivery } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { changeRows } from '../engine.js';
import { sendMail } from '../interop/smtp-talk.js';
import { type CorpusMail, corpusMails } from '../mail/corpus.js';

let daemon: DaemonProcess;
let inbox: string;

before(async () => {
  daemon = await makeDaemon({ settings: { 'auth.authserv_id': ['mx.example.com'], 'auth.verify': 'never' } });
  await daemon.start();
  await addAccount(daemon);
  await daemon.json(['account', 'enable', 'acme', 'new_conversations']);
  await daemon.json(['account', 'enable', 'acme', 'forwarded_mail']);
  inbox = (await daemon.json<Account>(['account', 'set', 'acme', 'forwarders=acme.example'])).inbox!;
});
after(() => daemon?.close());

async function send(data: Uint8Array | string, mailFrom = 'ann@acme.example', to = inbox): Promise<string> {
  const { data: replies } = await sendMail(daemon.smtp, { from: mailFrom, to: [to], data });
  assert.equal(replies[0]?.code, 250, replies[0]?.raw);
  return /mail_[0-9a-z]+/.exec(replies[0]!.raw)![0];
}

/** The conversation of a mail, with its messages. */
async function openedBy(mailId: string): Promise<Conversation & { readonly messages: readonly Message[] }> {
  const { results } = await daemon.json<{ results: readonly { message_id: string }[] }>(['mail', 'show', mailId]);
  const message = await daemon.json<Message>(['message', 'show', results[0]!.message_id]);
  const conversation = await daemon.json<Conversation>(['conversation', 'show', message.conversation_id]);
  return { ...conversation, messages: conversation.messages! };
}

interface Opens {
  readonly contact: string;
  readonly subject?: string;
  readonly text?: string;
  readonly note?: string | null;
  readonly files?: readonly string[];
  readonly noteFiles?: readonly string[];
  readonly messageId?: string;
  /** Why it is no forward. */
  readonly why?: string;
}

const FORWARDS = corpusMails().filter(
  (mail): mail is CorpusMail & { expect: { opens: Opens } } => 'opens' in mail.expect,
);

for (const { name, bytes, expect } of FORWARDS) {
  const { opens } = expect;
  test(name, async () => {
    const mailId = await send(bytes);
    const { contact, subject, messages, participants } = await openedBy(mailId);
    assert.equal(contact.email, opens.contact);
    const [first, note, ...others] = messages;
    assert.deepEqual(others, []);
    assert.equal(first!.direction, 'incoming');
    assert.equal(first!.author.email, opens.contact);
    assert.equal(first!.author.role, 'contact');
    assert.deepEqual(
      participants.map(each => each.email),
      [opens.contact],
    );
    assert.equal(first!.held, false);
    const { sender } = first!;
    if (opens.why !== undefined) {
      assert.ok(sender!.evidence.includes(`not taken as a forward: ${opens.why}`), sender!.evidence.join('\n'));
      assert.equal(sender!.forwarded_by, undefined);
      assert.equal(note, undefined);
      assert.match(sender!.dmarc!, /pass|fail/, 'the verdicts are about From');
      return;
    }
    assert.deepEqual(sender!.forwarded_by, { name: 'Ann Berg', email: 'ann@acme.example' });
    assert.ok(sender!.evidence.includes('forwarded by Ann Berg <ann@acme.example>, proven by DMARC'));
    assert.deepEqual([sender!.dmarc, sender!.dkim, sender!.spf], [null, null, null], 'nobody proved the writer');
    assert.equal(subject, opens.subject);
    assert.equal(first!.text, opens.text);
    assert.equal(first!.date, (expect.forward as { date: string }).date);
    assert.deepEqual(
      first!.attachments.map(file => file.filename),
      opens.files,
    );
    assert.equal(first!.mail_id, mailId);
    if (opens.messageId !== undefined) assert.equal(first!.message_id, opens.messageId);
    assert.equal(note?.text ?? null, opens.note);
    if (note === undefined) return;
    assert.deepEqual(
      [note.direction, note.kind, note.author.role, note.author.email],
      ['note', 'note', 'agent', 'ann@acme.example'],
    );
    assert.deepEqual(
      note.attachments.map(file => file.filename),
      opens.noteFiles ?? [],
    );
    assert.equal(note.mail_id, null);
    assert.equal(first!.html?.includes(opens.note!) ?? false, false, 'the words of the note stand in it alone');
  });
}

const ORIGINAL = FORWARDS.find(mail => mail.name === '705-forward-team-attached')!;
const named = (mail: CorpusMail, id: string) =>
  mail.bytes
    .toString()
    .replaceAll(/t70[45]@/g, `${id}@`)
    .replaceAll('orig705@', `${id}-o@`);

test('a forward that comes again is the same mail, and nothing was mailed to anybody', async () => {
  const mail = named(ORIGINAL, 'again');
  const first = await send(mail);
  assert.equal(await send(mail), first);
  const { messages } = await openedBy(first);
  assert.equal(messages.length, 2);
  const queue = await daemon.json<readonly QueuedDelivery[] | null>(['queue', 'list']).catch(() => null);
  assert.deepEqual(queue ?? [], []);
});

test("the writer's next mail, and his answer to his own mail, go into the conversation", async () => {
  const { id, number } = await openedBy(await send(named(ORIGINAL, 'next')));
  const answer = (ids: string, from: string, own: string) =>
    `From: ${from}\r\nSubject: Re: Photo\r\nMessage-ID: <${own}@client.example>\r\n${ids}\r\n\r\nOne more photo.\r\n`;
  const later = await send(
    answer('In-Reply-To: <next-o@client.example>', 'Jane <jane@client.example>', 'n1'),
    'jane@client.example',
  );
  assert.equal((await openedBy(later)).id, id);
  await daemon.json(['conversation', 'reply', `acme#${number}`, '--text', 'Thank you, Jane.', '--agent', 'Ann']);
  const { messages } = await openedBy(later);
  const ours = messages.at(-1)!;
  assert.deepEqual(
    ours.deliveries.map(delivery => delivery.recipient),
    ['jane@client.example'],
    'the forwarder is no participant',
  );
});

test('the mail that was written into a forward is known by its id, where the header names it', async () => {
  const thunderbird = FORWARDS.find(mail => mail.name === '704-forward-team-thunderbird')!;
  const { id } = await openedBy(await send(named(thunderbird, 'inline').replaceAll('orig704@', 'inline-o@')));
  const later =
    'From: Jane <jane@client.example>\r\nSubject: Re: Pedido 88\r\nReferences: <inline-o@client.example>\r\n\r\nAny news?\r\n';
  assert.equal((await openedBy(await send(later, 'jane@client.example'))).id, id);
});

test('a forward that belongs to a conversation goes there, as the mail of who sent it', async () => {
  const { id, contact } = await openedBy(await send(named(ORIGINAL, 'before')));
  const again = named(ORIGINAL, 'behind').replace(
    'MIME-Version',
    'References: <before-o@client.example>\r\nMIME-Version',
  );
  const conversation = await openedBy(await send(again));
  assert.equal(conversation.id, id);
  const last = conversation.messages.at(-1)!;
  assert.deepEqual([last.author.email, last.sender?.forwarded_by], ['ann@acme.example', undefined]);
  assert.equal(conversation.contact.email, contact.email);
});

test('a suspended contact stays so: that he wrote again is a word of somebody else', async () => {
  const { contact } = await openedBy(await send(named(ORIGINAL, 'suspended')));
  await changeRows(daemon.dataFolder, [["update contact set suspended_at = 1, suspended_reason = 'complaint'"]]);
  const { contact: same } = await openedBy(await send(named(ORIGINAL, 'suspended-again')));
  assert.equal(same.id, contact.id);
  const { suspended } = await daemon.json<Contact>(['contact', 'show', contact.id]);
  assert.equal(suspended?.reason, 'complaint');
  await daemon.json(['contact', 'clear', contact.id]);
});

test('an account that holds strangers holds no forward', async () => {
  await daemon.json(['account', 'enable', 'acme', 'hold_strangers']);
  const { contact, messages } = await openedBy(await send(named(ORIGINAL, 'held')));
  await daemon.json(['account', 'disable', 'acme', 'hold_strangers']);
  assert.equal(contact.email, 'jane@client.example');
  assert.equal(messages[0]!.held, false);
});

test('reading all mails again changes neither a forward nor who else opened a conversation', async () => {
  await send(
    'From: Form <noreply@shop.example>\r\nReply-To: Joe <joe@client.example>\r\nSubject: Hours\r\n\r\nOpen on Sunday?\r\n',
    'noreply@shop.example',
  );
  const summary = await daemon.json<{ messages: number }>(['mail', 'reprocess', '--all', '--dry-run']);
  assert.equal(summary.messages, 0);
});

test('mail explain tells what a forward holds, and who was taken for its writer', async () => {
  const id = await send(named(ORIGINAL, 'explained'));
  const explained = await daemon.json<{
    forward: { writer: { email: string } };
    filed: readonly { author: { email: string }; sender: { forwarded_by: { email: string } } }[];
  }>(['mail', 'explain', id]);
  assert.equal(explained.forward.writer.email, 'jane@client.example');
  assert.equal(explained.filed[0]!.author.email, 'jane@client.example');
  assert.equal(explained.filed[0]!.sender.forwarded_by.email, 'ann@acme.example');
});

test('without the feature a forward is what it was', async () => {
  await daemon.json(['account', 'disable', 'acme', 'forwarded_mail']);
  const { contact, messages } = await openedBy(await send(named(ORIGINAL, 'off')));
  assert.equal(contact.email, 'ann@acme.example');
  assert.equal(messages.length, 1);
  assert.deepEqual(
    messages[0]!.attachments.map(file => file.filename),
    ['Photo of the damage.eml', 'form.pdf'],
  );
  assert.doesNotMatch(messages[0]!.sender!.evidence.join('\n'), /forward/);
  await daemon.json(['account', 'enable', 'acme', 'forwarded_mail']);
});

test('a stranger says nothing of himself: only a trusted MTA may', async () => {
  await daemon.configure({ 'smtp.trusted_networks': [] });
  await daemon.restart();
  const { contact, messages } = await openedBy(await send(named(ORIGINAL, 'stranger')));
  assert.equal(contact.email, 'ann@acme.example');
  assert.match(
    messages[0]!.sender!.evidence.join('\n'),
    /not taken as a forward: DMARC of ann@acme.example is not known/,
  );
});
