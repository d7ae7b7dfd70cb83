/** Every route: who may use it, what it answers, and that /openapi.json says so. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EVENT_TYPES } from '#replyd/conversation/vocabulary.js';
import { ask, OF_OPERATORS, picture, ROUTES, requests } from './every-route.js';
import { serve } from './served.js';

/** Their answers have a link to sign in. */
const LINKS = ['POST /v1/agents', 'POST /v1/agents/{id}/link'];

test('there is a request for every route, and no other', async context => {
  assert.deepEqual(Object.keys(await requests(await serve(context))).sort(), [...ROUTES].sort());
});

test('no route answers without a valid key', async context => {
  const served = await serve(context);
  const revoked = await served.store.addKey({ account: 'acme' });
  await served.store.revokeKey(revoked.key.id);
  const all = await requests(served);
  const before = await picture(served);
  for (const [route, request] of Object.entries(all)) {
    for (const key of [null, 'rpk_wrong', revoked.secret, served.acme.slice(0, -1)]) {
      const answer = await ask(served, key, route, request);
      assert.equal(answer.status, 401, route);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer /);
    }
  }
  assert.equal((await served.call(null, 'GET', '/v1/no-such-thing')).status, 401);
  assert.equal(await picture(served), before);
});

test('no route shows or changes anything of another account', async context => {
  const served = await serve(context);
  const all = await requests(served);
  const before = await picture(served);
  for (const [route, { place, body }] of Object.entries(all)) {
    const named = route.includes('{');
    if (!named && !route.startsWith('GET')) continue;
    const answer = await ask(served, served.other, route, { place, body });
    if (!named) {
      if (OF_OPERATORS.includes(route)) assert.equal(answer.body.code, 'operator_required', route);
      else if (route === 'GET /v1/accounts') assert.doesNotMatch(answer.text, /acme/);
      else if (place.includes('conversation=')) assert.equal(answer.status, 404, route);
      else if (route === 'GET /v1/me') assert.equal(answer.status, 403, route);
      else if (route === 'GET /v1/queue') assert.doesNotMatch(answer.text, /acme|customer|_[0-9a-z]{11}/);
      else if (route !== 'GET /v1/events') assert.deepEqual(answer.body, { data: [], next_cursor: null }, route);
      continue;
    }
    if (OF_OPERATORS.includes(route)) {
      assert.equal(answer.body.code, 'operator_required', route);
      continue;
    }
    assert.equal(answer.status, 404, route);
    // In the very words for what does not exist.
    const id = /(?:cv|msg|att|ct|dlv|hook|agt)_[0-9a-z]{11}|acme/.exec(place)![0];
    const none = id === 'acme' ? 'none' : `${id.slice(0, -11)}00000000000`;
    const missing = await ask(served, served.other, route, { place: place.replace(id, none), body });
    assert.deepEqual(answer.text, missing.text.replaceAll(none, id), route);
  }
  const cursors = ['conversations', 'contacts', 'deliveries'];
  for (const name of cursors) {
    const mine = await served.call(served.acme, 'GET', `/v1/${name}?limit=1`);
    const cursor = mine.body.next_cursor ?? mine.body.data[0]!.id;
    const answer = await served.call(served.other, 'GET', `/v1/${name}?cursor=${cursor}`);
    assert.ok(answer.status === 404 || answer.status === 422 || answer.body.data.length === 0, name);
  }
  const wrong: [string, string, unknown?][] = [
    ['POST', '/v1/conversations', { account: 'acme', channel: 'api', contact: {} }],
    ['POST', '/v1/hooks', { account: 'acme', url: 'https://evil.example/' }],
    ['GET', '/v1/conversations?account=acme'],
    ['GET', '/v1/contacts?account=acme'],
    ['GET', '/v1/deliveries?account=acme'],
    ['GET', `/v1/deliveries?hook=${/hook_\w+/.exec(all['GET /v1/hooks/{id}']!.place)![0]}`],
    ['GET', '/v1/hooks?account=acme'],
    ['GET', '/v1/agents?account=acme'],
    ['GET', '/v1/events?account=acme'],
    ['POST', '/v1/agents', { account: 'acme', email: 'eve@other.example', name: 'Eve' }],
    ['GET', '/v1/conversations/1'],
    ['GET', '/v1/conversations/acme:1'],
    ['GET', `/v1/conversations?contact=${/ct_\w+/.exec(all['GET /v1/contacts/{id}']!.place)![0]}`],
  ];
  for (const [method, place, body] of wrong) {
    assert.equal((await served.call(served.other, method, place, body)).status, 404, `${method} ${place}`);
  }
  assert.equal(await picture(served), before);
});

test('every POST is done once for an Idempotency-Key', async context => {
  let tests = 0;
  const testHook = async () => {
    tests += 1;
    return { ok: true, response: `test ${tests}` };
  };
  const served = await serve(context, { testHook });
  const posts = Object.entries(await requests(served)).filter(([route]) => route.startsWith('POST '));
  assert.equal(posts.length, ROUTES.filter(route => route.startsWith('POST ')).length);
  const zero = { slug: 'zero', domains: [], support_email: 'z@zero.example' };
  await served.call(served.operator, 'POST', '/v1/accounts', zero, { 'idempotency-key': 'once-0' });
  for (const [index, [route, { place, body }]] of posts.entries()) {
    const key = OF_OPERATORS.includes(route) ? served.operator : served.acme;
    const named = { 'idempotency-key': `once-${index}` };
    const [first, second] = await Promise.all([1, 2].map(() => served.call(key, 'POST', place, body, named)));
    const before = await picture(served);
    const third = await served.call(key, 'POST', place, body, named);
    assert.ok(first!.status < 300, `${route}: ${first!.text}`);
    const replayed = [first!, second!, third].map(answer => answer.headers.get('idempotency-replayed'));
    assert.equal(replayed.filter(header => header === 'true').length, 2, route);
    assert.deepEqual([second!.status, third.status], [first!.status, first!.status], route);
    const texts = [first!, second!, third].map(answer => answer.text);
    if (route === 'POST /v1/keys') {
      // The same with a key.
      const withoutKey = texts.map(text => text.replace(/"key":"rpk_[^"]*"/, '"key":null'));
      assert.deepEqual(withoutKey, [third.text, third.text, third.text], route);
    } else if (LINKS.includes(route)) {
      // A link is shown once and kept nowhere.
      assert.equal(texts.filter(text => text.includes('#rpl_')).length, 1, route);
      const withoutLink = texts.map(text => text.replace(/"link":"[^"]*"/, '"link":null'));
      assert.deepEqual(withoutLink, [third.text, third.text, third.text], route);
    } else assert.deepEqual(texts, [third.text, third.text, third.text], route);
    assert.equal(await picture(served), before, route);
    const earlier = { 'idempotency-key': 'once-0' };
    const another = await served.call(key, 'POST', place, index === 0 ? { ...body!, subject: 'x' } : body, earlier);
    assert.equal(another.status, 422, route);
    assert.match(another.body.detail, /used for another request/, route);
  }
  assert.equal(tests, 1);
});

test('/openapi.json describes every route, and every answer is as described', async context => {
  const served = await serve(context);
  const document = (await served.call(null, 'GET', '/openapi.json')).body as unknown as OpenApi;
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(Object.keys(document.webhooks), [...EVENT_TYPES]);
  const tags = new Set(document.tags.map(({ name }) => name));
  for (const [path, methods] of Object.entries(document.paths))
    for (const { tags: own, requestBody } of Object.values(methods)) {
      assert.ok(own.every(tag => tags.has(tag)) && own.length === 1, path);
      const body = requestBody?.content['application/json'];
      assert.ok(body === undefined || body.example !== undefined, `${path} has an example of its body`);
    }
  const described = Object.entries(document.paths).flatMap(([place, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${place}`),
  );
  const open = described.filter(route => !route.includes(' /v1/'));
  assert.deepEqual(described.sort(), [...ROUTES, ...open].sort());
  assert.deepEqual(open, ['GET /healthz', 'GET /readyz', 'GET /metrics']);
  for (const route of open) {
    const { responses, security } = document.paths[route.slice(4)]!.get!;
    const answer = await served.call(null, 'GET', route.slice(4));
    const [type, content] = Object.entries(responses[String(answer.status)]!.content!)[0]!;
    assert.deepEqual([answer.status, answer.headers.get('content-type'), security], [200, type, []], route);
    if (content.schema) assert.deepEqual(deviations(answer.body, content.schema, document, route), []);
    else assert.match(answer.text, /^# HELP /);
  }
  const names = Object.values(document.paths).flatMap(methods => Object.values(methods).map(each => each.operationId));
  assert.equal(new Set(names).size, names.length);
  for (const [route, request] of Object.entries(await requests(served))) {
    const [method, place] = route.split(' ') as [string, string];
    const { responses } = document.paths[place]![method.toLowerCase()]!;
    const answer = await ask(served, served.acme, route, request);
    const good = responses[String(answer.status)];
    assert.ok(good !== undefined && answer.status < 300, `${route}: ${answer.status} ${answer.text}`);
    const [type] = Object.keys(good.content ?? {});
    if (type === undefined) assert.equal(answer.text, '');
    else if (type !== 'application/json') assert.ok(answer.headers.get('content-type'), route);
    else assert.deepEqual(deviations(answer.body, good.content![type]!.schema!, document, route), []);
    if (route === 'GET /v1/events') continue;
    const described = new Set(Object.keys(responses));
    const nowhere = request.place.replace(/_[0-9a-z]{11}/, '_00000000000');
    const bad = await served.call(served.acme, method, nowhere, method === 'GET' ? undefined : { nonsense: 1 });
    assert.ok(bad.status < 300 || described.has(String(bad.status)), `${route}: ${bad.status} is not described`);
    if (bad.status >= 400) {
      assert.deepEqual(deviations(bad.body, { $ref: '#/components/schemas/Problem' }, document, route), []);
      assert.equal(bad.headers.get('content-type'), 'application/problem+json');
    }
  }
});

test('redocly finds nothing wrong with /openapi.json', async context => {
  const served = await serve(context);
  const file = path.join(served.folder, 'openapi.json');
  writeFileSync(file, (await served.call(null, 'GET', '/openapi.json')).text);
  const program = 'node_modules/@redocly/cli/bin/cli.js';
  const env = {
    ...process.env,
    REDOCLY_TELEMETRY: 'off',
    REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
    NODE_DISABLE_COMPILE_CACHE: '1',
  };
  const done = spawnSync(process.execPath, [program, 'lint', '--config', '.ci/redocly.yaml', file], { env });
  assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);
});

test('other methods and places are said to be wrong', async context => {
  const served = await serve(context);
  const put = await served.call(served.acme, 'PUT', '/v1/conversations', {});
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'POST, GET']);
  for (const place of [
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v1/conversations/1/',
    '/v1//conversations',
    '/v1/messages/%zz',
  ]) {
    assert.equal((await served.call(served.acme, 'GET', place)).status, 404, place);
  }
  assert.equal((await served.call(served.acme, 'HEAD', '/v1/conversations')).status, 200);
});

interface OpenApi {
  readonly openapi: string;
  readonly webhooks: Record<string, unknown>;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}
interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
  readonly security?: readonly unknown[];
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: Schema }> }>;
}
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly patternProperties?: Record<string, Schema>;
}

/** What of a value is not as its schema says; a property that the schema does not know counts. Reads the document alone. */
function deviations(value: unknown, schema: Schema, document: OpenApi, at: string): string[] {
  if (schema.$ref !== undefined) {
    const found = document.components.schemas[schema.$ref.split('/').at(-1)!];
    return found ? deviations(value, found, document, at) : [`${at}: ${schema.$ref} leads nowhere`];
  }
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.map(each => deviations(value, each, document, at));
    return all.some(each => each.length === 0) ? [] : all.sort((a, b) => b.length - a.length)[0]!;
  }
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${at}: ${value} is none of the words`];
  const types = [schema.type ?? []].flat();
  const is =
    value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (types.length > 0 && !types.includes(is)) return [`${at}: ${is} instead of ${types}`];
  if (is === 'array')
    return (value as unknown[]).flatMap((each, i) => deviations(each, schema.items!, document, `${at}[${i}]`));
  if (is !== 'object' || schema.properties === undefined) return [];
  const object = value as Record<string, unknown>;
  return [
    ...(schema.required ?? []).filter(name => !(name in object)).map(name => `${at}.${name} is missing`),
    ...Object.entries(object).flatMap(([name, each]) => {
      const known = schema.properties![name];
      return known ? deviations(each, known, document, `${at}.${name}`) : [`${at}.${name} is not described`];
    }),
  ];
}
