/**
 * A delivery on its way: in which order deliveries go, what an attempt and what a report of another machine do to them,
 * and what an operator may do. Pure.
 *
 * Deliveries with the same order key go one after the other: one is leased only when none older of its key is
 * unfinished (the statement of the verb `lease` carries that out). So mails to one person in one conversation arrive in
 * their order, and so do the webhooks of one conversation to one hook.
 *
 * A report is told once: the same one again, or a late "delayed" after a bounce, changes nothing. An entry whose delivery
 * is not found stands in its message and has no effect.
 */
import { sameAddress } from '../../mail/address.js';
import type { ReportEntry } from '../../mail/mail.js';
import { isHardBounce } from '../../mail/status.js';
import type { Delivery, DeliveryReport, DeliveryState, WaitingReason } from '../model.js';
import type { Outcome } from '../ports.js';

/** Not finished yet: others of the same order key wait for it. */
export const UNFINISHED_STATES = ['waiting', 'leased', 'deferred'] as const satisfies readonly DeliveryState[];

export function mailOrder(conversation: number, participant: number): string {
  return `mail:${conversation}:${participant}`;
}

/** `conversation`: null for what happened to the account as a whole. */
export function hookOrder(hook: number, conversation: number | null): string {
  return `hook:${hook}:${conversation ?? 0}`;
}

/** Each copy for the operator stands for itself. */
export function operatorOrder(mail: number): string {
  return `operator:${mail}`;
}

/** Each mail with a link to sign in stands for itself. */
export function signInOrder(delivery: number): string {
  return `agent:${delivery}`;
}

/** What becomes of a delivery after an attempt. */
export interface Settlement {
  readonly state: Extract<DeliveryState, 'sent' | 'failed' | 'deferred'>;
  /** What its `last_error` and `smtp_response` become; null: they stay. */
  readonly error: string | null;
  readonly response: string | null;
  /** When it is tried again, milliseconds; only in state `deferred`. */
  readonly retryAt: number | null;
  /** The reason that the event `delivery.failed` gives; null: it did not fail. */
  readonly failure: string | null;
  /** The address is dead: mailing to the contact is suspended, if it is his. */
  readonly suspends: boolean;
}

/** `retryAt`: when it could be tried again, null when `outbound.retry` is over. */
export function settlementOf(outcome: Outcome, retryAt: number | null): Settlement {
  const { response } = outcome;
  switch (outcome.kind) {
    case 'sent':
      return { state: 'sent', error: null, response, retryAt: null, failure: null, suspends: false };
    case 'failed':
      return {
        state: 'failed',
        error: response,
        response,
        retryAt: null,
        failure: response,
        suspends: outcome.suspend,
      };
    case 'retry':
    case 'trouble': {
      const end = { error: response, response: null, retryAt, suspends: false };
      return retryAt === null
        ? { ...end, state: 'failed', failure: `given up: ${response}` }
        : { ...end, state: 'deferred', failure: null };
    }
  }
}

/**
 * Do events tell what becomes of a delivery? Only of mails to the people of a conversation. A webhook's own end stands at its delivery
 * and in the log: an event of it would be the next to fail.
 */
export function isTold(delivery: {
  readonly kind: string;
  readonly conversation_key: number | null;
  readonly agent_key: number | null;
}): boolean {
  return delivery.kind === 'mail' && delivery.conversation_key !== null && delivery.agent_key === null;
}

/** Why an operator cannot have a delivery tried again now; null: he can. `kept`: what it would send is still there. */
export function retryRefusal(
  delivery: Pick<Delivery, 'state' | 'reason'> & { readonly kept: boolean },
): 'state' | 'gone' | 'no_address' | 'suspended' | null {
  if (!['waiting', 'deferred', 'failed'].includes(delivery.state)) return 'state';
  if (!delivery.kept) return 'gone';
  return delivery.reason === 'no_address' || delivery.reason === 'suspended' ? delivery.reason : null;
}

/** What trying again makes of it. One that had failed gets all its attempts again. */
export function retried(delivery: { readonly state: string; readonly attempts: number }): {
  readonly state: DeliveryState;
  readonly attempts: number;
} {
  if (delivery.state === 'failed') return { state: 'deferred', attempts: 0 };
  return { state: delivery.state as DeliveryState, attempts: delivery.attempts };
}

/** What is on its way, or over, cannot be cancelled. */
export function canCancel(state: string): boolean {
  return state === 'waiting' || state === 'deferred';
}

/** May the pause of a destination be changed? What an operator has paused the queue does not touch. */
export function maySetPause(by: 'operator' | 'queue', paused: 'operator' | 'trouble' | null): boolean {
  return by === 'operator' || paused !== 'operator';
}

/** How a delivery is shown while its destination is paused: that it waits for the end of the pause, and until when. */
export function shownWait(
  delivery: { readonly state: string; readonly reason: WaitingReason | null; readonly nextAttemptAt: number | null },
  pause: { readonly nextProbeAt: number | null } | null,
): { readonly reason: WaitingReason | null; readonly nextAttemptAt: number | null } {
  const { reason, nextAttemptAt } = delivery;
  if (pause === null || !waitsForTurn(delivery)) return { reason, nextAttemptAt };
  return {
    reason: delivery.state === 'waiting' ? 'paused' : reason,
    nextAttemptAt: pause.nextProbeAt === null ? nextAttemptAt : Math.max(pause.nextProbeAt, nextAttemptAt ?? 0),
  };
}

/** True when it waits for its turn alone, so that a pause of its destination keeps it back. */
export function waitsForTurn(delivery: { readonly state: string; readonly reason: string | null }): boolean {
  return delivery.state === 'deferred' || (delivery.state === 'waiting' && delivery.reason === null);
}

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
