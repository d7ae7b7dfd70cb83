/**
 * The relay: a raw mail as the body (`message/rfc822`), from a front MTA or a script of one's own. Proof: HTTP Basic,
 * checked before the body is read. The envelope stands in the query (`?recipient=…&sender=…`, recipient repeatable) or
 * in the fields `X-Envelope-To` and `X-Envelope-From`. Without one, as Rails Action Mailbox sends it, the recipients are
 * read from the mail's delivery fields, and the message says so in its evidence.
 */
import { BASIC_USER, drop, type Provider, readBody, type Translation, USUAL_ANSWERS } from './provider.js';

export const relay = {
  name: 'relay',
  title: 'relay',
  secretKey: 'password',
  secretMeaning: 'Password of the generic relay, HTTP Basic (user "actionmailbox").',
  paths: ['/ingress/relay', '/rails/action_mailbox/relay/inbound_emails'],
  answers: { ...USUAL_ANSWERS, stored: 204, refused: 404 },
  trusted: true,
  maxBody: maxSize => maxSize,
  wrongPassword: `HTTP Basic with user "${BASIC_USER}" and ingress.relay.password is wanted.`,
  async read(request): Promise<Translation> {
    const { exchange, maxSize } = request;
    const type = (exchange.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
    if (type !== 'message/rfc822') {
      return { kind: 'malformed', detail: 'The body must be the raw mail, with Content-Type: message/rfc822.' };
    }
    const received = await readBody(request, maxSize);
    if (received.kind !== 'complete') return received;
    const { raw, size, release } = received;
    if (size === 0) {
      await drop(received);
      return { kind: 'malformed', detail: 'The body is empty: the raw mail is missing.' };
    }
    const named = [...exchange.query.getAll('recipient'), ...(exchange.header('x-envelope-to') ?? '').split(',')];
    const rcptTo = named.map(address => address.trim()).filter(address => address !== '');
    const sender = exchange.query.get('sender') ?? exchange.header('x-envelope-from');
    if (rcptTo.length > 0 && sender !== undefined) {
      return { kind: 'posts', posts: [{ mailFrom: sender, rcptTo, raw, release }] };
    }
    const { envelopeInHeader } = await import('../recipients.js');
    const guessed = await envelopeInHeader(raw);
    const mailFrom = sender ?? guessed.mailFrom;
    if (rcptTo.length > 0) return { kind: 'posts', posts: [{ mailFrom, rcptTo, raw, release }] };
    const evidence = ['recipients: no envelope, taken from the delivery fields of the header'];
    return { kind: 'posts', posts: [{ mailFrom, rcptTo: guessed.rcptTo, raw, release, evidence, guessed: true }] };
  },
} as const satisfies Provider;
