/**
 * SendGrid: a form with `email`, the raw mail, and `envelope`, JSON `{"to": ["…"], "from": "…"}`. Proof: HTTP Basic in the
 * address of the Inbound Parse setting, checked before the body is read. SendGrid drops a mail on any 3xx or 4xx and
 * tells nobody, so every trouble with a post, its own or ours, is answered 503: SendGrid tries for 3 days.
 */
import { BASIC_USER, drop, maxEncodedBody, orFault, type Provider, type Translation } from './provider.js';

const SWITCH =
  'email is missing: at SendGrid, in Settings → Inbound Parse, tick "POST the raw, full MIME message" for this host.';

export const sendgrid = {
  name: 'sendgrid',
  title: 'SendGrid',
  secretKey: 'password',
  secretMeaning: 'Password in the address that SendGrid posts to (user "actionmailbox").',
  paths: ['/ingress/sendgrid', '/rails/action_mailbox/sendgrid/inbound_emails'],
  answers: { stored: 200, refused: 200, unproven: 503, malformed: 503, too_large: 503, trouble: 503 },
  losesMail: 'SendGrid gives up after 3 days and tells nobody',
  maxBody: maxEncodedBody,
  wrongPassword: `The Inbound Parse address must hold the user "${BASIC_USER}" and ingress.sendgrid.password.`,
  async read(request): Promise<Translation> {
    const { readForm } = await import('./form.js');
    const form = await readForm(request, { raw: 'email', maxRaw: request.maxSize });
    if (form.kind !== 'form') return form;
    if (form.raw === null) return { kind: 'malformed', detail: SWITCH };
    const received = orFault(form.raw);
    if (received.kind !== 'complete') return received;
    const envelope = readEnvelope(form.fields.get('envelope') ?? '');
    if (envelope === null) {
      await drop(received);
      return { kind: 'malformed', detail: 'envelope is missing or no JSON of the form {"to": ["…"], "from": "…"}.' };
    }
    return { kind: 'posts', posts: [{ ...envelope, raw: received.raw, release: received.release }] };
  },
} as const satisfies Provider;

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
