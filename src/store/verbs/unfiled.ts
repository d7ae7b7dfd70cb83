/**
 * Mails that stand in no conversation: `kept` for the operator, `refused` on record. Strangers bring them, so they end by
 * themselves: after `retention.unfiled`, or when they are more than `limits.unfiled` (bytes) or `limits.unfiled_mails`.
 * The oldest go first, in the transaction that brings a new one, at most a batch of them each time; housekeeping
 * removes what is still too much. A mail whose copy is still on its way to the operator stays.
 *
 * Their bytes stand in rows (`conversation/rules/unfiled.ts`), so that the room is free for the next at once.
 */
import type { MailRecordState } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { keyAt } from '../ids.js';
import { allOf, type StoreTx } from '../tx.js';
import { removeMail, withinBudget } from './removal.js';
import { addToSums, countedSums, type UnfiledSums } from './unfiled-sums.js';
import { UNFINISHED } from './unfinished.js';

type Which = Parameters<Store['clearUnfiled']>[0];

/** Removed mails take several rows each with them. */
const MAILS_AT_ONCE = 100;
const STATES = ['refused', 'kept'] as const satisfies readonly MailRecordState[];

/** Removes a batch, the oldest first. Returns how many went; 0: none is left. */
export async function clearUnfiledPart(tx: StoreTx, which: Which): Promise<number> {
  return withinBudget(await oldest(tx, which), ({ key }) => removeMail(tx, key));
}

/** Removes the oldest (older than the mail `olderThan`) while they are too many; a batch at most. Returns how many went. */
export async function keepUnfiledWithinLimits(
  tx: StoreTx,
  options: { readonly olderThan?: number } = {},
): Promise<number> {
  const { unfiledBytes = Number.POSITIVE_INFINITY, unfiledMails = Number.POSITIVE_INFINITY } = tx.rules;
  const isOver = ({ mails, bytes }: UnfiledSums) => mails > unfiledMails || bytes > unfiledBytes;
  if (!isOver(await countedSums(tx))) return 0;
  const found = [];
  for (const state of STATES) found.push(...(await oldest(tx, { state, ...options })));
  found.sort((one, other) => one.key - other.key);
  let removed = 0;
  for (const { key } of found.slice(0, MAILS_AT_ONCE)) {
    await removeMail(tx, key);
    removed += 1;
    if (!isOver(await countedSums(tx))) break;
  }
  await addToSums(tx, { removed });
  return removed;
}

async function oldest(
  tx: StoreTx,
  { state, before, olderThan = before === undefined ? undefined : keyAt(before) }: Which & { olderThan?: number },
): Promise<{ readonly key: number }[]> {
  const { where, values } = allOf([
    ['state = $', state],
    // As the index says it, so that the index serves.
    ["state <> 'filed'"],
    olderThan === undefined ? null : ['key < $', olderThan],
  ]);
  return tx.all<{ key: number }>(
    `select key from mail m ${where}
       and not exists (select 1 from delivery where forwarded_mail_key = m.key and ${UNFINISHED})
     order by key limit ${MAILS_AT_ONCE}`,
    ...values,
  );
}
