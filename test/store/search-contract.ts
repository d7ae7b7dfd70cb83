/** What holds of the search on every store (test/store/search.test.ts, test/store/postgres/search.test.ts). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { destinationOf, filing, reading } from './contract.js';

export interface SearchedStore {
  readonly store: OpenStore;
  /** Words that stand in the tables of the index and hold one of these. */
  wordsLike(...parts: readonly string[]): Promise<readonly string[]>;
  /** Whether these bytes stand anywhere in the files of the index, where it has some. */
  isLeft?(part: string): boolean;
}

export async function filled(store: OpenStore): Promise<void> {
  await store.forgetSearch();
  while ((await store.fillSearch()).more);
}

async function texts(store: OpenStore, text: string, account?: string): Promise<readonly string[]> {
  const { hits } = await store.search({ text, limit: 50, ...(account === undefined ? {} : { account }) });
  return hits.map(hit => hit.snippet.text);
}

export async function addAccount(store: OpenStore, slug = 'acme'): Promise<void> {
  await store.addAccount({ slug, domains: [`reply.${slug}.example`], support_email: `support@${slug}.example` });
}

export function start(
  store: OpenStore,
  text: string,
  more: { readonly account?: string; readonly email?: string; readonly name?: string; readonly subject?: string } = {},
) {
  const { account = 'acme', email = 'carla@customer.example', name = 'Carla Müller', ...rest } = more;
  return store.startConversation({ account, channel: 'api', contact: { email, name }, text, via: 'api', ...rest });
}

export function searchContract(name: string, open: (context: TestContext) => Promise<SearchedStore>): void {
  const has = (title: string, work: (opened: SearchedStore) => Promise<void>) =>
    test(`${name}: ${title}`, async context => {
      const opened = await open(context);
      await addAccount(opened.store);
      await work(opened);
    });

  has('a message is found by its words, its people, its subject and its number', async ({ store }) => {
    const one = await start(store, 'Where is my parcel? I ordered 4711-B.', { subject: 'Late delivery' });
    await start(store, 'Another thing', { email: 'otto@elsewhere.example', name: 'Otto' });
    await store.addMessage(
      { id: one.id },
      {
        direction: 'note',
        text: 'Ask the warehouse',
        agent: { name: 'Aiko', email: 'aiko@team.example' },
        via: 'api',
      },
    );
    await filled(store);
    const parcel = 'Where is my parcel? I ordered 4711-B.';
    const note = 'Ask the warehouse';
    for (const [query, found] of [
      ['parcel', [parcel]],
      ['PARCEL ordered', [parcel]],
      ['parc', [parcel]],
      ['parc ordered', []],
      ['4711-B', [parcel]],
      ['"my parcel"', [parcel]],
      ['"parcel my"', []],
      ['muller', [note, parcel]],
      ['carla@customer.example', [note, parcel]],
      ['@customer.example', [note, parcel]],
      ['delivery', [note, parcel]],
      ['from:aiko', [note]],
      ['from:carla', [parcel]],
      ['from:carla@customer.example', [parcel]],
      ['from:team.example', [note]],
      ['#1', [note, parcel]],
      ['#1 parcel', [parcel]],
      ['#3', []],
      ['aik', [note]],
      ['nothing', []],
    ] as const) {
      assert.deepEqual(await texts(store, query), found, query);
    }
    const { hits } = await store.search({ text: 'parcel', limit: 5 });
    const [{ conversation, message, snippet } = assert.fail()] = hits;
    assert.equal(conversation.id, one.id);
    assert.equal(conversation.subject, 'Late delivery');
    assert.equal(conversation.contact.name, 'Carla Müller');
    assert.deepEqual([message.seq, message.direction, message.held], [1, 'incoming', false]);
    assert.deepEqual(snippet.hits, [{ at: 12, length: 6 }]);
  });

  has('a filed mail, a held one and its attachments are found', async ({ store }) => {
    const { reply_to } = await start(store, 'Hello');
    await store.setFeature('acme', 'inbound_emails', true);
    await store.setFeature('acme', 'hold_strangers', true);
    const destination = await destinationOf(store, reply_to!);
    await store.file(filing([destination], reading({ text: 'The invoice is wrong', subject: 'Zahlung' })));
    const stranger = reading({ text: 'Pay me instead', from: { name: 'Mallory', email: 'm@evil.example' } });
    await store.file(filing([destination], stranger));
    await store.file(filing([destination], null));
    await filled(store);
    assert.deepEqual(await texts(store, 'zahlung'), ['The invoice is wrong']);
    const { hits } = await store.search({ text: 'mallory', limit: 5 });
    assert.deepEqual(
      hits.map(({ message, snippet }) => [message.held, snippet.text]),
      [[true, 'Pay me instead']],
    );
    await store.dropMessage(hits[0]!.message.id);
    await filled(store);
    assert.equal((await store.search({ text: 'mallory', limit: 5 })).hits[0]!.message.held, false);
    assert.equal((await texts(store, 'original.eml')).length, 1);
  });

  has('what changes is found as it is now', async ({ store, wordsLike }) => {
    const { id, contact } = await start(store, 'Hi', { subject: 'Quixotic' });
    await filled(store);
    await store.setConversation({ id }, { subject: 'Zephyr' });
    await store.setContact(contact.id, { name: 'Wilhelmina', email: 'w@changed.example' });
    await filled(store);
    for (const [query, count] of [
      ['quixotic', 0],
      ['zephyr', 1],
      ['wilhelmina', 1],
      ['w@changed.example', 1],
    ] as const) {
      assert.equal((await texts(store, query)).length, count, query);
    }
    assert.deepEqual(await wordsLike('quixotic'), []);
  });

  has('a word of another account is not found, nor counted', async ({ store }) => {
    await addAccount(store, 'other');
    await start(store, 'Secret plan alpha');
    await start(store, 'Secret plan beta', { account: 'other' });
    await filled(store);
    assert.deepEqual(await texts(store, 'secret', 'acme'), ['Secret plan alpha']);
    assert.deepEqual(await texts(store, 'sec', 'other'), ['Secret plan beta']);
    assert.deepEqual(await texts(store, 'beta', 'acme'), []);
    assert.deepEqual(await texts(store, '#1', 'other'), ['Secret plan beta']);
    assert.equal((await texts(store, 'secret')).length, 2);
    await assert.rejects(store.search({ text: 'x', account: 'nobody', limit: 1 }), error =>
      isReplydError(error, 'account_not_found'),
    );
  });

  has('the newest come first, a page at a time, each once', async ({ store }) => {
    const ids: string[] = [];
    for (let count = 0; count < 23; count += 1) ids.push((await start(store, `order ${count}`)).id);
    await filled(store);
    for (const text of ['order', 'ord', '"order"', 'customer.example order']) {
      const found: string[] = [];
      let before: string | undefined;
      do {
        const page = await store.search({ text, limit: 5, ...(before === undefined ? {} : { before }) });
        assert.ok(page.hits.length <= 5);
        found.push(...page.hits.map(hit => hit.conversation.id));
        before = page.next ?? undefined;
      } while (before !== undefined);
      assert.deepEqual(found, [...ids].reverse(), text);
    }
  });

  has('what is removed leaves no word', async ({ store, wordsLike, isLeft }) => {
    await addAccount(store, 'other');
    const kept = await start(store, 'Kept forever', { email: 'kept@customer.example', name: 'Kept' });
    const removed = await start(store, 'Xylophone', { subject: 'Glockenspiel', name: 'Removed Person' });
    await start(store, 'Marimba', { email: 'gone@person.example', name: 'Gone' });
    await start(store, 'Vibraphone', { account: 'other' });
    await filled(store);
    assert.equal((await wordsLike('xylophone', 'marimba', 'vibraphone')).length, 3);
    await store.removeConversation({ id: removed.id });
    assert.deepEqual(await wordsLike('xylophone', 'glockenspiel'), []);
    const [gone] = await store.contacts({ email: 'gone@person.example', limit: 1 });
    await store.removeContact(gone!.id);
    assert.deepEqual(await wordsLike('marimba', 'gone@'), []);
    await store.removeAccount('other');
    assert.deepEqual(await wordsLike('vibraphone'), []);
    assert.deepEqual(await texts(store, 'forever'), ['Kept forever']);
    await store.setConversation({ id: kept.id }, { status: 'resolved' });
    const all = { raw: null, resolved: Date.now() + 60_000, deliveries: null, unfiled: null };
    while (Object.keys(await store.clearOld(all)).length > 0);
    assert.deepEqual(await wordsLike('forever', 'kept'), []);
    for (const part of ['xylophone', 'glockenspiel', 'marimba', 'vibraphone', 'forever'])
      assert.notEqual(isLeft?.(part), true, part);
    assert.deepEqual(await texts(store, 'forever'), []);
  });

  has('a message that goes before it was looked at comes no more', async ({ store, wordsLike }) => {
    const { id } = await start(store, 'Ephemeral');
    await store.removeConversation({ id });
    await filled(store);
    assert.deepEqual(await wordsLike('ephemeral'), []);
  });

  has('a message is found that was there before the index', async ({ store }) => {
    for (let count = 0; count < 600; count += 1) await start(store, `old ${count} antiquarian`);
    const first = await store.fillSearch();
    assert.equal(first.more, true);
    assert.deepEqual([first.progress.filled, first.progress.total], [false, 600]);
    await start(store, 'new antiquarian');
    await filled(store);
    assert.deepEqual(await store.searchProgress(), { done: 600, total: 600, filled: true });
    const { hits } = await store.search({ text: 'antiquarian', limit: 1_000 });
    assert.equal(hits.length, 601);
  });

  has('a token of a reply address is no word, and no beginning of one finds it', async ({ store, wordsLike }) => {
    const { reply_to } = await start(store, 'Hi');
    const token = /[0-9a-f]{32}/.exec(reply_to!)![0];
    await start(store, `They wrote to ${reply_to} and reply+imported-token-0123456789@reply.acme.example about plums`);
    await filled(store);
    assert.deepEqual(await wordsLike(token.slice(0, 8), 'imported', '0123456789'), []);
    for (const text of [token, token.slice(0, 5), `reply+${token.slice(0, 6)}`, 'imported-tok'])
      assert.deepEqual(await texts(store, `${text}`).catch(() => []), [], text);
    assert.equal((await texts(store, 'plums @reply.acme.example')).length, 1);
  });

  has('hostile queries are refused or answered', async ({ store }) => {
    await start(store, `It's a "test" of O'Neil's \\ and %_* signs, 100% AND OR NOT NEAR(a b)`);
    await filled(store);
    for (const text of ['', '  ', '"', '!!!', '()*:^', "'", '\\', '\0', `${'word '.repeat(17)}`])
      await assert.rejects(store.search({ text, limit: 5 }), error => isReplydError(error, 'invalid'), text);
    for (const text of [
      "o'neil",
      "x'); drop table message; --",
      '"a" OR "b" NEAR/3',
      'NEAR(a b)',
      `o'neil@x.example"`,
      'a*',
      'from:"',
      '\u{1f600} test',
      'x'.repeat(500),
      '注'.repeat(400),
      `${'@'.repeat(400)}a`,
      `${"'&|!():*<->".repeat(9)}a`,
      'a\\b',
    ]) {
      await store.search({ text, limit: 5 });
    }
    assert.equal((await texts(store, "o'neil test AND NOT")).length, 1);
  });
}
