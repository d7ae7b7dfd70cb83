/**
 * An end for what is kept, a bounded piece a transaction: raw mails, resolved conversations, the logs of finished
 * deliveries, mails that stand in no conversation, links and sessions of agents that are over, and removals that somebody
 * began and did not finish.
 *
 * Each piece is one transaction of at most a few hundred rows and says whether more is left; the daemon goes on with the
 * next one after everybody else had a turn. A row whose bytes went keeps its place: `raw_gone_at` says since when, and
 * reading them is not_found. Unfinished deliveries keep all that they need.
 */
import { blobKey, NOTHING, removeBlobIfUnused } from '../blobs/blobs.js';
import { keyAt } from '../ids.js';
import type { StoreTx } from '../tx.js';
import { finishLeaving } from '../verbs/agents.js';
import { leads } from '../verbs/nodes.js';
import { type RawMail, removePart, withinBudget } from '../verbs/removal.js';
import { clearSignIns } from '../verbs/sessions.js';
import { clearUnfiledPart, keepUnfiledWithinLimits } from '../verbs/unfiled.js';
import { UNFINISHED } from '../verbs/unfinished.js';

const BATCH = 500;

/** For each: what is older than this moment (milliseconds since 1970) goes. Null: it is always kept. */
export type KeepSince = Readonly<Record<'raw' | 'resolved' | 'deliveries' | 'unfiled', number | null>>;

const STEPS: readonly (readonly [
  what: string,
  kept: keyof KeepSince,
  clear: (tx: StoreTx, before: number) => Promise<number>,
])[] = [
  ['conversations', 'resolved', clearResolved],
  ['raw_mails', 'raw', clearRaw],
  ['raw_sent_mails', 'raw', clearSent],
  ['unfiled_mails', 'unfiled', clearUnfiled],
  ['delivery_logs', 'deliveries', clearLogs],
];

/** Clears a piece of what is older. Returns how many things went, by what they were; nothing: done for now. */
export async function clearOld(tx: StoreTx, since: KeepSince): Promise<Readonly<Record<string, number>>> {
  if (!(await leads(tx, 'housekeeping'))) return {};
  const removals = await finishRemoval(tx);
  if (removals > 0) return { removals };
  const left = await finishLeaving(tx);
  if (left > 0) return { agents_left: left };
  const signIns = await clearSignIns(tx, BATCH);
  if (signIns > 0) return { sign_ins: signIns };
  for (const [what, kept, clear] of STEPS) {
    const before = since[kept];
    const count = before === null ? 0 : await clear(tx, before);
    if (count > 0) return { [what]: count };
  }
  const over = await keepUnfiledWithinLimits(tx);
  return over === 0 ? {} : { unfiled_mails_over_limit: over };
}

/** One piece of one conversation. */
async function finishRemoval(tx: StoreTx): Promise<number> {
  return Number(await removePart(tx, 'select key from conversation where removing_at is not null'));
}

/** One piece of one conversation. */
async function clearResolved(tx: StoreTx, before: number): Promise<number> {
  const resolved = `select c.key from account a join conversation c on c.account_key = a.key
    where c.status = 'resolved' and c.last_activity_at < $1`;
  return Number(await removePart(tx, resolved, before));
}

async function clearRaw(tx: StoreTx, before: number): Promise<number> {
  const from = (await tx.value<number>("select key from cleared_to where what = 'raw'")) ?? -1;
  const mails = await tx.all<RawMail>(
    // Those that stand in no conversation have a time of their own.
    `select key, blob_key from mail where key > $1 and key < $2 and state in ('filed', 'quarantined') and raw_gone_at is null
     order by key limit ${BATCH}`,
    from,
    keyAt(before),
  );
  if (mails.length === 0) return 0;
  const cleared = await withinBudget(mails, mail => dropRaw(tx, 'mail', mail));
  await tx.run(
    `insert into cleared_to (what, key) values ('raw', $1) on conflict (what) do update set key = excluded.key`,
    mails[cleared - 1]!.key,
  );
  return cleared;
}

async function clearSent(tx: StoreTx, before: number): Promise<number> {
  const mails = await tx.all<RawMail>(
    `select key, blob_key from outgoing_mail o where raw_gone_at is null and created_at < $1
       and not exists (select 1 from delivery where outgoing_mail_key = o.key and ${UNFINISHED})
     order by created_at limit ${BATCH}`,
    before,
  );
  return withinBudget(mails, mail => dropRaw(tx, 'outgoing_mail', mail));
}

/** The row stays; of its bytes only that they are gone. */
async function dropRaw(tx: StoreTx, table: 'mail' | 'outgoing_mail', { key, blob_key }: RawMail): Promise<number> {
  await tx.update(table, key, { blob_key: await blobKey(tx, NOTHING), raw_gone_at: tx.now() });
  return removeBlobIfUnused(tx, blob_key);
}

async function clearUnfiled(tx: StoreTx, before: number): Promise<number> {
  return (await clearUnfiledPart(tx, { state: 'refused', before })) || clearUnfiledPart(tx, { state: 'kept', before });
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
