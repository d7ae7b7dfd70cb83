/**
 * The store's transaction on one SQLite connection. There is one for the connection's life: `batch.ts` begins and ends
 * transactions on it, one after the other. Every call answers at once, so that awaiting it takes no turn of the event
 * loop. Without a transaction it reads, a state for each statement.
 *
 * What was emitted is written before the transaction ends, and before any statement that could look for it.
 */
import type { Clock, EmittedEvent, Random, Soon } from '../../conversation/ports.js';
import { largeFiles } from '../blobs/large-files.js';
import type { KeyMaker } from '../ids.js';
import { looksAtStream, writeStream } from '../stream.js';
import type { Rules, StoreTx } from '../tx.js';
import type { Connection } from './database.js';
import { lockFiles } from './lock.js';

export interface SqliteTx extends StoreTx {
  readonly db: Connection;
  /** Writes what was emitted and is not written yet. */
  flush(): Promise<void>;
  /** Nothing that was emitted happened. */
  forget(): void;
}

export function sqliteTx(
  db: Connection,
  about: { clock: Clock; random: Random; keys: KeyMaker; rules: Rules; dataDir: string },
): SqliteTx {
  const { clock, random, keys, rules, dataDir } = about;
  let emitted: EmittedEvent[] = [];
  let seeded = false;

  const afterStream = <T>(text: string, ask: () => T): Soon<T> =>
    emitted.length > 0 && looksAtStream(text) ? tx.flush().then(ask) : ask();

  const tx: SqliteTx = {
    db,
    random,
    rules,
    dataDir,
    node: null,
    get: (text, ...values) => afterStream(text, () => db.get(text, ...values)),
    value: (text, ...values) => afterStream(text, () => db.value(text, ...values)),
    all: (text, ...values) => afterStream(text, () => db.all(text, ...values)),
    run: (text, ...values) => afterStream(text, () => db.run(text, ...values)),
    insert: (table, row, options) => db.insert(table, row, { kept: options?.known === 'kept' }),
    insertAll(table, rows, options) {
      for (const row of rows) db.insert(table, row, { kept: options?.known === 'kept' });
    },
    update: (table, key, change) => db.update(table, key, change),
    key() {
      // A clock that was put back while nobody ran: keys go on where they were.
      if (!seeded) keys.pass(db.value<number>('select v from sequencer') ?? 0);
      seeded = true;
      return keys.next();
    },
    lock() {},
    now: clock,
    emit(event) {
      emitted.push(event);
    },
    large: largeFiles(dataDir, () => lockFiles(dataDir, 0)),
    async flush() {
      if (emitted.length === 0) return;
      const events = emitted;
      emitted = [];
      keys.pass(await writeStream(tx, events));
    },
    forget() {
      emitted = [];
    },
  };
  return tx;
}
