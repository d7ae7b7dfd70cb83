/**
 * Finds the delivery that each entry of a bounce, delay, receipt or complaint is about, and writes what the entry does
 * to it (`rules/delivery.ts`). The bounce address says which delivery, else the Message-ID of the returned mail and the
 * recipient: our own id, or the one that a smarthost gave instead.
 */

import type { FiledReading } from '../../conversation/filing.js';
import type { DeliveryReport } from '../../conversation/model.js';
import { reportEffect, reportedCopy } from '../../conversation/rules/delivery.js';
import { sameAddress } from '../../mail/address.js';
import type { ReportEntry } from '../../mail/mail.js';
import { encodeId } from '../ids.js';
import type { DeliveryRow, FilingConversation } from '../rows.js';
import type { Session } from '../session.js';
import { deliveryByKey, failed, tellOfMessages } from './deliveries.js';
import { conversationOfId } from './thread-ids.js';

export interface ReportedEntry {
  readonly entry: ReportEntry;
  readonly delivery: DeliveryRow | null;
}

/** `deliveryKey`: of the bounce address it came to. `conversation`: where it is filed. */
export function reportedDeliveries(
  session: Session,
  at: { readonly conversation: FilingConversation; readonly deliveryKey: number | null },
  reading: Pick<FiledReading, 'report' | 'reportedIds'>,
): readonly ReportedEntry[] {
  return reading.report.map(entry => {
    const found =
      at.deliveryKey === null
        ? deliveryOfReturned(session, at.conversation, reading.reportedIds, entry.recipient)
        : deliveryByKey(session, at.deliveryKey);
    return { entry, delivery: found?.account_key === at.conversation.account_key ? found : null };
  });
}

/** As it stands in a message. */
export function reportRow({ entry, delivery }: ReportedEntry): ReportEntry & { readonly delivery_id: string | null } {
  return { ...entry, delivery_id: delivery === null ? null : encodeId('delivery', delivery.key) };
}

export function applyReports(session: Session, reported: readonly ReportedEntry[]): void {
  for (const { entry, delivery } of reported) {
    // As it is now: several entries may be about one delivery.
    if (delivery !== null) applyReport(session, deliveryByKey(session, delivery.key), entry);
  }
}

function applyReport(session: Session, row: DeliveryRow, entry: ReportEntry): void {
  const effect = reportEffect(row.report as DeliveryReport | null, entry);
  if (effect === null) return;
  if (effect.report !== null) {
    session.db.run(
      'update delivery set report = ?, last_error = coalesce(?, last_error) where key = ?',
      effect.report,
      effect.error,
      row.key,
    );
  }
  if (effect.failure !== null) failed(session, row, effect.failure, effect.suspends);
  else tellOfMessages(session, row);
}

function deliveryOfReturned(
  session: Session,
  conversation: FilingConversation,
  ids: readonly string[],
  recipient: string,
): DeliveryRow | null {
  for (const id of ids) {
    const rows = session.db.all<DeliveryRow>(
      `select d.* from outgoing_mail o join delivery d on d.outgoing_mail_key = o.key
       where o.message_id = ? and d.account_key = ? order by d.key`,
      id,
      conversation.account_key,
    );
    const row =
      rows.length > 0
        ? reportedCopy(rows, { recipient, conversation: conversation.key })
        : deliveryOfAlias(session, conversation, id, recipient);
    if (row !== null) return row;
  }
  return null;
}

/** An alias names the conversation alone: the latest mail to this recipient there. */
function deliveryOfAlias(
  session: Session,
  conversation: FilingConversation,
  id: string,
  recipient: string,
): DeliveryRow | null {
  const named = conversationOfId(session, conversation.account_key, id);
  if (named === undefined) return null;
  const rows = session.db.all<DeliveryRow>(
    `select * from delivery where conversation_key = ? and kind = 'mail' and state = 'sent' order by key desc limit 50`,
    named.key,
  );
  return rows.find(row => sameAddress(row.recipient, recipient)) ?? null;
}
