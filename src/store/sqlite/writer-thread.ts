/**
 * The writer thread: the daemon's only writing connection. It runs all calls that wait as one batch and
 * answers after the commit. It ends when it is told to close, after everything before that is committed.
 */
import { randomBytes } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { operations } from '../all-operations.js';
import type { Rules, Session } from '../session.js';
import { type Answer, type Call, runBatch } from './batch.js';
import { checkpointsBeside } from './checkpoints.js';
import { openDatabase } from './database.js';

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
const waiting: Call[] = [];
let closing = false;

port.on('message', (message: ToWriter) => {
  take(message);
  work();
});

function work(): void {
  for (let calls = arrived(); calls.length > 0; calls = arrived()) {
    const answers = runBatch(session, verbs, calls);
    port.postMessage(answers.map(portable) satisfies FromWriter);
    checkpoints.committed();
  }
  if (closing) void checkpoints.close().then(close);
}

/** Everything that has come by now, as far as one batch holds it. */
function arrived(): readonly Call[] {
  while (waiting.length < MAX_BATCH && !closing) {
    const next = receiveMessageOnPort(port) as { message: ToWriter } | undefined;
    if (next === undefined) break;
    take(next.message);
  }
  return waiting.splice(0);
}

function take(message: ToWriter): void {
  if (message === 'close') closing = true;
  else waiting.push(message);
}

function close(): void {
  session.db.close();
  port.close();
}

function portable(answer: Answer): FromWriter[number] {
  if (!('error' in answer)) return answer;
  const { code, message, details } = answer.error;
  return { id: answer.id, error: { code, message, details: { ...details } } };
}
