/**
 * The parser's worker thread: reads small mails, one after the other, in memory. While it reads one, that mail's hash
 * stands in the file `parsing`: a worker that takes the whole process down leaves it there for the next start. A write
 * costs half as much as the hash itself, so all that wait are noted in one, and what was read stays there until the next
 * ones begin or nothing has come for a while: a mail that is suspected without reason is only read more slowly. A mail
 * whose hash can't be written (full disk, no descriptor) is read all the same: that trouble is not the mail's.
 *
 * Results of mails that came together go back together, because each message wakes a thread. What was read and not yet
 * sent when a mail ends the worker, the next worker reads again. When a mail hangs, they wait until its time is over.
 */
import { openSync, writeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { factsOf } from '../mail/fingerprint.js';
import type { RawFacts } from '../mail/mail.js';
import { keepInMemory } from '../mail/message.js';
import { type Job, type JobResult, readJob } from './job.js';

export interface WorkerData {
  readonly parsingFile: string;
  /** [0]: id of the job that is being read, 0 for none. [1]: 1 as soon as it has started. */
  readonly current: Int32Array;
}

const port = parentPort as MessagePort;
const { parsingFile, current } = workerData as WorkerData;
/** How long nothing has come when the last mails' hashes are taken away, milliseconds. */
const IDLE = 100;
/** How long what has been read waits for what is being read, milliseconds: as long as several mails take. */
const TOGETHER = 1;
let mark: number | null = null;
let marked = '';

noteInHand('');
Atomics.store(current, 1, 1);

const waiting: Job[] = [];
let reading = false;
port.on('message', (job: Job) => {
  waiting.push(job);
  if (!reading) void readAll();
});

const idle = setTimeout(() => {
  if (!reading) noteInHand('');
}, IDLE);

/** All that has come, then all that has come meanwhile: the parser hands over no more than some ahead. */
async function readAll(): Promise<void> {
  reading = true;
  for (let jobs = arrived(); jobs.length > 0; jobs = arrived()) {
    const known = jobs.map(job => ({ job, facts: factsOfJob(job) }));
    noteInHand(known.map(({ facts }) => facts.sha256).join(' '));
    await readTogether(known);
  }
  reading = false;
  idle.refresh();
}

interface KnownJob {
  readonly job: Job;
  readonly facts: RawFacts;
}

async function readTogether(known: readonly KnownJob[]): Promise<void> {
  let results: JobResult[] = [];
  let since = performance.now();
  for (const { job, facts } of known) {
    Atomics.store(current, 0, job.id);
    results.push(await readJob(job, facts, bytesOf(job), keepInMemory));
    const now = performance.now();
    if (now - since < TOGETHER) continue;
    send(results);
    results = [];
    since = now;
  }
  send(results);
  Atomics.store(current, 0, 0);
}

function arrived(): readonly Job[] {
  const jobs = waiting.splice(0);
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    jobs.push((next as { message: Job }).message);
  }
  return jobs;
}

function factsOfJob(job: Job): RawFacts {
  Atomics.store(current, 0, job.id);
  return factsOf(bytesOf(job));
}

function send(results: readonly JobResult[]): void {
  if (results.length > 0) port.postMessage(results, results.flatMap(buffersOf));
}

function buffersOf(result: JobResult): ArrayBuffer[] {
  if (result.outcome !== 'read') return [];
  return ownBuffers(result.parsed.attachments.flatMap(({ content }) => ('bytes' in content ? [content.bytes] : [])));
}

function bytesOf(job: Job): Uint8Array {
  return (job.raw as { bytes: Uint8Array }).bytes;
}

/** In one write, over what stood there. */
function noteInHand(hashes: string): void {
  try {
    mark ??= openSync(parsingFile, 'w', 0o600);
    writeSync(mark, hashes.padEnd(marked.length), 0, 'latin1');
    marked = hashes;
  } catch {
    // See above.
  }
}

/** Contents that have their memory to themselves go over without a copy; small ones share theirs with others. */
function ownBuffers(contents: readonly Uint8Array[]): ArrayBuffer[] {
  return contents.flatMap(({ buffer, byteLength }) =>
    byteLength > 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer ? [buffer] : [],
  );
}
