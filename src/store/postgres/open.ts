/**
 * The Store port on PostgreSQL: for several nodes on one database. What is written goes through two connections in
 * batches, what is read through others, a state of the store for each batch.
 *
 * A database that is away makes every call fail with unavailable after `patience`; when it is back all goes on by itself.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { StoredContentRef } from '../../conversation/filing.js';
import type { Clock, Parcel, Random } from '../../conversation/ports.js';
import type { Content } from '../../mail/mail.js';
import { all } from '../all.js';
import { assembled, type Engine, type OpenStore } from '../assembled.js';
import { INLINE_LIMIT, placeContent, smallContent } from '../blobs/blobs.js';
import { callsOf, VERBS, type VerbName } from '../calls.js';
import { storeFault } from '../fault.js';
import { keyMaker, NODE_PLACES, PROCESSES } from '../ids.js';
import type { Presence } from '../presence.js';
import type { Piece } from '../search-index.js';
import { streamPosition } from '../stream.js';
import type { NodePlace, Rules, StoreTx } from '../tx.js';
import { MOVED, type MovedRow, refuseMoved } from '../upkeep/moved.js';
import { readBatch, type Works, writeBatch } from './batch.js';
import { type Connection, connect, type ServerConfig } from './connection.js';
import { openLane } from './lanes.js';
import { fetched, olderLarge, readPart, writeLarge } from './large.js';
import { checkSchema, migrate } from './migrate.js';
import { type JoinedNode, joinAsNode, type NodeOptions } from './node.js';
import { fillSearch, findWords, searchProgress } from './search.js';
import { standbysDemanded } from './standbys.js';
import { openWakeUps, type WakeUps } from './wake-ups.js';

export interface PostgresOptions {
  /** One database, at several hosts that are tried in turn. */
  readonly servers: readonly ServerConfig[];
  /** This node's own folder, for what is on its way in. */
  readonly dataDir: string;
  readonly rules: Rules;
  /** Migrate (daemon, `replyd migrate`) or refuse another schema. */
  readonly migrate: boolean;
  /** Connections at most; at least 5. */
  readonly pool?: number;
  /** How long a call waits for the database, milliseconds. */
  readonly patience?: number;
  /** Hears whether the database is there. */
  readonly presence?: Presence | undefined;
  /** A daemon, which hears of the commits of others (`wake-ups.ts`); a command is none. */
  readonly node?: NodeOptions;
  /** For tests: milliseconds between two looks for the commits of others. */
  readonly pollEvery?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

const WRITERS = 2;
const CARRIERS = 2;
const POOL = 10;
const PATIENCE = 5_000;

/** Opens the store, making its tables when `migrate`. Throws unavailable with advice. */
export async function openPostgres(options: PostgresOptions): Promise<OpenStore> {
  const { servers, dataDir, patience = PATIENCE } = options;
  const clock = options.clock ?? Date.now;
  // A node gets a place of its own. Commands share the others: whose key was made already is repeated with a new one.
  const keys = keyMaker(clock, NODE_PLACES + (process.pid % (PROCESSES - NODE_PLACES)));
  let pooled = false;
  let wakeUps: WakeUps | null = null;
  let heard = () => {};
  const works: Works = {
    random: options.random ?? (count => randomBytes(count)),
    keys,
    rules: options.rules,
    dataDir,
    node: null,
    committed: () => wakeUps?.tell(),
    ...(options.clock ? { clock: options.clock } : {}),
  };
  const takePlace = (taken: NodePlace) => {
    works.node = taken;
    keys.move(taken.place);
  };
  try {
    const first = await connect(servers, patience);
    try {
      if (options.migrate) await migrate(first.plain);
      else await checkSchema(first.asked);
      await admit(first);
      const { rows } = await first.query('select v from sequencer');
      keys.pass((rows[0] as { v: number }).v);
      pooled = first.pooled;
    } finally {
      await first.close();
    }
  } catch (error) {
    throw storeFault(error, 'cannot open the store');
  }
  const about = { servers, patience: () => patience, presence: options.presence, admit };
  const writers = openLane({
    ...about,
    name: 'write',
    most: WRITERS,
    run: (connection, calls) => writeBatch(connection, works, calls),
  });
  /** What takes long: large contents. */
  const carriers = openLane({
    ...about,
    name: 'large',
    most: CARRIERS,
    together: 1,
    run: (connection, calls) => writeBatch(connection, works, calls),
  });
  const readers = openLane({
    ...about,
    name: 'read',
    most: Math.max(1, (options.pool ?? POOL) - WRITERS - CARRIERS),
    run: (connection, calls) => readBatch(connection, works, calls),
  });
  const look = async <T>(name: string, verb: (tx: StoreTx) => Promise<T>) =>
    (await readers.run({ name, verb, values: [] })) as T;
  const fetchLarge = (sha256: string) =>
    fetched(dataDir, sha256, position => look('part', tx => readPart(tx, sha256, position)));
  const fetchMail = async (parcel: Parcel) => {
    if (parcel.kind === 'webhook' || 'bytes' in parcel.content) return;
    // Without its file the courier says so, and tries later.
    await fetchLarge(path.basename(parcel.content.file)).catch(() => undefined);
  };
  const content = async (ref: StoredContentRef): Promise<Content> => {
    if (!ref.large) return { bytes: await look('content', tx => smallContent(tx, ref)) };
    return { file: await fetchLarge(ref.sha256) };
  };
  const closeLanes = async () => {
    await Promise.all([writers.close(), readers.close(), carriers.close()]);
  };
  const run = (name: VerbName, values: readonly unknown[]) =>
    (VERBS[name] === 'reads' ? readers : writers).run({ name, verb: all[name], values });
  let node: JoinedNode | null = null;
  try {
    node = options.node === undefined ? null : await joinAsNode(callsOf(run), options.node, takePlace);
  } catch (error) {
    await closeLanes();
    throw storeFault(error, 'cannot open the store');
  }
  const engine: Engine = {
    search: {
      find: asked => look('find', tx => findWords(tx, asked)),
      fill: async () => (await carriers.run({ name: 'fillSearch', verb: fillSearch, values: [], free: true })) as Piece,
      // A message takes its words along.
      forget: async () => {},
      progress: () => look('searchProgress', searchProgress),
      close: async () => {},
    },
    async run(name, values) {
      const value = await run(name, values);
      if (name === 'lease') await Promise.all((value as readonly Parcel[]).map(fetchMail));
      return value;
    },
    setRules(rules) {
      works.rules = rules;
    },
    newKey: () => keys.next(),
    afterRemoval() {},
    standbys: () => look<number>('standbys', standbys),
    databaseBytes: () => look<number>('databaseBytes', databaseBytes),
    version: () => look('streamPosition', streamPosition),
    onWakeUp(listener) {
      heard = listener;
    },
    async place(content, { sha256, size }, how) {
      if (how?.inRow ?? size <= INLINE_LIMIT) return placeContent(dataDir, content, { sha256, size, inRow: true });
      await carriers.run({
        name: 'place',
        verb: tx => writeLarge(tx, content, { sha256, size }),
        values: [],
        free: true,
      });
      if ('file' in content) await rm(content.file, { force: true });
      return { sha256, size, placed: true };
    },
    content,
    async *placedBefore(before) {
      for (let after = ''; ; ) {
        const hashes = await look('placedBefore', tx => olderLarge(tx, before, after));
        if (hashes.length === 0) return;
        yield hashes;
        after = hashes.at(-1)!;
      }
    },
    async close() {
      await node?.close();
      await wakeUps?.close();
      await closeLanes();
    },
  };
  const store = assembled(engine, options.pollEvery === undefined ? {} : { pollEvery: options.pollEvery });
  if (node !== null && !pooled) wakeUps = openWakeUps({ servers, patience, heard: () => heard() });
  return store;
}

async function databaseBytes(tx: StoreTx): Promise<number> {
  return (await tx.value<number>('select pg_database_size(current_database())'))!;
}

async function standbys(tx: StoreTx): Promise<number> {
  return standbysDemanded((await tx.value<string>(`select current_setting('synchronous_standby_names')`))!);
}

/** A node that was cut off while its store moved away would write to the old one. */
async function admit(connection: Connection): Promise<void> {
  refuseMoved((await connection.query(MOVED)).rows[0] as MovedRow | undefined);
}
