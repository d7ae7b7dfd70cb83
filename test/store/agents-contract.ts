/** The store's contract about agents: who they are, how they sign in, what is assigned to them and what they have read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isReplydError } from '#replyd/base/errors.js';
import type { Store } from '#replyd/conversation/store.js';
import { destinationOf, filing, type Open, type Opened, reading, sha256 } from './contract.js';

const PASSWORD = 'correct horse battery';
const HOUR = 3_600_000;
const MINUTE = 60_000;

async function withAccounts(store: Store, ...slugs: string[]) {
  for (const slug of slugs)
    await store.addAccount({ slug, domains: [`${slug}.example.com`], support_email: `support@${slug}.example` });
}

function start(store: Store, account = 'acme', name = 'carla') {
  return store.startConversation({
    account,
    channel: 'api',
    contact: { email: `${name}@customer.example` },
    text: 'Where is my parcel?',
    via: 'api',
  });
}

const anna = { account: 'acme', email: 'Anna@Acme.Example', name: 'Anna' } as const;
const refuses = (code: ErrorCode) => (error: unknown) => isReplydError(error, code);

async function signedIn(store: Store, who: string, knownTo: 'nobody' | 'operator' | 'account' = 'operator') {
  const { secret } = await store.newSignInLink(who, { knownTo });
  return (await store.useSignInLink(secret, PASSWORD))!;
}

export function agentsContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run(await open(context)));

  check('an agent is known by his address, whatever its case, and belongs to accounts', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const agent = await store.addAgent(anna);
    assert.match(agent.id, /^agt_[0-9a-z]{11}$/);
    assert.deepEqual(
      [agent.email, agent.name, agent.role, agent.notify, agent.state, agent.has_password, agent.account],
      ['Anna@acme.example', 'Anna', 'agent', 'assigned', 'on', false, 'acme'],
    );
    await assert.rejects(store.addAgent({ ...anna, email: 'anna@ACME.example' }), refuses('agent_exists'));
    await assert.rejects(store.addAgent({ ...anna, email: 'nobody' }), refuses('invalid_address'));
    await assert.rejects(store.addAgent({ ...anna, email: 'b@acme.example', name: ' ' }), refuses('invalid'));
    await assert.rejects(store.addAgent({ ...anna, account: 'none' }), refuses('account_not_found'));
    const again = await store.addAgent({ account: 'other', email: 'anna@acme.example', name: 'X', role: 'admin' });
    assert.deepEqual([again.id, again.name, again.role], [agent.id, 'Anna', 'admin'], 'one person, with his name');
    assert.deepEqual(
      (await store.agent('ANNA@acme.example')).accounts.map(each => [each.account, each.role]),
      [
        ['acme', 'agent'],
        ['other', 'admin'],
      ],
    );
    assert.deepEqual(await store.agents({ account: 'acme' }), [agent]);
    const changed = await store.setAgent('acme', agent.id, { name: 'Anna B.', role: 'admin', notify: 'all' });
    assert.deepEqual([changed.name, changed.role, changed.notify], ['Anna B.', 'admin', 'all']);
    assert.equal((await store.agentOf('other', agent.id)).name, 'Anna B.');
    await assert.rejects(store.setAgent('acme', agent.id, { name: 'Y', within: ['acme'] }), refuses('agent_shared'));
    assert.equal((await store.setAgent('acme', agent.id, { notify: 'none', within: ['acme'] })).notify, 'none');
    for (const nobody of ['agt_00000000000', 'b@acme.example', 'cv_00000000000', '']) {
      await assert.rejects(store.agent(nobody), refuses('agent_not_found'), nobody);
    }
  });

  check('of sessions and links the oldest end', async ({ store }) => {
    await withAccounts(store, 'acme');
    const { id } = await store.addAgent(anna);
    const links = [];
    for (let count = 0; count < 6; count += 1) links.push(await store.newSignInLink(id, { knownTo: 'operator' }));
    const alive = await Promise.all(links.map(async ({ secret }) => (await store.signInLink(secret)) !== null));
    assert.deepEqual(alive, [false, true, true, true, true, true]);
  });

  check('an account gets no hold of an agent of another', async ({ store }) => {
    await withAccounts(store, 'acme', 'evil');
    const { id } = await store.addAgent(anna);
    await store.addAgent({ ...anna, account: 'evil' });
    const within = { within: ['evil'] };
    for (const refused of [
      store.disableAgent(id, within),
      store.enableAgent(id, within),
      store.newSignInLink(id, { knownTo: 'account', ...within }),
    ]) {
      await assert.rejects(refused, refuses('agent_shared'));
    }
    await store.removeAgent(id, 'evil');
    assert.equal((await store.disableAgent(id, { within: ['acme'] })).state, 'disabled');
  });

  check('an agent goes with the last of his accounts', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const { id } = await store.addAgent(anna);
    await store.addAgent({ ...anna, account: 'other' });
    const only = await store.addAgent({ account: 'acme', email: 'bo@acme.example', name: 'Bo' });
    await store.removeAccount('acme');
    await assert.rejects(store.agent(only.id), refuses('agent_not_found'));
    assert.deepEqual(
      (await store.agent(id)).accounts.map(each => each.account),
      ['other'],
    );
  });

  check('a conversation is assigned to an agent of its account, and events tell it', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const { id } = await start(store);
    const agent = await store.addAgent(anna);
    const foreign = await store.addAgent({ account: 'other', email: 'eve@other.example', name: 'Eve' });
    const place = await store.latestEvent();
    const assigned = await store.assignConversation({ id }, agent.id);
    assert.deepEqual(assigned.assignee, { id: agent.id, name: 'Anna', email: 'Anna@acme.example' });
    await store.assignConversation({ id }, 'anna@acme.example');
    const [event, ...more] = await store.events({ after: place, limit: 9 });
    assert.deepEqual(
      [event?.type, event?.data, event?.conversation?.assignee?.id, more],
      ['conversation.updated', { changed: ['assignee'] }, agent.id, []],
      'once',
    );
    for (const nobody of [foreign.id, 'eve@other.example', 'agt_00000000000']) {
      await assert.rejects(store.assignConversation({ id }, nobody), refuses('agent_not_found'));
    }
    await store.disableAgent(agent.id);
    assert.equal((await store.conversation({ id })).assignee?.id, agent.id, 'it stays so');
    await assert.rejects(store.assignConversation({ id }, agent.id), refuses('agent_disabled'));
    assert.equal((await store.assignConversation({ id }, null)).assignee, null);
    await store.enableAgent(agent.id);
    const many = [];
    for (let count = 0; count < 60; count += 1) {
      const each = await start(store, 'acme', `c${count}`);
      many.push(each.id);
      await store.assignConversation({ id: each.id }, agent.id);
    }
    const before = await store.latestEvent();
    await store.removeAgent(agent.id, 'acme');
    for (const each of many) assert.equal((await store.conversation({ id: each })).assignee, null);
    assert.equal((await store.events({ after: before, limit: 99 })).length, 60);
    assert.equal((await store.conversations({ account: 'acme', assignee: 'none', limit: 99 })).length, 61);
  });

  check('conversations are listed by whom they are assigned to, and by what is held', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    await store.setFeature('acme', 'hold_strangers', true);
    const agent = await store.addAgent(anna);
    const [one, two, three] = [await start(store), await start(store, 'acme', 'b'), await start(store, 'acme', 'c')];
    await start(store, 'other');
    await store.assignConversation({ id: one.id }, agent.id);
    await store.assignConversation({ id: two.id }, agent.id);
    await store.setConversation({ id: two.id }, { status: 'resolved' });
    const list = async (filter: object) =>
      (await store.conversations({ account: 'acme', limit: 9, ...filter })).map(each => each.id).sort();
    assert.deepEqual(await list({ assignee: agent.id }), [one.id, two.id].sort());
    assert.deepEqual(await list({ assignee: agent.id, status: 'open' }), [one.id]);
    assert.deepEqual(await list({ assignee: 'none' }), [three.id]);
    assert.deepEqual(await list({ held: true }), []);
    const to = await destinationOf(store, three.reply_to!);
    const from = { name: 'Eve', email: 'eve@other.example' };
    const [filed] = await store.file(filing([to], reading({ text: 'let me in', from })));
    assert.ok(filed?.kind === 'filed' && filed.messageId);
    assert.deepEqual(await list({ held: true }), [three.id]);
    assert.deepEqual(await list({ held: true, assignee: 'none', contact: 'c@customer.example' }), [three.id]);
    assert.deepEqual(await list({ held: true, assignee: agent.id }), []);
    await store.releaseMessage(filed.messageId);
    assert.deepEqual(await list({ held: true }), []);
  });

  check('unread is what an agent has not read, of what is open', async ({ store }) => {
    await withAccounts(store, 'acme');
    const old = await start(store);
    const [agent, second] = [
      await store.addAgent(anna),
      await store.addAgent({ account: 'acme', email: 'bo@acme.example', name: 'Bo' }),
    ];
    await new Promise(resolve => setTimeout(resolve, 5));
    const { id } = await start(store, 'acme', 'b');
    const unread = (of = agent.id) => store.unread(of, [old.id, id]);
    assert.deepEqual(await unread(), [id], 'what came before he did is not');
    assert.deepEqual(await unread('agt_00000000000'), []);
    await store.readConversation({ id }, { agent: agent.id });
    assert.deepEqual([await unread(), await unread(second.id)], [[], [id]], 'each has his own');
    await store.addMessage({ id }, { direction: 'note', text: 'x', via: 'api' });
    assert.deepEqual(await unread(), []);
    await store.addMessage({ id }, { direction: 'incoming', text: 'Hello?', via: 'api' });
    assert.deepEqual(await unread(), [id]);
    await store.addMessage({ id }, { direction: 'outgoing', text: 'Yes', agent: { id: agent.id }, via: 'api' });
    assert.deepEqual([await unread(), await unread(second.id)], [[], [id]], 'who answers has read it');
    await store.readConversation({ id }, { agent: agent.id, seq: 0 });
    assert.deepEqual(await unread(), [id]);
    await store.setConversation({ id }, { status: 'resolved' });
    assert.deepEqual([await unread(), await unread(second.id)], [[], []]);
    await store.readConversation({ id }, { agent: agent.id, seq: 0 });
    await store.setConversation({ id }, { status: 'open' });
    assert.deepEqual([await unread(), await unread(second.id)], [[], []], 'what was settled stays so');
    await store.addMessage({ id }, { direction: 'incoming', text: 'Again', via: 'api' });
    assert.deepEqual([await unread(), await unread(second.id)], [[id], [id]]);
    await store.removeConversation({ id });
    assert.deepEqual(await unread(), []);
  });

  check('an agent is the author of what he writes', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const { id } = await start(store);
    const agent = await store.addAgent(anna);
    const foreign = await store.addAgent({ account: 'other', email: 'eve@other.example', name: 'Eve' });
    const say = (named: Parameters<Store['addMessage']>[1]['agent']) =>
      store.addMessage({ id }, { direction: 'outgoing', text: 'Yes', via: 'api', ...(named && { agent: named }) });
    const his = { id: agent.id, name: 'Anna', email: 'Anna@acme.example', role: 'agent' };
    assert.deepEqual((await say({ id: agent.id })).author, his);
    assert.deepEqual((await say({ name: 'A.', email: 'anna@acme.example' })).author, {
      ...his,
      name: 'A.',
      email: 'anna@acme.example',
    });
    assert.equal((await say({ name: 'Eve', email: 'eve@other.example' })).author.id, null);
    assert.equal((await say({ name: 'Eve', email: 'no address' })).author.id, null);
    assert.equal((await say({ name: 'Anna' })).author.id, null);
    await assert.rejects(say({ id: foreign.id }), refuses('agent_not_found'));
    await store.disableAgent(agent.id);
    await assert.rejects(say({ id: agent.id }), refuses('agent_disabled'));
    await store.removeAgent(agent.id, null);
    assert.deepEqual((await store.conversation({ id })).messages?.[1]?.author, his, 'his words stay');
  });

  check('a mail to an agent goes through the queue, and its bytes go with its end', async ({ store, now }) => {
    await withAccounts(store, 'acme');
    const agent = await store.addAgent(anna);
    const bytes = Buffer.from('Subject: x\r\n\r\nsecret\r\n');
    const mail = async () => {
      const mailId = store.mintMailId();
      const raw = { sha256: sha256(bytes.toString()), size: bytes.length, bytes };
      const of = { agent: agent.id, account: 'acme', messageId: `${mailId}@acme.example.com`, mailFrom: 'a@b.example' };
      return { mailId, id: await store.notifyAgent({ ...of, mailId, raw }) };
    };
    const { id } = await mail();
    const queued = await store.delivery(id);
    assert.deepEqual(
      [queued.kind, queued.recipient, queued.account, queued.conversation_id, queued.state],
      ['notification', 'Anna@acme.example', 'acme', null, 'waiting'],
    );
    assert.equal(await store.nextComposeAt(), null);
    const time = now?.() ?? Date.now() + 1000;
    const [parcel] = await store.lease('smarthost', { now: time, limit: 9 });
    assert.ok(parcel?.kind === 'notification');
    assert.deepEqual([parcel.rcptTo, parcel.mailFrom], ['Anna@acme.example', 'a@b.example']);
    assert.ok('bytes' in parcel.content);
    await store.settle(id, { kind: 'retry', response: '451' }, { now: time, retryAt: time });
    const [again] = await store.lease('smarthost', { now: time, limit: 9 });
    assert.ok(again?.kind === 'notification' && 'bytes' in again.content && again.content.bytes.length > 0);
    const failure = { kind: 'failed', response: '550', suspend: true, refusedByPolicy: false } as const;
    await store.settle(id, failure, { now: time, retryAt: null });
    await assert.rejects(store.retryDelivery(id), refuses('delivery_not_possible'));
    const second = await mail();
    await store.cancelDelivery(second.id);
    assert.equal((await store.delivery(second.id)).state, 'cancelled');
    for (let count = 2; count < 10; count += 1) await mail();
    await assert.rejects(mail(), refuses('too_many_requests'));
    const { secret } = await store.newSignInLink(agent.id, { knownTo: 'operator' });
    for (let count = 0; count < 5; count += 1)
      await assert.rejects(store.newSignInLink(agent.id, { knownTo: 'nobody' }), refuses('too_many_requests'));
    assert.notEqual(await store.signInLink(secret), null, 'nobody ends his links by asking for more');
    await store.removeAgent(agent.id, null);
    await assert.rejects(store.delivery(id), refuses('delivery_not_found'));
  });
}

/** What takes passwords, which are slow to hash, and a clock that is moved on. */
export function sessionsContract(name: string, open: Open): void {
  const check = (title: string, run: (opened: Required<Opened>) => Promise<void>) =>
    test(`${name}: ${title}`, async context => run((await open(context)) as Required<Opened>));

  check('a link is good once, sets the password and ends the other ways in', async ({ store }) => {
    await withAccounts(store, 'acme');
    const { id } = await store.addAgent(anna);
    const [first, second] = [
      await store.newSignInLink(id, { knownTo: 'operator' }),
      await store.newSignInLink(id, { knownTo: 'nobody' }),
    ];
    assert.match(first.secret, /^rpl_[\w-]{32}$/);
    assert.equal(await store.openSession({ email: anna.email, password: PASSWORD }), null, 'no password yet');
    const shown = { email: 'Anna@acme.example', name: 'Anna', has_password: false };
    assert.deepEqual([await store.signInLink(first.secret), await store.signInLink(first.secret)], [shown, shown]);
    assert.equal(await store.signInLink(`${first.secret}x`), null);
    await assert.rejects(store.useSignInLink(first.secret, 'short'), refuses('invalid_password'));
    await assert.rejects(store.useSignInLink(first.secret, 'x'.repeat(1001)), refuses('invalid_password'));
    // Eleven characters of two code points each, in NFD.
    await assert.rejects(store.useSignInLink(first.secret, 'e\u0301'.repeat(11)), refuses('invalid_password'));
    const { secret, agent } = (await store.useSignInLink(first.secret, 'e\u0301'.repeat(12)))!;
    assert.match(secret, /^rps_[\w-]{32}$/);
    assert.equal(agent.has_password, true);
    assert.equal(await store.useSignInLink(first.secret, PASSWORD), null);
    assert.equal(await store.useSignInLink(second.secret, PASSWORD), null, 'the other link has ended');
    assert.equal((await store.session(secret))?.agent.id, id);
    const again = await store.openSession({ email: 'anna@acme.example', password: '\u00e9'.repeat(12) });
    assert.ok(again !== null && again.secret !== secret, 'the same characters in NFC');
    for (const wrong of ['\u00e8'.repeat(12), 'short', '']) {
      assert.equal(await store.openSession({ email: anna.email, password: wrong }), null, wrong);
    }
    assert.equal(await store.openSession({ email: 'nobody@acme.example', password: PASSWORD }), null);
    assert.equal(await store.openSession({ email: 'nobody', password: PASSWORD }), null);
    await store.endSession(secret);
    assert.equal(await store.session(secret), null);
    assert.notEqual(await store.session(again.secret), null);
    const { secret: anew } = await store.newSignInLink(id, { knownTo: 'operator' });
    const latest = (await store.useSignInLink(anew, PASSWORD))!;
    assert.equal(await store.session(again.secret), null, 'a new password ends the sessions of the old');
    await store.endSessions(id);
    assert.equal(await store.session(latest.secret), null);
  });

  check('who is signed in and knows his password gives himself another', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const { id } = await store.addAgent(anna);
    const first = await signedIn(store, id, 'account');
    const elsewhere = (await store.openSession({ email: anna.email, password: PASSWORD }))!;
    const link = await store.newSignInLink(id, { knownTo: 'nobody' });
    const next = 'another horse battery';
    const change = (session: string, current: string, password = next) =>
      store.changePassword(session, { current, next: password });
    assert.equal(await change(first.secret, 'wrong horse battery'), null);
    assert.equal(await change(`${first.secret}x`, PASSWORD), null);
    await assert.rejects(change(first.secret, PASSWORD, 'short'), refuses('invalid_password'));
    assert.notEqual(await store.session(first.secret), null, 'nothing has happened');
    const changed = (await change(first.secret, PASSWORD))!;
    assert.equal((await store.session(changed.secret))?.agent.id, id);
    for (const { secret } of [first, elsewhere]) assert.equal(await store.session(secret), null);
    assert.equal(await store.signInLink(link.secret), null);
    assert.equal(await store.openSession({ email: anna.email, password: PASSWORD }), null);
    assert.notEqual(await store.openSession({ email: anna.email, password: next }), null);
    // That proves nothing of his mailbox: whoever made his link may be signed in.
    await store.addAgent({ ...anna, account: 'other' });
    assert.equal(await store.session(changed.secret), null);
  });

  check('what ends an agent’s right counts at his next request', async ({ store }) => {
    await withAccounts(store, 'acme', 'other');
    const { id } = await store.addAgent(anna);
    await store.addAgent({ ...anna, account: 'other' });
    const first = await signedIn(store, id);
    assert.deepEqual(
      (await store.session(first.secret))?.agent.accounts.map(each => each.account),
      ['acme', 'other'],
    );
    await store.setAgent('acme', id, { role: 'admin' });
    assert.equal((await store.session(first.secret))?.agent.accounts[0]?.role, 'admin');
    await store.removeAgent(id, 'other');
    assert.deepEqual(
      (await store.session(first.secret))?.agent.accounts.map(each => each.account),
      ['acme'],
    );
    await assert.rejects(store.removeAgent(id, 'other'), refuses('agent_not_found'));
    const link = await store.newSignInLink(id, { knownTo: 'nobody' });
    assert.equal((await store.disableAgent(id)).state, 'disabled');
    assert.deepEqual([await store.session(first.secret), await store.signInLink(link.secret)], [null, null]);
    assert.equal(await store.openSession({ email: anna.email, password: PASSWORD }), null);
    await assert.rejects(store.newSignInLink(id, { knownTo: 'nobody' }), refuses('agent_disabled'));
    await store.enableAgent(id);
    assert.equal(await store.session(first.secret), null, 'it does not come back');
    const second = (await store.openSession({ email: anna.email, password: PASSWORD }))!;
    await store.removeAgent(id, null);
    assert.equal(await store.session(second.secret), null);
    await assert.rejects(store.agent(id), refuses('agent_not_found'));
    assert.notEqual((await store.addAgent(anna)).id, id);
  });

  check('who added an agent first knows no way in when another account adds him', async ({ store }) => {
    await withAccounts(store, 'evil', 'acme');
    const { id } = await store.addAgent({ ...anna, account: 'evil' });
    const kept = await store.newSignInLink(id, { knownTo: 'account', within: ['evil'] });
    const evil = await signedIn(store, id, 'account');
    const later = await store.newSignInLink(id, { knownTo: 'account', within: ['evil'] });
    await store.addAgent(anna);
    assert.equal(await store.session(evil.secret), null);
    assert.equal(await store.openSession({ email: anna.email, password: PASSWORD }), null);
    for (const { secret } of [kept, later]) assert.equal(await store.signInLink(secret), null);
    const his = await signedIn(store, id, 'nobody');
    await withAccounts(store, 'third');
    await store.addAgent({ ...anna, account: 'third' });
    assert.equal((await store.session(his.secret))?.agent.accounts.length, 3, 'his mailbox is proven');
  });

  check('an account has a bounded number of agents', async ({ store }) => {
    await withAccounts(store, 'acme');
    for (let count = 0; count < 500; count += 1)
      await store.addAgent({ account: 'acme', email: `a${count}@acme.example`, name: 'A' });
    await assert.rejects(store.addAgent(anna), refuses('too_many_agents'));
    assert.equal((await store.agents({ account: 'acme' })).length, 500);
  });

  check('a link is good for a day, a session for 12 hours of silence and 30 days', async ({ store, later }) => {
    await withAccounts(store, 'acme');
    const { id } = await store.addAgent(anna);
    const over = await store.newSignInLink(id, { knownTo: 'operator' });
    later(24 * HOUR);
    assert.equal(await store.signInLink(over.secret), null);
    assert.equal(await store.useSignInLink(over.secret, PASSWORD), null);
    const { secret } = await signedIn(store, id);
    const idle = (await store.openSession({ email: anna.email, password: PASSWORD }))!;
    for (let hours = 0; hours < 30 * 24 - 10; hours += 10) {
      later(10 * HOUR);
      assert.notEqual(await store.session(secret), null, String(hours));
    }
    assert.equal(await store.session(idle.secret), null);
    later(10 * HOUR);
    assert.equal(await store.session(secret), null, 'thirty days');
  });

  check('the use of a session is noted every few minutes', async ({ store, later }) => {
    await withAccounts(store, 'acme');
    const { secret } = await signedIn(store, (await store.addAgent(anna)).id);
    later(4 * MINUTE);
    await store.session(secret);
    later(12 * HOUR - 4 * MINUTE);
    assert.equal(await store.session(secret), null, 'the use after four minutes was not noted');
  });
}
