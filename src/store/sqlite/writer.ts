/**
 * The two ways to write. `thread` (`writer-calls.ts`): the daemon's writer thread with group commit; `direct`: this
 * process's own connection, a transaction a call (CLI verbs, tests). Both fulfil a call after its commit.
 */
import type { Answer, Values, WritingName } from '../calls.js';
import { storeFault } from '../fault.js';
import { runInTransaction, type VerbTable } from './batch.js';
import type { SqliteTx } from './tx.js';

export interface Writer {
  run<Name extends WritingName>(name: Name, ...values: Values<Name>): Promise<Answer<Name>>;
  close(): Promise<void>;
}

export function directWriter(tx: SqliteTx, verbs: VerbTable): Writer {
  return {
    async run(name, ...values) {
      try {
        return (await runInTransaction(tx, verbs, { name, values })) as never;
      } catch (error) {
        throw storeFault(error, `store: ${name}`);
      }
    },
    async close() {},
  };
}

/** Lets one work after the other use a connection: what comes while another has it waits. */
export function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return work => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };
}
