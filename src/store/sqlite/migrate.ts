/**
 * Numbered, forward-only migrations from `migrations/sqlite/NNNN_name.sql`, each in a transaction of its own and recorded.
 * Only `serve` and `migrate` migrate; every other opener calls `checkSchema`, which refuses another schema with advice.
 * A schema newer than the program is never touched.
 */
import { readFileSync } from 'node:fs';
import {
  lastVersion,
  migrationsFolder,
  migrationsIn,
  programSchema,
  refuseNewer,
  refuseOlder,
  stepOf,
} from '../migrations.js';
import { TELL_NOBODY, type Tell } from '../upkeep/progress.js';
import type { Connection } from './database.js';

/** The version the store has (0: empty) and the one this program knows. */
export function schemaVersions(connection: Connection): { store: number; program: number } {
  const store = connection.raw.pragma('user_version', { simple: true }) as number;
  return { store, program: programSchema() };
}

/** Brings the schema up to date, or up to one of its versions. Returns the names of what was applied. */
export function migrate(
  connection: Connection,
  folder = migrationsFolder('sqlite'),
  upTo = Number.POSITIVE_INFINITY,
  tell: Tell = TELL_NOBODY,
): readonly string[] {
  const migrations = migrationsIn(folder);
  const applied: string[] = [];
  // A table that is made again keeps its keys; with foreign keys on, dropping the old one would take along what refers to it.
  connection.raw.pragma('foreign_keys = off');
  try {
    for (const migration of migrations) {
      // The version is read inside the transaction: another process may have been faster.
      connection.raw
        .transaction(() => {
          const at = connection.raw.pragma('user_version', { simple: true }) as number;
          refuseNewer(at, lastVersion(migrations));
          if (at >= migration.version || migration.version > upTo) return;
          tell(stepOf(migration, migrations));
          connection.raw.exec(readFileSync(migration.file, 'utf8'));
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
  refuseOlder(store, program);
}
