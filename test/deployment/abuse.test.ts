/** What an operator can do against abuse, through the whole daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../daemon-process.js';
import { connectTalk } from '../interop/smtp-talk.js';

/** Sends one mail and expects this reply to its data. */
async function send(
  daemon: DaemonProcess,
  expected: string | number,
  mail: { from: string; envelope?: string; to: string; fields?: string },
): Promise<void> {
  const talk = await connectTalk(daemon.smtp);
  await talk.expect(220);
  await talk.command('EHLO front.example', 250);
  await talk.command(`MAIL FROM:<${mail.envelope ?? mail.from}>`, 250);
  await talk.command(`RCPT TO:<${mail.to}>`, 250);
  await talk.command('DATA', 354);
  const fields = `From: ${mail.from}\r\nTo: ${mail.to}\r\nSubject: Hello\r\n${mail.fields ?? ''}`;
  talk.sendMail(`${fields}\r\nSome words of ${mail.from}.`);
  await talk.expect(expected);
  await talk.quit();
}

test('mail of blocked addresses and domains is refused at once, from the change on', async () => {
  await withDaemon({}, async daemon => {
    await addAccount(daemon);
    const { id, reply_to } = await startConversation(daemon);
    await send(daemon, 250, { from: 'sales@offers.example', to: reply_to });
    await daemon.json(['account', 'set', 'acme', 'blocked=offers.example,@junk.example,Pest@example.net']);
    await send(daemon, '550 5.7.1', { from: 'other@mail.offers.example', to: reply_to });
    await send(daemon, '550 5.7.1', { from: 'pest@example.net', to: reply_to });
    await send(daemon, '550 5.7.1', { from: 'a@fine.example', envelope: 'x@junk.example', to: reply_to });
    await send(daemon, 250, { from: 'customer@customer.example', to: reply_to });
    const texts = (await messagesOf(daemon, id)).filter(message => message.mail_id !== null).map(each => each.text);
    assert.deepEqual(texts, ['Some words of sales@offers.example.', 'Some words of customer@customer.example.']);
    await daemon.json(['account', 'set', 'acme', 'blocked=']);
    await send(daemon, 250, { from: 'other@mail.offers.example', to: reply_to });
    const wrong = await daemon.cli(['account', 'set', 'acme', 'blocked=com']);
    assert.equal(wrong.code, 2);
  });
});

test('spam by the word of a trusted filter opens a conversation only when it is released', async () => {
  await withDaemon({}, async daemon => {
    await addAccount(daemon);
    const account = await daemon.json<Account>(['account', 'enable', 'acme', 'new_conversations']);
    const { id, reply_to } = await startConversation(daemon);
    const fields = 'X-Spam-Flag: YES\r\n';
    await send(daemon, 250, { from: 'winner@lottery.example', to: account.inbox!, fields });
    await send(daemon, 250, { from: 'new@customer.example', to: account.inbox! });
    // A conversation that is there already: a filter's doubt does not hold a customer's reply.
    await send(daemon, 250, { from: 'customer@customer.example', to: reply_to, fields });
    const conversations = await daemon.jsonLines<Conversation>(['conversation', 'list']);
    const found = new Map<string, Message>();
    for (const conversation of conversations) {
      for (const message of await messagesOf(daemon, conversation.id)) {
        if (message.mail_id !== null) found.set(message.author.email ?? '', message);
      }
    }
    assert.equal(found.get('winner@lottery.example')?.held, true);
    assert.ok(found.get('winner@lottery.example')?.evidence.includes('held: spam (X-Spam-Flag)'));
    assert.equal(found.get('new@customer.example')?.held, false);
    assert.equal(found.get('customer@customer.example')?.held, false);
    assert.equal(found.get('customer@customer.example')?.conversation_id, id);
    const released = await daemon.json<Message>(['message', 'release', found.get('winner@lottery.example')!.id]);
    assert.equal(released.held, false);
  });
});

test('a stranger who flags his own mail is not believed', async () => {
  await withDaemon({ settings: { 'smtp.trusted_networks': [] } }, async daemon => {
    await addAccount(daemon);
    const account = await daemon.json<Account>(['account', 'enable', 'acme', 'new_conversations']);
    await send(daemon, 250, { from: 'new@customer.example', to: account.inbox!, fields: 'X-Spam-Flag: YES\r\n' });
    const [conversation] = await daemon.jsonLines<Conversation>(['conversation', 'list']);
    const [message] = await messagesOf(daemon, conversation!.id);
    assert.equal(message?.held, false);
  });
});
