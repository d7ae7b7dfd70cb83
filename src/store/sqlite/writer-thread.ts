/**
 * The writer thread: the daemon's only writing connection. Takes calls from its port, and mails from the ports of threads
 * that read them; runs everything that is waiting as one batch, answers on its own port after the commit. It ends when
 * it is told to close, after everything before that is committed.
 */
import { randomBytes } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Handover, openHandover } from '../../conversation/handover.js';
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
export type ToWriter = Call | { readonly entrance: MessagePort } | 'close';
export type FromWriter = readonly ((
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { code: string; message: string; details: Record<string, unknown> } }
) & { readonly at?: number })[];

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
const entrances = new Set<MessagePort>();
const waiting: Call[] = [];
let closing = false;

port.on('message', (message: ToWriter) => {
  take(message);
  work();
});

function work(): void {
  for (let calls = arrived(); calls.length > 0; calls = arrived()) {
    const answers = runBatch(session, verbs, calls);
    port.postMessage(answers.map((answer, index) => portable(answer, calls[index]!.at)) satisfies FromWriter);
    checkpoints.committed();
  }
  if (!closing) return;
  for (const entrance of entrances) entrance.close();
  void checkpoints.close().then(close);
}

/** Everything that has come by now, as far as one batch holds it. */
function arrived(): readonly Call[] {
  for (const entrance of entrances) {
    for (let next = receiveMessageOnPort(entrance); next !== undefined; next = receiveMessageOnPort(entrance)) {
      takeMails((next as { message: readonly Handover[] }).message);
    }
  }
  while (waiting.length < MAX_BATCH && !closing) {
    const next = receiveMessageOnPort(port) as { message: ToWriter } | undefined;
    if (next === undefined) break;
    take(next.message);
  }
  return waiting.splice(0, MAX_BATCH);
}

function take(message: ToWriter): void {
  if (message === 'close') closing = true;
  else if ('entrance' in message) open(message.entrance);
  else waiting.push(message);
}

function open(entrance: MessagePort): void {
  entrances.add(entrance);
  entrance.on('message', (mails: readonly Handover[]) => {
    takeMails(mails);
    work();
  });
  entrance.on('close', () => entrances.delete(entrance));
}

function takeMails(mails: readonly Handover[]): void {
  for (const mail of mails) {
    const { ticket, at, filing } = openHandover(mail);
    waiting.push({ id: ticket, name: 'file', values: [filing], at });
  }
}

function close(): void {
  session.db.close();
  port.close();
}

function portable(answer: Answer, at: number | undefined): FromWriter[number] {
  const { id } = answer;
  const asked = at === undefined ? { id } : { id, at };
  if (!('error' in answer)) return { ...asked, value: answer.value };
  const { code, message, details } = answer.error;
  return { ...asked, error: { code, message, details: { ...details } } };
}
