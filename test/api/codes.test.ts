/** Every error of the API carries a stable code from the one table, and /openapi.json lists them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_CODES, type ErrorCode } from '#replyd/base/errors.js';
import { statusOfCode } from '#replyd/base/problem.js';
import { ask, requests } from './every-route.js';
import { type Answer, serve, startConversation } from './served.js';

const codeOf = (answer: Answer) => (answer.body as unknown as { readonly code: string }).code;

test('every route says what is missing by a code of its own', async context => {
  const served = await serve(context);
  const kinds = {
    ...{ cv: 'conversation', ct: 'contact', msg: 'message', att: 'attachment', dlv: 'delivery', hook: 'hook' },
    agt: 'agent',
  };
  for (const [route, request] of Object.entries(await requests(served))) {
    assert.equal(codeOf(await served.call(null, route.split(' ')[0]!, request.place, request.body)), 'unauthorized');
    const id = /(cv|ct|msg|att|dlv|hook|agt)_[0-9a-z]{11}/.exec(request.place);
    if (id === null) continue;
    const place = request.place.replace(id[0], `${id[1]}_00000000000`);
    const missing = await ask(served, served.acme, route, { ...request, place });
    assert.equal(codeOf(missing as Answer), `${kinds[id[1] as 'cv']}_not_found`, route);
  }
});

test('what went wrong is told by its code', async context => {
  const served = await serve(context, { limits: () => ({ requests: 1000, body: 8_000_000, response: 1_000_000 }) });
  const { call, acme, operator, store } = served;
  const { id } = await startConversation(store);
  const other = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'bo@customer.example', source_id: 'visitor-2' },
    via: 'api',
  });
  const { id: message } = await store.addMessage({ id }, { direction: 'note', text: 'x', via: 'api' });
  const at = `/v1/conversations/${id}`;
  const note = { direction: 'note', text: 'x' };
  await call(acme, 'POST', `${at}/messages`, note, { 'idempotency-key': 'one' });
  const cases: readonly (readonly [ErrorCode, Promise<Answer>])[] = [
    ['route_not_found', call(acme, 'GET', '/v1/nothing')],
    ['method_not_allowed', call(acme, 'PUT', at, {})],
    ['conversation_not_found', call(acme, 'GET', '/v1/conversations/4711')],
    ['account_not_found', call(acme, 'GET', '/v1/conversations?account=other')],
    ['account_required', call(operator, 'POST', '/v1/conversations', { channel: 'api', contact: {} })],
    ['account_required', call(operator, 'GET', '/v1/conversations/1')],
    ['mail_not_found', call(acme, 'GET', `/v1/messages/${message}/raw`)],
    ['message_not_held', call(acme, 'POST', `/v1/messages/${message}/release`)],
    ['participant_not_found', call(acme, 'POST', `${at}/rotate-token`, { participant: 'nobody@nowhere.example' })],
    ['address_taken', call(acme, 'PATCH', `/v1/contacts/${other.contact.id}`, { email: 'carla@customer.example' })],
    ['source_id_taken', call(acme, 'PATCH', `/v1/contacts/${other.contact.id}`, { source_id: 'visitor-1' })],
    ['invalid_address', call(acme, 'PATCH', `/v1/contacts/${other.contact.id}`, { email: 'nobody' })],
    ['invalid_cursor', call(acme, 'GET', '/v1/conversations?cursor=x')],
    ['invalid_cursor', call(acme, 'GET', '/v1/deliveries?cursor=dlv_00000000000')],
    ['invalid', call(acme, 'GET', '/v1/conversations?limit=0')],
    ['invalid', call(acme, 'POST', `${at}/messages`, { direction: 'sideways', text: 'x' })],
    ['invalid_json', call(acme, 'POST', `${at}/messages`, '{')],
    ['invalid_json', call(acme, 'POST', `${at}/messages`, `{${' '.repeat(300_000)}`)],
    ['wrong_content_type', call(acme, 'POST', `${at}/messages`, note, { 'content-type': 'text/plain' })],
    ['wrong_content_encoding', call(acme, 'POST', `${at}/messages`, note, { 'content-encoding': 'gzip' })],
    ['idempotency_key_reused', call(acme, 'POST', `${at}/seen`, undefined, { 'idempotency-key': 'one' })],
    ['metadata_too_large', call(acme, 'PATCH', at, { metadata: { a: 'x'.repeat(4096) } })],
    ['too_large', call(acme, 'POST', `${at}/messages`, { ...note, text: 'x'.repeat(9_000_000) })],
  ];
  for (const [code, asked] of cases) {
    const answer = await asked;
    assert.equal(codeOf(answer), code, answer.text);
    assert.equal(answer.status, statusOfCode(code), code);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  }
  const { body } = await call(null, 'GET', '/openapi.json');
  const { components } = body as unknown as {
    components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
  };
  assert.deepEqual(components.schemas.Problem.properties.code.enum, Object.keys(ERROR_CODES));
});

test('who asks too often is told so by a code', async context => {
  const { call, acme } = await serve(context, { limits: () => ({ requests: 1, body: 1000, response: 1_000_000 }) });
  assert.equal((await call(acme, 'GET', '/v1/hooks')).status, 200);
  const refused = await call(acme, 'GET', '/v1/hooks');
  assert.deepEqual([refused.status, codeOf(refused)], [429, 'too_many_requests']);
});

/** What is made of a table's name: `byId`, and the agent's routes. */
const MADE =
  /^(?:account|agent|agent_session|api_key|contact|conversation|delivery|event|hook|mail|message|participant)_not_found$/;

test('every code that src throws is documented, and every documented code is thrown', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => /\.tsx?$/.test(name));
  const sources = files.filter(name => !name.startsWith('base/err') && !name.startsWith('web/page'));
  const text = sources.map(name => readFileSync(`src/${name}`, 'utf8')).join('\n');
  const documented = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `(\w+)` \| ([\d, ]+) \| (.+) \|$/gm)];
  const codes = documented.map(([, code]) => code!);
  assert.deepEqual(codes, Object.keys(ERROR_CODES));
  for (const [, code, , words] of documented) assert.match(words!, /^[A-Z].{10,}\.$/, code);
  const thrown = new Set([...text.matchAll(/new ReplydError\(\s*'(\w+)'/g)].map(([, code]) => code!));
  assert.ok(thrown.size > 30);
  for (const code of thrown) assert.ok(codes.includes(code), code);
  const isSaid = (code: string) => thrown.has(code) || text.includes(`'${code}'`) || MADE.test(code);
  assert.deepEqual(
    codes.filter(code => !isSaid(code)),
    [],
  );
});
