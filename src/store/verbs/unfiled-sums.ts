/**
 * How many mails stand in no conversation (`kept`, `refused`), how many bytes they have, and how many went because of
 * `limits.unfiled`. The sums are rows of `cleared_to`, changed in the transaction that changes the mails, so that nobody has
 * to count. They are counted once, where they are missing.
 */
import type { MailRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

export interface UnfiledSums {
  readonly mails: number;
  readonly bytes: number;
  /** Of all times. */
  readonly removed: number;
}

/** What a mail adds to the sums: nothing when it stands in a conversation. */
export function shareOf(mail: Pick<MailRow, 'state' | 'size' | 'raw_gone_at'>): Omit<UnfiledSums, 'removed'> | null {
  if (mail.state !== 'kept' && mail.state !== 'refused') return null;
  return { mails: 1, bytes: mail.raw_gone_at === null ? mail.size : 0 };
}

/** Null: not counted yet. */
export async function unfiledSums(tx: StoreTx): Promise<UnfiledSums | null> {
  const rows = await tx.all<{ what: string; key: number }>(
    "select what, key from cleared_to where what in ('unfiled_mails', 'unfiled_bytes', 'unfiled_removed')",
  );
  const of = (what: string) => rows.find(row => row.what === what)?.key;
  const mails = of('unfiled_mails');
  return mails === undefined ? null : { mails, bytes: of('unfiled_bytes') ?? 0, removed: of('unfiled_removed') ?? 0 };
}

/** In a writing transaction. What changes the mails calls `addToSums` afterwards, and this before. */
export async function countedSums(tx: StoreTx): Promise<UnfiledSums> {
  const known = await unfiledSums(tx);
  if (known !== null) return known;
  const found = await tx.get<{ mails: number; bytes: number }>(
    // The second condition is the index's own.
    `select count(*) as mails, cast(coalesce(sum(case when raw_gone_at is null then size else 0 end), 0) as bigint) as bytes
     from mail where state in ('kept', 'refused') and state <> 'filed'`,
  );
  for (const [what, key] of Object.entries({ mails: found!.mails, bytes: found!.bytes, removed: 0 })) {
    // Another process may have counted at the same moment.
    await tx.insert('cleared_to', { what: `unfiled_${what}`, key }, { known: 'kept' });
  }
  return (await unfiledSums(tx))!;
}

export async function addToSums(tx: StoreTx, change: Partial<UnfiledSums>): Promise<void> {
  for (const [what, by] of Object.entries(change)) {
    await tx.run(
      'insert into cleared_to (what, key) values ($1, $2) on conflict (what) do update set key = cleared_to.key + excluded.key',
      `unfiled_${what}`,
      by,
    );
  }
}
