/**
 * Nodes: daemons on one store. Each has a row that says that it is alive, by the database's clock; a node that was not
 * seen for DEAD_AFTER is dead: its leases end, and others may have its place. It may be frozen only: when it wakes it
 * leases nothing before it has said again that it is alive (`beat`), and what it settles then counts only where nobody has
 * leased it since (`fence`). At worst a mail is sent twice.
 *
 * Where there is one daemon (SQLite) there are no nodes: `tx.node` is null.
 */
import { NODE_PLACES } from '../ids.js';
import type { NodePlace, StoreTx } from '../tx.js';
import { UNFINISHED } from './unfinished.js';

/** Milliseconds. */
export const DEAD_AFTER = 90_000;
/** A node that was not seen for so long leases nothing: before others take it for dead. */
const SILENT_AFTER = 60_000;
/** So long after a piece of its work nobody else does what only one node does. */
const LEADS_FOR = 60_000;

export interface NodeFacts {
  /** Of its data_dir: the same after a restart. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly version: string;
  /** What all nodes share of it, as hashes (`config/nodes.ts`). */
  readonly configuration: string;
}

export interface NodeState extends Omit<NodeFacts, 'id'> {
  readonly place: number;
  readonly alive: boolean;
  readonly startedAt: number;
  /** 0: it went away in order. */
  readonly seenAt: number;
}

/**
 * The node begins, or begins again: it gets a place, its own if nobody took it meanwhile, and what it had leased before is
 * free. Null: NODE_PLACES nodes are alive.
 */
export async function joinNode(tx: StoreTx, facts: NodeFacts): Promise<NodePlace | null> {
  const now = tx.now();
  const rows = await tx.all<{ place: number; id: string; run: number; seen_at: number }>(
    'select place, id, run, seen_at from node order by seen_at, place',
  );
  const taken = rows.find(row => row.id === facts.id);
  const used = new Set(rows.map(row => row.place));
  const unused = Array.from({ length: NODE_PLACES }, (_, place) => place).find(place => !used.has(place));
  const before = taken ?? (unused === undefined ? rows.find(row => row.seen_at < now - DEAD_AFTER) : undefined);
  const place = before?.place ?? unused;
  if (place === undefined) return null;
  const run = tx.key();
  const values = [place, facts.id, run, facts.name, facts.version, facts.configuration, now];
  if (before === undefined) {
    // Of two that take one place the second is told so, and takes another.
    await tx.run(
      `insert into node (place, id, run, name, version, configuration, started_at, seen_at)
       values ($1, $2, $3, $4, $5, $6, $7, $7)`,
      ...values,
    );
  } else {
    const changed = await tx.run(
      `update node set id = $2, run = $3, name = $4, version = $5, configuration = $6, started_at = $7, seen_at = $7
       where place = $1 and run = $8`,
      ...values,
      before.run,
    );
    if (changed === 0) return joinNode(tx, facts);
  }
  await endLeases(tx, 'leased_by = $1', place);
  return { place, run };
}

/**
 * It is alive, with this configuration; `judges`: the leases of those that are not end. `alive` false: its place is another's
 * now, and it has to join again.
 */
export async function beat(
  tx: StoreTx,
  { configuration, judges }: { readonly configuration: string; readonly judges: boolean },
): Promise<{ readonly alive: boolean; readonly ended: number }> {
  const now = tx.now();
  const text = 'update node set seen_at = $1, configuration = $2 where place = $3 and run = $4';
  const alive = tx.node !== null && (await tx.run(text, now, configuration, tx.node.place, tx.node.run)) > 0;
  if (!judges) return { alive, ended: 0 };
  const dead = '(leased_by is null or leased_by not in (select place from node where seen_at >= $1))';
  return { alive, ended: await endLeases(tx, dead, now - DEAD_AFTER) };
}

/** It ends in order: what it still has leased is free at once, and so is what only one node does. */
export async function leaveNode(tx: StoreTx): Promise<void> {
  if (tx.node === null) return;
  const { place, run } = tx.node;
  if ((await tx.run('update node set seen_at = 0 where place = $1 and run = $2', place, run)) === 0) return;
  await endLeases(tx, 'leased_by = $1', place);
  await tx.run('delete from leader where run = $1', run);
}

/** By their places. None: the store has one daemon. */
export async function nodes(tx: StoreTx): Promise<readonly NodeState[]> {
  const now = tx.now();
  const rows = await tx.all<
    Omit<NodeState, 'alive' | 'startedAt' | 'seenAt'> & { started_at: number; seen_at: number }
  >('select place, name, version, configuration, started_at, seen_at from node order by place');
  return rows.map(({ started_at, seen_at, ...row }) => ({
    ...row,
    alive: seen_at >= now - DEAD_AFTER,
    startedAt: started_at,
    seenAt: seen_at,
  }));
}

/** Leases of whoever is meant are free again. Returns how many. */
export async function endLeases(tx: StoreTx, whose: string, ...values: readonly unknown[]): Promise<number> {
  return tx.run(
    `update delivery set state = case when attempts > 0 then 'deferred' else 'waiting' end
     where state = 'leased' and ${UNFINISHED} and ${whose}`,
    ...values,
  );
}

/** May this node lease? */
export async function isAlive(tx: StoreTx): Promise<boolean> {
  if (tx.node === null) return true;
  const { place, run } = tx.node;
  const text = 'select 1 from node where place = $1 and run = $2 and seen_at >= $3';
  return (await tx.get(text, place, run, tx.now() - SILENT_AFTER)) !== undefined;
}

/**
 * Whether this node does the next piece of what only one node does. Whoever did the last piece goes on; when he did none
 * for a while another one does. Nobody else does a piece before this transaction ends.
 */
export async function leads(tx: StoreTx, what: 'housekeeping' | 'search'): Promise<boolean> {
  if (tx.node === null) return true;
  const now = tx.now();
  const taken = await tx.run(
    `insert into leader (what, run, until) values ($1, $2, $3)
     on conflict (what) do update set run = excluded.run, until = excluded.until
       where leader.run = excluded.run or leader.until < $4`,
    what,
    tx.node.run,
    now + LEADS_FOR,
    now,
  );
  return taken > 0;
}
