import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { isReplydError, ReplydError } from '#replyd/base/errors.js';
import type { FilingResult } from '#replyd/conversation/filing.js';
import { type Handover, openHandover } from '#replyd/conversation/handover.js';
import { unpackReading } from '#replyd/conversation/packed.js';
import type { DeskAnswer, FilingDesk } from '#replyd/conversation/ports.js';
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
  const all = await Promise.all(
    [1, 2, 3].map(() =>
      parser.parse({ bytes }, { traces: { texts: [], replyAddresses: [] }, mailFrom: '', authservIds: [] }),
    ),
  );
  for (const parsed of all) {
    assert.ok(parsed.readable);
    assert.equal(unpackReading(parsed.reading).text.text, 'Hello');
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
    const parsed = await other.parse(
      { bytes },
      { traces: { texts: [], replyAddresses: [] }, mailFrom: '', authservIds: [] },
    );
    assert.ok(parsed.readable && unpackReading(parsed.reading).text.text === text);
  }
});

const ABOUT = { traces: { texts: [], replyAddresses: [] }, mailFrom: '', authservIds: [] };

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
  const parsed = await Promise.all(mails.map(bytes => other.parse({ bytes }, ABOUT)));
  assert.deepEqual(
    parsed.map(each => [each.facts.sha256, each.readable]),
    [
      [hashes[0], false],
      [hashes[1], false],
      [hashes[2], true],
    ],
  );
});

test('no mail is in hand when all have been read', async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      parser.parse({ bytes: Buffer.from(`From: ann@example.com\r\n\r\n${number}\r\n`) }, ABOUT),
    ),
  );
  await eventually('the mark is taken away', () => readFileSync(path.join(folder, 'parsing'), 'latin1').trim() === '');
});

/** A desk that keeps what is handed over and answers what the test says. */
function openDesk(context: TestContext, answerOf: (mail: ReturnType<typeof openHandover>) => readonly FilingResult[]) {
  const handed: ReturnType<typeof openHandover>[] = [];
  const waiting = new Map<number, { resolve: (answer: DeskAnswer) => void; reject: (error: Error) => void }>();
  const forgotten: number[] = [];
  const ends: MessagePort[] = [];
  let tickets = 0;
  const desk: FilingDesk = {
    maxSize: 1000,
    connect() {
      const { port1, port2 } = new MessageChannel();
      port1.on('message', (mails: readonly Handover[]) => {
        for (const mail of mails.map(openHandover)) {
          handed.push(mail);
          try {
            waiting.get(mail.ticket)?.resolve({ results: answerOf(mail), at: mail.at });
          } catch (error) {
            waiting.get(mail.ticket)?.reject(error as Error);
          }
        }
      });
      ends.push(port1);
      return port2;
    },
    expect() {
      const ticket = ++tickets;
      return { ticket, answer: new Promise((resolve, reject) => waiting.set(ticket, { resolve, reject })) };
    },
    forget(ticket) {
      forgotten.push(ticket);
    },
  };
  context.after(() => {
    for (const end of ends) end.close();
  });
  return { desk, handed, forgotten };
}

const SLIP = {
  envelope: { mailFrom: 'ann@example.com', rcptTo: ['reply+0@in.example'] },
  destinations: [],
  via: 'smtp',
  client: null,
  trusted: false,
  evidence: ['ä \ud800 "'],
  limits: { loopMessages: 1, loopWindow: 2 },
  together: true,
} as const;
const FILED = [{ result: 'filed', mailId: 'mail_1', messageId: 'msg_1', before: false }] as const;

async function openWithDesk(context: TestContext, name: string, answerOf: Parameters<typeof openDesk>[1]) {
  const made = openDesk(context, answerOf);
  const dataDir = path.join(folder, name);
  mkdirSync(dataDir);
  const limits = () => ({ parseTime: 10_000, parseMemory: 256 * 2 ** 20 });
  const reader = await openParser({ dataDir, incomingFolder, limits, log: silent, desk: made.desk });
  context.after(() => reader.close());
  return { ...made, reader };
}

test('an ordinary mail to be filed goes to the desk, with all that is known of it', async context => {
  const { reader, handed, forgotten } = await openWithDesk(context, 'straight', () => FILED);
  const files = [Buffer.from('small'), Buffer.alloc(0), Buffer.alloc(300, 'x')];
  const bytes = mailWith(files);
  // As they come from a door: at the front of a larger memory.
  const raw = new Uint8Array(new ArrayBuffer(4096), 0, bytes.length);
  raw.set(bytes);
  const results = await Promise.all([1, 2].map(() => reader.parseAndFile({ bytes: raw }, ABOUT, SLIP)));
  assert.deepEqual(results, [{ filed: FILED }, { filed: FILED }]);
  assert.deepEqual(forgotten.sort(), [1, 2]);
  const same = await reader.parse({ bytes: raw }, ABOUT);
  assert.ok(same.readable);
  for (const { filing } of handed) {
    const { facts, raw: stored, reading, attachments, ...rest } = filing;
    assert.deepEqual(rest, { ...SLIP, reason: null });
    assert.deepEqual([facts, reading], [same.facts, same.reading]);
    assert.deepEqual(stored, { sha256: facts.sha256, size: bytes.length, bytes: new Uint8Array(bytes) });
    const contents = attachments.map(each => {
      assert.ok('bytes' in each);
      assert.equal(each.sha256, createHash('sha256').update(each.bytes).digest('hex'));
      assert.equal(each.size, each.bytes.length);
      return Buffer.from(each.bytes);
    });
    assert.deepEqual(contents, files);
  }
  assert.deepEqual(Buffer.from(raw), bytes, 'the raw mail stays');
});

test('what somebody must decide about comes back, and its ticket is given up', async context => {
  const { reader, handed, forgotten } = await openWithDesk(context, 'back', () => FILED);
  const looping = Buffer.from(`${'Received: x\r\n'.repeat(51)}From: ann@example.com\r\n\r\nHi\r\n`);
  const large = Buffer.from(`From: ann@example.com\r\n\r\n${'Hi '.repeat(1000)}\r\n`);
  const onlyJust = Buffer.from(`${'Received: x\r\n'.repeat(50)}From: ann@example.com\r\n\r\nHi\r\n`);
  const parsed = await Promise.all([looping, large].map(bytes => reader.parseAndFile({ bytes }, ABOUT, SLIP)));
  assert.deepEqual(
    parsed.map(each => 'facts' in each && each.readable && each.facts.size),
    [looping.length, large.length],
  );
  assert.deepEqual([handed, forgotten], [[], [1]]);
  assert.deepEqual(await reader.parseAndFile({ bytes: onlyJust }, ABOUT, SLIP), { filed: FILED });
});

test('what the store throws is thrown, and the next mail is read', async context => {
  let full = true;
  const { reader } = await openWithDesk(context, 'full', () => {
    if (full) throw new ReplydError('unavailable', 'full', { details: { reason: 'disk_full' } });
    return FILED;
  });
  const bytes = Buffer.from('From: ann@example.com\r\n\r\nHi\r\n');
  await assert.rejects(
    reader.parseAndFile({ bytes }, ABOUT, SLIP),
    error => isReplydError(error, 'unavailable') && error.details.reason === 'disk_full',
  );
  full = false;
  assert.deepEqual(await reader.parseAndFile({ bytes }, ABOUT, SLIP), { filed: FILED });
});
