/** How agents get in and out, and how those who guess are slowed down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '#replyd/base/log.js';
import { changeRows } from '../engine.js';
import { askAt, cookieOf, PASSWORD, servePage } from './served.js';

const ANNA = { account: 'acme', email: 'anna@acme.example' };

test('a link is used by a POST alone, and once', async context => {
  const { served, ask } = await servePage(context);
  const { id } = await served.store.addAgent({ ...ANNA, name: 'Anna' });
  const { secret } = await served.store.newSignInLink(id, { knownTo: 'nobody' });
  for (const method of ['GET', 'HEAD']) {
    for (const place of ['/sign-in', `/sign-in?secret=${secret}`, '/sign-in/link', `/sign-in/password?${secret}`]) {
      assert.equal((await ask(method, place)).headers['set-cookie'], undefined);
    }
  }
  const owner = await ask('POST', '/sign-in/link', { body: { secret } });
  assert.deepEqual(JSON.parse(owner.text), { email: ANNA.email, name: 'Anna', has_password: false });
  const short = await ask('POST', '/sign-in/password', { body: { secret, password: 'short' } });
  assert.deepEqual([short.status, JSON.parse(short.text).code], [422, 'invalid_password']);
  const used = await ask('POST', '/sign-in/password', { body: { secret, password: PASSWORD } });
  assert.equal(used.status, 204);
  const me = await ask('GET', '/v1/me', { cookie: cookieOf(used.headers) });
  assert.equal(JSON.parse(me.text).email, ANNA.email);
  for (const place of ['/sign-in/link', '/sign-in/password']) {
    const again = await ask('POST', place, { body: { secret, password: PASSWORD } });
    assert.equal(again.status, 404);
    assert.equal(again.headers['set-cookie'], undefined);
  }
});

test('a link that is over is dead, and so is a session that was idle or is old', async context => {
  const { served, ask, addAgent, signIn } = await servePage(context);
  const anna = await addAgent(ANNA);
  const { secret } = await served.store.newSignInLink(anna.id, { knownTo: 'nobody' });
  await changeRows(served.folder, [['update sign_in_link set expires_at = 1']]);
  assert.equal((await ask('POST', '/sign-in/link', { body: { secret } })).status, 404);
  for (const column of ['used_at', 'created_at']) {
    const cookie = await signIn(anna);
    assert.equal((await ask('GET', '/v1/me', { cookie })).status, 200);
    await changeRows(served.folder, [[`update agent_session set ${column} = 1`]]);
    const ended = await ask('GET', '/v1/me', { cookie });
    assert.equal(ended.status, 401);
    assert.equal(ended.headers['www-authenticate']?.startsWith('Basic'), false, 'no browser asks for a password');
  }
});

test('the cookie is for this host alone over https, and has its port in its name on loopback', async context => {
  const secure = await servePage(context, { publicUrl: 'https://support.example.com' });
  const anna = await secure.addAgent(ANNA);
  const { headers } = await secure.ask('POST', '/sign-in', { body: anna });
  assert.match(
    headers['set-cookie']![0]!,
    /^__Host-replyd=rps_[\w-]{32}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/,
  );
  const plain = await servePage(context);
  const bo = await plain.addAgent(ANNA);
  const answer = await plain.ask('POST', '/sign-in', { body: bo });
  assert.match(
    answer.headers['set-cookie']![0]!,
    new RegExp(`^replyd-${plain.port}=rps_[\\w-]{32}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax$`),
  );
  // Under another name it is none.
  const value = cookieOf(answer.headers).split('=')[1];
  for (const cookie of [`replyd=${value}`, `__Host-replyd=${value}`, `replyd-${plain.port}=${value}x`, 'a', '=']) {
    assert.equal((await plain.ask('GET', '/v1/me', { cookie })).status, 401);
  }
  assert.equal((await plain.ask('GET', '/v1/me', { cookie: `a=b; ${cookieOf(answer.headers)}; c` })).status, 200);
});

test('who signs in anew leaves his old session, and who signs out is out: here, or everywhere', async context => {
  const { ask, addAgent, signIn } = await servePage(context);
  const anna = await addAgent(ANNA);
  const first = await signIn(anna);
  const second = cookieOf((await ask('POST', '/sign-in', { body: anna, cookie: first })).headers);
  const is = async (cookie: string) => (await ask('GET', '/v1/me', { cookie })).status;
  assert.deepEqual([await is(first), await is(second)], [401, 200]);
  const elsewhere = await signIn(anna);
  const out = await ask('POST', '/sign-out', { cookie: second });
  assert.equal(out.status, 204);
  assert.match(out.headers['set-cookie']![0]!, /=; Path=\/; Max-Age=0; /);
  assert.deepEqual([await is(second), await is(elsewhere)], [401, 200]);
  const third = await signIn(anna);
  assert.equal((await ask('POST', '/sign-out', { cookie: third, body: { everywhere: true } })).status, 204);
  assert.deepEqual([await is(third), await is(elsewhere)], [401, 401]);
  assert.equal((await ask('POST', '/sign-out')).status, 204);
});

test('who knows his password gives himself another, and stays signed in here alone', async context => {
  const { ask, addAgent, signIn } = await servePage(context, { clock: () => 1e12 });
  const anna = await addAgent(ANNA);
  const [here, elsewhere] = [await signIn(anna), await signIn(anna)];
  const change = (cookie: string | undefined, current: string, password = 'another horse battery') =>
    ask('POST', '/password', { body: { current, password }, ...(cookie === undefined ? {} : { cookie }) });
  assert.equal((await change(undefined, PASSWORD)).status, 401);
  assert.equal((await change(here, 'wrong')).status, 403);
  assert.equal((await change(here, PASSWORD, 'short')).status, 422);
  const changed = await change(here, PASSWORD);
  assert.equal(changed.status, 204, changed.text);
  const is = async (cookie: string) => (await ask('GET', '/v1/me', { cookie })).status;
  assert.deepEqual([await is(cookieOf(changed.headers)), await is(here), await is(elsewhere)], [200, 401, 401]);
  for (let count = 0; count < 6; count += 1) await change(cookieOf(changed.headers), 'wrong');
  assert.equal((await change(cookieOf(changed.headers), 'another horse battery')).status, 429);
});

test('wrong attempts look alike, are slowed down, and say nothing in the log', async context => {
  const lines: string[] = [];
  const log = createLog('debug', 'json', { write: line => void lines.push(line) });
  const { ask, addAgent, signIn } = await servePage(context, { log, clock: () => 1e12 });
  const anna = await addAgent(ANNA);
  await signIn(anna);
  const wrong = (email: string, password: string) => ask('POST', '/sign-in', { body: { email, password } });
  const [known, unknown] = [await wrong(anna.email, 'wrong horse battery'), await wrong('eve@acme.example', PASSWORD)];
  assert.equal(known.status, 401);
  assert.equal(known.text, unknown.text);
  for (let count = 0; count < 4; count += 1) await wrong(anna.email, 'hunter2');
  const slowed = await wrong(anna.email, PASSWORD);
  assert.equal(slowed.status, 429);
  assert.ok(Number(slowed.headers['retry-after']) >= 1);
  assert.equal(JSON.parse(slowed.text).code, 'too_many_requests');
  const text = lines.join('\n');
  assert.match(text, /"signed_in"/);
  assert.match(text, /"sign_in_refused".*"slowed"/);
  for (const secret of [PASSWORD, 'hunter2', 'rps_', anna.email, 'eve@']) assert.ok(!text.includes(secret), secret);
});

test('behind a proxy of ours clients are told apart by the last address that is no proxy’s', async context => {
  const proxies = ['127.0.0.1/32', '10.0.0.0/8'];
  const { ask } = await servePage(context, { proxies, clock: () => 1e12 });
  const direct = await servePage(context, { clock: () => 1e12 });
  const wrong = (at: { ask: typeof ask }, forwarded: string, person: number) =>
    at.ask('POST', '/sign-in', {
      body: { email: `p${person}@acme.example`, password: 'x' },
      headers: { 'x-forwarded-for': forwarded },
    });
  for (let count = 0; count < 10; count += 1) await wrong({ ask }, `9.9.9.${count}, 192.0.2.7, 10.1.1.1`, count);
  assert.equal((await wrong({ ask }, '1.2.3.4, 192.0.2.7', 20)).status, 429);
  assert.equal((await wrong({ ask }, '192.0.2.7, 192.0.2.8', 21)).status, 401);
  // Nobody else is believed.
  for (let count = 0; count < 10; count += 1) await wrong(direct, `192.0.2.${count}`, count);
  assert.equal((await wrong(direct, '192.0.2.99', 22)).status, 429);
});

test('bodies are small JSON objects with texts', async context => {
  const { ask, port, origin } = await servePage(context);
  const send = async (body: string, headers = {}) => (await ask('POST', '/sign-in', { body, headers })).status;
  for (const place of ['/sign-in', '/sign-in/link', '/sign-in/password', '/sign-out', '/password']) {
    const large = await ask('POST', place, { body: `{"email":"${'x'.repeat(17_000)}"}` });
    assert.equal(large.status, 413, place);
  }
  for (const body of ['', '[]', 'null', '{', '"x"', '{"email":1,"password":[]}', '{"__proto__":{"email":"a"}}']) {
    assert.equal(await send(body), 422, body);
  }
  assert.equal(await send('{"email":"a","password":"b"}', { 'content-type': 'text/plain' }), 415);
  const form = { method: 'POST', place: '/sign-in', body: 'email=a&password=b' };
  const fields = { host: new URL(origin).host, origin, 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await askAt(port, form, fields)).status, 415);
  assert.equal((await ask('PUT', '/sign-in')).status, 405);
});
