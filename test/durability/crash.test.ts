/**
 * kill -9 of the daemon while everything happens at once: mails by SMTP and by an HTTP door, some of them with one and the
 * same attachment, answers and channel messages by the API, mails on their way out, and a command line that imports, opens
 * and removes conversations. A ledger holds what was acknowledged.
 *
 * After each kill the check finds the store whole. At the end all that was acknowledged stands there once, every
 * answer was sent, the shared attachment is whole although conversations with it were removed, and what was removed is gone.
 *
 * `npm run test:crash` runs 200 rounds; `npm test` a few.
 */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import type { Store } from '#replyd/conversation/store.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { addAccount, type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { connectTalk } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import { mailBytes } from './load.js';

const ROUNDS = Number(process.env.REPLYD_TEST_CRASH_ROUNDS ?? 4);
const CONVERSATIONS = 4;
const PASSWORD = 'relay password of the test';
/** Large enough to stand in a file. */
const SHARED = Buffer.alloc(140_000, 'the same in each mail\n');
const SHARED_HASH = createHash('sha256').update(SHARED).digest('hex');

interface Entry {
  /** Stands in the text, once. */
  readonly word: string;
  /** Index of the conversation; null: it may be removed. */
  readonly conversation: number | null;
  acknowledged: boolean;
}

interface Setting {
  readonly daemon: DaemonProcess;
  readonly store: Store;
  readonly conversations: readonly Conversation[];
  readonly key: string;
  readonly ledger: Entry[];
}

function sharedMail(word: string, to: string): Buffer {
  const base64 = SHARED.toString('base64').replaceAll(/.{76}/g, '$&\n');
  return Buffer.from(`From: Carla <carla@customer.example>
To: ${to}
Subject: Re: Question
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <${word}@customer.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

${word}
--b
Content-Type: application/octet-stream; name=shared.bin
Content-Disposition: attachment; filename=shared.bin
Content-Transfer-Encoding: base64

${base64}
--b--
`);
}

/** One thing after the other until the daemon is gone or the round is over. `step` throws when it is cut off. */
async function repeat(stopped: () => boolean, step: (number: number) => Promise<void>): Promise<void> {
  try {
    for (let number = 0; !stopped(); number += 1) await step(number);
  } catch (error) {
    // Cut off by the kill: what has no answer stays without one in the ledger. Anything else is a fault.
    if (error instanceof assert.AssertionError) throw error;
  }
}

function enter(ledger: Entry[], word: string, conversation: number | null): Entry {
  const entry: Entry = { word, conversation, acknowledged: false };
  ledger.push(entry);
  return entry;
}

async function overSmtp(
  at: Setting,
  name: string,
  stopped: () => boolean,
  shape: 'small' | 'large' | 'shared',
  /** Null: the conversation is about to be removed. */
  counts: 'counts' | null = 'counts',
): Promise<void> {
  const talk = await connectTalk(at.daemon.smtp, { timeout: 60_000 }).catch(() => null);
  if (talk === null) return;
  await repeat(stopped, async number => {
    if (number === 0) {
      await talk.expect(220);
      await talk.command('EHLO client.example.net', 250);
    }
    const conversation = number % at.conversations.length;
    const to = at.conversations[conversation]!.reply_to!;
    const entry = enter(at.ledger, `${name}n${number}.`, counts === null ? null : conversation);
    await talk.command('MAIL FROM:<carla@customer.example>', 250);
    await talk.command(`RCPT TO:<${to}>`, 250);
    await talk.command('DATA', 354);
    const size = shape === 'small' ? 2_000 : 140_000;
    talk.sendMail(shape === 'shared' ? sharedMail(entry.word, to) : mailBytes(entry.word, to, size));
    await talk.expect('250 2.0.0');
    entry.acknowledged = true;
  });
}

function overRelay(at: Setting, name: string, stopped: () => boolean): Promise<void> {
  const authorization = `Basic ${Buffer.from(`actionmailbox:${PASSWORD}`).toString('base64')}`;
  const address = at.daemon.listening.http;
  return repeat(stopped, async number => {
    const conversation = number % CONVERSATIONS;
    const to = at.conversations[conversation]!.reply_to!;
    const entry = enter(at.ledger, `${name}n${number}.`, conversation);
    const query = new URLSearchParams({ recipient: to, sender: 'carla@customer.example' });
    const response = await fetch(`http://${address}/ingress/relay?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'message/rfc822', authorization },
      body: new Uint8Array(mailBytes(entry.word, to, 4_000)),
    });
    assert.equal(response.status, 204);
    entry.acknowledged = true;
  });
}

/** Answers that go out at once, and words from the channel, by turns. */
function overApi(at: Setting, name: string, stopped: () => boolean): Promise<void> {
  const address = at.daemon.listening.http;
  return repeat(stopped, async number => {
    const conversation = number % CONVERSATIONS;
    const entry = enter(at.ledger, `${name}n${number}.`, conversation);
    const response = await fetch(`http://${address}/v1/conversations/${at.conversations[conversation]!.id}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${at.key}` },
      body: JSON.stringify({
        text: entry.word,
        source_id: entry.word,
        ...(number % 2 === 0
          ? { direction: 'outgoing', mail: 'now', agent: { name: 'Anna' } }
          : { direction: 'incoming' }),
      }),
    });
    assert.equal(response.status, 201, await response.text());
    entry.acknowledged = true;
  });
}

/** Imports a conversation; then opens one, has a mail with the shared attachment come to it, and removes it. */
async function overCommandLine(at: Setting, name: string, stopped: () => boolean, removed: string[]): Promise<void> {
  const { daemon, ledger } = at;
  const rows = path.join(daemon.folder, 'import.jsonl');
  for (let number = 0; !stopped(); number += 1) {
    const word = `${name}doomed${number}.`;
    const contact = `${name}${number}@customer.example`;
    const uuid = randomUUID();
    const row = { uuid, account: 'acme', contact_name: 'Ida', contact_email: contact, channel: 'email', subject: 'Hi' };
    writeFileSync(rows, `${JSON.stringify(row)}\n`);
    const imported = await daemon.cli(['import', 'chatwoot', rows]);
    assert.equal(imported.code, 0, imported.stderr);
    if (stopped()) return;
    const made = await at.store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: contact },
      via: 'cli',
    });
    const once = { ...at, conversations: [made] };
    await overSmtp(once, word, () => once.ledger.some(entry => entry.word === `${word}n0.`), 'shared', null);
    const gone = await daemon.cli(['conversation', 'remove', made.id, '--yes']);
    assert.equal(gone.code, 0, gone.stderr);
    removed.push(made.id);
    ledger.push({ word: `${word}removed`, conversation: null, acknowledged: true });
  }
}

async function expectWhole(dataDir: string, when: string): Promise<void> {
  const db = openDatabase(dataDir);
  try {
    for await (const { faults } of checkStore(db, dataDir, { now: Date.now() })) {
      assert.deepEqual(
        faults.filter(fault => fault.state === 'failed'),
        [],
        when,
      );
    }
  } finally {
    db.close();
  }
}

test(`${ROUNDS} rounds of kill -9 under mixed load`, async context => {
  const daemon = await makeDaemon({
    settings: {
      'limits.loop_messages': 10_000,
      'limits.api_requests': 1_000_000,
      'ingress.relay.password': PASSWORD,
      'log.level': 'warn',
    },
  });
  context.after(() => daemon.close());
  await daemon.start();
  await addAccount(daemon);
  const { config } = loadConfig({ file: daemon.configFile, env: {}, cwd: daemon.folder });
  const store = await openStore({
    dataDir: config.dataDir,
    writer: 'direct',
    // 200 rounds make conversations of more than one answer's bytes, and this test reads them whole.
    rules: { ...storeRules(config), responseBytes: Number.MAX_SAFE_INTEGER },
    migrate: false,
  });
  context.after(() => store.close());
  const conversations: Conversation[] = [];
  for (let i = 0; i < CONVERSATIONS; i += 1) {
    const contact = { email: `carla${i}@customer.example`, name: 'Carla' };
    conversations.push(await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'cli' }));
  }
  const { secret: key } = await store.addKey({ account: 'acme' });
  const ledger: Entry[] = [];
  const removed: string[] = [];
  const at: Setting = { daemon, store, conversations, key, ledger };
  for (let round = 0; round < ROUNDS; round += 1) {
    let over = false;
    const stopped = () => over;
    const before = ledger.filter(entry => entry.acknowledged).length;
    const load = Promise.all([
      overSmtp(at, `r${round}a`, stopped, 'small'),
      overSmtp(at, `r${round}b`, stopped, 'small'),
      overSmtp(at, `r${round}c`, stopped, 'large'),
      overSmtp(at, `r${round}d`, stopped, 'shared'),
      overRelay(at, `r${round}e`, stopped),
      overApi(at, `r${round}f`, stopped),
      overCommandLine(at, `r${round}g`, stopped, removed),
    ]);
    let failed = false;
    load.catch(() => {
      failed = true;
    });
    // The moment is a number of answers, another one each round, not a time.
    const enough = before + 5 + ((round * 13) % 60);
    // Some kills come only when a mail with the shared attachment was stored, or a conversation with one removed.
    const wanted = [null, `r${round}d`, null, `r${round}g`][round % 4] ?? '';
    const begun = () => {
      const done = ledger.filter(entry => entry.acknowledged);
      return (
        done.length >= enough &&
        done.some(
          ({ word }) => word.startsWith(wanted) && (wanted === '' || !wanted.endsWith('g') || word.endsWith('removed')),
        )
      );
    };
    while (!failed && !begun()) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    await daemon.kill();
    over = true;
    await load;
    await daemon.start();
    await expectWhole(config.dataDir, `round ${round}`);
  }

  const found = new Map<string, { times: number; conversation: number; message: Message }>();
  for (const [index, { id }] of conversations.entries()) {
    for (const message of (await store.conversation({ id })).messages!) {
      const word = message.text.split('\n')[0]!;
      found.set(word, { times: (found.get(word)?.times ?? 0) + 1, conversation: index, message });
    }
  }
  const acknowledged = ledger.filter(entry => entry.acknowledged && entry.conversation !== null);
  for (const { word, conversation } of acknowledged) {
    assert.deepEqual([found.get(word)?.times, found.get(word)?.conversation], [1, conversation], word);
  }
  const twice = [...found].filter(([, each]) => each.times > 1).map(([word]) => word);
  assert.deepEqual(twice, []);

  const answers = [...found.values()].filter(each => each.message.direction === 'outgoing');
  await eventually(
    'every answer is sent',
    async () => {
      for (const { message } of answers) if ((await store.message(message.id)).mail.state !== 'sent') return false;
      return true;
    },
    { within: 60_000, every: 250 },
  );
  const folder = path.join(config.dataDir, 'sent');
  const sent = readdirSync(folder)
    .filter(name => name.endsWith('.eml'))
    .map(name => readFileSync(path.join(folder, name), 'latin1'))
    .join('\n');
  const unsent = answers.map(({ message }) => message.text.split('\n')[0]!).filter(word => !sent.includes(word));
  assert.deepEqual(unsent, []);

  for (const id of removed) await assert.rejects(store.conversation({ id }), /there is no conversation/);
  const shared = [...found.values()].flatMap(each => each.message.attachments).filter(file => file.size > 100_000);
  assert.ok(shared.length > 0, 'mails with the shared attachment came');
  const attachment = shared.find(file => file.sha256 === SHARED_HASH);
  assert.ok(attachment, 'it is the one that was sent');
  const bytes = await store.read((await store.attachment(attachment.id)).content);
  assert.ok(SHARED.equals(bytes));
  const check = await daemon.cli(['check'], { timeout: 120_000 });
  assert.equal(check.code, 0, check.stdout + check.stderr);
  context.diagnostic(
    `${ROUNDS} kills, ${acknowledged.length} acknowledged, ${found.size} stored, ${answers.length} answers sent, ` +
      `${removed.length} conversations with the shared attachment removed, ${shared.length} mails with it left`,
  );
});
