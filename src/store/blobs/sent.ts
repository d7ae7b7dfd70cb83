/**
 * `data_dir/sent`: the copies that the file courier writes, two files for a delivery. They go with what they tell of: at
 * once when their deliveries are removed; with the daemon's housekeeping when they were being written just then, or when
 * `retention.raw` took the bytes of their mail. Files with other names are not replyd's and stay.
 *
 * A file that can't be unlinked stays for the next time. When a removal is rolled back its copies are gone all the same:
 * the mails themselves stand in the store.
 */
import { existsSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { encodeId, keyOf } from '../ids.js';
import type { DeliveryRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { removeBlobIfUnused } from './blobs.js';
import { unlinked } from './files.js';

const ENDINGS = ['.eml', '.json'] as const;
const NAME = /^(dlv_[0-9a-hjkmnp-tv-z]{11})\.(?:eml|json)$/;
/** Files looked at before others have a turn. */
const BATCH = 200;

export function sentFolder(dataDir: string): string {
  return path.join(dataDir, 'sent');
}

/** Of these deliveries those that are gone, or whose mail is no longer kept. */
export async function deliveriesWithoutMail(tx: StoreTx, ids: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of ids) {
    const kept = await tx.get(
      `select 1 from delivery d left join outgoing_mail o on o.key = d.outgoing_mail_key
       where d.key = $1 and d.kind = 'mail' and o.raw_gone_at is null`,
      keyOf('delivery', id),
    );
    if (kept === undefined) found.push(id);
  }
  return found;
}

/** Deletes up to `most` deliveries of a conversation or account, or to an agent, with their copies. Returns how many. */
export async function removeDeliveries(
  tx: StoreTx,
  column: 'account_key' | 'conversation_key' | 'agent_key',
  { value, most }: { readonly value: number; readonly most: number },
): Promise<number> {
  const rows = await tx.all<Pick<DeliveryRow, 'key' | 'kind' | 'agent_key' | 'outgoing_mail_key'>>(
    // The column is one of three words of this file.
    `delete from delivery where key in (select key from delivery where ${column} = $1 limit $2)
     returning key, kind, agent_key, outgoing_mail_key`,
    value,
    most,
  );
  // A mail to an agent may belong to no conversation with which it would go.
  for (const row of rows) if (row.agent_key !== null) await removeNotified(tx, row.outgoing_mail_key);
  const folder = sentFolder(tx.dataDir);
  if (!existsSync(folder)) return rows.length;
  for (const { key, kind } of rows) {
    if (kind !== 'mail') continue;
    for (const ending of ENDINGS) {
      try {
        unlinkSync(path.join(folder, encodeId('delivery', key) + ending));
      } catch {
        // It was never written, or the housekeeping will try again.
      }
    }
  }
  return rows.length;
}

async function removeNotified(tx: StoreTx, mailKey: number | null): Promise<void> {
  const text = 'delete from outgoing_mail where key = $1 and conversation_key is null returning blob_key';
  const blob = await tx.value<number>(text, mailKey);
  if (blob !== undefined) await removeBlobIfUnused(tx, blob);
}

export interface SentStore {
  deliveriesWithoutMail(ids: readonly string[]): Promise<readonly string[]>;
}

/** Goes once through the folder; returns how many files went. */
export async function clearSentCopies(
  store: SentStore,
  dataDir: string,
  stopped: () => boolean = () => false,
): Promise<number> {
  const folder = sentFolder(dataDir);
  const names = await readdir(folder).catch(() => []);
  const ids = [...new Set(names.flatMap(name => NAME.exec(name)?.[1] ?? []))];
  let cleared = 0;
  for (let from = 0; from < ids.length && !stopped(); from += BATCH) {
    for (const id of await store.deliveriesWithoutMail(ids.slice(from, from + BATCH))) {
      for (const ending of ENDINGS) cleared += await unlinked(path.join(folder, id + ending));
    }
    await new Promise(resolve => setImmediate(resolve));
  }
  return cleared;
}
