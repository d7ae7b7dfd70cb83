/**
 * What an incoming mail does to its conversation: decided by pure rules, carried out by the store in the transaction
 * that files it. A robot's mail is filed and marked, and has no other effect; a loop is stopped by count, not by sender.
 */
import type { Mail, MailKind, Reading } from '../../mail/mail.js';
import type { ConversationStatus } from '../model.js';

export interface Circumstances {
  readonly kind: MailKind;
  readonly status: ConversationStatus;
  /** The writer in From is a participant already. */
  readonly known: boolean;
  /** The account's `hold_strangers`. */
  readonly holdStrangers: boolean;
  /** DMARC verdict of a trusted checker, null when there is none. */
  readonly dmarc: string | null;
  readonly recent: RecentMails;
  readonly loopMessages: number;
  /** The mail carries our own loop mark. */
  readonly ownMail: boolean;
  /** A trusted filter calls it spam, and it opens its conversation. */
  readonly spam?: boolean;
}

/** Mails that came in within the loop window, the one in hand not counted. */
export interface RecentMails {
  readonly ofConversation: number;
  /** In all conversations of its contact, this one among them. */
  readonly ofContact: number;
  /** One of them was marked as looping, so that the loop has been told of: in this conversation, in another one. */
  readonly looping: 'here' | 'elsewhere' | null;
}

export interface Effects {
  readonly held: boolean;
  readonly looping: boolean;
  /** The one event of a loop. The other mails of it are filed without any. */
  readonly tellsOfLoop: boolean;
  /** The writer becomes a participant, and who writes again can be written to again. */
  readonly speaks: boolean;
  /** A resolved conversation opens again. */
  readonly reopens: boolean;
  readonly evidence: readonly string[];
}

/** A person wrote it, be it through a list; everything else is a machine's. */
export function isPersonal(kind: MailKind): boolean {
  return kind === 'reply' || kind === 'list';
}

export function decideEffects(facts: Circumstances): Effects {
  const evidence: string[] = [];
  if (facts.ownMail) evidence.push('loop');
  const inConversation = facts.recent.ofConversation >= facts.loopMessages;
  const ofContact = facts.recent.ofContact >= facts.loopMessages;
  const looping = facts.ownMail || inConversation || ofContact;
  if (!facts.ownMail && inConversation) {
    evidence.push(`looping: ${facts.recent.ofConversation} mails before it within the window`);
  } else if (!facts.ownMail && ofContact) {
    evidence.push(
      `looping: ${facts.recent.ofContact} mails in this contact's conversations before it within the window`,
    );
  }
  // A contact's loop runs through many conversations and is one loop.
  const told = facts.recent.looping === 'here' || (facts.recent.looping === 'elsewhere' && !inConversation);
  const person = isPersonal(facts.kind);
  // No verdict never holds: most mail has none.
  const stranger = !facts.known ? 'unknown writer' : facts.dmarc === 'fail' ? 'DMARC failed' : null;
  const why = facts.spam ? 'spam (X-Spam-Flag)' : facts.holdStrangers ? stranger : null;
  const held = person && !looping && why !== null;
  if (held) evidence.push(`held: ${why}`);
  const speaks = person && !looping && !held;
  return {
    held,
    looping,
    tellsOfLoop: looping && !told,
    speaks,
    reopens: speaks && facts.status === 'resolved',
    evidence,
  };
}

/** Fields in which MTAs and forwarders leave the address a mail was delivered to in practice, most reliable first. */
const DELIVERY_FIELDS = [
  'delivered-to',
  'x-delivered-to',
  'envelope-to',
  'x-envelope-to',
  'x-original-to',
  'x-forwarded-to',
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
      // Some forwarders write all addresses of the way into one field.
      for (const address of field.value.slice(0, 4_000).split(','))
        found.push({ field: name, address: address.trim() });
    }
  }
  for (const field of ['to', 'cc'] as const) for (const box of mail[field]) found.push({ field, address: box.email });
  for (const field of mail.headers) {
    if (field.name === 'received') {
      const target = /\sfor\s+<([^<>\s]{3,320})>/.exec(field.value.slice(0, 2000));
      if (target) found.push({ field: 'received', address: target[1]! });
    }
    if (field.name === 'resent-to') found.push({ field: 'resent-to', address: field.value.trim() });
  }
  const first = new Map<string, NamedAddress>();
  for (const each of found) if (!first.has(each.address)) first.set(each.address, each);
  return [...first.values()].slice(0, 100);
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

/**
 * Most telling first: In-Reply-To, References from the latest back, the mail that a report is about, and the mail's own
 * id, because the same mail may have come before; at most 100, without brackets.
 */
export function threadIds({
  mail,
  reportedIds,
}: Pick<Reading, 'reportedIds'> & {
  readonly mail: Pick<Mail, 'inReplyTo' | 'references' | 'messageId'>;
}): readonly NamedId[] {
  const ids: NamedId[] = [
    ...mail.inReplyTo.map(id => ({ field: 'In-Reply-To', id }) as const),
    ...[...mail.references].reverse().map(id => ({ field: 'References', id }) as const),
    ...reportedIds.map(id => ({ field: 'the returned mail', id }) as const),
  ];
  const first = new Map<string, NamedId>();
  for (const each of ids.slice(0, 99)) if (!first.has(each.id)) first.set(each.id, each);
  if (mail.messageId !== null && !first.has(mail.messageId)) {
    first.set(mail.messageId, { field: 'Message-ID', id: mail.messageId });
  }
  return [...first.values()];
}
