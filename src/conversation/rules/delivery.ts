/**
 * A delivery on its way: what a report of another machine does to it. Pure.
 *
 * A report is told once: the same one again, or a late "delayed" after a bounce, changes nothing. An entry whose delivery
 * is not found stands in its message and has no effect.
 */
import { sameAddress } from '../../mail/address.js';
import type { ReportEntry } from '../../mail/mail.js';
import { isHardBounce } from '../../mail/status.js';
import type { DeliveryReport } from '../model.js';

/** A mail that bounced is not delivered after all, and one that was delivered is delayed no more. */
const RANK: Readonly<Record<DeliveryReport, number>> = { delayed: 1, delivered: 2, bounced: 3 };

export interface ReportEffect {
  /** What the delivery's `report` becomes; null: it stays. */
  readonly report: DeliveryReport | null;
  /** What its `last_error` becomes; null: it stays. */
  readonly error: string | null;
  /** The event is `delivery.failed` with this reason; null: `message.updated`. */
  readonly failure: string | null;
  /** No more mail is wanted or possible there: mailing to the contact is suspended, if it is his address. */
  readonly suspends: boolean;
}

/** What one entry of a report does to a delivery whose `report` is `known` so far; null: nothing. */
export function reportEffect(known: DeliveryReport | null, entry: ReportEntry): ReportEffect | null {
  if (entry.action === 'complaint') return { report: null, error: null, failure: 'complaint', suspends: true };
  const report = entry.action === 'failed' ? 'bounced' : entry.action === 'delayed' ? 'delayed' : 'delivered';
  if (known !== null && RANK[report] <= RANK[known]) return null;
  const reason = [entry.status, entry.diagnostic].filter(Boolean).join(' ') || entry.action;
  return {
    report,
    error: report === 'delivered' ? null : reason,
    failure: report === 'bounced' ? reason : null,
    suspends: report === 'bounced' && isHardBounce(entry.status),
  };
}

/**
 * The copy of a returned mail that an entry is about. `copies`: all copies of that mail. One to the entry's recipient
 * counts wherever the report came in. Else only the one copy there is counts, and only for a report in its own
 * conversation: anybody can write a report.
 */
export function reportedCopy<Copy extends { readonly recipient: string; readonly conversation_key: number | null }>(
  copies: readonly Copy[],
  report: { readonly recipient: string; readonly conversation: number },
): Copy | null {
  const exact = copies.find(copy => sameAddress(copy.recipient, report.recipient));
  if (exact !== undefined) return exact;
  const only = copies.length === 1 ? copies[0]! : null;
  return only?.conversation_key === report.conversation ? only : null;
}
