/** What a store's tables are, read from a live store of either engine, in words that are the same for both. */
import type { Connection } from '#replyd/store/sqlite/database.js';
import type { Cluster } from '../../postgres/cluster.js';

export interface LiveTable {
  readonly columns: readonly LiveColumn[];
  readonly primaryKey: readonly string[];
  /** By name; those of constraints have none of their own. */
  readonly indexes: readonly LiveIndex[];
  /** `column → table, what happens`. */
  readonly foreignKeys: readonly string[];
  /** The words that each check allows. */
  readonly checks: readonly string[];
}

interface LiveColumn {
  readonly name: string;
  /** As SQLite says it: a 0 or 1 and a large number are both integer. */
  readonly type: 'integer' | 'text' | 'blob';
  readonly required: boolean;
  readonly default: string | null;
}

interface LiveIndex {
  readonly name: string | null;
  readonly unique: boolean;
  readonly columns: readonly string[];
  readonly where: string | null;
}

export type LiveSchema = Readonly<Record<string, LiveTable>>;

export function sqliteSchema({ raw }: Connection): LiveSchema {
  const tables = raw
    .prepare("select name, sql from sqlite_master where type = 'table' and name not like 'sqlite%' order by name")
    .all() as { name: string; sql: string }[];
  return Object.fromEntries(tables.map(({ name, sql }) => [name, sqliteTable(raw, name, sql)]));
}

function sqliteTable(raw: Connection['raw'], table: string, sql: string): LiveTable {
  const columns = raw.prepare('select name, type, "notnull", dflt_value, pk from pragma_table_info(?)').all(table) as {
    name: string;
    type: string;
    notnull: number;
    dflt_value: string | null;
    pk: number;
  }[];
  const indexes = raw
    .prepare(
      `select i.name, i."unique", i.origin, m.sql,
         (select json_group_array(x.name) from (select name from pragma_index_info(i.name) order by seqno) x) as columns
       from pragma_index_list(?) i left join sqlite_master m on m.name = i.name`,
    )
    .all(table) as { name: string; unique: number; origin: string; sql: string | null; columns: string }[];
  const keys = raw.prepare('select "from", "table", on_delete from pragma_foreign_key_list(?)').all(table) as {
    from: string;
    table: string;
    on_delete: string;
  }[];
  return {
    columns: columns.map(column => ({
      name: column.name,
      type: column.type.toLowerCase() as LiveColumn['type'],
      required: column.notnull === 1 || column.pk > 0,
      default: column.dflt_value,
    })),
    primaryKey: columns
      .filter(column => column.pk > 0)
      .sort((a, b) => a.pk - b.pk)
      .map(column => column.name),
    indexes: sorted(
      indexes
        .filter(index => index.origin !== 'pk')
        .map(index => ({
          name: index.origin === 'c' ? index.name : null,
          unique: index.unique === 1,
          columns: JSON.parse(index.columns) as string[],
          where: index.sql === null ? null : predicate(/\bwhere\b(.*)$/is.exec(index.sql)?.[1] ?? null),
        })),
    ),
    foreignKeys: keys.map(key => `${key.from} → ${key.table}, ${key.on_delete.toLowerCase()}`).sort(),
    checks: words(sql.match(SQLITE_CHECK) ?? []),
  };
}

const ACTIONS: Readonly<Record<string, string>> = { a: 'no action', c: 'cascade', n: 'set null', r: 'restrict' };

export async function postgresSchema(cluster: Cluster, database: string): Promise<LiveSchema> {
  const ask = <Row>(text: string) => cluster.sql(database, text) as unknown as Promise<readonly Row[]>;
  const columns = await ask<{
    table: string;
    name: string;
    type: string;
    required: boolean;
    default: string | null;
    collation: string | null;
  }>(
    `select t.relname as "table", a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
       pg_get_expr(d.adbin, d.adrelid) as "default", c.collname as collation
     from pg_attribute a join pg_class t on t.oid = a.attrelid and t.relkind = 'r'
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     left join pg_collation c on c.oid = a.attcollation
     where t.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped order by t.relname, a.attnum`,
  );
  const indexes = await ask<LiveIndex & { table: string; made: string | null; primary: boolean }>(
    `select t.relname as "table", x.relname as name, i.indisprimary as primary, i.indisunique as unique, c.contype as made,
       pg_get_expr(i.indpred, i.indrelid) as where,
       array(select pg_get_indexdef(i.indexrelid, n, true) from generate_series(1, i.indnkeyatts) n order by n) as columns
     from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
     where t.relnamespace = 'public'::regnamespace`,
  );
  const constraints = await ask<{
    table: string;
    type: string;
    text: string;
    from: string;
    to: string;
    action: string;
  }>(
    `select c.conrelid::regclass::text as "table", c.contype as type, pg_get_constraintdef(c.oid) as text,
       c.confdeltype as action, c.confrelid::regclass::text as to,
       (select a.attname from pg_attribute a where a.attrelid = c.conrelid and a.attnum = c.conkey[1]) as from
     from pg_constraint c where c.connamespace = 'public'::regnamespace`,
  );
  return Object.fromEntries(
    [...new Set(columns.map(column => column.table))].map(table => {
      const ofTable = <Row extends { table: string }>(rows: readonly Row[]) => rows.filter(row => row.table === table);
      return [
        table,
        {
          columns: ofTable(columns).map(column => ({
            name: column.name,
            type: neutral(column),
            required: column.required,
            default: column.default === null ? null : column.default.replace(/::\w+$/, ''),
          })),
          primaryKey: ofTable(indexes).find(index => index.primary)?.columns ?? [],
          indexes: sorted(
            ofTable(indexes)
              .filter(index => !index.primary)
              .map(({ name, unique, columns: of, where, made }) => ({
                name: made === null ? name : null,
                unique,
                columns: of.map(column => column.replaceAll('"', '')),
                where: predicate(where),
              })),
          ),
          foreignKeys: ofTable(constraints)
            .filter(constraint => constraint.type === 'f')
            .map(({ from, to, action }) => `${from} → ${to}, ${ACTIONS[action]}`)
            .sort(),
          checks: words(
            ofTable(constraints)
              .filter(constraint => constraint.type === 'c')
              .map(constraint => constraint.text),
          ),
        },
      ];
    }),
  );
}

/** Throws for a text that is compared by a locale. */
function neutral(column: { table: string; name: string; type: string; collation: string | null }): LiveColumn['type'] {
  if (column.type === 'bigint' || column.type === 'smallint') return 'integer';
  if (column.type === 'bytea') return 'blob';
  if (column.type === 'text' && column.collation === 'C') return 'text';
  // Of a table that SQLite has in a file of its own.
  if (column.type === 'tsvector') return 'text';
  throw new Error(`${column.table}.${column.name}: ${column.type} collate ${column.collation}`);
}

function sorted(indexes: readonly LiveIndex[]): readonly LiveIndex[] {
  return indexes.toSorted((a, b) => `${a.name} ${a.columns}`.localeCompare(`${b.name} ${b.columns}`));
}

/** As both would write it. */
function predicate(text: string | null): string | null {
  if (text === null) return null;
  return text
    .toLowerCase()
    .replaceAll(/::\w+/g, '')
    .replaceAll(/= any \(array\[([^\]]*)\]\)/g, 'in $1')
    .replaceAll(/[()]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const SQLITE_CHECK = /check \(((?:[^()]|\([^()]*\))*)\)/gi;

function words(checks: readonly string[]): readonly string[] {
  return checks.map(text => [...new Set(text.match(/'\w*'|\b\d+\b/g) ?? [])].sort().join(' ')).sort();
}
