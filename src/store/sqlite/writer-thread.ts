/**
 * The writer thread: the daemon's only writing connection. It runs all calls that wait as one batch and
 * answers after the commit. It ends when it is told to close, after everything before that is committed.
 */
import { randomBytes } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { all } from '../all.js';
import { keyMaker } from '../ids.js';
import type { Rules } from '../tx.js';
import { type Answer, type Call, runBatch } from './batch.js';
import { openCheckpoints } from './checkpoints.js';
import { openDatabase } from './database.js';
import { emptyLog } from './empty-log.js';
import { sqliteTx } from './tx.js';

export interface WriterData {
  readonly dataDir: string;
  readonly rules: Rules;
}

/** What goes over the port to the thread, and back. Errors travel as data: classes do not survive the way. */
export type ToWriter = readonly Call[] | 'empty log' | 'close';
export type FromWriter = readonly (
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { code: string; message: string; details: Record<string, unknown> } }
)[];

/** Its place among the processes that make keys; there is one daemon. */
const DAEMON = 0;
/** More than this is not gained by waiting longer, and each answer would wait for all. */
const MAX_BATCH = 128;

/** All wait while the log is emptied; whoever reads an old state gets no more than this, and it is tried again later. */
const EMPTY_WITHIN = 20;
const EMPTY_AGAIN = 500;
/** Behind these the log is overwritten as it goes on. */
const EMPTY_TRIES = 60;

const port = parentPort as MessagePort;
const { dataDir, rules } = workerData as WriterData;
const tx = sqliteTx(openDatabase(dataDir), {
  clock: Date.now,
  random: count => randomBytes(count),
  keys: keyMaker(Date.now, DAEMON),
  rules,
  dataDir,
});
const checkpoints = openCheckpoints(tx.db, dataDir);
const waiting: Call[] = [];
/** How often it is still tried to empty the log. */
let triesLeft = 0;
let timer: NodeJS.Timeout | null = null;
let closing = false;
let working = false;

port.on('message', (message: ToWriter) => {
  take(message);
  void work();
});

/** One batch after the other, and one at a time: what comes meanwhile is in the next. */
async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let calls = arrived(); calls.length > 0; calls = arrived()) {
    const answers = await runBatch(tx, all, calls);
    port.postMessage(answers.map(portable) satisfies FromWriter);
    checkpoints.committed();
  }
  working = false;
  if (triesLeft > 0 && timer === null) {
    triesLeft = emptyLog(tx.db, EMPTY_WITHIN) ? 0 : triesLeft - 1;
    if (triesLeft > 0) timer = setTimeout(tryAgain, EMPTY_AGAIN);
  }
  if (!closing) return;
  if (timer !== null) clearTimeout(timer);
  await checkpoints.close();
  tx.db.close();
  port.close();
}

function tryAgain(): void {
  timer = null;
  void work();
}

/** Everything that has come by now, as far as one batch holds it. */
function arrived(): readonly Call[] {
  while (waiting.length < MAX_BATCH && !closing) {
    const next = receiveMessageOnPort(port) as { message: ToWriter } | undefined;
    if (next === undefined) break;
    take(next.message);
  }
  return waiting.splice(0, MAX_BATCH);
}

function take(message: ToWriter): void {
  if (message === 'close') closing = true;
  else if (message === 'empty log') triesLeft = EMPTY_TRIES;
  else waiting.push(...message);
}

function portable(answer: Answer): FromWriter[number] {
  if (!('error' in answer)) return answer;
  const { code, message, details } = answer.error;
  return { id: answer.id, error: { code, message, details: { ...details } } };
}
