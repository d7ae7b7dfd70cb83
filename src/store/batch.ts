/**
 * Group commit. While one commit is on its way to disk, everything that arrives waits and is committed together in the
 * next transaction: throughput rises with load, and every answer still means fsynced. Answers leave only after COMMIT.
 *
 * Each call of a batch runs in a savepoint, so that a refused call (not_found, conflict) takes nothing back but its own.
 * A savepoint does not protect a batch: on SQLITE_FULL or an I/O error SQLite rolls the whole transaction back, and
 * later statements would run in autocommit. So after any error the transaction is looked at; if it is gone the batch is
 * over, nobody is answered from it, and its calls run again one by one, each with its own transaction and answer.
 *
 * While another process holds the store longer than a writer waits for it, the whole batch is answered with that: one by
 * one each call would wait as long again, and the last of a full batch for twenty minutes.
 */
import { ReplydError } from '../errors.js';
import { isBusy, storeFault } from './database.js';
import type { Operations, WritingName } from './operations.js';
import type { Session } from './session.js';

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
  const together = calls.length > 1 ? tryTogether(session, verbs, calls) : null;
  return together ?? calls.map(call => runAlone(session, verbs, call));
}

/** Null when the transaction was lost: nothing of it happened. */
function tryTogether(session: Session, verbs: Operations, calls: readonly Call[]): readonly Answer[] | null {
  const { db } = session;
  const answers: Answer[] = [];
  try {
    db.run('begin immediate');
  } catch (error) {
    if (!isBusy(error)) return null;
    return calls.map(call => ({ id: call.id, error: storeFault(error, `store: ${call.name}`) }));
  }
  try {
    for (const call of calls) {
      db.run('savepoint call');
      try {
        answers.push({ id: call.id, value: perform(verbs, call) });
      } catch (error) {
        if (!db.inTransaction) return null;
        db.run('rollback to call');
        answers.push({ id: call.id, error: storeFault(error, `store: ${call.name}`) });
      }
      db.run('release call');
    }
    db.run('commit');
    return answers;
  } catch {
    if (db.inTransaction) db.run('rollback');
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
  const { db } = session;
  db.run('begin immediate');
  try {
    const value = perform(verbs, call);
    // A statement that failed badly and was swallowed would have ended the transaction: then nothing was kept.
    if (!db.inTransaction) throw new ReplydError('unavailable', 'the transaction was lost');
    db.run('commit');
    return value;
  } catch (error) {
    if (db.inTransaction) db.run('rollback');
    throw error;
  }
}

function perform(verbs: Operations, call: Pick<Call, 'name' | 'values'>): unknown {
  return (verbs[call.name] as (...values: readonly unknown[]) => unknown)(...call.values);
}
