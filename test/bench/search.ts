/**
 * `npm run bench -- search`: the search in a store with 100,000 conversations of three messages each, on SQLite and on
 * PostgreSQL (a private server): how long filling the index takes, how many bytes it has for a message, and how long queries
 * take, from the rarest word to one that stands in every message. The words are as often as those of a language (Zipf).
 *
 * `REPLYD_BENCH_CONVERSATIONS` makes it smaller or larger.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { decodeId, keyAt } from '#replyd/store/ids.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { searchFile } from '#replyd/store/sqlite/search-file.js';
import { postgresMissing, startCluster } from '../postgres/cluster.js';
import { median, print } from './figures.js';

const MESSAGES = 3;
const WORDS = 60;
const VOCABULARY = 50_000;
const ROUNDS = 7;

interface Side {
  readonly name: string;
  readonly store: OpenStore;
  bytes(): Promise<number>;
  readonly insert: Insert;
}

export async function search(quick: boolean): Promise<void> {
  const conversations = Number(process.env.REPLYD_BENCH_CONVERSATIONS ?? (quick ? 1_000 : 100_000));
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-bench-search-'));
  const rules = storeRules(loadConfig({ env: {}, cwd: dataDir }).config);
  const closing: (() => Promise<void> | void)[] = [() => rmSync(dataDir, { recursive: true, force: true })];
  try {
    const sqlite = await openStore({ dataDir: path.join(dataDir, 'sqlite'), writer: 'thread', rules, migrate: true });
    closing.push(() => sqlite.close());
    // The newest pages are in the log.
    const bytes = async () => {
      const db = new Database(searchFile(path.join(dataDir, 'sqlite')));
      db.pragma('wal_checkpoint(passive)');
      db.close();
      return statSync(searchFile(path.join(dataDir, 'sqlite'))).size;
    };
    await measure(
      { name: 'SQLite', store: sqlite, bytes, insert: intoSqlite(path.join(dataDir, 'sqlite')) },
      conversations,
    );
    const missing = postgresMissing();
    if (missing !== null) return print(`PostgreSQL is left out: ${missing}`);
    const cluster = await startCluster();
    closing.push(() => cluster.close());
    const database = await cluster.createStore();
    const servers = [{ connectionString: cluster.url(database) }];
    const store = await openPostgres({ servers, dataDir: path.join(dataDir, 'postgres'), rules, migrate: false });
    closing.push(() => store.close());
    const size = "select pg_total_relation_size('search')::int8 as bytes";
    await measure(
      {
        name: 'PostgreSQL',
        store,
        bytes: async () => Number((await cluster.sql(database, size))[0]!.bytes),
        insert: intoPostgres(cluster.url(database)),
      },
      conversations,
    );
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

/** As often as 1, 1/2, 1/3 … */
function words(count: number): string {
  const some = Array.from({ length: count }, () => `w${Math.floor(VOCABULARY ** Math.random()).toString(36)}x`);
  return `every ${some.join(' ')}`;
}

/** Writes rows into the database of this data_dir. */
export function intoSqlite(folder: string): Insert {
  return async (table, columns, rows) => {
    const db = new Database(path.join(folder, 'replyd.db'));
    const statement = db.prepare(`insert into ${table} (${columns.join()}) values (${columns.map(() => '?').join()})`);
    db.transaction(() => {
      for (const row of rows) statement.run(...row);
    })();
    db.close();
  };
}

function intoPostgres(connectionString: string): Insert {
  return async (table, columns, rows) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const names = columns.map((column, at) => `${column} ${typeof rows[0]![at] === 'number' ? 'bigint' : 'text'}`);
    await client.query(
      `insert into ${table} (${columns.join()}) select * from jsonb_to_recordset($1::jsonb) as given(${names.join()})`,
      [JSON.stringify(rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[at]]))))],
    );
    await client.end();
  };
}

type Row = readonly (number | string)[];
type Insert = (table: string, columns: readonly string[], rows: readonly Row[]) => Promise<void>;

const YEAR = 365 * 86_400_000;

interface Seed {
  readonly conversations: number;
  /** Of each. */
  readonly messages: number;
  readonly insert: Insert;
}

/** Written as rows, spread over a year: the verbs of the store would take many minutes. The account is `acme`. */
export async function seed(store: OpenStore, { conversations, messages, insert }: Seed): Promise<void> {
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const { id } = await store.account('acme');
  const account = decodeId('account', id)!;
  const together = 1_000;
  const now = Date.now();
  for (let first = 0; first < conversations; first += together) {
    const numbers = Array.from({ length: Math.min(together, conversations - first) }, (_, index) => first + index);
    const keyOf = (number: number, at: number) =>
      keyAt(now - YEAR) +
      Math.floor(((number * (messages + 2) + at) / (conversations * (messages + 2))) * YEAR) * 4096 +
      at;
    const email = (number: number) => `customer${number}@customer.example`;
    await insert(
      'contact',
      ['key', 'account_key', 'email', 'email_key', 'name', 'created_at'],
      numbers.map(number => [
        keyOf(number, 0),
        account,
        email(number),
        email(number),
        `Customer ${number.toString(36)}`,
        now,
      ]),
    );
    await insert(
      'conversation',
      ['key', 'account_key', 'number', 'contact_key', 'channel', 'subject', 'created_at', 'last_activity_at'],
      numbers.map(number => [
        keyOf(number, 1),
        account,
        number + 1,
        keyOf(number, 0),
        'api',
        words(4),
        now,
        now - (conversations - number) * 1_000,
      ]),
    );
    await insert(
      'message',
      ['key', 'conversation_key', 'seq', 'direction', 'kind', 'author_role', 'text', 'received_at', 'via'],
      numbers.flatMap(number =>
        Array.from({ length: messages }, (_, at) => [
          keyOf(number, 2 + at),
          keyOf(number, 1),
          at + 1,
          'note',
          'note',
          'agent',
          words(WORDS),
          now,
          'api',
        ]),
      ),
    );
  }
}

async function measure({ name, store, bytes, insert }: Side, conversations: number): Promise<void> {
  await seed(store, { conversations, messages: MESSAGES, insert });
  const began = performance.now();
  while ((await store.fillSearch()).more);
  const took = (performance.now() - began) / 1000;
  const messages = conversations * MESSAGES;
  print(`${name}: ${messages.toLocaleString('en')} messages in ${conversations.toLocaleString('en')} conversations`);
  print(
    `  filled in ${took.toFixed(0)} s, ${Math.round((took * 1e6) / messages)} µs and ${Math.round((await bytes()) / messages)} bytes a message`,
  );
  const oldest = `customer${Math.floor(conversations / 3)}@customer.example`;
  const queries: Readonly<Record<string, string>> = {
    'one address': `${oldest} every`,
    'one number': `#${Math.floor(conversations / 2)}`,
    'a rare word': '"wabcx"',
    'a common word': '"w9x"',
    'a word that every message has': '"every"',
    'two common words': 'w9x w8x every',
    'a beginning of three letters': 'wab',
    'a beginning that every message has': 'cus',
    'a phrase of two common words': '"w1x w2x"',
    'common words that no message has together': `${oldest} customer0@customer.example every`,
    'sixteen words': Array.from({ length: 16 }, (_, index) => `w${(index + 1).toString(36)}x`).join(' '),
    'a word that is nowhere': 'nowhere at all',
  };
  for (const [what, text] of Object.entries(queries)) {
    const times: number[] = [];
    let found = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = performance.now();
      found = (await store.search({ text, limit: 50 })).hits.length;
      times.push(performance.now() - before);
    }
    print(
      `  ${what.padEnd(44)} ${median(times).toFixed(1).padStart(8)} ms, at most ${Math.max(...times).toFixed(0)}; hits: ${found}`,
    );
  }
}
