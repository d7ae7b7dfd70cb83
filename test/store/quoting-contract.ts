/**
 * The store's contract for what a mail quotes: each reader only what went to him or came from him, the contact everything
 * but notes; nobody what is held, dropped, part of a loop, a robot's, or was cancelled before it went.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComposeSnapshot } from '#replyd/conversation/composing.js';
import type { Filing } from '#replyd/conversation/filing.js';
import type { NewMessage, Store } from '#replyd/conversation/store.js';
import type { Mail, MailKind } from '#replyd/mail/mail.js';
import { destinationOf, filing, type Open, type Opened, reading, sha256 } from './contract.js';

const CARLA = { name: 'Carla', email: 'carla@customer.example' };
const BEN = { name: 'Ben', email: 'ben@partner.example' };
const EVE = { name: 'Eve', email: 'eve@other.example' };
const LATER = 3_600_000;
const DMARC_FAIL = { spf: null, dkim: null, dmarc: 'fail', evidence: [] };

type Written = Partial<Mail> & { text: string; kind?: MailKind };

/** A conversation that begins with words in the channel and a first mail to the contact. */
async function desk(store: Store, settings: { history?: number } = { history: 9 }) {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  await store.setAccount('acme', { settings });
  const { id, contact } = await store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    contact: CARLA,
    text: 'channel',
    via: 'cli',
  });
  const say = (text: string, ...cc: (typeof BEN)[]) =>
    store.addMessage({ id }, { direction: 'outgoing', text, mail: 'now', cc, via: 'cli' });
  /** Composed as the daemon does it; gives whom each list of texts goes to. */
  const compose = async () => {
    const now = Date.now() + LATER;
    const snapshot = (await store.composeSnapshot(id, { now, context: 10, history: 3 }))!;
    const mails = snapshot.quoted.map(() => store.mintMailId());
    const raws = mails.map(mailId => {
      const bytes = Buffer.from(`mail ${mailId}`);
      return { mailId, raw: { sha256: sha256(bytes.toString()), size: bytes.length, bytes } };
    });
    const [first, ...others] = raws;
    const saved = await store.saveComposed({
      ...first!,
      others,
      conversationId: id,
      messageId: `${first!.mailId}@reply.example.com`,
      subject: 'Hello',
      messageIds: snapshot.unmailed.map(each => each.id),
      inReplyTo: null,
      references: [],
      copies: snapshot.copies.map(({ deliveryId, bounceAddress, quoted }) => ({
        deliveryId,
        head: '',
        mailFrom: bounceAddress ?? '',
        mail: quoted,
      })),
      history: snapshot.quoted.some(list => list.length > 0),
    });
    assert.ok(saved);
    return snapshot;
  };
  const settle = async (kind: 'sent' | 'failed' = 'sent') => {
    const now = Date.now() + LATER;
    const outcome =
      kind === 'sent'
        ? ({ kind, response: '250' } as const)
        : ({ kind, response: '550', suspend: false, refusedByPolicy: false } as const);
    for (;;) {
      const parcels = await store.lease('smarthost', { now, limit: 50 });
      if (parcels.length === 0) return;
      for (const { deliveryId } of parcels) await store.settle(deliveryId, outcome, { now, retryAt: null });
    }
  };
  const mail = async (text: string, ...cc: (typeof BEN)[]) => {
    await say(text, ...cc);
    const snapshot = await compose();
    await settle();
    return quotedIn(snapshot);
  };
  const write = async (by: Written, more: Partial<Filing> = {}) => {
    const { reply_to } = await store.conversation({ id });
    const [filed] = await store.file(filing([await destinationOf(store, reply_to!)], reading(by), more));
    assert.ok(filed?.kind === 'filed' && filed.messageId !== null);
    return store.message(filed.messageId);
  };
  await mail('first');
  return { id, contact: contact.id, say, compose, settle, mail, write };
}

/** By address: the texts that its mail quotes, oldest first. */
function quotedIn({ copies, quoted }: ComposeSnapshot): Readonly<Record<string, string>> {
  return Object.fromEntries(copies.map(copy => [copy.email, quoted[copy.quoted]!.map(each => each.text).join(', ')]));
}

export function quotingContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('the contact is quoted everything but notes, as many as the account has', async ({ store }) => {
    const { id, mail, write } = await desk(store, {});
    await store.addMessage({ id }, { direction: 'note', text: 'a secret note', via: 'cli' });
    await write({ text: 'thanks' });
    const configured = 'the configuration says three';
    assert.deepEqual(await mail(configured), { [CARLA.email]: 'channel, first, thanks' });
    await store.setAccount('acme', { settings: { history: 1 } });
    assert.deepEqual(await mail('second'), { [CARLA.email]: configured });
    await store.setAccount('acme', { settings: { history: 0 } });
    assert.deepEqual(await mail('third'), { [CARLA.email]: '' });
  });

  check('whether its mail quoted anything stands at the message', async ({ store }) => {
    const { id, mail, say } = await desk(store);
    await mail('with');
    await store.setAccount('acme', { settings: { history: 0 } });
    await mail('without');
    await say('waits');
    await store.addMessage({ id }, { direction: 'note', text: 'note', via: 'cli' });
    const { messages } = await store.conversation({ id });
    assert.deepEqual(
      messages!.map(each => [each.text, each.history]),
      [
        ['channel', null],
        ['first', true],
        ['with', true],
        ['without', false],
        ['waits', null],
        ['note', null],
      ],
    );
  });

  check('a Cc of one answer is quoted nothing but what went to him, whoever came and went', async ({ store }) => {
    const { mail } = await desk(store);
    assert.deepEqual(await mail('two', BEN), { [CARLA.email]: 'channel, first', [BEN.email]: '' });
    assert.deepEqual(await mail('between us'), { [CARLA.email]: 'channel, first, two' });
    assert.deepEqual(await mail('four', BEN, EVE), {
      [CARLA.email]: 'channel, first, two, between us',
      [BEN.email]: 'two',
      [EVE.email]: '',
    });
    const five = await mail('five', EVE, BEN);
    assert.deepEqual([five[EVE.email], five[BEN.email]], ['four', 'two, four']);
  });

  check('those who are quoted the same share a mail, all have its Message-ID', async ({ store }) => {
    const { id, say, compose, mail } = await desk(store);
    await mail('two', BEN, EVE);
    await say('three', BEN, EVE);
    const { copies, quoted } = await compose();
    assert.deepEqual(
      copies.map(copy => [copy.email, copy.quoted]),
      [
        [CARLA.email, 0],
        [BEN.email, 1],
        [EVE.email, 1],
      ],
    );
    assert.equal(quoted.length, 2);
    const parcels = await store.lease('smarthost', { now: Date.now() + LATER, limit: 9 });
    const { message_id, to, cc } = (await store.conversation({ id })).messages!.at(-1)!;
    assert.deepEqual([to.map(box => box.email), cc.map(box => box.email)], [[CARLA.email], [BEN.email, EVE.email]]);
    const contents = new Map<string, string>();
    for (const parcel of parcels) {
      assert.ok(parcel.kind === 'mail' && 'bytes' in parcel.content);
      assert.equal(parcel.messageId, `<${message_id}>`);
      contents.set(parcel.rcptTo, Buffer.from(parcel.content.bytes).toString());
    }
    assert.equal(contents.get(BEN.email), contents.get(EVE.email));
    assert.notEqual(contents.get(BEN.email), contents.get(CARLA.email));
  });

  check('what came from him counts, and what others sent to him too; not what only says so', async ({ store }) => {
    const { mail, write } = await desk(store);
    await mail('two', BEN);
    await write({ text: 'by Ben', from: BEN });
    await write({ text: 'to Ben', cc: [{ ...BEN, email: 'Ben@PARTNER.example' }] });
    await write({ text: 'to us alone' });
    await write({ text: 'forged as Ben', from: BEN }, { authentication: DMARC_FAIL });
    await write({ text: 'forged to Ben', cc: [BEN] }, { authentication: DMARC_FAIL });
    const quoted = await mail('three', BEN);
    assert.equal(quoted[BEN.email], 'two, by Ben, to Ben');
    assert.equal(quoted[CARLA.email], 'channel, first, two, by Ben, to Ben, to us alone, forged as Ben, forged to Ben');
  });

  check('who joined by writing is quoted nothing from before', async ({ store }) => {
    const { mail, write } = await desk(store);
    await write({ text: 'hello, I am Eve', from: EVE });
    assert.equal((await mail('two', EVE))[EVE.email], 'hello, I am Eve');
  });

  check('held, dropped and looping messages and those of robots are quoted to nobody', async ({ store }) => {
    const { mail, write } = await desk(store);
    await write({ text: 'away', kind: 'auto_reply' });
    await store.setFeature('acme', 'hold_strangers', true);
    const held = await write({ text: 'held', from: EVE });
    const dropped = await write({ text: 'dropped', from: EVE });
    await store.dropMessage(dropped.id);
    const released = await write({ text: 'released', from: EVE });
    await store.releaseMessage(released.id);
    await store.setFeature('acme', 'hold_strangers', false);
    await write({ text: 'looping' }, { limits: { loopMessages: 1, loopWindow: 600_000 } });
    assert.equal(held.held, true);
    const quoted = await mail('two', EVE);
    assert.deepEqual(quoted, { [CARLA.email]: 'channel, first, released', [EVE.email]: 'released' });
  });

  check('an answer that was cancelled, or has not gone, went to nobody', async ({ store }) => {
    const { say, compose, settle, mail } = await desk(store);
    const { deliveries } = await say('a mistake', BEN);
    for (const { id } of deliveries) await store.cancelDelivery(id);
    await say('refused', BEN);
    await compose();
    await settle('failed');
    await say('on its way', BEN);
    await compose();
    const quoted = await mail('four', BEN);
    assert.deepEqual(quoted, { [CARLA.email]: 'channel, first, refused, on its way', [BEN.email]: '' });
    const five = await mail('five', BEN);
    assert.equal(five[BEN.email], 'on its way, four');
  });

  check('a new address of the contact is quoted all, his old one only what went there', async ({ store }) => {
    const { id, contact, mail, write } = await desk(store);
    await write({ text: 'from the old one' });
    const carla = { name: 'Carla', email: 'carla@home.example' };
    await store.setContact(contact, { email: carla.email });
    await store.addMessage({ id }, { direction: 'incoming', text: 'said in the channel', via: 'api' });
    const before = 'channel, first, from the old one, said in the channel';
    assert.deepEqual(await mail('at home'), { [carla.email]: before });
    const both = await mail('to both', CARLA);
    assert.deepEqual(both, { [carla.email]: `${before}, at home`, [CARLA.email]: 'first, from the old one' });
  });

  check('the context of the first mail is the same for everybody whom it is written to', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const { id } = await store.startConversation({
      account: 'acme',
      channel: 'web_widget',
      contact: CARLA,
      text: 'channel',
      via: 'cli',
    });
    const answer: NewMessage = { direction: 'outgoing', text: 'first', mail: 'now', cc: [BEN], via: 'cli' };
    await store.addMessage({ id }, answer);
    const now = Date.now() + LATER;
    const snapshot = (await store.composeSnapshot(id, { now, context: 10, history: 3 }))!;
    assert.deepEqual(
      [snapshot.quoting, quotedIn(snapshot)],
      ['context', { [CARLA.email]: 'channel', [BEN.email]: 'channel' }],
    );
    assert.equal(snapshot.quoted.length, 1);
  });
}
