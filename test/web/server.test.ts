/** What the page's server gives out, to whom, and what stands on every answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { OF_OPERATORS, ROUTES, requests } from '../api/every-route.js';
import { startConversation } from '../api/served.js';
import { changeRows } from '../engine.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { askAt, servePage } from './served.js';

const ADA = { account: 'acme', email: 'ada@acme.example', role: 'admin' } as const;
const EVE = { account: 'other', email: 'eve@other.example', role: 'admin' } as const;
const HEADERS = [
  ...['content-security-policy', 'referrer-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy'],
  ...['permissions-policy', 'x-content-type-options', 'strict-transport-security'],
];

test('the page is given out at all its addresses, its files for ever, and every answer carries the headers', async context => {
  const { ask, port } = await servePage(context, { publicUrl: 'https://support.example.com' });
  const page = await ask('GET', '/');
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  for (const place of ['/sign-in', '/conversations/cv_1', '/settings/me', '/settings']) {
    assert.equal((await ask('GET', place)).text, page.text, place);
  }
  const [script] = /\/assets\/main-\w+\.js/.exec(page.text)!;
  const asset = await ask('GET', script);
  assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.match(asset.headers['content-type']!, /^text\/javascript/);
  assert.equal(page.headers['cache-control'], 'no-store');
  const answers = {
    page,
    asset,
    nothing: await ask('GET', '/assets/../manifest.json'),
    hidden: await ask('GET', '/manifest.json'),
    unsigned: await ask('GET', '/v1/me'),
    wrong: await ask('POST', '/sign-in', { body: { email: 'x', password: 'y' } }),
    foreign: await ask('POST', '/sign-in', { headers: { origin: 'https://evil.example' } }),
    elsewhere: await ask('GET', '/', { headers: { host: 'evil.example' } }),
    method: await ask('DELETE', '/sign-out'),
    html: await ask('GET', '/html/msg_00000000000'),
    large: await ask('POST', '/sign-in', { body: 'x'.repeat(20_000) }),
    header: await ask('GET', '/', { headers: { 'x-long': 'x'.repeat(20_000) } }),
    proxied: await askAt(port, { method: 'GET', place: 'http://evil.example/' }, { host: 'support.example.com' }),
  };
  const expected = { nothing: 404, hidden: 404, unsigned: 401, foreign: 403, elsewhere: 421, method: 405, header: 431 };
  for (const [name, { status, headers }] of Object.entries(answers)) {
    assert.equal(status, (expected as Record<string, number>)[name] ?? status, name);
    for (const header of HEADERS) {
      if (header !== 'x-content-type-options' || name !== 'header') assert.ok(headers[header], `${name}: ${header}`);
    }
    assert.match(
      String(headers['content-security-policy']),
      /default-src 'none'.*frame-ancestors '(?:none|self)'/,
      name,
    );
    assert.doesNotMatch(headers['www-authenticate'] ?? '', /basic/i, name);
  }
  assert.ok(!page.headers['content-security-policy']!.includes('unsafe'));
  const broken = connect(port, '127.0.0.1');
  broken.write('nonsense\r\n\r\n');
  assert.match(await text(broken), /400[\s\S]*content-security-policy: default-src 'none'/);
});

test('a file goes out gzipped to whoever takes it so, and says that there are two of it', async context => {
  const { ask, port } = await servePage(context);
  const [script] = /\/assets\/main-\w+\.js/.exec((await ask('GET', '/')).text)!;
  const get = async (accepted: string | null, method = 'GET') => {
    const headers = { host: `127.0.0.1:${port}`, ...(accepted === null ? {} : { 'accept-encoding': accepted }) };
    const asked = request({ port, path: script, method, headers }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return { headers: response.headers, bytes: await buffer(response) };
  };
  const plain = await get(null);
  for (const [accepted, isZipped] of [
    ['gzip', true],
    ['gzip, deflate, br, zstd', true],
    ['br;q=1.0, GZIP;q=0.5', true],
    ['deflate,x-gzip', true],
    ['', false],
    ['br, deflate', false],
    ['gzip;q=0', false],
    ['br, gzip; q=0.000, identity', false],
    ['gzipped', false],
  ] as const) {
    const { headers, bytes } = await get(accepted);
    assert.equal(headers['content-encoding'], isZipped ? 'gzip' : undefined, accepted);
    assert.equal(headers.vary, 'accept-encoding', accepted);
    assert.equal(headers['content-type'], plain.headers['content-type'], accepted);
    assert.equal(Number(headers['content-length']), bytes.length, accepted);
    assert.ok((isZipped ? gunzipSync(bytes) : bytes).equals(plain.bytes), accepted);
    if (isZipped) assert.ok(bytes.length < plain.bytes.length / 2, accepted);
  }
  const head = await get('gzip', 'HEAD');
  assert.deepEqual([head.headers['content-encoding'], head.bytes.length], ['gzip', 0]);
});

test('over http on loopback nothing is said of https', async context => {
  const { ask } = await servePage(context);
  assert.equal((await ask('GET', '/')).headers['strict-transport-security'], undefined);
});

test('another name for our address is refused, whatever is asked', async context => {
  const { ask, port } = await servePage(context);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost', '127.0.0.1:1', `localhost.:${port}`, '']) {
    for (const place of ['/', '/v1/me', '/sign-in']) {
      assert.equal((await ask('GET', place, { headers: { host } })).status, 421, `${host} ${place}`);
    }
    assert.equal((await ask('POST', '/sign-in', { headers: { host }, body: {} })).status, 421);
  }
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
    assert.equal((await ask('GET', '/', { headers: { host } })).status, 200, host);
  }
  const secure = await servePage(context, { publicUrl: 'https://support.example.com' });
  assert.equal((await secure.ask('GET', '/', { headers: { host: `127.0.0.1:${secure.port}` } })).status, 421);
  assert.equal((await secure.ask('GET', '/', { headers: { host: 'support.example.com:443' } })).status, 200);
});

test('what changes something comes from the page itself, at every route', async context => {
  const { served, ask, addAgent, signIn, origin, port } = await servePage(context);
  const all = await requests(served);
  const cookie = await signIn(await addAgent(ADA));
  const own = {
    'POST /sign-in': 1,
    'POST /sign-in/link': 1,
    'POST /sign-in/password': 1,
    'POST /sign-out': 1,
    'POST /password': 1,
  };
  const places = [
    ...ROUTES.map(name => [name.split(' ')[0]!, all[name]!.place] as const),
    ...Object.keys(own).map(name => name.split(' ') as [string, string]),
  ].filter(([method]) => method !== 'GET');
  assert.ok(places.length > 25);
  const before = JSON.stringify(await served.store.conversations({ account: 'acme', limit: 50 }));
  for (const [method, place] of places) {
    const base = { host: new URL(origin).host, cookie, 'content-type': 'application/json' };
    for (const more of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${origin}.evil.example` },
      { origin: origin.replace('http:', 'https:') },
      { origin: `http://127.0.0.1:${port + 1}` },
      { origin, 'sec-fetch-site': 'cross-site' },
      { origin, 'sec-fetch-site': 'same-site' },
    ]) {
      const { status, headers } = await askAt(port, { method, place, body: {} }, { ...base, ...more } as never);
      assert.equal(status, 403, `${method} ${place} ${JSON.stringify(more)}`);
      assert.equal(headers['set-cookie'], undefined);
    }
  }
  assert.equal(JSON.stringify(await served.store.conversations({ account: 'acme', limit: 50 })), before);
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
    for (const place of ['/v1/events', '/v1/me', '/html/msg_00000000000']) {
      assert.equal((await ask('GET', place, { cookie, headers })).status, 403);
    }
  }
  assert.equal(
    (await ask('GET', '/', { headers: { 'sec-fetch-site': 'cross-site' } })).status,
    200,
    'a link in a mail',
  );
});

test('keys are not taken here, and sessions not at the API’s own listener', async context => {
  const { served, ask, addAgent, signIn } = await servePage(context);
  const cookie = await signIn(await addAgent(ADA));
  const headers = { authorization: `Bearer ${served.acme}` };
  assert.equal((await ask('GET', '/v1/conversations', { headers })).status, 401);
  assert.equal((await ask('GET', '/v1/conversations', { headers, cookie })).status, 401);
  assert.equal((await ask('GET', '/v1/conversations', { cookie })).status, 200);
  const there = await served.call(null, 'GET', '/v1/conversations', undefined, { cookie });
  assert.equal(there.status, 401);
  assert.match(there.text, /Give a key/);
});

test('a session ends at once, also in an open stream of events', async context => {
  const { served, addAgent, signIn, origin, ask } = await servePage(context);
  const ada = await addAgent(ADA);
  const cookie = await signIn(ada);
  const stream = await fetch(`${origin}/v1/events`, { headers: { cookie } });
  assert.equal(stream.status, 200);
  await served.store.disableAgent(ada.id);
  assert.equal((await ask('GET', '/v1/me', { cookie })).status, 401);
  const { id } = await startConversation(served.store);
  const chunks: Uint8Array[] = [];
  const reader = stream.body!.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  } catch {
    // It was cut, which is an end too.
  }
  const told = Buffer.concat(chunks).toString();
  assert.ok(!told.includes(id));
});

test('a session of one account gets nothing of another, at every route', async context => {
  const { served, ask, addAgent, signIn } = await servePage(context);
  const all = await requests(served);
  const eve = await signIn(await addAgent(EVE));
  const ids = /(?:cv|msg|att|ct|dlv|hook|agt)_[0-9a-z]{11}/g;
  const acmes = new Set(JSON.stringify(all).match(ids));
  assert.ok(acmes.size > 8);
  for (const name of ROUTES) {
    const { place, body } = all[name]!;
    if (name === 'GET /v1/events') continue;
    const answer = await ask(name.split(' ')[0]!, place, { cookie: eve, body });
    if (acmes.has(place.match(ids)?.[0] ?? '')) assert.equal(answer.status, 404, `${name}: ${answer.text}`);
    const shown = (answer.text.match(ids) ?? []).filter(id => acmes.has(id) && !place.includes(id));
    assert.deepEqual(shown, [], name);
    for (const slug of ['"acme"', 'carla@']) assert.ok(!answer.text.includes(`:${slug}`), `${name}: ${answer.text}`);
  }
});

test('no answer to a session holds a reply address, a key or the secret of a hook', async context => {
  const { served, ask, addAgent, signIn } = await servePage(context);
  const all = await requests(served);
  const ada = await signIn(await addAgent(ADA));
  const tokens = (await served.store.conversations({ account: 'acme', limit: 50 })).map(
    each => /\+([0-9a-f]+)@/.exec(each.reply_to ?? '')?.[1],
  );
  assert.ok(tokens.some(token => token !== undefined));
  // They show a secret once, to an admin who asked for a new one.
  const once = ['POST /v1/hooks', 'POST /v1/hooks/{id}/rotate', 'POST /v1/agents', 'POST /v1/agents/{id}/link'];
  for (const name of ROUTES) {
    const { place, body } = all[name]!;
    if (name === 'GET /v1/events' || once.includes(name)) continue;
    const answer = await ask(name.split(' ')[0]!, place, { cookie: ada, body });
    // What a customer said is told by applications alone.
    // The queue is every account's, and so is what operators have.
    if (['POST /v1/conversations', ...OF_OPERATORS].includes(name)) assert.equal(answer.status, 403, name);
    else assert.ok(answer.status < 300, `${name}: ${answer.text}`);
    const shown = answer.text + JSON.stringify(answer.headers);
    for (const token of tokens) assert.ok(token === undefined || !shown.includes(token), name);
    assert.doesNotMatch(shown, /rp[kls]_[\w-]{20}|whsec_/, name);
  }
});

test('a mail’s HTML is a document without rights, with the pictures of the mail', async context => {
  const { served, ask, addAgent, signIn } = await servePage(context);
  const { store } = served;
  const { reply_to } = await startConversation(store);
  const file = (contentType: string, fill: string) => {
    const sha256 = fill.repeat(64);
    const bytes = Buffer.from(`bytes of ${fill}`);
    return {
      filename: 'x',
      contentType,
      sha256,
      size: bytes.length,
      contentId: fill,
      inline: true,
      content: { bytes },
    };
  };
  const attachments = [file('image/png', 'a'), file('image/svg+xml', 'b'), file('text/html', 'c')];
  const [filed] = await store.file(
    filing([await destinationOf(store, reply_to!)], reading({ attachments }), {
      attachments: attachments.map(({ sha256, size, content }) => ({ sha256, size, bytes: content.bytes })),
    }),
  );
  assert.ok(filed?.kind === 'filed' && filed.messageId);
  const pictures = ['a', 'b', 'c', 'd'].map(fill => `<img src="attachment:${fill.repeat(64)}" alt="${fill}" />`);
  const html = `<p>${reply_to}</p>${pictures.join('')}<a href="https://x.example" target="_blank" rel="noopener noreferrer nofollow">x</a>`;
  await changeRows(served.folder, [['update message set html = $1', html]]);
  const place = `/html/${filed.messageId}`;
  assert.equal((await ask('GET', place)).status, 401);
  assert.equal((await ask('GET', place, { cookie: await signIn(await addAgent(EVE)) })).status, 404);
  const cookie = await signIn(await addAgent(ADA));
  const { status, headers, text } = await ask('GET', place, { cookie });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(
    headers['content-security-policy'],
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
  );
  assert.ok(
    text.includes(`<img src="data:image/png;base64,${Buffer.from('bytes of a').toString('base64')}" alt="a" />`),
  );
  for (const fill of ['b', 'c', 'd']) assert.ok(text.includes(`<img alt="${fill}" />`), fill);
  assert.ok(!text.includes('attachment:'));
  assert.match(text, /<div style="overflow:hidden;contain:paint">/);
  assert.ok(!text.includes(/\+(\w+)@/.exec(reply_to!)![1]!), 'the reply address is taken out');
  for (const wrong of ['/html/msg_00000000000', '/html/', `/html/${filed.messageId}/x`, '/html/cv_00000000000']) {
    assert.equal((await ask('GET', wrong, { cookie })).status, 404, wrong);
  }
});
