/**
 * Addresses (RFC 5321 section 4.1.2, RFC 6531) and the grammar of our own ones (docs/contract.md section 3).
 *
 * Reading is lenient where real senders are: dots at odd places, UTF-8 local parts, local parts longer than 64 octets
 * as VERP makes them. It is strict where a character could mean something to a shell, a header or a log. Nothing
 * throws: what is no address is null, what is no address of ours is `unknown`, so that every door can give its own
 * answer. All patterns are anchored and linear.
 */
import { domainToASCII } from 'node:url';

/** What stands between prefix and token. All are understood, one is configured for new addresses. */
export const SEPARATORS = ['+', '-', '='] as const;
export type Separator = (typeof SEPARATORS)[number];

/** What an address at one of our domains means. `token` is normalised (`normalizeToken`), `domain` too. */
export type OurAddress =
  | { readonly kind: 'reply' | 'bounce' | 'inbox'; readonly token: string; readonly domain: string }
  | { readonly kind: 'operator'; readonly localPart: 'postmaster' | 'abuse'; readonly domain: string }
  | { readonly kind: 'unknown'; readonly domain: string };

// RFC 5321 4.5.3.1 for addresses of ours; a stranger's whole address may be as long as RFC 3696 once allowed.
const MAX_OUR_LOCAL_PART = 64;
const MAX_OUR_ADDRESS = 254;
const MAX_ADDRESS = 320;
const MAX_DOMAIN = 253;
const MAX_LABEL = 63;

/** RFC 5321 4.1.2: Dot-string. */
const NEEDS_NO_QUOTES = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

/**
 * The address in one form: domain in lower-case A-labels without a trailing dot, local part as written. One pair of
 * angle brackets and white space around it are dropped. null when it is no address.
 */
export function normalizeAddress(text: string): string | null {
  const bare = withoutBrackets(text);
  if (bare.length > MAX_ADDRESS || Buffer.byteLength(bare) > MAX_ADDRESS) return null;
  const at = bare.lastIndexOf('@');
  if (at < 1) return null;
  const local = bare.slice(0, at);
  if (!isLocalPart(local)) return null;
  const domain = normalizeDomain(bare.slice(at + 1));
  return domain === null ? null : `${local}@${domain}`;
}

/**
 * An address of an envelope in the one form in which it is kept, whatever door it came by: as `normalizeAddress` gives it,
 * without quotes that say nothing (RFC 5321 4.1.2), '' for the null reverse-path. What is no address keeps its words,
 * without brackets and cut, for the record.
 */
export function envelopeAddress(text: string): string {
  const address = normalizeAddress(text) ?? withoutBrackets(text).slice(0, MAX_ADDRESS);
  if (!address.startsWith('"')) return address;
  const at = address.lastIndexOf('@');
  const local = unquoted(address.slice(0, at));
  return NEEDS_NO_QUOTES.test(local) ? local + address.slice(at) : address;
}

/** The domain in lower-case A-labels, or an address literal such as `[192.0.2.1]`; null when it is neither. */
export function normalizeDomain(text: string): string | null {
  if (text.length === 0 || text.length > MAX_DOMAIN + 1) return null;
  if (/^\[[0-9a-z:.-]+\]$/i.test(text)) return text.toLowerCase();
  const domain = text.endsWith('.') ? text.slice(0, -1) : text;
  // domainToASCII decodes %XX and reads 1.2 as an IPv4 address, so it sees only what it alone can answer.
  const ascii = /^[\x21-\x7e]*$/.test(domain) ? domain.toLowerCase() : unicodeDomain(domain);
  if (ascii.length > MAX_DOMAIN || !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(ascii)) return null;
  return ascii;
}

/**
 * Why no mail can go to this address (as `normalizeAddress` gives it), in words that follow "it cannot be mailed:"; null: it
 * can. RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4. Mail that comes from such an address is taken all the same.
 */
export function reasonNotMailable(address: string): string | null {
  const { localPart, domain } = splitAddress(address)!;
  const labels = domain.split('.');
  if (Buffer.byteLength(localPart) > MAX_OUR_LOCAL_PART) return 'what stands before the @ is longer than 64 octets';
  if (Buffer.byteLength(address) > MAX_OUR_ADDRESS) return 'it is longer than 254 octets';
  if (domain.startsWith('[') || /^\d+$/.test(labels.at(-1)!)) return 'its domain is an IP address';
  if (labels.length === 1) return 'its domain has no dot';
  if (labels.some(label => label.length > MAX_LABEL)) return 'a part of its domain is longer than 63 characters';
  if (labels.some(label => /^-|-$/.test(label))) return 'a part of its domain begins or ends with a hyphen';
  return null;
}

/** True when both name the same mailbox for people: compared without regard to case. False when one is no address. */
export function sameAddress(a: string, b: string): boolean {
  const left = normalizeAddress(a);
  const right = normalizeAddress(b);
  return left !== null && right !== null && foldAddress(left) === foldAddress(right);
}

/** The two sides of the last @, as they are; null without one. */
export function splitAddress(address: string): { readonly localPart: string; readonly domain: string } | null {
  const at = address.lastIndexOf('@');
  return at < 0 ? null : { localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

/**
 * A token in the one form in which it is stored and looked up: lower case, a UUID without its hyphens. null when it is
 * no token: neither 8 to 64 of `a-z 0-9 . _ -`.
 */
export function normalizeToken(text: string): string | null {
  if (text.length > MAX_OUR_LOCAL_PART) return null;
  const token = text.toLowerCase();
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(token)) return token.replaceAll('-', '');
  return /^[a-z0-9._-]{8,64}$/.test(token) ? token : null;
}

/**
 * What an address at an inbound domain means. `prefixes`: every reply prefix that was ever in use, in any case; each
 * may hold separator characters itself, so the longest one that leaves a token wins. A bare `postmaster` has domain ''.
 * Whether the domain is ours and the token alive is the store's to say.
 */
export function parseOurAddress(address: string, prefixes: readonly string[]): OurAddress {
  const bare = withoutBrackets(address);
  if (bare.length > MAX_ADDRESS) return { kind: 'unknown', domain: '' };
  const at = bare.lastIndexOf('@');
  if (at < 0) return operatorAddress(bare, '', ['postmaster']) ?? { kind: 'unknown', domain: '' };
  const domain = normalizeDomain(bare.slice(at + 1)) ?? '';
  const local = unquoted(bare.slice(0, at));
  const unknown: OurAddress = { kind: 'unknown', domain };
  if (domain === '' || local.length > MAX_OUR_LOCAL_PART || at + 1 + domain.length > MAX_OUR_ADDRESS) return unknown;
  return operatorAddress(local, domain, ['postmaster', 'abuse']) ?? tokenAddress(local, domain, prefixes) ?? unknown;
}

/** True for an address whose name says that nobody reads there. */
export function takesNoAnswer(address: string): boolean {
  return NO_ANSWER.test(address);
}

const NO_ANSWER =
  /^(?:[a-z0-9._+-]{0,40}[._+-])?(?:no-?_?\.?reply|do-?_?\.?not-?_?\.?reply|no-?_?\.?respond|auto-?_?reply|autoresponder|mailer-daemon)(?:[._+-]|\d{0,6}@)/i;

/** `reply+<token>@<domain>`. Its parts are ours already and are not checked again. */
export function formatReplyAddress(prefix: string, separator: Separator, token: string, domain: string): string {
  return `${prefix}${separator}${token}@${domain}`;
}

/** The key under which an address is compared: NFC, lower case throughout. */
export function foldAddress(address: string): string {
  return address.normalize('NFC').toLowerCase();
}

function operatorAddress(
  local: string,
  domain: string,
  names: readonly ('postmaster' | 'abuse')[],
): OurAddress | undefined {
  const name = names.find(candidate => candidate === local.toLowerCase());
  return name === undefined ? undefined : { kind: 'operator', localPart: name, domain };
}

function tokenAddress(local: string, domain: string, prefixes: readonly string[]): OurAddress | undefined {
  const candidates: { kind: 'reply' | 'bounce' | 'inbox'; prefix: string }[] = [
    { kind: 'bounce', prefix: 'bounce' },
    { kind: 'inbox', prefix: 'inbox' },
  ];
  for (const prefix of prefixes) candidates.push({ kind: 'reply', prefix: prefix.toLowerCase() });
  candidates.sort((a, b) => b.prefix.length - a.prefix.length);
  const folded = local.toLowerCase();
  for (const { kind, prefix } of candidates) {
    if (!folded.startsWith(prefix)) continue;
    if (!(SEPARATORS as readonly string[]).includes(folded.charAt(prefix.length))) continue;
    const token = normalizeToken(folded.slice(prefix.length + 1));
    if (token !== null) return { kind, token, domain };
  }
  return undefined;
}

/** RFC 5321 4.1.2: a quoted local part means the same as the words in it. */
function unquoted(local: string): string {
  return /^".*"$/s.test(local) ? local.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : local;
}

function withoutBrackets(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1).trim() : trimmed;
}

function unicodeDomain(domain: string): string {
  // ASCII that is no letter, digit, dot, hyphen or underscore has no place in a name in any script.
  return /[\x00-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]/.test(domain) ? '' : domainToASCII(domain);
}

function isLocalPart(local: string): boolean {
  // Dots may stand anywhere (a.@docomo.ne.jp is real); lone surrogates and all white space and controls may not.
  if (/^[^\s"(),:;<>@[\\\]\x00-\x1f\x7f-\x9f\ud800-\udfff]+$/u.test(local)) return true;
  return /^"(?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[\x20-\x7e])+"$/u.test(local);
}
