/**
 * When the DNS is asked who sent a mail (`auth.verify`). Pure.
 *
 * | `auth.verify` | a mail that a trusted checker judged | every other mail |
 * |---------------|--------------------------------------|------------------|
 * | never         | not                                  | not              |
 * | when_missing  | not                                  | asked            |
 * | always        | asked; our verdicts count            | asked            |
 *
 * Before the answer to the client only where something hangs on it: an account that holds strangers holds also what somebody
 * sends in a participant's name, and a forward of the team opens its conversation with somebody else (`forward.ts`).
 * An agent's answer by mail goes out in his name, so his address has to be proven before (`agent-mail.ts`): there `when_missing`
 * asks wherever a checker does not say anything of DMARC.
 * Everywhere else a slow DNS must not keep anybody waiting: after the commit.
 */
import type { Authentication } from '../../mail/authentication.js';
import type { Destination, FiledReading } from '../filing.js';
import { isForwarder } from './forward.js';

export const VERIFY_MODES = ['never', 'when_missing', 'always'] as const;
export type VerifyMode = (typeof VERIFY_MODES)[number];

/** Milliseconds that a client waits for the DNS at most, and that a mail is asked about after the commit. */
export const BEFORE_ANSWER = 2_000;
export const AFTER_COMMIT = 20_000;

export function decideVerification(mail: {
  readonly mode: VerifyMode;
  readonly destinations: readonly Destination[];
  /** What Authentication-Results of a trusted checker say; null: there is no such checker. */
  readonly said: Authentication | null;
  readonly reading: Pick<FiledReading, 'forward'> & { readonly mail: Pick<FiledReading['mail'], 'from'> };
}): 'not' | 'before' | 'after' {
  const accounts = mail.destinations.filter(each => each.kind !== 'operator');
  if (mail.mode === 'never' || accounts.length === 0) return 'not';
  const ofAgent = accounts.some(each => each.kind === 'agent');
  if (ofAgent && (mail.mode === 'always' || (mail.said?.dmarc ?? null) === null)) return 'before';
  if (mail.mode === 'when_missing' && mail.said !== null && saysSomething(mail.said)) return 'not';
  const { forward, mail: read } = mail.reading;
  const forwards = forward?.kind === 'one' ? forward : null;
  return accounts.some(
    each =>
      each.holdsStrangers ||
      (forwards !== null && each.kind === 'inbox' && isForwarder(read.from?.email, each.forwarders)),
  )
    ? 'before'
    : 'after';
}

function saysSomething({ spf, dkim, dmarc }: Authentication): boolean {
  return spf !== null || dkim !== null || dmarc !== null;
}
