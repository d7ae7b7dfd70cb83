/**
 * Address lists of header fields (RFC 5322 section 3.4, RFC 6854) as mailboxes.
 *
 * What has no readable address is left out: a group gives its members, `undisclosed-recipients:;` gives nobody. Encoded
 * words are decoded in names only (RFC 2047 section 5): a name that decodes to an address stays a name. At most 500
 * mailboxes of a list are read. Nothing throws.
 */
import addressparser from 'nodemailer/lib/addressparser';
import { normalizeAddress } from './address.js';
import type { Mailbox } from './mail.js';
import { decodeWords } from './mime/headers.js';
import { cleanSubject } from './subject.js';

const MAX_MAILBOXES = 500;
const MAX_LIST = 50_000;

/** The mailboxes of one or several fields of a name, in order. Names are clean single lines. */
export function parseMailboxes(values: readonly string[]): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const value of values) {
    if (!value.includes('@')) continue;
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
