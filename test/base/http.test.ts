import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ReplydError } from '#replyd/base/errors.js';
import { type HttpHandler, type HttpLimits, type HttpListener, openHttp } from '#replyd/base/http.js';
import { createLog } from '#replyd/base/log.js';
import { isSecret } from '#replyd/base/secret.js';

interface Listener {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly log: Record<string, unknown>[];
  readonly listener: HttpListener;
}

async function listener(t: TestContext, handlers: readonly HttpHandler[], limits: HttpLimits = {}): Promise<Listener> {
  const log: Record<string, unknown>[] = [];
  const opened = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    handlers,
    limits,
    log: createLog('debug', 'json', { write: line => log.push(JSON.parse(line) as Record<string, unknown>) }),
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-http-'));
  t.after(async () => {
    await opened.close({ graceMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  });
  const port = Number(opened.address.split(':')[1]);
  return { url: `http://${opened.address}`, port, folder, log, listener: opened };
}

/** A promise and the way to keep it. */
function signal(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>(done => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}

/** Sends bytes and reads until the other side closes. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(text));
    let answer = '';
    socket.on('data', chunk => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test('the first handler whose request it is answers; nobody is 404', async t => {
  const asked: string[] = [];
  const { url } = await listener(t, [
    async exchange => {
      asked.push(`first ${exchange.path}`);
      return false;
    },
    async exchange => {
      if (exchange.path !== '/here') return false;
      await exchange.json(200, { q: exchange.query.get('q'), method: exchange.method });
      return true;
    },
  ]);
  const answer = await fetch(`${url}/here?q=a%20b`);
  assert.deepEqual(await answer.json(), { q: 'a b', method: 'GET' });
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  const missing = await fetch(`${url}/there`);
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get('content-type'), 'application/problem+json');
  assert.equal(((await missing.json()) as { title: string }).title, 'Not Found');
  assert.deepEqual(asked, ['first /here', 'first /there']);
});

test('faults become problems by one table, and unknown ones say nothing', async t => {
  const cases: readonly (readonly [unknown, number, string])[] = [
    [new ReplydError('invalid', 'no such colour', { details: { key: 'colour' } }), 422, 'no such colour'],
    [new ReplydError('not_found', 'no such thing'), 404, 'no such thing'],
    [new ReplydError('address_taken', 'another has it'), 409, 'another has it'],
    [new ReplydError('conflict', 'taken'), 409, 'taken'],
    [new ReplydError('unauthorized', 'who are you'), 401, 'who are you'],
    [new ReplydError('too_large', 'too much'), 413, 'too much'],
    [new ReplydError('unavailable', 'not now'), 503, 'not now'],
    [new TypeError('secret internals'), 503, 'Temporary trouble here, try again later.'],
  ];
  const { url, log } = await listener(t, [
    async exchange => {
      throw cases[Number(exchange.query.get('case'))]![0];
    },
  ]);
  for (const [at, [, status, detail]] of cases.entries()) {
    const answer = await fetch(`${url}/?case=${at}`);
    const body = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, body.status, body.detail], [status, status, detail]);
    assert.equal(answer.headers.has('www-authenticate'), status === 401);
    const fault = cases[at]![0];
    assert.equal(body.code, fault instanceof ReplydError ? fault.code : 'unavailable');
    if (at === 0) assert.equal(body.key, 'colour');
  }
  assert.equal(log.filter(line => line.event === 'failed' && line.error === 'secret internals').length, 1);
});

test('a small body stays in memory, a large one waits in a file that is gone afterwards', async t => {
  const seen: { file: string | null; bytes: Buffer }[] = [];
  const held = await listener(t, [
    async exchange => {
      const { content, size } = await exchange.body({ maxSize: 1000, memoryLimit: 100, folder: held.folder });
      const file = 'file' in content ? content.file : null;
      seen.push({
        file,
        bytes: file === null ? Buffer.from((content as { bytes: Uint8Array }).bytes) : readFileSync(file),
      });
      await exchange.json(200, { size });
      return true;
    },
  ]);
  for (const size of [0, 100, 101, 1000]) {
    const body = Buffer.alloc(size, 'x');
    const answer = await fetch(held.url, { method: 'POST', body });
    assert.deepEqual(await answer.json(), { size });
    const last = seen.at(-1)!;
    assert.equal(last.file !== null, size > 100);
    assert.deepEqual(last.bytes, body);
  }
  for (const size of [1001, 2_000_000]) {
    const answer = await fetch(held.url, { method: 'POST', body: Buffer.alloc(size) });
    assert.equal(answer.status, 413);
    await answer.arrayBuffer();
  }
  assert.equal(seen.length, 4);
  // Removed after the answer is out.
  while (readdirSync(held.folder).length > 0) await new Promise(setImmediate);
});

test('an aborted upload leaves no file', async t => {
  let opened = false;
  const ended = signal();
  const held = await listener(t, [
    async exchange => {
      try {
        await exchange.body({ maxSize: 1e6, memoryLimit: 10, folder: held.folder });
      } finally {
        opened = readdirSync(held.folder).length === 1;
        setImmediate(ended.resolve);
      }
      return true;
    },
  ]);
  const socket = connect({ host: '127.0.0.1', port: held.port });
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n${'y'.repeat(500)}`);
  while (readdirSync(held.folder).length === 0) await new Promise(setImmediate);
  socket.destroy();
  await ended.promise;
  while (readdirSync(held.folder).length > 0) await new Promise(setImmediate);
  assert.ok(opened);
});

test('what a handler left of a body does not stand in the way of the next request', async t => {
  const { port } = await listener(t, [
    async exchange => {
      if (exchange.method !== 'POST') return false;
      for await (const _ of exchange.stream.iterator({ destroyOnReturn: false })) break;
      await exchange.problem(422, 'Enough of that.');
      return true;
    },
  ]);
  const length = 300_000;
  const answers = await talk(
    port,
    `POST /left HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${'x'.repeat(length)}` +
      'GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  );
  assert.deepEqual(
    [...answers.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(match => match[1]),
    ['422', '404'],
  );
});

test('credentials', async t => {
  const { url } = await listener(t, [
    async exchange => {
      await exchange.json(200, { basic: exchange.basic(), bearer: exchange.bearer() });
      return true;
    },
  ]);
  const coded = (text: string) => Buffer.from(text).toString('base64');
  const cases: readonly (readonly [string | null, unknown])[] = [
    [`Basic ${coded('u:p:ä')}`, { basic: { user: 'u', password: 'p:ä' }, bearer: null }],
    [`basic ${coded(':')}`, { basic: { user: '', password: '' }, bearer: null }],
    ['Bearer abc.DEF-1', { basic: null, bearer: 'abc.DEF-1' }],
    [null, { basic: null, bearer: null }],
    ['Basic', { basic: null, bearer: null }],
    [`Basic ${coded('nocolon')}`, { basic: null, bearer: null }],
    ['Bearer a b', { basic: null, bearer: null }],
    ['Digest x', { basic: null, bearer: null }],
  ];
  for (const [authorization, expected] of cases) {
    const answer = await fetch(url, authorization === null ? {} : { headers: { authorization } });
    assert.deepEqual(await answer.json(), expected, String(authorization));
  }
});

test('secrets are compared whole', () => {
  assert.ok(isSecret('two', ['one', 'two']));
  for (const wrong of ['', 'on', 'three', null, undefined]) assert.ok(!isSecret(wrong, ['one', 'two']), String(wrong));
  assert.ok(!isSecret('', ['']));
  assert.ok(!isSecret('one', []));
});

test('broken requests are answered and closed', async t => {
  const { port } = await listener(t, [], { headersTimeout: 200, requestTimeout: 400 });
  const cases: readonly (readonly [string, RegExp])[] = [
    ['GARBAGE\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['GET http://elsewhere.example/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
    // Slow on purpose: the header never ends.
    ['GET / HTTP/1.1\r\nhost: x\r\n', /^HTTP\/1\.1 408 /],
  ];
  for (const [sent, answer] of cases) assert.match(await talk(port, sent), answer);
});

test('close ends idle connections at once and lets a request in flight end', async t => {
  const release = signal();
  const arrived = signal();
  const {
    url,
    port,
    listener: held,
  } = await listener(t, [
    async exchange => {
      if (exchange.path === '/slow') {
        arrived.resolve();
        await release.promise;
      }
      await exchange.text(200, 'done');
      return true;
    },
  ]);
  const idle = talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const slow = fetch(`${url}/slow`);
  await arrived.promise;
  const closed = held.close({ graceMs: 30_000 });
  assert.match(await idle, /done$/);
  release.resolve();
  const answer = await slow;
  assert.equal(await answer.text(), 'done');
  assert.equal(answer.headers.get('connection'), 'close');
  await closed;
  await assert.rejects(fetch(url));
});

test('close waits neither for one that never asked nor for an answer that has ended', async t => {
  let end: () => void = () => {};
  const {
    url,
    port,
    listener: held,
  } = await listener(t, [
    async exchange => {
      const stream = new Readable({ read() {} });
      end = () => stream.push(null);
      stream.push('begun ');
      await exchange.send(200, stream);
      return true;
    },
  ]);
  const silent = connect(port, '127.0.0.1');
  t.after(() => silent.destroy());
  await new Promise<void>(resolve => silent.once('connect', () => resolve()));
  const silentEnd = new Promise<void>(resolve => silent.once('close', () => resolve()));
  const response = await fetch(url);
  const closed = held.close({ graceMs: 30_000 });
  await silentEnd;
  end();
  assert.equal(await response.text(), 'begun ');
  await closed;
});

test('a place that is taken is named', async t => {
  const { listener: held } = await listener(t, []);
  const port = Number(held.address.split(':')[1]);
  await assert.rejects(
    openHttp({ listen: { host: '127.0.0.1', port }, handlers: [], log: createLog('error', 'json') }),
    (error: unknown) => error instanceof ReplydError && error.message.includes(held.address),
  );
});
