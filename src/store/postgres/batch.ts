/**
 * Calls in one transaction. The rows that decide what they do are locked first, for all calls together and in one order,
 * so that transactions of other processes wait for each other and never in a circle. Then calls that share no locked row
 * work side by side: their statements go out together and their answers come together, one round trip for many calls.
 * Calls that share one work in turn. Their new rows go out together (`new-rows.ts`). What they emitted is written last, with
 * the commit behind it in the same round trip (`send-stream.ts`).
 *
 * Calls that take their rows while they work (`worksAlone`) have a transaction each, so that nothing else is held then.
 *
 * Answers leave only after the server has said `COMMIT`. When a call finds that it needs rows which it did not name, all
 * are tried again with these. A transaction that did not go through otherwise is tried again call by call: one that is
 * refused (not_found, conflict) takes back nothing but its own; serialisation faults, deadlocks, keys that another process
 * made too and rows that it removed are repeated. When the connection is lost nothing is repeated: whether the commit
 * counted is not known, and whoever asked asks again.
 */
import { ReplydError } from '../../base/errors.js';
import type { WritingName } from '../calls.js';
import { storeFault } from '../fault.js';
import { type Locks, locksOf, NO_LOCKS, worksAlone } from '../locks.js';
import { inTurn, type StoreTx } from '../tx.js';
import { type Connection, NOT_ON_STANDBY } from './connection.js';
import { newRows } from './new-rows.js';
import { lockRows, nothingEmitted, postgresTx, RowsNeeded, type Shared } from './tx.js';

export interface Call {
  /** A verb's, or of a look that only this engine has. */
  readonly name: string;
  readonly verb: (tx: StoreTx, ...values: never) => Promise<unknown>;
  readonly values: readonly unknown[];
  /** It needs no rows but those it makes. */
  readonly free?: true;
}

export type Answer = { readonly value: unknown } | { readonly error: ReplydError };

/** What is the same for all batches of a store. */
export interface Works extends Shared {
  /** Called behind a commit that moved the stream: other nodes may wait for it. */
  readonly committed?: () => void;
  /** For tests: in place of the database's clock. */
  readonly clock?: () => number;
}

/** Serialisation fault, deadlock, unique key, foreign key: another process was faster. */
const OVERTAKEN = ['40001', '40P01', '23505', '23503'];
/** Prepared statements and poolers. */
const POOLED = ['26000', '42P05'];
/** A statement whose table was changed meanwhile. */
const STALE = ['0A000'];
const REPEATED = new Set([...OVERTAKEN, ...POOLED, ...STALE]);
/** So often a transaction is tried. */
const TRIES = 5;

/** Runs the calls in one transaction, or one by one when that one fails. One answer per call, in their order. */
export async function writeBatch(
  connection: Connection,
  works: Works,
  calls: readonly Call[],
): Promise<readonly Answer[]> {
  const alone = calls.filter(call => worksAlone(call.name));
  const together = calls.filter(call => !worksAlone(call.name));
  const answers = new Map<Call, Answer>();
  for (const [index, answer] of (await writeTogether(connection, works, together)).entries())
    answers.set(together[index]!, answer);
  for (const call of alone) answers.set(call, await writeAlone(connection, works, call));
  return calls.map(call => answers.get(call)!);
}

/** A call of a transaction, and the rows that it needs beside those that it names. */
interface Job {
  readonly call: Call;
  more: Locks;
}

async function writeTogether(connection: Connection, works: Works, calls: readonly Call[]): Promise<readonly Answer[]> {
  const jobs: readonly Job[] = calls.map(call => ({ call, more: NO_LOCKS }));
  const answers = new Map<Job, Answer>();
  let together = jobs;
  for (let tries = 1; together.length > 1 && tries < TRIES; tries += 1) {
    try {
      const values = await writing(connection, works, together);
      for (const [index, job] of together.entries()) answers.set(job, { value: values[index] });
      break;
    } catch (error) {
      if (connection.lost !== null) return calls.map(call => refused(call, error));
      // Who is refused shall not make all others work one by one.
      if (error instanceof Refusals) together = together.filter(job => !error.jobs.has(job));
      else if (!(error instanceof RowsNeeded)) break;
    }
  }
  return await inTurn(jobs, async job => answers.get(job) ?? (await writeAlone(connection, works, job.call, job.more)));
}

/** Some calls were refused by what they found, and nothing else went wrong. */
class Refusals extends Error {
  readonly jobs: ReadonlySet<Job>;

  constructor(jobs: ReadonlySet<Job>) {
    super('calls were refused');
    this.jobs = jobs;
  }
}

async function writeAlone(connection: Connection, works: Works, call: Call, more = NO_LOCKS): Promise<Answer> {
  const job: Job = { call, more };
  for (let tries = 1; ; tries += 1) {
    try {
      const [value] = await writing(connection, works, [job]);
      return { value };
    } catch (error) {
      const { code } = error as { code?: string };
      const repeats = error instanceof RowsNeeded || (code !== undefined && REPEATED.has(code));
      if (!repeats || connection.lost !== null || tries >= TRIES) return refused(call, error);
    }
  }
}

function perform(tx: StoreTx, { verb, values }: Call): Promise<unknown> {
  return (verb as (tx: StoreTx, ...values: readonly unknown[]) => Promise<unknown>)(tx, ...values);
}

function refused({ name }: Call, error: unknown): Answer {
  return { error: storeFault(error, `store: ${name}`) };
}

/** Reads one state of the store for all calls. */
export async function readBatch(
  connection: Connection,
  works: Works,
  calls: readonly Call[],
  tries = 1,
): Promise<readonly Answer[]> {
  const now = works.clock ?? Date.now;
  connection.takeFault();
  const begun = watched(connection.query('begin isolation level repeatable read read only'));
  const answers = await Promise.all(
    calls.map(async (call): Promise<Answer & { readonly broken?: boolean }> => {
      try {
        return { value: await perform(postgresTx(connection, works, { now }), call) };
      } catch (error) {
        return { ...refused(call, error), broken: !(error instanceof ReplydError) };
      }
    }),
  );
  const ended = watched(connection.query('rollback'));
  await begun.catch(() => undefined);
  if (connection.lost !== null || !answers.some(answer => answer.broken)) return answers;
  await ended.catch(() => undefined);
  // One that broke the transaction broke it for those beside it.
  if (calls.length > 1) return (await inTurn(calls, call => readBatch(connection, works, [call]))).flat();
  const { code } = (connection.takeFault() ?? {}) as { code?: string };
  if (code === undefined || !REPEATED.has(code) || tries >= TRIES) return answers;
  return readBatch(connection, works, calls, tries + 1);
}

/**
 * One transaction. Throws what went wrong; then nothing of it happened, unless the connection is lost. On RowsNeeded a job's
 * `more` has what was missing too.
 */
async function writing(connection: Connection, works: Works, jobs: readonly Job[]): Promise<readonly unknown[]> {
  let time = 0;
  const now = works.clock ?? (() => time);
  const locks: (Locks | null)[] = [];
  const emitted = nothingEmitted();
  const added = newRows(connection);
  const about = (index: number) => ({ now, held: () => locks[index] ?? null, emitted, rows: added });
  const txs = jobs.map((_, index) => postgresTx(connection, works, about(index)));
  const refusals = new Set<Job>();
  const noting = async <T>(job: Job, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RowsNeeded) job.more = withRows(job.more, error.rows);
      if (error instanceof ReplydError) refusals.add(job);
      throw error;
    }
  };
  connection.takeNotices();
  connection.takeFault();
  const begun = watched(connection.query('begin'));
  try {
    const named = await all(
      jobs.map((job, index) => {
        const { name, values, free } = job.call;
        if (free) return Promise.resolve(NO_LOCKS);
        return noting(job, async () => locksOf(txs[index]!, name as WritingName, values));
      }),
    );
    locks.push(...named.map((each, index) => each && withRows(each, jobs[index]!.more)));
    const [, , , { rows }] = await all([
      lockRows(connection, 'account', union(locks, 'accounts')),
      lockRows(connection, 'conversation', union(locks, 'conversations')),
      lockRows(connection, 'destination', union(locks, 'destinations')),
      connection.query('select v, (extract(epoch from clock_timestamp()) * 1000)::bigint as now from sequencer'),
    ]);
    const at = rows[0] as { v: number; now: number };
    time = at.now;
    // Whoever held these rows before made keys too: what comes after him has higher ones.
    works.keys.pass(at.v);
    const values = await all(
      inOrder(locks, index => noting(jobs[index]!, () => perform(txs[index]!, jobs[index]!.call))),
    );
    await txs[0]!.flush();
    added.send();
    await begun;
    await commit(connection);
    if (emitted.some) works.committed?.();
    return values;
  } catch (error) {
    const fault = error instanceof RowsNeeded ? null : connection.takeFault();
    if (connection.lost === null) await connection.query('rollback').catch(() => undefined);
    if (fault === null && error instanceof ReplydError && jobs.length > 1 && refusals.size > 0)
      throw new Refusals(refusals);
    throw fault ?? error;
  }
}

/**
 * Throws when it did not go through. Where that is not known (the server said something else than COMMIT or ROLLBACK, or a
 * standby did not confirm what the server has) the connection is given up: nobody may do it again.
 */
async function commit(connection: Connection): Promise<void> {
  const unknown = (error: Error): never => {
    connection.destroy(error);
    throw error;
  };
  const { tag } = await connection.query('commit').catch(unknown);
  if (tag !== 'COMMIT') throw new ReplydError('unavailable', 'the transaction was lost');
  if (connection.takeNotices().includes(NOT_ON_STANDBY))
    unknown(new ReplydError('unavailable', 'the standby did not confirm the commit'));
}

function withRows(one: Locks, other: Locks): Locks {
  return {
    accounts: union([one, other], 'accounts'),
    conversations: union([one, other], 'conversations'),
    destinations: union([one, other], 'destinations'),
  };
}

/** A promise that somebody may look at later. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Like `Promise.all`, but it ends when all have ended: nothing is sent any more when it throws. */
async function all<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

function union<Kind extends keyof Locks>(locks: readonly (Locks | null)[], kind: Kind): Locks[Kind][number][] {
  return [...new Set(locks.flatMap(each => [...(each?.[kind] ?? [])] as Locks[Kind][number][]))];
}

/** Starts the work of each call behind those before it that hold a row it holds too. When one fails those behind it fail too. */
function inOrder(locks: readonly (Locks | null)[], work: (index: number) => Promise<unknown>): Promise<unknown>[] {
  const lastOf = new Map<string, Promise<unknown>>();
  return locks.map((held, index) => {
    const rows = rowsOf(held ?? NO_LOCKS);
    const before = rows.flatMap(row => lastOf.get(row) ?? []);
    const done = watched(Promise.all(before).then(() => work(index)));
    for (const row of rows) lastOf.set(row, done);
    return done;
  });
}

function rowsOf({ accounts, conversations, destinations }: Locks): string[] {
  return [
    ...accounts.map(key => `account ${key}`),
    ...conversations.map(key => `conversation ${key}`),
    ...destinations.map(name => `destination ${name}`),
  ];
}
