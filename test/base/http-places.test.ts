/** Places, times and pipelining of an HTTP listener, with real sockets. Strangers come from 127.0.0.2 and up (Linux). */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type HttpHandler, type HttpLimits, openHttp } from '#replyd/base/http.js';
import { MAX_WAITING } from '#replyd/base/http-places.js';
import { createLog } from '#replyd/base/log.js';

async function listener(t: TestContext, handler: HttpHandler, limits: HttpLimits): Promise<number> {
  const opened = await openHttp({
    listen: { host: '0.0.0.0', port: 0 },
    handlers: [handler],
    limits,
    log: createLog('error', 'json'),
    clientOf: address => (address === '127.0.0.1' ? null : { address, network: address.replace(/\.\d+$/, '') }),
  });
  t.after(() => opened.close({ graceMs: 0 }));
  return Number(opened.address.split(':')[1]);
}

interface Client {
  readonly socket: Socket;
  readonly isOpen: () => boolean;
  readonly closed: Promise<void>;
  text(): string;
}

async function client(t: TestContext, port: number, options: { from?: string; send?: string } = {}): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: options.from ?? '127.0.0.1' });
  t.after(() => socket.destroy());
  let open = true;
  let text = '';
  socket.on('error', () => {});
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
  });
  const closed = new Promise<void>(resolve => {
    socket.once('close', () => {
      open = false;
      resolve();
    });
  });
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  if (options.send !== undefined) socket.write(options.send);
  return { socket, closed, isOpen: () => open, text: () => text };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10));
}

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const answer: HttpHandler = async exchange => {
  if (exchange.path === '/known') exchange.know('acme');
  await exchange.text(200, 'here');
  return true;
};

test('requests of one connection are in work one at a time, in their order', async t => {
  let inWork = 0;
  let most = 0;
  const order: string[] = [];
  const port = await listener(
    t,
    async exchange => {
      inWork += 1;
      most = Math.max(most, inWork);
      order.push(exchange.path);
      await new Promise(resolve => setTimeout(resolve, 5));
      inWork -= 1;
      await exchange.text(200, exchange.path);
      return true;
    },
    {},
  );
  const paths = Array.from({ length: MAX_WAITING + 1 }, (_, index) => `/${index}`);
  const one = await client(t, port, { send: paths.map(path => GET.replace('/', path)).join('') });
  await until(() => order.length === paths.length && one.text().endsWith(paths.at(-1)!));
  assert.equal(most, 1);
  assert.deepEqual(order, paths);
});

test('a connection with too many requests behind the one in work is cut', async t => {
  let started = 0;
  const port = await listener(
    t,
    async exchange => {
      started += 1;
      await new Promise<void>(resolve => exchange.signal.addEventListener('abort', () => resolve()));
      return true;
    },
    {},
  );
  const one = await client(t, port, { send: GET.repeat(MAX_WAITING + 2) });
  await one.closed;
  assert.equal(started, 1);
});

test('the stranger who has been silent for longest makes room, and a known one keeps his place', async t => {
  const port = await listener(t, answer, { places: 4, strangers: 3 });
  const known = await client(t, port, { from: '127.0.0.2', send: GET.replace('/', '/known') });
  await until(() => known.text().endsWith('here'));
  const silent: Client[] = [];
  for (const host of [3, 4, 5]) silent.push(await client(t, port, { from: `127.0.0.${host}` }));
  const next = await client(t, port, { from: '127.0.0.6', send: GET });
  await silent[0]!.closed;
  await until(() => next.text().endsWith('here'));
  assert.ok(silent[1]!.isOpen() && silent[2]!.isOpen() && known.isOpen());
  // Strangers have three places and another one is known: the last is for a trusted client, and a second takes a stranger's.
  const trusted = [await client(t, port, { send: GET }), await client(t, port, { send: GET })];
  for (const each of trusted) await until(() => each.text().endsWith('here'));
  assert.ok(known.isOpen());
});

test('one address has so many places, and hears 503 when all of its are in work', async t => {
  let started = 0;
  const port = await listener(
    t,
    async exchange => {
      started += 1;
      await new Promise<void>(resolve => exchange.signal.addEventListener('abort', () => resolve()));
      return true;
    },
    { perClient: 2 },
  );
  const first = await client(t, port, { from: '127.0.0.2', send: GET });
  const second = await client(t, port, { from: '127.0.0.2', send: GET });
  await until(() => started === 2);
  const third = await client(t, port, { from: '127.0.0.2' });
  await third.closed;
  assert.match(third.text(), /^HTTP\/1\.1 503 .*retry-after: 5/s);
  assert.ok(first.isOpen() && second.isOpen());
  const other = await client(t, port, { from: '127.0.0.3', send: GET });
  await until(() => started === 3);
  assert.ok(other.isOpen());
});

test('a client that takes nothing of its answer is cut; one that reads slowly gets all of it', async t => {
  const size = 64 * 1024 * 1024;
  const port = await listener(
    t,
    async exchange => {
      const pieces = exchange.path === '/stream' ? Readable.from(Array(64).fill(Buffer.alloc(1024 * 1024))) : null;
      await exchange.send(200, pieces ?? Buffer.alloc(size));
      return true;
    },
    { idle: 700 },
  );
  for (const path of ['/', '/stream']) {
    const deaf = await client(t, port);
    deaf.socket.pause();
    deaf.socket.write(GET.replace('/', path));
    const slow = await client(t, port);
    let got = 0;
    slow.socket.removeAllListeners('data');
    slow.socket.on('data', chunk => {
      got += chunk.length;
      slow.socket.pause();
      setTimeout(() => slow.socket.resume(), 2);
    });
    slow.socket.write(GET.replace('/', path));
    await until(() => got > size);
    // What the system holds for it still comes, and then the end.
    deaf.socket.resume();
    await deaf.closed;
    assert.ok(deaf.text().length < size);
  }
});

test('a body that does not go on is cut, and one that nobody reads any more', async t => {
  const port = await listener(
    t,
    async exchange => {
      if (exchange.path === '/refused') await exchange.text(403, 'no');
      else await exchange.body({ maxSize: 1e6 });
      return true;
    },
    { idle: 600, linger: 600 },
  );
  const post = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n';
  const half = await client(t, port, { send: `${post}half` });
  const trickle = await client(t, port, { send: post });
  const refused = await client(t, port, { send: `${post.replace('/', '/refused')}half` });
  const ticking = setInterval(() => trickle.socket.write('x'), 50);
  t.after(() => clearInterval(ticking));
  await Promise.all([half.closed, trickle.closed, refused.closed]);
  assert.match(refused.text(), /^HTTP\/1\.1 403 /);
});

test('a header has at most so many fields', async t => {
  const port = await listener(t, answer, {});
  const fields = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: y\r\n`).join('');
  const many = await client(t, port, { send: `GET / HTTP/1.1\r\nhost: x\r\n${fields(100)}\r\n` });
  await many.closed;
  assert.match(many.text(), /^HTTP\/1\.1 431 /);
  const enough = await client(t, port, { send: `GET / HTTP/1.1\r\nhost: x\r\n${fields(99)}\r\n` });
  await until(() => enough.text().endsWith('here'));
});

test('requests of one kind do not take the whole listener', async t => {
  const held: (() => void)[] = [];
  const port = await listener(
    t,
    async exchange => {
      exchange.take(exchange.path === '/healthz' ? 'health' : 'doors');
      if (exchange.path !== '/healthz') await new Promise<void>(resolve => held.push(resolve));
      await exchange.text(200, 'here');
      return true;
    },
    { perClient: 1000 },
  );
  const clients = await Promise.all(Array.from({ length: 401 }, () => client(t, port, { send: GET })));
  await until(() => clients.some(each => each.text() !== ''));
  assert.equal(clients.filter(each => each.text().startsWith('HTTP/1.1 503')).length, 1);
  const health = await client(t, port, { send: GET.replace('/', '/healthz') });
  await until(() => health.text().endsWith('here'));
  for (const release of held) release();
});
