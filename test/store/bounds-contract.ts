/** The store's contract: what one account or a stranger can make grow has a bound, and mail is filed beyond it all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { Store } from '#replyd/conversation/store.js';
import { destinationOf, filing, type Open, type Opened, reading } from './contract.js';

const PARTICIPANTS = 100;
const HOOKS = 20;

async function acme(store: Store): Promise<void> {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
}

const start = (store: Store, email: string) =>
  store.startConversation({ account: 'acme', channel: 'web_widget', contact: { email }, text: 'Hi', via: 'api' });

export function boundsContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('a conversation has so many participants; mail of others is filed, and says so', async ({ store }) => {
    await acme(store);
    const { id, reply_to } = await start(store, 'carla@customer.example');
    const destination = await destinationOf(store, reply_to!);
    const write = (number: number) => {
      const from = { name: '', email: `stranger${number}@flood.example` };
      const limits = { loopMessages: 1000, loopWindow: 60_000 };
      return store.file(filing([destination], reading({ text: `mail ${number}`, from }), { limits }));
    };
    for (let number = 1; number < PARTICIPANTS + 2; number += 1) {
      const [result] = await write(number);
      assert.equal(result?.kind, 'filed');
    }
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
