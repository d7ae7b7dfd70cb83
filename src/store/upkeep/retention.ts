/**
 * An end for what is kept, a bounded piece a transaction: raw mails, resolved conversations, the logs of finished
 * deliveries, mails that stand in no conversation, and removals that somebody began and did not finish.
 *
 * Each piece is one transaction of at most a few hundred rows and says whether more is left; the daemon goes on with the
 * next one after everybody else had a turn. A row whose bytes went keeps its place: `raw_gone_at` says since when, and
 * reading them is not_found. Unfinished deliveries keep all that they need.
 */
import type { StoredContent } from '../../conversation/filing.js';
import { blobKey } from '../blobs/blobs.js';
import { keyAt } from '../ids.js';
import type { Session } from '../session.js';
import { BYTES_AT_ONCE, removeBlobIfUnused, removeConversation, removeMail } from '../verbs/removal.js';

const BATCH = 500;
/** Removed messages take several rows each with them. */
const MAILS_AT_ONCE = 100;

/** Milliseconds since 1970: what is older goes. Null: always kept. */
export interface KeepSince {
  readonly raw: number | null;
  readonly resolved: number | null;
  readonly deliveries: number | null;
  readonly unfiled: number | null;
}

export interface RetentionOperations {
  /** Clears a piece of what is older. Returns how many things went, by what they were; nothing: done for now. */
  clearOld(since: KeepSince): Readonly<Record<string, number>>;
}

const NOTHING: StoredContent = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  size: 0,
  bytes: new Uint8Array(0),
};

export function retentionOperations(session: Session): RetentionOperations {
  return {
    clearOld(since) {
      const steps: readonly (readonly [string, () => number])[] = [
        ['removals', () => finishRemoval(session)],
        ['conversations', () => (since.resolved === null ? 0 : clearResolved(session, since.resolved))],
        ['raw_mails', () => (since.raw === null ? 0 : clearRaw(session, since.raw))],
        ['raw_sent_mails', () => (since.raw === null ? 0 : clearSent(session, since.raw))],
        ['unfiled_mails', () => (since.unfiled === null ? 0 : clearUnfiled(session, since.unfiled))],
        ['delivery_logs', () => (since.deliveries === null ? 0 : clearLogs(session, since.deliveries))],
      ];
      for (const [name, step] of steps) {
        const count = step();
        if (count > 0) return { [name]: count };
      }
      return {};
    },
  };
}

/** Clears one after the other until enough bytes went. Returns how many things that were, one at least. */
function withinBudget<Row>(rows: readonly Row[], clear: (row: Row) => number): number {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += clear(row);
    if (bytes > BYTES_AT_ONCE) return index + 1;
  }
  return rows.length;
}

/** One piece of one conversation. */
function finishRemoval(session: Session): number {
  const key = session.db.value<number>('select key from conversation where removing_at is not null limit 1');
  if (key === undefined) return 0;
  removeConversation(session, key);
  return 1;
}

function clearResolved(session: Session, before: number): number {
  const key = session.db.value<number>(
    `select c.key from account a join conversation c on c.account_key = a.key
     where c.status = 'resolved' and c.last_activity_at < ? limit 1`,
    before,
  );
  if (key === undefined) return 0;
  removeConversation(session, key);
  return 1;
}

function clearRaw(session: Session, before: number): number {
  const { db } = session;
  const from = db.value<number>("select key from cleared_to where what = 'raw'") ?? -1;
  const mails = db.all<{ key: number; blob_key: number }>(
    // Those that stand in no conversation have a time of their own.
    `select key, blob_key from mail where key > ? and key < ? and state in ('filed', 'quarantined') and raw_gone_at is null
     order by key limit ?`,
    from,
    keyAt(before, 0),
    BATCH,
  );
  if (mails.length === 0) return 0;
  const cleared = withinBudget(mails, mail => {
    const nothing = blobKey(session, NOTHING);
    db.run('update mail set blob_key = ?, raw_gone_at = ? where key = ?', nothing, session.clock(), mail.key);
    return removeBlobIfUnused(session, mail.blob_key);
  });
  db.run(
    `insert into cleared_to (what, key) values ('raw', ?) on conflict (what) do update set key = excluded.key`,
    mails[cleared - 1]!.key,
  );
  return cleared;
}

function clearSent(session: Session, before: number): number {
  const { db } = session;
  const mails = db.all<{ key: number; blob_key: number }>(
    `select key, blob_key from outgoing_mail o where raw_gone_at is null and created_at < ?
       and not exists (select 1 from delivery where outgoing_mail_key = o.key and state in ('waiting', 'leased', 'deferred'))
     order by created_at limit ?`,
    before,
    BATCH,
  );
  return withinBudget(mails, mail => {
    const nothing = blobKey(session, NOTHING);
    db.run('update outgoing_mail set blob_key = ?, raw_gone_at = ? where key = ?', nothing, session.clock(), mail.key);
    return removeBlobIfUnused(session, mail.blob_key);
  });
}

function clearUnfiled(session: Session, before: number): number {
  const mails = ['refused', 'kept'].flatMap(state =>
    session.db.all<{ key: number }>(
      // The state is repeated as the index says it, so that the index serves.
      `select key from mail m where state = ? and state <> 'filed' and key < ? and not exists (
         select 1 from delivery where forwarded_mail_key = m.key and state in ('waiting', 'leased', 'deferred'))
       order by key limit ?`,
      state,
      keyAt(before, 0),
      MAILS_AT_ONCE,
    ),
  );
  return withinBudget(mails, ({ key }) => removeMail(session, key));
}

/** A webhook goes whole; a mail's delivery stays, for bounces that come late and for the message that it carried. */
function clearLogs(session: Session, before: number): number {
  const { db } = session;
  const rows = db.all<{ key: number; kind: string }>(
    `select key, kind from delivery
     where settled_at is not null and (head <> '' or kind = 'webhook') and settled_at < ?
       and state in ('sent', 'failed', 'cancelled')
     order by settled_at limit ?`,
    before,
    BATCH,
  );
  for (const { key, kind } of rows) {
    if (kind === 'webhook') db.run('delete from delivery where key = ?', key);
    else db.run("update delivery set head = '', last_error = null, smtp_response = null where key = ?", key);
  }
  return rows.length;
}
