/** A request for every route of the API, for tests that go over all of them: a route without one fails a test. */
import assert from 'node:assert/strict';
import { apiRoutes } from '#replyd/api/api.js';
import type { EventStream } from '#replyd/api/stream.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { type Served, startConversation } from './served.js';

export const ROUTES = apiRoutes({ testHook: async () => ({ ok: true, response: '' }), stream: {} as EventStream }).map(
  route => `${route.method} ${route.path}`,
);

/** For each route a request that works with acme's key, made from what is in the store. */
export async function requests(served: Served): Promise<Record<string, { place: string; body?: unknown }>> {
  const { store } = served;
  const { id, contact, reply_to } = await startConversation(store);
  await store.file(
    filing([await destinationOf(store, reply_to!)], reading({ from: { name: 'Bo', email: 'bo@other.example' } })),
  );
  await store.setFeature('acme', 'hold_strangers', true);
  const attachment = { sha256: 'ab'.repeat(32), size: 4, bytes: Buffer.from('logo') };
  const stranger = async (text: string, email: string) => {
    const [filed] = await store.file(
      filing(
        [await destinationOf(store, reply_to!)],
        reading({
          text,
          from: { name: 'Eve', email },
          attachments: [
            {
              filename: 'logo.png',
              contentType: 'image/png',
              size: 4,
              sha256: attachment.sha256,
              contentId: null,
              inline: false,
              content: { bytes: attachment.bytes },
            },
          ],
        }),
        { attachments: [attachment] },
      ),
    );
    assert.ok(filed?.kind === 'filed' && filed.messageId);
    return filed.messageId;
  };
  const held = await stranger('release me', 'eve@other.example');
  const dropped = await stranger('drop me', 'mallory@other.example');
  const cc = (await store.addCc({ id }, { email: 'dan@other.example' })).cc[0]!.id;
  const file = (await store.message(held)).attachments[0]!.id;
  const answer = async (source_id: string) =>
    store.addMessage({ id }, { direction: 'outgoing', text: 'soon', source_id, mail: 'auto', via: 'api' });
  await answer('a1');
  const mine = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'second@customer.example' },
    via: 'api',
  });
  await store.addMessage({ id: mine.id }, { direction: 'outgoing', text: 'x', mail: 'now', via: 'api' });
  const second = (await store.deliveries({ account: 'acme', limit: 1 }))[0]!.id;
  const hook = (await store.addHook({ account: 'acme', url: 'https://app.example/hook' })).hook.id;
  const doomed = (await store.addHook({ account: 'acme', url: 'https://app.example/doomed' })).hook.id;
  const agent = (await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna' })).id;
  const doomedAgent = (await store.addAgent({ account: 'acme', email: 'bo@acme.example', name: 'Bo' })).id;
  const doomedOne = await store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
  const doomedContact = { account: 'acme', channel: 'api', contact: { source_id: 'doomed' }, via: 'api' } as const;
  const { contact: leaving } = await store.startConversation(doomedContact);
  const doomedKey = (await store.addKey({ account: 'other' })).key.id;
  const at = `/v1/conversations/${id}`;
  return {
    'POST /v1/conversations': {
      place: '/v1/conversations',
      body: { channel: 'facebook', contact: { name: 'Bo' }, messages: [{ direction: 'incoming', text: 'Hi' }] },
    },
    'POST /v1/preview': { place: '/v1/preview', body: { markdown: '*Hello*' } },
    'GET /v1/conversations': { place: '/v1/conversations?status=open&limit=5&preview=80' },
    'GET /v1/conversations/{ref}': { place: at },
    'PATCH /v1/conversations/{ref}': { place: at, body: { status: 'resolved', metadata: { a: 1 } } },
    'DELETE /v1/conversations/{ref}': { place: `/v1/conversations/${doomedOne.id}` },
    'POST /v1/conversations/{ref}/seen': { place: `${at}/seen` },
    'POST /v1/conversations/{ref}/cc': { place: `${at}/cc`, body: { email: 'new@other.example' } },
    'DELETE /v1/conversations/{ref}/cc/{id}': { place: `${at}/cc/${cc}` },
    'POST /v1/conversations/{ref}/assign': { place: `${at}/assign`, body: { agent } },
    'POST /v1/conversations/{ref}/read': { place: `${at}/read`, body: { agent, seq: 1 } },
    'POST /v1/conversations/{ref}/rotate-token': { place: `${at}/rotate-token`, body: {} },
    'POST /v1/conversations/{ref}/revoke-token': {
      place: `${at}/revoke-token`,
      body: { participant: 'bo@other.example' },
    },
    'POST /v1/conversations/{ref}/messages': {
      place: `${at}/messages`,
      body: { direction: 'outgoing', markdown: '*Hello*', agent: { name: 'Ann' }, metadata: { k: 'v' } },
    },
    'GET /v1/conversations/{ref}/messages': { place: `${at}/messages?limit=2` },
    'GET /v1/messages/{id}': { place: `/v1/messages/${held}` },
    'GET /v1/messages/{id}/raw': { place: `/v1/messages/${held}/raw` },
    'POST /v1/messages/{id}/release': { place: `/v1/messages/${held}/release` },
    'POST /v1/messages/{id}/drop': { place: `/v1/messages/${dropped}/drop` },
    'GET /v1/attachments/{id}': { place: `/v1/attachments/${file}` },
    'GET /v1/contacts': { place: '/v1/contacts?email=CARLA%40customer.example' },
    'GET /v1/contacts/{id}': { place: `/v1/contacts/${contact.id}` },
    'GET /v1/contacts/{id}/export': { place: `/v1/contacts/${contact.id}/export` },
    'PATCH /v1/contacts/{id}': { place: `/v1/contacts/${contact.id}`, body: { name: 'Carla C.' } },
    'POST /v1/contacts/{id}/clear': { place: `/v1/contacts/${contact.id}/clear` },
    'DELETE /v1/contacts/{id}': { place: `/v1/contacts/${leaving.id}` },
    'GET /v1/deliveries': { place: `/v1/deliveries?conversation=${id}` },
    'GET /v1/deliveries/{id}': { place: `/v1/deliveries/${second}` },
    'POST /v1/deliveries/{id}/retry': { place: `/v1/deliveries/${second}/retry` },
    'POST /v1/deliveries/{id}/cancel': { place: `/v1/deliveries/${second}/cancel` },
    'GET /v1/queue': { place: '/v1/queue' },
    'PATCH /v1/queue': { place: '/v1/queue', body: { paused: false } },
    'GET /v1/search': { place: '/v1/search?q=release' },
    'POST /v1/hooks': { place: '/v1/hooks', body: { url: 'https://app.example/' } },
    'GET /v1/hooks': { place: '/v1/hooks' },
    'GET /v1/hooks/{id}': { place: `/v1/hooks/${hook}` },
    'PATCH /v1/hooks/{id}': { place: `/v1/hooks/${hook}`, body: { types: ['message.created'] } },
    'POST /v1/hooks/{id}/rotate': { place: `/v1/hooks/${hook}/rotate` },
    'POST /v1/hooks/{id}/test': { place: `/v1/hooks/${hook}/test` },
    'DELETE /v1/hooks/{id}': { place: `/v1/hooks/${doomed}` },
    'GET /v1/me': { place: '/v1/me' },
    'GET /v1/agents': { place: '/v1/agents' },
    'POST /v1/agents': { place: '/v1/agents', body: { email: 'eve@acme.example', name: 'Eve', role: 'admin' } },
    'GET /v1/agents/{id}': { place: `/v1/agents/${agent}` },
    'PATCH /v1/agents/{id}': { place: `/v1/agents/${agent}`, body: { name: 'Anna B.', notify: 'all' } },
    'DELETE /v1/agents/{id}': { place: `/v1/agents/${doomedAgent}` },
    'POST /v1/agents/{id}/link': { place: `/v1/agents/${agent}/link` },
    'POST /v1/agents/{id}/disable': { place: `/v1/agents/${agent}/disable` },
    'POST /v1/agents/{id}/enable': { place: `/v1/agents/${agent}/enable` },
    'GET /v1/accounts': { place: '/v1/accounts' },
    'POST /v1/accounts': { place: '/v1/accounts', body: { slug: 'new', domains: [], support_email: 'n@new.example' } },
    'GET /v1/keys': { place: '/v1/keys' },
    'POST /v1/keys': { place: '/v1/keys', body: { account: 'acme', name: 'x' } },
    'DELETE /v1/keys/{id}': { place: `/v1/keys/${doomedKey}` },
    'GET /v1/stats': { place: '/v1/stats' },
    'GET /v1/accounts/{slug}': { place: '/v1/accounts/acme' },
    'PATCH /v1/accounts/{slug}': { place: '/v1/accounts/acme', body: { settings: { blocked: ['@evil.example'] } } },
    'GET /v1/events': { place: '/v1/events' },
  };
}

/** An account's key may not. */
export const OF_OPERATORS = [
  ...['PATCH /v1/queue', 'POST /v1/accounts', 'GET /v1/keys', 'POST /v1/keys', 'DELETE /v1/keys/{id}', 'GET /v1/stats'],
];

/** Asks, and for the endless stream takes the head alone. */
export async function ask(
  served: Served,
  key: string | null,
  route: string,
  { place, body }: { place: string; body?: unknown },
) {
  const method = route.split(' ')[0]!;
  // It is for whoever is signed in: acme's agent.
  if (route === 'GET /v1/me' && key === served.acme) {
    return served.call(null, method, place, body, { 'x-session': await served.session() });
  }
  // Of all accounts: acme's key may not.
  if (OF_OPERATORS.includes(route) && key === served.acme) return served.call(served.operator, method, place, body);
  if (route !== 'GET /v1/events') return served.call(key, method, place, body);
  const ending = new AbortController();
  const response = await fetch(served.url + place, {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
    signal: ending.signal,
  });
  const { status, headers } = response;
  ending.abort();
  return { status, headers, body: null as never, text: '' };
}

/** The store as far as an application can change it. */
export async function picture({ store }: Served): Promise<string> {
  const conversations = await store.conversations({ limit: 100 });
  return JSON.stringify([
    await Promise.all(conversations.map(({ id }) => store.conversation({ id }))),
    await store.contacts({ limit: 100 }),
    await store.deliveries({ limit: 100 }),
    await store.hooks({}),
    await store.accounts(),
    await Promise.all((await store.accounts()).map(({ slug }) => store.agents({ account: slug }))),
    await store.latestEvent(),
  ]);
}
