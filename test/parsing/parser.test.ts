import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { openParser } from '#replyd/parsing/parser.js';
import { eventually } from '../run.js';

const folder = mkdtempSync(path.join(tmpdir(), 'replyd-parsing-'));
const incomingFolder = path.join(folder, 'incoming');
mkdirSync(incomingFolder);
const silent = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {} };
const parser = await openParser({
  dataDir: folder,
  incomingFolder,
  limits: () => ({ parseTime: 10_000, parseMemory: 256 * 2 ** 20 }),
  log: silent,
});
after(async () => {
  await parser.close();
  rmSync(folder, { recursive: true });
});

const ABOUT = { knownTexts: { texts: [], replyAddresses: [] }, mailFrom: '', authservIds: [] };
const TURN = { client: ['127.0.0.0/24', '127.0.0.1'], account: 'acc_1', last: false };

function mailWith(files: readonly Buffer[]): Buffer {
  const parts = files.map(
    file =>
      `--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${file.toString('base64')}\r\n`,
  );
  return Buffer.from(
    `From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n${parts.join('')}--b--\r\n`,
  );
}

test('attachments of all sizes come back whole from the worker, and the raw mail stays', async () => {
  const large = Buffer.alloc(50_000, 'large ');
  const files = [Buffer.alloc(0), Buffer.from('small'), large, Buffer.from(large), Buffer.alloc(4_096, 1)];
  const bytes = mailWith(files);
  const before = Buffer.from(bytes);
  // Several at once, so that one's memory could be another's.
  const all = await Promise.all([1, 2, 3].map(() => parser.parse({ bytes }, ABOUT, TURN)));
  for (const parsed of all) {
    assert.ok(parsed.kind === 'read');
    assert.equal(parsed.reading.text.text, 'Hello');
    const contents = parsed.attachments.map(({ content, sha256 }) => {
      assert.ok('bytes' in content);
      assert.equal(sha256, createHash('sha256').update(content.bytes).digest('hex'));
      return Buffer.from(content.bytes);
    });
    assert.deepEqual(contents, files);
  }
  assert.deepEqual(bytes, before);
});

test('a mail whose hash can not be noted is read all the same', async context => {
  const other = await openParser({
    dataDir: path.join(folder, 'not there'),
    incomingFolder,
    limits: () => ({ parseTime: 10_000, parseMemory: 256 * 2 ** 20 }),
    log: silent,
  });
  context.after(() => other.close());
  for (const text of ['one', 'two']) {
    const bytes = Buffer.from(`From: ann@example.com\r\n\r\n${text}\r\n`);
    const parsed = await other.parse({ bytes }, ABOUT, TURN);
    assert.ok(parsed.kind === 'read' && parsed.reading.text.text === text);
  }
});

test('all mails that were in hand when the process went down are read apart, others are not', async context => {
  const mails = ['one', 'two', 'three'].map(text => Buffer.from(`From: ann@example.com\r\n\r\n${text}\r\n`));
  const hashes = mails.map(bytes => createHash('sha256').update(bytes).digest('hex'));
  const dataDir = path.join(folder, 'interrupted');
  mkdirSync(dataDir);
  writeFileSync(path.join(dataDir, 'parsing'), `${hashes[0]} ${hashes[1]}`.padEnd(500));
  const warned: unknown[] = [];
  const other = await openParser({
    dataDir,
    incomingFolder,
    // Too little for any child.
    limits: () => ({ parseTime: 10_000, parseMemory: 2 ** 20 }),
    log: { ...silent, warn: (_event: string, details?: object) => warned.push((details as { sha256: string }).sha256) },
  });
  context.after(() => other.close());
  assert.deepEqual(warned, hashes.slice(0, 2));
  const parsed = await Promise.all(mails.map(bytes => other.parse({ bytes }, ABOUT, TURN)));
  assert.deepEqual(
    parsed.map(each => [each.facts.sha256, each.kind]),
    [
      [hashes[0], 'unreadable'],
      [hashes[1], 'unreadable'],
      [hashes[2], 'read'],
    ],
  );
});

test('no mail is in hand when all have been read', async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      parser.parse({ bytes: Buffer.from(`From: ann@example.com\r\n\r\n${number}\r\n`) }, ABOUT, TURN),
    ),
  );
  await eventually('the mark is taken away', () => readFileSync(path.join(folder, 'parsing'), 'latin1').trim() === '');
});

/** 60 levels: our own parser takes 50. */
function nested(words: string): Buffer {
  const open = Array.from(
    { length: 60 },
    (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`,
  );
  return Buffer.from(`From: ann@example.com\r\n${open.join('')}Content-Type: text/plain\r\n\r\n${words}\r\n`);
}

test('what our own parser can not read the second reader reads, from memory and from a file', async () => {
  const small = nested('Where is my order?');
  const large = nested('Where is my order? '.repeat(20_000));
  const file = path.join(folder, 'large.eml');
  writeFileSync(file, large);
  const [one, two] = await Promise.all([
    parser.parse({ bytes: small }, ABOUT, TURN),
    parser.parse({ file }, ABOUT, TURN),
  ]);
  for (const [parsed, bytes] of [
    [one, small],
    [two, large],
  ] as const) {
    assert.ok(parsed?.kind === 'read');
    assert.ok(parsed.reading.text.text.startsWith('Where is my order?'));
    assert.equal(parsed.reading.evidence[0], 'read by the second reader');
    assert.equal(parsed.facts.sha256, createHash('sha256').update(bytes).digest('hex'));
  }
});

test('the process that reads large mails knows no secret of the daemon', async context => {
  process.env.REPLYD_STORE_URL = 'postgres://replyd:secret@db.example/replyd';
  context.after(() => delete process.env.REPLYD_STORE_URL);
  const file = path.join(incomingFolder, 'secret');
  writeFileSync(file, mailWith([Buffer.alloc(8 * 2 ** 20, 1)]));
  const read = parser.parse({ file }, ABOUT, TURN);
  const seen = await eventually(
    'the process is there',
    () => {
      const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ');
      return children.flatMap(pid => variablesOf(pid)).find(each => each.includes('NODE_CHANNEL_FD'));
    },
    { every: 1 },
  );
  assert.ok(!seen.includes('secret'));
  assert.equal((await read).kind, 'read');
});

/** As they were when the process began; none when it is gone. */
function variablesOf(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/environ`, 'latin1')];
  } catch {
    return [];
  }
}

test('in both places clients and accounts take turns, and the operator has the last', async () => {
  const mails = Array.from({ length: 4 }, (_, number) => ({ account: 'acc_1', client: 'a', number, last: false }));
  const waiting = [
    { account: '', client: 'c', number: 0, last: true },
    ...mails,
    { account: 'acc_2', client: 'a', number: 0, last: false },
    { account: 'acc_1', client: 'b', number: 0, last: false },
  ];
  for (const place of ['worker', 'children']) {
    const read: string[] = [];
    await Promise.all(
      waiting.map(async ({ number, ...turn }) => {
        const bytes = Buffer.from(`From: ann@example.com\r\n\r\n${turn.client} ${number}\r\n`);
        const file = path.join(folder, `${turn.client}${turn.account}${number}.eml`);
        writeFileSync(file, bytes);
        await parser.parse(place === 'worker' ? { bytes } : { file }, ABOUT, { ...turn, client: ['n', turn.client] });
        read.push(`${turn.client} ${turn.account} ${number}`);
      }),
    );
    assert.deepEqual(
      read,
      ['a acc_1 0', 'b acc_1 0', 'a acc_2 0', 'a acc_1 1', 'a acc_1 2', 'a acc_1 3', 'c  0'],
      place,
    );
  }
});
