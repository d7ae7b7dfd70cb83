/**
 * Copies what stands in the log into the file, on a connection of its own. It is the work of a checkpoint that takes
 * long: a write for each page and an fsync of pages all over the file. A fault is not reported: the log keeps what is not
 * copied, and `checkpoints.ts` looks at that.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.js';

export interface CheckpointThreadData {
  readonly dataDir: string;
  /** [0]: 1 as long as it copies. Not a message: the writer need not come to an end of its work to see it. */
  readonly copying: Int32Array;
}

export type ToCheckpointThread = 'copy' | 'close';

const port = parentPort as MessagePort;
const { dataDir, copying } = workerData as CheckpointThreadData;
const db = openDatabase(dataDir);

port.on('message', (order: ToCheckpointThread) => {
  if (order === 'close') {
    db.close();
    port.close();
    return;
  }
  try {
    db.checkpoint();
    // What was written meanwhile, which takes a fraction of the time, so that next to nothing is left to the writer.
    db.checkpoint();
  } catch {
    // See above.
  }
  Atomics.store(copying, 0, 0);
});
