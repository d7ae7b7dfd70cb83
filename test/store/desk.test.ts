/** Mails that come in by the desk, from a thread that read them, are filed as those that come by `file`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { isReplydError } from '#replyd/base/errors.js';
import { steadyTime } from '#replyd/base/metrics.js';
import type { Filing, FilingResult } from '#replyd/conversation/filing.js';
import { type Handover, handOver } from '#replyd/conversation/handover.js';
import type { FilingDesk } from '#replyd/conversation/ports.js';
import { type OpenStore, openStore } from '#replyd/store/sqlite/open.js';
import { eventually } from '../run.js';
import { destinationOf, filing, reading, storeContract } from './contract.js';
import { RULES } from './rules.js';
import { understandingContract } from './understanding-contract.js';

async function open(context: TestContext): Promise<{ store: OpenStore; desk: FilingDesk }> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-desk-'));
  const store = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  assert.ok(store.desk);
  return { store, desk: store.desk };
}

/** What the reader would hand over for it; null: it goes by `file`. */
function handoverOf(mail: Filing, ticket: number): Handover | null {
  const { facts, raw, reading: packed, reason, attachments, authentication, ...slip } = mail;
  if (packed === null || !('bytes' in raw)) return null;
  assert.equal(reason, null);
  const kept = attachments.map(each => {
    assert.ok('bytes' in each);
    const { sha256, size, bytes } = each;
    const named = { filename: 'a', contentType: 'text/plain', contentId: null, inline: false };
    return { ...named, sha256, size, content: { bytes } };
  });
  return handOver(
    { readable: true, facts, reading: packed, attachments: kept, ...(authentication && { authentication }) },
    { raw: { bytes: raw.bytes }, ticket, at: steadyTime(), slip: JSON.stringify(slip) },
  );
}

/** A store whose `file` goes by the desk wherever that takes it. */
async function openByDesk(context: TestContext): Promise<{ store: OpenStore }> {
  const { store, desk } = await open(context);
  const port = desk.connect();
  context.after(() => port.close());
  const file = async (mail: Filing): Promise<readonly FilingResult[]> => {
    const { ticket, answer } = desk.expect();
    const handed = handoverOf(mail, ticket);
    if (handed === null) {
      desk.forget(ticket);
      return store.file(mail);
    }
    port.postMessage([handed]);
    return (await answer).results;
  };
  return { store: { ...store, file } };
}

storeContract('sqlite, by the desk', openByDesk);
understandingContract('sqlite, by the desk', openByDesk);

/** A store with one conversation, and a port of a reader. */
async function openWithReader(context: TestContext) {
  const { store, desk } = await open(context);
  const port = desk.connect();
  context.after(() => port.close());
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const contact = { email: 'carla@customer.example' };
  const conversation = await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'cli' });
  const destination = await destinationOf(store, conversation.reply_to!);
  const texts = async () =>
    (await store.conversation({ id: conversation.id })).messages!.map(message => message.text).sort();
  return { store, desk, port, texts, mail: (text: string) => filing([destination], reading({ text })) };
}

test('several in one message, each with its answer and when it was handed over', async context => {
  const { desk, port, mail, texts } = await openWithReader(context);
  const expected = ['one', 'two', 'three'].map(text => ({ text, ...desk.expect() }));
  const before = steadyTime();
  port.postMessage(expected.map(({ text, ticket }) => handoverOf(mail(text), ticket)));
  const answers = await Promise.all(expected.map(each => each.answer));
  for (const { results, at } of answers) {
    assert.equal(results[0]?.result, 'filed');
    assert.ok(at >= before && at <= steadyTime());
  }
  assert.deepEqual(await texts(), ['one', 'three', 'two']);
});

test('a mail that comes twice is filed once, and the second answer is nobody else’s', async context => {
  const { store, desk, port, mail, texts } = await openWithReader(context);
  const { ticket, answer } = desk.expect();
  port.postMessage([handoverOf(mail('once'), ticket), handoverOf(mail('once'), ticket)]);
  assert.ok((await answer).results[0]?.result === 'filed');
  // Whoever comes next gets the place of the one before, and not what is said to that.
  const other = await store.file(mail('other'));
  assert.ok(other[0]?.result === 'filed' && !other[0].before);
  const late = desk.expect();
  port.postMessage([handoverOf(mail('once'), ticket)]);
  port.postMessage([handoverOf(mail('late'), late.ticket)]);
  const [result] = (await late.answer).results;
  assert.ok(result?.result === 'filed' && !result.before);
  assert.deepEqual(await texts(), ['late', 'once', 'other']);
});

test('a mail that is not waited for any more is filed all the same', async context => {
  const { desk, port, mail, texts } = await openWithReader(context);
  const { ticket } = desk.expect();
  desk.forget(ticket);
  desk.forget(ticket);
  port.postMessage([handoverOf(mail('forgotten'), ticket)]);
  await eventually('it stands there', async () => (await texts()).includes('forgotten'));
});

test('a reader that ends takes its port along; the store closes while another is open', async context => {
  const { store, desk, port: still, mail } = await openWithReader(context);
  const gone = desk.connect();
  const reader = new Worker('require("node:worker_threads").workerData.ref()', {
    eval: true,
    workerData: gone,
    transferList: [gone],
  });
  await new Promise(resolve => reader.once('online', resolve));
  await reader.terminate();
  const { ticket, answer } = desk.expect();
  still.postMessage([handoverOf(mail('by the other'), ticket)]);
  assert.equal((await answer).results[0]?.result, 'filed');
  const unanswered = desk.expect();
  unanswered.answer.catch(() => {});
  await store.close();
  await assert.rejects(unanswered.answer, error => isReplydError(error, 'unavailable'));
  await assert.rejects(desk.expect().answer, error => isReplydError(error, 'unavailable'));
});
