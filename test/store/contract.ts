/** The store's contract, run against every way to open one (test/store/store.test.ts). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { Destination, Filing } from '#replyd/conversation/filing.js';
import type { Store } from '#replyd/conversation/store.js';
import type { Mail, MailKind, Reading } from '#replyd/mail/mail.js';

export interface Opened {
  /** Names of the destinations that have a row. */
  readonly destinations?: () => Promise<readonly string[]>;
  readonly store: Store;
  /** Moves the store's clock on; a store with the machine's own clock has none. */
  readonly later?: (milliseconds: number) => void;
  readonly now?: () => number;
}

export type Open = (context: TestContext) => Promise<Opened>;

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function reading(fields: Partial<Mail> & { text?: string; kind?: MailKind } = {}): Reading {
  const { text = 'Thanks!', kind = 'reply', ...mail } = fields;
  return {
    mail: {
      from: { name: 'Carla', email: 'carla@customer.example' },
      sender: null,
      replyTo: [],
      to: [],
      cc: [],
      subject: 'Re: Hello',
      date: null,
      messageId: `${sha256(text).slice(0, 12)}@customer.example`,
      inReplyTo: [],
      references: [],
      plain: text,
      html: null,
      attachments: [],
      headers: [],
      contentType: { type: 'text/plain', params: {} },
      reports: [],
      returnedHeaders: null,
      opened: [],
      ...mail,
    },
    kind,
    evidence: [],
    report: [],
    reportedIds: [],
    text: { text, quotedText: '', signature: '', evidence: [] },
    html: null,
  };
}

export function filing(destinations: readonly Destination[], of: Reading | null, more: Partial<Filing> = {}): Filing {
  const raw = `raw of ${of?.text.text ?? 'nothing'}`;
  return {
    envelope: { mailFrom: 'carla@customer.example', rcptTo: destinations.map(each => each.address) },
    destinations,
    facts: { size: raw.length, sha256: sha256(raw), contentKey: sha256(`key of ${raw}`), hops: 1 },
    raw: { sha256: sha256(raw), size: raw.length, bytes: Buffer.from(raw) },
    reading: of,
    reason: of ? null : 'broken',
    attachments: [],
    via: 'smtp',
    client: '127.0.0.1',
    trusted: true,
    evidence: [],
    limits: { loopMessages: 20, loopWindow: 600_000 },
    together: true,
    ...more,
  };
}

export async function destinationOf(store: Store, address: string): Promise<Destination> {
  const found = await store.resolve(address);
  assert.equal(found.kind, 'destination', address);
  return (found as { destination: Destination }).destination;
}

async function acme(store: Store) {
  await store.addAccount({ slug: 'acme', domains: ['Reply.Example.com'], support_email: 'support@example.com' });
  return store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    contact: { email: 'carla@customer.example', name: 'Carla' },
    text: 'Where is my parcel?',
    via: 'cli',
  });
}

export function storeContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('an account has its domain in lower case and inbound mail on', async ({ store }) => {
    const account = await store.addAccount({
      slug: 'acme',
      domains: ['Reply.Example.com'],
      support_email: 'support@example.com',
    });
    assert.deepEqual(account.domains, ['reply.example.com']);
    assert.deepEqual(account.features, {
      inbound_emails: true,
      new_conversations: false,
      hold_strangers: false,
      forwarded_mail: false,
      agent_mail: false,
    });
    assert.match(account.inbox ?? '', /^inbox\+[0-9a-f]{32}@reply\.example\.com$/);
    assert.deepEqual(await store.accounts(), [account]);
  });

  check('what may come back quoted: what was said, and what stands around it in our mails', async ({ store }) => {
    const { id } = await acme(store);
    assert.deepEqual(await store.quotable([id]), ['Where is my parcel?']);
    await store.setAccount('acme', { settings: { intro: 'Acme answers', footer: 'Acme Ltd, Ghent' } });
    assert.deepEqual(await store.quotable([id, id]), ['Where is my parcel?', 'Acme answers', 'Acme Ltd, Ghent']);
  });

  check('of several conversations no more may come back quoted than a reader looks at', async ({ store }) => {
    const { id } = await acme(store);
    const long = 'word '.repeat(30_000).trim();
    const said = await store.startConversation({
      account: 'acme',
      channel: 'web_widget',
      contact: { email: 'dora@customer.example' },
      text: long,
      via: 'cli',
    });
    assert.deepEqual(await store.quotable([id, said.id]), ['Where is my parcel?', long]);
    assert.deepEqual(await store.quotable([said.id, id]), [long]);
  });

  check('refuses what is wrong with an account', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: [], support_email: 'support@example.com' });
    const bad: [Parameters<Store['addAccount']>[0], string][] = [
      [{ slug: 'acme', domains: [], support_email: 'support@example.com' }, 'conflict'],
      [{ slug: 'Acme!', domains: [], support_email: 'support@example.com' }, 'invalid'],
      [{ slug: 'b', domains: ['no domain'], support_email: 'support@example.com' }, 'invalid'],
      [{ slug: 'b', domains: [], support_email: 'nobody' }, 'invalid'],
    ];
    for (const [account, code] of bad) {
      await assert.rejects(store.addAccount(account), error => isReplydError(error, code as 'invalid'));
    }
    assert.equal((await store.accounts()).length, 1);
    await assert.rejects(store.setFeature('acme', 'inbound_emails', true), error => isReplydError(error, 'invalid'));
  });

  check('numbers conversations per account and gives the contact a reply address', async ({ store }) => {
    const first = await acme(store);
    assert.equal(first.number, 1);
    assert.match(first.id, /^cv_[0-9a-z]{11}$/);
    assert.match(first.reply_to ?? '', /^reply\+[0-9a-f]{32}@reply\.example\.com$/);
    const second = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'CARLA@customer.example' },
      via: 'cli',
    });
    assert.equal(second.number, 2);
    assert.equal(second.contact.id, first.contact.id, 'the same person, whatever the case of the address');
    const shown = await store.conversation({ account: 'acme', number: 1 });
    assert.deepEqual(
      shown.messages?.map(message => [message.seq, message.direction, message.kind, message.text]),
      [[1, 'incoming', 'channel', 'Where is my parcel?']],
    );
    assert.deepEqual((await store.conversations({ limit: 10 })).map(each => each.number).sort(), [1, 2]);
    assert.deepEqual(
      (await store.conversations({ contact: 'carla@customer.example', channel: 'api', limit: 10 })).map(
        each => each.number,
      ),
      [2],
    );
  });

  check(
    'lists conversations with the beginning of their newest words, but not of a held message',
    async ({ store }) => {
      const { id, reply_to } = await acme(store);
      const silent = await store.startConversation({
        account: 'acme',
        channel: 'api',
        contact: { name: 'Bo' },
        via: 'api',
      });
      const said = { direction: 'outgoing', agent: { name: 'Ann' }, text: '  It is\n\nin Ghent.', via: 'api' } as const;
      await store.addMessage({ id }, said);
      const listed = async (preview: number) =>
        new Map((await store.conversations({ limit: 10, preview })).map(each => [each.id, each.preview]));
      assert.deepEqual((await listed(12)).get(id), { direction: 'outgoing', author: 'Ann', text: 'It is in' });
      assert.equal((await listed(12)).get(silent.id), null);
      await store.setFeature('acme', 'hold_strangers', true);
      const stranger = reading({ from: { name: 'Eve', email: 'eve@other.example' }, text: 'Buy!' });
      await store.file(filing([await destinationOf(store, reply_to!)], stranger));
      assert.equal((await listed(100)).get(id)?.text, 'It is in Ghent.');
      assert.ok((await store.conversations({ limit: 10 })).every(each => !('preview' in each)));
    },
  );

  check('resolves addresses without regard to case, separator or old prefix', async ({ store }) => {
    const { reply_to } = await acme(store);
    await store.rememberPrefixes(['answer']);
    const token = /\+([0-9a-f]+)@/.exec(reply_to!)![1]!;
    for (const address of [
      reply_to!,
      reply_to!.toUpperCase(),
      `reply-${token}@reply.example.com`,
      `reply=${token}@reply.example.com`,
      `answer+${token}@Reply.Example.COM`,
    ]) {
      assert.equal((await store.resolve(address)).kind, 'destination', address);
    }
    const refused: [string, string][] = [
      [`reply+${token}@example.com`, 'not_ours'],
      [`reply+${'0'.repeat(32)}@reply.example.com`, 'unknown'],
      [`other+${token}@reply.example.com`, 'unknown'],
      [`bounce+${token}@reply.example.com`, 'unknown'],
      [`inbox+${token}@reply.example.com`, 'unknown'],
      ['somebody@reply.example.com', 'unknown'],
      ['no address', 'not_ours'],
      ['', 'not_ours'],
    ];
    for (const [address, found] of refused) assert.equal((await store.resolve(address)).kind, found, address);
    assert.equal((await store.resolve('Postmaster@reply.example.com')).kind, 'destination');
    assert.equal((await store.resolve('postmaster')).kind, 'destination');
    await store.setFeature('acme', 'inbound_emails', false);
    assert.equal((await store.resolve(reply_to!)).kind, 'switched_off');
  });

  check('understands an imported UUID token with and without hyphens', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const uuid = '6BDC3F4D-0BEC-4515-A284-5D916FDDE489';
    const conversation = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'a@b.example' },
      token: uuid,
      via: 'cli',
    });
    assert.equal(conversation.reply_to, `reply+${uuid.toLowerCase()}@reply.example.com`);
    assert.equal((await store.resolve(`reply+${uuid}@reply.example.com`)).kind, 'destination');
    assert.equal((await store.resolve(`reply+${uuid.replaceAll('-', '')}@reply.example.com`)).kind, 'destination');
    await assert.rejects(
      store.startConversation({ account: 'acme', channel: 'api', contact: {}, token: uuid, via: 'cli' }),
      error => isReplydError(error, 'conflict'),
    );
  });

  check('files a mail once, however often it comes', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const destination = await destinationOf(store, reply_to!);
    const [first] = await store.file(filing([destination], reading()));
    const [again] = await store.file(filing([destination], reading(), { via: 'lmtp' }));
    assert.ok(first?.kind === 'filed' && again?.kind === 'filed');
    assert.deepEqual([first.before, again.before], [false, true]);
    assert.equal(again.mailId, first.mailId);
    const shown = await store.conversation({ id });
    assert.equal(shown.messages?.length, 2);
    const message = shown.messages![1]!;
    assert.deepEqual(
      [message.seq, message.text, message.author.role, message.via, message.mail_id],
      [2, 'Thanks!', 'contact', 'smtp', first.mailId],
    );
    assert.equal(message.sender?.is_participant, true);
    const { mail, raw } = await store.mail(first.mailId);
    assert.deepEqual(mail.results, [{ recipient: reply_to, verdict: 'accepted', message_id: message.id }]);
    assert.equal(Buffer.from(await store.read(raw)).toString(), 'raw of Thanks!');
  });

  check('two tokens of one conversation make one message, of two conversations one in each', async ({ store }) => {
    const first = await acme(store);
    await store.addMessage(
      { id: first.id },
      {
        direction: 'outgoing',
        text: 'Hi',
        mail: 'now',
        cc: [{ name: 'Bo', email: 'bo@customer.example' }],
        via: 'cli',
      },
    );
    const second = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'x@y.example' },
      via: 'cli',
    });
    const shown = await store.conversation({ id: first.id });
    const bo = shown.participants.find(each => each.email === 'bo@customer.example')!;
    assert.notEqual(bo.reply_to, shown.reply_to);
    const all = [
      await destinationOf(store, first.reply_to!),
      await destinationOf(store, bo.reply_to!),
      await destinationOf(store, second.reply_to!),
    ];
    const results = await store.file(filing(all, reading()));
    const ids = results.map(each => (each.kind === 'filed' ? each.messageId : null));
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], ids[2]);
    assert.equal(new Set(results.map(each => (each.kind === 'filed' ? each.mailId : null))).size, 1);
  });

  check('a stranger becomes a participant and the owner of the token is named', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    await store.file(
      filing([await destinationOf(store, reply_to!)], reading({ from: { name: 'Dora', email: 'dora@other.example' } })),
    );
    const shown = await store.conversation({ id });
    const message = shown.messages!.at(-1)!;
    assert.deepEqual(message.author, { id: null, name: 'Dora', email: 'dora@other.example', role: 'participant' });
    assert.deepEqual([message.sender?.is_participant, message.sender?.token_of], [false, 'Carla']);
    assert.ok(shown.participants.some(each => each.email === 'dora@other.example' && each.reply_to));
  });

  check(
    'an address that stands twice in a conversation is that of the latest, whichever token it answers',
    async ({ store }) => {
      const { id, contact, reply_to } = await acme(store);
      const from = { name: 'Dora', email: 'dora@other.example' };
      await store.file(filing([await destinationOf(store, reply_to!)], reading({ from })));
      const dora = (await store.conversation({ id })).participants.find(each => each.email === from.email)!;
      await store.setContact(contact.id, { email: from.email });
      await store.file(filing([await destinationOf(store, dora.reply_to!)], reading({ from, text: 'as the contact' })));
      const message = (await store.conversation({ id })).messages!.at(-1)!;
      assert.deepEqual([message.text, message.author.role], ['as the contact', 'contact']);
    },
  );

  check('a destination that changed since RCPT defers all of a mail or only itself', async ({ store }) => {
    const first = await acme(store);
    const second = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'x@y.example' },
      via: 'cli',
    });
    const all = [await destinationOf(store, first.reply_to!), await destinationOf(store, second.reply_to!)];
    await store.rotateToken({ id: first.id });
    assert.deepEqual(await store.file(filing(all, reading())), [{ kind: 'changed' }, { kind: 'changed' }]);
    assert.equal((await store.mails({ limit: 5 })).length, 0);
    const each = await store.file(filing(all, reading(), { together: false }));
    assert.deepEqual(
      each.map(one => one.kind),
      ['changed', 'filed'],
    );
    assert.equal((await store.resolve(first.reply_to!)).kind, 'unknown');
  });

  check('a person opens a resolved conversation again, a robot does not', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const destination = await destinationOf(store, reply_to!);
    await store.setConversation({ id }, { status: 'resolved' });
    await store.file(filing([destination], reading({ kind: 'auto_reply', text: 'I am away' })));
    assert.equal((await store.conversation({ id })).status, 'resolved');
    await store.file(filing([destination], reading({ text: 'I am back' })));
    assert.equal((await store.conversation({ id })).status, 'open');
  });

  check('more mails than the loop limit are filed and marked', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const destination = await destinationOf(store, reply_to!);
    for (let i = 0; i < 5; i += 1) {
      await store.file(
        filing([destination], reading({ text: `mail ${i}`, from: { name: '', email: `r${i}@robot.example` } }), {
          limits: { loopMessages: 3, loopWindow: 600_000 },
        }),
      );
    }
    assert.deepEqual(
      (await store.conversation({ id })).messages!.slice(1).map(each => each.looping),
      [false, false, false, true, true],
    );
  });

  check('a mail that cannot be read is threaded, kept whole and can be filled in later', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const [result] = await store.file(filing([await destinationOf(store, reply_to!)], null));
    assert.ok(result?.kind === 'filed');
    const before = (await store.conversation({ id })).messages!.at(-1)!;
    assert.deepEqual(
      [before.text, before.evidence, before.attachments.map(each => each.filename)],
      ['', ['threaded: reply address', 'unparsed: broken'], ['original.eml']],
    );
    assert.equal((await store.mail(result.mailId)).mail.state, 'quarantined');
    await store.refile(result.mailId, reading({ text: 'After all' }), []);
    const after = (await store.conversation({ id })).messages!.at(-1)!;
    assert.deepEqual([after.id, after.text, after.attachments], [before.id, 'After all', []]);
    assert.deepEqual(after.evidence, ['threaded: reply address', 'reprocessed']);
    assert.equal((await store.mail(result.mailId)).mail.state, 'filed');
  });

  check('the same attachment sent again is stored once and marked', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const destination = await destinationOf(store, reply_to!);
    const logo = { sha256: sha256('logo'), size: 4, bytes: Buffer.from('logo') };
    const attachment = {
      filename: 'logo.png',
      contentType: 'image/png',
      size: 4,
      sha256: logo.sha256,
      contentId: null,
      inline: false,
      content: { bytes: logo.bytes },
    };
    for (const text of ['one', 'two']) {
      await store.file(filing([destination], reading({ text, attachments: [attachment] }), { attachments: [logo] }));
    }
    const marks = (await store.conversation({ id })).messages!.slice(1).map(each => each.attachments[0]!.seen_before);
    assert.deepEqual(marks, [false, true]);
  });

  check('an answer waits for its time, is composed once, leased, settled', async ({ store }) => {
    const { id } = await acme(store);
    const now = Date.now();
    const message = await store.addMessage(
      { id },
      { direction: 'outgoing', text: 'On its way', mail: 'now', agent: { name: 'Ann' }, via: 'cli' },
    );
    assert.deepEqual(message.mail, { state: 'queued', reason: null });
    assert.deepEqual(await store.dueConversations({ now: now + 60_000, limit: 10 }), [id]);
    const snapshot = (await store.composeSnapshot(id, { now: now + 60_000, context: 10 }))!;
    assert.deepEqual(
      snapshot.unmailed.map(each => each.text),
      ['On its way'],
    );
    assert.deepEqual(
      snapshot.quoted[0]!.map(each => each.text),
      ['Where is my parcel?'],
    );
    const [copy] = snapshot.copies;
    assert.match(copy!.bounceAddress!, /^bounce\+[0-9a-f]{32}@reply\.example\.com$/);
    const mailId = store.mintMailId();
    const composed = {
      mailId,
      conversationId: id,
      messageId: `${mailId}@reply.example.com`,
      subject: 'Hello',
      messageIds: [message.id],
      inReplyTo: null,
      references: [`${id}@reply.example.com`],
      raw: { sha256: sha256('mail'), size: 4, bytes: Buffer.from('mail') },
      copies: [{ deliveryId: copy!.deliveryId, head: 'Reply-To: x\r\n', mailFrom: copy!.bounceAddress! }],
    };
    assert.equal(await store.saveComposed(composed), true);
    assert.equal(await store.saveComposed({ ...composed, mailId: store.mintMailId() }), false, 'composed already');
    const [parcel] = await store.lease('smarthost', { now: now + 60_000, limit: 10 });
    assert.ok(parcel?.kind === 'mail');
    assert.deepEqual(
      [parcel.rcptTo, parcel.attempt, parcel.messageId],
      ['carla@customer.example', 1, `<${mailId}@reply.example.com>`],
    );
    assert.deepEqual(await store.lease('smarthost', { now: now + 60_000, limit: 10 }), []);
    await store.settle(parcel.deliveryId, { kind: 'retry', response: '451 later' }, { now, retryAt: now + 90_000 });
    assert.equal((await store.delivery(parcel.deliveryId)).state, 'deferred');
    assert.equal(await store.nextDueAt('smarthost'), now + 90_000);
    await store.lease('smarthost', { now: now + 90_000, limit: 1 });
    assert.equal(await store.voidLeases(), 1);
    const held = await store.lease('smarthost', { now: now + 90_000, limit: 1 });
    assert.equal(await store.voidLost('smarthost', held), 0, 'it is held');
    assert.equal(await store.voidLost('another', []), 0);
    assert.equal(await store.voidLost('smarthost', []), 1);
    await store.lease('smarthost', { now: now + 90_000, limit: 1 });
    await store.settle(
      parcel.deliveryId,
      { kind: 'sent', response: '250 ok', alias: 'other@smarthost.example' },
      { now, retryAt: null },
    );
    const sent = await store.message(message.id);
    assert.deepEqual(
      [sent.mail.state, sent.message_id, sent.deliveries[0]?.smtp_response],
      ['sent', `${mailId}@reply.example.com`, '250 ok'],
    );
    const bounce = await destinationOf(store, copy!.bounceAddress!);
    const report = {
      recipient: 'carla@customer.example',
      action: 'failed' as const,
      status: '5.1.1',
      diagnostic: 'no such user',
    };
    await store.file(filing([bounce], { ...reading({ kind: 'bounce', text: 'Undeliverable' }), report: [report] }));
    const bounced = await store.conversation({ id });
    assert.equal(bounced.messages!.find(each => each.id === message.id)!.deliveries[0]!.report, 'bounced');
    assert.match(bounced.contact.suspended?.reason ?? '', /5\.1\.1/);
  });

  check('a paused destination is said at what waits for it', async ({ store }) => {
    const { id } = await acme(store);
    const other = await store.startConversation({
      account: 'acme',
      channel: 'web_widget',
      contact: { email: 'otto@customer.example' },
      via: 'cli',
    });
    const delayed = await store.addMessage({ id: other.id }, { direction: 'outgoing', text: 'soon', via: 'cli' });
    const due = await store.addMessage({ id }, { direction: 'outgoing', text: 'now', mail: 'now', via: 'cli' });
    const probe = Date.now() + 3_600_000;
    const pause = {
      name: 'smarthost',
      paused: 'trouble',
      reason: 'no route',
      nextProbeAt: probe,
      failures: 1,
    } as const;
    await store.setDestination(pause, 'queue');
    const waiting = (await store.message(due.id)).deliveries[0]!;
    assert.deepEqual(
      [waiting.state, waiting.reason, waiting.last_error, waiting.next_attempt_at],
      ['waiting', 'paused', 'no route', new Date(probe).toISOString()],
    );
    assert.deepEqual((await store.message(due.id)).mail, { state: 'waiting', reason: 'paused' });
    assert.equal((await store.message(delayed.id)).deliveries[0]!.reason, 'delay');
    await store.setDestination({ ...pause, paused: null, reason: null, nextProbeAt: null, failures: 0 }, 'queue');
    assert.deepEqual((await store.message(due.id)).deliveries[0], due.deliveries[0]);
  });

  check("the queue's word does not count while an operator has paused the destination", async ({ store }) => {
    const running = { name: 'smarthost', paused: null, reason: null, nextProbeAt: null, failures: 0 };
    await store.setDestination({ ...running, paused: 'operator', reason: 'maintenance' }, 'operator');
    await store.setDestination(running, 'queue');
    assert.equal((await store.destination('smarthost')).paused, 'operator');
    await store.setDestination(running, 'operator');
    await store.setDestination({ ...running, paused: 'trouble', nextProbeAt: 5, failures: 1 }, 'queue');
    assert.deepEqual(await store.destination('smarthost'), {
      ...running,
      paused: 'trouble',
      nextProbeAt: 5,
      failures: 1,
    });
  });

  check('words of a while go into one mail, and none when the contact saw them', async ({ store }) => {
    const { id } = await acme(store);
    const add = (text: string) => store.addMessage({ id }, { direction: 'outgoing', text, via: 'api' });
    const one = await add('one');
    const two = await add('two');
    assert.deepEqual(one.mail, { state: 'waiting', reason: 'delay' });
    assert.equal(two.deliveries[0]!.id, one.deliveries[0]!.id);
    assert.equal(
      two.deliveries[0]!.next_attempt_at,
      one.deliveries[0]!.next_attempt_at,
      'the first unmailed word sets the time',
    );
    await store.seen({ id });
    assert.deepEqual((await store.message(one.id)).mail, { state: 'not_mailed', reason: 'seen' });
    assert.equal(await store.nextComposeAt(), null);
    const three = await add('three');
    await store.addMessage({ id }, { direction: 'incoming', text: 'I am here', via: 'api' });
    assert.deepEqual((await store.message(three.id)).mail, { state: 'not_mailed', reason: 'answered' });
    const never = await store.addMessage({ id }, { direction: 'outgoing', text: 'four', mail: 'never', via: 'api' });
    assert.deepEqual(never.mail, { state: 'not_mailed', reason: 'never' });
  });

  check('waits for an address and goes when it is learned', async ({ store }) => {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const { id, contact } = await store.startConversation({
      account: 'acme',
      channel: 'whatsapp',
      contact: { name: 'Nobody' },
      via: 'api',
    });
    const message = await store.addMessage({ id }, { direction: 'outgoing', text: 'Hello?', mail: 'now', via: 'api' });
    assert.deepEqual(message.mail, { state: 'waiting', reason: 'no_address' });
    await store.setContact(contact.id, { email: 'found@customer.example' });
    assert.deepEqual(
      (await store.message(message.id)).deliveries.map(each => [each.recipient, each.reason]),
      [['found@customer.example', null]],
    );
  });

  check('a changed address makes a new participant and the old token lives on', async ({ store }) => {
    const { id, contact, reply_to } = await acme(store);
    await store.setContact(contact.id, { email: 'new@customer.example' });
    const shown = await store.conversation({ id });
    assert.equal(shown.participants.length, 2);
    assert.notEqual(shown.reply_to, reply_to);
    assert.equal((await store.resolve(reply_to!)).kind, 'destination');
    const other = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'other@customer.example' },
      via: 'cli',
    });
    await assert.rejects(
      store.setContact(contact.id, { email: 'Other@customer.example' }),
      error => isReplydError(error, 'conflict') && error.details.contact_id === other.contact.id,
    );
  });

  check(
    'mail to the forwarding address is threaded by id, or opens a conversation where that is on',
    async ({ store }) => {
      const { id } = await acme(store);
      const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
      const [threaded] = await store.file(
        filing([inbox], reading({ text: 'by id', references: [`${id}@reply.example.com`] })),
      );
      assert.ok(threaded?.kind === 'filed' && threaded.messageId);
      assert.equal((await store.message(threaded.messageId)).conversation_id, id);
      assert.deepEqual(await store.file(filing([inbox], reading({ text: 'new' }))), [{ kind: 'unthreaded' }]);
      await store.setFeature('acme', 'new_conversations', true);
      const [opened] = await store.file(filing([inbox], reading({ text: 'new' })));
      const [again] = await store.file(filing([inbox], reading({ text: 'new' })));
      assert.ok(opened?.kind === 'filed' && again?.kind === 'filed');
      assert.equal(again.before, true);
      assert.deepEqual((await store.conversations({ limit: 9 })).map(each => [each.number, each.channel]).sort(), [
        [1, 'web_widget'],
        [2, 'email'],
      ]);
    },
  );

  check('strangers are held where the account wants it, and released or dropped', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    await store.setFeature('acme', 'hold_strangers', true);
    await store.setConversation({ id }, { status: 'resolved' });
    const destination = await destinationOf(store, reply_to!);
    const stranger = { name: 'Eve', email: 'eve@other.example' };
    await store.file(filing([destination], reading({ text: 'give me the keys', from: stranger })));
    const held = (await store.conversation({ id })).messages!.at(-1)!;
    assert.equal(held.held, true);
    assert.equal((await store.conversation({ id })).status, 'resolved');
    await store.releaseMessage(held.id);
    assert.equal((await store.conversation({ id })).status, 'open');
    await assert.rejects(store.dropMessage(held.id), error => isReplydError(error, 'conflict'));
  });

  check('mail for the operator is kept', async ({ store }) => {
    await acme(store);
    const [result] = await store.file(
      filing([await destinationOf(store, 'abuse@reply.example.com')], reading({ text: 'spam!' })),
    );
    assert.ok(result?.kind === 'filed' && result.messageId === null);
    assert.deepEqual(
      (await store.mails({ state: 'kept', limit: 5 })).map(each => each.id),
      [result.mailId],
    );
  });

  check(
    'a mail for a conversation and the operator is filed once and kept once, in whatever order they come',
    async ({ store }) => {
      const { reply_to } = await acme(store);
      const customer = await destinationOf(store, reply_to!);
      const operator = await destinationOf(store, 'postmaster@reply.example.com');
      const send = async (destinations: readonly Destination[], text: string) => {
        const results = await store.file(filing(destinations, reading({ text })));
        return results.map(each => (each.kind === 'filed' ? [each.mailId, each.messageId, each.before] : each.kind));
      };
      const both = await send([customer, operator], 'both');
      assert.deepEqual(both, [
        [both[0]![0], both[0]![1], false],
        [both[0]![0], null, false],
      ]);
      assert.deepEqual(await send([customer, operator], 'both'), [
        [both[0]![0], both[0]![1], true],
        [both[0]![0], null, true],
      ]);
      // Filed first, and then the operator wants it too: there is no second message, but a kept mail.
      const [filed] = await send([customer], 'later');
      const later = await send([customer, operator], 'later');
      assert.deepEqual(later[0], [filed![0], filed![1], true]);
      assert.notEqual(later[1]![0], filed![0]);
      assert.deepEqual(await send([customer, operator], 'later'), [later[0], [later[1]![0], null, true]]);
      const states = (await store.mails({ limit: 10 })).map(mail => [mail.id, mail.state] as const);
      assert.deepEqual(
        new Map(states),
        new Map([
          [both[0]![0], 'filed'],
          [filed![0], 'filed'],
          [later[1]![0], 'kept'],
        ]),
      );
      assert.equal(states.length, 3);
    },
  );

  check('an imported conversation is known by its token, whatever else comes with it', async ({ store }) => {
    await acme(store);
    await store.addAccount({ slug: 'other', domains: ['other.example'], support_email: 's@other.example' });
    const token = '1b4e28ba-2fa1-41d2-883f-0016d3cca427';
    const one = { token, account: 'acme', channel: 'facebook', status: 'resolved', contact: { name: 'Old' } } as const;
    const before = await store.latestEvent();
    assert.deepEqual(
      await store
        .importConversations([
          one,
          { ...one, subject: 'again', token: token.toUpperCase() },
          { ...one, account: 'other' },
          { ...one, account: 'nobody' },
          { ...one, token: 'short' },
          { ...one, token: token.replace('1', '2'), contact: { email: 'carla@customer.example' } },
        ])
        .then(results => results.map(result => (typeof result === 'string' ? result : 'refused'))),
      ['made', 'known', 'refused', 'refused', 'refused', 'made'],
    );
    assert.equal(await store.latestEvent(), before);
    const found = await store.resolve(`reply+${token}@reply.example.com`);
    assert.ok(found.kind === 'destination' && found.destination.kind === 'reply');
    const made = await store.conversation({ id: found.destination.conversationId });
    assert.deepEqual(
      [made.status, made.channel, made.subject, made.contact.name],
      ['resolved', 'facebook', null, 'Old'],
    );
    assert.equal((await store.contacts({ account: 'acme', limit: 10 })).length, 2);
  });

  check('removing leaves nothing of a conversation behind', async ({ store }) => {
    const { id, reply_to } = await acme(store);
    const [result] = await store.file(filing([await destinationOf(store, reply_to!)], reading()));
    await store.addMessage({ id }, { direction: 'outgoing', text: 'Hi', mail: 'now', via: 'cli' });
    await store.removeConversation({ account: 'acme', number: 1 });
    assert.equal((await store.resolve(reply_to!)).kind, 'unknown');
    assert.ok(result?.kind === 'filed');
    await assert.rejects(store.mail(result.mailId), error => isReplydError(error, 'not_found'));
    const stats = await store.stats();
    assert.deepEqual([stats.conversations, stats.messages, stats.mails, stats.deliveries_waiting], [0, 0, 0, 0]);
    await store.removeAccount('acme');
    assert.deepEqual(await store.accounts(), []);
  });
}
