/**
 * Mailgun: a form with `recipient`, `sender`, `body-mime`, and `signature` = hex HMAC-SHA256 of timestamp and token.
 * Mailgun retries for 8 hours with the same stamp, so stamps of 12 hours are good. The signature says nothing of the mail:
 * each is good for one mail and its recipients, which the store remembers with the mail. A retry is the same mail and is
 * taken; what was not stored or refused for good is not remembered. Only 406 makes Mailgun stop.
 */
import { createHash, createHmac } from 'node:crypto';
import { isSecret } from '../../base/secret.js';
import type { Proof } from '../../conversation/filing.js';
import { drop, maxEncodedBody, orFault, type Provider, type Translation, USUAL_ANSWERS } from './provider.js';

const WINDOW = 12 * 3_600_000;
const PROOF = ['timestamp', 'token', 'signature'];
const SWITCH =
  'body-mime is missing: Mailgun posts the raw mail only to addresses that end in "mime", so the route must forward to …/ingress/mailgun/mime.';

export const mailgun = {
  name: 'mailgun',
  title: 'Mailgun',
  secretKey: 'signing_key',
  secretMeaning: '"HTTP webhook signing key" of Mailgun.',
  paths: [
    '/ingress/mailgun/mime',
    '/ingress/mailgun',
    '/rails/action_mailbox/mailgun/inbound_emails',
    '/rails/action_mailbox/mailgun/inbound_emails/mime',
  ],
  answers: { ...USUAL_ANSWERS, stored: 200, refused: 406 },
  maxBody: maxEncodedBody,
  async read(request): Promise<Translation> {
    const { readForm } = await import('./form.js');
    const form = await readForm(request, {
      raw: 'body-mime',
      maxRaw: request.maxSize,
      // The proof stands before the mail or behind it. A wrong one ends the reading at once.
      check(fields) {
        if (!PROOF.every(name => fields.has(name))) return null;
        const wrong = faultOfProof(fields, request.secrets, request.now());
        if (wrong === null) request.allowance.proven();
        return wrong === null ? null : { kind: 'unproven', detail: wrong };
      },
    });
    if (form.kind !== 'form') return form;
    const { fields } = form;
    const received = form.raw === null ? null : orFault(form.raw);
    const refuse = async (kind: 'unproven' | 'malformed', detail: string): Promise<Translation> => {
      if (received?.kind === 'complete') await drop(received);
      return { kind, detail };
    };
    const wrong = faultOfProof(fields, request.secrets, request.now());
    if (wrong !== null) return refuse('unproven', wrong);
    if (received === null) return refuse('malformed', SWITCH);
    if (received.kind !== 'complete') return received;
    const rcptTo = (fields.get('recipient') ?? '')
      .split(',')
      .map(address => address.trim())
      .filter(address => address !== '');
    if (rcptTo.length === 0) return refuse('malformed', 'recipient is missing.');
    const { raw, release } = received;
    const mailFrom = fields.get('sender') ?? '';
    return { kind: 'posts', posts: [{ mailFrom, rcptTo, raw, release, proof: proofOf(fields) }] };
  },
} as const satisfies Provider;

/** Of fields whose proof is right. */
function proofOf(fields: ReadonlyMap<string, string>): Proof {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const [timestamp = '', token = ''] = PROOF.map(name => fields.get(name));
  return {
    key: hash(`mailgun ${timestamp}${token}`),
    recipients: hash(fields.get('recipient') ?? ''),
    expiresAt: Number(timestamp) * 1000 + WINDOW,
  };
}

/** What is wrong with it, or null. */
function faultOfProof(fields: ReadonlyMap<string, string>, keys: readonly string[], now: number): string | null {
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
