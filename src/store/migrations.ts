/**
 * What both engines' migrations have in common: the numbered files `migrations/ENGINE/NNNN_name.sql`, and the words about a
 * store whose schema is not the program's. `migrations/postgres` begins with 0008, which makes what the first eight of
 * SQLite make together; from then on a number has the same name in both.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ReplydError } from '../base/errors.js';
import type { Step } from './upkeep/progress.js';

export interface Migration {
  readonly version: number;
  /** NNNN_name. */
  readonly name: string;
  readonly file: string;
}

export function migrationsFolder(engine: 'sqlite' | 'postgres'): string {
  return fileURLToPath(new URL(`../../migrations/${engine}`, import.meta.url));
}

/** In their order. */
export function migrationsIn(folder: string): readonly Migration[] {
  return readdirSync(folder)
    .filter(file => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
    .map(file => ({
      version: Number(file.slice(0, 4)),
      name: path.parse(file).name,
      file: path.join(folder, file),
    }));
}

/** Before it is applied. */
export function stepOf({ name }: Migration, all: readonly Migration[]): Step {
  return { doing: `applying ${name}`, done: all.findIndex(each => each.name === name), total: all.length };
}

/** The schema this program makes and needs, on either engine. */
export function programSchema(): number {
  return lastVersion(migrationsIn(migrationsFolder('sqlite')));
}

/** 0: there are none. */
export function lastVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Throws unavailable with advice when a store was written by a newer program. */
export function refuseNewer(store: number, program: number): void {
  if (store <= program) return;
  throw schemaFault(
    `the store has schema ${store}, this program knows only ${program}: it was written by a newer replyd. ` +
      'Install that version again, or restore a backup made before the upgrade (`replyd restore`)',
  );
}

/** Throws unavailable with advice when a store has yet to be migrated. */
export function refuseOlder(store: number, program: number): void {
  if (store >= program) return;
  throw schemaFault(
    `the store has schema ${store}, this program needs ${program}: run \`replyd migrate\`, or start the daemon, which migrates`,
  );
}

function schemaFault(text: string): ReplydError {
  return new ReplydError('unavailable', text, { details: { reason: 'schema' } });
}
