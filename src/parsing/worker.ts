/**
 * The parser's worker thread: reads small mails, one after the other, in memory. Results of mails that came together go
 * back together, because each message wakes a thread.
 *
 * While it reads a mail, the mail's hash stands in the file `parsing`: if the mail takes the whole process down, the next
 * start finds the hash there. A write costs half as much as the hash itself. So all waiting mails are noted in one write,
 * and their hashes stay until the next ones start or nothing has come for a while. A mail that is suspected without
 * reason is only read more slowly.
 *
 * | what goes wrong                 | what happens                                                                    |
 * |---------------------------------|---------------------------------------------------------------------------------|
 * | a mail ends the worker          | a new worker reads the others, those too that were read and not yet sent back   |
 * | a mail hangs                    | results that were not yet sent wait until its time is over                      |
 * | the hash can't be written       | the mail is read all the same: a full disk is not the mail's fault              |
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
/** The last mails' hashes are removed after this time without a mail, milliseconds. */
const IDLE = 100;
/** How long results are collected before they are sent, milliseconds: several mails are read in that time. */
const TOGETHER = 1;
let mark: number | null = null;
let marked = '';

noteInFlight('');
Atomics.store(current, 1, 1);

const waiting: Job[] = [];
let reading = false;
port.on('message', (jobs: readonly Job[]) => {
  waiting.push(...jobs);
  if (!reading) void readAll();
});

const idle = setTimeout(() => {
  if (!reading) noteInFlight('');
}, IDLE);

/** All mails that have come, then those that came meanwhile. The parser limits how many that are. */
async function readAll(): Promise<void> {
  reading = true;
  for (let jobs = arrived(); jobs.length > 0; jobs = arrived()) {
    const known = jobs.map(job => ({ job, facts: factsOfJob(job) }));
    noteInFlight(known.map(({ facts }) => facts.sha256).join(' '));
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
    results.push(await readJob(job, { bytes: bytesOf(job), facts, keeper: keepInMemory }));
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
    jobs.push(...(next as { message: readonly Job[] }).message);
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
  if (result.kind !== 'read') return [];
  return ownBuffers(result.attachments.flatMap(({ content }) => ('bytes' in content ? [content.bytes] : [])));
}

function bytesOf(job: Job): Uint8Array {
  return (job.raw as { bytes: Uint8Array }).bytes;
}

/** In one write, over what is in the file. */
function noteInFlight(hashes: string): void {
  try {
    mark ??= openSync(parsingFile, 'w', 0o600);
    writeSync(mark, hashes.padEnd(marked.length), 0, 'latin1');
    marked = hashes;
  } catch {
    // The table above says why.
  }
}

/** Contents with memory of their own are moved instead of copied; small ones share their memory with others. */
function ownBuffers(contents: readonly Uint8Array[]): ArrayBuffer[] {
  return contents.flatMap(({ buffer, byteLength }) =>
    byteLength > 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer ? [buffer] : [],
  );
}
