/**
 * The store's transaction on PostgreSQL, as one call sees it. Several calls may work in one transaction side by side
 * (`batch.ts`); each has a view of its own.
 *
 * A row that is new for certain is not waited for: it goes out with those of the other calls (`new-rows.ts`).
 *
 * What was emitted is written before the transaction ends, and before any statement of the same call that could look for
 * it; always with all that was emitted before, by whichever call, so that it has higher keys than that.
 */
import type { EmittedEvent, Random } from '../../conversation/ports.js';
import { decodeId, type KeyMaker } from '../ids.js';
import { type Locks, NO_LOCKS } from '../locks.js';
import { looksAtStream, streamOf } from '../stream.js';
import type { NodePlace, Rules, StoreTx } from '../tx.js';
import type { Connection } from './connection.js';
import { largeRows } from './large.js';
import { type NewRows, newRows } from './new-rows.js';
import { sendStream } from './send-stream.js';

export interface PostgresTx extends StoreTx {
  /** Writes what was emitted in this transaction and is not written yet. */
  flush(): Promise<void>;
}

/** What the calls of one transaction emitted and is not written yet, in the order in which they did. */
export interface Emitted {
  readonly events: EmittedEvent[];
  /** Of these calls. */
  readonly by: Set<PostgresTx>;
  /** What is being written, of these calls. */
  writing: Promise<void>;
  readonly writingOf: Set<PostgresTx>;
  /** Something was written. */
  some: boolean;
}

export function nothingEmitted(): Emitted {
  return { events: [], by: new Set(), writing: Promise.resolve(), writingOf: new Set(), some: false };
}

/** A call found that it needs rows which were not locked before it began. */
export class RowsNeeded extends Error {
  readonly rows: Locks;

  constructor(rows: Locks) {
    super('a call needs rows that it did not name before');
    this.rows = rows;
  }
}

/** What all calls of a store have in common. */
export interface Shared {
  readonly random: Random;
  readonly keys: KeyMaker;
  /** Replaced on reload. */
  rules: Rules;
  readonly dataDir: string;
  /** Replaced when it joins again. */
  node: NodePlace | null;
}

const KINDS = { account: 'accounts', conversation: 'conversations', destination: 'destinations' } as const;

/**
 * `now`: the database's clock in this transaction. `held`: the rows that the call named before it began; a row that it asks
 * for now and has not named is RowsNeeded. Null: it takes rows as it comes to them.
 */
export function postgresTx(
  connection: Connection,
  shared: Shared,
  {
    now,
    held = () => null,
    emitted = nothingEmitted(),
    rows = newRows(connection),
  }: { now: () => number; held?: () => Locks | null; emitted?: Emitted; rows?: NewRows },
): PostgresTx {
  /** Nobody else knows them before the commit. */
  const made = new Set<number | string>();
  const query = async (text: string, values: readonly unknown[], as: 'objects' | 'arrays' = 'objects') => {
    if (looksAtStream(text)) await written();
    rows.before(text);
    return await connection.query(text, values, as);
  };
  /** Everything that this call emitted. */
  const written = async () => {
    if (emitted.by.has(tx)) await tx.flush();
    else if (emitted.writingOf.has(tx)) await emitted.writing;
  };
  const tx: PostgresTx = {
    random: shared.random,
    rules: shared.rules,
    dataDir: shared.dataDir,
    node: shared.node,
    async get<Row extends object>(text: string, ...values: readonly unknown[]) {
      return (await query(text, values)).rows[0] as Row | undefined;
    },
    async value<T extends string | number | Uint8Array | null>(text: string, ...values: readonly unknown[]) {
      const [row] = (await query(text, values, 'arrays')).rows as readonly (readonly T[])[];
      return row?.[0];
    },
    async all<Row extends object>(text: string, ...values: readonly unknown[]) {
      return (await query(text, values)).rows as Row[];
    },
    async run(text, ...values) {
      return (await query(text, values)).count;
    },
    insert(table, row, options) {
      if (Object.hasOwn(KINDS, table)) made.add((row as { readonly key: number }).key);
      if (options?.known === 'kept') return rows.addNow(table, row, true);
      rows.add(table, row, false);
      return 1;
    },
    insertAll(table, added, options) {
      for (const row of added) rows.add(table, row, options?.known === 'kept');
    },
    async update(table, key, change) {
      const columns = Object.entries(change).filter(([, value]) => value !== undefined);
      if (columns.length === 0) return 0;
      const sets = columns.map(([name], index) => `${name} = $${index + 2}`).join(', ');
      const values = columns.map(([, value]) => value);
      const text = `update ${table} set ${sets} where key = $1`;
      rows.before(text);
      return (await connection.query(text, [key, ...values])).count;
    },
    key: () => shared.keys.next(),
    async lock(table, asked) {
      const keys = typeof asked === 'function' ? await asked() : asked;
      const has: readonly (number | string)[] | undefined = held()?.[KINDS[table]];
      if (has === undefined) {
        rows.send();
        await lockRows(connection, table, keys);
      } else if (!keys.every(key => has.includes(key) || made.has(key)))
        throw new RowsNeeded({ ...NO_LOCKS, [KINDS[table]]: keys });
    },
    now,
    emit(event) {
      emitted.events.push(event);
      emitted.by.add(tx);
    },
    large: largeRows(() => tx),
    flush() {
      const events = emitted.events.splice(0);
      if (events.length === 0) return emitted.writing;
      emitted.some = true;
      for (const call of emitted.by) emitted.writingOf.add(call);
      emitted.by.clear();
      const done = emitted.writing.then(async () => {
        // Whoever waits for the sequencer shall not wait for these.
        rows.send();
        const stream = await streamOf(tx, events);
        behind(sendStream(connection, tx, stream).then(last => shared.keys.pass(last)));
        if (emitted.writing === done) emitted.writingOf.clear();
      });
      emitted.writing = done;
      return done;
    },
  };
  return tx;
}

/** What comes of it is known before the commit: a fault ends the transaction (`Connection.fault`). */
function behind(sent: Promise<unknown>): void {
  sent.catch(() => undefined);
}

/** Rows of one table, by rising key: nobody else changes them until the transaction ends. */
export async function lockRows(
  connection: Connection,
  table: 'account' | 'conversation' | 'destination',
  keys: readonly (number | string)[],
): Promise<void> {
  if (keys.length === 0) return;
  const column = table === 'destination' ? 'name' : 'key';
  if (table === 'destination')
    behind(
      connection.query(
        'insert into destination (name) select name from unnest($1::text[]) as given(name) order by name on conflict do nothing',
        [keys],
      ),
    );
  const locked = connection.query(
    `select 1 from ${table} where ${column} = any($1) order by ${column} for no key update`,
    [keys],
  );
  if (table === 'destination') forgetGone(connection, keys as readonly string[]);
  await locked;
}

/** A hook that was removed, perhaps while this transaction waited for it, keeps no row: the one here goes with the commit. */
function forgetGone(connection: Connection, names: readonly string[]): void {
  const hooks = names.filter(name => decodeId('hook', name) !== null);
  if (hooks.length === 0) return;
  behind(
    connection.query(
      `delete from destination using unnest($1::text[], $2::bigint[]) as given(hook, hook_key)
       where name = hook and not exists (select 1 from hook where key = hook_key)`,
      [hooks, hooks.map(name => decodeId('hook', name))],
    ),
  );
}
