/**
 * The parser's worker thread: reads small mails, one after the other, in memory. While it reads one, that mail's hash
 * stands in the file `parsing`: a worker that takes the whole process down leaves it there for the next start. The hash
 * of a mail that was read stays there until the next one begins or nothing more waits. A mail whose hash can't be written
 * (full disk, no descriptor) is read all the same: that trouble is not the mail's.
 */
import { openSync, writeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MailAttachment } from '../mail/mail.js';
import { keepInMemory } from '../mail/message.js';
import { factsOf } from '../mail/same.js';
import { type Job, type JobResult, readJob } from './job.js';

export interface WorkerData {
  readonly parsingFile: string;
  /** [0]: id of the job that is being read, 0 for none. [1]: 1 as soon as it has started. */
  readonly current: Int32Array;
}

const port = parentPort as MessagePort;
const { parsingFile, current } = workerData as WorkerData;
const NOTHING = ' '.repeat(64);
let mark: number | null = null;

noteInHand(NOTHING);
Atomics.store(current, 1, 1);

const waiting: Job[] = [];
let reading = false;
port.on('message', (job: Job) => {
  waiting.push(job);
  if (!reading) void readAll();
});

/** What comes meanwhile is looked for between two mails: as long as there is more, no mark has to be taken away. */
async function readAll(): Promise<void> {
  reading = true;
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift() ?? arrived()) await read(job);
  noteInHand(NOTHING);
  reading = false;
}

function arrived(): Job | undefined {
  return (receiveMessageOnPort(port) as { message: Job } | undefined)?.message;
}

async function read(job: Job): Promise<void> {
  const bytes = (job.raw as { bytes: Uint8Array }).bytes;
  Atomics.store(current, 0, job.id);
  const facts = factsOf(bytes);
  noteInHand(facts.sha256);
  const result: JobResult = await readJob(job, facts, bytes, keepInMemory);
  port.postMessage(result, result.outcome === 'read' ? ownBuffers(result.parsed.attachments) : []);
  Atomics.store(current, 0, 0);
}

function noteInHand(hash: string): void {
  try {
    mark ??= openSync(parsingFile, 'w', 0o600);
    writeSync(mark, hash, 0, 'latin1');
  } catch {
    // See above.
  }
}

/** Contents that have their memory to themselves go over without a copy; small ones share theirs with others. */
function ownBuffers(attachments: readonly MailAttachment[]): ArrayBuffer[] {
  return attachments.flatMap(({ content }) => {
    if (!('bytes' in content) || content.bytes.byteLength !== content.bytes.buffer.byteLength) return [];
    return content.bytes.byteLength > 0 && content.bytes.buffer instanceof ArrayBuffer ? [content.bytes.buffer] : [];
  });
}
