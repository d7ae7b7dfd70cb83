/** The store's contract towards applications: keys, answers given once, hooks, events, continuity. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError, ReplydError } from '#replyd/base/errors.js';
import type { ComposeSnapshot } from '#replyd/conversation/composing.js';
import type { Outcome, WebhookParcel } from '#replyd/conversation/ports.js';
import type { NewConversation, Store } from '#replyd/conversation/store.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { destinationOf, filing, type Open, type Opened, reading } from './contract.js';

const FIRST = 'ev_00000000000';
const SENT = { kind: 'sent', response: '200' } as const;

async function started(store: Store, slug = 'acme') {
  await store.addAccount({ slug, domains: [`${slug}.example.com`], support_email: 'support@example.com' });
  return store.startConversation({
    account: slug,
    channel: 'whatsapp',
    source_id: 'wa-1',
    metadata: { page: 7 },
    contact: { email: 'carla@customer.example', name: 'Carla' },
    text: 'Hi',
    via: 'api',
  });
}

async function leaseAll(store: Store, name: string, now: number): Promise<readonly WebhookParcel[]> {
  const parcels = await store.lease(name, { now, limit: 50 });
  return parcels.filter((each): each is WebhookParcel => each.kind === 'webhook');
}

const typeOf = (parcel: WebhookParcel) => (JSON.parse(parcel.body) as { type: string }).type;

/** A fault with this code that names this contact. */
const matches = (error: unknown, { code, contact_id }: { readonly code: string; readonly contact_id: string }) =>
  error instanceof ReplydError && error.code === code && error.details.contact_id === contact_id;

export function applicationContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('a key is known by its secret alone, until it is revoked', async ({ store }) => {
    await started(store);
    const { key, secret } = await store.addKey({ account: 'acme', name: 'widget' });
    assert.match(secret, /^rpk_[\w-]{32}$/);
    assert.deepEqual([key.account, key.name, key.hint], ['acme', 'widget', secret.slice(0, 10)]);
    assert.deepEqual(await store.verifyKey(secret), key);
    const operator = await store.addKey({ account: null });
    assert.equal((await store.verifyKey(operator.secret))?.account, null);
    for (const wrong of ['', 'rpk_', secret.slice(0, -1), secret.toUpperCase(), `${secret} `, key.id]) {
      assert.equal(await store.verifyKey(wrong), null, wrong);
    }
    await store.keyUsed(key.id);
    assert.notEqual((await store.verifyKey(secret))?.last_used_at, null);
    assert.notEqual((await store.revokeKey(key.id)).revoked_at, null);
    assert.equal(await store.verifyKey(secret), null);
    assert.deepEqual(
      (await store.keys()).map(each => each.id),
      [operator.key.id, key.id],
    );
    assert.ok(!JSON.stringify(await store.keys()).includes(secret));
    await assert.rejects(store.addKey({ account: 'nobody' }), error => isReplydError(error, 'not_found'));
    await assert.rejects(store.revokeKey('key_00000000000'), error => isReplydError(error, 'not_found'));
  });

  check('what is asked for twice under one name happens once, for each caller', async ({ store }) => {
    const { id } = await started(store);
    const one = (await store.addKey({ account: 'acme' })).key.id;
    const two = (await store.addKey({ account: 'acme' })).key.id;
    const values: Parameters<Store['addMessage']> = [{ id }, { direction: 'note', text: 'once', via: 'api' }];
    const request = { caller: one, name: 'n-1', fingerprint: 'ab12' };
    const [first, again] = await Promise.all([
      store.once(request, 'addMessage', values),
      store.once(request, 'addMessage', values),
    ]);
    assert.deepEqual([first.repeated, again.repeated].sort(), [false, true]);
    assert.deepEqual(again.value, first.value);
    await assert.rejects(store.once({ ...request, fingerprint: 'cd34' }, 'addMessage', values), error =>
      isReplydError(error, 'invalid'),
    );
    assert.equal((await store.once({ ...request, caller: two }, 'addMessage', values)).repeated, false);
    const bad = { ...request, name: 'n-2' };
    await assert.rejects(
      store.once(bad, 'addMessage', [{ id: 'cv_00000000000' }, values[1]]),
      error => isReplydError(error, 'not_found'),
      'an error is not kept',
    );
    assert.equal((await store.once(bad, 'addMessage', values)).repeated, false);
    assert.equal((await store.messages({ id }, { after: 1, limit: 9 })).length, 3);
  });

  check(
    'events are told to hooks in the order of their conversation, and none to another account',
    async ({ store }) => {
      const { id } = await started(store);
      await started(store, 'other');
      const { hook, secret } = await store.addHook({ account: 'acme', url: 'https://app.example/hook' });
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      assert.deepEqual(await store.hooks({ account: 'other' }), []);
      assert.deepEqual(await store.hookSecrets(hook.id), [secret]);
      const { value: second } = {
        value: await store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' }),
      };
      await store.addMessage({ id }, { direction: 'incoming', text: 'one', via: 'api' });
      await store.addMessage({ id }, { direction: 'incoming', text: 'two', via: 'api' });
      await store.addMessage({ account: 'other', number: 1 }, { direction: 'incoming', text: 'secret', via: 'api' });
      assert.deepEqual(await store.pendingHooks(), [hook.id]);
      const now = Date.now() + 60_000;
      const first = await leaseAll(store, hook.id, now);
      const bodies = first.map(parcel => JSON.parse(parcel.body));
      assert.deepEqual(
        bodies.map(body => [body.type, body.conversation.id, body.message?.text ?? null]),
        [
          ['conversation.created', second.id, null],
          ['message.created', id, 'one'],
        ],
      );
      assert.deepEqual(
        [
          bodies[1].conversation.channel,
          bodies[1].conversation.source_id,
          bodies[1].conversation.metadata,
          bodies[1].seq,
        ],
        ['whatsapp', 'wa-1', { page: 7 }, 3],
      );
      assert.deepEqual(
        [first[1]!.url, first[1]!.secrets, first[1]!.eventId],
        ['https://app.example/hook', [secret], bodies[1].id],
      );
      assert.deepEqual(await leaseAll(store, hook.id, now), [], 'the next waits for the one before');
      await store.settle(first[1]!.deliveryId, { kind: 'retry', response: '500' }, { now, retryAt: now + 5 });
      assert.deepEqual(await leaseAll(store, hook.id, now), []);
      const [again] = await leaseAll(store, hook.id, now + 5);
      assert.deepEqual([again!.eventId, again!.attempt], [first[1]!.eventId, 2]);
      await store.settle(again!.deliveryId, SENT, { now, retryAt: null });
      const [next] = await leaseAll(store, hook.id, now + 5);
      assert.equal(JSON.parse(next!.body).message.text, 'two');
      const shown = await store.delivery(next!.deliveryId);
      assert.deepEqual(
        [shown.kind, shown.account, shown.conversation_id, shown.message_ids.length],
        ['webhook', 'acme', id, 1],
      );
      // The end of a webhook tells nothing: that would have to be told again.
      const before = await store.latestEvent();
      await store.settle(
        next!.deliveryId,
        { kind: 'failed', response: '410', suspend: false, refusedByPolicy: false },
        { now, retryAt: null },
      );
      assert.equal(await store.latestEvent(), before);
      // A hook's own deliveries, and those of no other.
      const { hook: another } = await store.addHook({ account: 'acme', url: 'https://app.example/another' });
      const failures = await store.deliveries({ hook: hook.id, state: 'failed', limit: 9 });
      assert.deepEqual(
        failures.map(each => [each.id, each.recipient, each.last_error]),
        [[next!.deliveryId, 'https://app.example/hook', '410']],
      );
      assert.ok((await store.deliveries({ hook: hook.id, limit: 9 })).length > 2);
      assert.deepEqual(await store.deliveries({ hook: another.id, limit: 9 }), []);
      await assert.rejects(store.deliveries({ hook: 'hook_00000000000', limit: 9 }), error =>
        isReplydError(error, 'hook_not_found'),
      );
    },
  );

  check('seen words take no webhook with them', async ({ store }) => {
    const { id } = await started(store);
    const { hook } = await store.addHook({ account: 'acme', url: 'http://app.example' });
    await store.addMessage({ id }, { direction: 'outgoing', text: 'there?', via: 'api' });
    await store.seen({ id });
    const now = Date.now() + 60_000;
    const told: string[] = [];
    for (
      let parcels = await leaseAll(store, hook.id, now);
      parcels.length > 0;
      parcels = await leaseAll(store, hook.id, now)
    ) {
      told.push(...parcels.map(typeOf));
      for (const parcel of parcels) await store.settle(parcel.deliveryId, SENT, { now, retryAt: null });
    }
    assert.deepEqual(told, ['message.created', 'message.updated']);
  });

  check('a hook rotates, fails, is switched off with what waits, comes back and goes', async ({ store }) => {
    const { id } = await started(store);
    for (const url of [
      '',
      'app.example',
      'ftp://app.example',
      'https://user:pw@app.example/',
      `https://a.example/${'x'.repeat(3000)}`,
    ]) {
      await assert.rejects(store.addHook({ account: 'acme', url }), error => isReplydError(error, 'invalid'), url);
    }
    const { hook, secret } = await store.addHook({ account: 'acme', url: 'http://app.example' });
    const rotated = await store.rotateHook(hook.id);
    assert.deepEqual(await store.hookSecrets(hook.id), [rotated.secret, secret]);
    const now = Date.now();
    const trouble = {
      name: hook.id,
      paused: 'trouble' as const,
      reason: 'refused',
      nextProbeAt: now + 9000,
      failures: 1,
    };
    await store.setDestination(trouble, 'queue');
    const failing = await store.hook(hook.id);
    assert.deepEqual([failing.state, failing.reason, failing.failing_since !== null], ['on', 'refused', true]);
    await store.setDestination({ ...trouble, paused: null, reason: null, nextProbeAt: null, failures: 0 }, 'queue');
    assert.equal((await store.hook(hook.id)).failing_since, null);
    await store.setDestination(trouble, 'queue');
    await store.addMessage({ id }, { direction: 'note', text: 'lost on him', via: 'api' });
    await store.disableHook(hook.id, 'gone');
    await store.addMessage({ id }, { direction: 'note', text: 'not queued', via: 'api' });
    assert.deepEqual([(await store.hook(hook.id)).state, await store.pendingHooks()], ['off', []]);
    const last = (await store.events({ account: 'acme', after: FIRST, limit: 99 })).filter(
      each => each.type === 'hook.disabled',
    );
    assert.deepEqual(
      last.map(each => [each.seq, each.conversation, each.data]),
      [[0, null, { hook_id: hook.id, url: 'http://app.example/', reason: 'gone' }]],
    );
    await store.enableHook(hook.id);
    assert.equal((await store.destination(hook.id)).paused, null);
    await store.addMessage({ id }, { direction: 'note', text: 'queued', via: 'api' });
    assert.deepEqual(await store.pendingHooks(), [hook.id]);
    await store.removeHook(hook.id);
    assert.deepEqual([await store.pendingHooks(), await store.hooks({})], [[], []]);
    await assert.rejects(store.hook(hook.id), error => isReplydError(error, 'not_found'));
  });

  check('settling again in the same way is true, whatever became of the first answer', async ({ store }) => {
    const { id } = await started(store);
    const { hook } = await store.addHook({ account: 'acme', url: 'http://app.example/' });
    await store.addMessage({ id }, { direction: 'note', text: 'told', via: 'api' });
    const now = Date.now() + 1000;
    const retry = { kind: 'retry', response: '500' } as const;
    const retryAt = now + 5000;
    const [first] = await leaseAll(store, hook.id, now);
    const { deliveryId, lease } = first!;
    const settle = (outcome: Outcome, at: number | null, of = lease) =>
      store.settle(deliveryId, outcome, { now, retryAt: at, lease: of });
    await store.voidLost(hook.id, []);
    assert.equal(await settle(retry, retryAt), false, 'its lease ended');
    const [{ lease: second }] = (await leaseAll(store, hook.id, now)) as [WebhookParcel];
    assert.equal(await settle(retry, retryAt, second), true);
    assert.equal(await settle(retry, retryAt, second), true, 'the same again');
    assert.equal(await settle(retry, retryAt + 1, second), false);
    assert.equal(await settle(SENT, null, second), false);
    assert.equal(await settle(retry, retryAt), false, 'of the lease before');
    const [{ lease: third }] = (await leaseAll(store, hook.id, retryAt)) as [WebhookParcel];
    assert.equal(await settle(SENT, null, third), true);
    assert.equal(await settle(SENT, null, third), true);
    assert.equal((await store.delivery(deliveryId)).state, 'sent');
    assert.equal((await store.delivery(deliveryId)).attempts, 3);
  });

  check(
    'a hook that was removed leaves nothing of its queue, whoever still works on it',
    async ({ store, destinations }) => {
      const { id } = await started(store);
      const { hook } = await store.addHook({ account: 'acme', url: 'http://app.example/' });
      await store.addMessage({ id }, { direction: 'note', text: 'told', via: 'api' });
      const [parcel] = await store.lease(hook.id, { now: Date.now() + 1000, limit: 1 });
      await store.settle(parcel!.deliveryId, { kind: 'retry', response: '500' }, { now: Date.now(), retryAt: null });
      // The removal and what the queue was about to do.
      const trouble = { name: hook.id, paused: 'trouble', reason: 'x', nextProbeAt: Date.now(), failures: 1 } as const;
      await Promise.all([
        store.removeHook(hook.id),
        store.lease(hook.id, { now: Date.now() + 1000, limit: 1 }),
        store.setDestination(trouble, 'queue'),
      ]);
      await store.setDestination(trouble, 'queue');
      await store.lease(hook.id, { now: Date.now() + 1000, limit: 1 });
      await store.voidLost(hook.id, []);
      assert.equal((await store.destination(hook.id)).paused, null);
      // What had failed is kept, and an operator may have it tried again.
      await store.retryDelivery(parcel!.deliveryId);
      assert.deepEqual(await store.lease(hook.id, { now: Date.now() + 1000, limit: 1 }), []);
      assert.equal((await store.delivery(parcel!.deliveryId)).state, 'cancelled');
      if (destinations) assert.deepEqual(await destinations(), []);
    },
  );

  check('events are read in order from any place, and a place that is gone is known', async ({ store }) => {
    assert.equal(await store.latestEvent(), FIRST);
    const { id } = await started(store);
    await started(store, 'other');
    await store.addMessage({ id }, { direction: 'note', text: 'n', via: 'api' });
    const all = await store.events({ account: 'acme', after: FIRST, limit: 99 });
    assert.deepEqual(
      all.map(each => [each.type, each.seq, each.account]),
      [
        ['conversation.created', 1, 'acme'],
        ['message.created', 2, 'acme'],
        ['message.created', 3, 'acme'],
      ],
    );
    assert.equal((await store.events({ after: FIRST, limit: 99 })).length, 5);
    assert.deepEqual(await store.events({ account: 'acme', after: all[1]!.id, limit: 99 }), [all[2]]);
    assert.deepEqual(await store.events({ account: 'acme', after: await store.latestEvent(), limit: 9 }), []);
    const cases: [string, boolean][] = [
      [all[0]!.id, true],
      [FIRST, true],
      ['', false],
      ['7', false],
      [id, false],
      ['ev_zzzzzzzzzz0', false],
    ];
    for (const [place, can] of cases) assert.equal(await store.canResume(place, 'acme'), can, place);
    const tomorrow = Date.now() + 86_400_000;
    assert.equal(await store.clearEvents({ before: tomorrow, answersBefore: 0, limit: 1 }), 1);
    assert.equal(await store.canResume(FIRST, 'acme'), false);
    assert.equal(await store.canResume(FIRST, 'other'), true, 'nothing of the other account is gone');
    assert.equal(await store.canResume(all[0]!.id, 'acme'), true, 'he has seen what is gone');
    const latest = await store.latestEvent();
    assert.equal(await store.clearEvents({ before: tomorrow, answersBefore: 0, limit: 99 }), 4);
    assert.equal(await store.clearEvents({ before: tomorrow, answersBefore: 0, limit: 99 }), 0);
    assert.equal(await store.canResume(latest), true);
    assert.equal(await store.latestEvent(), latest);
  });

  check('every id knows its account', async ({ store }) => {
    const { id, contact } = await started(store);
    const message = await store.addMessage({ id }, { direction: 'outgoing', text: 'x', mail: 'now', via: 'api' });
    const { hook } = await store.addHook({ account: 'acme', url: 'http://app.example' });
    for (const each of [id, contact.id, message.id, message.deliveries[0]!.id, hook.id]) {
      assert.equal(await store.accountOf(each), 'acme', each);
    }
    assert.equal(await store.accountOf('mail_00000000000'), null);
    assert.equal(await store.accountOf('nonsense'), null);
    assert.equal(await store.accountOf('cv_00000000000'), null);
  });

  check('a conversation begins with its history, which is not mailed and answers nothing', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const at = '2024-05-01T10:00:00.000Z';
    const { id } = await store.startConversation({
      account: 'acme',
      channel: 'facebook',
      contact: { email: 'carla@customer.example', source_id: 'fb-9' },
      messages: [
        { direction: 'incoming', text: 'Hello', source_id: 'm1', created_at: at, via: 'api' },
        { direction: 'outgoing', text: 'Hi', source_id: 'm2', created_at: at, format: 'plain', via: 'api' },
        { direction: 'incoming', text: 'again', source_id: 'm1', created_at: at, via: 'api' },
      ],
      via: 'api',
    });
    const shown = await store.conversation({ id });
    assert.deepEqual(
      shown.messages!.map(each => [each.seq, each.text, each.date, each.format, each.mail.reason]),
      [
        [1, 'Hello', at, 'plain', null],
        [2, 'Hi', at, 'plain', 'never'],
      ],
    );
    const waiting = await store.addMessage({ id }, { direction: 'outgoing', text: 'now', via: 'api' });
    await store.addMessage({ id }, { direction: 'incoming', text: 'old', created_at: at, via: 'api' });
    assert.deepEqual((await store.message(waiting.id)).mail, { state: 'waiting', reason: 'delay' });
    assert.deepEqual(
      (await store.conversation({ id }, { messages: 2 })).messages!.map(each => each.seq),
      [3, 4],
    );
    assert.deepEqual(
      (await store.messages({ id }, { after: 1, limit: 2 })).map(each => each.seq),
      [2, 3],
    );
  });

  check('a revoked token is dead and no other takes its place', async ({ store }) => {
    const { id, reply_to } = await started(store);
    const shown = await store.revokeToken({ id });
    assert.deepEqual([shown.reply_to, shown.participants[0]!.revoked], [null, true]);
    assert.equal((await store.resolve(reply_to!)).kind, 'unknown');
    assert.notEqual((await store.rotateToken({ id })).reply_to, null);
  });

  check('a held message is in nobody else’s mail', async ({ store }) => {
    const { id, reply_to } = await started(store);
    await store.setFeature('acme', 'hold_strangers', true);
    const stranger = { name: 'Eve', email: 'eve@other.example' };
    await store.file(filing([await destinationOf(store, reply_to!)], reading({ text: 'send me all', from: stranger })));
    await store.file(
      filing([await destinationOf(store, reply_to!)], reading({ text: 'I am away', kind: 'auto_reply' })),
    );
    await store.addMessage({ id }, { direction: 'outgoing', text: 'Hello', mail: 'now', via: 'api' });
    const snapshot = await store.composeSnapshot(id, { now: Date.now() + 1000, context: 10 });
    assert.deepEqual(
      snapshot!.quoted[0]!.map(each => each.text),
      ['Hi'],
    );
  });

  check('settings of an account go before those of the configuration', async ({ store }) => {
    const { id } = await started(store);
    await store.setAccount('acme', { settings: { delay: 3_600_000, context: 0 } });
    const message = await store.addMessage({ id }, { direction: 'outgoing', text: 'later', via: 'api' });
    const due = Date.parse(message.deliveries[0]!.next_attempt_at!);
    assert.ok(due > Date.now() + 3_000_000);
    assert.deepEqual((await store.composeSnapshot(id, { now: due, context: 10 }))!.quoted, [[]]);
    await store.setAccount('acme', { settings: { channels_off: ['whatsapp'] } });
    const off = await store.addMessage({ id }, { direction: 'outgoing', text: 'off', via: 'api' });
    assert.deepEqual(off.mail, { state: 'not_mailed', reason: 'channel_off' });
    const now = await store.addMessage({ id }, { direction: 'outgoing', text: 'now', mail: 'now', via: 'api' });
    assert.deepEqual(now.mail, { state: 'queued', reason: null }, 'an agent who says now is obeyed');
    assert.deepEqual(
      (await store.composeSnapshot(id, { now: Date.now(), context: 10 }))!.unmailed.map(each => each.text),
      ['later', 'now'],
      'what waits goes with it',
    );
    await store.setAccount('acme', { settings: { channels_off: [] } });
    const mail = await store.startConversation({
      account: 'acme',
      channel: 'email',
      contact: { email: 'x@y.example' },
      via: 'api',
    });
    const direct = await store.addMessage({ id: mail.id }, { direction: 'outgoing', text: 'hi', via: 'api' });
    assert.deepEqual(direct.mail, { state: 'queued', reason: null }, 'no delay in the channel email');
  });
}

/** Those whose point is the time: only for stores whose clock is the test's. */
export function continuityContract(name: string, open: Open): void {
  const check = (
    title: string,
    run: (opened: Opened & { later: (ms: number) => void; now: () => number }) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, async context => {
      const opened = await open(context);
      await run({ ...opened, later: opened.later!, now: opened.now! });
    });
  const outgoing = (text: string) => ({ direction: 'outgoing', text, via: 'api' }) as const;

  check('the first unmailed word sets the time of all', async ({ store, later, now }) => {
    const { id } = await started(store);
    const start = now();
    await store.addMessage({ id }, outgoing('one'));
    later(90_000);
    await store.addMessage({ id }, outgoing('two'));
    assert.equal(await store.nextComposeAt(), start + 120_000);
    assert.deepEqual(await store.dueConversations({ now: start + 119_999, limit: 9 }), []);
    later(30_000);
    assert.deepEqual(await store.dueConversations({ now: now(), limit: 9 }), [id]);
    const snapshot = await store.composeSnapshot(id, { now: now(), context: 10 });
    assert.deepEqual(
      snapshot!.unmailed.map(each => each.text),
      ['one', 'two'],
    );
  });

  check('a conversation whose source id is posted again is that conversation', async ({ store }) => {
    const { id, contact } = await started(store);
    const again = { account: 'acme', channel: 'whatsapp', source_id: 'wa-1', via: 'api' } as const;
    const said = (source_id: string | null) =>
      ({ direction: 'incoming', text: `said ${source_id}`, source_id, via: 'api' }) as const;
    const posted = await store.startConversation({
      ...again,
      subject: 'Another',
      metadata: { page: 8 },
      contact: { email: 'Carla@Customer.example', name: 'C.', source_id: 'u-1' },
      text: 'Hi',
      messages: [said('m-1'), said(null)],
    });
    assert.deepEqual([posted.id, posted.known, posted.subject, posted.metadata], [id, true, null, { page: 7 }]);
    assert.deepEqual([posted.contact.id, posted.contact.name], [contact.id, 'Carla']);
    assert.equal((await store.contact(contact.id)).source_id, 'u-1');
    const texts = async () => (await store.messages({ id }, { after: 0, limit: 10 })).map(each => each.text);
    assert.deepEqual(await texts(), ['Hi', 'said m-1'], 'a message without a source id is taken to be there');
    const twice = await store.startConversation({ ...again, contact: {}, messages: [said('m-1'), said('m-2')] });
    assert.deepEqual([twice.id, twice.contact.id], [id, contact.id], 'nobody is named: no contact is made');
    assert.deepEqual(await texts(), ['Hi', 'said m-1', 'said m-2']);
    assert.equal((await store.contacts({ limit: 10 })).length, 1);

    const inLine = await store.startConversation({ ...again, channel: 'line', contact: { source_id: 'u-1' } });
    assert.deepEqual([inLine.known, inLine.number], [undefined, 2], 'of another channel');
    await store.addAccount({ slug: 'other', domains: ['other.example.com'], support_email: 'o@example.com' });
    const others = await store.startConversation({ ...again, account: 'other', contact: { source_id: 'u-1' } });
    assert.equal(others.known, undefined, 'of another account');
    await store.removeConversation({ id });
    const fresh = await store.startConversation({ ...again, contact: { source_id: 'u-1' } });
    assert.deepEqual([fresh.known, fresh.number], [undefined, 3], 'the old one is gone');
  });

  check('the same source id posted at the same time makes one conversation', async ({ store }) => {
    await started(store);
    const posts = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        store.startConversation({
          account: 'acme',
          channel: 'api',
          source_id: 'chat-1',
          contact: { source_id: 'u-1' },
          messages: [{ direction: 'incoming', text: 'one', source_id: `m-${at % 3}`, via: 'api' }],
          via: 'api',
        }),
      ),
    );
    assert.equal(new Set(posts.map(each => each.id)).size, 1);
    assert.equal(posts.filter(each => each.known).length, 11);
    assert.equal((await store.messages({ id: posts[0]!.id }, { after: 0, limit: 20 })).length, 3);
  });

  check('a conversation posted again with another contact is a conflict, and changes nothing', async ({ store }) => {
    const { id, contact } = await started(store);
    const post = (who: NewConversation['contact']) =>
      store.startConversation({ account: 'acme', channel: 'whatsapp', source_id: 'wa-1', contact: who, via: 'api' });
    const bo = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'bo@customer.example', source_id: 'bo' },
      via: 'api',
    });
    const conflict = async (asked: Promise<unknown>, code: string, contact_id: string) =>
      assert.rejects(asked, error => matches(error, { code, contact_id }));
    await conflict(post({ email: 'bo@customer.example' }), 'source_id_taken', contact.id);
    await conflict(post({ source_id: 'bo' }), 'source_id_taken', contact.id);
    await conflict(post({ email: 'new@customer.example' }), 'source_id_taken', contact.id);
    await conflict(post({ email: 'bo@customer.example', source_id: 'carla' }), 'address_taken', bo.contact.id);
    assert.deepEqual((await store.contact(contact.id)).source_id, null);
    assert.equal((await store.contacts({ limit: 10 })).length, 2);
    assert.equal((await post({ email: 'carla@customer.example', source_id: 'carla' })).id, id);
    await conflict(post({ source_id: 'eve' }), 'source_id_taken', contact.id);
  });

  check('what is said again of a conversation brings no event', async ({ store }) => {
    const { id } = await started(store);
    const before = await store.latestEvent();
    const change = { status: 'resolved', subject: 'The lamp', metadata: { order: '7' } } as const;
    for (const each of [change, change, {}, { ...change, subject: 'The lamps' }, { status: 'resolved' } as const])
      await store.setConversation({ id }, each);
    const events = await store.events({ after: before, limit: 10 });
    assert.deepEqual(
      events.map(({ type, data }) => [type, data.changed]),
      [
        ['conversation.updated', ['status', 'subject', 'metadata']],
        ['conversation.updated', ['subject']],
      ],
    );
    assert.equal((await store.conversation({ id })).subject, 'The lamps');
  });

  check('a hook hears of the types of events that it is for', async ({ store }) => {
    const { id } = await started(store);
    const url = 'https://app.example/';
    const { hook: all } = await store.addHook({ account: 'acme', url });
    const types = ['message.created', 'conversation.updated', 'message.created'] as const;
    const { hook: some } = await store.addHook({ account: 'acme', url, types });
    assert.deepEqual([all.types, some.types], [null, ['message.created', 'conversation.updated']]);
    const { hook: none } = await store.addHook({ account: 'acme', url, types: ['hook.disabled'] });
    await store.addMessage({ id }, { direction: 'note', text: 'x', via: 'api' });
    await store.setConversation({ id }, { status: 'resolved' });
    await store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
    const heard = async (hook: string): Promise<readonly string[]> => {
      const now = Date.now() + 1000;
      const parcels = await leaseAll(store, hook, now);
      for (const parcel of parcels) await store.settle(parcel.deliveryId, SENT, { now, retryAt: null });
      return parcels.length === 0 ? [] : [...parcels.map(typeOf), ...(await heard(hook))].sort();
    };
    assert.deepEqual(await heard(some.id), ['conversation.updated', 'message.created']);
    assert.deepEqual(await heard(all.id), ['conversation.created', 'conversation.updated', 'message.created']);
    assert.deepEqual(await heard(none.id), []);
    assert.deepEqual((await store.setHook(none.id, { types: null })).types, null);
    await store.addMessage({ id }, { direction: 'note', text: 'y', via: 'api' });
    assert.deepEqual(await heard(none.id), ['message.created']);
    await assert.rejects(store.setHook('hook_00000000000', {}), error => isReplydError(error, 'hook_not_found'));
  });

  check('lists of conversations and messages go both ways', async ({ store }) => {
    const { id } = await started(store);
    const open = () => store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
    const all = [id, (await open()).id, (await open()).id, (await open()).id];
    await store.setConversation({ id: all[1]! }, { status: 'resolved' });
    const ids = async (filter: Partial<Parameters<Store['conversations']>[0]>) =>
      (await store.conversations({ limit: 9, ...filter })).map(each => each.id);
    assert.deepEqual(await ids({ order: 'oldest' }), all);
    assert.deepEqual(await ids({ order: 'oldest', before: all[0]!, limit: 2 }), all.slice(1, 3));
    assert.deepEqual(await ids({ order: 'newest', before: all[3]!, limit: 2 }), [all[2], all[1]]);
    assert.deepEqual(await ids({ updated_before: '2024-01-01T00:00:00Z' }), []);
    for (const text of ['one', 'two']) await store.addMessage({ id }, { direction: 'note', text, via: 'api' });
    const texts = async (options: Parameters<Store['messages']>[1]) =>
      (await store.messages({ id }, options)).map(each => each.text);
    assert.deepEqual(await texts({ before: null, limit: 9 }), ['two', 'one', 'Hi']);
    assert.deepEqual(await texts({ before: 3, limit: 1 }), ['one']);
    assert.deepEqual(await texts({ after: 1, limit: 1 }), ['one']);
    const named = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { source_id: 'u-9' },
      via: 'api',
    });
    assert.deepEqual(
      (await store.contacts({ source_id: 'u-9', limit: 9 })).map(each => each.id),
      [named.contact.id],
    );
  });

  check('the conversations of a contact are listed, the oldest first', async ({ store }) => {
    const { id, contact } = await started(store);
    const open = (who: NewConversation['contact']) =>
      store.startConversation({ account: 'acme', channel: 'api', contact: who, via: 'api' });
    const own = [id];
    for (let count = 0; count < 3; count += 1) own.push((await open({ email: 'carla@customer.example' })).id);
    await open({ email: 'bo@customer.example' });
    assert.deepEqual(await store.conversationsOf(contact.id, { after: null, limit: 10 }), own);
    assert.deepEqual(await store.conversationsOf(contact.id, { after: own[0]!, limit: 2 }), own.slice(1, 3));
    await assert.rejects(store.conversationsOf('ct_00000000000', { after: null, limit: 1 }), error =>
      isReplydError(error, 'contact_not_found'),
    );
  });

  check('the source id of a contact binds to the contact of the address, or says why not', async ({ store }) => {
    const { contact } = await started(store);
    const open = (who: NewConversation['contact']) =>
      store.startConversation({ account: 'acme', channel: 'api', contact: who, via: 'api' });
    const email = 'carla@customer.example';
    const bound = await open({ email, source_id: 'u-1' });
    assert.deepEqual([bound.contact.id, (await store.contact(contact.id)).source_id], [contact.id, 'u-1']);
    assert.equal((await open({ source_id: 'u-1' })).contact.id, contact.id);
    const taken = (asked: Promise<unknown>) =>
      assert.rejects(asked, error => matches(error, { code: 'address_taken', contact_id: contact.id }));
    await taken(open({ email, source_id: 'u-2' }));
    const visitor = await open({ source_id: 'u-3' });
    await taken(open({ email, source_id: 'u-3' }));
    assert.equal((await store.contact(visitor.contact.id)).email, null);
    assert.equal((await store.conversations({ limit: 10 })).length, 4, 'what was refused made nothing');
  });

  check('what waited for an address keeps the time it would have had', async ({ store, later, now }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const start = now();
    const conversation = (contact: { source_id: string }) =>
      store.startConversation({ account: 'acme', channel: 'line', contact, via: 'api' });
    const early = await conversation({ source_id: 'u1' });
    const late = await conversation({ source_id: 'u2' });
    const message = await store.addMessage({ id: early.id }, outgoing('one'));
    await store.addMessage({ id: late.id }, outgoing('two'));
    assert.deepEqual(message.mail, { state: 'waiting', reason: 'no_address' });
    assert.equal(await store.nextComposeAt(), null);
    later(30_000);
    await store.setContact(early.contact.id, { email: 'u1@customer.example' });
    assert.deepEqual((await store.message(message.id)).mail, { state: 'waiting', reason: 'delay' });
    assert.equal(await store.nextComposeAt(), start + 120_000);
    later(500_000);
    await store.setContact(late.contact.id, { email: 'u2@customer.example' });
    assert.deepEqual(await store.dueConversations({ now: now(), limit: 9 }), [early.id, late.id]);
  });

  check(
    'a later word that is to go at once brings the time forward, with an address or without',
    async ({ store, now }) => {
      await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
      const { id, contact } = await store.startConversation({
        account: 'acme',
        channel: 'line',
        contact: {},
        via: 'api',
      });
      await store.addMessage({ id }, outgoing('one'));
      await store.addMessage({ id }, { ...outgoing('two'), mail: 'now' });
      await store.setContact(contact.id, { email: 'u1@customer.example' });
      assert.deepEqual(await store.dueConversations({ now: now(), limit: 9 }), [id]);
    },
  );

  const composed = async (store: Store, id: string, mail: ComposeSnapshot) => {
    const mailId = store.mintMailId();
    const bytes = Buffer.from(mailId);
    const saved = await store.saveComposed({
      mailId,
      conversationId: id,
      messageId: `${mailId}@reply.example.com`,
      subject: 'Hello',
      messageIds: mail.unmailed.map(message => message.id),
      inReplyTo: null,
      references: [],
      raw: await store.place({ bytes }, factsOf(bytes)),
      copies: mail.copies.map(copy => ({ deliveryId: copy.deliveryId, head: '', mailFrom: 'bounce@example.com' })),
    });
    assert.ok(saved);
  };

  check('a mail carries 100 messages, the next one the rest, in their order', async ({ store, now }) => {
    const { id } = await started(store);
    const cc = [{ name: 'Ben', email: 'ben@other.example' }];
    for (let count = 0; count < 230; count += 1)
      await store.addMessage({ id }, { ...outgoing(`${count}`), ...(count < 120 ? {} : { cc }) });
    await store.addMessage({ id }, { ...outgoing('at once'), mail: 'now' });
    const mails: { to: number; texts: string[] }[] = [];
    for (;;) {
      assert.deepEqual(await store.dueConversations({ now: now(), limit: 9 }), mails.length < 4 ? [id] : []);
      const mail = await store.composeSnapshot(id, { now: now(), context: 0 });
      if (mail === null) break;
      mails.push({ to: mail.copies.length, texts: mail.unmailed.map(message => message.text) });
      await composed(store, id, mail);
    }
    const shown = mails.map(({ to, texts }) => `${to}: ${texts[0]} to ${texts.at(-1)}, ${texts.length}`);
    const contact = ['1: 0 to 99, 100', '1: 100 to 199, 100'];
    assert.deepEqual(
      shown,
      [...contact, '1: 120 to 219, 100', '2: 200 to at once, 31'],
      'the contact, the contact, Ben, both',
    );
  });

  check('texts that are too large together go with mails of their own', async ({ store, later, now }) => {
    const { id } = await started(store);
    const texts = ['a', 'b', 'c'].map(letter => letter.repeat(100_000));
    for (const text of texts) await store.addMessage({ id }, outgoing(text));
    later(120_000);
    const mail = await store.composeSnapshot(id, { now: now(), context: 0 });
    assert.deepEqual(
      mail!.unmailed.map(message => message.text),
      [texts[0]],
      'outbound.max_size is 1 MB here, and text may grow to six times its size',
    );
  });

  check('what waits for many mails is dropped whole when the contact saw it', async ({ store, later }) => {
    const { id } = await started(store);
    for (let count = 0; count < 205; count += 1) await store.addMessage({ id }, outgoing(`${count}`));
    await store.addMessage({ id }, { ...outgoing('at all events'), mail: 'now', delay: 60_000 });
    await store.seen({ id });
    later(120_000);
    const all = await store.messages({ id }, { after: 1, limit: 500 });
    const states = all.map(message => message.mail.reason ?? message.mail.state);
    assert.deepEqual([...new Set(states.slice(0, 205))], ['seen']);
    assert.equal(states[205], 'delay');
    assert.equal(all[0]!.deliveries.length, 0);
  });

  check('old answers and events are cleared by their age', async ({ store, later, now }) => {
    const { id } = await started(store);
    const caller = (await store.addKey({ account: 'acme' })).key.id;
    const ask = () =>
      store.once({ caller, name: 'x', fingerprint: '00' }, 'addMessage', [
        { id },
        { direction: 'note', text: 'n', via: 'api' },
      ]);
    await ask();
    later(60_000);
    const clear = () => store.clearEvents({ before: now() - 30_000, answersBefore: now() - 90_000, limit: 99 });
    assert.equal(await clear(), 3);
    assert.equal((await ask()).repeated, true);
    later(60_000);
    await clear();
    assert.equal((await ask()).repeated, false);
  });
}
