/**
 * Small mails: one worker thread reads them, and is ended when one takes too long; the others in line are read by a new
 * one.
 */
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import { roomyNursery } from '../base/young-generation.js';
import type { Parsed } from '../conversation/ports.js';
import { factsOf } from '../mail/fingerprint.js';
import type { Job, JobResult } from './job.js';
import { CLOSED, type Lane, type LaneOptions, parsedOf, WATCH } from './lane.js';
import type { WorkerData } from './worker.js';

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: Parsed) => void;
  readonly reject: (error: Error) => void;
}

/** How many mails the worker is sent at most that it has not read: far more than it reads in one turn. */
const AHEAD = 256;
const WORKER_HEAP_MB = 256;

function settle(waiting: Waiting, result: JobResult): void {
  try {
    waiting.resolve(parsedOf(result));
  } catch (error) {
    waiting.reject(error as ReplydError);
  }
}

export function openWorkerLane(parsingFile: string, options: LaneOptions): Lane {
  const current = new Int32Array(new SharedArrayBuffer(8));
  // At most `AHEAD`. A map would keep each mail alive long after it is read: see the store's writer.
  const inHand: Waiting[] = [];
  const line: Waiting[] = [];
  let worker: Worker | null = null;
  let closing = false;
  /** The job that was running at the last look, and since when by a clock that never jumps. */
  let watched = { id: 0, since: 0 };

  const start = () => {
    Atomics.store(current, 0, 0);
    Atomics.store(current, 1, 0);
    const started = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { parsingFile, current } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB, ...roomyNursery() },
    });
    started.unref();
    started.on('message', (results: readonly JobResult[]) => {
      for (const result of results) {
        const at = inHand.findIndex(({ job }) => job.id === result.id);
        if (at !== -1) settle(inHand.splice(at, 1)[0]!, result);
      }
      feed();
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
    run(job) {
      if (closing) return Promise.reject(CLOSED);
      return new Promise((resolve, reject) => {
        line.push({ job, resolve, reject });
        feed();
      });
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
