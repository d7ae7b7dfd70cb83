/**
 * SendGrid's door: a form with `email`, the raw mail, and `envelope`, JSON `{"to": ["…"], "from": "…"}`. Proof: HTTP
 * Basic in the address of the Inbound Parse setting, before the body is read. SendGrid drops a mail on any 3xx or 4xx and
 * tells nobody, so every trouble with a post, its own or ours, is 503 and in the log as an error: it tries for 3 days.
 */
import { isSecret } from '../../base/http.js';
import { BASIC_USER, type Door, discard, whole } from '../door.js';
import { readForm } from './form.js';

const SWITCH =
  'email is missing: at SendGrid, in Settings → Inbound Parse, tick "POST the raw, full MIME message" for this host.';

export const readSendgrid: Door = async ({ exchange, secrets, spool, maxSize, maxBody, lowOnSpace }) => {
  const credentials = exchange.basic();
  if (credentials?.user !== BASIC_USER || !isSecret(credentials.password, secrets)) {
    return {
      word: 'unproven',
      detail: `The Inbound Parse address must hold the user "${BASIC_USER}" and ingress.sendgrid.password.`,
    };
  }
  const form = await readForm(exchange.stream, exchange.header('content-type') ?? '', {
    raw: 'email',
    maxRaw: maxSize,
    maxBody,
    lowOnSpace,
    spool,
  });
  if (form.word !== 'form') return form;
  if (form.raw === null) return { word: 'malformed', detail: SWITCH };
  const received = whole(form.raw);
  if (received.word !== 'complete') return received;
  const envelope = readEnvelope(form.fields.get('envelope') ?? '');
  if (envelope === null) {
    received.release();
    await discard(received.raw);
    return { word: 'malformed', detail: 'envelope is missing or no JSON of the form {"to": ["…"], "from": "…"}.' };
  }
  return { word: 'posts', posts: [{ ...envelope, raw: received.raw, release: received.release }] };
};

function readEnvelope(text: string): { mailFrom: string; rcptTo: readonly string[] } | null {
  try {
    const { to, from } = JSON.parse(text) as { to?: unknown; from?: unknown };
    const rcptTo = (Array.isArray(to) ? to : [to]).filter(
      (one): one is string => typeof one === 'string' && one !== '',
    );
    return rcptTo.length === 0 ? null : { mailFrom: typeof from === 'string' ? from : '', rcptTo };
  } catch {
    return null;
  }
}
