/**
 * Mandrill: a form whose `mandrill_events` is a JSON list. Each event called `inbound` carries a mail in `msg.raw_msg`,
 * for `msg.email`; other events are passed over. Proof: `X-Mandrill-Signature` = base64 HMAC-SHA1 of the public address
 * and all fields in the order of their names. Mandrill first asks with HEAD or GET whether the address is there
 * (`http.ts` answers), then posts an empty list signed with a key that is no secret; only an empty list is taken with it.
 */
import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isSecret } from '../../base/secret.js';
import type { Content } from '../../mail/mail.js';
import {
  drop,
  type JsonMail,
  type JsonReading,
  maxEncodedBody,
  orFault,
  type Provider,
  type Translation,
  USUAL_ANSWERS,
} from './provider.js';

const FIELD = 'mandrill_events';
/** 20 bytes in base64. */
const SIGNATURE = /^[A-Za-z0-9+/]{27}=$/;
/** Mandrill's key for the test that it makes before a webhook has a key of its own. */
const TEST_KEY = 'test-webhook';
/** Mandrill sends at most 1000 in one post. */
const MAX_EVENTS = 1000;
/** Above it no JSON can be read in one go. */
const MAX_JSON = 400 * 1024 * 1024;
/** An event without its mail. The others of the list are filed all the same. */
const NOTHING: JsonMail = { from: null, rcptTo: [], raw: null };

export const mandrill = {
  name: 'mandrill',
  title: 'Mandrill',
  secretKey: 'key',
  secretMeaning: 'Webhook key of Mandrill.',
  paths: ['/ingress/mandrill', '/rails/action_mailbox/mandrill/inbound_emails'],
  answers: { ...USUAL_ANSWERS, stored: 200, refused: 200 },
  signsAddress: true,
  // A post holds several mails.
  maxBody: maxSize => Math.max(maxEncodedBody(maxSize), Math.min(maxSize * 8, MAX_JSON)),
  async read(request): Promise<Translation> {
    const { exchange, secrets, publicUrl, maxBody, allowance } = request;
    const url = `${publicUrl ?? ''}${exchange.target}`;
    const unproven = {
      kind: 'unproven',
      detail: `X-Mandrill-Signature is wrong: ingress.mandrill.key must be the key of this webhook, and its address at Mandrill exactly ${url}`,
    } as const;
    const given = exchange.header('x-mandrill-signature') ?? '';
    // All of the form is signed, so all of it must be read; not when it can't be a signature.
    if (!SIGNATURE.test(given)) return unproven;
    const { readForm } = await import('./form.js');
    const form = await readForm(request, { raw: FIELD, maxRaw: maxBody });
    if (form.kind !== 'form') return form;
    if (form.raw === null) return { kind: 'malformed', detail: `${FIELD} is missing: is this a webhook of Mandrill?` };
    const received = orFault(form.raw);
    if (received.kind !== 'complete') return received;
    try {
      const signed = await signatures([...secrets, TEST_KEY], url, form.fields, received.raw);
      const isTest = isSecret(given, signed.slice(-1)) && received.size <= 2 && 'bytes' in received.raw;
      if (!isTest && !isSecret(given, signed.slice(0, -1))) return unproven;
      if (!isTest) allowance.proven();
      const { readJsonPosts } = await import('./json-posts.js');
      return await readJsonPosts(mandrill, received.raw, request);
    } finally {
      await drop(received);
    }
  },
  readJson(value): JsonReading {
    if (!Array.isArray(value)) return { kind: 'malformed', detail: 'mandrill_events is no list.' };
    if (value.length > MAX_EVENTS) {
      return { kind: 'malformed', detail: `mandrill_events has more than ${MAX_EVENTS} events.` };
    }
    const mails: JsonMail[] = [];
    for (const event of value as unknown[]) {
      const { event: name, msg } = (event ?? {}) as { event?: unknown; msg?: Record<string, unknown> | null };
      if (name !== 'inbound') continue;
      const { raw_msg: raw, email, from_email: from } = msg ?? {};
      const isWhole = typeof raw === 'string' && raw !== '' && typeof email === 'string' && email !== '';
      mails.push(isWhole ? { from, rcptTo: [email], raw } : NOTHING);
    }
    return { kind: 'mails', mails };
  },
} as const satisfies Provider;

/** One for each key. The events may be large, so they are hashed as a stream. */
async function signatures(
  keys: readonly string[],
  url: string,
  fields: ReadonlyMap<string, string>,
  events: Content,
): Promise<readonly string[]> {
  const macs = keys.map(key => createHmac('sha1', key).update(url));
  const update = (data: string | Uint8Array) => {
    for (const mac of macs) mac.update(data);
  };
  for (const name of [...fields.keys(), FIELD].sort()) {
    update(name);
    if (name !== FIELD) update(fields.get(name) ?? '');
    else if ('bytes' in events) update(events.bytes);
    else for await (const chunk of createReadStream(events.file) as AsyncIterable<Buffer>) update(chunk);
  }
  return macs.map(mac => mac.digest('base64'));
}
