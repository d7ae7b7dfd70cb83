import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { SpaceBudget } from '#replyd/base/space.js';
import { openSpool, type Received, type ReceiveLimits, type SpoolOptions } from '#replyd/ingress/spool.js';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-spool-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function optionsFor(folder: string, change: Partial<SpoolOptions> = {}): SpoolOptions {
  return { folder, name: 'smtp', memoryLimit: 20_000, memoryBudget: 1_000_000, ...change };
}

const LIMITS: ReceiveLimits = { maxSize: 1_000_000, cutOffSize: 3_000_000, cutOff() {} };

async function feed(stream: PassThrough, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) {
    if (!stream.write(chunk)) await new Promise(resolve => stream.once('drain', resolve));
  }
  stream.end();
}

function bytesOf(received: Received): Buffer {
  assert.equal(received.kind, 'complete');
  assert.ok(received.kind === 'complete');
  return 'file' in received.raw ? readFileSync(received.raw.file) : Buffer.from(received.raw.bytes);
}

/** Bytes that differ everywhere, in chunks of odd lengths. */
function chunksOf(size: number, step: number): Buffer[] {
  const all = Buffer.alloc(size);
  for (let index = 0; index < size; index++) all[index] = (index * 7 + (index >> 8)) & 0xff;
  const chunks: Buffer[] = [];
  for (let at = 0; at < size; at += step) chunks.push(all.subarray(at, at + step));
  return chunks;
}

test('every byte comes through, in memory and in a file, whatever the chunks', async t => {
  const folder = folderFor(t);
  const spool = await openSpool(optionsFor(folder));
  const table: [number, number, boolean][] = [
    [0, 1, false],
    [1, 1, false],
    [8192, 3, false],
    [8193, 8193, false],
    [20_000, 999, false],
    [20_000, 20_000, false],
    [20_001, 999, true],
    [20_001, 20_001, true],
    [100_000, 7, true],
    [1_000_000, 65_536, true],
  ];
  for (const [size, step, inFile] of table) {
    const stream = new PassThrough();
    const chunks = chunksOf(size, step);
    const [received] = await Promise.all([spool.receive(stream, LIMITS), feed(stream, chunks)]);
    const name = `${size} bytes by ${step}`;
    assert.ok(bytesOf(received).equals(Buffer.concat(chunks)), name);
    assert.ok(received.kind === 'complete');
    assert.equal('file' in received.raw, inFile, name);
    if ('file' in received.raw) {
      assert.equal(statSync(received.raw.file).mode & 0o777, 0o600);
      rmSync(received.raw.file);
    }
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('a mail above the limit is read to its end and thrown away', async t => {
  const folder = folderFor(t);
  const spool = await openSpool(optionsFor(folder));
  for (const size of [1_001, 50_000, 60_000]) {
    const maxSize = size === 1_001 ? 1_000 : 49_999;
    const stream = new PassThrough();
    const [received] = await Promise.all([
      spool.receive(stream, { ...LIMITS, maxSize }),
      feed(stream, chunksOf(size, 999)),
    ]);
    assert.deepEqual(received.kind, 'too_large');
    assert.equal(stream.readableEnded, true);
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('far above the limit it asks once to be cut off', async t => {
  const folder = folderFor(t);
  const spool = await openSpool(optionsFor(folder));
  const stream = new PassThrough();
  let calls = 0;
  const cutOff = () => {
    calls += 1;
    stream.destroy();
  };
  const receiving = spool.receive(stream, { maxSize: 30_000, cutOffSize: 50_000, cutOff });
  for (const chunk of chunksOf(200_000, 4_000)) stream.write(chunk);
  assert.deepEqual(await receiving, { kind: 'gone' });
  assert.equal(calls, 1);
  assert.deepEqual(readdirSync(folder), []);
});

test('a stream that is destroyed leaves nothing, whenever it happens', async t => {
  const folder = folderFor(t);
  const spool = await openSpool(optionsFor(folder));
  for (const size of [0, 100, 20_001, 60_000]) {
    for (const error of [undefined, new Error('connection reset')]) {
      const stream = new PassThrough({ highWaterMark: 100_000 });
      const receiving = spool.receive(stream, LIMITS);
      for (const chunk of chunksOf(size, 5_000)) stream.write(chunk);
      // Lets the first write to the file begin, but not end.
      await new Promise(resolve => setImmediate(resolve));
      stream.destroy(error);
      assert.deepEqual(await receiving, { kind: 'gone' }, `${size} bytes`);
      assert.deepEqual(readdirSync(folder), []);
    }
  }
});

test('a full disk and a lost folder are told apart', { skip: process.platform !== 'linux' }, async t => {
  const folder = folderFor(t);
  const table: [Partial<SpoolOptions>, string][] = [
    [{ createFile: () => open('/dev/full', 'w') }, 'no_space'],
    [{ createFile: () => open(path.join(folder, 'no', 'such', 'folder'), 'wx') }, 'failed'],
  ];
  for (const [change, word] of table) {
    const spool = await openSpool(optionsFor(folder, change));
    // The second size fails only with the rest that is written at the end.
    for (const size of [60_000, 20_100]) {
      const stream = new PassThrough();
      const [received] = await Promise.all([spool.receive(stream, LIMITS), feed(stream, chunksOf(size, 5_000))]);
      assert.equal(received.kind, word);
      assert.equal(stream.readableEnded, true);
    }
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('when the memory of all mails is used up, a mail goes to its file early', async t => {
  const folder = folderFor(t);
  const spool = await openSpool(optionsFor(folder, { memoryLimit: 100_000, memoryBudget: 50_000 }));
  const receive = async () => {
    const stream = new PassThrough();
    const [received] = await Promise.all([spool.receive(stream, LIMITS), feed(stream, chunksOf(60_000, 5_000))]);
    assert.ok(received.kind === 'complete');
    return received;
  };
  const first = await receive();
  const second = await receive();
  assert.ok('bytes' in first.raw);
  assert.ok('file' in second.raw);
  first.release();
  first.release();
  assert.ok('bytes' in (await receive()).raw);
});

test('without room in the budget of space a mail is no_space, its file is gone at once, and nothing stays held', async t => {
  const folder = folderFor(t);
  let room = 0;
  let held = 0;
  const space: SpaceBudget = {
    take(bytes) {
      if (bytes > room) return false;
      room -= bytes;
      return true;
    },
    hold(bytes) {
      if (bytes > room - held) return false;
      held += bytes;
      return true;
    },
    release(bytes) {
      held -= bytes;
    },
  };
  const spool = await openSpool(optionsFor(folder, { space }));
  const table: [room: number, size: number, kind: string][] = [
    // Not even its first buffer.
    [8_000, 100, 'no_space'],
    [9_000, 100, 'complete'],
    // While it grows in memory.
    [20_000, 15_000, 'no_space'],
    // While it is in its file.
    [60_000, 100_000, 'no_space'],
    // With the rest at its end.
    [59_000, 60_000, 'no_space'],
    [200_000, 100_000, 'complete'],
  ];
  for (const [bytes, size, kind] of table) {
    room = bytes;
    const stream = new PassThrough();
    const fed = feed(stream, chunksOf(size, 5_000));
    const received = await spool.receive(stream, LIMITS);
    await fed;
    assert.equal(received.kind, kind, `${size} bytes in ${bytes}`);
    if (received.kind === 'complete') {
      received.release();
      if ('file' in received.raw) unlinkSync(received.raw.file);
    }
    assert.equal(held, 0);
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('opening removes what a killed process left, and nothing else', async t => {
  const folder = folderFor(t);
  const uuid = '01234567-89ab-cdef-0123-456789abcdef';
  for (const name of [`smtp-${uuid}.eml`, `lmtp-${uuid}.eml`, 'smtp-notes.eml', 'blob']) {
    writeFileSync(path.join(folder, name), 'x');
  }
  await openSpool(optionsFor(folder));
  assert.deepEqual(readdirSync(folder).sort(), ['blob', `lmtp-${uuid}.eml`, 'smtp-notes.eml']);
});
