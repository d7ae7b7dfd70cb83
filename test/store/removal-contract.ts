/**
 * Removing a person: a word stands wherever he can be in a store, and afterwards nowhere: in no row of any table, in no
 * file of data_dir. The other people of the account are as they were.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { AGE, clearLeftovers } from '#replyd/store/upkeep/clear-files.js';
import { eventually } from '../run.js';
import { destinationOf, filing, reading, sha256 } from './contract.js';

const MARK = 'zqxwvmark';
const LARGE = `${`a line with ${MARK} in it\r\n`.repeat(20_000)}`;

/** All rows of all tables, as text. */
export type Rows = () => Promise<Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>>;

export interface OpenedRemoval {
  readonly store: OpenStore;
  readonly dataDir: string;
  readonly rows: Rows;
}

/** Names of the tables in which the word stands. */
async function tablesWith(rows: Rows, word: string): Promise<readonly string[]> {
  const text = (value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
  const found = Object.entries(await rows()).filter(([, all]) =>
    all.some(row => Object.values(row).some(value => text(value).toLowerCase().includes(word))),
  );
  return found.map(([name]) => name).sort();
}

/** Files of data_dir in whose bytes or name the word stands. */
function filesWith(dataDir: string, word: string): readonly string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true }).flatMap(entry => {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile()) return [];
    const has = entry.name.includes(word) || readFileSync(file).toString('latin1').toLowerCase().includes(word);
    return has ? [path.relative(dataDir, file)] : [];
  });
}

async function compose(store: OpenStore, id: string, text: string) {
  const snapshot = await store.composeSnapshot(id, { now: Date.now() + 3_600_000, context: 5 });
  const bytes = Buffer.from(text);
  const mailId = store.mintMailId();
  return {
    mailId,
    conversationId: id,
    messageId: `${mailId}@reply.example.com`,
    subject: `${MARK} subject`,
    messageIds: snapshot!.unmailed.map(message => message.id),
    inReplyTo: null,
    references: [],
    raw: await store.place({ bytes }, factsOf(bytes)),
    copies: snapshot!.copies.map(copy => ({ deliveryId: copy.deliveryId, head: MARK, mailFrom: 'bounce@example.com' })),
  };
}

/** Composes what the agent is to be told; it waits in the queue then. */
async function notify(store: OpenStore): Promise<void> {
  const due = await store.dueNotices({ now: Date.now() + 100 * 86_400_000, limit: 10 });
  assert.ok(due.length > 0);
  for (const deliveryId of due) {
    const notice = await store.openNotice(deliveryId);
    if (notice === null) continue;
    const bytes = Buffer.from(JSON.stringify(notice));
    const mailId = store.mintMailId();
    const messageId = `${mailId}@reply.example.com`;
    const raw = await store.place({ bytes }, factsOf(bytes));
    const { messageIds, seq } = notice;
    const ids = { deliveryId, mailId, messageId, messageIds, seq };
    assert.ok(
      await store.saveNotice({ ...ids, head: bytes.includes(MARK) ? MARK : '', mailFrom: 'b@reply.example.com', raw }),
    );
  }
}

/** The person, everywhere; and Dora, of whom all stays. */
async function life({ store, dataDir }: OpenedRemoval) {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna', notify: 'all' });
  await store.setFeature('acme', 'agent_mail', true);
  const { key } = await store.addKey({ account: 'acme' });
  await store.addHook({ account: 'acme', url: 'https://app.example/' });
  const dora = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'dora@customer.example', name: 'Dora' },
    text: 'Hello from Dora',
    via: 'api',
  });
  const once = (name: string) => ({ caller: key.id, name, fingerprint: '00' });
  const email = `${MARK}@customer.example`;
  const { value: first } = await store.once(once('start'), 'startConversation', [
    {
      account: 'acme',
      channel: 'web_widget',
      source_id: `chat-${MARK}`,
      subject: `About ${MARK}`,
      metadata: { page: MARK },
      contact: { email, name: `Name ${MARK}`, source_id: `visitor-${MARK}` },
      text: `Where is ${MARK}?`,
      via: 'api',
    },
  ]);
  const { id, reply_to, contact } = first as typeof dora;
  await store.once(once('note'), 'addMessage', [{ id }, { direction: 'note', text: `${MARK} again`, via: 'api' }]);
  await store.assignConversation({ id }, 'anna@acme.example');
  await store.readConversation({ id }, { agent: 'anna@acme.example' });
  const large = { sha256: sha256(LARGE), size: LARGE.length };
  const content = await store.place({ bytes: Buffer.from(LARGE) }, large);
  const of = reading({
    text: `A reply with ${MARK}`,
    subject: `Re: ${MARK}`,
    from: { name: MARK, email },
    messageId: `${MARK}@customer.example`,
    html: `<p>${MARK}</p>`,
    attachments: [
      {
        filename: `${MARK}.txt`,
        contentType: 'text/plain',
        ...large,
        contentId: null,
        inline: false,
        content: { bytes: Buffer.from(LARGE) },
      },
    ],
  });
  const raw = Buffer.from(`From: ${email}\r\n\r\n${MARK}`);
  const [filed] = await store.file(
    filing([await destinationOf(store, reply_to!)], of, {
      envelope: { mailFrom: email, rcptTo: [reply_to!] },
      raw: { ...factsOf(raw), bytes: raw },
      attachments: [content],
    }),
  );
  assert.equal(filed?.kind, 'filed');
  // A stranger's mail is held, and one of the two conversations is done.
  await store.setFeature('acme', 'hold_strangers', true);
  await store.file(
    filing(
      [await destinationOf(store, reply_to!)],
      reading({ text: `held ${MARK}`, from: { name: MARK, email: 'eve@x.example' } }),
    ),
  );
  const second = await store.startConversation({
    account: 'acme',
    channel: 'line',
    contact: { source_id: `visitor-${MARK}` },
    messages: [{ direction: 'incoming', text: `older ${MARK}`, created_at: '2024-01-02T03:04:05Z', via: 'api' }],
    via: 'api',
  });
  await store.setConversation({ id: second.id }, { status: 'resolved' });
  // One answer was mailed and failed, one waits.
  const answer = { direction: 'outgoing', text: `To you, ${MARK}`, mail: 'now', via: 'api' } as const;
  await store.addMessage({ id }, { ...answer, cc: [{ name: MARK, email: `cc-${MARK}@x.example` }] });
  assert.ok(await store.saveComposed(await compose(store, id, `a mail with ${MARK}`)));
  const now = Date.now() + 3_600_000;
  await mkdir(path.join(dataDir, 'sent'), { recursive: true });
  for (const parcel of await store.lease('smarthost', { now, limit: 5 })) {
    writeFileSync(path.join(dataDir, 'sent', `${parcel.deliveryId}.eml`), MARK);
    writeFileSync(path.join(dataDir, 'sent', `${parcel.deliveryId}.json`), MARK);
    const response = `550 5.1.1 <${MARK}> unknown`;
    await store.settle(
      parcel.deliveryId,
      { kind: 'failed', response, suspend: true, refusedByPolicy: false },
      { now, retryAt: null },
    );
  }
  await store.addMessage({ id }, answer);
  await notify(store);
  await store.addMessage({ id }, { direction: 'incoming', text: `not yet told: ${MARK}`, via: 'api' });
  await store.search({ account: 'acme', text: MARK, limit: 5 });
  await store.fillSearch();
  return { id, contact, dora };
}

const left = async (opened: OpenedRemoval) => ({
  rows: await tablesWith(opened.rows, MARK),
  files: filesWith(opened.dataDir, MARK),
});

/** Behind the housekeeping of the next days, when nothing writes or reads. */
async function assertNothingLeft(opened: OpenedRemoval): Promise<void> {
  // A large content goes with the housekeeping, a day later, wherever it is kept.
  const rows = (await left(opened)).rows.filter(name => name !== 'large_part');
  assert.deepEqual(rows, [], 'in rows at once');
  await clearLeftovers(opened.store, opened.dataDir, { now: Date.now() + 2 * AGE });
  const gone = async () => {
    assert.deepEqual(await left(opened), { rows: [], files: [] });
    return true;
  };
  await eventually('nothing of him is left', gone, { within: 15_000 });
}

export function removalContract(name: string, open: (context: TestContext) => Promise<OpenedRemoval>): void {
  const check = (what: string, work: (opened: OpenedRemoval) => Promise<void>) =>
    test(`${name}: ${what}`, { timeout: 120_000 }, async context => work(await open(context)));

  check('of a person who is removed nothing is left, and of the others all', async opened => {
    const { store } = opened;
    const { contact, dora } = await life(opened);
    const known = await left(opened);
    const everywhere = ['attachment', 'blob', 'contact', 'conversation', 'delivery', 'idempotency', 'mail', 'message'];
    for (const table of [...everywhere, 'participant', 'event']) {
      assert.ok(known.rows.includes(table), `${table}: ${known.rows}`);
    }
    assert.equal(known.files.filter(file => file.startsWith('sent')).length, 4);
    const before = await store.conversation({ id: dora.id });
    await store.removeContact(contact.id);
    assert.deepEqual((await store.search({ account: 'acme', text: MARK, limit: 5 })).hits, []);
    await assertNothingLeft(opened);
    assert.deepEqual(await store.conversation({ id: dora.id }), before);
    await assert.rejects(store.contact(contact.id), error => isReplydError(error, 'contact_not_found'));
  });

  check('what is on its way while a person is removed ends with him', async opened => {
    const { store } = opened;
    const { id, contact } = await life(opened);
    await store.clearContact(contact.id);
    await store.addMessage({ id }, { direction: 'outgoing', text: `once more ${MARK}`, mail: 'now', via: 'api' });
    const composed = await compose(store, id, `one more with ${MARK}`);
    const now = Date.now() + 3_600_000;
    const [{ id: hook }] = (await store.hooks({})) as unknown as [{ id: string }];
    const webhooks = await store.lease(hook, { now, limit: 50 });
    assert.ok(webhooks.length > 0);
    assert.equal(await store.saveComposed(composed), true);
    const mails = await store.lease('smarthost', { now, limit: 5 });
    assert.ok(mails.length > 1, 'a mail to him, and one to the agent about him');
    await store.addMessage({ id }, { direction: 'outgoing', text: `late ${MARK}`, mail: 'now', via: 'api' });
    const late = await compose(store, id, `the last with ${MARK}`);
    await store.removeContact(contact.id);

    assert.equal(await store.saveComposed(late), false, 'a mail that was being written');
    for (const { deliveryId: leased } of [...mails, ...webhooks]) {
      const settled = store.settle(leased, { kind: 'sent', response: '250 taken' }, { now, retryAt: null });
      await settled.catch(error => assert.ok(isReplydError(error, 'not_found'), String(error)));
    }
    await assert.rejects(store.addMessage({ id }, { direction: 'note', text: MARK, via: 'api' }), error =>
      isReplydError(error, 'conversation_not_found'),
    );
    await assertNothingLeft(opened);
    assert.deepEqual(await store.deliveries({ conversation: id, limit: 10 }), []);
  });
}
