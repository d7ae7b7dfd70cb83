/**
 * The writer thread: the daemon's only writing connection. Takes calls from its port, runs everything that is waiting as
 * one batch, answers after the commit. It ends when it is told to close, after everything before that is committed.
 */
import { randomBytes } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Answer, type Call, runBatch } from './batch.js';
import { checkpointsBeside } from './checkpoints.js';
import { openDatabase } from './database.js';
import { operations } from './operations.js';
import type { Rules, Session } from './session.js';

export interface WriterData {
  readonly dataDir: string;
  readonly rules: Rules;
}

/** What goes over the port to the thread, and back. Errors travel as data: classes do not survive the way. */
export type ToWriter = Call | 'close';
export type FromWriter = readonly (
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { code: string; message: string; details: Record<string, unknown> } }
)[];

/** More than this is not gained by waiting longer, and each answer would wait for all. */
const MAX_BATCH = 128;

const port = parentPort as MessagePort;
const { dataDir, rules } = workerData as WriterData;
const session: Session = {
  db: openDatabase(dataDir),
  clock: Date.now,
  random: count => randomBytes(count),
  rules,
  dataDir,
};
const verbs = operations(session);
const checkpoints = checkpointsBeside(session.db, dataDir);

port.on('message', (first: ToWriter) => {
  let next: ToWriter | undefined = first;
  while (next !== undefined) {
    const calls: Call[] = [];
    let closing = false;
    while (next !== undefined) {
      if (next === 'close') closing = true;
      else calls.push(next);
      if (closing || calls.length === MAX_BATCH) break;
      next = (receiveMessageOnPort(port) as { message: ToWriter } | undefined)?.message;
    }
    if (calls.length > 0) {
      port.postMessage(runBatch(session, verbs, calls).map(portable) satisfies FromWriter);
      checkpoints.committed();
    }
    if (closing) {
      void checkpoints.close().then(close);
      return;
    }
    next = (receiveMessageOnPort(port) as { message: ToWriter } | undefined)?.message;
  }
});

function close(): void {
  session.db.close();
  port.close();
}

function portable(answer: Answer): FromWriter[number] {
  if (!('error' in answer)) return answer;
  const { code, message, details } = answer.error;
  return { id: answer.id, error: { code, message, details: { ...details } } };
}
