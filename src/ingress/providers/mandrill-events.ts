/**
 * The JSON of Mandrill's inbound webhook: a list of events, of which those called `inbound` carry a mail each in
 * `msg.raw_msg`, for `msg.email`. Other events are none of ours and are passed over; an empty list is Mandrill's test.
 */

import { envelopeSender } from '../recipients.js';
import type { JsonMail, JsonReading } from './json-posts.js';

/** Mandrill sends at most 1000 in one post. */
const MAX_EVENTS = 1000;

/** The others of the list are filed all the same. */
const NOTHING: JsonMail = { mailFrom: '', rcptTo: [], raw: null };

export function readMandrillEvents(value: unknown): JsonReading {
  if (!Array.isArray(value)) return { fault: 'mandrill_events is no list.' };
  if (value.length > MAX_EVENTS) return { fault: `mandrill_events has more than ${MAX_EVENTS} events.` };
  const mails: JsonMail[] = [];
  for (const event of value as unknown[]) {
    const { event: name, msg } = (event ?? {}) as { event?: unknown; msg?: Record<string, unknown> | null };
    if (name !== 'inbound') continue;
    const { raw_msg: raw, email, from_email: from } = msg ?? {};
    const whole = typeof raw === 'string' && raw !== '' && typeof email === 'string' && email !== '';
    mails.push(whole ? { mailFrom: envelopeSender(raw, from), rcptTo: [email], raw } : NOTHING);
  }
  return { mails };
}
