/**
 * Group commit. While one commit is on its way to disk, everything that arrives waits and is committed together in the
 * next transaction: throughput rises with load, and every answer still means fsynced. Answers leave only after COMMIT.
 *
 * A batch is tried three ways, each taking back all of the one before:
 *   1. as it is; almost always nothing is refused, and nothing has to be kept for taking one call back;
 *   2. each call in a savepoint, when one was refused (not_found, conflict): it takes back nothing but its own;
 *   3. one by one, each with its own transaction and answer, when the transaction is lost. A savepoint does not protect a
 *      batch: on SQLITE_FULL or an I/O error SQLite rolls the whole transaction back, and later statements would run in
 *      autocommit. So after any error the transaction is looked at; if it is gone the batch is over, and nobody is
 *      answered from it.
 *
 * A key that another process made too ends a try like a lost transaction, and one by one each call is tried again with
 * new keys.
 *
 * While another process holds the store longer than a writer waits for it, the whole batch is answered with that: one by
 * one each call would wait as long again, and the last of a full batch for twenty minutes.
 *
 * Verbs are asynchronous, but SQLite answers at once: a transaction begins and ends in one turn of the event loop, and
 * whoever calls here lets nothing else use the connection until the promise is fulfilled.
 */
import { ReplydError } from '../../base/errors.js';
import { perform, type VerbTable, type WritingName } from '../calls.js';
import { storeFault } from '../fault.js';
import { inTurn } from '../tx.js';
import { isBusy } from './database.js';
import type { SqliteTx } from './tx.js';

export interface Call {
  readonly id: number;
  readonly name: WritingName;
  readonly values: readonly unknown[];
}

/** So often a transaction is tried whose keys another process made too. */
const COLLISIONS = 5;

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ReplydError };

/** Runs the calls in one transaction, or one by one when that one fails. One answer per call, in their order. */
export async function runBatch(tx: SqliteTx, verbs: VerbTable, calls: readonly Call[]): Promise<readonly Answer[]> {
  try {
    const together =
      calls.length < 2 ? null : ((await tryTogether(tx, verbs, calls)) ?? (await tryInSavepoints(tx, verbs, calls)));
    return together ?? (await inTurn(calls, call => runAlone(tx, verbs, call)));
  } catch (busy) {
    return calls.map(call => ({ id: call.id, error: storeFault(busy, `store: ${call.name}`) }));
  }
}

/** Null when one of them was refused, or the transaction lost: nothing of it happened. */
function tryTogether(tx: SqliteTx, verbs: VerbTable, calls: readonly Call[]): Promise<readonly Answer[] | null> {
  return inOneTransaction(tx, () =>
    inTurn(calls, async call => ({ id: call.id, value: await perform(tx, verbs, call) })),
  );
}

/** Null when the transaction was lost: nothing of it happened. */
function tryInSavepoints(tx: SqliteTx, verbs: VerbTable, calls: readonly Call[]): Promise<readonly Answer[] | null> {
  const { db } = tx;
  return inOneTransaction(tx, () =>
    inTurn(calls, async (call): Promise<Answer> => {
      db.run('savepoint call');
      try {
        const value = await perform(tx, verbs, call);
        // Within its savepoint: what is refused takes its events back.
        await tx.flush();
        return { id: call.id, value };
      } catch (error) {
        if (!db.inTransaction || isKeyCollision(error)) throw error;
        tx.forget();
        db.run('rollback to call');
        return { id: call.id, error: storeFault(error, `store: ${call.name}`) };
      } finally {
        if (db.inTransaction) db.run('release call');
      }
    }),
  );
}

/** Null when the work threw, or lost the transaction: nothing of it happened. Throws when the store is busy. */
async function inOneTransaction<T>(tx: SqliteTx, work: () => Promise<T>): Promise<T | null> {
  try {
    return await transaction(tx, work);
  } catch (error) {
    if (isBusy(error)) throw error;
    return null;
  }
}

async function runAlone(tx: SqliteTx, verbs: VerbTable, call: Call): Promise<Answer> {
  try {
    return { id: call.id, value: await runInTransaction(tx, verbs, call) };
  } catch (error) {
    return { id: call.id, error: storeFault(error, `store: ${call.name}`) };
  }
}

/** One call in one transaction of its own. Throws what went wrong; then nothing of it happened. */
export async function runInTransaction(
  tx: SqliteTx,
  verbs: VerbTable,
  call: Pick<Call, 'name' | 'values'>,
): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction(tx, () => perform(tx, verbs, call));
    } catch (error) {
      if (!isKeyCollision(error) || attempt === COLLISIONS) throw error;
    }
  }
}

async function transaction<T>(tx: SqliteTx, work: () => Promise<T>): Promise<T> {
  const { db } = tx;
  db.run('begin immediate');
  try {
    const done = await work();
    await tx.flush();
    // A statement that failed badly and was swallowed would have ended the transaction: then nothing was kept.
    if (!db.inTransaction) throw new ReplydError('unavailable', 'the transaction was lost');
    db.run('commit');
    return done;
  } catch (error) {
    tx.forget();
    if (db.inTransaction) db.run('rollback');
    throw error;
  }
}

/** Another process made a key of the same table and moment: with new keys it goes well. */
function isKeyCollision(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}
