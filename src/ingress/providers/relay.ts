/**
 * The relay door: a raw mail as the body (`message/rfc822`), from a front MTA or a script of one's own. Proof: HTTP
 * Basic, before the body is read. The envelope stands in the query (`?recipient=…&sender=…`, recipient repeatable) or
 * in the fields `X-Envelope-To` and `X-Envelope-From`; without one, as Rails Action Mailbox sends it, the recipients are
 * taken from the mail's delivery fields, and the message says so in its evidence.
 */
import { isSecret } from '../../base/http.js';
import { BASIC_USER, type Door, whole } from '../door.js';
import { envelopeInHeader } from '../recipients.js';

export const readRelay: Door = async ({ exchange, secrets, spool, maxSize }) => {
  const credentials = exchange.basic();
  if (credentials?.user !== BASIC_USER || !isSecret(credentials.password, secrets)) {
    return { word: 'unproven', detail: `HTTP Basic with user "${BASIC_USER}" and ingress.relay.password is wanted.` };
  }
  const type = (exchange.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type !== 'message/rfc822') {
    return { word: 'malformed', detail: 'The body must be the raw mail, with Content-Type: message/rfc822.' };
  }
  const limits = { maxSize, cutOffSize: maxSize * 2 + 1024 * 1024, cutOff: () => exchange.stream.destroy() };
  const received = whole(await spool.receive(exchange.stream, limits));
  if (received.word !== 'complete') return received;
  const { raw, size, release } = received;
  if (size === 0) return { word: 'malformed', detail: 'The body is empty: the raw mail is missing.' };
  const told = [...exchange.query.getAll('recipient'), ...(exchange.header('x-envelope-to') ?? '').split(',')].map(
    address => address.trim(),
  );
  const rcptTo = told.filter(address => address !== '');
  const sender = exchange.query.get('sender') ?? exchange.header('x-envelope-from');
  if (rcptTo.length > 0 && sender !== undefined) {
    return { word: 'posts', posts: [{ mailFrom: sender, rcptTo, raw, release }] };
  }
  const guessed = await envelopeInHeader(raw);
  const mailFrom = sender ?? guessed.mailFrom;
  if (rcptTo.length > 0) return { word: 'posts', posts: [{ mailFrom, rcptTo, raw, release }] };
  const evidence = ['recipients: no envelope, taken from the delivery fields of the header'];
  return { word: 'posts', posts: [{ mailFrom, rcptTo: guessed.rcptTo, raw, release, evidence, guessed: true }] };
};
