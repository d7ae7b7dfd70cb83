/** The store's contract: what one account or a stranger can make grow has a bound, and mail is filed beyond it all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { Store } from '#replyd/conversation/store.js';
import { destinationOf, filing, type Open, type Opened, reading } from './contract.js';

const PARTICIPANTS = 100;
const HOOKS = 20;
/** More than two pieces of a long work. */
const MANY = 1_100;

async function acme(store: Store): Promise<void> {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
}

const start = (store: Store, email: string) =>
  store.startConversation({ account: 'acme', channel: 'web_widget', contact: { email }, text: 'Hi', via: 'api' });

async function strangersWrite(store: Store, replyTo: string, count: number): Promise<void> {
  const destination = await destinationOf(store, replyTo);
  const limits = { loopMessages: 1000, loopWindow: 60_000 };
  for (let number = 1; number <= count; number += 1) {
    const from = { name: '', email: `stranger${number}@flood.example` };
    const [result] = await store.file(filing([destination], reading({ text: `mail ${number}`, from }), { limits }));
    assert.equal(result?.kind, 'filed');
  }
}

export function boundsContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('a conversation has so many participants; mail of others is filed, and says so', async ({ store }) => {
    await acme(store);
    const { id, reply_to } = await start(store, 'carla@customer.example');
    await strangersWrite(store, reply_to!, PARTICIPANTS + 1);
    const shown = await store.conversation({ id }, { messages: 2 });
    assert.equal(shown.participants.length, PARTICIPANTS);
    const last = shown.messages!.at(-1)!;
    assert.equal(last.author.email, `stranger${PARTICIPANTS + 1}@flood.example`);
    assert.ok(last.evidence.includes(`did not join: the conversation has ${PARTICIPANTS} participants already`));
    const answer = (email: string) =>
      store.addMessage({ id }, { direction: 'outgoing', text: 'x', cc: [{ name: '', email }], via: 'api' });
    await answer('stranger1@flood.example');
    await assert.rejects(answer('new@flood.example'), error => isReplydError(error, 'too_many_participants'));
    assert.equal((await store.conversation({ id })).participants.length, PARTICIPANTS);
  });

  check("a contact's new address is his in a full conversation too, and adds nobody", async ({ store }) => {
    await acme(store);
    const { id, reply_to, contact } = await start(store, 'carla@customer.example');
    await strangersWrite(store, reply_to!, PARTICIPANTS - 1);
    await store.addMessage({ id }, { direction: 'outgoing', mail: 'now', text: 'y', via: 'api' });
    for (const email of ['new@customer.example', null, 'newest@customer.example'])
      await store.setContact(contact.id, { email });
    const shown = await store.conversation({ id });
    assert.equal(shown.participants.length, PARTICIPANTS);
    const [participant, ...others] = shown.participants.filter(each => each.role === 'contact');
    assert.deepEqual([participant?.email, participant?.reply_to, others], ['newest@customer.example', reply_to, []]);
    const deliveries = await store.deliveries({ conversation: id, limit: 9 });
    assert.deepEqual(
      deliveries.map(each => [each.recipient, each.reason]),
      [['newest@customer.example', null]],
    );
    const destination = await destinationOf(store, reply_to!);
    const from = { name: '', email: 'carla@customer.example' };
    const [filed] = await store.file(filing([destination], reading({ text: 'from my old address', from })));
    assert.equal(filed?.kind, 'filed');
    const last = (await store.conversation({ id }, { messages: 1 })).messages![0]!;
    assert.deepEqual([last.text, last.author.email], ['from my old address', 'carla@customer.example']);
  });

  check('an address that changes for ever adds only so many participants', async ({ store }) => {
    await acme(store);
    const { id, contact } = await start(store, 'carla@customer.example');
    for (let number = 1; number < PARTICIPANTS + 5; number += 1)
      await store.setContact(contact.id, { email: `carla${number}@customer.example` });
    const { participants, contact: shown } = await store.conversation({ id });
    assert.equal(participants.length, PARTICIPANTS);
    assert.equal(shown.email, `carla${PARTICIPANTS + 4}@customer.example`);
    assert.equal(participants.at(-1)!.email, shown.email);
  });

  check(
    'a new address is at once that of the latest conversations, of others with their next message',
    async ({ store }) => {
      await acme(store);
      const contact = { email: 'carla@customer.example' };
      const conversations = Array.from({ length: MANY }, (_, number) => {
        const token = number.toString(16).padStart(32, '0');
        return { account: 'acme', channel: 'email', contact, token, status: 'open' } as const;
      });
      assert.ok((await store.importConversations(conversations)).every(result => result === 'made'));
      const [{ id: contactId } = assert.fail()] = await store.contacts({ account: 'acme', limit: 1 });
      await store.setContact(contactId, { email: 'new@customer.example' });
      const addresses = async (number: number) =>
        (await store.conversation({ account: 'acme', number })).participants.map(each => each.email);
      assert.deepEqual(await addresses(MANY), [contact.email, 'new@customer.example']);
      assert.deepEqual(await addresses(1), [contact.email]);
      const first = { account: 'acme', number: 1 };
      const { deliveries } = await store.addMessage(first, {
        direction: 'outgoing',
        text: 'x',
        mail: 'now',
        via: 'api',
      });
      assert.deepEqual(
        deliveries.map(each => each.recipient),
        ['new@customer.example'],
      );
      assert.deepEqual(await addresses(1), [contact.email, 'new@customer.example']);
    },
  );

  check('what changes all deliveries of a kind lets others in meanwhile', async ({ store }) => {
    await acme(store);
    const { hook } = await store.addHook({ account: 'acme', url: 'https://hooks.example.com/' });
    const note = { direction: 'note', text: 'x', via: 'api' } as const;
    const { id } = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'carla@customer.example' },
      messages: Array.from({ length: MANY }, () => note),
      via: 'api',
    });
    const inState = async (state: 'waiting' | 'cancelled') =>
      (await store.deliveries({ state, limit: MANY * 2 })).filter(each => each.recipient === hook.url).length;
    const waiting = await inState('waiting');
    assert.ok(waiting >= MANY);
    /** What ends first: the work, or what somebody asks for when it has begun. */
    const first = async <T>(work: Promise<T>) => {
      const ended: string[] = [];
      const working = work.then(value => {
        ended.push('work');
        return value;
      });
      await store.seen({ id });
      ended.push('other');
      const value = await working;
      return { first: ended[0], value };
    };
    assert.deepEqual(await first(store.retryDeliveries('waiting')), { first: 'other', value: waiting });
    assert.equal((await first(store.disableHook(hook.id, 'gone'))).first, 'other');
    assert.deepEqual([await inState('waiting'), await store.pendingHooks()], [0, []]);
    assert.equal(await inState('cancelled'), waiting);
    assert.equal(await store.retryDeliveries('waiting'), 0);
  });

  check('an account has so many hooks, whatever another has', async ({ store }) => {
    await acme(store);
    await store.addAccount({ slug: 'other', domains: ['other.example.com'], support_email: 'support@example.com' });
    const add = (account: string) => store.addHook({ account, url: 'https://hooks.example.com/' });
    for (let count = 0; count < HOOKS; count += 1) await add('acme');
    await assert.rejects(add('acme'), error => isReplydError(error, 'too_many_hooks'));
    const [newest] = await store.hooks({ account: 'acme' });
    await store.removeHook(newest!.id);
    await add('acme');
    await add('other');
  });

  check('what can never be mailed is refused where it is given, and taken where it writes', async ({ store }) => {
    const refused = async (work: Promise<unknown>) =>
      assert.rejects(work, error => isReplydError(error, 'invalid_address') && /cannot be mailed/.test(error.message));
    const bad = `${'v'.repeat(65)}@customer.example`;
    await refused(store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'me@localhost' }));
    await acme(store);
    await refused(store.setAccount('acme', { support_email: 'support@[192.0.2.1]' }));
    await refused(start(store, bad));
    const { id, reply_to, contact } = await start(store, 'carla@customer.example');
    await refused(store.setContact(contact.id, { email: 'carla@customer' }));
    const cc = [{ name: '', email: bad }];
    await refused(store.addMessage({ id }, { direction: 'outgoing', text: 'x', cc, via: 'api' }));
    const destination = await destinationOf(store, reply_to!);
    const [filed] = await store.file(filing([destination], reading({ text: 'hello', from: { name: '', email: bad } })));
    assert.equal(filed?.kind, 'filed');
    assert.deepEqual(await store.contacts({ account: 'acme', email: bad, limit: 1 }), []);
  });
}
