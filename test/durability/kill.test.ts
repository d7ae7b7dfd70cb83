/**
 * kill -9 in the middle of everything, again and again: what got its 250 stands in its conversation exactly once, and
 * every answer that was queued is still there or was sent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { Conversation } from '#replyd/conversation/model.js';
import { openerOf } from '#replyd/store/open.js';
import { addAccount, type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { type Sent, sendUntil } from './load.js';

const ROUNDS = Number(process.env.REPLYD_TEST_KILL_ROUNDS ?? 20);
const CONVERSATIONS = 5;

async function openBeside(daemon: DaemonProcess) {
  const { config, store } = loadConfig({ file: daemon.configFile, env: {}, cwd: daemon.folder });
  // Conversations grow beyond one answer's bytes, and these tests read them whole.
  const rules = { ...storeRules(config), responseBytes: Number.MAX_SAFE_INTEGER };
  return (await openerOf(store)).open({ writer: 'direct', rules, migrate: false });
}

test(`${ROUNDS} rounds of kill -9 under load lose nothing and store nothing twice`, async context => {
  const daemon = await makeDaemon({ settings: { 'limits.loop_messages': 10_000, 'log.level': 'warn' } });
  context.after(() => daemon.close());
  await daemon.start();
  await addAccount(daemon);
  const store = await openBeside(daemon);
  context.after(() => store.close());
  const conversations: Conversation[] = [];
  for (let i = 0; i < CONVERSATIONS; i += 1) {
    conversations.push(
      await store.startConversation({
        account: 'acme',
        channel: 'api',
        contact: { email: `carla${i}@customer.example`, name: 'Carla' },
        via: 'cli',
      }),
    );
  }
  const recipients = conversations.map(each => each.reply_to!);
  const ledger: Sent[] = [];
  const answers: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let stopped = false;
    const address = daemon.smtp;
    const before = ledger.length;
    const clients = [3_000, 3_000, 3_000, 60_000, 400_000].map((size, client) =>
      sendUntil(address, recipients, { name: `r${round}c${client}`, size, ledger, stop: () => stopped }),
    );
    // The moment is a number of answers, another one each round, not a time.
    const enough = 1 + ((round * 7) % 40);
    const answer = await store.addMessage(
      { id: conversations[round % CONVERSATIONS]!.id },
      { direction: 'outgoing', text: `answer ${round}`, mail: 'now', via: 'cli' },
    );
    answers.push(answer.id);
    while (ledger.slice(before).filter(each => each.mailId !== null).length < enough) {
      await new Promise(resolve => setImmediate(resolve));
    }
    await daemon.kill();
    stopped = true;
    await Promise.all(clients);
    await daemon.start();
  }
  // What is not in the ledger with an id may be stored too, once.
  const stored = new Map<string, { conversation: number; mailId: string | null; times: number }>();
  for (const [index, { id }] of conversations.entries()) {
    for (const message of (await store.conversation({ id })).messages!) {
      if (message.direction !== 'incoming') continue;
      const word = message.text.split('\n')[0]!;
      const known = stored.get(word);
      stored.set(word, { conversation: index, mailId: message.mail_id, times: (known?.times ?? 0) + 1 });
      assert.deepEqual(message.evidence, ['threaded: reply address'], word);
    }
  }
  const acknowledged = ledger.filter(each => each.mailId !== null);
  for (const sent of acknowledged) {
    assert.deepEqual(
      stored.get(sent.word),
      { conversation: sent.conversation, mailId: sent.mailId, times: 1 },
      sent.word,
    );
  }
  assert.deepEqual(
    [...stored].filter(([, found]) => found.times > 1),
    [],
  );
  for (const id of answers) {
    const { mail } = await store.message(id);
    assert.ok(mail.state === 'queued' || mail.state === 'sent', `${id} is ${mail.state}`);
  }
  const check = await daemon.cli(['stats', '--json']);
  assert.equal(check.code, 0, check.stderr);
  assert.ok(acknowledged.length >= ROUNDS, `${acknowledged.length} mails got their 250`);
  context.diagnostic(
    `${ROUNDS} kills, ${acknowledged.length} mails acknowledged, ${stored.size} stored, ${answers.length} answers`,
  );
});

test('a client that repeats what got no answer ends with every mail stored once', async context => {
  const daemon = await makeDaemon({ settings: { 'limits.loop_messages': 10_000, 'log.level': 'warn' } });
  context.after(() => daemon.close());
  await daemon.start();
  await addAccount(daemon);
  const store = await openBeside(daemon);
  context.after(() => store.close());
  const { id, reply_to } = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'c@customer.example' },
    via: 'cli',
  });
  const first: Sent[] = [];
  const sending = sendUntil(daemon.smtp, [reply_to!], {
    name: 'again',
    size: 3000,
    ledger: first,
    stop: () => first.length > 30,
  });
  while (first.length < 20) await new Promise(resolve => setImmediate(resolve));
  await daemon.kill();
  await sending;
  await daemon.start();
  const second: Sent[] = [];
  await sendUntil(daemon.smtp, [reply_to!], {
    name: 'again',
    size: 3000,
    ledger: second,
    stop: () => second.length === first.length,
  });
  const texts = (await store.conversation({ id })).messages!.map(message => message.text.split('\n')[0]!);
  assert.deepEqual([...texts].sort(), [...new Set(second.map(each => each.word))].sort());
  // The second answer to a mail names the id of the first.
  const ids = new Map(second.map(each => [each.word, each.mailId]));
  for (const sent of first) if (sent.mailId !== null) assert.equal(ids.get(sent.word), sent.mailId);
});
