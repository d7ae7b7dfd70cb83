import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type Form, type FormOptions, readForm } from '#replyd/ingress/providers/form.js';
import { openSpool } from '#replyd/ingress/spool.js';
import { multipart } from '../provider-posts.js';

interface Reader {
  read(
    type: string,
    body: Buffer | Readable,
    change?: {
      maxRaw?: number;
      maxBody?: number;
      chunk?: number;
      /** What may be taken without a proof. */
      room?: number;
      check?: FormOptions['check'];
    },
  ): Promise<Form>;
  /** The raw field's bytes, whose file is removed; null where there are none. */
  taken(form: Form): Buffer | null;
  files(): string[];
}

async function formReader(t: TestContext): Promise<Reader> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-form-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const spool = await openSpool({ folder, name: 'http', memoryLimit: 1000, memoryBudget: 1e6 });
  return {
    read(
      type,
      body,
      { maxRaw = 50_000, maxBody = 200_000, chunk = 65_536, room = Number.POSITIVE_INFINITY, check } = {},
    ) {
      const stream = body instanceof Readable ? body : Readable.from(pieces(body, chunk));
      let left = room;
      const take = (cost: number) => {
        left -= cost;
        return left >= 0;
      };
      const allowance = { enter: () => true, take, proven() {}, isKnown: () => false, end() {} };
      const request = { exchange: { stream, header: () => type }, maxBody, spool, lowOnSpace: () => false, allowance };
      return readForm(request, { raw: 'mail', maxRaw, ...(check === undefined ? {} : { check }) });
    },
    taken(form) {
      if (form.kind !== 'form' || form.raw?.kind !== 'complete') return null;
      const { raw, release } = form.raw;
      release();
      if ('bytes' in raw) return Buffer.from(raw.bytes);
      const bytes = readFileSync(raw.file);
      rmSync(raw.file);
      return bytes;
    },
    files: () => readdirSync(folder).map(file => path.join(folder, file)),
  };
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const URLENCODED = 'application/x-www-form-urlencoded; charset=iso-8859-1';

test('urlencoded fields, cut anywhere', async t => {
  const reader = await formReader(t);
  const cases: readonly (readonly [string, Record<string, string>, string | null])[] = [
    ['a=1&b=2', { a: '1', b: '2' }, null],
    ['a=1&a=2', { a: '1' }, null],
    ['a+b=c+d%20e%2B', { 'a b': 'c d e+' }, null],
    ['a', { a: '' }, null],
    ['&&a=&=x&', { a: '', '': 'x' }, null],
    ['a=b=c', { a: 'b=c' }, null],
    ['%61=%C3%A4', { a: 'ä' }, null],
    ['a=%&b=%4&c=%zz&d=%%41', { a: '%', b: '%4', c: '%zz', d: '%A' }, null],
    ['mail=%00%FF%0d%0A&a=1', { a: '1' }, '\x00\xff\r\n'],
    ['a=1&mail=x%3', { a: '1' }, 'x%3'],
    ['mail=&a=1', { a: '1' }, null],
    ['', {}, null],
  ];
  for (const [body, fields, mail] of cases) {
    for (const chunk of [1, 2, 3, 1000]) {
      const form = await reader.read(URLENCODED, Buffer.from(body), { chunk });
      assert.ok(form.kind === 'form', body);
      assert.deepEqual(
        [Object.fromEntries(form.fields), reader.taken(form)?.toString('latin1') ?? null],
        [fields, mail],
        body,
      );
    }
  }
});

test('multipart fields, cut anywhere', async t => {
  const reader = await formReader(t);
  const mail = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7) % 256));
  const { type, body } = multipart([
    ['a', 'ä'],
    ['mail', mail, 'Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n'],
    ['large', Buffer.alloc(70_000, 'x')],
    ['mail', 'a second one'],
    ['b"; filename="x', 'file'],
  ]);
  for (const chunk of [7, 1000, 65_536]) {
    const form = await reader.read(type, body, { chunk });
    assert.ok(form.kind === 'form');
    assert.deepEqual(Object.fromEntries(form.fields), { a: 'ä', b: 'file', mail: 'a second one' });
    assert.deepEqual(reader.taken(form), mail);
  }
  assert.deepEqual(reader.files(), []);
});

test('what stands around the parts of multipart, and what breaks them', async t => {
  const reader = await formReader(t);
  const part = (head: string, value: string) => `--b\r\n${head}\r\n\r\n${value}\r\n`;
  const name = 'Content-Disposition: form-data; name=';
  const cases: readonly (readonly [string, Record<string, string> | null])[] = [
    [`${part(`${name}"a"`, '1')}--b--`, { a: '1' }],
    [`a preamble\r\n${part(`${name}"a"`, '1')}--b-- \r\nan epilogue\r\n--b\r\n`, { a: '1' }],
    [`--b \t\r\n${name}a\r\n\r\n1\r\n--b--\r\n`, { a: '1' }],
    [`${part(`content-disposition:FORM-DATA; NAME="a b"; filename="x"`, '')}--b--`, { 'a b': '' }],
    [`${part(`X: y\r\n${name}"a"`, '\r\n-\r\n--\r\n --b\r\n')}--b--`, { a: '\r\n-\r\n--\r\n --b\r\n' }],
    [`${part('', 'no header')}${part(`${name}"a"`, '1')}--b--`, { a: '1' }],
    [`${part('Content-Disposition: attachment; name="x"', '0')}${part(`${name}"a"`, '1')}--b--`, { a: '1' }],
    [`${part(`${name}"__proto__"`, '1')}--b--`, { ['__proto__']: '1' }],
    [`--b--`, {}],
    [`--b\r\n${name}"a"\r\n\r\n1`, null],
    [`${part(`${name}"a"`, '1')}--b`, null],
    [`${part(`${name}"a"`, '1')}--b-`, null],
    [`${part(`${name}"a"`, 'cut\r\n--bc')}--b--`, null],
    [`--b${' '.repeat(200)}\r\n`, null],
    [`--b\r\n${name}"a"\r\n--b\r\n\r\n1\r\n--b--`, null],
    [`--b\r\nX: ${'y'.repeat(20_000)}\r\n\r\n1\r\n--b--`, null],
    [`--b\r\nX: ${'y'.repeat(20_000)}`, null],
  ];
  for (const [body, fields] of cases) {
    for (const chunk of [1, 2, 3, 5, 1000]) {
      const form = await reader.read('multipart/form-data; boundary=b', Buffer.from(body), { chunk });
      const found = form.kind === 'form' ? [...form.fields] : form.kind;
      assert.deepEqual(found, fields === null ? 'malformed' : Object.entries(fields), `${body.slice(0, 80)}, ${chunk}`);
    }
  }
  for (const [type, kind] of [
    ['multipart/form-data; boundary="b"; charset=utf-8', 'form'],
    ['Multipart/Form-Data;charset=utf-8;Boundary=b', 'form'],
    ['multipart/form-data; boundary="b', 'malformed'],
    ['multipart/form-data; boundary=b"', 'malformed'],
    ['multipart/form-data; xboundary=b', 'malformed'],
  ] as const) {
    assert.equal((await reader.read(type, Buffer.from(cases[0]![0]))).kind, kind, type);
  }
});

test('limits: a mail, a body, fields, names, memory', async t => {
  const reader = await formReader(t);
  const big = multipart([['mail', Buffer.alloc(50_001)]]);
  for (const [type, body] of [
    [big.type, big.body],
    [URLENCODED, Buffer.from(`mail=${'x'.repeat(50_001)}`)],
  ] as const) {
    const form = await reader.read(type, body);
    assert.ok(form.kind === 'form' && form.raw?.kind === 'too_large');
  }
  const words: readonly (readonly [string, string, Form['kind']])[] = [
    [URLENCODED, `a=${'x'.repeat(200_000)}`, 'too_large'],
    [URLENCODED, 'a&'.repeat(1001), 'malformed'],
    [URLENCODED, '&'.repeat(1001), 'malformed'],
    [URLENCODED, 'a=1&&'.repeat(501), 'malformed'],
    ['multipart/form-data; boundary=x', `--x${'\r\n\r\n\r\n--x'.repeat(1001)}--`, 'malformed'],
    ['multipart/form-data; boundary=x', `--x${'\r\n--x'.repeat(1001)}--`, 'malformed'],
    ['multipart/form-data; boundary=""', `--${'\r\n--'.repeat(1001)}`, 'malformed'],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, `--${'x'.repeat(71)}--`, 'malformed'],
    [URLENCODED, 'x'.repeat(1001), 'malformed'],
    [
      multipart(Array.from({ length: 1001 }, () => ['a', ''] as const)).type,
      multipart(Array.from({ length: 1001 }, () => ['a', ''] as const)).body.toString(),
      'malformed',
    ],
    ['text/plain', 'a=1', 'malformed'],
    ['', 'a=1', 'malformed'],
    ['multipart/form-data', '--x', 'malformed'],
    ['multipart/form-data; boundary=x', '', 'malformed'],
    [
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="mail"\r\n\r\nno end',
      'malformed',
    ],
  ];
  for (const [type, body, word] of words) {
    assert.equal((await reader.read(type, Buffer.from(body))).kind, word, body.slice(0, 60));
  }
  const form = await reader.read(
    URLENCODED,
    Buffer.from(Array.from({ length: 40 }, (_, at) => `f${at}=${'y'.repeat(60_000)}`).join('&')),
    { maxBody: 1e7 },
  );
  assert.ok(form.kind === 'form' && form.fields.size === 17, 'one MiB of fields is kept');
  assert.deepEqual(reader.files(), []);
});

test('a proof that is wrong, and too much without one, end the reading where they are noticed', async t => {
  const reader = await formReader(t);
  const unproven = { kind: 'unproven', detail: 'wrong' } as const;
  const check = (fields: ReadonlyMap<string, string>) => (fields.get('proof') === 'wrong' ? unproven : null);
  const forms = (proof: string) => {
    const { type, body } = multipart([
      ['proof', proof],
      ['mail', Buffer.alloc(40_000, 'm')],
    ]);
    return [
      [type, body],
      [URLENCODED, Buffer.from(`proof=${proof}&mail=${'m'.repeat(40_000)}`)],
    ] as const;
  };
  for (const [type, body] of forms('wrong')) {
    let given = 0;
    const stream = Readable.from(
      (async function* () {
        for (const piece of pieces(body, 1000)) {
          given += piece.length;
          yield piece;
          // As from a socket: each in a turn of its own.
          await new Promise(setImmediate);
        }
      })(),
      { highWaterMark: 1 },
    );
    assert.deepEqual(await reader.read(type, stream, { check }), unproven);
    assert.ok(given < 10_000, `${given} bytes were read`);
  }
  for (const [type, body] of forms('right')) {
    const form = await reader.read(type, body, { check });
    assert.ok(form.kind === 'form' && reader.taken(form)?.length === 40_000);
    assert.equal((await reader.read(type, body, { room: 30_000 })).kind, 'trouble');
    assert.equal(
      (await reader.read(type, body, { room: 50_000 })).kind,
      'trouble',
      'fields cost more than their bytes',
    );
  }
  assert.deepEqual(reader.files(), []);
});

test('in multipart, which codes nothing, the body is little larger than its mail', async t => {
  const reader = await formReader(t);
  const { type, body } = multipart([['other', Buffer.alloc(4 * 1024 * 1024 + 60_000)]]);
  assert.equal((await reader.read(type, body, { maxBody: 1e8 })).kind, 'too_large');
});

test('a client that goes away in the middle', async t => {
  const reader = await formReader(t);
  const { type, body } = multipart([['mail', Buffer.alloc(20_000)]]);
  for (const [kind, bytes] of [
    [type, body],
    [URLENCODED, Buffer.from(`mail=${'x'.repeat(20_000)}`)],
  ] as const) {
    const stream = new PassThrough();
    const reading = reader.read(kind, stream);
    stream.write(bytes.subarray(0, 10_000));
    while (reader.files().length === 0) await new Promise(setImmediate);
    stream.destroy();
    assert.equal((await reading).kind, 'gone');
    while (reader.files().length > 0) await new Promise(setImmediate);
  }
});

test('a form that breaks after its mail leaves no file of it', async t => {
  const reader = await formReader(t);
  const stream = new PassThrough();
  const reading = reader.read(URLENCODED, stream);
  stream.write(`mail=${'x'.repeat(40_000)}&`);
  const written = () => reader.files().some(file => statSync(file).size === 40_000);
  while (!written()) await new Promise(setImmediate);
  // The spool has it then, or will in a moment; both must end alike.
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  stream.end('a&'.repeat(1001));
  assert.equal((await reading).kind, 'malformed');
  assert.deepEqual(reader.files(), []);
});

test('nothing hangs and nothing is left behind, whatever comes', { timeout: 60_000 }, async t => {
  const reader = await formReader(t);
  const { type, body } = multipart([
    ['a', '1'],
    ['mail', 'From: a@b.example\r\n\r\n--xYz\r\n--\r\n'.repeat(60)],
    ['b', '2'],
  ]);
  const random = seeded(20260303);
  const words = new Map<string, number>();
  for (let round = 0; round < 1500; round++) {
    const form = await reader.read(type, mutate(body, random), { chunk: 1 + Math.floor(random() * 500) });
    words.set(form.kind, (words.get(form.kind) ?? 0) + 1);
    if (form.kind === 'form') reader.taken(form);
  }
  assert.deepEqual(reader.files(), []);
  assert.ok((words.get('form') ?? 0) > 100 && (words.get('malformed') ?? 0) > 100, JSON.stringify([...words]));
});

/** A few bytes changed, a part cut out, doubled or moved, the end cut off. */
function mutate(body: Buffer, random: () => number): Buffer {
  const at = () => Math.floor(random() * body.length);
  const from = at();
  const part = body.subarray(from, from + Math.floor(random() * 200));
  switch (Math.floor(random() * 5)) {
    case 0: {
      const copy = Buffer.from(body);
      for (let count = 0; count < 4; count++) copy[at()] = Math.floor(random() * 256);
      return copy;
    }
    case 1:
      return Buffer.concat([body.subarray(0, from), body.subarray(from + part.length)]);
    case 2:
      return Buffer.concat([body.subarray(0, from), part, body.subarray(from)]);
    case 3: {
      const to = at();
      return Buffer.concat([body.subarray(0, to), part, body.subarray(to)]);
    }
    default:
      return body.subarray(0, from);
  }
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
