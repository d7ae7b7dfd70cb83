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
import { blobFile } from '../blobs/blobs.js';
import { examineFile, listBlobFiles } from '../blobs/files.js';
import { encodeId, type IdKind, isIdKind } from '../ids.js';
import type { Connection } from '../sqlite/database.js';

export const CHECKS = ['database', 'references', 'rows', 'order', 'contents', 'files'] as const;
export type CheckName = (typeof CHECKS)[number];

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

/** One result after the other, in the order of CHECKS. */
export async function* checkStore(
  db: Connection,
  dataDir: string,
  options: { now: number },
): AsyncGenerator<CheckResult> {
  try {
    const database = checkDatabase(db);
    yield database;
    if (database.faults.length > 0) return;
    yield checkReferences(db);
    yield checkQuestions(db, 'rows', ROWS);
    yield checkQuestions(db, 'order', ORDER);
    yield await checkContents(db, dataDir);
    yield await checkFiles(db, dataDir, options.now);
  } catch (error) {
    const text = `the database can't be read: ${errorText(error)}`;
    yield { check: 'database', looked: 0, faults: [{ state: 'failed', thing: 'replyd.db', text, advice: RESTORE }] };
  }
}

function checkDatabase(db: Connection): CheckResult {
  const rows = db.raw.pragma(`integrity_check(${MAX_FAULTS})`) as { integrity_check: string }[];
  const faults = rows
    .filter(row => row.integrity_check !== 'ok')
    .map((row): Fault => ({ state: 'failed', thing: 'replyd.db', text: row.integrity_check, advice: RESTORE }));
  return { check: 'database', looked: db.raw.pragma('page_count', { simple: true }) as number, faults };
}

function checkReferences(db: Connection): CheckResult {
  const rows = db.raw.pragma('foreign_key_check') as { table: string; rowid: number | null; parent: string }[];
  const faults = rows.map(
    (row): Fault => ({
      state: 'failed',
      thing: `${row.table} ${row.rowid === null ? '(no key)' : nameOf(row.table, row.rowid)}`,
      text: `refers to a ${row.parent} that is not there`,
      advice: RESTORE,
    }),
  );
  return { check: 'references', looked: rows.length, faults: cut(faults) };
}

/** A question that has no rows when all is well. `key` names the thing, by `kind`, or `name` does. */
interface Question {
  readonly sql: string;
  readonly kind: IdKind | null;
  readonly text: string;
  readonly advice: string;
}

const ROWS: readonly Question[] = [
  {
    sql: `select key from event e where conversation_key is not null
            and not exists (select 1 from conversation where key = e.conversation_key)`,
    kind: 'event',
    text: 'tells of a conversation that is not there',
    advice: RESTORE,
  },
  {
    sql: `select e.key from event e join message m on m.key = e.message_key
          where m.conversation_key is not e.conversation_key`,
    kind: 'event',
    text: 'names another conversation than its message',
    advice: RESTORE,
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
    kind: null,
    text: 'blob in a file that is not found by its hash: its file counts as one that no row names',
    advice: RESTORE,
  },
  {
    sql: `select key from blob b where not exists (select 1 from mail where blob_key = b.key)
            and not exists (select 1 from attachment where blob_key = b.key)
            and not exists (select 1 from outgoing_mail where blob_key = b.key)`,
    kind: null,
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
          where p.conversation_key is not t.conversation_key`,
    kind: null,
    text: 'token that names another conversation than its participant',
    advice: RESTORE,
  },
  {
    sql: `select a.key from attachment a left join message m on m.key = a.message_key
          where m.conversation_key is not a.conversation_key`,
    kind: 'attachment',
    text: 'names another conversation than its message',
    advice: RESTORE,
  },
  {
    sql: `select m.key from message m left join participant p on p.key = m.participant_key
          where m.participant_key is not null and p.conversation_key is not m.conversation_key`,
    kind: 'message',
    text: 'names a writer who is no participant of its conversation',
    advice: RESTORE,
  },
  {
    sql: `select d.key from delivery d left join participant p on p.key = d.participant_key
          where d.kind = 'mail' and d.participant_key is not null and p.conversation_key is not d.conversation_key`,
    kind: 'delivery',
    text: 'goes to somebody who is no participant of its conversation',
    advice: RESTORE,
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
            join message m on m.key = dm.message_key where m.conversation_key is not d.conversation_key`,
    kind: 'delivery',
    text: 'carries a message of another conversation',
    advice: RESTORE,
  },
  {
    sql: `select key from delivery where kind = 'mail' and state in ('sent', 'deferred', 'leased') and outgoing_mail_key is null`,
    kind: 'delivery',
    text: 'was on its way without a mail',
    advice: RESTORE,
  },
];

const ORDER: readonly Question[] = [
  {
    sql: 'select max(key) as key from event having max(key) > (select v from sequencer)',
    kind: 'event',
    text: 'comes after the place from which keys of events are taken: new ones would come before it',
    advice: RESTORE,
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
    advice: RESTORE,
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
    advice: RESTORE,
  },
];

function checkQuestions(db: Connection, check: CheckName, questions: readonly Question[]): CheckResult {
  const faults = questions.flatMap(question =>
    db.all<{ key?: number; name?: string }>(`${question.sql} limit ${MAX_FAULTS}`).map((row): Fault => {
      const thing =
        row.name !== undefined ? shown(row.name) : question.kind ? encodeId(question.kind, row.key!) : `${row.key}`;
      return { state: 'failed', thing, text: question.text, advice: question.advice };
    }),
  );
  return { check, looked: questions.length, faults: cut(faults) };
}

interface BlobRow {
  readonly key: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly data: Uint8Array | null;
}

async function checkContents(db: Connection, dataDir: string): Promise<CheckResult> {
  const faults: Fault[] = [];
  let looked = 0;
  for (let after = -1; ; ) {
    const rows = db.all<BlobRow>(
      'select key, sha256, size, data from blob where key > ? order by key limit ?',
      after,
      PAGE,
    );
    for (const row of rows) {
      looked += 1;
      const text = await contentFault(dataDir, row);
      if (text === null) continue;
      // Removed since the page was read?
      if (db.value('select 1 from blob where key = ?', row.key) === undefined) continue;
      const users = usersOf(db, row.key);
      faults.push({ state: 'failed', thing: hex(row), text: `${text}; needed by ${users}`, advice: RESTORE });
    }
    if (rows.length < PAGE) break;
    after = rows.at(-1)!.key;
  }
  return { check: 'contents', looked, faults: cut(faults) };
}

async function contentFault(dataDir: string, row: BlobRow): Promise<string | null> {
  const sha256 = hex(row);
  const found =
    row.data === null
      ? await examineFile(blobFile(dataDir, sha256))
      : { size: row.data.length, sha256: createHash('sha256').update(row.data).digest('hex') };
  if ('error' in found)
    return found.error === 'ENOENT' ? 'its file is missing' : `its file can't be read (${found.error})`;
  if (found.size !== row.size) return `has ${found.size} bytes instead of ${row.size}`;
  return found.sha256 === sha256 ? null : 'its bytes have changed: the hash is another';
}

/** Ids of what refers to a blob, the first few. */
function usersOf(db: Connection, key: number): string {
  const rows = db.all<{ kind: IdKind; key: number }>(
    `select 'mail' as kind, key from mail where blob_key = ?1
     union all select 'attachment', key from attachment where blob_key = ?1
     union all select 'mail', key from outgoing_mail where blob_key = ?1 limit 6`,
    key,
  );
  const ids = rows.slice(0, 5).map(row => encodeId(row.kind, row.key));
  return ids.length === 0 ? 'nothing' : `${ids.join(', ')}${rows.length > 5 ? ' and others' : ''}`;
}

async function checkFiles(db: Connection, dataDir: string, now: number): Promise<CheckResult> {
  const faults: Fault[] = [];
  let looked = 0;
  for await (const files of listBlobFiles(dataDir)) {
    for (const { file, sha256, temporary } of files) {
      looked += 1;
      if (
        sha256 !== null &&
        db.value('select 1 from blob where sha256 = ? and shared = 1 and data is null', Buffer.from(sha256, 'hex'))
      )
        continue;
      const age = await stat(file).then(
        found => now - found.mtimeMs,
        () => null,
      );
      if (age === null || (age < YOUNG && (temporary || sha256 !== null))) continue;
      faults.push(
        sha256 === null && !temporary
          ? { state: 'note', thing: file, text: 'is no file of replyd', advice: 'move it away' }
          : {
              state: 'note',
              thing: file,
              text: 'no row names this file',
              advice:
                'the daemon clears it away within an hour or two; if it stays, look for the log line `clear_failed`',
            },
      );
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

function nameOf(table: string, key: number): string {
  return isIdKind(table) ? encodeId(table, key) : String(key);
}
