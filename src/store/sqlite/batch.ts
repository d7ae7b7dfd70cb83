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
 * While another process holds the store longer than a writer waits for it, the whole batch is answered with that: one by
 * one each call would wait as long again, and the last of a full batch for twenty minutes.
 */
import { ReplydError } from '../../base/errors.js';
import type { Operations, WritingName } from '../operations.js';
import type { Session } from '../session.js';
import { isBusy, storeFault } from './database.js';

export interface Call {
  readonly id: number;
  readonly name: WritingName;
  readonly values: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ReplydError };

/** Runs the calls in one transaction, or one by one when that one fails. One answer per call, in their order. */
export function runBatch(session: Session, verbs: Operations, calls: readonly Call[]): readonly Answer[] {
  try {
    const one = calls.length < 2;
    const together = one ? null : (tryTogether(session, verbs, calls) ?? tryInSavepoints(session, verbs, calls));
    return together ?? calls.map(call => runAlone(session, verbs, call));
  } catch (busy) {
    return calls.map(call => ({ id: call.id, error: storeFault(busy, `store: ${call.name}`) }));
  }
}

/** Null when one of them was refused, or the transaction lost: nothing of it happened. */
function tryTogether(session: Session, verbs: Operations, calls: readonly Call[]): readonly Answer[] | null {
  return inOneTransaction(session, () => calls.map(call => ({ id: call.id, value: perform(verbs, call) })));
}

/** Null when the transaction was lost: nothing of it happened. */
function tryInSavepoints(session: Session, verbs: Operations, calls: readonly Call[]): readonly Answer[] | null {
  const { db } = session;
  return inOneTransaction(session, () =>
    calls.map((call): Answer => {
      db.run('savepoint call');
      try {
        return { id: call.id, value: perform(verbs, call) };
      } catch (error) {
        if (!db.inTransaction) throw error;
        db.run('rollback to call');
        return { id: call.id, error: storeFault(error, `store: ${call.name}`) };
      } finally {
        if (db.inTransaction) db.run('release call');
      }
    }),
  );
}

/** Null when the work threw, or lost the transaction: nothing of it happened. Throws when the store is busy. */
function inOneTransaction<T>(session: Session, work: () => T): T | null {
  try {
    return transaction(session, work);
  } catch (error) {
    if (isBusy(error)) throw error;
    return null;
  }
}

function runAlone(session: Session, verbs: Operations, call: Call): Answer {
  try {
    return { id: call.id, value: runInTransaction(session, verbs, call) };
  } catch (error) {
    return { id: call.id, error: storeFault(error, `store: ${call.name}`) };
  }
}

/** One call in one transaction of its own. Throws what went wrong; then nothing of it happened. */
export function runInTransaction(session: Session, verbs: Operations, call: Pick<Call, 'name' | 'values'>): unknown {
  return transaction(session, () => perform(verbs, call));
}

function transaction<T>({ db }: Session, work: () => T): T {
  db.run('begin immediate');
  try {
    const done = work();
    // A statement that failed badly and was swallowed would have ended the transaction: then nothing was kept.
    if (!db.inTransaction) throw new ReplydError('unavailable', 'the transaction was lost');
    db.run('commit');
    return done;
  } catch (error) {
    if (db.inTransaction) db.run('rollback');
    throw error;
  }
}

function perform(verbs: Operations, call: Pick<Call, 'name' | 'values'>): unknown {
  return (verbs[call.name] as (...values: readonly unknown[]) => unknown)(...call.values);
}
