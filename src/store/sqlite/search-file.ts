/**
 * The search index of a store on SQLite: `search.db` beside `replyd.db`, with words in FTS5.
 *
 * Why a file of its own: whoever writes SQLite holds the whole file, so words in `replyd.db` would be written on the writer
 * thread's time, and their pages would be synced with every mail's commit. Here a connection of another thread writes them
 * behind the commit, in its own log, without an fsync of its own; filing never waits for it. The file can be removed at any
 * time while nobody has it open: it is filled anew. No backup has it.
 *
 * A crash takes back at most the last pieces, together with the note how far it is filled. Words of removed messages are
 * taken out of the index itself (FTS5's `secure-delete`), overwritten, and synced before the removal is done.
 *
 * FTS5 is given words that are made already (`conversation/search/words.ts`), each behind its account, and keeps nothing
 * but which message has which (`detail=none`, no content). What a message has stands in `doc`: taking words out of FTS5
 * needs exactly those that were put in.
 */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { keyMaker, PROCESSES } from '../ids.js';
import { fillPiece } from '../search-filling.js';
import {
  type IndexPlace,
  type IndexTables,
  type LookAgain,
  ownWord,
  ownWords,
  type Piece,
  progressOf,
  type SearchAsked,
  type SearchDoc,
  type SearchProgress,
} from '../search-index.js';
import type { Rules, StoreTx } from '../tx.js';
import type { CheckedIndex } from '../upkeep/check-search.js';
import { Connection, ENDINGS, openDatabase, openRaw } from './database.js';
import { sqliteTx } from './tx.js';

const FILE = 'search.db';
const BUSY_TIMEOUT = 10_000;
/** Fewer and larger pages: a list of messages goes through fewer of them. Bytes. */
const PAGE = 16_384;
/** Messages whose words are taken out of their places in one transaction; of many the places are cleared together. */
const FORGOTTEN_AT_ONCE = 50;
const MANY = 1_000;
/** Pages of the index that are merged in a transaction. */
const MERGED_AT_ONCE = 200;

const PLACE = 'select format, events_to, down_to, total, done from place';

const TABLES = `
  create table if not exists doc (key integer primary key, account integer not null, words text not null) strict;
  create table if not exists place (one integer primary key check (one = 1), format integer not null,
    events_to integer not null, down_to integer, total integer not null, done integer not null) strict;
  create table if not exists merging (one integer primary key check (one = 1)) strict;
  create virtual table if not exists word using fts5(words, content='', columnsize=0, detail=none,
    tokenize="ascii tokenchars '!#$%&*+-./:=?@^_{|}~'");
  insert into word (word, rank) values ('pgsz', ${PAGE - 184});
  insert into word (word, rank) values ('automerge', 8);
  insert into word (word, rank) values ('secure-delete', 1);`;

export function searchFile(dataDir: string): string {
  return path.join(dataDir, FILE);
}

/** Nobody may have it open. */
export function removeSearch(dataDir: string): void {
  for (const end of ENDINGS) rmSync(searchFile(dataDir) + end, { force: true });
}

export interface Forgotten {
  /** Rows of `search_again` that are done. */
  readonly rows: readonly LookAgain[];
  readonly more: boolean;
}

export type SearchCall = 'find' | 'fill' | 'forget' | 'progress';

/** Where no index is, nothing is found and nothing has to be taken out; filling makes one. */
const NOTHING = {
  find: [],
  forget: { rows: [], more: false } satisfies Forgotten,
  progress: progressOf(undefined),
} as const;

/**
 * The index as calls, one after the other. The file is opened when it is asked for something, and again after a fault: one
 * that was damaged is made anew then.
 */
export class SearchCalls {
  readonly #about: { readonly dataDir: string; readonly rules: Rules };
  #file: SearchFile | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(about: { readonly dataDir: string; readonly rules: Rules }) {
    this.#about = about;
  }

  run(name: SearchCall, values: readonly unknown[]): Promise<unknown> {
    const done = this.#last.then(() => this.#run(name, values));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #run(name: SearchCall, values: readonly unknown[]): Promise<unknown> {
    const { dataDir, rules } = this.#about;
    try {
      this.#file ??= SearchFile.open(dataDir, { create: name === 'fill', rules });
      if (this.#file === null) return NOTHING[name as keyof typeof NOTHING];
      return await (this.#file[name] as (...values: readonly unknown[]) => unknown)(...values);
    } catch (error) {
      this.#file?.close();
      this.#file = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#last;
    this.#file?.close();
    this.#file = null;
  }
}

/** Not to be used by two at once. */
export class SearchFile {
  readonly #index: Connection;
  readonly #store: Connection;
  readonly #tx: StoreTx;

  /** Null: there is none, and `create` is not said. */
  static open(dataDir: string, options: { readonly create: boolean; readonly rules: Rules }): SearchFile | null {
    if (!options.create && !existsSync(searchFile(dataDir))) return null;
    const store = openDatabase(dataDir);
    try {
      return new SearchFile(openIndex(dataDir, options.create), store, { dataDir, rules: options.rules });
    } catch (error) {
      store.close();
      throw error;
    }
  }

  private constructor(index: Connection, store: Connection, about: { dataDir: string; rules: Rules }) {
    this.#index = index;
    this.#store = store;
    store.onlyRead();
    this.#tx = sqliteTx(store, {
      clock: Date.now,
      random: () => new Uint8Array(),
      keys: keyMaker(Date.now, PROCESSES - 1),
      ...about,
    });
  }

  find({ accountKey, terms, prefixes, before, from, limit }: SearchAsked): readonly number[] {
    const quoted = (word: string) => `"${ownWord(accountKey, word).replaceAll('"', '""')}"`;
    const match = [...terms.map(quoted), ...prefixes.map(prefix => `${quoted(prefix)} *`)].join(' AND ');
    return this.#index
      .all<{ rowid: number }>(
        'select rowid from word where word match ? and rowid < ? and rowid >= ? order by rowid desc limit ?',
        match,
        before,
        from,
        limit,
      )
      .map(row => row.rowid);
  }

  fill(): Promise<Piece> {
    return this.#locked(() => fillPiece(this.#tx, this.#tables()));
  }

  progress(): SearchProgress {
    return progressOf(this.#place());
  }

  /** Takes out the words of some messages that are gone. On disk when it returns. */
  async forget(): Promise<Forgotten> {
    this.#index.raw.pragma('synchronous = full');
    try {
      const forgotten = await this.#locked(async () => this.#forgetSome());
      // What is in the log would else stand there until it restarts.
      if (!forgotten.more) this.#index.get('pragma wal_checkpoint(truncate)');
      return forgotten;
    } finally {
      this.#index.raw.pragma('synchronous = normal');
    }
  }

  #forgetSome(): Forgotten {
    const rows = this.#store.all<LookAgain>(
      `select message_key, at from search_again a where not exists (select 1 from message where key = a.message_key)
       order by message_key limit ?`,
      MANY,
    );
    if (rows.length === 0) return { rows, more: this.#mergeSome() };
    const together = rows.length === MANY;
    const some = together ? rows : rows.slice(0, FORGOTTEN_AT_ONCE);
    if (together) {
      this.#index.run('insert into merging (one) values (1) on conflict do nothing');
      this.#index.run("insert into word (word, rank) values ('secure-delete', 0)");
    }
    this.#remove(some.map(row => row.message_key));
    if (together) this.#index.run("insert into word (word, rank) values ('secure-delete', 1)");
    return { rows: some, more: true };
  }

  /** Words that were only marked as gone go when all of the index is merged. Whether there is more to do. */
  #mergeSome(): boolean {
    if (this.#index.get('select 1 from merging') === undefined) return false;
    const changes = () => this.#index.value<number>('select total_changes()')!;
    const before = changes();
    this.#index.run("insert into word (word, rank) values ('merge', ?)", -MERGED_AT_ONCE);
    // FTS5 counts what it was told as one.
    if (changes() - before >= 2) return true;
    this.#index.run('delete from merging');
    return false;
  }

  close(): void {
    this.#index.close();
    this.#store.close();
  }

  /** Whoever has this lock reads the store as it is from here on. */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    this.#index.run('begin immediate');
    try {
      this.#store.endSnapshot();
      const done = await this.#store.reading(work);
      this.#store.endSnapshot();
      this.#index.run('commit');
      return done;
    } catch (error) {
      if (this.#index.inTransaction) this.#index.run('rollback');
      throw error;
    }
  }

  #place(): IndexPlace | undefined {
    return this.#index.get<IndexPlace>(PLACE);
  }

  #tables(): IndexTables {
    return {
      place: () => this.#place(),
      setPlace: place => {
        this.#index.run('delete from place');
        this.#index.insert('place', { one: 1, ...place });
      },
      put: docs => this.#put(docs),
      remove: keys => this.#remove(keys),
    };
  }

  #put(docs: readonly SearchDoc[]): void {
    for (const { key, accountKey, words } of docs) {
      const joined = words.join(' ');
      const known = this.#index.value<string>('select words from doc where key = ?', key);
      if (known === joined) continue;
      if (known !== undefined) this.#remove([key]);
      this.#index.run('insert into doc (key, account, words) values (?, ?, ?)', key, accountKey, joined);
      this.#index.run('insert into word (rowid, words) values (?, ?)', key, ownWords(accountKey, words));
    }
  }

  #remove(keys: readonly number[]): void {
    for (const key of keys) {
      const doc = this.#index.get<{ account: number; words: string }>(
        'select account, words from doc where key = ?',
        key,
      );
      if (doc === undefined) continue;
      const words = ownWords(doc.account, doc.words.split(' '));
      this.#index.run("insert into word (word, rowid, words) values ('delete', ?, ?)", key, words);
      this.#index.run('delete from doc where key = ?', key);
    }
  }
}

export const SEARCH_ADVICE = `stop the daemon and remove ${FILE}: it is made anew`;

/** For `replyd check`; null: there is none. */
export function checkedIndex(dataDir: string): CheckedIndex | null {
  if (!existsSync(searchFile(dataDir))) return null;
  const index = prepared(dataDir, false);
  return {
    progress: () => progressOf(index.get<IndexPlace>(PLACE)),
    count: () => index.value<number>('select count(*) from doc')!,
    after: (key, limit) =>
      index
        .all<{ key: number }>('select key from doc where key > ? order by key limit ?', key, limit)
        .map(row => row.key),
    close: () => index.close(),
  };
}

/** One that is damaged, or none of ours, is made anew: it holds nothing that the store has not. */
function openIndex(dataDir: string, create: boolean): Connection {
  try {
    return prepared(dataDir, create);
  } catch (error) {
    const { code } = error as { code?: string };
    if (!create || (code !== 'SQLITE_CORRUPT' && code !== 'SQLITE_NOTADB')) throw error;
    removeSearch(dataDir);
    return prepared(dataDir, create);
  }
}

function prepared(dataDir: string, create: boolean): Connection {
  const raw = openRaw(searchFile(dataDir), { fileMustExist: !create, timeout: BUSY_TIMEOUT });
  try {
    raw.pragma(`page_size = ${PAGE}`);
    raw.pragma('journal_mode = wal');
    raw.pragma('synchronous = normal');
    raw.pragma('secure_delete = on');
    raw.pragma('cache_size = -16384');
    raw.pragma('temp_store = memory');
    raw.pragma('journal_size_limit = 16777216');
    if (create) raw.exec(`begin immediate; ${TABLES} commit;`);
    return new Connection(raw);
  } catch (error) {
    raw.close();
    throw error;
  }
}
