/**
 * The store's transaction on one SQLite connection. There is one for the connection's life: `batch.ts` begins and ends
 * transactions on it, one after the other. Every call answers at once, so that awaiting it takes no turn of the event
 * loop. Without a transaction it reads, a state for each statement.
 */
import type { Clock, Random } from '../../conversation/ports.js';
import type { KeyMaker } from '../ids.js';
import type { Rules, StoreTx } from '../tx.js';
import type { Connection } from './database.js';
import { lockFiles } from './lock.js';

export interface SqliteTx extends StoreTx {
  readonly db: Connection;
}

export function sqliteTx(
  db: Connection,
  about: { clock: Clock; random: Random; keys: KeyMaker; rules: Rules; dataDir: string },
): SqliteTx {
  const { clock, random, keys, rules, dataDir } = about;
  return {
    db,
    random,
    rules,
    dataDir,
    get: (text, ...values) => db.get(text, ...values),
    value: (text, ...values) => db.value(text, ...values),
    all: (text, ...values) => db.all(text, ...values),
    run: (text, ...values) => db.run(text, ...values),
    insert: (table, row, options) => db.insert(table, row, { kept: options?.known === 'kept' }),
    key: () => keys.next(),
    lock() {},
    now: clock,
    lockFiles: () => lockFiles(dataDir, 0),
  };
}
