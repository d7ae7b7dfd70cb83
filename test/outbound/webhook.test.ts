/** Posting webhooks to real receivers: signatures, refusals, limits. The signature's oracle is the scheme's own library. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createPoster, isPrivateAddress, outcomeOf, type PosterOptions, signature } from '#replyd/outbound/webhook.js';

const secret = () => `whsec_${randomBytes(32).toString('base64')}`;

async function receiver(context: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function poster(context: TestContext, more: Partial<PosterOptions> = {}) {
  const made = createPoster({ allowPrivate: () => true, clock: Date.now, timeout: 2000, ...more });
  context.after(() => made.close());
  return made;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const parcel = (url: string, more = {}) => ({
  url,
  eventId: 'ev_1',
  body: '{"text":"Größe"}',
  secrets: [secret()],
  ...more,
});

test('what is posted is what the scheme’s own library takes, with any secret in force', async context => {
  const got: { body: string; headers: IncomingMessage['headers']; method: string }[] = [];
  const url = await receiver(context, async (request, response) => {
    got.push({ body: await textOf(request), headers: request.headers, method: request.method! });
    response.end('thanks');
  });
  const secrets = [secret(), secret()];
  const answer = await poster(context).post(parcel(`${url}/a?b=c`, { secrets }));
  assert.deepEqual(answer, { status: 200, text: '200 OK: thanks' });
  const [{ body, headers, method }] = got as [(typeof got)[0]];
  assert.deepEqual([method, headers['webhook-id'], headers['content-type']], ['POST', 'ev_1', 'application/json']);
  for (const each of secrets) {
    assert.deepEqual(new Webhook(each).verify(body, headers as Record<string, string>), { text: 'Größe' });
  }
  assert.throws(() => new Webhook(secret()).verify(body, headers as Record<string, string>));
  assert.throws(() => new Webhook(secrets[0]!).verify(`${body} `, headers as Record<string, string>));
});

test('signatures are those of the library, byte for byte', () => {
  for (const body of ['', '{}', JSON.stringify({ text: 'ä\u0000\ud83d\ude00'.repeat(50) })]) {
    const one = secret();
    const at = new Date(1_700_000_000_000);
    assert.equal(signature([one], 'ev_x', 1_700_000_000, body), new Webhook(one).sign('ev_x', at, body));
  }
});

test('what an answer means', () => {
  const cases: [number | null, string][] = [
    [200, 'sent'],
    [204, 'sent'],
    [299, 'sent'],
    [410, 'failed'],
    [400, 'retry'],
    [409, 'retry'],
    [413, 'retry'],
    [422, 'retry'],
    [301, 'trouble'],
    [308, 'trouble'],
    [401, 'trouble'],
    [403, 'trouble'],
    [404, 'trouble'],
    [408, 'trouble'],
    [429, 'trouble'],
    [500, 'trouble'],
    [503, 'trouble'],
    [null, 'trouble'],
  ];
  for (const [status, result] of cases) assert.equal(outcomeOf({ status, text: '' }).kind, result, String(status));
});

test('a redirect is an answer like another and is not followed', async context => {
  let followed = 0;
  const url = await receiver(context, (request, response) => {
    if (request.url === '/there') followed += 1;
    response.writeHead(302, { location: '/there' }).end();
  });
  assert.equal((await poster(context).post(parcel(url))).status, 302);
  assert.equal(followed, 0);
});

test('silence, endless answers, broken connections and no connection end in time', async context => {
  const post = poster(context, { timeout: 300 });
  const endless = await receiver(context, (_, response) => {
    response.writeHead(200);
    const pump = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
    };
    response.on('drain', pump);
    pump();
  });
  const answer = await post.post(parcel(endless));
  assert.equal(answer.status, 200);
  assert.ok(answer.text.length < 400);
  const cases: [string, RegExp][] = [
    [await receiver(context, () => {}), /no answer within 300 ms/],
    [await receiver(context, request => request.socket.destroy()), /hang up|ECONNRESET/],
    ['http://127.0.0.1:1', /ECONNREFUSED/],
  ];
  for (const [url, reason] of cases) {
    const { status, text } = await post.post(parcel(url));
    assert.equal(status, null);
    assert.match(text, reason);
  }
});

test('an answer with control characters is shown without them', async context => {
  const url = await receiver(context, (_, response) => response.writeHead(500).end('\u001b[2J bad\r\nthing '));
  assert.equal((await poster(context).post(parcel(url))).text, '500 Internal Server Error: [2J bad thing');
});

test('private addresses', () => {
  const hidden =
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.8.9.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 ' +
    ':: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:7f00:1 64:ff9b::7f00:1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 ff02::1 2001:db8::1 2002:7f00:1:: nonsense 127.1';
  const open = '1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 192.167.1.1 2606:4700::1111 2a00:1450:4001::1';
  for (const address of hidden.split(' ')) assert.equal(isPrivateAddress(address), true, address);
  for (const address of open.split(' ')) assert.equal(isPrivateAddress(address), false, address);
  assert.equal(isPrivateAddress(''), true);
});

test('nothing reaches a private address, however it is written or resolved', async context => {
  let reached = 0;
  const url = await receiver(context, (_, response) => {
    reached += 1;
    response.end();
  });
  const { port } = new URL(url);
  const names: Record<string, readonly string[]> = {
    'public-then-private.example': ['127.0.0.1'],
    'six.example': ['::1', '::ffff:127.0.0.1'],
    'none.example': [],
  };
  const post = poster(context, {
    allowPrivate: () => false,
    lookup: (hostname, callback) =>
      callback(
        null,
        (names[hostname] ?? ['127.0.0.1']).map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
  });
  const hosts = [
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0x7f.1',
    '0',
    'localhost',
    ...Object.keys(names),
  ];
  for (const host of hosts) {
    const { status, text } = await post.post(parcel(`http://${host}:${port}/`));
    assert.equal(status, null, host);
    assert.match(text, /private address|no address/, host);
  }
  assert.equal(reached, 0);
  const allowed = poster(context, { lookup: (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]) });
  assert.equal((await allowed.post(parcel(`http://anything.example:${port}/`))).status, 200);
});

test('a kept connection that the receiver closed costs no attempt', async context => {
  let count = 0;
  const url = await receiver(context, (request, response) => {
    count += 1;
    response.end();
    // Closed without a word once the answer is out.
    response.once('finish', () => setImmediate(() => request.socket.destroy()));
  });
  const post = poster(context);
  for (let i = 0; i < 5; i += 1) assert.equal((await post.post(parcel(url))).status, 200);
  assert.equal(count, 5);
});

test('a receiver whose certificate nobody vouches for is posted nothing', async context => {
  const pem = readFileSync(path.resolve('test/outbound/localhost.pem'), 'utf8');
  let asked = 0;
  const server = createSecureServer({ key: pem, cert: pem }, (_, response) => {
    asked += 1;
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { status, text } = await poster(context).post(parcel(`https://localhost:${port}/`));
  assert.deepEqual([status, asked], [null, 0]);
  assert.match(text, /certificate/);
});
