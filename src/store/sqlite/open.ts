/**
 * The Store port on SQLite: reads on this thread's own connection (tens of microseconds each), writes through a Writer: the
 * daemon's writer thread with group commit, or this connection with a transaction a call (CLI verbs, tests).
 * Nothing read is cached across a change: `PRAGMA data_version` is polled, which also notices other processes' commits.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../../conversation/ports.js';
import { assembled, type Engine, type OpenStore } from '../assembled.js';
import { blobFile, placeContent, smallContent } from '../blobs/blobs.js';
import { olderContents } from '../blobs/files.js';
import { perform, VERBS, type VerbTable, type WritingName } from '../calls.js';
import { core } from '../core.js';
import { storeFault } from '../fault.js';
import { keyMaker, PROCESSES } from '../ids.js';
import type { LookAgain, SearchIndex } from '../search-index.js';
import type { Rules } from '../tx.js';
import { MOVED, refuseMoved } from '../upkeep/moved.js';
import { runInTransaction } from './batch.js';
import { openDatabase } from './database.js';
import { emptyLog } from './empty-log.js';
import { seemsServed } from './lock.js';
import { checkSchema, migrate } from './migrate.js';
import { type SqliteTx, sqliteTx } from './tx.js';
import type { Writer } from './writer-calls.js';

export interface StoreOptions {
  readonly dataDir: string;
  /** `thread` in the daemon, `direct` elsewhere. */
  readonly writer: 'thread' | 'direct';
  readonly rules: Rules;
  /** Migrate (daemon, `replyd migrate`) or refuse another schema. */
  readonly migrate: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  /** The writer thread died; the store can only refuse from now on. */
  readonly onDeath?: (error: Error) => void;
}

/** Opens the store of `dataDir`, making it when `migrate`. Throws unavailable with advice. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const connection = openDatabase(options.dataDir, { create: options.migrate });
  let writer: Writer;
  let tx: SqliteTx;
  /** With a `direct` writer the core only, until another is called. */
  const verbs = { ...core } as Partial<VerbTable> as VerbTable;
  try {
    if (options.migrate) migrate(connection);
    else checkSchema(connection);
    refuseMoved(connection.get(MOVED));
    if (options.writer === 'thread') connection.onlyRead();
    const clock = options.clock ?? Date.now;
    tx = sqliteTx(connection, {
      clock,
      random: options.random ?? (count => randomBytes(count)),
      // Place 0 is the daemon's writer.
      keys: keyMaker(clock, 1 + (process.pid % (PROCESSES - 1))),
      rules: options.rules,
      dataDir: options.dataDir,
    });
    if (options.writer === 'direct') {
      const turn = turnsWithDaemon(options.dataDir);
      const run: Writer['run'] = async (name, values) => {
        await turn();
        return runInTransaction(tx, verbs, { name, values });
      };
      writer = { run, afterRemoval: () => emptyLog(connection, EMPTY_WITHIN), close: async () => {} };
    } else {
      await loadVerbs(verbs);
      const { threadWriter } = await import('./writer-calls.js');
      writer = await threadWriter(
        { dataDir: options.dataDir, rules: options.rules },
        {
          committed: () => connection.endSnapshot(),
          ...(options.onDeath ? { onDeath: options.onDeath } : {}),
        },
      );
    }
  } catch (error) {
    connection.close();
    throw storeFault(error, 'cannot open the store');
  }
  const dataVersion = () => connection.raw.pragma('data_version', { simple: true });
  const run: Engine['run'] = async (name, values) => {
    if (!(name in verbs)) await loadVerbs(verbs);
    return VERBS[name] === 'reads'
      ? await connection.reading(() => perform(tx, verbs, { name, values }))
      : await writer.run(name as WritingName, values);
  };
  const looked = (rows: readonly LookAgain[]) => run('lookedAgain', [rows]);
  return assembled({
    search: lazySearch(async () =>
      (await import('./search-calls.js')).sqliteSearch(
        { dataDir: options.dataDir, rules: options.rules, thread: options.writer === 'thread' },
        looked,
      ),
    ),
    // One connection for both: nobody may read what another is about to write.
    run: options.writer === 'direct' ? oneAtATime(run) : run,
    setRules(rules) {
      tx.rules = rules;
    },
    newKey: () => tx.key(),
    afterRemoval() {
      connection.endSnapshot();
      writer.afterRemoval();
    },
    databaseBytes: () => connection.pages() * connection.value<number>('pragma page_size')!,
    version() {
      connection.endSnapshot();
      return dataVersion();
    },
    place: (content, facts, how) =>
      placeContent(options.dataDir, content, how === undefined ? facts : { ...facts, ...how }),
    content: async ref =>
      ref.large ? { file: blobFile(options.dataDir, ref.sha256) } : { bytes: await smallContent(tx, ref) },
    placedBefore: before => olderContents(options.dataDir, before),
    async close() {
      await writer.close();
      if (connection.raw.open) connection.close();
    },
  });
}

/** Milliseconds that a command waits for readers of what was removed. */
const EMPTY_WITHIN = 200;

/** Milliseconds that a command writes without a break, and that it then leaves the store to the daemon. */
const TURN = 50;

/**
 * A command that writes again and again (an import) would keep the daemon out for seconds: whoever waits for SQLite's
 * lock only looks for it now and then, at first every 50 ms or sooner.
 */
function turnsWithDaemon(dataDir: string): () => Promise<void> {
  let [since, last] = [0, 0];
  return async () => {
    const now = performance.now();
    if (now - last > TURN) since = now;
    if (now - since > TURN && seemsServed(dataDir)) {
      await new Promise(resolve => setTimeout(resolve, TURN));
      since = performance.now();
    }
    last = performance.now();
  };
}

/** Its code is loaded when it is asked for something. */
function lazySearch(load: () => Promise<SearchIndex>): SearchIndex {
  let loaded: Promise<SearchIndex> | null = null;
  const index = () => {
    loaded ??= load();
    return loaded;
  };
  return {
    find: async asked => (await index()).find(asked),
    fill: async () => (await index()).fill(),
    forget: async () => (await index()).forget(),
    progress: async () => (await index()).progress(),
    close: async () => (await loaded)?.close(),
  };
}

/** All that are not of the core. */
async function loadVerbs(verbs: VerbTable): Promise<void> {
  const { all } = await import('../all.js');
  Object.assign(verbs, all);
}

/** Lets one call after the other use a connection: what comes while another has it waits. */
function oneAtATime<Values extends readonly unknown[], Result>(
  work: (...values: Values) => Promise<Result>,
): (...values: Values) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (...values) => {
    const done = last.then(() => work(...values));
    last = done.catch(() => {});
    return done;
  };
}
