/** The store's contract about agents who answer by mail: whom a message is told, what is filed, what a release does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { NoticeSnapshot } from '#replyd/conversation/agent-notice.js';
import type { Filing } from '#replyd/conversation/filing.js';
import type { Message } from '#replyd/conversation/model.js';
import type { Store } from '#replyd/conversation/store.js';
import type { ReadAgentMail } from '#replyd/mail/agent-mail.js';
import { NO_AUTHENTICATION } from '#replyd/mail/authentication.js';
import { destinationOf, filing, type Open, type Opened, reading, sha256 } from './contract.js';

const MINUTE = 60_000;
const PASS = { authentication: { ...NO_AUTHENTICATION, dmarc: 'pass' } };

async function acme(store: Store, notify: 'all' | 'assigned' | 'none' = 'all') {
  await store.addAccount({ slug: 'acme', domains: ['in.acme.example'], support_email: 'support@acme.example' });
  await store.setFeature('acme', 'agent_mail', true);
  const anna = await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna', notify });
  const bob = await store.addAgent({ account: 'acme', email: 'bob@acme.example', name: 'Bob', notify: 'none' });
  const conversation = await start(store);
  return { anna, bob, conversation };
}

function start(store: Store, name = 'carla') {
  return store.startConversation({
    account: 'acme',
    channel: 'email',
    contact: { email: `${name}@customer.example`, name },
    text: 'Where is my parcel?',
    via: 'api',
  });
}

/** All that is due long after. */
async function due(store: Store): Promise<readonly NoticeSnapshot[]> {
  const ids = await store.dueNotices({ now: Date.now() + 100 * 24 * 3_600_000, limit: 1000 });
  const all: NoticeSnapshot[] = [];
  for (const id of ids) {
    const snapshot = await store.openNotice(id);
    if (snapshot !== null) all.push(snapshot);
  }
  return all;
}

async function send(store: Store, notice: NoticeSnapshot): Promise<boolean> {
  const bytes = Buffer.from(`notice ${notice.seq} ${notice.deliveryId}`);
  return store.saveNotice({
    deliveryId: notice.deliveryId,
    mailId: store.mintMailId(),
    messageId: `${notice.deliveryId}@in.acme.example`,
    messageIds: notice.messageIds,
    seq: notice.seq,
    raw: { sha256: sha256(bytes.toString()), size: bytes.length, bytes },
    head: `Reply-To: <${notice.replyTo}>\r\n`,
    mailFrom: notice.bounceAddress ?? 'support@acme.example',
  });
}

/** The first notification of this conversation, as it goes out. */
async function told(store: Store): Promise<NoticeSnapshot> {
  const [notice] = await due(store);
  assert.ok(notice !== undefined);
  assert.ok(await send(store, notice));
  return notice;
}

interface Written {
  readonly seq?: number;
  readonly from?: string;
  readonly number?: number;
  readonly kind?: 'reply' | 'auto_reply' | 'bounce';
  readonly marker?: null;
  readonly more?: Partial<Filing>;
}

/** Files what an agent wrote above the marker of his notification. */
async function answer(store: Store, notice: NoticeSnapshot, text: string, how: Written = {}) {
  const from = how.from ?? notice.agent.email;
  const agent: ReadAgentMail = {
    from: [from],
    answer: {
      marker:
        how.marker === null
          ? null
          : { account: 'acme', number: how.number ?? notice.conversation.number, seq: how.seq ?? notice.seq },
      text,
      remains: null,
    },
    files: how.more?.attachments?.length ?? 0,
    pictures: [],
    suspectFile: null,
  };
  const files = (how.more?.attachments ?? []).map((_, index) => ({
    filename: `file-${index}.txt`,
    contentType: 'text/plain',
    size: 5,
    sha256: sha256(`file ${index}`),
    contentId: null,
    inline: false,
    content: { bytes: Buffer.alloc(0) },
  }));
  const mail = reading({
    text: `${text}\n\nquoted words of the notification`,
    from: { name: 'Her Name', email: from },
    kind: how.kind ?? 'reply',
    messageId: `${sha256(text)}@his.example`,
    attachments: files,
  });
  const destinations = [await destinationOf(store, notice.replyTo)];
  const [result] = await store.file(filing(destinations, { ...mail, agent } as never, { ...PASS, ...how.more }));
  assert.equal(result?.kind, 'filed');
  return store.message((result as { messageId: string }).messageId);
}

const shown = ({ direction, kind, held, text }: Message) => `${held ? 'held ' : ''}${direction} ${kind}: ${text}`;
const reasonOf = (message: Message) => message.evidence.find(line => line.startsWith('held: '))?.slice(6) ?? null;

export function agentMailContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('a customer is told to those who follow, a note is told apart, nobody hears of himself', async ({ store }) => {
    const { anna, bob, conversation } = await acme(store);
    const ref = { id: conversation.id };
    await store.addMessage(ref, { direction: 'incoming', text: 'Hello?', via: 'api' });
    await store.addMessage(ref, { direction: 'note', text: 'Careful.', agent: { id: bob.id }, via: 'api' });
    await store.addMessage(ref, { direction: 'note', text: 'My own.', agent: { id: anna.id }, via: 'api' });
    await store.addMessage(ref, { direction: 'outgoing', text: 'Wait.', agent: { id: bob.id }, via: 'api' });
    const notices = await due(store);
    assert.deepEqual(
      notices.map(({ agent, purpose, messages, seq }) => [agent.email, purpose, messages.map(({ text }) => text), seq]),
      [
        ['anna@acme.example', 'answer', ['Where is my parcel?', 'Hello?'], 5],
        ['anna@acme.example', 'note', ['Careful.'], 5],
      ],
    );
    assert.equal(new Set(notices.map(({ replyTo }) => replyTo)).size, 2);
    assert.ok(!JSON.stringify(await store.conversation(ref)).includes(notices[0]!.replyTo));
  });

  check('assigned means assigned; unassigned, muted and disabled are not told', async ({ store }) => {
    const { anna, conversation } = await acme(store, 'assigned');
    const ref = { id: conversation.id };
    assert.deepEqual(await due(store), []);
    await store.assignConversation(ref, anna.id);
    await store.addMessage(ref, { direction: 'incoming', text: 'Hello?', via: 'api' });
    const notice = await told(store);
    assert.deepEqual(
      notice.messages.map(({ text }) => text),
      ['Hello?'],
    );
    const muted = await answer(store, notice, '/mute');
    assert.equal(shown(muted), 'note note: /mute');
    assert.ok(
      muted.evidence.includes('threaded: reply address of the agent anna@acme.example'),
      muted.evidence.join('\n'),
    );
    await store.addMessage(ref, { direction: 'incoming', text: 'Muted?', via: 'api' });
    assert.deepEqual(await due(store), []);
    await store.assignConversation(ref, null);
    await store.assignConversation(ref, anna.id);
    await store.addMessage(ref, { direction: 'incoming', text: 'Again?', via: 'api' });
    await store.disableAgent(anna.id);
    assert.deepEqual(await due(store), []);
    const [cancelled] = await store.deliveries({ limit: 1, state: 'cancelled' });
    assert.deepEqual([cancelled?.kind, cancelled?.last_error], ['notification', 'he is disabled']);
  });

  check('an account without the feature tells nobody', async ({ store }) => {
    const { conversation } = await acme(store);
    await store.setFeature('acme', 'agent_mail', false);
    assert.deepEqual(await due(store), []);
    await store.addMessage({ id: conversation.id }, { direction: 'incoming', text: 'Hello?', via: 'api' });
    assert.equal(await store.nextNoticeAt(), null);
  });

  check('a flood makes few notifications, and what comes while one is composed is not lost', async ({ store }) => {
    const { conversation } = await acme(store);
    const ref = { id: conversation.id };
    const [notice] = await due(store);
    for (let count = 0; count < 30; count += 1)
      await store.addMessage(ref, { direction: 'incoming', text: `Hello ${count}`, via: 'api' });
    assert.equal(await send(store, notice!), false, 'it changed meanwhile');
    const again = await told(store);
    assert.deepEqual([again.messages.length, again.more, again.messageIds.length], [20, 11, 31]);
    await store.addMessage(ref, { direction: 'incoming', text: 'More', via: 'api' });
    const next = await store.nextNoticeAt();
    assert.ok(next !== null && next > Date.now() + MINUTE / 2, 'a minute later');
    await start(store, 'other');
    assert.equal((await due(store)).length, 2);
  });

  check('sixty in an hour, then they wait and gather', async ({ store }) => {
    await acme(store);
    for (let count = 0; count < 69; count += 1) await start(store, `c${count}`);
    const soon = await store.dueNotices({ now: Date.now() + MINUTE, limit: 1000 });
    const all = await store.dueNotices({ now: Date.now() + 61 * MINUTE, limit: 1000 });
    assert.deepEqual([soon.length, all.length], [60, 70]);
  });

  check('an answer goes to the customer as his, with nothing of his mail', async ({ store }) => {
    const { anna, conversation } = await acme(store);
    const notice = await told(store);
    const file = Buffer.from('bytes');
    const attachments = [{ sha256: sha256('file 0'), size: file.length, bytes: file }];
    const message = await answer(store, notice, 'It is sent.', { more: { attachments } });
    assert.equal(shown(message), 'outgoing reply: It is sent.');
    const { author, message_id, subject, html, quoted_text, references, to, format } = message;
    assert.deepEqual(author, { id: anna.id, name: 'Anna', email: 'anna@acme.example', role: 'agent' });
    assert.deepEqual(
      [message_id, subject, html, quoted_text, references, to, format],
      [null, null, null, '', [], [], 'plain'],
    );
    assert.deepEqual(
      message.attachments.map(({ filename }) => filename),
      ['file-0.txt'],
    );
    const [snapshot] = await Promise.all(
      (await store.dueConversations({ now: Date.now() + MINUTE, limit: 9 })).map(id =>
        store.composeSnapshot(id, { now: Date.now() + MINUTE, context: 9 }),
      ),
    );
    assert.deepEqual(
      snapshot?.copies.map(({ email }) => email),
      ['carla@customer.example'],
    );
    assert.deepEqual([snapshot?.chain, snapshot?.answered, snapshot?.firstSubject], [[], false, null]);
    const again = await answer(store, notice, 'It is sent.', { more: { attachments } });
    assert.equal(again.id, message.id, 'the same mail is filed once');
    assert.equal((await store.conversation({ id: conversation.id })).messages!.length, 2);
  });

  check('notes stay notes, and commands are done', async ({ store }) => {
    const { anna, bob, conversation } = await acme(store);
    const ref = { id: conversation.id };
    await store.addMessage(ref, { direction: 'note', text: 'Careful.', agent: { id: bob.id }, via: 'api' });
    const [customer, note] = await due(store);
    assert.equal(shown(await answer(store, note!, 'I know.')), 'note note: I know.');
    assert.equal(shown(await answer(store, customer!, '/note\nCall her.')), 'note note: Call her.');
    assert.equal(shown(await answer(store, customer!, '/assign bob\n/resolve\nDone.')), 'outgoing reply: Done.');
    const after = await store.conversation(ref);
    assert.deepEqual([after.assignee?.id, after.status], [bob.id, 'resolved']);
    assert.equal(shown(await answer(store, customer!, '/reopen\n/assign me')), 'note note: /reopen\n/assign me');
    const last = await store.conversation(ref);
    assert.deepEqual([last.assignee?.id, last.status], [anna.id, 'open']);
    const unknown = await answer(store, customer!, '/assign Nobody\nDone?');
    assert.deepEqual(
      [shown(unknown), reasonOf(unknown)],
      ['held note note: /assign Nobody\nDone?', 'no agent is named "Nobody"'],
    );
  });

  check('what is not proven is held; released it is his answer', async ({ store }) => {
    const { anna, conversation } = await acme(store);
    const notice = await told(store);
    for (const [text, how, reason] of [
      ['one', { from: 'mallory@evil.example' }, 'it is from mallory@evil.example, not from anna@acme.example'],
      [
        'two',
        { more: { authentication: null } },
        'it does not prove that anna@acme.example sent it: DMARC is not known, not pass',
      ],
      [
        'three',
        { more: { authentication: { ...NO_AUTHENTICATION, dmarc: 'fail' } } },
        'it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
      ],
    ] as const) {
      const message = await answer(store, notice, `/resolve\n${text}`, how);
      assert.deepEqual([shown(message), reasonOf(message)], [`held outgoing reply: ${text}`, reason]);
      assert.deepEqual(message.mail, { state: 'not_mailed', reason: 'never' });
    }
    assert.deepEqual(await store.dueConversations({ now: Date.now() + MINUTE, limit: 9 }), []);
    const ref = { id: conversation.id };
    assert.equal((await store.conversation(ref)).status, 'open');
    assert.deepEqual(await store.quotable([conversation.id]), ['Where is my parcel?']);
    // It is no news for whoever answers now.
    await store.addMessage(ref, { direction: 'outgoing', text: 'By the page', after_seq: 1, via: 'api' });
    const held = (await store.conversation(ref)).messages!.filter(message => message.held);
    const released = await store.releaseMessage(held[1]!.id);
    assert.equal(shown(released), 'outgoing reply: two');
    assert.deepEqual([released.author.id, released.mail.state], [anna.id, 'queued']);
    assert.equal((await store.conversation(ref)).status, 'resolved', 'and what it asked for is done');
    const events = await store.events({ account: 'acme', after: 'ev_00000000000', limit: 100 });
    const ofIt = events.filter(event => event.message?.id === released.id).map(event => event.type);
    assert.deepEqual(ofIt, ['message.held', 'message.updated', 'message.created']);
    assert.equal((await store.dropMessage(held[0]!.id)).held, false);
    await assert.rejects(store.releaseMessage(held[0]!.id), error => isReplydError(error, 'message_not_held'));
  });

  check('a connection that is his proves it, another one not', async ({ store }) => {
    await acme(store);
    const notice = await told(store);
    const none = { authentication: null };
    assert.equal((await answer(store, notice, 'one', { more: { ...none, login: 'Anna@acme.example' } })).held, false);
    assert.equal((await answer(store, notice, 'two', { more: { ...none, login: 'bob@acme.example' } })).held, true);
    const said = { authentication: { ...NO_AUTHENTICATION, login: 'anna@acme.example' } };
    assert.equal((await answer(store, notice, 'three', { more: said })).held, false);
  });

  check('without its marker it is a note for good', async ({ store }) => {
    const { conversation } = await acme(store);
    const notice = await told(store);
    for (const [text, how] of [
      ['one', { marker: null }],
      ['two', { number: 99 }],
      ['three', { seq: 99 }],
      ['/foo\nfour', {}],
    ] as const) {
      const message = await answer(store, notice, text, how);
      assert.equal(shown(message), `held note note: ${text}`);
      assert.equal(shown(await store.releaseMessage(message.id)), `note note: ${text}`);
    }
    assert.deepEqual(await store.dueConversations({ now: Date.now() + MINUTE, limit: 9 }), []);
    assert.equal((await store.conversation({ id: conversation.id })).messages!.length, 5);
  });

  check('a stale answer is held, and his next notification says what changed', async ({ store }) => {
    const { bob, conversation } = await acme(store);
    const ref = { id: conversation.id };
    const notice = await told(store);
    assert.equal((await answer(store, notice, 'First.')).held, false);
    assert.equal((await answer(store, notice, 'And more.')).held, false, 'his own answer makes nothing stale');
    await store.addMessage(ref, { direction: 'note', text: 'A note.', agent: { id: bob.id }, via: 'api' });
    assert.equal((await answer(store, notice, 'A note makes nothing stale.')).held, false);
    await store.addMessage(ref, { direction: 'outgoing', text: 'Bob was faster.', agent: { id: bob.id }, via: 'api' });
    const stale = await answer(store, notice, 'Too late.');
    assert.deepEqual(
      [shown(stale), reasonOf(stale)],
      ['held outgoing reply: Too late.', 'it is stale: Bob wrote since the message that it answers'],
    );
    await store.addMessage(ref, { direction: 'incoming', text: 'Thanks.', via: 'api' });
    const next = (await due(store)).find(each => each.purpose === 'answer')!;
    assert.deepEqual(
      next.messages.map(({ text }) => text),
      ['Thanks.'],
    );
    assert.deepEqual(
      next.since.map(({ author, text }) => [author, text]),
      [['Bob', 'Bob was faster.']],
    );
    assert.deepEqual(
      next.held.map(({ reason }) => reason),
      ['it is stale: Bob wrote since the message that it answers'],
    );
    assert.ok(await send(store, next));
    assert.equal((await answer(store, next, 'Now it fits.')).held, false);
    assert.equal((await store.releaseMessage(stale.id)).mail.state, 'queued');
  });

  check('his robots never reach anybody', async ({ store }) => {
    await acme(store);
    const notice = await told(store);
    for (const kind of ['auto_reply', 'bounce'] as const) {
      assert.equal(
        shown(await answer(store, notice, `I am away ${kind}.`, { kind })),
        `note ${kind}: I am away ${kind}.\n\nquoted words of the notification`,
      );
    }
    assert.deepEqual(await due(store), []);
    assert.deepEqual(await store.dueConversations({ now: Date.now() + MINUTE, limit: 9 }), []);
  });

  check(
    'of disabled agents, of those who left and without the feature it is held; removed ones are dead',
    async ({ store }) => {
      const { anna } = await acme(store);
      const notice = await told(store);
      await store.disableAgent(anna.id);
      assert.equal(reasonOf(await answer(store, notice, 'one')), 'anna@acme.example is disabled');
      await store.enableAgent(anna.id);
      await store.setFeature('acme', 'agent_mail', false);
      assert.equal(
        reasonOf(await answer(store, notice, 'two')),
        'the account takes no mail of agents (agent_mail is off)',
      );
      await store.setFeature('acme', 'agent_mail', true);
      await store.addAccount({ slug: 'other', domains: [], support_email: 'support@other.example' });
      await store.addAgent({ account: 'other', email: 'anna@acme.example', name: 'Anna' });
      await store.removeAgent(anna.id, 'acme');
      assert.equal(
        reasonOf(await answer(store, notice, 'three')),
        'anna@acme.example does not belong to the account any more',
      );
      await store.removeAgent(anna.id, null);
      assert.equal((await store.resolve(notice.replyTo)).kind, 'unknown');
    },
  );

  check('a dead mailbox ends his notifications until he is there again', async ({ store }) => {
    const { anna, conversation } = await acme(store);
    const ref = { id: conversation.id };
    const notice = await told(store);
    const [parcel] = await store.lease('smarthost', { now: Date.now() + MINUTE, limit: 9 });
    assert.deepEqual([parcel?.kind, (parcel as { rcptTo: string }).rcptTo], ['notification', 'anna@acme.example']);
    const failure = {
      kind: 'failed',
      response: '550 5.1.1 no such user',
      suspend: true,
      refusedByPolicy: false,
    } as const;
    assert.ok(await store.settle(parcel!.deliveryId, failure, { now: Date.now(), retryAt: null }));
    assert.match((await store.agent(anna.id)).suspended?.reason ?? '', /5\.1\.1/);
    await store.addMessage(ref, { direction: 'incoming', text: 'Hello?', via: 'api' });
    assert.deepEqual(await due(store), []);
    const events = await store.events({ account: 'acme', after: 'ev_00000000000', limit: 100 });
    assert.equal(events.filter(({ type }) => type === 'agent.suspended').length, 1);
    assert.equal((await store.contact(conversation.contact.id)).suspended, null);
    assert.equal((await answer(store, notice, 'I am here.')).held, true, 'the customer wrote meanwhile');
    assert.notEqual((await store.agent(anna.id)).suspended, null);
    assert.equal((await answer(store, notice, '/note\nI am here.')).held, false);
    assert.equal((await store.agent(anna.id)).suspended, null);
    await store.addMessage(ref, { direction: 'incoming', text: 'Hello again?', via: 'api' });
    assert.equal((await due(store)).length, 1);
  });

  check('a bounce of a notification does the same, and stands in the conversation', async ({ store }) => {
    const { anna, conversation } = await acme(store);
    const notice = await told(store);
    const bounce = await destinationOf(store, notice.bounceAddress!);
    const report = [
      { recipient: 'anna@acme.example', action: 'failed', status: '5.1.1', diagnostic: 'no such user' },
    ] as const;
    await store.file(filing([bounce], { ...reading({ text: 'Undelivered.', kind: 'bounce' }), report }, {}));
    assert.match((await store.agent(anna.id)).suspended?.reason ?? '', /5\.1\.1/);
    assert.equal((await store.contact(conversation.contact.id)).suspended, null);
    assert.deepEqual((await store.conversation({ id: conversation.id })).messages!.map(shown), [
      'incoming channel: Where is my parcel?',
      'incoming bounce: Undelivered.',
    ]);
    assert.equal((await store.enableAgent(anna.id)).suspended, null);
  });

  check('a removed conversation takes all of it along', async ({ store }) => {
    const { conversation } = await acme(store);
    const notice = await told(store);
    await answer(store, notice, 'one', { from: 'mallory@evil.example' });
    await store.addMessage({ id: conversation.id }, { direction: 'incoming', text: 'Hello?', via: 'api' });
    await store.removeConversation({ id: conversation.id });
    assert.equal((await store.resolve(notice.replyTo)).kind, 'unknown');
    assert.deepEqual(await store.deliveries({ limit: 9 }), []);
  });

  check('what cannot be read is held as a note, also when it can be read later', async ({ store }) => {
    await acme(store);
    const notice = await told(store);
    const [result] = await store.file(filing([await destinationOf(store, notice.replyTo)], null, PASS));
    const { messageId, mailId } = result as { messageId: string; mailId: string };
    const message = await store.message(messageId);
    assert.deepEqual([shown(message), reasonOf(message)], ['held note note: ', 'it cannot be read']);
    await store.refile(mailId, reading({ text: 'Now it can be read.' }), []);
    const after = await store.message(messageId);
    assert.deepEqual([shown(after), after.author.email], ['held note note: Now it can be read.', 'anna@acme.example']);
    const options = { elsewhere: false, contents: [] };
    assert.deepEqual((await store.reread(messageId, reading({ text: 'Otherwise.' }), options)).parts, []);
  });

  check('a mail to his address and to a customer’s is one message, and his', async ({ store }) => {
    const { conversation } = await acme(store);
    const notice = await told(store);
    const both = [await destinationOf(store, conversation.reply_to!), await destinationOf(store, notice.replyTo)];
    const stranger = reading({ text: 'Hello', from: { name: '', email: 'mallory@evil.example' } });
    const results = await store.file(filing(both, stranger, PASS));
    assert.equal(new Set(results.map(result => (result as { messageId: string }).messageId)).size, 1);
    assert.deepEqual((await store.conversation({ id: conversation.id })).messages!.map(shown), [
      'incoming channel: Where is my parcel?',
      'held note note: ',
    ]);
  });

  check('nobody reads an address of an agent', async ({ store }) => {
    await acme(store);
    const { replyTo } = await told(store);
    await store.addAccount({ slug: 'other', domains: ['in.other.example'], support_email: 'support@other.example' });
    assert.ok((await store.redacted(replyTo, { account: 'acme' })) === replyTo);
    for (const account of ['other', null]) assert.ok(!(await store.redacted(replyTo, { account })).includes(replyTo));
  });
}
