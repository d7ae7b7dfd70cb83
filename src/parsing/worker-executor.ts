/**
 * Small mails: one worker thread reads them, one after the other, in turns. It has few of those that wait, because their
 * order counts no more for those that it has. A mail that takes longer than its time ends the worker
 * and is unreadable; the others that were sent to that worker are read by a new one. A worker that cannot start says
 * nothing about the mails: they get 'unavailable'.
 */
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import type { Parsed } from '../conversation/ports.js';
import { factsOf } from '../mail/fingerprint.js';
import { CHECK_INTERVAL, CLOSED, type Executor, type ExecutorOptions, parsedOf } from './executor.js';
import type { Job, JobResult } from './job.js';
import { createTurns } from './turns.js';
import type { WorkerData } from './worker.js';

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: Parsed) => void;
  readonly reject: (error: Error) => void;
}

/** How many unread mails the worker has at most: far more than it reads before it hears of others. */
const MAX_IN_FLIGHT = 256;
/** And how many bytes, but one mail always: all of them hold a mail back whose turn it is. */
const MAX_BYTES_IN_FLIGHT = 512 * 1024;
const WORKER_HEAP_MB = 256;

export function openWorkerExecutor(parsingFile: string, options: ExecutorOptions): Executor {
  const current = new Int32Array(new SharedArrayBuffer(8));
  // Lists, not maps: V8 keeps what stood in a map's old table alive until the next full collection (writer-calls.ts).
  const inFlight: Waiting[] = [];
  const turns = createTurns<Waiting>();
  let bytesInFlight = 0;
  /** Mails that came in this turn of the event loop are not forwarded yet. */
  let isDue = false;
  let worker: Worker | null = null;
  let closing = false;
  /** The job that was running at the last check, and since when by a clock that never jumps. */
  let checked = { id: 0, since: 0 };

  const start = () => {
    Atomics.store(current, 0, 0);
    Atomics.store(current, 1, 0);
    const started = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { parsingFile, current } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    });
    started.unref();
    started.on('message', (results: readonly JobResult[]) => {
      for (const result of results) {
        const at = inFlight.findIndex(({ job }) => job.id === result.id);
        if (at !== -1) settle(landed(at), result);
      }
      forward();
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

  const landed = (at: number): Waiting => {
    const [waiting] = inFlight.splice(at, 1);
    bytesInFlight -= sizeOf(waiting!);
    return waiting!;
  };

  const allLanded = (): Waiting[] => {
    bytesInFlight = 0;
    return inFlight.splice(0);
  };

  const rejectWaiting = (fault: Error) => {
    for (let waiting = turns.next(); waiting !== undefined; waiting = turns.next()) waiting.reject(fault);
  };

  /** A new worker would not start either. The senders try again later. */
  const notStarted = (why: string) => {
    worker = null;
    const fault = closing ? CLOSED : new ReplydError('unavailable', `the parser cannot start${why}`);
    for (const waiting of allLanded()) waiting.reject(fault);
    rejectWaiting(fault);
  };

  const ended = (which: Worker, reason: string) => {
    if (which !== worker) return;
    worker = null;
    const guilty = Atomics.load(current, 0);
    const innocent: Waiting[] = [];
    for (const waiting of allLanded()) {
      if (closing) waiting.reject(CLOSED);
      else if (waiting.job.id === guilty) waiting.resolve(unreadable(waiting.job, reason));
      else innocent.push(waiting);
    }
    turns.giveBack(innocent);
    if (!closing) forward();
  };

  /** Sends the worker what waits, as far as it may have it. */
  const forward = () => {
    isDue = false;
    const sent: Waiting[] = [];
    while (inFlight.length + sent.length < MAX_IN_FLIGHT && bytesInFlight < MAX_BYTES_IN_FLIGHT) {
      const waiting = turns.next();
      if (waiting === undefined) break;
      sent.push(waiting);
      bytesInFlight += sizeOf(waiting);
    }
    if (sent.length === 0) return;
    try {
      if (worker === null) start();
      worker!.postMessage(sent.map(({ job }) => job));
      inFlight.push(...sent);
    } catch (error) {
      const fault = new ReplydError('unavailable', `the parser cannot start: ${errorText(error)}`);
      for (const waiting of sent) {
        bytesInFlight -= sizeOf(waiting);
        waiting.reject(fault);
      }
    }
  };

  const checkTimeout = setInterval(() => {
    const id = Atomics.load(current, 0);
    const now = performance.now();
    if (id === 0 || id !== checked.id) {
      checked = { id, since: now };
      return;
    }
    if (now - checked.since < options.limits().parseTime || worker === null) return;
    const overdue = worker;
    options.log.warn('parse_timeout', { seconds: Math.round((now - checked.since) / 1000) });
    void overdue.terminate();
    ended(overdue, 'it took longer than limits.parse_time to read');
  }, CHECK_INTERVAL).unref();

  return {
    run(job, turn) {
      if (closing) return Promise.reject(CLOSED);
      return new Promise((resolve, reject) => {
        turns.push({ job, resolve, reject }, turn);
        // Mails of one turn of the event loop go together: a message of its own for each takes a fifth more of all time.
        if (!isDue) setImmediate(forward);
        isDue = true;
      });
    },
    async close() {
      closing = true;
      clearInterval(checkTimeout);
      rejectWaiting(CLOSED);
      const last = worker;
      if (last) {
        await last.terminate();
        ended(last, 'closed');
      }
    },
  };
}

function sizeOf({ job }: Waiting): number {
  return (job.raw as { bytes: Uint8Array }).bytes.length;
}

function settle(waiting: Waiting, result: JobResult): void {
  try {
    waiting.resolve(parsedOf(result));
  } catch (error) {
    waiting.reject(error as ReplydError);
  }
}

function unreadable({ raw }: Job, reason: string): Parsed {
  return { kind: 'unreadable', facts: factsOf((raw as { bytes: Uint8Array }).bytes), reason };
}
