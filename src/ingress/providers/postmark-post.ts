/**
 * The JSON of Postmark's inbound webhook: one mail a post. The recipient is `OriginalRecipient`, where Postmark took the
 * mail; `To` is what the header says. The raw mail is there only when the server's switch for it is on.
 */

import { envelopeSender } from '../recipients.js';
import type { JsonReading } from './json-posts.js';

const SWITCH =
  'RawEmail is missing: at Postmark, in the inbound stream\'s settings, turn on "Include raw email content in JSON payload".';

export function readPostmarkPost(value: unknown): JsonReading {
  const { OriginalRecipient: recipient, RawEmail: raw, From: from } = (value ?? {}) as Record<string, unknown>;
  if (typeof raw !== 'string' || raw === '') return { fault: SWITCH };
  if (typeof recipient !== 'string' || recipient === '') return { fault: 'OriginalRecipient is missing.' };
  return { mails: [{ mailFrom: envelopeSender(raw, from), rcptTo: [recipient], raw }] };
}
