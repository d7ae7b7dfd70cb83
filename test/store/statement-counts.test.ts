/**
 * How many statements each hot verb takes. On PostgreSQL each is a round trip, and one a row would grow with what is asked
 * for: nobody adds one without changing the table here.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StoredContent } from '#replyd/conversation/filing.js';
import type { Store } from '#replyd/conversation/store.js';
import { destinationOf, filing, reading, sha256 } from './contract.js';
import { openCounting } from './counting.js';

/** A day's work in a store with two accounts, so that texts are looked through for the other's tokens. */
async function openFull(context: TestContext) {
  const counting = openCounting(context, { delay: 0 });
  const { store } = counting;
  for (const slug of ['acme', 'other']) {
    const domains = [`reply.${slug}.example`];
    await store.addAccount({ slug, domains, support_email: `support@${slug}.example` });
  }
  await store.setFeature('acme', 'new_conversations', true);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://app.example/' });
  const { secret, key } = await store.addKey({ account: 'acme' });
  return { ...counting, hook, secret, key };
}

async function start(store: Store, number: number) {
  return store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    contact: { email: `customer${number}@customer.example`, name: `Customer ${number}` },
    text: 'Where is my parcel?',
    via: 'api',
  });
}

function content(text: string): StoredContent {
  return { sha256: sha256(text), size: text.length, bytes: Buffer.from(text) };
}

function withAttachments(count: number) {
  const contents = Array.from({ length: count }, (_, index) => content(`attached ${index}`));
  const attachments = contents.map(({ size }, index) => ({
    filename: `${index}.txt`,
    contentType: 'text/plain',
    inline: false,
    contentId: null,
    size,
    content: { bytes: Buffer.from(`attached ${index}`) },
    sha256: contents[index]!.sha256,
  }));
  return { contents, attachments };
}

/** Composes what is due in the conversation, as the daemon does. */
async function composed(store: Store, id: string) {
  const snapshot = (await store.composeSnapshot(id, { now: Date.now() + 1000, context: 10 }))!;
  const mail = {
    mailId: store.mintMailId(),
    conversationId: id,
    messageId: `${snapshot.unmailed[0]!.id}@reply.acme.example`,
    subject: 'Your parcel',
    messageIds: snapshot.unmailed.map(each => each.id),
    inReplyTo: null,
    references: [],
    raw: content(`mail of ${id}`),
    copies: snapshot.copies.map(each => ({ deliveryId: each.deliveryId, head: 'Reply-To: x\r\n', mailFrom: 'b@x' })),
  };
  return { mail, bounceAddress: snapshot.copies[0]!.bounceAddress! };
}

const answer = { direction: 'outgoing', text: 'On its way.', via: 'api', mail: 'now' } as const;

/** What is counted, and how many statements it may take. */
const MOST: Readonly<Record<string, number>> = {
  'resolve a reply address': 1,
  'resolve a forwarding address': 1,
  'resolve a stranger': 2,
  'file a reply of the contact': 10,
  'file a reply': 13,
  'file the same reply again': 1,
  'file a reply with three attachments': 13,
  'file a mail that opens a conversation': 18,
  'file a mail that is threaded by its id': 13,
  addMessage: 13,
  'addMessage with an attachment and a second reader': 24,
  'addMessage, a note': 8,
  'once addMessage': 14,
  startConversation: 14,
  dueConversations: 1,
  nextComposeAt: 1,
  quotable: 1,
  composeSnapshot: 11,
  saveComposed: 8,
  nextDueAt: 1,
  destination: 1,
  'lease ten mails': 2,
  'lease ten webhooks': 8,
  'settle a mail that was sent': 7,
  'settle a mail that is tried again': 1,
  'settle a mail that failed': 10,
  'settle a webhook': 1,
  'release ten webhooks': 1,
  'resolve a bounce address': 1,
  'file a bounce': 17,
  'events(100)': 10,
  'messages(100)': 5,
  'conversations(100)': 4,
  'conversations(100) with previews': 5,
  'conversations(100) of all accounts': 5,
  conversation: 7,
  'contacts(100)': 3,
  'deliveries(100)': 4,
  'mails(100)': 3,
  hooks: 4,
  accounts: 2,
  account: 2,
  verifyKey: 2,
  accountOf: 1,
  seen: 8,
  'setConversation, resolved': 10,
};

async function measured({ store, counted, hook, secret, key }: Awaited<ReturnType<typeof openFull>>) {
  const found = new Map<string, readonly string[]>();
  const count = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const { value, statements } = await counted(work);
    found.set(what, statements);
    return value;
  };
  const first = await start(store, 0);
  const { id } = first;
  const { inbox } = await store.account('acme');
  const reply = await count('resolve a reply address', () => destinationOf(store, first.reply_to!));
  const opening = await count('resolve a forwarding address', () => destinationOf(store, inbox!));
  await count('resolve a stranger', () => store.resolve('somebody@elsewhere.example'));
  const contact = { name: 'Customer 0', email: 'customer0@customer.example' };
  await count('file a reply of the contact', () =>
    store.file(filing([reply], reading({ text: 'zero', from: contact, to: [{ name: '', email: first.reply_to! }] }))),
  );
  await count('file a reply', () => store.file(filing([reply], reading({ text: 'one' }))));
  await count('file the same reply again', () => store.file(filing([reply], reading({ text: 'one' }))));
  const { contents, attachments } = withAttachments(3);
  await count('file a reply with three attachments', () =>
    store.file(filing([reply], reading({ text: 'two', attachments }), { attachments: contents })),
  );
  const stranger = { name: 'Dora', email: 'dora@customer.example' };
  await count('file a mail that opens a conversation', () =>
    store.file(filing([opening], reading({ text: 'three', from: stranger }))),
  );
  await count('file a mail that is threaded by its id', () =>
    store.file(
      filing(
        [opening],
        reading({ text: 'four', from: stranger, inReplyTo: [`${sha256('three').slice(0, 12)}@customer.example`] }),
      ),
    ),
  );
  await count('addMessage', () => store.addMessage({ id }, answer));
  await count('addMessage with an attachment and a second reader', () =>
    store.addMessage(
      { id },
      {
        ...answer,
        cc: [{ name: '', email: 'second@customer.example' }],
        attachments: [{ filename: 'a.txt', content_type: 'text/plain', content: contents[0]! }],
      },
    ),
  );
  await count('addMessage, a note', () => store.addMessage({ id }, { direction: 'note', text: 'x', via: 'api' }));
  await count('once addMessage', () =>
    store.once({ caller: key.id, name: 'n', fingerprint: '00' }, 'addMessage', [{ id }, answer]),
  );
  await count('startConversation', () => start(store, 1));
  await count('dueConversations', () => store.dueConversations({ now: Date.now() + 1000, limit: 50 }));
  await count('nextComposeAt', () => store.nextComposeAt());
  await count('quotable', () => store.quotable([id]));
  const { mail } = await composed(store, id);
  await count('composeSnapshot', () => store.composeSnapshot(id, { now: Date.now() + 1000, context: 10 }));
  await count('saveComposed', () => store.saveComposed(mail));
  const bounces = new Map<string, string>();
  for (let number = 2; number <= 11; number += 1) {
    const each = await start(store, number);
    await store.addMessage({ id: each.id }, answer);
    const next = await composed(store, each.id);
    await store.saveComposed(next.mail);
    bounces.set(next.mail.copies[0]!.deliveryId, next.bounceAddress);
  }
  await count('nextDueAt', () => store.nextDueAt('smarthost'));
  await count('destination', () => store.destination('smarthost'));
  const due = { now: Date.now() + 1000, limit: 10 };
  const mails = await count('lease ten mails', () => store.lease('smarthost', due));
  assert.equal(mails.length, 10);
  const webhooks = await count('lease ten webhooks', () => store.lease(hook.id, due));
  assert.equal(webhooks.length, 10);
  const settled = { now: Date.now(), retryAt: null };
  await count('settle a mail that was sent', () =>
    store.settle(mails[0]!.deliveryId, { kind: 'sent', response: '250' }, settled),
  );
  await count('settle a mail that is tried again', () =>
    store.settle(mails[1]!.deliveryId, { kind: 'retry', response: '451' }, { ...settled, retryAt: Date.now() }),
  );
  await count('settle a mail that failed', () =>
    store.settle(
      mails[2]!.deliveryId,
      { kind: 'failed', response: '550', suspend: true, refusedByPolicy: false },
      settled,
    ),
  );
  await count('settle a webhook', () =>
    store.settle(webhooks[0]!.deliveryId, { kind: 'sent', response: '200' }, settled),
  );
  await count('release ten webhooks', () => store.release(webhooks));
  const bounced = mails[3]!;
  assert.ok(bounced.kind === 'mail');
  const to = await count('resolve a bounce address', () => destinationOf(store, bounces.get(bounced.deliveryId)!));
  const report = { recipient: bounced.rcptTo, action: 'failed' as const, status: '5.1.1', diagnostic: '' };
  await count('file a bounce', () =>
    store.file(filing([to], { ...reading({ kind: 'bounce', text: 'no' }), report: [report] })),
  );
  await count('events(100)', () => store.events({ after: 'ev_00000000000', account: 'acme', limit: 100 }));
  await count('messages(100)', () => store.messages({ id }, { after: 0, limit: 100 }));
  await count('conversations(100)', () => store.conversations({ account: 'acme', limit: 100 }));
  await count('conversations(100) with previews', () =>
    store.conversations({ account: 'acme', limit: 100, preview: 80 }),
  );
  await count('conversations(100) of all accounts', () => store.conversations({ limit: 100 }));
  await count('conversation', () => store.conversation({ id }));
  await count('contacts(100)', () => store.contacts({ account: 'acme', limit: 100 }));
  await count('deliveries(100)', () => store.deliveries({ account: 'acme', limit: 100 }));
  await count('mails(100)', () => store.mails({ account: 'acme', limit: 100 }));
  await count('hooks', () => store.hooks({ account: 'acme' }));
  await count('accounts', () => store.accounts());
  await count('account', () => store.account('acme'));
  await count('verifyKey', () => store.verifyKey(secret));
  await count('accountOf', () => store.accountOf(id));
  await count('seen', () => store.seen({ id }));
  await count('setConversation, resolved', () => store.setConversation({ id }, { status: 'resolved' }));
  return found;
}

test('no hot verb takes more statements than it needs', async context => {
  const found = await measured(await openFull(context));
  for (const [what, statements] of found) {
    context.diagnostic(`${String(statements.length).padStart(4)}  ${what}`);
    if (process.env.STATEMENTS_SHOWN === what)
      for (const each of statements) context.diagnostic(`        ${each.slice(0, 160)}`);
  }
  const over = [...found].filter(([what, { length }]) => length > (MOST[what] ?? 0));
  assert.deepEqual(Object.fromEntries(over.map(([what, { length }]) => [what, length])), {});
});
