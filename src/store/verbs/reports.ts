/**
 * Finds the delivery that each entry of a bounce, delay, receipt or complaint is about, and writes what the entry does
 * to it (`rules/delivery.ts`). The bounce address says which delivery, else the Message-ID of the returned mail and the
 * recipient: our own id, or the one that a smarthost gave instead.
 */

import type { FiledReading } from '../../conversation/filing.js';
import { reportEffect, reportedCopy } from '../../conversation/rules/delivery.js';
import { sameAddress } from '../../mail/address.js';
import type { ReportEntry } from '../../mail/mail.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { DeliveryRow, FilingConversation } from '../rows.js';
import { inTurn, type StoreTx } from '../tx.js';
import { emitDeliveryChange, failed } from './deliveries.js';
import { conversationOfId } from './thread-ids.js';

export interface ReportedEntry {
  readonly entry: ReportEntry;
  readonly delivery: DeliveryRow | null;
}

/** `deliveryKey`: of the bounce address it came to. `conversation`: where it is filed. */
export async function reportedDeliveries(
  tx: StoreTx,
  at: { readonly conversation: FilingConversation; readonly deliveryKey: number | null },
  reading: Pick<FiledReading, 'report' | 'reportedIds'>,
): Promise<readonly ReportedEntry[]> {
  const reported = await inTurn(reading.report, async entry => {
    const found =
      at.deliveryKey === null
        ? await deliveryOfReturned(tx, at.conversation, reading.reportedIds, entry.recipient)
        : (await byKey(tx, 'delivery', at.deliveryKey))!;
    const delivery = found?.account_key === at.conversation.account_key ? found : null;
    // The bounce address names the delivery, and so the recipient whom the report does not name.
    return {
      entry: entry.recipient === '' && delivery ? { ...entry, recipient: delivery.recipient } : entry,
      delivery,
    };
  });
  // A report may be filed elsewhere than the mail that it is about.
  const conversations = reported.flatMap(({ delivery }) => delivery?.conversation_key ?? []);
  if (conversations.length > 0) await tx.lock('conversation', conversations);
  return reported;
}

/** As it stands in a message. */
export function reportRow({ entry, delivery }: ReportedEntry): ReportEntry & { readonly delivery_id: string | null } {
  return { ...entry, delivery_id: delivery === null ? null : encodeId('delivery', delivery.key) };
}

export async function applyReports(tx: StoreTx, reported: readonly ReportedEntry[]): Promise<void> {
  // As they are now: several entries may be about one delivery.
  const rows = new Map<number, DeliveryRow>();
  for (const { entry, delivery } of reported) {
    if (delivery === null) continue;
    const row = rows.get(delivery.key) ?? delivery;
    rows.set(row.key, await applyReport(tx, row, entry));
  }
}

/** Returns the row as it is then. */
async function applyReport(tx: StoreTx, row: DeliveryRow, entry: ReportEntry): Promise<DeliveryRow> {
  const effect = reportEffect(row.report, entry);
  if (effect === null) return row;
  const { report, error } = effect;
  if (report !== null) await tx.update('delivery', row.key, { report, last_error: error ?? undefined });
  if (effect.failure !== null) await failed(tx, row, effect.failure, effect.suspends);
  else await emitDeliveryChange(tx, row);
  return { ...row, report: report ?? row.report };
}

async function deliveryOfReturned(
  tx: StoreTx,
  conversation: FilingConversation,
  ids: readonly string[],
  recipient: string,
): Promise<DeliveryRow | null> {
  for (const id of ids) {
    const rows = await tx.all<DeliveryRow>(
      `select d.* from outgoing_mail o join delivery d on d.outgoing_mail_key = o.key
       where o.message_id = $1 and d.account_key = $2 order by d.key`,
      id,
      conversation.account_key,
    );
    const row =
      rows.length > 0
        ? reportedCopy(rows, { recipient, conversation: conversation.key })
        : await deliveryOfAlias(tx, conversation, id, recipient);
    if (row !== null) return row;
  }
  return null;
}

/** An alias names the conversation alone: the latest mail to this recipient there. */
async function deliveryOfAlias(
  tx: StoreTx,
  conversation: FilingConversation,
  id: string,
  recipient: string,
): Promise<DeliveryRow | null> {
  const named = await conversationOfId(tx, conversation.account_key, id);
  if (named === undefined) return null;
  const rows = await tx.all<DeliveryRow>(
    `select * from delivery where conversation_key = $1 and kind = 'mail' and state = 'sent' order by key desc limit 50`,
    named.key,
  );
  return rows.find(row => sameAddress(row.recipient, recipient)) ?? null;
}
