/**
 * A row by its key, or by the id that a caller gave, and a table's newest rows: the queries that all verbs and views make;
 * and rows by a key that they have in common.
 */
import { ReplydError } from '../base/errors.js';
import { keyOf } from './ids.js';
import type { Rows } from './rows.js';
import { allOf, type StoreTx, type Terms } from './tx.js';

const TABLES: readonly (keyof Rows)[] = [
  ...(['account', 'contact', 'conversation', 'participant', 'message', 'mail'] as const),
  ...(['delivery', 'event', 'hook', 'api_key', 'agent'] as const),
];
const BY_KEY = Object.fromEntries(TABLES.map(table => [table, `select * from ${table} where key = $1`])) as Record<
  keyof Rows,
  string
>;

/** Undefined when it is gone, or when there is no key. */
export async function byKey<Table extends keyof Rows>(
  tx: StoreTx,
  table: Table,
  key: number | null,
): Promise<Rows[Table] | undefined> {
  return key === null ? undefined : tx.get<Rows[Table]>(BY_KEY[table], key);
}

/** Throws not_found. */
export async function byId<Table extends keyof Rows>(tx: StoreTx, table: Table, id: string): Promise<Rows[Table]> {
  const row = await tx.get<Rows[Table]>(BY_KEY[table], keyOf(table, id));
  if (row === undefined)
    throw new ReplydError(`${table}_not_found`, `there is no ${table === 'api_key' ? 'key' : table} ${id}`);
  return row;
}

/** The newest rows first, of those that the terms hold for. */
export async function newest<Table extends keyof Rows>(
  tx: StoreTx,
  table: Table,
  { terms, limit }: { readonly terms: Terms; readonly limit: number },
): Promise<Rows[Table][]> {
  const { where, values } = allOf(terms);
  const text = `select * from ${table} ${where} order by key desc limit $${values.length + 1}`;
  return tx.all<Rows[Table]>(text, ...values, limit);
}

/** The rows that have a key, for each key. */
export function groupedBy<Row>(rows: readonly Row[], keyOf: (row: Row) => number): (key: number) => readonly Row[] {
  const groups = Map.groupBy(rows, keyOf);
  return key => groups.get(key) ?? [];
}
