/**
 * Numbered, forward-only migrations from `migrations/postgres/NNNN_name.sql`, each in a transaction of its own and recorded
 * in the table `migration`, which is locked meanwhile: of nodes that start at once one applies, the others wait and find
 * it done. A connection that is lost leaves the schema as it was before that file, or after it.
 *
 * Several versions of the program may run on one store while it is upgraded node by node. A file whose first line is
 * `-- min_program: N` leaves everything that schema N uses as it was, so that programs of schema N and later go on; a file
 * without that line needs programs that know it. A newer schema is refused only by what it leaves behind.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplydError } from '../../base/errors.js';
import { VERSION } from '../../base/version.js';
import {
  lastVersion,
  type Migration,
  migrationsFolder,
  migrationsIn,
  programSchema,
  refuseNewer,
  refuseOlder,
  stepOf,
} from '../migrations.js';
import { TELL_NOBODY, type Tell } from '../upkeep/progress.js';

/** One connection, on which transactions can be begun; a client of `pg` is one. */
export interface MigratingClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly command: string; readonly rows: readonly Record<string, unknown>[] }>;
}

const TABLE = `create table if not exists migration (
  version bigint primary key,
  name text collate "C" not null,
  min_program bigint not null,
  applied_at bigint not null,
  program text collate "C" not null
)`;

/** What two who make the same table at the same moment may hear: unique_violation, duplicate_table, duplicate_object. */
const MADE_BY_ANOTHER = ['23505', '42P07', '42710'];

const DEADLOCK = '40P01';
const TRIES = 30;

/** `store`: 0 is empty. `least`: the schema a program must know to work on it. */
export interface PostgresSchema {
  readonly store: number;
  readonly least: number;
  readonly program: number;
}

export async function schemaVersions(client: MigratingClient): Promise<PostgresSchema> {
  const { rows } = await client.query(`select to_regclass('migration') is not null as there`);
  return { ...(rows[0]?.there === true ? await recorded(client) : { store: 0, least: 0 }), program: programSchema() };
}

async function recorded(client: MigratingClient): Promise<{ store: number; least: number }> {
  const { rows } = await client.query(
    'select coalesce(max(version), 0) as store, coalesce(max(min_program), 0) as least from migration',
  );
  return { store: Number(rows[0]?.store), least: Number(rows[0]?.least) };
}

/** Brings the schema up to date, or up to one of its versions. Returns the names of what was applied. Throws unavailable with advice. */
export async function migrate(
  client: MigratingClient,
  folder = migrationsFolder('postgres'),
  upTo = Number.POSITIVE_INFINITY,
  tell: Tell = TELL_NOBODY,
): Promise<readonly string[]> {
  const migrations = migrationsIn(folder);
  const { store, least } = await schemaVersions(client);
  // Mostly: then a user that may not make tables is enough, and it is one question.
  if (store > 0 && store >= Math.min(upTo, lastVersion(migrations))) {
    refuseNewer(least, lastVersion(migrations));
    return [];
  }
  await requireUtf8(client);
  await makeTable(client);
  const applied: string[] = [];
  for (const migration of migrations) {
    await untilDone(client, async () => {
      // Lets others read it, but not migrate. What is read stands until the end of this transaction.
      await client.query('lock table migration in exclusive mode');
      const { store, least } = await recorded(client);
      refuseNewer(least, lastVersion(migrations));
      if (store >= migration.version || migration.version > upTo) return;
      tell(stepOf(migration, migrations));
      applied.push(await apply(client, migration));
    });
  }
  return applied;
}

async function apply(client: MigratingClient, { version, name, file }: Migration): Promise<string> {
  const text = readFileSync(file, 'utf8');
  for (const statement of statementsOf(text)) await client.query(statement);
  const minProgram = /^-- min_program: (\d+)$/m.exec(text)?.[1];
  await client.query(
    `insert into migration (version, name, min_program, applied_at, program)
     values ($1, $2, $3, floor(extract(epoch from clock_timestamp()) * 1000), $4)`,
    [version, name, minProgram === undefined ? version : Number(minProgram), VERSION],
  );
  return name;
}

/** Those of a file, where a statement ends with its line and no text has two hyphens in it. */
function statementsOf(text: string): readonly string[] {
  return text
    .replaceAll(/--.*$/gm, '')
    .split(/;\s*$/m)
    .map(statement => statement.trim())
    .filter(statement => statement !== '');
}

/** Throws unavailable with advice unless this program can work on the store. */
export async function checkSchema(client: MigratingClient): Promise<void> {
  const { store, least, program } = await schemaVersions(client);
  refuseOlder(store, program);
  if (store > program) refuseNewer(least, program);
}

/** Texts are ordered by their bytes, and hold what mails hold. */
async function requireUtf8(client: MigratingClient): Promise<void> {
  const { rows } = await client.query(
    `select current_database() as name, current_setting('server_encoding') as encoding`,
  );
  if (rows[0]?.encoding === 'UTF8') return;
  throw new ReplydError(
    'unavailable',
    `the database ${rows[0]?.name} has encoding ${rows[0]?.encoding}: make one with \`create database … encoding 'UTF8' template template0\``,
    { details: { reason: 'encoding' } },
  );
}

async function makeTable(client: MigratingClient): Promise<void> {
  try {
    await client.query(TABLE);
  } catch (error) {
    if (!MADE_BY_ANOTHER.includes(String((error as { code?: unknown }).code))) throw error;
  }
}

/** Other nodes work on the tables that it changes: two may come to wait for each other, and the database takes one of them back. */
async function untilDone(client: MigratingClient, work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await inTransaction(client, work);
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK || tries >= TRIES) throw error;
      await sleep(Math.random() * 200);
    }
  }
}

async function inTransaction(client: MigratingClient, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    // A table of a million rows may take minutes, and so may another node that migrates.
    await client.query('set local statement_timeout = 0');
    await client.query('set local lock_timeout = 0');
    await client.query('set local idle_in_transaction_session_timeout = 0');
    await work();
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
  // After an error that nobody saw the server answers ROLLBACK.
  const { command } = await client.query('commit');
  if (command !== 'COMMIT') throw new Error(`a migration was not committed: the server answered ${command}`);
}
