/**
 * Numbered, forward-only migrations from `migrations/sqlite/NNNN_name.sql`, each in a transaction of its own and recorded.
 * Only `serve` and `migrate` migrate; every other opener calls `checkSchema`, which refuses another schema with advice.
 * A schema newer than the program is never touched.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ReplydError } from '../../base/errors.js';
import type { Connection } from './database.js';

const FOLDER = fileURLToPath(new URL('../../../migrations/sqlite', import.meta.url));

/** In their order; `name` is NNNN_name. */
function known(folder: string): readonly { readonly version: number; readonly name: string }[] {
  return readdirSync(folder)
    .filter(file => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
    .map(file => ({ version: Number(file.slice(0, 4)), name: path.parse(file).name }));
}

/** The schema this program makes and needs. */
export function programSchema(): number {
  return known(FOLDER).at(-1)?.version ?? 0;
}

/** The version the store has (0: empty) and the one this program knows. */
export function schemaVersions(connection: Connection): { store: number; program: number } {
  const store = connection.raw.pragma('user_version', { simple: true }) as number;
  return { store, program: programSchema() };
}

/** Brings the schema up to date. Returns the names of what was applied. */
export function migrate(connection: Connection, folder = FOLDER): readonly string[] {
  const migrations = known(folder);
  const applied: string[] = [];
  // A table that is made again keeps its keys; with foreign keys on, dropping the old one would take along what refers to it.
  connection.raw.pragma('foreign_keys = off');
  try {
    for (const migration of migrations) {
      // The version is read inside the transaction: another process may have been faster.
      connection.raw
        .transaction(() => {
          const at = connection.raw.pragma('user_version', { simple: true }) as number;
          refuseNewer(at, migrations.at(-1)?.version ?? 0);
          if (at >= migration.version) return;
          connection.raw.exec(readFileSync(path.join(folder, `${migration.name}.sql`), 'utf8'));
          connection.raw.pragma(`user_version = ${migration.version}`);
          applied.push(migration.name);
        })
        .immediate();
    }
  } finally {
    connection.raw.pragma('foreign_keys = on');
  }
  return applied;
}

/** Throws unavailable with advice unless the store has exactly the schema of this program. */
export function checkSchema(connection: Connection): void {
  const { store, program } = schemaVersions(connection);
  refuseNewer(store, program);
  if (store < program) {
    throw new ReplydError(
      'unavailable',
      `the store has schema ${store}, this program needs ${program}: run \`replyd migrate\`, or start the daemon, which migrates`,
      { details: { reason: 'schema' } },
    );
  }
}

/** Throws unavailable with advice when a store was written by a newer program. */
export function refuseNewer(store: number, program: number): void {
  if (store <= program) return;
  throw new ReplydError(
    'unavailable',
    `the store has schema ${store}, this program knows only ${program}: it was written by a newer replyd. ` +
      'Install that version again, or restore a backup made before the upgrade (`replyd restore`)',
    { details: { reason: 'schema' } },
  );
}
