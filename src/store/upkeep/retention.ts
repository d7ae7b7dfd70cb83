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
import { inTurn, type StoreTx } from '../tx.js';
import { BYTES_AT_ONCE, removeBlobIfUnused, removeConversation, removeMail } from '../verbs/removal.js';
import { UNFINISHED } from '../verbs/unfinished.js';

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

const NOTHING: StoredContent = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  size: 0,
  bytes: new Uint8Array(0),
};

/** Clears a piece of what is older. Returns how many things went, by what they were; nothing: done for now. */
export async function clearOld(tx: StoreTx, since: KeepSince): Promise<Readonly<Record<string, number>>> {
  const { raw, resolved, deliveries, unfiled } = since;
  const steps: readonly (readonly [string, () => Promise<number>])[] = [
    ['removals', () => finishRemoval(tx)],
    ['conversations', async () => (resolved === null ? 0 : await clearResolved(tx, resolved))],
    ['raw_mails', async () => (raw === null ? 0 : await clearRaw(tx, raw))],
    ['raw_sent_mails', async () => (raw === null ? 0 : await clearSent(tx, raw))],
    ['unfiled_mails', async () => (unfiled === null ? 0 : await clearUnfiled(tx, unfiled))],
    ['delivery_logs', async () => (deliveries === null ? 0 : await clearLogs(tx, deliveries))],
  ];
  for (const [name, step] of steps) {
    const count = await step();
    if (count > 0) return { [name]: count };
  }
  return {};
}

/** Clears one after the other until enough bytes went. Returns how many things that were, one at least. */
async function withinBudget<Row>(rows: readonly Row[], clear: (row: Row) => Promise<number>): Promise<number> {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += await clear(row);
    if (bytes > BYTES_AT_ONCE) return index + 1;
  }
  return rows.length;
}

/** One piece of one conversation. */
async function finishRemoval(tx: StoreTx): Promise<number> {
  const key = await tx.value<number>('select key from conversation where removing_at is not null limit 1');
  if (key === undefined) return 0;
  await removeConversation(tx, key);
  return 1;
}

async function clearResolved(tx: StoreTx, before: number): Promise<number> {
  const key = await tx.value<number>(
    `select c.key from account a join conversation c on c.account_key = a.key
     where c.status = 'resolved' and c.last_activity_at < $1 limit 1`,
    before,
  );
  if (key === undefined) return 0;
  await removeConversation(tx, key);
  return 1;
}

async function clearRaw(tx: StoreTx, before: number): Promise<number> {
  const from = (await tx.value<number>("select key from cleared_to where what = 'raw'")) ?? -1;
  const mails = await tx.all<{ key: number; blob_key: number }>(
    // Those that stand in no conversation have a time of their own.
    `select key, blob_key from mail where key > $1 and key < $2 and state in ('filed', 'quarantined') and raw_gone_at is null
     order by key limit ${BATCH}`,
    from,
    keyAt(before),
  );
  if (mails.length === 0) return 0;
  const cleared = await withinBudget(mails, async mail => {
    const nothing = await blobKey(tx, NOTHING);
    await tx.update('mail', mail.key, { blob_key: nothing, raw_gone_at: tx.now() });
    return removeBlobIfUnused(tx, mail.blob_key);
  });
  await tx.run(
    `insert into cleared_to (what, key) values ('raw', $1) on conflict (what) do update set key = excluded.key`,
    mails[cleared - 1]!.key,
  );
  return cleared;
}

async function clearSent(tx: StoreTx, before: number): Promise<number> {
  const mails = await tx.all<{ key: number; blob_key: number }>(
    `select key, blob_key from outgoing_mail o where raw_gone_at is null and created_at < $1
       and not exists (select 1 from delivery where outgoing_mail_key = o.key and ${UNFINISHED})
     order by created_at limit ${BATCH}`,
    before,
  );
  return withinBudget(mails, async mail => {
    const nothing = await blobKey(tx, NOTHING);
    await tx.update('outgoing_mail', mail.key, { blob_key: nothing, raw_gone_at: tx.now() });
    return removeBlobIfUnused(tx, mail.blob_key);
  });
}

async function clearUnfiled(tx: StoreTx, before: number): Promise<number> {
  const mails = (
    await inTurn(
      ['refused', 'kept'],
      async state =>
        await tx.all<{ key: number }>(
          // The state is repeated as the index says it, so that the index serves.
          `select key from mail m where state = $1 and state <> 'filed' and key < $2 and not exists (
         select 1 from delivery where forwarded_mail_key = m.key and ${UNFINISHED})
       order by key limit ${MAILS_AT_ONCE}`,
          state,
          keyAt(before),
        ),
    )
  ).flat();
  return withinBudget(mails, async ({ key }) => await removeMail(tx, key));
}

/** A webhook goes whole; a mail's delivery stays, for bounces that come late and for the message that it carried. */
async function clearLogs(tx: StoreTx, before: number): Promise<number> {
  const rows = await tx.all<{ key: number; kind: string }>(
    `select key, kind from delivery
     where settled_at is not null and (head <> '' or kind = 'webhook') and settled_at < $1
       and state in ('sent', 'failed', 'cancelled')
     order by settled_at limit ${BATCH}`,
    before,
  );
  for (const { key, kind } of rows) {
    if (kind === 'webhook') await tx.run('delete from delivery where key = $1', key);
    else await tx.update('delivery', key, { head: '', last_error: null, smtp_response: null });
  }
  return rows.length;
}
