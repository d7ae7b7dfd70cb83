/**
 * The Store port on SQLite: reads on this thread's own connection (tens of microseconds each), writes through a Writer: the
 * daemon's writer thread with group commit, or this connection with a transaction a call (CLI verbs, tests).
 * Nothing read is cached across a change: `PRAGMA data_version` is polled, which also notices other processes' commits.
 */
import { randomBytes } from 'node:crypto';
import { isReplydError } from '../../base/errors.js';
import type { Clock, Random } from '../../conversation/ports.js';
import type { Store } from '../../conversation/store.js';
import { placeContent, readContent } from '../blobs/blobs.js';
import { type Calls, VERBS, type VerbName, type WritingName } from '../calls.js';
import { core } from '../core.js';
import { storeFault } from '../fault.js';
import { encodeId, keyMaker, PROCESSES } from '../ids.js';
import type { Rules } from '../tx.js';
import { perform, runInTransaction, type VerbTable } from './batch.js';
import { BUSY_TIMEOUT, type Connection, openDatabase } from './database.js';
import { checkSchema, migrate } from './migrate.js';
import { type SqliteTx, sqliteTx } from './tx.js';
import type { Writer } from './writer-calls.js';

/** How often commits of other processes are looked for, milliseconds. */
const POLL_INTERVAL = 200;
/** How soon listeners hear of our own commits, and how often at most, milliseconds: under load once for many mails. */
const SOON = 1;
const AT_MOST_EVERY = 10;

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

/** The Store with what only the opener needs. */
export type OpenStore = Store &
  Pick<
    Calls,
    | 'deliveriesWithoutMail'
    | 'filesWithoutRow'
    | 'clearFiles'
    | 'clearOld'
    | 'queueDepth'
    | 'unfiledSums'
    | 'canWrite'
    | 'canStore'
    | 'pullForward'
    | 'setRules'
  >;

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
      writer = { run: (name, values) => runInTransaction(tx, verbs, { name, values }), close: async () => {} };
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
  const listeners = new Set<() => void>();
  const dataVersion = () => connection.raw.pragma('data_version', { simple: true });
  let version = dataVersion();
  let poll: NodeJS.Timeout | null = null;
  const changed = () => {
    for (const listener of listeners) listener();
  };
  let soon: NodeJS.Timeout | null = null;
  let calledAt = 0;
  const changedSoon = () => {
    if (soon !== null || listeners.size === 0) return;
    const wait = Math.max(SOON, AT_MOST_EVERY - (performance.now() - calledAt));
    soon = setTimeout(() => {
      soon = null;
      calledAt = performance.now();
      changed();
    }, wait).unref();
  };
  const run = async (name: VerbName, values: readonly unknown[]): Promise<unknown> => {
    try {
      if (!(name in verbs)) await loadVerbs(verbs);
      if (VERBS[name] === 'reads') return await connection.reading(() => perform(tx, verbs, { name, values }));
      const value = await writer.run(name as WritingName, values);
      if (VERBS[name] === 'writes') changedSoon();
      return value;
    } catch (error) {
      throw storeFault(error, `store: ${name}`);
    }
  };
  // One connection for both: nobody may read what another is about to write.
  const call = options.writer === 'direct' ? oneAtATime(run) : run;
  const calls = Object.fromEntries(
    Object.keys(VERBS).map(name => [name, (...values: readonly unknown[]) => call(name as VerbName, values)]),
  ) as Calls;

  /** Repeats a removal until nothing is left, a short transaction at a time. */
  const untilGone = async (part: () => Promise<boolean>) => {
    for (let started = false; ; started = true) {
      const gone = await part().catch(error => {
        // The daemon finishes removals that were started, and may have been faster.
        if (started && isReplydError(error, 'not_found')) return true;
        throw error;
      });
      if (gone) break;
      await new Promise<void>(resolve => setImmediate(resolve));
    }
    if (options.writer === 'direct') emptyLog(connection);
  };

  return {
    ...calls,
    async setRules(rules) {
      tx.rules = rules;
      await calls.setRules(rules);
    },
    removeConversation: async ref => {
      const { id } = await calls.conversation(ref);
      await untilGone(() => calls.removeConversationPart({ id }));
    },
    removeContact: id => untilGone(() => calls.removeContactPart(id)),
    removeHook: id => untilGone(() => calls.removeHookPart(id)),
    once: (request, verb, values) => calls.once(request, verb, values) as never,
    clearUnfiled: async which => {
      let count = 0;
      await untilGone(async () => {
        const removed = await calls.clearUnfiledPart(which);
        count += removed;
        return removed === 0;
      });
      return count;
    },
    removeAccount: slug => untilGone(() => calls.removeAccountPart(slug)),
    mintMailId: () => encodeId('mail', tx.key()),
    stats: async () => ({
      ...(await calls.stats()),
      database_bytes: connection.pages() * connection.value<number>('pragma page_size')!,
    }),
    place: (content, facts, how) =>
      placeContent(options.dataDir, content, how === undefined ? facts : { ...facts, ...how }),
    async unplace(contents) {
      const hashes = contents.flatMap(content => ('placed' in content ? [content.sha256] : []));
      if (hashes.length > 0) await calls.clearFiles(hashes, { before: Date.now() });
    },
    read: ref => readContent(tx, ref),
    onChange(listener) {
      listeners.add(listener);
      poll ??= setInterval(() => {
        connection.endSnapshot();
        const now = dataVersion();
        if (now === version) return;
        version = now;
        changed();
      }, POLL_INTERVAL).unref();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && poll) {
          clearInterval(poll);
          poll = null;
        }
      };
    },
    async close() {
      if (poll) clearInterval(poll);
      if (soon) clearTimeout(soon);
      listeners.clear();
      await writer.close();
      if (connection.raw.open) connection.close();
    },
  };
}

/** What was removed stands in the log of older commits too, until the log restarts: now, unless somebody reads. */
function emptyLog(connection: Connection): void {
  connection.raw.pragma('busy_timeout = 200');
  try {
    connection.raw.pragma('wal_checkpoint(truncate)');
  } catch {
    // It is overwritten when the log restarts (checkpoints.ts).
  } finally {
    connection.raw.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
  }
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
