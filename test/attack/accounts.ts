/**
 * Two accounts. Whoever has one account's key asks every route of /v1, as the OpenAPI document lists them, with the other
 * account's ids, numbers, cursors, idempotency keys, event ids and name. What must hold: what is another's is not there (403
 * or 404), nothing of it is changed, and no answer has one byte of it: all that the victim wrote carries a mark that is
 * looked for in every header and body.
 */
import { type AttackKind, newTally, type Tally } from './attack.js';
import { ask, type HttpAnswer, postJson } from './http-client.js';
import type { Target, Tenant } from './target.js';

/** In what the attacker may know of the victim: addresses and names in other systems. */
const MARK = 'zyxwvictim';

/** In what only the victim knows. */
function secretOf(mark: string): string {
  return `secret${[...mark].reverse().join('')}`;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
}

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { parameters?: readonly { name: string; in: string }[] }>>>
  >;
}

/** A body that would do, for routes that need one. */
const BODIES: Readonly<Record<string, unknown>> = {
  'PATCH /v1/conversations/{ref}': { status: 'resolved', metadata: { stolen: true } },
  'POST /v1/conversations/{ref}/messages': { direction: 'outgoing', text: 'from the other account' },
  'POST /v1/conversations/{ref}/assign': { agent: null },
  'POST /v1/conversations/{ref}/cc': { email: 'eve@evil.example' },
  'POST /v1/conversations/{ref}/read': { agent: 'agt_04x0g2k9c7d' },
  'PATCH /v1/contacts/{id}': { name: 'Stolen' },
  'PATCH /v1/hooks/{id}': { types: ['hook.disabled'] },
};

interface Victim {
  /** By the name of what they are. */
  readonly ids: Readonly<Record<string, string>>;
  readonly cursors: readonly string[];
  readonly eventIds: readonly string[];
  /** What may stand in no answer to the other. */
  readonly secrets: readonly string[];
  /** Everything of it as it is now. */
  picture(): Promise<string>;
}

export const accounts: AttackKind = {
  name: 'accounts',
  about: "every route of /v1 with another account's ids, cursors, keys and streams",
  async run(target) {
    const tally = newTally();
    const { url, acme, umbra } = target;
    const own = await furnish(target, umbra, 'umbra');
    const victim = await furnish(target, acme, MARK);
    const document = JSON.parse((await ask(url, { place: '/openapi.json' })).text) as OpenApi;
    const operations = operationsOf(document);
    tally.count('the document lists routes', operations.length >= 28 ? null : `${operations.length} operations`);
    const before = await victim.picture();
    for (const operation of operations) {
      await namedInPath(target, operation, { victim, tally });
      await namedInQuery(target, operation, { victim, tally });
    }
    await namedInBody(target, { victim, own, tally });
    await sameIdempotencyKey(target, tally);
    await strangePlaces(target, victim, tally);
    await streams(target, victim, tally);
    const after = await victim.picture();
    tally.count('nothing of the victim was changed', after === before ? null : `${before}\nbecame\n${after}`);
    return tally.result();
  },
};

function operationsOf({ paths }: OpenApi): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    path.startsWith('/v1/')
      ? Object.entries(methods).map(([method, { parameters = [] }]) => ({
          method: method.toUpperCase(),
          path,
          query: parameters.filter(each => each.in === 'query').map(each => each.name),
        }))
      : [],
  );
}

/** Gives an account one of each thing, with `mark` in every word. */
async function furnish(target: Target, tenant: Tenant, mark: string): Promise<Victim> {
  const { url, store } = target;
  const { key } = tenant;
  const secret = secretOf(mark);
  const made = JSON.parse(
    (
      await postJson(url, key, {
        place: '/v1/conversations',
        body: {
          channel: 'api',
          source_id: `${mark}-source`,
          subject: `Subject ${secret}`,
          metadata: { [secret]: secret },
          contact: { email: `${mark}@customer.example`, name: `Name ${secret}`, source_id: `${mark}-contact` },
          messages: [{ direction: 'incoming', text: `Asked ${secret}` }],
        },
      })
    ).text,
  ) as { id: string; number: number; reply_to: string; contact: { id: string }; participants: { id: string }[] };
  await store.setFeature(tenant.slug, 'hold_strangers', true);
  const talk = await target.session('smtp');
  await talk.command(`MAIL FROM:<${mark}@stranger.example>`, 250);
  await talk.command(`RCPT TO:<${made.reply_to}>`, 250);
  await talk.command('DATA', 354);
  talk.sendMail(
    `From: "${secret}" <${mark}@stranger.example>\nTo: <${made.reply_to}>\nSubject: ${secret}\nMessage-ID: <${mark}@stranger.example>\n` +
      `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nWrote ${secret}\n--b\nContent-Type: text/plain\n` +
      `Content-Disposition: attachment; filename=${secret}.txt\n\nfile ${secret}\n--b--\n`,
  );
  await talk.expect(250);
  await talk.quit();
  const at = `/v1/conversations/${made.id}`;
  await postJson(url, key, {
    place: `${at}/messages`,
    body: { direction: 'outgoing', text: `Answer ${secret}`, mail: 'auto' },
  });
  const shown = JSON.parse((await ask(url, { place: at, key })).text) as {
    messages: { id: string; held: boolean; attachments: { id: string }[] }[];
  };
  const held = shown.messages.find(message => message.attachments.length > 0)!;
  const hook = JSON.parse(
    (await postJson(url, key, { place: '/v1/hooks', body: { url: `https://app.example/${secret}` } })).text,
  ) as { id: string; secret?: string };
  const page = async (name: string) =>
    JSON.parse((await ask(url, { place: `/v1/${name}limit=1`, key })).text) as {
      data: { id: string }[];
      next_cursor: string | null;
    };
  await target.converse({ tenant, contact: `${mark}2@customer.example`, text: secret });
  const [deliveries, ...lists] = await Promise.all([
    page('deliveries?'),
    page('conversations?'),
    page('contacts?'),
    page(`conversations/${made.id}/messages?`),
  ]);
  const stream = await ask(url, { place: '/v1/events', key, headers: { 'last-event-id': 'evt_0' }, within: 500 });
  const resumed = /^id: ?(\S+)/m.exec(stream.text)?.[1];
  const ids = {
    conversation: made.id,
    number: `${tenant.slug}:${made.number}`,
    message: held.id,
    attachment: held.attachments[0]!.id,
    contact: made.contact.id,
    participant: made.participants[0]!.id,
    delivery: deliveries!.data[0]!.id,
    hook: hook.id,
  };
  const cursors = [deliveries!, ...lists].flatMap(({ next_cursor, data }) => [next_cursor ?? data[0]!.id]);
  const token = made.reply_to.split(/[+@]/)[1]!;
  const secrets = [secret, token, ...Object.values(ids), ...(hook.secret === undefined ? [] : [hook.secret])];
  const places = [
    at,
    `${at}/messages`,
    `/v1/messages/${ids.message}`,
    `/v1/contacts/${ids.contact}`,
    `/v1/deliveries/${ids.delivery}`,
    `/v1/hooks/${ids.hook}`,
  ];
  return {
    ids,
    cursors,
    eventIds: resumed === undefined ? [] : [resumed],
    secrets,
    async picture() {
      const answers = await Promise.all(places.map(place => ask(url, { place, key })));
      // The victim's webhook is tried again all the time.
      const still = (text: string) => text.replaceAll(/"next_(?:probe|attempt)_at":"[^"]+"/g, '');
      return answers.map(({ status, text }) => `${status} ${still(text)}`).join('\n');
    },
  };
}

/** The first secret that stands in an answer, and was not asked with. */
function leak({ head, text }: HttpAnswer, { secrets }: Victim, asked: string): string | null {
  const found = secrets.find(secret => `${head}${text}`.includes(secret) && !asked.includes(secret));
  return found === undefined ? null : `its answer has ${found}: ${text.slice(0, 300)}`;
}

interface Scene {
  readonly victim: Victim;
  readonly tally: Tally;
}

async function namedInPath(target: Target, operation: Operation, { victim, tally }: Scene): Promise<void> {
  if (!operation.path.includes('{')) return;
  const route = `${operation.method} ${operation.path}`;
  for (const id of Object.values(victim.ids)) {
    const place = operation.path.replace(/\{\w+\}/, id);
    for (const headers of [{}, { 'idempotency-key': 'mine' }]) {
      if (operation.method !== 'POST' && 'idempotency-key' in headers) continue;
      const answer =
        operation.method === 'GET' || operation.method === 'DELETE'
          ? await ask(target.url, { method: operation.method, place, key: target.umbra.key, within: 2_000 })
          : await postJson(target.url, target.umbra.key, {
              method: operation.method,
              place,
              body: BODIES[route] ?? {},
              headers,
            });
      const isAway = answer.status === 404 || answer.status === 403;
      const fault = isAway ? leak(answer, victim, place) : `${answer.status} ${answer.text.slice(0, 300)}`;
      tally.count(`${operation.method} ${place}`, fault);
    }
  }
}

/** Each parameter with each of the victim's ids, cursors and names; a fault is a leak or trouble of ours. */
async function namedInQuery(target: Target, operation: Operation, { victim, tally }: Scene): Promise<void> {
  if (operation.method !== 'GET') return;
  const values = [
    ...Object.values(victim.ids),
    ...victim.cursors,
    target.acme.slug,
    target.acme.slug.toUpperCase(),
    `${MARK}@customer.example`,
    `${MARK}-source`,
    '*',
    '%',
    '',
    `' or '1'='1`,
    '\0',
  ];
  const own = operation.path.includes('{') ? null : operation.path;
  if (own === null || own === '/v1/events') return;
  for (const name of operation.query) {
    for (const value of values) {
      const coded = encodeURIComponent(value);
      const places = [`${own}?${name}=${coded}`];
      if (name === 'account')
        places.push(`${own}?account=${target.umbra.slug}&account=${coded}`, `${own}?account[]=${coded}`);
      for (const place of places) {
        const answer = await ask(target.url, { place, key: target.umbra.key });
        const trouble = answer.status === 0 || answer.status >= 500 ? `${answer.status} ${answer.text}` : null;
        tally.count(`GET ${place}`, trouble ?? leak(answer, victim, decodeURIComponent(place)));
      }
    }
  }
}

async function namedInBody(target: Target, { victim, own, tally }: Scene & { own: Victim }): Promise<void> {
  const { ids } = victim;
  const at = `/v1/conversations/${own.ids.conversation}`;
  const bodies: readonly (readonly [string, unknown])[] = [
    ['/v1/conversations', { account: 'acme', channel: 'api', contact: { email: 'eve@evil.example' } }],
    ['/v1/conversations', { channel: 'api', contact: { id: ids.contact } }],
    ['/v1/conversations', { channel: 'api', contact: { email: `${MARK}@customer.example` } }],
    ['/v1/conversations', { channel: 'api', contact: { source_id: `${MARK}-contact` } }],
    ['/v1/conversations', { channel: 'api', source_id: `${MARK}-source`, contact: { email: 'eve@evil.example' } }],
    ['/v1/conversations', { channel: 'api', source_id: `${MARK}-source`, contact: { source_id: `${MARK}-contact` } }],
    ['/v1/accounts', { slug: 'evil', domains: [], support_email: 'eve@evil.example' }],
    ['/v1/keys', { account: 'acme', name: 'mine' }],
    ['/v1/keys', { account: null }],
    ['/v1/hooks', { account: 'acme', url: 'https://evil.example/' }],
    [`${at}/rotate-token`, { participant: ids.participant }],
    [`${at}/revoke-token`, { participant: ids.participant }],
    [`${at}/rotate-token`, { participant: `${MARK}@customer.example` }],
    [`${at}/revoke-token`, { participant: `${MARK}@stranger.example` }],
    [`${at}/messages`, { direction: 'outgoing', text: 'x', attachments: [{ id: ids.attachment }] }],
    [`${at}/messages`, { direction: 'outgoing', text: 'x', source_id: `${MARK}-source` }],
    [`${at}/messages`, { direction: 'outgoing', text: 'x', conversation_id: ids.conversation }],
    [`${at}/messages`, { direction: 'note', text: 'x', __proto__: { account: 'acme' } }],
    [
      '/v1/conversations',
      JSON.parse('{"channel":"api","contact":{"email":"e@evil.example"},"__proto__":{"account":"acme"}}'),
    ],
  ];
  for (const [place, body] of bodies) {
    const answer = await postJson(target.url, target.umbra.key, { place, body });
    const trouble = answer.status === 0 || answer.status >= 500 ? `${answer.status} ${answer.text}` : null;
    tally.count(`POST ${place} ${JSON.stringify(body)}`, trouble ?? leak(answer, victim, JSON.stringify(body)));
  }
}

/** The same name and the same request as the victim's get an answer of their own. */
async function sameIdempotencyKey(target: Target, tally: Tally): Promise<void> {
  const request = {
    place: '/v1/conversations',
    body: { channel: 'api', contact: { email: 'both@customer.example' } },
    headers: { 'idempotency-key': 'order-1' },
  };
  const theirs = await postJson(target.url, target.acme.key, request);
  const ours = await postJson(target.url, target.umbra.key, request);
  const idOf = ({ text }: HttpAnswer) => (JSON.parse(text) as { id: string; account: string }).id;
  const isOther = ours.status === 201 && idOf(ours) !== idOf(theirs) && !/idempotency-replayed/i.test(ours.head);
  tally.count("the victim's Idempotency-Key with the same request", isOther ? null : `${ours.head}${ours.text}`);
}

/** Paths that a router may read otherwise than the check in front of it. */
async function strangePlaces(target: Target, victim: Victim, tally: Tally): Promise<void> {
  const { conversation, message, attachment } = victim.ids;
  const places = [
    `/v1/conversations/acme%3A1`,
    `/v1/conversations/acme:0001`,
    `/v1/conversations/ACME:1`,
    `/v1/conversations/umbra:../acme:1`,
    `/v1/conversations/${conversation}/`,
    `/v1/conversations/${conversation}%00`,
    `/v1/conversations/${conversation!.toUpperCase()}`,
    `/v1/conversations/%20${conversation}`,
    `/v1/conversations//${conversation}`,
    `/v1/conversations/./${conversation}`,
    `/v1/hooks/../conversations/${conversation}`,
    `/v1/hooks/..%2fconversations%2f${conversation}`,
    `//v1/conversations/${conversation}`,
    `/V1/conversations/${conversation}`,
    `/v1;/conversations/${conversation}`,
    `/v1/conversations/${conversation};umbra`,
    `/v1/conversations/${conversation}?account=umbra`,
    `/v1/conversations/${conversation}#umbra`,
    `/v1/messages/${message}/raw?account=umbra`,
    `/v1/messages/${message}%2fraw`,
    `/v1/attachments/${attachment}?message=${message}`,
    `/v1/attachments/${attachment}.txt`,
    `http://127.0.0.1/v1/conversations/${conversation}`,
  ];
  for (const place of places) {
    for (const method of ['GET', 'HEAD', 'PUT', 'TRACE']) {
      const answer = await ask(target.url, { method, place, key: target.umbra.key });
      const isRefused = answer.status >= 400 && answer.status < 500;
      tally.count(`${method} ${place}`, isRefused ? leak(answer, victim, place) : `${answer.status} ${answer.text}`);
    }
  }
  const bearers = [
    `${target.umbra.key}, Bearer ${target.acme.key.slice(0, -1)}`,
    target.acme.key.slice(0, -1),
    `${target.acme.key}x`,
    target.acme.key.toUpperCase(),
    victim.ids.conversation!,
    '%',
    '*',
    `' or 1=1 --`,
  ];
  for (const key of bearers) {
    const answer = await ask(target.url, { place: `/v1/conversations/${conversation}`, key });
    tally.count(`the key ${key.slice(0, 60)}`, answer.status === 401 ? leak(answer, victim, '') : `${answer.status}`);
  }
}

/** While the victim's conversation goes on, the other reads its own stream, from the victim's place and from the start. */
async function streams(target: Target, victim: Victim, tally: Tally): Promise<void> {
  const { url, acme, umbra } = target;
  const latest = await target.store.latestEvent();
  const starts = [...victim.eventIds, latest, 'evt_0', 'evt_00000000000', '0', '*', "' or 1=1 --"];
  const only = `/v1/events?conversation=${victim.ids.conversation}`;
  const places = [
    '/v1/events',
    only,
    `${only}&account=umbra`,
    '/v1/events?types=message.created',
    '/v1/events?account=acme',
    '/v1/events?last_event_id=evt_0',
    '/v1/events?after=evt_0',
  ];
  const readers = places.flatMap(place =>
    starts.map(async start => {
      const answer = await ask(url, { place, key: umbra.key, headers: { 'last-event-id': start }, within: 2_500 });
      const trouble = answer.status >= 500 || answer.status === 0 ? `${answer.status} ${answer.text}` : null;
      tally.count(`${place} from ${start}`, trouble ?? leak(answer, victim, `${place} ${start}`));
    }),
  );
  await new Promise(resolve => setTimeout(resolve, 500));
  const said = await target.converse({ tenant: acme, contact: `${MARK}3@customer.example`, text: secretOf(MARK) });
  await postJson(url, acme.key, {
    place: `/v1/conversations/${said.id}/messages`,
    body: { direction: 'note', text: secretOf(MARK) },
  });
  await Promise.all(readers);
}
