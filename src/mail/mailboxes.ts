/**
 * Address lists of header fields (RFC 5322 section 3.4, RFC 6854) as mailboxes. What has no readable address is left
 * out: groups give their members, `undisclosed-recipients:;` gives nobody. Encoded words are decoded in names only
 * (RFC 2047 section 5): a name that decodes to an address stays a name. At most 500 of a list; nothing throws.
 */
import addressparser from 'nodemailer/lib/addressparser';
import { normalizeAddress } from './address.js';
import type { Mailbox } from './mail.js';
import { decodeWords } from './mime/headers.js';
import { cleanSubject } from './subject.js';

const MAX_MAILBOXES = 500;
const MAX_LIST = 50_000;

/**
 * One address of a list as nearly all are: bare, or in brackets, there perhaps behind a name of plain words with simple
 * quotes or none. Nothing in it means anything to a parser.
 */
const PLAIN = new RegExp(
  '(?:(?:(?:(WORDS)|"(WORDS(?:, WORDS)?)") )?<(ADDRESS)>|(ADDRESS))(?:, ?(?=[^ ])|$)'
    .replaceAll('WORDS', '[A-Za-z][\\w.-]{0,40}(?: [A-Za-z][\\w.-]{0,40}){0,4}')
    .replaceAll('ADDRESS', '[\\w.+-]{1,64}@[A-Za-z0-9.-]{1,250}'),
  'y',
);

/** The mailboxes of one or several fields of a name, in order. Names are clean single lines. */
export function parseMailboxes(values: readonly string[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const value of values) {
    if (!value.includes('@')) continue;
    const plain = plainMailboxes(value);
    if (plain !== null && mailboxes.length + plain.length <= MAX_MAILBOXES) {
      mailboxes.push(...plain);
      continue;
    }
    for (const entry of addressparser(value.slice(0, MAX_LIST), { flatten: true })) {
      if (mailboxes.length === MAX_MAILBOXES) return mailboxes;
      const email = normalizeAddress(entry.address);
      if (email !== null) mailboxes.push({ name: displayName(entry.name, email), email });
    }
  }
  return mailboxes;
}

/** The mailboxes of a list in which every entry is plain; else null. */
function plainMailboxes(value: string): Mailbox[] | null {
  if (value.length > MAX_LIST) return null;
  const mailboxes: Mailbox[] = [];
  let at = 0;
  while (at < value.length) {
    PLAIN.lastIndex = at;
    const match = PLAIN.exec(value);
    if (match === null) return null;
    at = PLAIN.lastIndex;
    const email = normalizeAddress(match[3] ?? match[4]!);
    // Such a name is clean, and no address.
    if (email !== null) mailboxes.push({ name: match[1] ?? match[2] ?? '', email });
  }
  return mailboxes;
}

/** The decoded name; '' when it only repeats the address. */
function displayName(raw: string, email: string): string {
  const name = cleanSubject(decodeWords(raw)).replaceAll(/^["' ]+|["' ]+$/g, '');
  return name.toLowerCase() === email.toLowerCase() ? '' : name;
}
