/**
 * Mandrill's door: a form whose `mandrill_events` is a JSON list. Proof: `X-Mandrill-Signature` = base64 HMAC-SHA1 of the
 * public address and all fields in the order of their names. Mandrill first asks with HEAD or GET whether the address is
 * there (`http.ts` answers), then posts an empty list signed with a key that is no secret; only that is taken so.
 */
import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isSecret } from '../../base/http.js';
import type { Content } from '../../mail/mail.js';
import { type Door, discard, whole } from '../door.js';
import { readForm } from './form.js';
import { readJsonPosts } from './json-posts.js';

const FIELD = 'mandrill_events';
/** Mandrill's key for the test that it makes before a webhook has a key of its own. */
const TEST_KEY = 'test-webhook';

export const readMandrill: Door = async ({
  exchange,
  secrets,
  spool,
  folder,
  maxSize,
  maxBody,
  lowOnSpace,
  publicUrl,
}) => {
  const form = await readForm(exchange.stream, exchange.header('content-type') ?? '', {
    raw: FIELD,
    maxRaw: maxBody,
    maxBody,
    lowOnSpace,
    spool,
  });
  if (form.word !== 'form') return form;
  if (form.raw === null) return { word: 'malformed', detail: `${FIELD} is missing: is this a webhook of Mandrill?` };
  const received = whole(form.raw);
  if (received.word !== 'complete') return received;
  try {
    const url = `${publicUrl ?? ''}${exchange.target}`;
    const given = exchange.header('x-mandrill-signature') ?? '';
    const signed = await signatures([...secrets, TEST_KEY], url, form.fields, received.raw);
    const isTest = isSecret(given, signed.slice(-1)) && received.size <= 2 && 'bytes' in received.raw;
    if (!isTest && !isSecret(given, signed.slice(0, -1))) {
      return {
        word: 'unproven',
        detail: `X-Mandrill-Signature is wrong: ingress.mandrill.key must be the key of this webhook, and its address at Mandrill exactly ${url}`,
      };
    }
    return await readJsonPosts('mandrill', received.raw, { folder, maxSize });
  } finally {
    received.release();
    await discard(received.raw);
  }
};

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
