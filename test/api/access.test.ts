/** The gate between accounts: every verb that handlers have, with what belongs to another account. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountFor, type CallerStore, callerOfKey, conversationRef, redactor, storeFor } from '#replyd/api/access.js';
import { isReplydError } from '#replyd/base/errors.js';
import type { Caller } from '#replyd/conversation/ports.js';
import { picture, requests } from './every-route.js';
import { serve } from './served.js';

const NOBODY = { id: 'key_00000000000', role: null, agentId: null } as const;

test('no verb does anything with what is not the caller’s', async context => {
  const served = await serve(context);
  const { store } = served;
  const places = JSON.stringify(await requests(served));
  const id = (kind: string) => new RegExp(`"[^"]*/(${kind}_[0-9a-z]{11})`).exec(places)![1]!;
  const ref = { id: id('cv') };
  const account = 'acme';
  const foreign: Record<Exclude<keyof CallerStore, 'read'>, readonly unknown[]> = {
    conversation: [ref],
    setConversation: [ref, { status: 'resolved' }],
    seen: [{ account, number: 1 }],
    rotateToken: [ref],
    revokeToken: [ref],
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
    delivery: [id('dlv')],
    cancelDelivery: [id('dlv')],
    retryDeliveries: [{ id: id('dlv') }],
    hook: [id('hook')],
    rotateHook: [id('hook')],
    removeHook: [id('hook')],
    conversations: [{ account, limit: 5 }],
    contacts: [{ account, limit: 5 }],
    deliveries: [{ conversation: ref.id, limit: 5 }],
    hooks: [{ account }],
    startConversation: [{ account, channel: 'api', contact: {}, via: 'api' }],
    addHook: [{ account, url: 'https://app.example/' }],
  };
  const before = await picture(served);
  const callers: readonly Caller[] = [
    { ...NOBODY, kind: 'key', accounts: ['other'] },
    { ...NOBODY, kind: 'session', accounts: ['other'] },
    { ...NOBODY, kind: 'session', accounts: [] },
  ];
  for (const caller of callers) {
    const once = async () => assert.fail('it has run');
    type Verbs = Record<string, (...values: readonly unknown[]) => unknown>;
    const scoped = storeFor(store, caller) as unknown as Verbs;
    const scopedOnce = storeFor(store, caller, once) as unknown as Verbs;
    assert.deepEqual(Object.keys(scoped).sort(), [...Object.keys(foreign), 'read'].sort());
    for (const [verb, values] of Object.entries(foreign)) {
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
  assert.equal((await mine.conversations({ limit: 5 })).length, 2);
  assert.equal(
    (await storeFor(store, { ...NOBODY, kind: 'operator', accounts: null }).contacts({ limit: 5 })).length,
    2,
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
