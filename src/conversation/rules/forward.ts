/**
 * Whether a mail that one of the team sent on opens its conversation with the person who wrote the original. Pure.
 *
 * Only where the account has the feature `forwarded_mail`, and only by somebody proven: DMARC passed for the address in
 * From, and that address is the account's support address or stands in `forwarders` (an address, or a domain without its
 * subdomains). The original must be a person's, whom an answer reaches, who is none of the team and not blocked. In every
 * other case the mail opens the conversation as its sender's own, as if there were no such feature, and says why.
 *
 * The forwarder is proven, the original is not: who wrote it is his word.
 */
import { foldAddress, splitAddress, takesNoAnswer } from '../../mail/address.js';
import type { Mailbox } from '../../mail/mail.js';
import { blockingEntry } from './blocked.js';

export interface ForwardCircumstances {
  /** Who sent it on: From. */
  readonly forwarder: Mailbox | null;
  /** `forwardersOf` the account; null: it has not the feature. */
  readonly forwarders: readonly string[] | null;
  /** Verdict of a trusted checker or of our own on the forwarder. */
  readonly dmarc: string | null;
  /** Who wrote the original, or why that is in doubt; null: the mail says nothing of a forward. */
  readonly original: { readonly writer: Mailbox } | { readonly doubt: string } | null;
  /** The account's block list. */
  readonly blocked: readonly string[];
  /** An address of replyd, or the account's support address. */
  readonly isOurs: (address: string) => boolean;
}

export type ForwardDecision =
  | { readonly kind: 'original'; readonly writer: Mailbox; readonly forwarder: Mailbox; readonly evidence: string }
  /** `evidence`: null where nobody could expect anything else. */
  | { readonly kind: 'own'; readonly evidence: string | null };

/** Whose forwards an account takes for others' mail. */
export function forwardersOf(account: {
  readonly on: boolean;
  readonly supportEmail: string;
  readonly forwarders: readonly string[] | undefined;
}): readonly string[] | null {
  return account.on ? [foldAddress(account.supportEmail), ...(account.forwarders ?? [])] : null;
}

/** One of the team, if From says the truth. Asked before the DNS is. */
export function isForwarder(address: string | undefined, forwarders: readonly string[] | null): boolean {
  if (address === undefined || forwarders === null) return false;
  const domain = splitAddress(address)?.domain.toLowerCase();
  return forwarders.some(entry => (entry.includes('@') ? entry === foldAddress(address) : entry === domain));
}

export function decideForward(mail: ForwardCircumstances): ForwardDecision {
  const { forwarder, forwarders, original } = mail;
  if (forwarders === null || original === null || forwarder === null) return { kind: 'own', evidence: null };
  const own = (why: string): ForwardDecision => ({ kind: 'own', evidence: `not taken as a forward: ${why}` });
  if (!isForwarder(forwarder.email, forwarders)) return own(`${forwarder.email} is none of the forwarders`);
  if (mail.dmarc !== 'pass') return own(`DMARC of ${forwarder.email} is ${mail.dmarc ?? 'not known'}, not pass`);
  if ('doubt' in original) return own(original.doubt);
  const { writer } = original;
  if (mail.isOurs(writer.email)) return own(`${writer.email} is ours`);
  if (isForwarder(writer.email, forwarders)) return own(`${writer.email} is one of the forwarders`);
  if (takesNoAnswer(writer.email)) return own(`${writer.email} takes no answer`);
  if (blockingEntry(mail.blocked, [writer.email]) !== null) return own(`${writer.email} is on the block list`);
  const name = forwarder.name === '' ? forwarder.email : `${forwarder.name} <${forwarder.email}>`;
  return { kind: 'original', writer, forwarder, evidence: `forwarded by ${name}, proven by DMARC` };
}
