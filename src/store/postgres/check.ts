/**
 * What `upkeep/check.ts` asks of PostgreSQL. Each question is one statement of its own; nothing is held between them, so
 * that nodes go on. What the server knows of damage is told: pages whose checksum was wrong, indexes that are not whole.
 */
import { createHash } from 'node:crypto';
import type { CheckedContents, CheckedDatabase, Dangling } from '../upkeep/check.js';
import type { Connection } from './connection.js';

const PAGE = 500;
const MOST = 100;

/** Those that SQLite has and PostgreSQL does without (migrations/postgres/0008_initial.sql). */
const WITHOUT_FOREIGN_KEY = ['event', 'delivery'].map(table => ({
  table,
  column: 'account_key',
  parent: 'account',
  named: 'key',
}));

export function checkedDatabase(connection: Connection): CheckedDatabase {
  const all = async <Row>(text: string, ...values: readonly unknown[]) =>
    (await connection.query(text, values)).rows as Row[];
  const value = async <T>(text: string, ...values: readonly unknown[]) =>
    ((await connection.query(text, values, 'arrays')).rows[0] as readonly T[] | undefined)?.[0];
  return {
    all,
    value,
    pages: async () =>
      (await value<number>(`select pg_database_size(current_database()) / current_setting('block_size')::bigint`))!,
    async damages(limit) {
      const pages = await value<number | null>(
        'select checksum_failures from pg_stat_database where datname = current_database()',
      );
      const indexes = await all<{ name: string }>(
        `select indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
         where c.relnamespace = quote_ident(current_schema())::regnamespace and not (indisvalid and indisready) limit ${limit}`,
      );
      return [
        ...(pages ? [`the server read ${pages} pages whose checksum was wrong`] : []),
        ...indexes.map(({ name }) => `index ${name} is not whole: \`reindex index ${name}\` makes it again`),
      ];
    },
    async dangling() {
      const known = await all<(typeof WITHOUT_FOREIGN_KEY)[number]>(
        `select k.conrelid::regclass::text as "table", c.attname as column, k.confrelid::regclass::text as parent,
           p.attname as named
         from pg_constraint k join pg_attribute c on c.attrelid = k.conrelid and c.attnum = k.conkey[1]
         join pg_attribute p on p.attrelid = k.confrelid and p.attnum = k.confkey[1]
         where k.contype = 'f' and k.connamespace = quote_ident(current_schema())::regnamespace order by 1, 2`,
      );
      const keyed = await all<{ name: string }>(
        `select attrelid::regclass::text as name from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relkind = 'r' and c.relnamespace = quote_ident(current_schema())::regnamespace and attname = 'key'`,
      );
      const found: Dangling[] = [];
      for (const { table, column, parent, named } of [...known, ...WITHOUT_FOREIGN_KEY]) {
        const key = keyed.some(each => each.name === table) ? 'c.key' : 'null::bigint';
        const rows = await all<{ key: number | null }>(
          `select ${key} as key from ${table} c where ${column} is not null
             and not exists (select 1 from ${parent} p where p.${named} = c.${column}) limit ${MOST}`,
        );
        found.push(...rows.map(row => ({ table, key: row.key, parent })));
      }
      return found;
    },
  };
}

export function checkedContents(connection: Connection): CheckedContents {
  return {
    noun: 'content',
    async examine(sha256) {
      const hash = createHash('sha256');
      let size = 0;
      for (let position = 0; ; position += 1) {
        const { rows } = await connection.query(
          'select data from large_part where sha256 = $1 and position = $2',
          [Buffer.from(sha256, 'hex'), position],
          'arrays',
        );
        if (rows.length === 0 && position === 0) return { error: 'ENOENT' };
        if (rows.length === 0) return { size, sha256: hash.digest('hex') };
        const [data] = rows[0] as [Uint8Array];
        hash.update(data);
        size += data.length;
      }
    },
    async *list() {
      for (let after: Uint8Array = Buffer.alloc(0); ; ) {
        const { rows } = await connection.query(
          `select sha256, touched_at from large_content where sha256 > $1 order by sha256 limit ${PAGE}`,
          [after],
        );
        const found = rows as readonly { sha256: Uint8Array; touched_at: number }[];
        yield found.map(row => {
          const sha256 = Buffer.from(row.sha256).toString('hex');
          return { thing: sha256, sha256, temporary: false, touchedAt: async () => row.touched_at };
        });
        if (found.length < PAGE) return;
        after = found.at(-1)!.sha256;
      }
    },
  };
}
