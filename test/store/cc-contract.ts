/** The store's contract for people in Cc: who is carried, suggested or neither, who is removed, and what goes to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { CcPolicy } from '#replyd/conversation/cc-model.js';
import type { Filing } from '#replyd/conversation/filing.js';
import type { Store } from '#replyd/conversation/store.js';
import type { Mail, MailKind } from '#replyd/mail/mail.js';
import { destinationOf, filing, type Open, type Opened, reading, sha256 } from './contract.js';

const CARLA = { name: 'Carla', email: 'carla@customer.example' };
const BEN = { name: 'Ben', email: 'ben@partner.example' };
const EVE = { name: 'Eve', email: 'eve@other.example' };
const DAN = { name: 'Dan', email: 'dan@friend.example' };
const LATER = 3_600_000;
const DMARC = (dmarc: string) => ({ spf: null, dkim: null, dmarc, evidence: [] });
const SUPPORT = 'support@example.com';

type Written = Partial<Mail> & { text: string; kind?: MailKind };

async function desk(store: Store, cc_policy?: CcPolicy) {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: SUPPORT });
  if (cc_policy !== undefined) await store.setAccount('acme', { settings: { cc_policy } });
  const { id, reply_to } = await store.startConversation({
    account: 'acme',
    channel: 'email',
    contact: CARLA,
    via: 'cli',
  });
  const at = async (address: string, by: Written, more: Partial<Filing> = {}) => {
    const [filed] = await store.file(filing([await destinationOf(store, address)], reading(by), more));
    assert.ok(filed?.kind === 'filed' && filed.messageId !== null);
    return store.message(filed.messageId);
  };
  const people = async () =>
    Object.fromEntries((await store.conversation({ id })).cc.map(each => [each.email, each.state]));
  const answer = async (text: string, ...cc: (typeof BEN)[]) => {
    const { deliveries } = await store.addMessage({ id }, { direction: 'outgoing', text, cc, via: 'cli' });
    return deliveries.map(each => each.recipient);
  };
  /** Composes what is due; gives the copies. */
  const mail = async (kind: 'sent' | 'failed' = 'sent', of = id) => {
    const now = Date.now() + LATER;
    const snapshot = (await store.composeSnapshot(of, { now, context: 10, history: 3 }))!;
    const [first, ...others] = snapshot.quoted.map(() => {
      const mailId = store.mintMailId();
      const bytes = Buffer.from(`mail ${mailId}`);
      return { mailId, raw: { sha256: sha256(bytes.toString()), size: bytes.length, bytes } };
    });
    const saved = await store.saveComposed({
      ...first!,
      others,
      conversationId: of,
      messageId: `${first!.mailId}@reply.example.com`,
      subject: 'Hello',
      messageIds: snapshot.unmailed.map(each => each.id),
      inReplyTo: null,
      references: [],
      copies: snapshot.copies.map(each => ({ deliveryId: each.deliveryId, head: '', mailFrom: '', mail: each.quoted })),
    });
    assert.ok(saved);
    for (const { deliveryId, rcptTo } of (await store.lease('smarthost', { now, limit: 50 })) as readonly {
      deliveryId: string;
      rcptTo: string;
    }[]) {
      const isDead = kind === 'failed' && rcptTo !== CARLA.email;
      await store.settle(
        deliveryId,
        isDead
          ? { kind: 'failed', response: '550 5.1.1 no such user', suspend: true, refusedByPolicy: false }
          : { kind: 'sent', response: '250' },
        { now, retryAt: null },
      );
    }
    return snapshot;
  };
  return {
    id,
    reply: reply_to!,
    at,
    people,
    answer,
    mail,
    write: (by: Written, more?: Partial<Filing>) => at(reply_to!, by, more),
  };
}

async function changes(store: Store, id: string): Promise<number> {
  const events = await store.events({ after: 'ev_00000000000', limit: 500 });
  return events.filter(
    each =>
      each.type === 'conversation.updated' && each.conversation?.id === id && String(each.data.changed).includes('cc'),
  ).length;
}

export function ccContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check(
    'carried: whom the contact puts into Cc or To gets the answers, with a Reply-To of his own',
    async ({ store }) => {
      const { id, write, people, answer, mail } = await desk(store);
      await write({ text: 'help us', to: [{ name: '', email: SUPPORT }, DAN], cc: [BEN] });
      assert.deepEqual(await people(), { [DAN.email]: 'carried', [BEN.email]: 'carried' });
      assert.equal((await store.conversation({ id })).participants.length, 1, 'they take part with the first answer');
      assert.deepEqual(await answer('yes'), [CARLA.email, DAN.email, BEN.email]);
      const { copies } = await mail();
      const replyTo = copies.map(copy => copy.replyTo);
      assert.equal(new Set(replyTo).size, 3);
      assert.deepEqual(
        copies.map(copy => copy.role),
        ['to', 'cc', 'cc'],
      );
      assert.ok(replyTo.every(address => /^reply\+[0-9a-f]{32}@/.test(address!)));
      assert.equal(await changes(store, id), 1);
    },
  );

  check('suggested: they are offered, and get nothing before the team adds them', async ({ store }) => {
    const { id, write, people, answer } = await desk(store, 'suggest');
    await write({ text: 'help us', cc: [BEN] });
    assert.deepEqual(await people(), { [BEN.email]: 'suggested' });
    assert.deepEqual(await answer('yes'), [CARLA.email]);
    const added = await store.addCc({ id }, { email: BEN.email });
    assert.deepEqual(
      added.cc.map(({ name, email, state }) => [name, email, state]),
      [['Ben', BEN.email, 'carried']],
    );
    assert.deepEqual(await answer('and Ben'), [CARLA.email, BEN.email]);
    assert.equal(await changes(store, id), 2);
  });

  check('never: they are nobody', async ({ store }) => {
    const { write, people, answer } = await desk(store, 'never');
    await write({ text: 'help us', cc: [BEN] });
    assert.deepEqual([await people(), await answer('yes')], [{}, [CARLA.email]]);
  });

  check('removed: he gets no more, what waits for him does not go, and no Cc brings him back', async ({ store }) => {
    const { id, write, people, answer, mail } = await desk(store);
    await write({ text: 'help us', cc: [BEN, DAN] });
    await answer('one');
    const { cc } = await store.conversation({ id });
    const shown = await store.removeCc({ id }, cc.find(each => each.email === BEN.email)!.id);
    assert.deepEqual(
      shown.cc.map(each => each.email),
      [DAN.email],
    );
    const { copies } = await mail();
    assert.deepEqual(
      copies.map(copy => copy.email),
      [CARLA.email, DAN.email],
    );
    await write({ text: 'again', cc: [BEN, DAN] });
    assert.deepEqual(await people(), { [DAN.email]: 'carried' });
    await store.removeCc({ id }, DAN.email.toUpperCase());
    assert.deepEqual(await answer('two'), [CARLA.email]);
    for (const who of [BEN.email, EVE.email, cc[0]!.id, 'cc_00000000000', 'x'])
      await assert.rejects(store.removeCc({ id }, who), error => isReplydError(error, 'cc_not_found'), who);
    await store.addCc({ id }, BEN);
    assert.deepEqual(await people(), { [BEN.email]: 'carried' });
  });

  check('a stranger brings in nobody, nor does somebody whom one answer named', async ({ store }) => {
    const { write, people, answer, mail } = await desk(store);
    await write({ text: 'hello', from: EVE, cc: [DAN] });
    assert.deepEqual(await people(), {});
    await write({ text: 'nobody says who wrote it', from: null, cc: [DAN] });
    assert.deepEqual(await people(), {});
    await answer('once', BEN);
    await mail();
    await write({ text: 'Ben again', from: BEN, cc: [DAN] });
    assert.deepEqual(await people(), {});
  });

  check('who is carried brings in others, until he is removed', async ({ store }) => {
    const { id, write, people } = await desk(store);
    await write({ text: 'help us', cc: [BEN] });
    await write({ text: 'and Dan', from: BEN, cc: [DAN, CARLA] });
    assert.deepEqual(await people(), { [BEN.email]: 'carried', [DAN.email]: 'carried' });
    await store.removeCc({ id }, BEN.email);
    await write({ text: 'and Eve', from: BEN, cc: [EVE] });
    assert.deepEqual(await people(), { [DAN.email]: 'carried' });
  });

  check('robots, lists, loops and mails that are held bring in nobody; a released one does', async ({ store }) => {
    const { write, people } = await desk(store);
    for (const kind of ['auto_reply', 'bounce', 'receipt', 'list'] as const)
      await write({ text: kind, kind, cc: [BEN] });
    assert.deepEqual(await people(), {});
    await store.setFeature('acme', 'hold_strangers', true);
    const held = await write({ text: 'held', cc: [BEN] }, { authentication: DMARC('temperror') });
    assert.deepEqual([held.held, await people()], [true, {}]);
    await store.releaseMessage(held.id);
    assert.deepEqual(await people(), { [BEN.email]: 'suggested' });
    await store.setFeature('acme', 'hold_strangers', false);
    await write({ text: 'looping', cc: [DAN] }, { limits: { loopMessages: 1, loopWindow: 600_000 } });
    assert.deepEqual(await people(), { [BEN.email]: 'suggested' });
  });

  check(
    'what is in doubt is suggested: DMARC failed, before or behind the commit, or another’s reply address',
    async ({ store }) => {
      const { id, write, at, people, answer } = await desk(store);
      await write({ text: 'forged', cc: [BEN] }, { authentication: DMARC('fail') });
      assert.deepEqual(await people(), { [BEN.email]: 'suggested' });
      await write({ text: 'asked later', cc: [DAN] }, { unverified: { client: '192.0.2.1' } });
      assert.equal((await people())[DAN.email], 'carried');
      const [pending] = await store.unverified(9);
      await store.verified(pending!.mailId, DMARC('fail'));
      assert.equal((await people())[DAN.email], 'suggested');
      await answer('to Ben too', BEN);
      const { participants } = await store.conversation({ id });
      const other = participants.find(each => each.email === BEN.email)!.reply_to!;
      await at(other, { text: 'says it is Carla', cc: [EVE] });
      assert.equal((await people())[EVE.email], 'suggested');
      await write({ text: 'proven', cc: [BEN] }, { authentication: DMARC('pass') });
      assert.equal((await people())[BEN.email], 'carried');
    },
  );

  check('our own addresses, the team, the blocked, the dead and the contact himself are nobody', async ({ store }) => {
    const { id, write, people, mail } = await desk(store);
    await store.addAgent({ account: 'acme', email: 'ann@acme.example', name: 'Ann', role: 'agent' });
    await store.addAccount({ slug: 'umbra', domains: ['in.umbra.example'], support_email: 'help@umbra.example' });
    const dead = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'dead@other.example' },
      via: 'api',
    });
    await store.addMessage({ id: dead.id }, { direction: 'outgoing', text: 'x', mail: 'now', via: 'api' });
    await mail('failed', dead.id);
    assert.ok((await store.conversation({ id: dead.id })).contact.suspended);
    await store.setAccount('acme', {
      settings: { blocked: ['spam.example', 'bad@other.example'], forwarders: ['team.example'] },
    });
    const { inbox } = await store.account('acme');
    const addresses = [
      ...[SUPPORT.toUpperCase(), inbox!, 'anybody@reply.example.com', `reply+${'0'.repeat(32)}@in.umbra.example`],
      ...['ANN@acme.example', 'bo@team.example', 'x@mail.spam.example', 'bad@other.example'],
      ...['dead@other.example', 'noreply@shop.example', 'me@localhost', 'Carla@Customer.example'],
    ];
    await write({ text: 'all of them', cc: addresses.map(email => ({ name: '', email })) });
    assert.deepEqual(await people(), {});
    for (const email of addresses.filter(each => !/spam|bad@/.test(each))) {
      const isRefused = (error: unknown) => isReplydError(error, 'invalid') || isReplydError(error, 'invalid_address');
      await assert.rejects(store.addCc({ id }, { email }), isRefused, email);
    }
    await store.addCc({ id }, { email: 'bad@other.example' });
    assert.deepEqual(await people(), { 'bad@other.example': 'carried' }, 'the team may');
  });

  check('an address that turns out dead gets no more', async ({ store }) => {
    const { write, people, answer, mail } = await desk(store);
    await write({ text: 'help us', cc: [BEN] });
    await answer('one');
    await mail('failed');
    assert.deepEqual(await people(), {});
    await write({ text: 'again', cc: [BEN] });
    assert.deepEqual([await people(), await answer('two')], [{}, [CARLA.email]]);
  });

  check('the 21st person is suggested, in one mail or in many, and the team cannot add him', async ({ store }) => {
    const { id, write, people, answer } = await desk(store);
    const crowd = Array.from({ length: 30 }, (_, number) => ({ name: '', email: `p${number}@crowd.example` }));
    await write({ text: 'fifteen', cc: crowd.slice(0, 15) });
    await write({ text: 'thirty', cc: crowd });
    const states = Object.values(await people());
    assert.deepEqual(
      [states.filter(state => state === 'carried').length, states.filter(state => state === 'suggested').length],
      [20, 10],
    );
    assert.equal((await answer('to all')).length, 21);
    await assert.rejects(store.addCc({ id }, crowd[20]!), error => isReplydError(error, 'too_many_cc'));
    await store.removeCc({ id }, crowd[0]!.email);
    await store.addCc({ id }, crowd[20]!);
    const more = Array.from({ length: 80 }, (_, number) => ({ name: '', email: `q${number}@crowd.example` }));
    await write({ text: 'and many more', cc: more });
    assert.equal(Object.keys(await people()).length, 59, 'sixty are known, of whom one was removed');
  });

  check('a mail that opens a conversation brings them in; what the contact said alone stays his', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: SUPPORT });
    await store.setFeature('acme', 'new_conversations', true);
    const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
    const opening = reading({ text: 'we need help', to: [{ name: '', email: SUPPORT }], cc: [BEN] });
    const [filed] = await store.file(filing([inbox], opening));
    assert.ok(filed?.kind === 'filed');
    const { conversation_id: id } = await store.message(filed.messageId!);
    const { cc, reply_to } = await store.conversation({ id });
    assert.deepEqual([cc[0]?.email, cc[0]?.state], [BEN.email, 'carried']);
    await store.file(filing([await destinationOf(store, reply_to!)], reading({ text: 'Ben must not know' })));
    await store.addMessage({ id }, { direction: 'outgoing', text: 'first', via: 'cli' });
    const snapshot = (await store.composeSnapshot(id, { now: Date.now() + LATER, context: 10, history: 3 }))!;
    assert.deepEqual(
      snapshot.copies.map(copy => [copy.email, snapshot.quoted[copy.quoted]!.map(each => each.text)]),
      [
        [CARLA.email, ['we need help', 'Ben must not know']],
        [BEN.email, ['we need help']],
      ],
    );
  });

  check('whom the team blocks later, and a contact who is suspended, gets no more answers', async ({ store }) => {
    const { id, write, answer, mail } = await desk(store);
    await write({ text: 'help us', cc: [BEN, DAN, EVE] });
    assert.deepEqual(await answer('one'), [CARLA.email, BEN.email, DAN.email, EVE.email]);
    await mail();
    await store.addCc({ id }, { email: 'kept@partner.example' });
    await store.setAccount('acme', { settings: { blocked: ['partner.example'] } });
    const dan = await store.startConversation({ account: 'acme', channel: 'api', contact: DAN, via: 'api' });
    await store.addMessage({ id: dan.id }, { direction: 'outgoing', text: 'x', mail: 'now', via: 'api' });
    await mail('failed', dan.id);
    assert.deepEqual(await answer('two'), [CARLA.email, EVE.email, 'kept@partner.example']);
  });

  check('a note goes to nobody, and what is never mailed neither', async ({ store }) => {
    const { id, write } = await desk(store);
    await write({ text: 'help us', cc: [BEN] });
    for (const message of [{ direction: 'note' }, { direction: 'outgoing', mail: 'never' }] as const)
      assert.deepEqual((await store.addMessage({ id }, { ...message, text: 'x', via: 'cli' })).deliveries, []);
  });
}
