/** The gate between accounts: every verb that handlers have, with what belongs to another account. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accountFor,
  type CallerStore,
  callerOfKey,
  callerOfSession,
  conversationRef,
  redactor,
  storeFor,
} from '#replyd/api/access.js';
import { isReplydError } from '#replyd/base/errors.js';
import type { Caller } from '#replyd/conversation/ports.js';
import { picture, requests } from './every-route.js';
import { serve, startConversation } from './served.js';

/** Of the whole store: refused to all others, whatever they are given. */
const OPERATORS = ['addAccount', 'equipAccount', 'keys', 'addKey', 'revokeKey', 'stats'];
const NOBODY = { id: 'key_00000000000', roles: null, agentId: null } as const;
const ADMIN = { ...NOBODY, kind: 'session', roles: new Map([['other', 'admin' as const]]) } as const;

test('no verb does anything with what is not the caller’s', async context => {
  const served = await serve(context);
  const { store } = served;
  const places = JSON.stringify(await requests(served));
  const id = (kind: string) => new RegExp(`"[^"]*/(${kind}_[0-9a-z]{11})`).exec(places)![1]!;
  const ref = { id: id('cv') };
  const account = 'acme';
  const foreign: Record<Exclude<keyof CallerStore, 'content'>, readonly unknown[]> = {
    conversation: [ref],
    setConversation: [ref, { status: 'resolved' }],
    seen: [{ account, number: 1 }],
    rotateToken: [ref],
    revokeToken: [ref],
    removeConversation: [ref],
    messages: [ref, { after: 0, limit: 5 }],
    addMessage: [ref, { direction: 'note', text: 'x', via: 'api' }],
    message: [id('msg')],
    mailOf: [id('msg')],
    releaseMessage: [id('msg')],
    dropMessage: [id('msg')],
    attachment: [id('att')],
    contact: [id('ct')],
    setContact: [id('ct'), { name: 'x' }],
    clearContact: [id('ct')],
    removeContact: [id('ct')],
    conversationsOf: [id('ct'), { after: null, limit: 5 }],
    delivery: [id('dlv')],
    cancelDelivery: [id('dlv')],
    retryDelivery: [id('dlv')],
    hook: [id('hook')],
    setHook: [id('hook'), { types: null }],
    rotateHook: [id('hook')],
    removeHook: [id('hook')],
    conversations: [{ account, limit: 5 }],
    contacts: [{ account, limit: 5 }],
    deliveries: [{ conversation: ref.id, limit: 5 }],
    hooks: [{ account }],
    search: [{ account, text: 'release', limit: 5 }],
    startConversation: [{ account, channel: 'api', contact: {}, via: 'api' }],
    addHook: [{ account, url: 'https://app.example/' }],
    assignConversation: [ref, null],
    addCc: [ref, { email: 'eve@other.example' }],
    removeCc: [ref, 'eve@other.example'],
    readConversation: [ref, { agent: id('agt') }],
    agents: [{ account }],
    addAgent: [{ account, email: 'eve@other.example', name: 'Eve' }],
    agentOf: ['other', id('agt')],
    account: [account],
    setAccount: [account, { name: 'x' }],
    setAgent: ['other', id('agt'), { name: 'x' }],
    removeAgent: ['other', id('agt')],
    disableAgent: ['other', id('agt')],
    enableAgent: ['other', id('agt')],
    newSignInLink: ['other', id('agt'), { shown: true }],
    mailSignInLink: [],
    me: [],
    accounts: [],
    addAccount: [],
    equipAccount: [],
    keys: [],
    addKey: [],
    revokeKey: [],
    stats: [],
    queue: [],
    setQueue: [{ paused: true }],
  };
  // Of what the gate gave out itself, of whoever asks, and of all accounts.
  const nobodys = ['mailSignInLink', 'me', 'queue', 'setQueue', 'accounts', ...OPERATORS];
  const before = await picture(served);
  const callers: readonly Caller[] = [
    { ...NOBODY, kind: 'key', accounts: ['other'] },
    { ...ADMIN, accounts: ['other'] },
    { ...ADMIN, accounts: [] },
  ];
  for (const caller of callers) {
    const once = async () => assert.fail('it has run');
    type Verbs = Record<string, (...values: readonly unknown[]) => unknown>;
    const scoped = storeFor(store, caller) as unknown as Verbs;
    const scopedOnce = storeFor(store, caller, once) as unknown as Verbs;
    assert.deepEqual(Object.keys(scoped).sort(), [...Object.keys(foreign), 'content'].sort());
    assert.deepEqual(
      ((await scoped.accounts!()) as readonly { slug: string }[]).map(({ slug }) => slug),
      caller.accounts,
    );
    for (const verb of OPERATORS) {
      for (const each of [scoped, scopedOnce])
        await assert.rejects(
          async () => each[verb]!({ account: null, slug: 'new' }, {}),
          error => isReplydError(error, 'operator_required'),
          verb,
        );
    }
    for (const [verb, values] of Object.entries(foreign)) {
      if (nobodys.includes(verb)) continue;
      for (const each of [scoped, scopedOnce]) {
        await assert.rejects(
          async () => each[verb]!(...values),
          error => isReplydError(error, 'not_found'),
          verb,
        );
      }
    }
  }
  assert.equal(await picture(served), before);
  const mine = storeFor(store, { ...NOBODY, kind: 'key', accounts: ['acme'] });
  assert.equal((await mine.conversations({ limit: 5 })).length, 4);
  assert.equal(
    (await storeFor(store, { ...NOBODY, kind: 'operator', accounts: null }).contacts({ limit: 5 })).length,
    4,
  );
});

test('a list without an account is of the only one, or of all for an operator', async context => {
  const { store } = await serve(context);
  const { key } = await store.addKey({ account: 'acme' });
  const one = callerOfKey(key);
  const all = callerOfKey((await store.addKey({ account: null })).key);
  const two: Caller = { ...one, kind: 'session', accounts: ['acme', 'other'] };
  assert.deepEqual(
    [one.kind, one.id, one.accounts, all.kind, all.accounts],
    ['key', key.id, ['acme'], 'operator', null],
  );
  assert.equal(accountFor(one, undefined), 'acme');
  assert.deepEqual(conversationRef(one, '7'), { account: 'acme', number: 7 });
  for (const caller of [all, two]) {
    for (const run of [() => accountFor(caller, undefined), () => conversationRef(caller, '7')]) {
      assert.throws(run, error => isReplydError(error, 'account_required'));
    }
    assert.equal(accountFor(caller, 'other'), 'other');
  }
  assert.deepEqual(await storeFor(store, two).hooks({ account: 'other' }), []);
  await assert.rejects(storeFor(store, two).hooks({}), error => isReplydError(error, 'account_required'));
  assert.equal(await redactor(store, all), null);
});

test('what is an admin’s is refused to other agents, also to admins of another account', async context => {
  const served = await serve(context);
  const { store } = served;
  const { id } = await startConversation(store);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://app.example/' });
  await store.addMessage({ id }, { direction: 'outgoing', text: 'x', mail: 'now', via: 'api' });
  const delivery = (await store.deliveries({ limit: 1 }))[0]!.id;
  const colleague = await store.addAgent({ account: 'acme', email: 'bo@acme.example', name: 'Bo' });
  const anna = await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna' });
  await store.addAgent({ account: 'other', email: 'anna@acme.example', name: 'Anna', role: 'admin' });
  const caller = callerOfSession({ id: 'ses_1', agent: await store.agent(anna.id) });
  assert.deepEqual([caller.accounts, caller.agentId], [['acme', 'other'], anna.id]);
  const scoped = storeFor(store, caller);
  const account = 'acme';
  const refused: readonly (() => Promise<unknown>)[] = [
    () => scoped.hook(hook.id),
    () => scoped.rotateHook(hook.id),
    () => scoped.removeHook(hook.id),
    () => scoped.hooks({ account }),
    () => scoped.addHook({ account, url: 'https://app.example/' }),
    () => scoped.deliveries({ account, limit: 5 }),
    () => scoped.deliveries({ account, conversation: id, limit: 5 }),
    () => scoped.delivery(delivery),
    () => scoped.cancelDelivery(delivery),
    () => scoped.retryDelivery(delivery),
    () => scoped.account(account),
    () => scoped.setAccount(account, { name: 'x' }),
    () => scoped.addAgent({ account, email: 'eve@acme.example', name: 'Eve' }),
    () => scoped.setAgent(account, colleague.id, { name: 'x' }),
    () => scoped.setAgent(account, anna.id, { role: 'admin' }),
    () => scoped.removeAgent(account, colleague.id),
    () => scoped.disableAgent(account, colleague.id),
    () => scoped.enableAgent(account, colleague.id),
    () => scoped.newSignInLink(account, colleague.id, { shown: true }),
    () => scoped.newSignInLink(account, colleague.id, { shown: false }),
  ];
  const before = await picture(served);
  for (const ask of refused) await assert.rejects(ask, error => isReplydError(error, 'admin_required'), String(ask));
  assert.equal(await picture(served), before);
  assert.equal((await scoped.agents({ account })).length, 2, 'colleagues are seen');
  assert.equal((await scoped.setAgent(account, anna.id, { name: 'Anna B.', notify: 'all' })).name, 'Anna B.');
  assert.equal((await scoped.account('other')).slug, 'other');
  assert.equal((await scoped.addAgent({ account: 'other', email: 'eve@other.example', name: 'Eve' })).name, 'Eve');
});

test('the queue is shown to whoever administers an account, and changed by whoever administers all', async context => {
  const { store } = await serve(context);
  const roles = (entries: Readonly<Record<string, 'admin' | 'agent'>>): Caller => ({
    ...{ kind: 'session', id: 'agt_00000000001', agentId: 'agt_00000000001' },
    ...{ accounts: Object.keys(entries), roles: new Map(Object.entries(entries)) },
  });
  const cases: readonly (readonly [Caller, shown: boolean, changed: boolean])[] = [
    [{ ...NOBODY, kind: 'operator', accounts: null }, true, true],
    [{ ...NOBODY, kind: 'key', accounts: ['acme'] }, true, false],
    [{ ...NOBODY, kind: 'key', accounts: ['acme', 'other'] }, true, true],
    [roles({ acme: 'admin' }), true, false],
    [roles({ acme: 'admin', other: 'agent' }), true, false],
    [roles({ acme: 'admin', other: 'admin' }), true, true],
    [roles({ acme: 'agent', other: 'agent' }), false, false],
    [roles({}), false, false],
  ];
  for (const [caller, shown, changed] of cases) {
    const scoped = storeFor(store, caller);
    const what = JSON.stringify([caller, [...(caller.roles ?? [])]]);
    if (shown) assert.equal((await scoped.queue()).can_change, changed, what);
    else await assert.rejects(scoped.queue(), error => isReplydError(error, 'admin_required'), what);
    const pause = () => scoped.setQueue({ paused: true, reason: 'moving' });
    if (changed) {
      const paused = await pause();
      assert.deepEqual([paused.paused, paused.reason, paused.can_change], ['operator', 'moving', true]);
      assert.equal((await store.destination('smarthost')).paused, 'operator');
      const resumed = await scoped.setQueue({ paused: false });
      assert.deepEqual([resumed.paused, resumed.reason, resumed.failures], [null, null, 0]);
    } else await assert.rejects(pause(), error => isReplydError(error, 'forbidden'), what);
    assert.equal((await store.destination('smarthost')).paused, null, what);
  }
  // A new account is one that she does not administer.
  const both = storeFor(store, roles({ acme: 'admin', other: 'admin' }));
  await store.addAccount({ slug: 'third', domains: ['third.example.com'], support_email: 'support@third.example' });
  assert.equal((await both.queue()).can_change, false);
  await assert.rejects(both.setQueue({ paused: true }), error => isReplydError(error, 'forbidden'));
  const reason = '450 4.2.1 <vera@customer-of-third.example> is full';
  await store.setDestination({ ...(await store.destination('smarthost')), paused: 'trouble', reason }, 'queue');
  assert.deepEqual([(await both.queue()).paused, (await both.queue()).reason], ['trouble', null]);
  assert.equal((await storeFor(store, { ...NOBODY, kind: 'operator', accounts: null }).queue()).reason, reason);
});
