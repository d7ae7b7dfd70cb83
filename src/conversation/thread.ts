/**
 * What an incoming mail does to its conversation: decided by pure rules, carried out by the store in the transaction
 * that files it. A robot's mail is filed and marked, and has no other effect; a loop is stopped by count, not by sender.
 */
import type { Mail, MailKind } from '../mail/mail.js';
import type { ConversationStatus } from './model.js';

export interface Circumstances {
  readonly kind: MailKind;
  readonly status: ConversationStatus;
  /** The writer in From is a participant already. */
  readonly known: boolean;
  /** The account's `hold_strangers`. */
  readonly holdStrangers: boolean;
  /** DMARC verdict of a trusted checker, null when there is none. */
  readonly dmarc: string | null;
  /** Mails that came into this conversation within the loop window, this one not counted. */
  readonly recent: number;
  readonly loopMessages: number;
  /** The mail carries our own loop mark. */
  readonly ownMail: boolean;
}

export interface Effects {
  readonly held: boolean;
  readonly looping: boolean;
  /** A resolved conversation opens again. */
  readonly reopens: boolean;
  readonly evidence: readonly string[];
}

export function decideEffects(facts: Circumstances): Effects {
  const evidence: string[] = [];
  if (facts.ownMail) evidence.push('loop');
  const looping = facts.ownMail || facts.recent >= facts.loopMessages;
  if (looping && !facts.ownMail) evidence.push(`looping: ${facts.recent} mails before it within the window`);
  const person = facts.kind === 'reply' || facts.kind === 'list';
  // No verdict never holds: most mail has none.
  const stranger = !facts.known ? 'unknown writer' : facts.dmarc === 'fail' ? 'DMARC failed' : null;
  const held = person && !looping && facts.holdStrangers && stranger !== null;
  if (held) evidence.push(`held: ${stranger}`);
  return { held, looping, reopens: person && !looping && !held && facts.status === 'resolved', evidence };
}

/** Fields in which MTAs and forwarders leave the address a mail was delivered to (field-notes), most reliable first. */
const DELIVERY_FIELDS = [
  'delivered-to',
  'x-delivered-to',
  'envelope-to',
  'x-envelope-to',
  'x-original-to',
  'x-forwarded-to',
] as const;

/** Addresses a mail may have been meant for, for mail whose envelope names only an account; at most 100. */
export function addressesInHeader(mail: Pick<Mail, 'headers' | 'to' | 'cc'>): readonly string[] {
  const found: string[] = [];
  for (const name of DELIVERY_FIELDS) {
    for (const field of mail.headers) if (field.name === name) found.push(field.value.trim());
  }
  for (const box of [...mail.to, ...mail.cc]) found.push(box.email);
  for (const field of mail.headers) {
    if (field.name === 'received') {
      const target = /\sfor\s+<([^<>\s]{3,320})>/.exec(field.value.slice(0, 2000));
      if (target) found.push(target[1]!);
    }
    if (field.name === 'resent-to') found.push(field.value.trim());
  }
  return [...new Set(found)].slice(0, 100);
}

/** Ids that may name a conversation, most telling first: In-Reply-To, then References from the latest back; at most 100. */
export function threadIds(mail: Mail): readonly string[] {
  return [...new Set([...mail.inReplyTo, ...[...mail.references].reverse()])].slice(0, 100);
}
