/**
 * Checkpoints alongside the writer. SQLite would copy the log into the file within a commit, every thousand pages, and all
 * mails would wait for that. Here a thread copies while the writer goes on; then the writer copies what it wrote
 * meanwhile, which is little, and the log restarts.
 *
 * A log that grows for whatever reason (no thread can be started, no space for the file, somebody reads an old state)
 * is tried again with every commit; from `LOG_LIMIT` on SQLite does it within the commit after all.
 */
import { Worker } from 'node:worker_threads';
import type { CheckpointThreadData, ToCheckpointThread } from './checkpoint-thread.js';
import type { Connection } from './database.js';

/**
 * Pages of the log from which on it is copied: 8 MiB. Everybody waits while the writer copies the rest, so it should be
 * seldom; with a longer log the mails that come while the thread copies wait longer for the disk.
 */
const LOG_PAGES = 2048;

export interface Checkpoints {
  /** To be called after a commit, when its answers have left. Never throws. */
  committed(): void;
  /** Ends the thread. To be called before the connection is closed: the last one to close empties the log. */
  close(): Promise<void>;
}

export function openCheckpoints(db: Connection, dataDir: string, logPages = LOG_PAGES): Checkpoints {
  const copying = new Int32Array(new SharedArrayBuffer(4));
  /** The thread has copied, or could not: the rest is the writer's. */
  let copied = false;

  const start = (): Worker => {
    const started = new Worker(new URL('./checkpoint-thread.js', import.meta.url), {
      workerData: { dataDir, copying } satisfies CheckpointThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    started.on('error', () => undefined);
    started.on('exit', () => {
      thread = null;
      Atomics.store(copying, 0, 0);
    });
    return started;
  };
  // From the start: a process that takes more memory and descriptors only under load can't be told from one that leaks.
  let thread: Worker | null = start();

  return {
    committed() {
      if (Atomics.load(copying, 0) === 1) return;
      try {
        if (db.logPages() < logPages) return;
        copied = !copied;
        if (copied) {
          thread ??= start();
          Atomics.store(copying, 0, 1);
          thread.postMessage('copy' satisfies ToCheckpointThread);
        } else {
          db.checkpoint();
        }
      } catch {
        // Tried again after the next commit.
      }
    },
    async close() {
      const last = thread;
      if (last === null) return;
      await new Promise<void>(resolve => {
        last.once('exit', () => resolve());
        last.postMessage('close' satisfies ToCheckpointThread);
      });
    },
  };
}
