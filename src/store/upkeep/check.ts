/**
 * Is the store whole? Looks at the database itself, at every blob's size and hash, at files that no row names and at
 * rows that lead nowhere, and reports each fault with the thing it is about and what to do. Changes nothing.
 *
 * A running daemon goes on meanwhile: no snapshot is held for longer than one question, and what looks wrong about a
 * blob is looked at a second time, because it may just have been removed. A database that can't be read ends the check
 * with a fault of its own; only a fault of this program throws.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { errorText } from '../../base/errors.js';
import type { Soon } from '../../conversation/ports.js';
import { blobFile } from '../blobs/blobs.js';
import { examineFile, listBlobFiles } from '../blobs/files.js';
import { encodeId, type IdKind, isIdKind } from '../ids.js';
import { TELL_NOBODY, type Tell } from './progress.js';

export const CHECKS = ['database', 'references', 'rows', 'order', 'contents', 'files'] as const;
/** `search`: `check-search.ts`. */
export type CheckName = (typeof CHECKS)[number] | 'search';

export interface Fault {
  /** `note`: nothing is wrong with it, but it is worth knowing. */
  readonly state: 'failed' | 'note';
  /** What it is about: an id, a hash, a file, a table. */
  readonly thing: string;
  readonly text: string;
  readonly advice: string | null;
}

export interface CheckResult {
  readonly check: CheckName;
  /** How many things were looked at. */
  readonly looked: number;
  readonly faults: readonly Fault[];
}

const RESTORE =
  'restore a backup (`replyd restore`); a failing disk or a file system that lies about fsync is the usual cause';
const REPORT = 'please report it; nothing of a conversation is missing';
/** More of one kind are counted, not listed one by one. */
const MAX_FAULTS = 100;
const PAGE = 200;
/** An orphaned file is no news before the daemon would have cleared it away. */
const YOUNG = 25 * 60 * 60_000;

/** What a check asks of a database beside questions. */
export interface CheckedDatabase {
  all<Row>(text: string, ...values: readonly unknown[]): Soon<Row[]>;
  value<T>(text: string, ...values: readonly unknown[]): Soon<T | undefined>;
  /** How many pages it has. */
  pages(): Soon<number>;
  /** What the engine finds wrong with it. */
  damages(limit: number): Soon<readonly string[]>;
  /** Rows that refer to a row of `parent` that is not there. `key`: null where a table has none. */
  dangling(): Soon<readonly Dangling[]>;
}

export interface Dangling {
  readonly table: string;
  readonly key: number | null;
  readonly parent: string;
}

/** Where the contents are that stand outside of their rows. */
export interface CheckedContents {
  /** What one of them is called: a file. */
  readonly noun: string;
  /** The word of the system (`ENOENT`) when it can't be read. */
  examine(sha256: string): Promise<{ size: number; sha256: string } | { error: string }>;
  /** All that are there, some at a time. */
  list(): AsyncIterable<readonly CheckedContent[]>;
}

export interface CheckedContent {
  readonly thing: string;
  /** Null: no name of ours; `temporary` tells whether it was being written. */
  readonly sha256: string | null;
  readonly temporary: boolean;
  /** Null: it is gone. */
  touchedAt(): Promise<number | null>;
}

interface Checking {
  readonly db: CheckedDatabase;
  readonly contents: CheckedContents;
  readonly now: number;
  readonly tell: Tell;
}

/** One result after the other, in the order of CHECKS. `contents`: default those in files of `dataDir`; `name`: the database's. */
export async function* checkStore(
  db: CheckedDatabase,
  dataDir: string,
  options: {
    readonly now: number;
    readonly contents?: CheckedContents;
    readonly name?: string;
    readonly tell?: Tell | undefined;
  },
): AsyncGenerator<CheckResult> {
  const { name = 'replyd.db', contents = filesOf(dataDir), now, tell = TELL_NOBODY } = options;
  const result = (check: CheckName, looked: number, faults: readonly Fault[]) => ({
    check,
    looked,
    faults: cut(faults),
  });
  try {
    const damages = (await db.damages(MAX_FAULTS)).map(text => failed(name, text));
    yield result('database', await db.pages(), damages);
    if (damages.length > 0) return;
    const dangling = await db.dangling();
    yield result('references', dangling.length, dangling.map(danglingFault));
    yield result('rows', ROWS.length, await answers(db, ROWS));
    yield result('order', ORDER.length, await answers(db, ORDER));
    yield await checkContents({ db, contents, now, tell });
    yield await checkFiles({ db, contents, now, tell });
  } catch (error) {
    yield result('database', 0, [failed(name, `the database can't be read: ${errorText(error)}`)]);
  }
}

function filesOf(dataDir: string): CheckedContents {
  return {
    noun: 'file',
    examine: sha256 => examineFile(blobFile(dataDir, sha256)),
    async *list() {
      for await (const files of listBlobFiles(dataDir)) {
        yield files.map(({ file, ...named }) => ({
          thing: file,
          ...named,
          touchedAt: () =>
            stat(file).then(
              found => found.mtimeMs,
              () => null,
            ),
        }));
      }
    },
  };
}

function failed(thing: string, text: string, advice = RESTORE): Fault {
  return { state: 'failed', thing, text, advice };
}

function danglingFault({ table, key, parent }: Dangling): Fault {
  const name = key === null ? '(no key)' : isIdKind(table) ? encodeId(table, key) : String(key);
  return failed(`${table} ${name}`, `refers to a ${parent} that is not there`);
}

/** A question that has no rows when all is well. `key` names the thing, by `kind`, or `name` does. */
interface Question {
  readonly sql: string;
  readonly kind?: IdKind;
  readonly text: string;
  /** Absent: to restore a backup. */
  readonly advice?: string;
}

/** What stands in one conversation and names something of another. */
const STRAYS = (
  [
    ['event', 'message', 'names another conversation than its message'],
    ['attachment', 'message', 'names another conversation than its message'],
    ['message', 'participant', 'names a writer who is no participant of its conversation'],
    ['delivery', 'participant', 'goes to somebody who is no participant of its conversation'],
  ] as const
).map(
  ([kind, named, text]): Question => ({
    sql: `select t.key from ${kind} t left join ${named} n on n.key = t.${named}_key
          where t.${named}_key is not null and n.conversation_key is distinct from t.conversation_key`,
    kind,
    text,
  }),
);

const ROWS: readonly Question[] = [
  ...STRAYS,
  {
    sql: `select key from event e where conversation_key is not null
            and not exists (select 1 from conversation where key = e.conversation_key)`,
    kind: 'event',
    text: 'tells of a conversation that is not there',
  },
  {
    sql: `select distinct conversation_key as key from thread_id t
          where not exists (select 1 from conversation where key = t.conversation_key)`,
    kind: 'conversation',
    text: 'is not there, but ids of its mails are remembered',
    advice: REPORT,
  },
  {
    sql: 'select key from blob where shared = 0 and data is null',
    text: 'blob in a file that is not found by its hash: its file counts as one that no row names',
  },
  {
    sql: `select key from blob b where not exists (select 1 from mail where blob_key = b.key)
            and not exists (select 1 from attachment where blob_key = b.key)
            and not exists (select 1 from outgoing_mail where blob_key = b.key)`,
    text: 'blob that nothing refers to: its bytes are kept for nobody',
    advice: REPORT,
  },
  {
    sql: `select key from mail m where state in ('filed', 'quarantined')
            and not exists (select 1 from message where mail_key = m.key)`,
    kind: 'mail',
    text: 'is filed but has no message',
    advice: REPORT,
  },
  {
    sql: `select t.token as name from token t left join participant p on p.key = t.participant_key
          where p.conversation_key is distinct from t.conversation_key`,
    text: 'token that names another conversation than its participant',
  },
  {
    sql: `select key from delivery d where kind = 'mail' and conversation_key is not null
            and not exists (select 1 from delivery_message where delivery_key = d.key)
            and not exists (select 1 from conversation where key = d.conversation_key and removing_at is not null)`,
    kind: 'delivery',
    text: 'carries no message',
    advice: REPORT,
  },
  {
    sql: `select d.key from delivery d join delivery_message dm on dm.delivery_key = d.key
            join message m on m.key = dm.message_key where m.conversation_key is distinct from d.conversation_key`,
    kind: 'delivery',
    text: 'carries a message of another conversation',
  },
  {
    sql: `select key from delivery where kind = 'mail' and state in ('sent', 'deferred', 'leased') and outgoing_mail_key is null`,
    kind: 'delivery',
    text: 'was on its way without a mail',
  },
];

const ORDER: readonly Question[] = [
  {
    sql: 'select key from (select key from event order by key desc limit 1) latest where key > (select v from sequencer)',
    kind: 'event',
    text: 'comes after the place from which keys of events are taken: new ones would come before it',
  },
  {
    sql: `select c.key from conversation c
          left join (select conversation_key, count(*) as n, count(distinct seq) as numbers, min(seq) as low, max(seq) as high
                     from message group by 1) m
            on m.conversation_key = c.key
          where c.removing_at is null
            and (coalesce(m.n, 0) <> c.next_seq - 1
              or (m.n is not null and (m.numbers <> m.n or m.low <> 1 or m.high <> c.next_seq - 1)))`,
    kind: 'conversation',
    text: 'does not have all its messages: their numbers have gaps or stand twice',
  },
  {
    // Old events are cleared away, so only what is left must be without gaps, up to the last one given.
    sql: `select c.key from conversation c
          join (select conversation_key, count(*) as n, min(seq) as low, max(seq) as high from event
                where conversation_key is not null group by 1) e on e.conversation_key = c.key
          where c.removing_at is null and (e.high <> c.next_event_seq - 1 or e.n <> e.high - e.low + 1)`,
    kind: 'conversation',
    text: "has gaps in its events' numbers",
    advice: 'applications may have missed something: let them read the conversation again',
  },
  {
    sql: `select a.key from account a where a.next_number <= (select max(number) from conversation where account_key = a.key)`,
    kind: 'account',
    text: 'would give a number a second time',
  },
];

async function answers(db: CheckedDatabase, questions: readonly Question[]): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  for (const { sql, kind, text, advice } of questions) {
    for (const row of await db.all<{ key?: number; name?: string }>(`${sql} limit ${MAX_FAULTS}`)) {
      const thing = row.name !== undefined ? shown(row.name) : kind ? encodeId(kind, row.key!) : `${row.key}`;
      faults.push(failed(thing, text, advice));
    }
  }
  return faults;
}

interface BlobRow {
  readonly key: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly data: Uint8Array | null;
}

async function checkContents({ db, contents, tell }: Checking): Promise<CheckResult> {
  const faults: Fault[] = [];
  let looked = 0;
  const total = (await db.value<number>('select count(*) from blob')) ?? 0;
  for (let after = -1; ; ) {
    const rows = await db.all<BlobRow>(
      'select key, sha256, size, data from blob where key > $1 order by key limit $2',
      after,
      PAGE,
    );
    for (const row of rows) {
      tell({ doing: 'checking contents', done: looked, total });
      looked += 1;
      const text = await contentFault(contents, row);
      if (text === null) continue;
      // Removed since the page was read?
      if ((await db.value('select 1 from blob where key = $1', row.key)) === undefined) continue;
      faults.push(failed(hex(row), `${text}; needed by ${await usersOf(db, row.key)}`));
    }
    if (rows.length < PAGE) break;
    after = rows.at(-1)!.key;
  }
  return { check: 'contents', looked, faults: cut(faults) };
}

async function contentFault(contents: CheckedContents, row: BlobRow): Promise<string | null> {
  const sha256 = hex(row);
  const found =
    row.data === null
      ? await contents.examine(sha256)
      : { size: row.data.length, sha256: createHash('sha256').update(row.data).digest('hex') };
  if ('error' in found)
    return found.error === 'ENOENT'
      ? `its ${contents.noun} is missing`
      : `its ${contents.noun} can't be read (${found.error})`;
  if (found.size !== row.size) return `has ${found.size} bytes instead of ${row.size}`;
  return found.sha256 === sha256 ? null : 'its bytes have changed: the hash is another';
}

/** Ids of what refers to a blob, the first few. */
async function usersOf(db: CheckedDatabase, key: number): Promise<string> {
  const rows = await db.all<{ kind: IdKind; key: number }>(
    `select 'mail' as kind, key from mail where blob_key = $1
     union all select 'attachment', key from attachment where blob_key = $1
     union all select 'mail', key from outgoing_mail where blob_key = $1 limit 6`,
    key,
  );
  const ids = rows.slice(0, 5).map(row => encodeId(row.kind, row.key));
  return ids.length === 0 ? 'nothing' : `${ids.join(', ')}${rows.length > 5 ? ' and others' : ''}`;
}

const FOREIGN = ['is no file of replyd', 'move it away'] as const;
const ORPHANED = 'the daemon clears it away within an hour or two; if it stays, look for the log line `clear_failed`';

async function checkFiles({ db, contents, now }: Checking): Promise<CheckResult> {
  const faults: Fault[] = [];
  let looked = 0;
  for await (const found of contents.list()) {
    for (const { thing, sha256, temporary, touchedAt } of found) {
      looked += 1;
      if (sha256 !== null) {
        const named = await db.value(
          'select 1 from blob where sha256 = $1 and shared = 1 and data is null',
          Buffer.from(sha256, 'hex'),
        );
        if (named !== undefined) continue;
      }
      const touched = await touchedAt();
      if (touched === null || (now - touched < YOUNG && (temporary || sha256 !== null))) continue;
      const [text, advice] =
        sha256 === null && !temporary ? FOREIGN : ([`no row names this ${contents.noun}`, ORPHANED] as const);
      faults.push({ state: 'note', thing, text, advice });
    }
  }
  return { check: 'files', looked, faults: cut(faults) };
}

function cut(faults: readonly Fault[]): readonly Fault[] {
  if (faults.length <= MAX_FAULTS) return faults;
  const more = faults.length - MAX_FAULTS;
  const state = faults.some(fault => fault.state === 'failed') ? 'failed' : 'note';
  return [...faults.slice(0, MAX_FAULTS), { state, thing: '…', text: `and ${more} more of this kind`, advice: null }];
}

function hex(row: Pick<BlobRow, 'sha256'>): string {
  return Buffer.from(row.sha256).toString('hex');
}

/** Tokens are never shown whole. */
function shown(name: string): string {
  return /^[0-9a-f]{32}$/.test(name) ? `${name.slice(0, 6)}…` : name;
}
