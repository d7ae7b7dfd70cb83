/**
 * Where a mail goes: which conversation the address of a recipient means, what is refused, and what is written when the
 * recipients of one mail mean several conversations. Pure.
 *
 * A reply or bounce address names its conversation. Mail for an account's forwarding address (`inbox+…`) names only the
 * account: it is threaded by the first of `deliveryAddresses` that names a conversation of the account, then by the
 * first such id of `threadIds`; else it opens a conversation where the account has the feature `new_conversations`.
 * Mail for postmaster and abuse is kept for the operator.
 *
 * The same mail makes one message in each conversation, however many recipients name it and however often it comes.
 */
import type { Mail, Reading } from '../../mail/mail.js';
import type { MailRecordState } from '../model.js';
import { blockingEntry } from './blocked.js';

/** Why a recipient is refused; `FilingResult` says what each means. */
export type Refusal = 'changed' | 'blocked' | 'unthreaded';

/** What filing asks of an account. */
export interface AccountSwitches {
  /** Feature `inbound_emails`. */
  readonly inbound: boolean;
  /** Feature `new_conversations`. */
  readonly opens: boolean;
  /** Its block list. */
  readonly blocked: readonly string[];
}

/**
 * Why an address of ours takes no mail, when a client asks (RCPT); null: it does. `account`: the one behind its token,
 * null when the token names nothing alive. Bounces are taken also while inbound mail is off, because what they report was
 * mailed before.
 */
export function addressRefusal(
  kind: 'reply' | 'bounce' | 'inbox' | 'agent',
  account: Pick<AccountSwitches, 'inbound'> | null,
): 'unknown' | 'switched_off' | null {
  if (account === null) return 'unknown';
  return account.inbound || kind === 'bounce' ? null : 'switched_off';
}

/**
 * Why a mail is refused at this address when its data is there; null: it is not. `account`: the one behind the address,
 * null when the address is dead by now. `writers`: the addresses in From and in the envelope. A bounce is taken from
 * everybody, and so is what comes to an agent's address: it is held.
 */
export function refusalAt(
  kind: 'reply' | 'bounce' | 'inbox' | 'agent',
  account: AccountSwitches | null,
  writers: readonly (string | null | undefined)[],
): 'changed' | 'blocked' | null {
  if (account === null || addressRefusal(kind, account) !== null) return 'changed';
  if (kind === 'bounce' || kind === 'agent') return null;
  return blockingEntry(account.blocked, writers) === null ? null : 'blocked';
}

/** Feature `inbound_emails` after an account's domains were set: on from its first domain on, off without any. */
export function inboundAfter(account: {
  readonly inbound: boolean;
  readonly had: boolean;
  readonly has: boolean;
}): boolean {
  return account.had === account.has ? account.inbound : account.has;
}

/** What becomes of mail for a forwarding address when no conversation is found for it. */
export function unthreadedMail(account: AccountSwitches): 'new' | 'unthreaded' {
  return account.opens ? 'new' : 'unthreaded';
}

/** One answer for all recipients when one of them is refused. `changed` is temporary, so it wins: the client tries again. */
export function refusalOfAll(refusals: readonly (Refusal | null)[]): Refusal | null {
  for (const refusal of ['changed', 'blocked', 'unthreaded'] as const) if (refusals.includes(refusal)) return refusal;
  return null;
}

/** What the address of one recipient means. `conversation`: its key. */
export type Addressed<Key> =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'operator' }
  | { readonly kind: 'conversation'; readonly conversation: Key };

export interface FilingPlan<Key> {
  /** The state of the mail that is written; null: everything is there already, so nothing is written. */
  readonly mail: Exclude<MailRecordState, 'refused'> | null;
  /** Conversations that get a message of it, each once. */
  readonly conversations: readonly Key[];
  /** It is kept for the operator, for the first time. */
  readonly keeps: boolean;
}

/**
 * What is written for a mail. `isFiled`: the conversation has the mail. `isKept`: the operator has it. A mail that cannot
 * be read is quarantined; one that makes no message is kept for the operator alone.
 */
export function planFiling<Key>(mail: {
  readonly addressed: readonly Addressed<Key>[];
  readonly readable: boolean;
  readonly isFiled: (conversation: Key) => boolean;
  readonly isKept: boolean;
}): FilingPlan<Key> {
  const conversations = new Set<Key>();
  for (const each of mail.addressed) {
    if (each.kind === 'conversation' && !mail.isFiled(each.conversation)) conversations.add(each.conversation);
  }
  const keeps = !mail.isKept && mail.addressed.some(each => each.kind === 'operator');
  const state = conversations.size === 0 ? (keeps ? 'kept' : null) : mail.readable ? 'filed' : 'quarantined';
  return { mail: state, conversations: [...conversations], keeps };
}

/** Fields in which MTAs and forwarders leave the address a mail was delivered to, most reliable first. */
const DELIVERY_FIELDS = [
  'delivered-to',
  'x-delivered-to',
  'envelope-to',
  'x-envelope-to',
  'x-original-to',
  'x-forwarded-to',
  // CommuniGate, qmail and others; Google Workspace, Yahoo, IIS; sendmail of old; RFC 3798; Gmail's forwarding.
  'x-real-to',
  'x-rcpt-to',
  'x-gm-original-to',
  'x-apparently-to',
  'x-receiver',
  'x-resolved-to',
  'apparently-to',
  'x-original-recipient',
  'original-recipient',
  'x-forwarded-for',
] as const;

/** The fields in which `deliveryAddresses` looks, beside To and Cc. */
export const ADDRESS_FIELDS = [...DELIVERY_FIELDS, 'received', 'resent-to'] as const;

/** An address that a mail may have been meant for, and the field in which it stands (lower case). */
export interface NamedAddress {
  readonly field: string;
  readonly address: string;
}

/** For mail whose envelope names only an account, most reliable first; at most 100. */
export function deliveryAddresses(mail: Pick<Mail, 'headers' | 'to' | 'cc'>): readonly NamedAddress[] {
  const found: NamedAddress[] = [];
  for (const name of DELIVERY_FIELDS) {
    for (const field of mail.headers) {
      if (field.name !== name) continue;
      for (const address of addressesIn(field.value)) found.push({ field: name, address });
    }
  }
  for (const field of ['to', 'cc'] as const) for (const box of mail[field]) found.push({ field, address: box.email });
  for (const field of mail.headers) {
    if (field.name === 'received') {
      const target = /\sfor\s+<?([^<>\s;"]{1,256}@[^<>\s;"]{1,256})/.exec(field.value.slice(0, 2000));
      if (target) found.push({ field: 'received', address: target[1]! });
    }
    if (field.name === 'resent-to') {
      for (const address of addressesIn(field.value)) found.push({ field: 'resent-to', address });
    }
  }
  const first = new Map<string, NamedAddress>();
  for (const each of found) if (!first.has(each.address)) first.set(each.address, each);
  return [...first.values()].slice(0, 100);
}

/** Some forwarders write all addresses of the way into one field, with names, brackets, quotes or `rfc822;` around them. */
function addressesIn(value: string): string[] {
  return value
    .slice(0, 4_000)
    .split(/[\s,;<>"]+/)
    .filter(word => word.includes('@'))
    .map(word => word.replace(/^'(.+)'$/, '$1'));
}

/** The addresses of `deliveryAddresses` alone. */
export function addressesInHeader(mail: Pick<Mail, 'headers' | 'to' | 'cc'>): readonly string[] {
  return deliveryAddresses(mail).map(each => each.address);
}

/** An id that may name a conversation, and where it stands. */
export interface NamedId {
  readonly field: 'In-Reply-To' | 'References' | 'the returned mail' | 'Message-ID';
  readonly id: string;
}

type ReadIds = Pick<Reading, 'reportedIds'> & { readonly mail: Pick<Mail, 'inReplyTo' | 'references'> };

/** Of one field, in ids: each is a query. References has at most 200 (`parseMessageIds`), and the root may be ours alone. */
const MAX_IDS = { 'In-Reply-To': 20, References: 200, 'the returned mail': 20 } as const;

/**
 * Most telling first: In-Reply-To, References from the latest back to the root, the mail that a report is about, and
 * `ownId`, the mail's own id, because the same mail may have come before; without brackets. `reading`: null when the mail
 * cannot be read.
 */
export function threadIds(reading: ReadIds | null, ownId: string | null): readonly NamedId[] {
  const first = new Map<string, NamedId>();
  const add = (field: keyof typeof MAX_IDS, ids: readonly string[]) => {
    for (const id of ids.slice(0, MAX_IDS[field])) if (!first.has(id)) first.set(id, { field, id });
  };
  if (reading !== null) {
    add('In-Reply-To', reading.mail.inReplyTo);
    add('References', [...reading.mail.references].reverse());
    add('the returned mail', reading.reportedIds);
  }
  if (ownId !== null && !first.has(ownId)) first.set(ownId, { field: 'Message-ID', id: ownId });
  return [...first.values()];
}
