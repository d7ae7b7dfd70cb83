/**
 * Postmark: one mail a post, as JSON. The recipient is `OriginalRecipient`, where Postmark took the mail; `To` is what
 * the header says. The raw mail is there only when the server's switch for it is on. Proof: HTTP Basic in the address of
 * the webhook, checked before the body is read. Only 403 makes Postmark stop.
 */
import {
  BASIC_USER,
  drop,
  type JsonReading,
  maxEncodedBody,
  type Provider,
  readBody,
  type Translation,
  USUAL_ANSWERS,
} from './provider.js';

const SWITCH =
  'RawEmail is missing: at Postmark, in the inbound stream\'s settings, turn on "Include raw email content in JSON payload".';

export const postmark = {
  name: 'postmark',
  title: 'Postmark',
  secretKey: 'password',
  secretMeaning: 'Password in the address that Postmark posts to (user "actionmailbox").',
  paths: ['/ingress/postmark', '/rails/action_mailbox/postmark/inbound_emails'],
  answers: { ...USUAL_ANSWERS, stored: 200, refused: 403 },
  maxBody: maxEncodedBody,
  wrongPassword: `The webhook's address must hold the user "${BASIC_USER}" and ingress.postmark.password.`,
  async read(request): Promise<Translation> {
    const received = await readBody(request, request.maxBody);
    if (received.kind !== 'complete') return received;
    try {
      const { readJsonPosts } = await import('./json-posts.js');
      return await readJsonPosts(postmark, received.raw, request);
    } finally {
      await drop(received);
    }
  },
  readJson(value): JsonReading {
    const { OriginalRecipient: recipient, RawEmail: raw, From: from } = (value ?? {}) as Record<string, unknown>;
    if (typeof raw !== 'string' || raw === '') return { kind: 'malformed', detail: SWITCH };
    if (typeof recipient !== 'string' || recipient === '') {
      return { kind: 'malformed', detail: 'OriginalRecipient is missing.' };
    }
    return { kind: 'mails', mails: [{ from, rcptTo: [recipient], raw }] };
  },
} as const satisfies Provider;
