/** Mails as they came in, as they are shown. */
import type { MailRecord } from '../../conversation/model.js';
import { encodeId } from '../ids.js';
import type { MailRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';

export async function mailView(tx: StoreTx, row: MailRow): Promise<MailRecord> {
  return (await mailViews(tx, [row]))[0]!;
}

/** One statement: the hashes of their bytes. */
export async function mailViews(tx: StoreTx, rows: readonly MailRow[]): Promise<readonly MailRecord[]> {
  const found = await tx.all<{ key: number; sha256: Uint8Array }>(
    'select key, sha256 from blob where key = any($1)',
    rows.map(row => row.blob_key),
  );
  const hashes = new Map(found.map(({ key, sha256 }) => [key, Buffer.from(sha256).toString('hex')]));
  return rows.map(row => ({
    id: encodeId('mail', row.key),
    state: row.state,
    envelope: { mail_from: row.mail_from, rcpt_to: fromJson(row.rcpt_to) },
    size: row.size,
    sha256: row.raw_gone_at === null ? (hashes.get(row.blob_key) ?? '') : '',
    door: row.door,
    client: row.client,
    received_at: toIso(row.received_at),
    reason: row.reason,
    results: fromJson(row.results).map(result => ({
      recipient: result.recipient,
      verdict: result.verdict,
      message_id: result.message === null ? null : encodeId('message', result.message),
    })),
  }));
}
