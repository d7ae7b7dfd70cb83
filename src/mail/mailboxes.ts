/**
 * Address lists of header fields (RFC 5322 section 3.4, RFC 6854) as mailboxes.
 *
 * What has no readable address is left out: a group gives its members, `undisclosed-recipients:;` gives nobody. Encoded
 * words are decoded in names only (RFC 2047 section 5): a name that decodes to an address stays a name. Only a field
 * that has no address outside of its encoded words is decoded first, because some programs encode the whole of it.
 * Quotes, brackets and `mailto:` around an address are no part of it. At most 500 mailboxes of a list are read.
 * Nothing throws.
 */
import addressparser from 'nodemailer/lib/addressparser';
import { normalizeAddress } from './address.js';
import { replaced, withoutEnd } from './cut.js';
import type { Mailbox } from './mail.js';
import { decodeWords, encodedWords } from './mime/headers.js';
import { cleanSubject } from './subject.js';

const MAX_MAILBOXES = 500;
const MAX_LIST = 50_000;

/** The mailboxes of one or several fields of a name, in order. Names are clean single lines. */
export function parseMailboxes(values: readonly string[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const value of values) {
    const list = value.slice(0, MAX_LIST);
    if (list.includes('=?') && !withoutWords(list).includes('@')) pushEncoded(mailboxes, decodeWords(list));
    else push(mailboxes, repaired(withSafeWords(list)));
  }
  return mailboxes;
}

function push(mailboxes: Mailbox[], list: string): void {
  if (!list.includes('@')) return;
  for (const entry of addressparser(list, { flatten: true })) {
    if (mailboxes.length === MAX_MAILBOXES) return;
    const email = normalizeAddress(entry.address) ?? normalizeAddress(bareAddress(entry.address));
    if (email !== null) mailboxes.push({ name: displayName(entry.name, email), email: bareAddress(email) });
  }
}

/** A quote that never closes would hide the address behind it; Outlook copies `Ann [mailto:ann@example.com]`. */
function repaired(list: string): string {
  const whole = list.includes('[') ? list.replaceAll(/\[mailto:([^\s[\]]{3,320})\]/gi, '<$1>') : list;
  if (!whole.includes('"')) return whole;
  const quotes = whole.match(/\\?"/g)!.filter(quote => quote === '"').length;
  return quotes % 2 === 0 ? whole : whole.replaceAll('"', ' ');
}

/** Inside of an encoded word a comma of the name needs no quotes. */
function pushEncoded(mailboxes: Mailbox[], list: string): void {
  const one = /^([^<>@]{0,1000})<([^<>\s]{3,320})>\s*$/.exec(list);
  const email = one === null ? null : normalizeAddress(bareAddress(one[2]!));
  if (email === null) push(mailboxes, list);
  else if (mailboxes.length < MAX_MAILBOXES) mailboxes.push({ name: displayName(one![1]!, email), email });
}

function withoutWords(list: string): string {
  const words = [...encodedWords(list)].map(({ from, to }) => ({ from, to, text: ' ' }));
  return replaced(list, words);
}

/** What means something in a list may not stand in an encoded word, and stands there: `=?utf-8?Q?Lee, Ann?=`. */
function withSafeWords(list: string): string {
  if (!list.includes('=?')) return list;
  const words = [...encodedWords(list)].map(({ to, text }) => {
    const safe = text.replaceAll(
      /[ \t"(),:;<>@[\\\]]/g,
      char => `=${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
    return { from: to - 2 - text.length, to: to - 2, text: safe };
  });
  return replaced(list, words);
}

/** Outlook writes 'ann@example.com' for a name that is an address; others copy a link. */
function bareAddress(address: string): string {
  const bare = address.trim().replace(/^<?(?:mailto|smtp):/i, '');
  const inside = /^(['"`\u2018\u201c[])(.{1,320})(['"`\u2019\u201d\]])$/.exec(bare)?.[2];
  return inside?.includes('@') === true ? inside : bare;
}

/** The decoded name; '' when it only repeats the address. */
function displayName(raw: string, email: string): string {
  const decoded = decodeWords(raw);
  // Some programs encode what is encoded already.
  const line = cleanSubject(decoded === raw ? raw : decodeWords(decoded));
  const whole = line.includes('<') === line.includes('>') ? line : line.replaceAll(/[<>]/g, ' ');
  const name = withoutEnd(whole, `"' `).replace(/^["' ]+/, '');
  return name.toLowerCase() === email.toLowerCase() ? '' : name;
}
