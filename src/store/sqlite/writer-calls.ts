/**
 * Writes through the daemon's writer thread.
 *
 * If the thread dies, everything in flight and every later call fails with unavailable, and `onDeath` tells the daemon,
 * which ends: a store without its writer can only refuse. `committed` is called before the calls of a batch are
 * fulfilled, so that whoever waited for one reads what it wrote.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, ReplydError } from '../../base/errors.js';
import type { WritingName } from '../calls.js';
import { batchWrites, commitSeconds } from '../figures.js';
import type { Call } from './batch.js';
import type { FromWriter, ToWriter, WriterData } from './writer-thread.js';

/** Fulfils a call after its commit. */
export interface Writer {
  run(name: WritingName, values: readonly unknown[]): Promise<unknown>;
  /** Takes what was removed out of the log too, as soon as nobody reads it. */
  afterRemoval(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly id: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly since: number;
}

export async function threadWriter(
  data: WriterData,
  options: { committed?: () => void; onDeath?: (error: Error) => void } = {},
): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: data });
  // In the order of the answers. No map: one that calls pass through builds its table again and again, and V8's old tables
  // keep the newer ones alive: every mail that ever stood in one would live until the next full collection.
  const waiting: Waiting[] = [];
  const unsent: Call[] = [];
  let lastId = 0;
  let dead: ReplydError | null = null;
  let closing = false;

  const send = () => {
    const calls = unsent.splice(0);
    try {
      if (calls.length > 0) worker.postMessage(calls satisfies ToWriter);
    } catch {
      for (const call of calls) sendAlone(call);
    }
  };
  const sendAlone = (call: Call) => {
    try {
      worker.postMessage([call] satisfies ToWriter);
    } catch (error) {
      // It cannot be copied, so it gets no answer.
      const at = waiting.findIndex(({ id }) => id === call.id);
      waiting.splice(at, 1)[0]!.reject(error as Error);
    }
  };

  const exited = new Promise<void>(resolve => {
    worker.once('exit', code => {
      dead ??= new ReplydError(
        'unavailable',
        closing ? 'the store is closed' : `the store's writer thread ended (${code})`,
      );
      for (const call of waiting.splice(0)) call.reject(dead);
      if (!closing) options.onDeath?.(dead);
      resolve();
    });
  });
  worker.on('error', error => {
    dead = new ReplydError('unavailable', `the store's writer thread failed: ${error.message}`, { cause: error });
  });
  worker.on('message', (answers: FromWriter) => {
    const now = performance.now();
    batchWrites.observe(answers.length);
    options.committed?.();
    for (const answer of answers) {
      const call = waiting.shift();
      if (call?.id !== answer.id) throw new Error('the writer thread answered another call');
      commitSeconds.observe((now - call.since) / 1000);
      if ('error' in answer) {
        const { code, message, details } = answer.error;
        call.reject(new ReplydError(code as ErrorCode, message, { details }));
      } else {
        call.resolve(answer.value);
      }
    }
  });
  await new Promise<void>((resolve, reject) => {
    worker.once('online', resolve);
    worker.once('error', reject);
  });

  return {
    run(name, values) {
      if (dead || closing) return Promise.reject(dead ?? new ReplydError('unavailable', 'the store is closing'));
      return new Promise((resolve, reject) => {
        lastId += 1;
        waiting.push({ id: lastId, resolve, reject, since: performance.now() });
        unsent.push({ id: lastId, name, values });
        // Calls of one turn of the event loop go together, as mails do to the parser (parsing/worker-executor.ts).
        if (unsent.length === 1) setImmediate(send);
      });
    },
    afterRemoval() {
      if (!dead && !closing) worker.postMessage('empty log' satisfies ToWriter);
    },
    async close() {
      if (closing) return exited;
      closing = true;
      send();
      worker.postMessage('close' satisfies ToWriter);
      return exited;
    },
  };
}
