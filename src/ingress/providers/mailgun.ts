/**
 * Mailgun's door: a form with `recipient`, `sender`, `body-mime`, and `signature` = hex HMAC-SHA256 of timestamp and
 * token. Mailgun retries for 8 hours with the same stamp, so stamps of 12 hours are good; there is no memory of tokens,
 * because our own 503 would turn the retry away: the same mail is filed once anyway.
 */
import { createHmac } from 'node:crypto';
import { isSecret } from '../../base/http.js';
import { type Door, discard, whole } from '../door.js';
import { readForm } from './form.js';

const WINDOW = 12 * 3_600_000;
const SWITCH =
  'body-mime is missing: Mailgun posts the raw mail only to addresses that end in "mime", so the route must forward to …/ingress/mailgun/mime.';

export const readMailgun: Door = async ({ exchange, secrets, spool, maxSize, maxBody, lowOnSpace, now }) => {
  const form = await readForm(exchange.stream, exchange.header('content-type') ?? '', {
    raw: 'body-mime',
    maxRaw: maxSize,
    maxBody,
    lowOnSpace,
    spool,
  });
  if (form.word !== 'form') return form;
  const received = form.raw === null ? null : whole(form.raw);
  const { fields } = form;
  const proof = checkProof(fields, secrets, now());
  const drop = async () => {
    if (received?.word !== 'complete') return;
    received.release();
    await discard(received.raw);
  };
  if (proof !== null) {
    await drop();
    return { word: 'unproven', detail: proof };
  }
  if (received !== null && received.word !== 'complete') return received;
  const rcptTo = (fields.get('recipient') ?? '')
    .split(',')
    .map(address => address.trim())
    .filter(address => address !== '');
  if (received === null || rcptTo.length === 0) {
    await drop();
    return { word: 'malformed', detail: received === null ? SWITCH : 'recipient is missing.' };
  }
  const { raw, release } = received;
  return { word: 'posts', posts: [{ mailFrom: fields.get('sender') ?? '', rcptTo, raw, release }] };
};

/** Why it is none, or null. */
function checkProof(fields: ReadonlyMap<string, string>, keys: readonly string[], now: number): string | null {
  const timestamp = fields.get('timestamp') ?? '';
  const token = fields.get('token') ?? '';
  const signature = fields.get('signature') ?? '';
  if (!/^\d{1,12}$/.test(timestamp) || token === '' || signature === '')
    return 'timestamp, token or signature is missing.';
  const expected = keys.map(key =>
    createHmac('sha256', key)
      .update(timestamp + token)
      .digest('hex'),
  );
  if (!isSecret(signature.toLowerCase(), expected)) {
    return 'The signature is wrong: ingress.mailgun.signing_key must be the "HTTP webhook signing key" of Mailgun.';
  }
  if (Math.abs(now - Number(timestamp) * 1000) > WINDOW)
    return 'The signature is older than 12 hours (or our clock is wrong).';
  return null;
}
