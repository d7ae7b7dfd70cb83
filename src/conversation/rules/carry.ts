/**
 * Who takes part in a conversation because somebody put him into To or Cc of a mail to us. Pure.
 *
 * Only the contact and those who were brought in before him (*carried*) can bring in others: a stranger's attempt does
 * nothing. An account's `cc_policy` says whether they are carried, so that every answer goes to them too, or suggested to the
 * team, or neither. What is in doubt is suggested. Whom the team removed comes back by the team alone.
 *
 * At most MOST_CARRIED are carried in a conversation, so a conversation can be made to mail to no more strangers; further
 * ones are suggested, and beyond MOST_KNOWN nobody is kept.
 */
import { foldAddress } from '../../mail/address.js';
import type { Mailbox, MailKind } from '../../mail/mail.js';
import type { CcPolicy } from '../cc-model.js';

/** `removed`: by the team, or because his address is dead. He is shown nowhere. */
export type CcState = 'carried' | 'suggested' | 'removed';

export const MOST_CARRIED = 20;
/** Carried, suggested and removed ones of a conversation. */
export const MOST_KNOWN = 60;
/** Addresses of a mail that are looked at. */
export const MOST_NAMED = 100;

/** What accounts do that say nothing. */
export const USUAL_POLICY: CcPolicy = 'carry';

export interface BringingMail {
  readonly policy: CcPolicy;
  /** Null: it cannot be read. */
  readonly kind: MailKind | null;
  /** It is held, or part of a loop. */
  readonly hasNoEffect: boolean;
  readonly writer: 'contact' | 'carried' | 'other';
  readonly dmarc: string | null;
  /** It came to the reply address of somebody who can bring in nobody himself. */
  readonly cameToOther: boolean;
  /** One of the team sent it on: nothing proves whom the original names. */
  readonly isForward: boolean;
}

/** What those become whom a mail names; null: nothing. */
export function broughtAs(mail: BringingMail): 'carried' | 'suggested' | null {
  if (mail.policy === 'never' || mail.kind !== 'reply' || mail.hasNoEffect || mail.writer === 'other') return null;
  const isDoubted = mail.dmarc === 'fail' || mail.dmarc === 'temperror' || mail.cameToOther || mail.isForward;
  return mail.policy === 'carry' && !isDoubted ? 'carried' : 'suggested';
}

/** Everybody in To and Cc, each once. */
export function namedIn(mail: {
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
}): readonly Mailbox[] {
  const first = new Map<string, Mailbox>();
  for (const box of [...mail.to, ...mail.cc].slice(0, MOST_NAMED)) {
    const address = foldAddress(box.email);
    if (!first.has(address)) first.set(address, box);
  }
  return [...first.values()];
}

export interface CcChange {
  readonly person: Mailbox;
  readonly state: 'carried' | 'suggested';
  /** He is known in another state. */
  readonly isKnown: boolean;
}

/** What changes for these people. `known`: by folded address, all of the conversation. */
export function changesOf(
  people: readonly Mailbox[],
  as: 'carried' | 'suggested',
  known: ReadonlyMap<string, CcState>,
): readonly CcChange[] {
  let carried = [...known.values()].filter(state => state === 'carried').length;
  let kept = known.size;
  const changes: CcChange[] = [];
  for (const person of people) {
    const before = known.get(foldAddress(person.email));
    const state = as === 'carried' && carried < MOST_CARRIED ? 'carried' : 'suggested';
    if (before === 'removed' || before === 'carried' || before === state) continue;
    if (before === undefined && kept >= MOST_KNOWN) continue;
    if (before === undefined) kept += 1;
    if (state === 'carried') carried += 1;
    changes.push({ person, state, isKnown: before !== undefined });
  }
  return changes;
}

/** Why the team cannot carry one more; null: it can. */
export function refusalToCarry(carried: number): string | null {
  return carried < MOST_CARRIED ? null : `${MOST_CARRIED} people get the answers of this conversation already`;
}
