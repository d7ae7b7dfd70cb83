/** SQLite as `store/open.ts` asks for it. Each part of its code is loaded by the question that needs it. */
import { stat } from 'node:fs/promises';
import { errorText, isReplydError } from '../../base/errors.js';
import type { Migrated, Opener } from '../opener.js';
import type { CheckResult } from '../upkeep/check.js';
import type { Tell } from '../upkeep/progress.js';
import { databaseFile, isBusy, openDatabase } from './database.js';

export function sqliteOpener(dataDir: string): Opener {
  return {
    open: async ({ node: _node, presence: _presence, ...options }) =>
      (await import('./open.js')).openStore({ dataDir, ...options }),
    isMissing: () => stat(databaseFile(dataDir)).then(() => false, missingOrThrow),
    migrate: tell => migrateStore(dataDir, tell),
    check: tell => check(dataDir, tell),
    isHeldUp: isBusy,
  };
}

function missingOrThrow(error: NodeJS.ErrnoException): boolean {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return true;
  throw error;
}

async function migrateStore(dataDir: string, tell?: Tell): Promise<Migrated> {
  const [{ lockStore }, { migrate, schemaVersions }] = await Promise.all([import('./lock.js'), import('./migrate.js')]);
  const lock = lockStore(dataDir);
  try {
    const connection = openDatabase(dataDir);
    try {
      const applied = migrate(connection, undefined, undefined, tell);
      return { version: schemaVersions(connection).store, applied };
    } finally {
      connection.close();
    }
  } finally {
    lock.release();
  }
}

async function* check(dataDir: string, tell?: Tell): AsyncGenerator<CheckResult> {
  const [{ checkStore }, { checkSchema }] = await Promise.all([import('../upkeep/check.js'), import('./migrate.js')]);
  try {
    const connection = openDatabase(dataDir);
    try {
      connection.onlyRead();
      checkSchema(connection);
      const [{ checkedIndex, SEARCH_ADVICE: advice }, { withSearch }] = await Promise.all([
        import('./search-file.js'),
        import('../upkeep/check-search.js'),
      ]);
      const results = checkStore(connection, dataDir, { now: Date.now(), tell });
      yield* withSearch(results, connection, { open: () => checkedIndex(dataDir), advice });
    } finally {
      connection.close();
    }
  } catch (error) {
    // The error about another schema says what to do. A file that is no database is a finding of this check.
    if (!isReplydError(error, 'unavailable') || error.details.reason === 'schema') throw error;
    const advice = 'restore a backup: `replyd restore`';
    const fault = { state: 'failed', thing: 'replyd.db', text: errorText(error), advice } as const;
    yield { check: 'database', looked: 0, faults: [fault] };
  }
}
