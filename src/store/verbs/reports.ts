/**
 * What machines report of our mails: which delivery each entry of a bounce, delay, receipt or complaint is about, and
 * what it does there. The bounce address says which delivery, else the Message-ID of the returned mail and the
 * recipient, our own id or the one that a smarthost gave instead.
 *
 * A report is told once: the same one again, or a late "delayed" after a bounce, changes nothing and tells nobody. An
 * entry whose delivery is not found stands in its message and has no effect.
 */
import type { FiledReading } from '../../conversation/packed.js';
import { sameAddress } from '../../mail/address.js';
import type { ReportEntry } from '../../mail/mail.js';
import { isHardBounce } from '../../mail/status.js';
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

/** A mail that bounced is not delivered after all, and one that was delivered is delayed no more. */
const RANK = { delayed: 1, delivered: 2, bounced: 3 } as const;

function applyReport(session: Session, row: DeliveryRow, entry: ReportEntry): void {
  const reason = [entry.status, entry.diagnostic].filter(Boolean).join(' ') || entry.action;
  if (entry.action === 'complaint') {
    failed(session, row, 'complaint', true);
    return;
  }
  const report = entry.action === 'failed' ? 'bounced' : entry.action === 'delayed' ? 'delayed' : 'delivered';
  if (row.report !== null && RANK[report] <= RANK[row.report as keyof typeof RANK]) return;
  session.db.run(
    'update delivery set report = ?, last_error = coalesce(?, last_error) where key = ?',
    report,
    report === 'delivered' ? null : reason,
    row.key,
  );
  if (report === 'bounced') failed(session, row, reason, isHardBounce(entry.status));
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
      rows.length > 0 ? copyFor(rows, conversation, recipient) : deliveryOfAlias(session, conversation, id, recipient);
    if (row !== null) return row;
  }
  return null;
}

/** A report that names no recipient of ours counts only where there is one copy, and only from its own conversation. */
function copyFor(
  rows: readonly DeliveryRow[],
  conversation: FilingConversation,
  recipient: string,
): DeliveryRow | null {
  const exact = rows.find(row => sameAddress(row.recipient, recipient));
  if (exact) return exact;
  const only = rows.length === 1 ? rows[0]! : null;
  return only?.conversation_key === conversation.key ? only : null;
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
