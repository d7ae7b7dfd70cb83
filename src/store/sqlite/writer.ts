/**
 * The two ways to write. `thread` (`writer-calls.ts`): the daemon's writer thread with group commit; `direct`: this
 * process's own connection, a transaction a call (CLI verbs, tests). Both fulfil a call after its commit.
 */
import type { Operations, WritingName } from '../operations.js';
import type { Session } from '../session.js';
import { runInTransaction } from './batch.js';
import { storeFault } from './database.js';

export interface Writer {
  run<Name extends WritingName>(
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>>;
  close(): Promise<void>;
}

export function directWriter(session: Session, verbs: Operations): Writer {
  return {
    async run(name, ...values) {
      try {
        return runInTransaction(session, verbs, { name, values }) as never;
      } catch (error) {
        throw storeFault(error, `store: ${name}`);
      }
    },
    async close() {},
  };
}
