/**
 * Small mails: one worker thread reads them, and is ended when one takes too long; the others in line are read by a new
 * one. Mails that go onward are in hand until the store has answered, or they come back.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import { roomyNursery } from '../base/young-generation.js';
import type { Filed, Parsed } from '../conversation/ports.js';
import { factsOf } from '../mail/fingerprint.js';
import type { Job, JobResult } from './job.js';
import { CLOSED, type Lane, type LaneOptions, parsedOf, WATCH } from './lane.js';
import type { WorkerData } from './worker.js';

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
const WORKER_HEAP_MB = 256;

export interface WorkerLane extends Lane {
  /** For a job that goes onward: `filed` settles it, unless it comes back before. */
  runOnward(job: Job, filed: Promise<Filed>): Promise<Parsed | Filed>;
}

function settle(waiting: Waiting, result: JobResult): void {
  try {
    waiting.resolve(parsedOf(result));
  } catch (error) {
    waiting.reject(error as ReplydError);
  }
}

export function openWorkerLane(parsingFile: string, options: LaneOptions): WorkerLane {
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
      if (!waiting) continue;
      settled(waiting);
      break;
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
