/** A SQLite store that counts what each verb says to its database, for tests: each is a round trip on PostgreSQL. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { all } from '#replyd/store/all.js';
import { assembled, type Engine, type OpenStore } from '#replyd/store/assembled.js';
import { smallContent } from '#replyd/store/blobs/blobs.js';
import { perform, VERBS, type WritingName } from '#replyd/store/calls.js';
import { keyMaker } from '#replyd/store/ids.js';
import { runInTransaction } from '#replyd/store/sqlite/batch.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { sqliteSearch } from '#replyd/store/sqlite/search-calls.js';
import { sqliteTx } from '#replyd/store/sqlite/tx.js';
import { RULES } from './rules.js';

const ASKING = ['get', 'value', 'all', 'run', 'insert', 'insertAll', 'update'] as const;

export interface Counting {
  readonly store: OpenStore;
  /** What the work gives, and each statement that it took, in their order: its text, or what is written where. */
  counted<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly statements: readonly string[] }>;
}

export function openCounting(context: TestContext, rules: Partial<typeof RULES> = {}): Counting {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-counting-'));
  const db = openDatabase(dataDir, { create: true });
  migrate(db);
  const tx = sqliteTx(db, {
    clock: Date.now,
    random: count => randomBytes(count),
    keys: keyMaker(Date.now, 1),
    rules: { ...RULES, ...rules },
    dataDir,
  });
  let statements: string[] = [];
  // In place: the transaction asks itself when it writes events.
  const asks = tx as unknown as Record<string, (text: string, ...values: unknown[]) => unknown>;
  for (const name of ASKING) {
    const ask = asks[name]!;
    asks[name] = (text, ...values) => {
      statements.push(/\s/.test(text) ? text.replaceAll(/\s+/g, ' ') : `${name} ${text}`);
      return ask(text, ...values);
    };
  }
  const run: Engine['run'] = (name, values) =>
    VERBS[name] === 'reads'
      ? perform(tx, all, { name, values })
      : runInTransaction(tx, all, { name: name as WritingName, values });
  const store = assembled({
    run,
    search: sqliteSearch({ dataDir, rules: tx.rules, thread: false }, rows => run('lookedAgain', [rows])),
    setRules() {},
    newKey: () => tx.key(),
    afterRemoval() {},
    databaseBytes: () => 0,
    version: () => 0,
    place: async (content, { sha256, size }) => ({ sha256, size, bytes: (content as { bytes: Uint8Array }).bytes }),
    content: async ref => ({ bytes: await smallContent(tx, ref) }),
    async *placedBefore() {},
    close: async () => db.close(),
  });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    store,
    async counted(work) {
      statements = [];
      const value = await work();
      const counted = statements;
      statements = [];
      return { value, statements: counted };
    },
  };
}
