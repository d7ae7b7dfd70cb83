/** Agents in the API: what one who is signed in sees and says, and who gets hold of whom. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { destinationOf, filing, reading } from '../store/contract.js';
import { type Answer, type Served, serve, signIn, startConversation } from './served.js';

interface Shown {
  readonly id: string;
  readonly code: string;
  readonly link: string | null;
  readonly mailed: string | null;
  readonly unread: boolean | null;
  readonly assignee: { readonly id: string } | null;
  readonly author: { readonly id: string | null; readonly name: string; readonly email: string | null };
  readonly accounts: readonly { readonly account: string; readonly role: string }[];
  readonly data: readonly { readonly id: string; readonly unread: boolean | null }[];
}

const shown = (answer: Answer) => answer.body as unknown as Shown;

/** Anna answers for acme; Ada administers it. */
async function withAgents(context: TestContext, more: Parameters<typeof serve>[1] = {}) {
  const served = await serve(context, more);
  const agent = async (email: string, more: object = {}) => {
    const { id } = await served.store.addAgent({ account: 'acme', email, name: 'Anna', ...more });
    let session: Promise<string> | null = null;
    const secret = () => {
      session ??= signIn(served.store, id);
      return session;
    };
    const ask = async (method: string, place: string, body?: unknown, headers = {}) =>
      served.call(null, method, place, body, { 'x-session': await secret(), ...headers });
    return { ask, secret };
  };
  const anna = await agent('anna@acme.example');
  const ada = await agent('ada@acme.example', { name: 'Ada', role: 'admin' });
  return { ...served, served, anna: anna.ask, ada: ada.ask, secret: anna.secret };
}

async function write(served: Served, to: string, text: string): Promise<string> {
  const [filed] = await served.store.file(filing([await destinationOf(served.store, to)], reading({ text })));
  assert.ok(filed?.kind === 'filed' && filed.messageId);
  return filed.messageId;
}

test('whoever is signed in is known by his session until it ends', async context => {
  const { anna, store, secret, call, acme } = await withAgents(context);
  const me = shown(await anna('GET', '/v1/me'));
  assert.deepEqual(me.accounts, [{ account: 'acme', name: 'acme', role: 'agent', notify: 'assigned' }]);
  assert.equal(shown(await call(acme, 'GET', '/v1/me')).code, 'agent_required');
  assert.equal((await call('rpk_wrong', 'GET', '/v1/me', undefined, { 'x-session': await secret() })).status, 401);
  assert.equal((await call(await secret(), 'GET', '/v1/me')).status, 401, 'a session is no key');
  await store.disableAgent(me.id);
  assert.equal((await anna('GET', '/v1/me')).status, 401);
});

test('what he writes carries his name, whatever the body says, and is done once', async context => {
  const { anna, store, acme, call } = await withAgents(context);
  const { id } = await startConversation(store);
  const at = `/v1/conversations/${id}/messages`;
  const said = { direction: 'outgoing', markdown: 'Soon', agent: { name: 'The boss', email: 'boss@acme.example' } };
  const named = { 'idempotency-key': 'a-1' };
  const answer = shown(await anna('POST', at, said, named));
  assert.deepEqual([answer.author.name, answer.author.email], ['Anna', 'anna@acme.example']);
  assert.equal(answer.author.id, shown(await anna('GET', '/v1/me')).id);
  assert.equal(shown(await anna('POST', at, said, named)).id, answer.id);
  assert.equal(shown(await anna('POST', at, { direction: 'note', text: 'x' })).author.id, answer.author.id);
  assert.equal(shown(await anna('POST', at, { direction: 'incoming', text: 'I owe you' })).code, 'forbidden');
  const old = { direction: 'outgoing', text: 'x', created_at: '2020-01-01T00:00:00Z' };
  assert.equal(shown(await anna('POST', at, old)).code, 'forbidden');
  const start = { channel: 'email', contact: { email: 'bo@customer.example' } };
  assert.equal(
    shown(await anna('POST', '/v1/conversations', { ...start, messages: [{ direction: 'incoming', text: 'x' }] })).code,
    'forbidden',
  );
  const byKey = async (agent: object) => call(acme, 'POST', at, { direction: 'note', text: 'x', agent });
  assert.equal(shown(await byKey({ id: answer.author.id })).author.name, 'Anna');
  assert.equal(shown(await byKey({ name: 'Anna', email: 'ANNA@acme.example' })).author.id, answer.author.id);
  assert.equal(shown(await byKey({ name: 'Anna' })).author.id, null);
  assert.equal(shown(await byKey({ id: 'agt_00000000000' })).code, 'agent_not_found');
  for (const wrong of [{}, { id: answer.author.id, name: 'X' }, { email: 'x@acme.example' }]) {
    assert.equal((await byKey(wrong)).status, 422);
  }
});

test('nothing that he is shown holds a reply address', async context => {
  const { served, store, anna, ada, call, acme, url, secret } = await withAgents(context);
  const { id, reply_to } = await startConversation(store);
  const { inbox } = await store.account('acme');
  const token = (address: string) => /\+([0-9a-f]{32})@/.exec(address)![1]!;
  const secrets = [token(reply_to!), token(inbox!)];
  const holds = (text: string) => secrets.some(each => text.toLowerCase().includes(each));
  const reset = new AbortController();
  const stream = await fetch(`${url}/v1/events`, { headers: { 'x-session': await secret() }, signal: reset.signal });
  const events = stream.body!.getReader();
  const message = await write(served, reply_to!, `I wrote to ${reply_to} and ${secrets[0]!.toUpperCase()}`);
  const bytes = Buffer.from(`To: ${reply_to}\r\n`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { attachments } = await store.addMessage(
    { id },
    {
      direction: 'note',
      text: `see ${inbox}`,
      via: 'api',
      attachments: [
        { filename: `${reply_to}.eml`, content_type: 'text/plain', content: { sha256, size: bytes.length, bytes } },
      ],
    },
  );
  const file = `/v1/attachments/${attachments[0]!.id}`;
  const places = [
    '/v1/conversations?preview=500',
    `/v1/conversations/${id}`,
    `/v1/conversations/${id}/messages`,
    `/v1/messages/${message}`,
    `/v1/messages/${message}/raw`,
    file,
  ];
  for (const place of places) {
    const [mine, keys] = [await anna('GET', place), await call(acme, 'GET', place)];
    assert.equal(mine.status, 200, place);
    assert.ok(!holds(mine.text) && !holds(mine.headers.get('content-disposition') ?? ''), place);
    if (!place.endsWith('raw')) assert.ok(holds(keys.text), `${place}: the test looks in the right place`);
  }
  const conversation = (await anna('GET', `/v1/conversations/${id}`)).body as unknown as {
    readonly reply_to: unknown;
    readonly participants: readonly { readonly reply_to: unknown }[];
  };
  assert.deepEqual([conversation.reply_to, conversation.participants[0]?.reply_to], [null, null]);
  const rotated = await anna('POST', `/v1/conversations/${id}/rotate-token`, {});
  assert.match(rotated.text, /"reply_to":null/);
  assert.ok(!rotated.text.includes(token((await store.conversation({ id })).reply_to!)));
  assert.match((await ada('GET', '/v1/accounts/acme')).text, /"inbox":null/);
  assert.equal((await anna('GET', '/v1/accounts/acme')).status, 403);
  let told = '';
  while (!told.includes('see ')) told += Buffer.from((await events.read()).value ?? []).toString();
  assert.ok(told.includes('"reply_to":null') && told.includes(message) && !holds(told));
  reset.abort();
});

test('the beginning of a text does not end within a reply address', async context => {
  const { served, store, anna } = await withAgents(context);
  const { reply_to } = await startConversation(store);
  await write(served, reply_to!, `To: ${reply_to}`);
  const token = /\+([0-9a-f]{32})@/.exec(reply_to!)![1]!;
  for (let length = 12; length < 70; length += 1) {
    const { text } = await anna('GET', `/v1/conversations?preview=${length}`);
    assert.ok(!text.includes(`+${token.slice(0, 3)}`), String(length));
  }
});

test('each has his marks, and sees what is assigned to him', async context => {
  const { served, store, anna, ada, call, acme } = await withAgents(context);
  await new Promise(resolve => setTimeout(resolve, 5));
  const { id, reply_to } = await startConversation(store);
  const at = `/v1/conversations/${id}`;
  const unread = async (who: typeof anna) => [
    shown(await who('GET', at)).unread,
    shown(await who('GET', '/v1/conversations')).data[0]?.unread,
  ];
  assert.deepEqual(await unread(anna), [true, true]);
  assert.equal(shown(await anna('POST', `${at}/read`)).unread, false);
  assert.deepEqual(
    [await unread(anna), await unread(ada)],
    [
      [false, false],
      [true, true],
    ],
  );
  assert.equal(shown(await call(acme, 'GET', at)).unread, null);
  assert.equal((await call(acme, 'POST', `${at}/read`)).status, 422);
  await write(served, reply_to!, 'Hello?');
  assert.deepEqual(await unread(anna), [true, true]);
  assert.equal(
    shown(await anna('POST', `${at}/assign`, { agent: 'me' })).assignee?.id,
    shown(await anna('GET', '/v1/me')).id,
  );
  const count = async (who: typeof anna, filter: string) =>
    shown(await who('GET', `/v1/conversations?${filter}`)).data.length;
  assert.deepEqual([await count(anna, 'assignee=me'), await count(ada, 'assignee=me')], [1, 0]);
  assert.deepEqual([await count(ada, 'assignee=none'), await count(ada, 'assignee=anna@acme.example')], [0, 1]);
  assert.deepEqual([await count(ada, 'held=true'), await count(ada, 'held=false')], [0, 1]);
  assert.equal(shown(await call(acme, 'GET', '/v1/conversations?assignee=me')).code, 'agent_required');
  assert.equal((await anna('GET', '/v1/conversations?held=maybe')).status, 422);
  assert.equal(shown(await ada('POST', `${at}/assign`, { agent: null })).assignee, null);
});

test('the events of one of his accounts, until he does not belong to it any more', async context => {
  const { store, url, secret, anna } = await withAgents(context);
  const { id } = shown(await anna('GET', '/v1/me'));
  await store.addAgent({ account: 'other', email: 'anna@acme.example', name: 'Anna' });
  assert.equal(shown(await anna('GET', '/v1/events')).code, 'account_required');
  await store.removeAgent(id, 'other');
  const response = await fetch(`${url}/v1/events?account=other`, { headers: { 'x-session': await secret() } });
  assert.equal(response.status, 404);
  await response.body?.cancel();
});

test('an account’s key or admin gets no hold of an agent of another account', async context => {
  const { store, call, acme, other, operator, ada } = await withAgents(context);
  const email = 'anna@acme.example';
  const added = shown(await call(other, 'POST', '/v1/agents', { email, name: 'Mine' }));
  assert.deepEqual([added.link, added.mailed], [null, null]);
  const at = `/v1/agents/${added.id}`;
  for (const place of ['link', 'disable', 'enable']) {
    for (const ask of [await call(other, 'POST', `${at}/${place}`), await ada('POST', `${at}/${place}`)]) {
      assert.deepEqual([ask.status, shown(ask).code], [409, 'agent_shared'], place);
    }
  }
  assert.equal(shown(await ada('PATCH', at, { name: 'Nobody' })).code, 'agent_shared');
  assert.equal((await ada('PATCH', at, { role: 'admin' })).status, 200);
  assert.match(shown(await call(operator, 'POST', `${at}/link?account=acme`)).link ?? '', /^https:.*\/sign-in#rpl_/);
  assert.equal((await call(other, 'DELETE', at)).status, 204);
  assert.equal((await call(other, 'GET', at)).status, 404);
  assert.match(shown(await call(acme, 'POST', `${at}/link`)).link ?? '', /#rpl_/);
  assert.equal((await store.agents({ account: 'acme' })).length, 2);
});

test('where a smarthost is set a link is mailed, to an agent of several accounts only so', async context => {
  const signIn = () => ({ web: 'https://support.example', mails: true, envelopeSender: 'bounce' });
  const { store, call, acme, other } = await withAgents(context, { signIn });
  const bo = shown(await call(acme, 'POST', '/v1/agents', { email: 'bo@acme.example', name: 'Bo' }));
  assert.match(bo.link ?? '', /#rpl_/);
  const mail = await store.delivery(bo.mailed!);
  assert.deepEqual([mail.kind, mail.recipient, mail.account], ['notification', 'bo@acme.example', 'acme']);
  const shared = shown(await call(other, 'POST', '/v1/agents', { email: 'bo@acme.example', name: 'Bo' }));
  assert.equal(shared.link, null);
  assert.equal((await store.delivery(shared.mailed!)).account, 'other');
  const again = shown(await call(other, 'POST', `/v1/agents/${shared.id}/link`));
  assert.deepEqual([again.link, typeof again.mailed], [null, 'string']);
  assert.ok(!JSON.stringify(await store.deliveries({ limit: 9 })).includes('rpl_'));
});

test('without a page there is no link', async context => {
  const signIn = () => ({ web: null, mails: true, envelopeSender: 'bounce' });
  const { call, acme } = await withAgents(context, { signIn });
  const added = shown(await call(acme, 'POST', '/v1/agents', { email: 'bo@acme.example', name: 'Bo' }));
  assert.deepEqual([added.link, added.mailed], [null, null]);
  assert.equal(shown(await call(acme, 'POST', `/v1/agents/${added.id}/link`)).code, 'no_web_page');
});

test('an account’s settings are checked, and what is left out stays', async context => {
  const { ada, store } = await withAgents(context);
  await store.setAccount('acme', { settings: { locale: 'de', forwarders: ['team.example'] } });
  const change = { name: 'Acme Ltd', settings: { blocked: ['@EVIL.example', 'Bo@x.example'], delay: 60_000 } };
  assert.equal((await ada('PATCH', '/v1/accounts/acme', change)).status, 200);
  const { name, settings } = await store.account('acme');
  assert.deepEqual(
    [name, settings],
    [
      'Acme Ltd',
      { locale: 'de', forwarders: ['team.example'], blocked: ['evil.example', 'bo@x.example'], delay: 60_000 },
    ],
  );
  for (const wrong of [{ blocked: ['no domain'] }, { delay: -1 }, { forwarders: [] }, { locale: 'german' }]) {
    assert.equal((await ada('PATCH', '/v1/accounts/acme', { settings: wrong })).status, 422, JSON.stringify(wrong));
  }
});
