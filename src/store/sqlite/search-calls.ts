/**
 * The search index as the store on SQLite has it: through the search thread in the daemon, on connections of its own
 * elsewhere. Both are made when they are asked for something. A thread that ended is started again with the next call; what
 * it was doing fails with unavailable.
 */
import { Worker } from 'node:worker_threads';
import { ReplydError } from '../../base/errors.js';
import type { Piece, SearchAsked, SearchIndex, SearchProgress } from '../search-index.js';
import type { Rules } from '../tx.js';
import { type Forgotten, type SearchCall, SearchCalls } from './search-file.js';
import type { FromSearchThread, SearchThreadData, ToSearchThread } from './search-thread.js';

interface Caller {
  run(name: SearchCall, values: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Of the thread, MB: it has one piece of messages and their words at a time. */
const MAX_HEAP_MB = 64;

/** `looked`: a write of the store's, behind which rows of `search_again` are done. */
export function sqliteSearch(
  about: { readonly dataDir: string; readonly rules: Rules; readonly thread: boolean },
  looked: (rows: Forgotten['rows']) => Promise<unknown>,
): SearchIndex {
  const caller: Caller = about.thread ? threadCaller(about) : new SearchCalls(about);
  return {
    find: async (asked: SearchAsked) => (await caller.run('find', [asked])) as readonly number[],
    async fill() {
      const piece = (await caller.run('fill', [])) as Piece;
      if (piece.again.length > 0) await looked(piece.again);
      return piece;
    },
    async forget() {
      for (let more = true; more; ) {
        const forgotten = (await caller.run('forget', [])) as Forgotten;
        if (forgotten.rows.length > 0) await looked(forgotten.rows);
        more = forgotten.more;
      }
    },
    progress: async () => (await caller.run('progress', [])) as SearchProgress,
    close: () => caller.close(),
  };
}

function threadCaller(data: SearchThreadData): Caller {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let thread: Worker | null = null;
  let lastId = 0;
  let closed = false;
  const start = (): Worker => {
    const started = new Worker(new URL('./search-thread.js', import.meta.url), {
      workerData: { dataDir: data.dataDir, rules: data.rules } satisfies SearchThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    started.on('error', () => undefined);
    started.on('message', (answer: FromSearchThread) => {
      const call = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('error' in answer) {
        const details = { reason: answer.code ?? 'search' };
        call?.reject(new ReplydError('unavailable', `the search index: ${answer.error}`, { details }));
      } else call?.resolve(answer.value);
    });
    started.on('exit', () => {
      thread = null;
      for (const call of waiting.values()) call.reject(new ReplydError('unavailable', 'the search thread ended'));
      waiting.clear();
    });
    return started;
  };
  return {
    run(name, values) {
      if (closed) return Promise.reject(new ReplydError('unavailable', 'the store is closed'));
      thread ??= start();
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread!.postMessage({ id, name, values } satisfies ToSearchThread);
      });
    },
    async close() {
      closed = true;
      const last = thread;
      if (last === null) return;
      await new Promise<void>(resolve => {
        last.once('exit', () => resolve());
        last.postMessage('close' satisfies ToSearchThread);
      });
    },
  };
}
