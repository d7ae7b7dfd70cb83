/**
 * Address lists of header fields (RFC 5322 section 3.4, RFC 6854) as mailboxes. What has no readable address is left
 * out: groups give their members, `undisclosed-recipients:;` gives nobody. Encoded words are decoded in names only
 * (RFC 2047 section 5): a name that decodes to an address stays a name. At most 500 of a list; nothing throws.
 */
import addressparser from 'nodemailer/lib/addressparser';
import { normalizeAddress } from './address.js';
import { decodeWords } from './headers.js';
import type { Mailbox } from './mail.js';
import { cleanSubject } from './subject.js';

const MAX_MAILBOXES = 500;
const MAX_LIST = 50_000;

/** One address behind a name of plain words, as most fields are: nothing in it means anything to a parser. */
const PLAIN =
  /^(?:([A-Za-z][a-z]{0,40}(?: [A-Za-z][a-z]{0,40}){0,4}) )?<([A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,250})>$/;

/** The mailboxes of one or several fields of a name, in order. Names are clean single lines. */
export function parseMailboxes(values: readonly string[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const value of values) {
    if (!value.includes('@')) continue;
    const plain = PLAIN.exec(value);
    if (plain !== null && mailboxes.length < MAX_MAILBOXES) {
      const email = normalizeAddress(plain[2]!);
      // Such a name is clean, and no address.
      if (email !== null) mailboxes.push({ name: plain[1] ?? '', email });
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

/** The decoded name; '' when it only repeats the address. */
function displayName(raw: string, email: string): string {
  const name = cleanSubject(decodeWords(raw)).replaceAll(/^["' ]+|["' ]+$/g, '');
  return name.toLowerCase() === email.toLowerCase() ? '' : name;
}
