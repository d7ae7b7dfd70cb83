/**
 * Envelopes for mails whose provider does not tell all of it: recipients from the delivery fields of the header (only for
 * the relay, as Rails Action Mailbox posts it), the sender from Return-Path (RFC 5321 section 4.4). It reads at most
 * the first 256 KiB of a mail and throws only when the mail's file can't be read.
 */
import { open } from 'node:fs/promises';
import { addressesInHeader } from '../conversation/rules/filing.js';
import { normalizeAddress } from '../mail/address.js';
import type { Content } from '../mail/mail.js';
import { parseMailboxes } from '../mail/mailboxes.js';
import { allValues, firstValue, parseHeaderBlock } from '../mail/mime/headers.js';

const MAX_HEADER = 256 * 1024;

export interface HeaderEnvelope {
  /** In the order of their reliability; not only ours. */
  readonly rcptTo: readonly string[];
  readonly mailFrom: string;
}

export async function envelopeInHeader(raw: Content): Promise<HeaderEnvelope> {
  const bytes = await headOf(raw);
  const { fields } = parseHeaderBlock(bytes);
  const to = parseMailboxes(allValues(fields, 'to'));
  const cc = parseMailboxes(allValues(fields, 'cc'));
  const found = addressesInHeader({ headers: fields, to, cc });
  return {
    // Delivery fields may hold several addresses, or one with its name.
    rcptTo: [...new Set(parseMailboxes(found).map(box => box.email))],
    mailFrom: envelopeSender(Buffer.from(bytes).toString('latin1')),
  };
}

/**
 * The envelope sender of a mail whose provider does not tell it: its Return-Path, else who it says it is from
 * (`from`, or the From field). '' only where the mail says so itself, because null means bounces and robots.
 */
export function envelopeSender(raw: string, from?: unknown): string {
  const { fields } = parseHeaderBlock(Buffer.from(raw.slice(0, MAX_HEADER), 'latin1'));
  const path = firstValue(fields, 'return-path').trim();
  if (path === '<>') return '';
  const written = [path, typeof from === 'string' ? from : '', firstValue(fields, 'from')];
  for (const text of written) {
    const address = normalizeAddress(text) ?? parseMailboxes([text])[0]?.email;
    if (address !== undefined && address !== null) return address;
  }
  return '';
}

async function headOf(raw: Content): Promise<Uint8Array> {
  if ('bytes' in raw) return raw.bytes.subarray(0, MAX_HEADER);
  const file = await open(raw.file, 'r');
  try {
    const buffer = Buffer.alloc(MAX_HEADER);
    const { bytesRead } = await file.read(buffer, 0, MAX_HEADER, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
