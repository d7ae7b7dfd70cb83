/**
 * Reads mails away from the socket thread. Small mails (in memory) go to one worker thread, which is faster than two on
 * two cores; large mails (in a file) are read as a stream by a child process with a memory limit, one at a time.
 *
 * When a mail takes longer than its time, the worker or child that reads it is ended and the mail is `broken`; the
 * others in line are read by a new one. Ending a worker helps against loops, not against one huge allocation, which
 * takes the whole process down: then its hash stands in the file `parsing`, among those of its neighbours. Mails found
 * there at start are read by a child when they come again, so that a poison mail can't crash the daemon in a loop, and
 * one that merely was in hand when the daemon was killed is still read.
 *
 * A worker or child that can't even be started (no memory, no descriptors) says nothing about the mail: `unavailable`.
 *
 * Ordinary small mails that are to be filed don't come back from the worker: it hands them to the store, and they are in
 * hand until the store has answered. A worker that ends may have handed over some of them; the next one does it again.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MessagePort, Worker } from 'node:worker_threads';
import type { Slip } from '../conversation/filing.js';
import type { Filed, FilingDesk, Parsed, Parser, ReadingContext } from '../conversation/ports.js';
import { errorText, ReplydError } from '../errors.js';
import type { Log } from '../log.js';
import type { Content } from '../mail/mail.js';
import { factsOf, factsOfStream } from '../mail/same.js';
import { histogram, steadyTime } from '../metrics.js';
import { roomyNursery } from '../nursery.js';
import type { ChildJob } from './child.js';
import type { Job, JobResult } from './job.js';
import type { WorkerData } from './worker.js';

export interface ParserLimits {
  /** Milliseconds for one mail, counted from the moment its reading begins. */
  readonly parseTime: number;
  /** Bytes of memory for the child. */
  readonly parseMemory: number;
}

export interface ParserOptions {
  readonly dataDir: string;
  /** An existing folder on the store's file system. */
  readonly incomingFolder: string;
  readonly limits: () => ParserLimits;
  readonly log: Log;
  /** Where mails go that are to be filed; null or absent: nowhere, they all come back. */
  readonly desk?: FilingDesk | null;
}

export interface OpenParser extends Parser {
  close(): Promise<void>;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: Parsed | Filed) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Mails that the worker is handed ahead, those among them that wait for the store's answer: far more than are read or
 * committed together, or one of the two would wait for the next ones.
 */
const AHEAD = 256;
const parseSeconds = histogram(
  'replyd_parse_seconds',
  'Time to read a mail, with waiting for the one before; large ones in a process of their own.',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  ['lane'],
);
/** How often the running job is looked at, milliseconds. */
const WATCH = 250;
const WORKER_HEAP_MB = 256;

export async function openParser(options: ParserOptions): Promise<OpenParser> {
  const parsingFile = path.join(options.dataDir, 'parsing');
  const suspects = readSuspects(parsingFile, options.log);
  const small = openWorkerLane(parsingFile, options);
  const large = openChildLane(options);
  let lastId = 0;
  const newId = () => {
    lastId = (lastId % 0x7fffffff) + 1;
    return lastId;
  };
  const isSuspect = ({ bytes }: { readonly bytes: Uint8Array }) =>
    suspects.size > 0 && suspects.has(factsOf(bytes).sha256);
  const timed = async (lane: 'small' | 'large', reading: Promise<Parsed>) => {
    const since = steadyTime();
    try {
      return await reading;
    } finally {
      parseSeconds.observe((steadyTime() - since) / 1000, [lane]);
    }
  };

  const readLarge = (raw: { readonly file: string }, about: ReadingContext) =>
    timed('large', large.run({ id: newId(), raw, about }));

  const parse = async (raw: Content, about: ReadingContext): Promise<Parsed> => {
    if ('file' in raw) return readLarge(raw, about);
    if (!isSuspect(raw)) return timed('small', small.run({ id: newId(), raw, about }));
    const file = path.join(options.incomingFolder, `suspect-${randomBytes(12).toString('hex')}`);
    await writeFile(file, raw.bytes, { mode: 0o600 });
    try {
      return await readLarge({ file }, about);
    } finally {
      await rm(file, { force: true });
    }
  };

  const handOn = async (desk: FilingDesk, raw: Content, about: ReadingContext, slip: Slip) => {
    const since = steadyTime();
    const { ticket, answer } = desk.expect();
    let handedOver: number | null = null;
    const filed = answer.then(({ results, at }) => {
      handedOver = at;
      return { filed: results };
    });
    try {
      return await small.runOnward({ id: newId(), raw, about, onward: { ticket, slip: JSON.stringify(slip) } }, filed);
    } finally {
      desk.forget(ticket);
      parseSeconds.observe(((handedOver ?? steadyTime()) - since) / 1000, ['small']);
    }
  };

  return {
    parse,
    async parseAndFile(raw, about, slip) {
      const { desk } = options;
      const straight = desk && 'bytes' in raw && raw.bytes.byteLength <= desk.maxSize && !isSuspect(raw);
      return straight ? handOn(desk, raw, about, slip) : parse(raw, about);
    },
    async close() {
      await Promise.all([small.close(), large.close()]);
      await rm(parsingFile, { force: true });
    },
  };
}

/** Hashes of the mails that were in hand when the process went down. */
function readSuspects(file: string, log: Log): ReadonlySet<string> {
  try {
    const found = new Set(readFileSync(file, 'latin1').match(/\b[0-9a-f]{64}\b/g));
    for (const sha256 of found) {
      log.warn('parsing_interrupted', {
        sha256,
        advice: 'this mail is read in a process of its own when it comes again',
      });
    }
    return found;
  } catch {
    return new Set();
  }
}

interface Lane {
  run(job: Job): Promise<Parsed>;
  close(): Promise<void>;
}

interface WorkerLane extends Lane {
  /** For a job that goes onward: `filed` settles it, unless it comes back before. */
  runOnward(job: Job, filed: Promise<Filed>): Promise<Parsed | Filed>;
}

/** Throws 'unavailable' when the parser itself could not work. */
function parsedOf(result: JobResult): Parsed {
  switch (result.outcome) {
    case 'trouble':
      throw new ReplydError('unavailable', `the parser cannot work: ${result.reason}`);
    case 'broken':
      return { readable: false, facts: result.facts, reason: result.reason };
    case 'read':
      return result.parsed;
  }
}

function settle(waiting: Waiting, result: JobResult): void {
  try {
    waiting.resolve(parsedOf(result));
  } catch (error) {
    waiting.reject(error as ReplydError);
  }
}

const CLOSED = new ReplydError('unavailable', 'the parser is closed');

function openWorkerLane(parsingFile: string, options: ParserOptions): WorkerLane {
  const current = new Int32Array(new SharedArrayBuffer(8));
  // At most `AHEAD`. A map would keep each mail alive long after it is read: see the store's writer.
  const inHand: Waiting[] = [];
  const line: Waiting[] = [];
  let worker: Worker | null = null;
  let closing = false;
  /** The job that was running at the last look, and since when by a clock that never jumps. */
  let watched = { id: 0, since: 0 };

  const newWorker = (desk: MessagePort | null) => {
    try {
      return new Worker(new URL('./worker.js', import.meta.url), {
        workerData: { parsingFile, current, desk } satisfies WorkerData,
        transferList: desk === null ? [] : [desk],
        resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB, ...roomyNursery() },
      });
    } catch (error) {
      desk?.close();
      throw error;
    }
  };

  const start = () => {
    Atomics.store(current, 0, 0);
    Atomics.store(current, 1, 0);
    const desk = options.desk?.connect() ?? null;
    const started = newWorker(desk);
    started.unref();
    started.on('message', (results: readonly JobResult[]) => {
      for (const result of results) over(result.id, waiting => settle(waiting, result));
    });
    const died = (why: string) => {
      if (started !== worker) return;
      if (Atomics.load(current, 1) === 1) ended(started, `reading it ended the parser${why}`);
      else notStarted(why);
    };
    started.on('error', error => died(`: ${errorText(error)}`));
    started.on('exit', code => died(` (${code})`));
    worker = started;
  };

  /** Nothing when it is over already: a mail may be read, and filed, twice. */
  const over = (id: number, settled: (waiting: Waiting) => void) => {
    for (const list of [inHand, line]) {
      const at = list.findIndex(waiting => waiting.job.id === id);
      const [waiting] = at === -1 ? [] : list.splice(at, 1);
      if (waiting) settled(waiting);
    }
    feed();
  };

  /** The next one would fare no better now: whoever waits tries again later. */
  const notStarted = (why: string) => {
    worker = null;
    const fault = new ReplydError('unavailable', `the parser cannot start${why}`);
    for (const waiting of [...inHand.splice(0), ...line.splice(0)]) waiting.reject(closing ? CLOSED : fault);
  };

  const ended = (which: Worker, reason: string) => {
    if (which !== worker) return;
    worker = null;
    const guilty = Atomics.load(current, 0);
    const innocent: Waiting[] = [];
    for (const waiting of inHand.splice(0)) {
      if (closing) waiting.reject(CLOSED);
      else if (waiting.job.id === guilty) settle(waiting, broken(waiting.job, reason));
      else innocent.push(waiting);
    }
    line.unshift(...innocent);
    if (!closing) feed();
  };

  const feed = () => {
    while (line.length > 0 && inHand.length < AHEAD) {
      const waiting = line.shift()!;
      try {
        if (worker === null) start();
        worker!.postMessage(waiting.job);
        inHand.push(waiting);
      } catch (error) {
        waiting.reject(new ReplydError('unavailable', `the parser cannot start: ${errorText(error)}`));
      }
    }
  };

  const enqueue = (job: Job) => {
    if (closing) return Promise.reject(CLOSED);
    return new Promise<Parsed | Filed>((resolve, reject) => {
      line.push({ job, resolve, reject });
      feed();
    });
  };

  const watch = setInterval(() => {
    const id = Atomics.load(current, 0);
    const now = performance.now();
    if (id === 0 || id !== watched.id) {
      watched = { id, since: now };
      return;
    }
    if (now - watched.since < options.limits().parseTime || worker === null) return;
    const overdue = worker;
    options.log.warn('parse_timeout', { seconds: Math.round((now - watched.since) / 1000) });
    void overdue.terminate();
    ended(overdue, 'it took longer than limits.parse_time to read');
  }, WATCH).unref();

  return {
    // What was not sent onward can't be filed.
    run: job => enqueue(job) as Promise<Parsed>,
    runOnward(job, filed) {
      filed.then(
        result => over(job.id, waiting => waiting.resolve(result)),
        error => over(job.id, waiting => waiting.reject(error)),
      );
      return enqueue(job);
    },
    async close() {
      closing = true;
      clearInterval(watch);
      for (const waiting of line.splice(0)) waiting.reject(CLOSED);
      const last = worker;
      if (last) {
        await last.terminate();
        ended(last, 'closed');
      }
    },
  };
}

function broken(job: Job, reason: string): JobResult {
  return { id: job.id, outcome: 'broken', facts: factsOf((job.raw as { bytes: Uint8Array }).bytes), reason };
}

function openChildLane(options: ParserOptions): Lane {
  let last: Promise<unknown> = Promise.resolve();
  let running: ChildProcess | null = null;
  let closing = false;

  const readOne = async (job: Job): Promise<Parsed> => {
    if (closing) throw CLOSED;
    const started = (child: ChildProcess) => {
      running = child;
    };
    let result = await runChild(job, options, started);
    // Somebody else killed it, such as the kernel for want of memory: that may not have been the mail's fault.
    if ('died' in result && result.killed && !closing) result = await runChild(job, options, started);
    running = null;
    if (closing) throw CLOSED;
    if ('result' in result) return parsedOf(result.result);
    return {
      readable: false,
      facts: await factsOfStream(createReadStream((job.raw as { file: string }).file)),
      reason: result.died,
    };
  };

  return {
    run(job) {
      const turn = last.then(() => readOne(job));
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      closing = true;
      running?.kill('SIGKILL');
      await last;
    },
  };
}

/** One mail in one process. `died`: why it gave no answer; `killed`: by a signal that was not ours. */
function runChild(
  job: Job,
  options: ParserOptions,
  started: (child: ChildProcess) => void,
): Promise<{ result: JobResult } | { died: string; killed: boolean }> {
  const { parseTime, parseMemory } = options.limits();
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
    execArgv: [`--max-old-space-size=${Math.ceil(parseMemory / 2 ** 20)}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  started(child);
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(new ReplydError('unavailable', `cannot start the parser: ${errorText(error)}`)),
    );
    // No descriptors: there is no process, no channel to it, and nothing but the error will come.
    if (child.pid === undefined) return;
    const { pid } = child;
    let reason = 'reading it ended the parser';
    let result: JobResult | null = null;
    let stopped = false;
    const stop = (why: string) => {
      reason = why;
      stopped = true;
      child.kill('SIGKILL');
    };
    const time = setTimeout(() => stop('it took longer than limits.parse_time to read'), parseTime);
    // The heap limit does not count buffers: what the process really holds is looked at from outside.
    const memory = setInterval(() => {
      void residentMemory(pid).then(bytes => {
        if (bytes > parseMemory) stop('it took more than limits.parse_memory to read');
      });
    }, WATCH);
    child.once('message', (message: JobResult) => {
      result = message;
    });
    child.once('close', (_code, signal) => {
      clearTimeout(time);
      clearInterval(memory);
      const killed = !stopped && (signal === 'SIGKILL' || signal === 'SIGTERM');
      resolve(result ? { result } : { died: reason, killed });
    });
    child.send({ ...job, folder: options.incomingFolder } satisfies ChildJob, error => {
      // It was gone before it got the mail.
      if (error) child.kill('SIGKILL');
    });
  });
}

/** Bytes in memory, 0 where the system does not say. */
async function residentMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  return Number(text.split(' ')[1] ?? 0) * 4096;
}
