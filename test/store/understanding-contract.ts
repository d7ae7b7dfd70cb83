/** The store's contract for what a mail does beside standing there: held, looping, reported, threaded by its ids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { Filing } from '#replyd/conversation/filing.js';
import type { Event } from '#replyd/conversation/model.js';
import type { Store } from '#replyd/conversation/store.js';
import type { Reading, ReportEntry } from '#replyd/mail/mail.js';
import { destinationOf, filing, type Open, type Opened, reading, sha256 } from './contract.js';

const EVE = { name: 'Eve', email: 'eve@other.example' };
const LIMITS = { loopMessages: 3, loopWindow: 600_000 };

async function start(store: Store, contact = 'carla@customer.example', account = 'acme') {
  if (!(await store.accounts()).some(each => each.slug === account)) {
    await store.addAccount({ slug: account, domains: ['reply.example.com'], support_email: 'support@example.com' });
  }
  const started = await store.startConversation({
    account,
    channel: 'web_widget',
    contact: { email: contact, name: 'Carla' },
    text: 'Where is my parcel?',
    via: 'cli',
  });
  const reply = await destinationOf(store, started.reply_to!);
  return { id: started.id, contact: started.contact.id, reply };
}

/** Files one mail; gives its message. */
async function file(store: Store, ...[destinations, of, more]: Parameters<typeof filing>) {
  const [result] = await store.file(filing(destinations, of, more));
  assert.ok(result?.kind === 'filed' && result.messageId, JSON.stringify(result));
  return store.message(result.messageId);
}

async function events(store: Store): Promise<readonly Event[]> {
  return store.events({ after: 'ev_00000000000', limit: 500 });
}

/** Sends an answer as far as the smarthost. Gives the message, the delivery and the Message-ID it went under. */
async function mailed(store: Store, id: string, more: { text?: string; alias?: string } = {}) {
  const text = more.text ?? 'On its way';
  const message = await store.addMessage({ id }, { direction: 'outgoing', text, mail: 'now', via: 'cli' });
  const now = Date.now() + 3_600_000;
  const snapshot = (await store.composeSnapshot(id, { now, context: 10 }))!;
  const mailId = store.mintMailId();
  const messageId = `${mailId}@reply.example.com`;
  const bytes = Buffer.from(`mail ${mailId}`);
  await store.saveComposed({
    mailId,
    conversationId: id,
    messageId,
    subject: 'Hello',
    messageIds: [message.id],
    inReplyTo: null,
    references: [],
    raw: { sha256: sha256(bytes.toString()), size: bytes.length, bytes },
    copies: snapshot.copies.map(copy => ({
      deliveryId: copy.deliveryId,
      head: '',
      mailFrom: copy.bounceAddress ?? '',
    })),
  });
  await store.lease('smarthost', { now, limit: 10 });
  const [copy] = snapshot.copies;
  const alias = more.alias === undefined ? {} : { alias: more.alias };
  await store.settle(copy!.deliveryId, { kind: 'sent', response: '250 ok', ...alias }, { now, retryAt: null });
  return { message: message.id, delivery: copy!.deliveryId, bounceAddress: copy!.bounceAddress!, messageId, snapshot };
}

function report(entry: Partial<ReportEntry>, more: Partial<Reading> = {}): Reading {
  const filled = {
    recipient: 'carla@customer.example',
    action: 'failed' as const,
    status: null,
    diagnostic: null,
    ...entry,
  };
  return {
    ...reading({
      kind: 'bounce',
      from: { name: '', email: 'mailer-daemon@mx.example.net' },
      text: JSON.stringify(filled),
    }),
    report: [filled],
    ...more,
  };
}

const FAILED = { spf: 'pass', dkim: null, dmarc: 'fail', evidence: ['mx.example.com; dmarc=fail'] };

export function understandingContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('verdicts of a trusted checker stand at the message', async ({ store }) => {
    const { reply } = await start(store);
    const { sender, held } = await file(store, [reply], reading(), { authentication: FAILED });
    assert.deepEqual(
      [sender?.spf, sender?.dkim, sender?.dmarc, sender?.evidence, held],
      ['pass', null, 'fail', ['Authentication-Results: mx.example.com; dmarc=fail'], false],
    );
  });

  check('a stranger who is held takes no part until he is released', async ({ store }) => {
    const { id, reply } = await start(store);
    await store.setFeature('acme', 'hold_strangers', true);
    const first = await file(store, [reply], reading({ text: 'one', from: EVE }));
    const second = await file(store, [reply], reading({ text: 'two', from: EVE }));
    assert.deepEqual([first.held, second.held], [true, true]);
    assert.deepEqual(second.evidence, ['threaded: reply address', 'held: unknown writer']);
    assert.equal((await store.conversation({ id })).participants.length, 1);
    assert.deepEqual((await events(store)).map(each => each.type).slice(-2), ['message.held', 'message.held']);
    await store.releaseMessage(first.id);
    assert.ok((await store.conversation({ id })).participants.some(each => each.email === EVE.email && each.reply_to));
    const third = await file(store, [reply], reading({ text: 'three', from: EVE }));
    assert.deepEqual([third.held, third.sender?.is_participant], [false, true]);
  });

  check('a mail whose DMARC failed is held, whoever it says it is from; no verdict never holds', async ({ store }) => {
    const { id, reply } = await start(store);
    await store.setFeature('acme', 'hold_strangers', true);
    await store.setConversation({ id }, { status: 'resolved' });
    const held = await file(store, [reply], reading({ text: 'forged' }), { authentication: FAILED });
    assert.deepEqual([held.held, held.evidence], [true, ['threaded: reply address', 'held: DMARC failed']]);
    const unsure = { ...FAILED, dmarc: 'temperror' };
    const asked = await file(store, [reply], reading({ text: 'who knows' }), { authentication: unsure });
    assert.deepEqual(
      [asked.held, asked.evidence],
      [true, ['threaded: reply address', 'held: DMARC could not be asked']],
    );
    assert.equal((await store.conversation({ id })).status, 'resolved');
    for (const dmarc of [null, 'pass', 'none']) {
      const text = `verdict ${dmarc}`;
      const message = await file(store, [reply], reading({ text }), { authentication: { ...FAILED, dmarc } });
      assert.equal(message.held, false, text);
    }
  });

  check('a robot is never held, and a dropped message stays without effect for good', async ({ store }) => {
    const { id, reply } = await start(store);
    await store.setFeature('acme', 'hold_strangers', true);
    const robot = await file(store, [reply], reading({ kind: 'auto_reply', text: 'away', from: EVE }));
    assert.equal(robot.held, false);
    await store.setConversation({ id }, { status: 'resolved' });
    const messageId = 'spam@other.example';
    const held = await file(store, [reply], reading({ text: 'buy this', from: EVE, messageId }));
    const dropped = await store.dropMessage(held.id);
    assert.deepEqual([dropped.held, dropped.evidence.at(-1)], [false, 'dropped']);
    const shown = await store.conversation({ id });
    assert.deepEqual([shown.status, shown.participants.length], ['resolved', 1]);
    await assert.rejects(store.releaseMessage(held.id), error => isReplydError(error, 'conflict'));
    const { snapshot } = await mailed(store, id);
    assert.deepEqual(
      snapshot.quoted[0]!.map(each => each.text),
      ['Where is my parcel?'],
    );
    assert.ok(!snapshot.chain.includes(messageId), 'nobody is told of its id');
  });

  check('a loop is told of once, whoever it says it is from, and has no effect', async ({ store }) => {
    const { id, reply } = await start(store);
    await store.setConversation({ id }, { status: 'resolved' });
    const before = (await events(store)).length;
    for (let i = 0; i < 6; i += 1) {
      const of = reading({
        kind: i < 3 ? 'auto_reply' : 'reply',
        text: `mail ${i}`,
        from: { name: '', email: `r${i}@robot.example` },
      });
      const message = await file(store, [reply], of, { limits: LIMITS });
      assert.equal(message.looping, i >= 3, `mail ${i}`);
    }
    const told = (await events(store)).slice(before).map(each => each.type);
    assert.deepEqual(told, ['message.created', 'message.created', 'message.created', 'conversation.looping']);
    const shown = await store.conversation({ id });
    assert.deepEqual([shown.status, shown.participants.length, shown.messages!.length], ['resolved', 1, 7]);
  });

  check('a loop through several conversations of one contact is one loop', async ({ store }) => {
    const all = [];
    for (let i = 0; i < 5; i += 1) all.push(await start(store));
    const stranger = await start(store, 'otto@customer.example');
    const marks = [];
    for (const [i, { reply }] of all.entries()) {
      const message = await file(store, [reply], reading({ text: `mail ${i}` }), { limits: LIMITS });
      marks.push(message.looping);
    }
    assert.deepEqual(marks, [false, false, false, true, true]);
    assert.equal((await events(store)).filter(each => each.type === 'conversation.looping').length, 1);
    assert.equal((await file(store, [stranger.reply], reading({ text: 'hello' }), { limits: LIMITS })).looping, false);
  });

  check('a loop through the forwarding address opens no more conversations', async ({ store }) => {
    await start(store);
    await store.setFeature('acme', 'new_conversations', true);
    const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
    const robot = { name: '', email: 'robot@robot.example' };
    for (let i = 0; i < 6; i += 1) {
      const message = await file(store, [inbox], reading({ text: `mail ${i}`, from: robot }), { limits: LIMITS });
      assert.equal(message.looping, i >= 3, `mail ${i}`);
    }
    assert.equal((await store.conversations({ contact: robot.email, limit: 9 })).length, 3);
  });

  check('a bounce is told once, and "delayed" never hides it', async ({ store }) => {
    const { id } = await start(store);
    const sent = await mailed(store, id);
    const bounce = await destinationOf(store, sent.bounceAddress);
    const state = async () => (await store.message(sent.message)).deliveries[0]!;
    await file(store, [bounce], report({ action: 'delayed', status: '4.4.1', diagnostic: 'timed out' }));
    assert.deepEqual([(await state()).report, (await state()).last_error], ['delayed', '4.4.1 timed out']);
    const failure = await file(store, [bounce], report({ status: '5.2.2', diagnostic: 'mailbox full' }));
    assert.equal(failure.report[0]?.delivery_id, sent.delivery);
    assert.deepEqual([(await state()).report, (await state()).last_error], ['bounced', '5.2.2 mailbox full']);
    assert.equal((await store.conversation({ id })).contact.suspended, null, 'a full mailbox may be emptied');
    await file(store, [bounce], report({ action: 'delayed', status: '4.4.1', diagnostic: 'late' }));
    await file(store, [bounce], report({ status: '5.1.1', diagnostic: 'again' }));
    assert.deepEqual([(await state()).report, (await state()).last_error], ['bounced', '5.2.2 mailbox full']);
    assert.equal((await events(store)).filter(each => each.type === 'delivery.failed').length, 1);
  });

  check('a dead address suspends its contact until he writes again', async ({ store }) => {
    const { id, reply } = await start(store);
    const sent = await mailed(store, id);
    const bounce = await destinationOf(store, sent.bounceAddress);
    await file(store, [bounce], report({ status: '5.1.1', diagnostic: 'no such user' }));
    assert.equal((await store.conversation({ id })).contact.suspended?.reason, '5.1.1 no such user');
    const waiting = await store.addMessage({ id }, { direction: 'outgoing', text: 'Hello?', mail: 'now', via: 'cli' });
    assert.deepEqual(waiting.mail, { state: 'waiting', reason: 'suspended' });
    await file(store, [reply], reading({ kind: 'auto_reply', text: 'I am a robot' }));
    assert.notEqual((await store.conversation({ id })).contact.suspended, null);
    await file(store, [reply], reading({ text: 'I am here' }));
    assert.equal((await store.conversation({ id })).contact.suspended, null);
    assert.deepEqual((await store.message(waiting.id)).mail, { state: 'queued', reason: null });
  });

  check('a mail that opens a conversation begins it with the person whom an answer reaches', async ({ store }) => {
    await start(store);
    const { inbox } = await store.account('acme');
    await store.setFeature('acme', 'new_conversations', true);
    const to = [await destinationOf(store, inbox!)];
    const form = { name: 'Shop', email: 'noreply@shop.example' };
    const dora = { name: 'Dora', email: 'dora@customer.example' };
    const opened = await file(store, to, reading({ text: 'one', from: form, replyTo: [dora] }));
    const conversation = await store.conversation({ id: opened.conversation_id });
    assert.deepEqual(
      [opened.author.email, opened.author.role, conversation.contact.email, conversation.participants.length],
      [dora.email, 'contact', dora.email, 1],
    );
    assert.deepEqual(opened.sender?.evidence, [
      'writer: dora@customer.example, because noreply@shop.example takes no answer',
    ]);
    const answered = { direction: 'outgoing', text: 'Yes', mail: 'now', via: 'cli' } as const;
    assert.equal((await store.addMessage({ id: opened.conversation_id }, answered)).mail.state, 'queued');
  });

  check(
    'nothing is mailed to an address that takes no answer, or to ourselves, until there is another',
    async ({ store }) => {
      await start(store);
      const { inbox } = await store.account('acme');
      await store.setFeature('acme', 'new_conversations', true);
      const to = [await destinationOf(store, inbox!)];
      const answered = { direction: 'outgoing', text: 'Yes', mail: 'now', via: 'cli' } as const;
      for (const email of ['noreply@shop.example', 'support@example.com', inbox!]) {
        const opened = await file(store, to, reading({ text: email, from: { name: '', email } }));
        const { id, mail } = await store.addMessage({ id: opened.conversation_id }, answered);
        assert.deepEqual(mail, { state: 'waiting', reason: 'no_address' }, email);
        const { contact } = await store.conversation({ id: opened.conversation_id });
        await store.setContact(contact.id, { email: `a-${email.length}@customer.example` });
        assert.deepEqual((await store.message(id)).mail, { state: 'queued', reason: null }, email);
      }
    },
  );

  check('the bounce address names the recipient whom a report does not name', async ({ store }) => {
    const { id } = await start(store);
    const sent = await mailed(store, id);
    const bounce = await destinationOf(store, sent.bounceAddress);
    const { report: told } = await file(store, [bounce], report({ recipient: '' }));
    assert.deepEqual(
      [told[0]?.recipient, told[0]?.delivery_id, (await store.message(sent.message)).deliveries[0]!.report],
      ['carla@customer.example', sent.delivery, 'bounced'],
    );
  });

  check('what cannot be read, from <> to a bounce address, opens nothing again', async ({ store }) => {
    const { id } = await start(store);
    const bounce = await destinationOf(store, (await mailed(store, id)).bounceAddress);
    await store.setConversation({ id }, { status: 'resolved' });
    await file(store, [bounce], null, { envelope: { mailFrom: '', rcptTo: [bounce.address] } });
    assert.equal((await store.conversation({ id })).status, 'resolved');
  });

  check('a bounce of an address that the contact has left does not suspend him', async ({ store }) => {
    const { id, contact } = await start(store);
    const sent = await mailed(store, id);
    await store.setContact(contact, { email: 'new@customer.example' });
    await file(store, [await destinationOf(store, sent.bounceAddress)], report({ status: '5.1.1' }));
    assert.equal((await store.message(sent.message)).deliveries[0]!.report, 'bounced');
    assert.equal((await store.contact(contact)).suspended, null);
  });

  check('without the bounce address the returned mail tells: by our id, by a smarthost’s', async ({ store }) => {
    const { id, reply } = await start(store);
    const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
    const first = await mailed(store, id);
    const byId = report({ status: '4.2.0', diagnostic: 'full' }, { reportedIds: [first.messageId] });
    const bounced = await file(store, [inbox], byId);
    assert.deepEqual([bounced.conversation_id, bounced.report[0]?.delivery_id], [id, first.delivery]);
    assert.deepEqual(bounced.evidence, [`threaded: the returned mail <${first.messageId}>`]);
    assert.equal((await store.message(first.message)).deliveries[0]!.report, 'bounced');
    const second = await mailed(store, id, { text: 'Again', alias: '0100-ses@email.smarthost.example' });
    const byAlias = report({ status: '5.1.1' }, { reportedIds: ['0100-ses@email.smarthost.example'] });
    await file(store, [reply], byAlias);
    assert.equal((await store.message(second.message)).deliveries[0]!.report, 'bounced');
  });

  check('a report that names another recipient counts only in its own conversation', async ({ store }) => {
    const victim = await start(store);
    const attacker = await start(store, 'mallory@customer.example');
    const sent = await mailed(store, victim.id);
    const forged = report({ recipient: 'somebody@else.example', status: '5.1.1' }, { reportedIds: [sent.messageId] });
    const filed = await file(store, [attacker.reply], forged);
    assert.equal(filed.report[0]?.delivery_id, null);
    assert.equal((await store.message(sent.message)).deliveries[0]!.report, null);
    await file(store, [victim.reply], forged);
    assert.equal((await store.message(sent.message)).deliveries[0]!.report, 'bounced');
  });

  check('a complaint suspends, a receipt says delivered', async ({ store }) => {
    const { id } = await start(store);
    const sent = await mailed(store, id);
    const bounce = await destinationOf(store, sent.bounceAddress);
    await file(store, [bounce], report({ action: 'displayed' }, { kind: 'receipt' }));
    assert.equal((await store.message(sent.message)).deliveries[0]!.report, 'delivered');
    await file(store, [bounce], report({ action: 'complaint' }, { kind: 'complaint' }));
    assert.equal((await store.conversation({ id })).contact.suspended?.reason, 'complaint');
  });

  check(
    'mail to the forwarding address is threaded by token, then ids, and never across accounts',
    async ({ store }) => {
      const { id } = await start(store);
      const shown = await store.conversation({ id });
      const other = await start(store, 'carla@customer.example', 'other');
      const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
      const foreign = await destinationOf(store, (await store.account('other')).inbox!);
      const sent = await mailed(store, id, { alias: 'alias@smarthost.example' });
      const byToken = {
        headers: [{ name: 'delivered-to', value: `inbox@x.example, ${shown.reply_to!.toUpperCase()}` }],
      };
      const rows: [string, Parameters<typeof reading>[0], string][] = [
        [
          'token',
          { ...byToken, inReplyTo: [`${other.id}@reply.example.com`] },
          'threaded: reply address in the field delivered-to',
        ],
        ['in cc', { cc: [{ name: '', email: shown.reply_to! }] }, 'threaded: reply address in the field cc'],
        ['our id', { inReplyTo: [sent.messageId] }, `threaded: In-Reply-To <${sent.messageId}>`],
        [
          'root',
          { references: ['x@y', `${id}@reply.example.com`, 'z@y'] },
          `threaded: References <${id}@reply.example.com>`,
        ],
        ['alias', { references: ['alias@smarthost.example'] }, 'threaded: References <alias@smarthost.example>'],
      ];
      for (const [text, fields, evidence] of rows) {
        const message = await file(store, [inbox], reading({ text, ...fields }));
        assert.deepEqual([message.conversation_id, message.evidence], [id, [evidence]], text);
        const elsewhere: Filing = filing(
          [foreign],
          reading({ text: `${text}, other account`, ...fields, inReplyTo: [] }),
        );
        if (text !== 'our id') assert.deepEqual(await store.file(elsewhere), [{ kind: 'unthreaded' }], text);
      }
    },
  );

  check(
    'a mail to the forwarding address that cannot be read opens a conversation with its envelope sender',
    async ({ store }) => {
      await start(store);
      await store.setFeature('acme', 'new_conversations', true);
      const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
      const envelope = { mailFrom: 'dora@customer.example', rcptTo: [inbox.address] };
      const message = await file(store, [inbox], null, { envelope });
      assert.equal((await store.conversation({ id: message.conversation_id })).contact.email, 'dora@customer.example');
      const again = await file(store, [inbox], null, { envelope });
      assert.equal(again.id, message.id);
      const nobody = await file(store, [inbox], reading({ text: 'anonymous', from: null }), {
        envelope: { ...envelope, mailFrom: '' },
      });
      assert.equal((await store.conversation({ id: nobody.conversation_id })).contact.email, null);
    },
  );

  check('a mail that is not filed opens no conversation, and two forwarding addresses open one', async ({ store }) => {
    const { id, reply } = await start(store);
    await store.setFeature('acme', 'new_conversations', true);
    const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
    const dora = reading({ text: 'new', from: { name: 'Dora', email: 'dora@customer.example' } });
    await store.rotateToken({ id });
    assert.deepEqual(await store.file(filing([inbox, reply], dora)), [{ kind: 'changed' }, { kind: 'changed' }]);
    assert.equal((await store.conversations({ limit: 9 })).length, 1);
    await file(store, [inbox, { ...inbox, address: inbox.address.replace('+', '-') }], dora);
    assert.equal((await store.conversations({ limit: 9 })).length, 2);
  });

  check(
    'a quarantined mail that is read after all is its writer’s, and what it reports takes effect',
    async ({ store }) => {
      const { id, reply } = await start(store);
      const sent = await mailed(store, id);
      const bounce = await destinationOf(store, sent.bounceAddress);
      const lost = await file(store, [bounce], null, { envelope: { mailFrom: '', rcptTo: [bounce.address] } });
      await store.refile(lost.mail_id!, report({ status: '5.1.1' }), []);
      assert.equal((await store.message(sent.message)).deliveries[0]!.report, 'bounced');
      const again = await store.message(lost.id);
      assert.deepEqual(
        [again.kind, again.author.role, again.report[0]?.delivery_id],
        ['bounce', 'system', sent.delivery],
      );
      const bytes = (text: string) => ({ facts: { size: 1, sha256: sha256(text), contentKey: sha256(text), hops: 1 } });
      const first = await file(store, [reply], null, bytes('one'));
      await store.refile(first.mail_id!, reading({ from: EVE }), []);
      const { author, sender, held } = await store.message(first.id);
      assert.deepEqual(
        [author.role, sender?.is_participant, sender?.token_of, held],
        ['participant', false, 'Carla', false],
      );
      await store.setFeature('acme', 'hold_strangers', true);
      const second = await file(store, [reply], null, bytes('two'));
      await store.refile(second.mail_id!, reading({ from: { name: '', email: 'mallory@other.example' } }), []);
      assert.equal((await store.message(second.id)).held, true);
      await store.releaseMessage(second.id);
      assert.ok((await store.conversation({ id })).participants.some(each => each.email === 'mallory@other.example'));
    },
  );
}
