/**
 * The handlers that smtp-server calls at MAIL, RCPT and DATA: they ask the reception and say its answer in SMTP. SMTP
 * gives one answer for the whole mail, LMTP (RFC 2033) one for each accepted RCPT, also a repeated one.
 *
 * Every handler answers exactly once. Whatever goes wrong (a throw, a rejected promise, no answer in time, a wrong number
 * of verdicts) is temporary trouble of ours: 451. A mail that did not come whole is not stored. When a client goes away
 * behind a whole mail, the mail is stored, and the client's retry finds it.
 */
import type { SMTPServerDataStream, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { errorText } from '../../base/errors.js';
import { shortToken } from '../../base/log.js';
import { counter } from '../../base/metrics.js';
import { turnOf } from '../../base/network.js';
import type { Destination } from '../../conversation/filing.js';
import type { Via } from '../../conversation/model.js';
import type { Reception, Resolution, Verdict } from '../../conversation/ports.js';
import { isForOperatorAlone, UNFILED_SIZE } from '../../conversation/rules/unfiled.js';
import { envelopeAddress } from '../../mail/address.js';
import { replyLine, STATUS, type Status } from '../../mail/status.js';
import { doorOfGreeting } from '../pipe/pipe.js';
import type { Spool } from '../spool.js';
import { connectionOf, type DoorConnection, type Transaction } from './connection.js';
import { cutOffSize } from './limits.js';

const refusedRecipients = counter(
  'replyd_recipients_refused_total',
  'Recipients that were not taken at RCPT, by the code of the answer.',
  ['door', 'code'],
);

/** Sizes and numbers; read at each use, so that a reload counts at once. */
export interface TransactionLimits {
  readonly maxSize: number;
  readonly maxRecipients: number;
}

export type Handlers = Required<
  Pick<SMTPServerOptions, 'onConnect' | 'onSecure' | 'onMailFrom' | 'onRcptTo' | 'onData' | 'onClose'>
>;

export function createHandlers(options: {
  reception: Reception;
  spool: Spool;
  limits: () => TransactionLimits;
}): Handlers {
  const { reception, spool, limits } = options;
  return {
    onConnect: (_session, callback) => callback(),
    onSecure(socket, _session, callback) {
      // As on the socket below it: a client may end its half behind its last command.
      socket.allowHalfOpen = true;
      callback();
    },
    onClose: session => connectionOf(session).left(),
    onMailFrom(address, session, callback) {
      const connection = connectionOf(session);
      connection.transaction = null;
      if (connection.hasSentTooMany()) {
        connection.note('deferred', STATUS.tooManyMails, { at: 'MAIL' });
        connection.cut(STATUS.tooManyMails);
        return callback(refusal(STATUS.tooManyMails));
      }
      const status = lowOnSpace(connection, reception) ? STATUS.noSpace : null;
      if (status !== null) {
        connection.note('deferred', status, { at: 'MAIL' });
        return callback(refusal(status));
      }
      const mailFrom = envelopeAddress(address.address);
      connection.transaction = { mailFrom, destinations: [], accepted: [] };
      callback();
    },
    onRcptTo(address, session, callback) {
      const connection = connectionOf(session);
      const transaction = connection.transaction;
      if (transaction === null) return callback(refusal(STATUS.tryLater));
      if (transaction.accepted.length >= limits().maxRecipients) {
        connection.countCommand();
        connection.note('deferred', STATUS.tooManyRecipients, { at: 'RCPT', to: maskRecipient(address.address) });
        return callback(refusal(STATUS.tooManyRecipients));
      }
      answer(connection, reception.resolve.bind(reception, address.address), resolution => {
        const status = takeRecipient(connection, transaction, address.address, resolution);
        callback(status === null ? null : refusal(status));
      });
    },
    onData(stream, session, callback) {
      takeData(stream, session, { reception, spool, limits: limits(), callback }).catch((error: unknown) =>
        noteFault(connectionOf(session), error),
      );
    },
  };
}

/** Null: accepted. The connection is cut when a stranger was refused too often. */
function takeRecipient(
  connection: DoorConnection,
  transaction: Transaction,
  address: string,
  resolution: Resolution | Fault,
): Status | null {
  if (resolution.kind === 'accepted') {
    const { destination } = resolution;
    const known = transaction.destinations.findIndex(one => sameDestination(one, destination));
    transaction.accepted.push(known === -1 ? transaction.destinations.push(destination) - 1 : known);
    return null;
  }
  const { status, detail } = resolution;
  refusedRecipients.add([connection.door.kind, `${status.code}`]);
  connection.note(resolution.kind, status, { at: 'RCPT', to: maskRecipient(address), detail });
  if (resolution.kind === 'rejected') connection.countRefused();
  else connection.countCommand();
  return status;
}

interface DataOptions {
  readonly reception: Reception;
  readonly spool: Spool;
  readonly limits: TransactionLimits;
  readonly callback: Parameters<Handlers['onData']>[2];
}

async function takeData(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  { reception, spool, limits, callback }: DataOptions,
): Promise<void> {
  const connection = connectionOf(session);
  const transaction = connection.transaction ?? { mailFrom: '', destinations: [], accepted: [] };
  connection.receiving(stream);
  const received = await spool.receive(stream, {
    // Only here: SIZE= at MAIL comes before the recipients.
    maxSize: isForOperatorAlone(transaction.destinations) ? Math.min(UNFILED_SIZE, limits.maxSize) : limits.maxSize,
    cutOffSize: cutOffSize(limits.maxSize),
    cutOff: () => connection.cut(STATUS.farTooLarge),
  });
  connection.receiving(null);
  if (received.kind === 'gone') {
    connection.note('deferred', STATUS.tryLater, { at: 'DATA', detail: 'the connection ended before the data did' });
    return;
  }
  const reply = (verdicts: readonly Verdict[], size: number) => {
    // Before the callback: it runs what the client pipelined behind this mail.
    connection.transaction = null;
    if (verdicts.some(verdict => verdict.kind === 'accepted')) connection.resetPenalty();
    noteVerdicts(connection, transaction, verdicts, size);
    if (connection.door.kind === 'lmtp')
      callback(
        null,
        transaction.accepted.map(index => lmtpReply(verdicts[index]!)),
      );
    else smtpReply(verdicts, callback);
  };
  if (received.kind !== 'complete') {
    const verdict = failure(received.kind, 'error' in received ? errorText(received.error) : received.kind);
    return reply(
      transaction.destinations.map(() => verdict),
      'size' in received ? received.size : 0,
    );
  }
  const arrival = {
    mailFrom: transaction.mailFrom,
    destinations: transaction.destinations,
    raw: received.raw,
    via: viaOf(connection, session),
    client: connection.client,
    turn: connection.client === null ? [''] : turnOf(connection.client),
    trusted: connection.trusted,
    direct: !connection.trusted,
    ...(connection.login === null ? {} : { login: connection.login }),
  };
  const accept = async () => {
    try {
      return await reception.accept(arrival, { together: connection.door.kind === 'smtp' });
    } finally {
      received.release();
    }
  };
  answer(connection, accept, verdicts => {
    const complete = Array.isArray(verdicts) && verdicts.length === transaction.destinations.length;
    const detail = 'detail' in verdicts ? String(verdicts.detail) : 'a verdict is missing';
    reply(complete ? verdicts : transaction.destinations.map(() => temporary(detail)), received.size);
  });
}

/** `replyd deliver` says by its greeting which MTA's pipe it is; only a name in the message, and only from our own. */
function viaOf(connection: DoorConnection, session: SMTPServerSession): Via {
  const pipe = connection.trusted && connection.door.kind === 'lmtp' ? session.hostNameAppearsAs : false;
  return (typeof pipe === 'string' ? doorOfGreeting(pipe) : null) ?? connection.door.kind;
}

/** A fault in place of an answer. */
type Fault = Extract<Verdict, { kind: 'rejected' | 'deferred' }>;

/**
 * Runs one question to the reception and settles it exactly once: with its answer, or with a Fault when it throws or
 * takes too long (a late answer is dropped). The client's idle time does not run meanwhile.
 */
function answer<T>(connection: DoorConnection, ask: () => Promise<T>, settle: (result: T | Fault) => void): void {
  let open = true;
  const once = (result: T | Fault) => {
    if (!open) return;
    open = false;
    connection.waiting(null);
    settle(result);
  };
  connection.waiting(() => once(temporary('no answer in time')));
  Promise.resolve()
    .then(ask)
    .then(once)
    .catch((error: unknown) => {
      noteFault(connection, error);
      once(temporary(errorText(error)));
    });
}

function lowOnSpace(connection: DoorConnection, reception: Reception): boolean {
  try {
    return reception.lowOnSpace();
  } catch (error) {
    // Whether there is room will show when the mail is stored.
    noteFault(connection, error);
    return false;
  }
}

function noteFault(connection: DoorConnection, error: unknown): void {
  connection.door.log.error('failed', { door: connection.door.kind, session: connection.id, error: errorText(error) });
}

function temporary(detail: string): Fault {
  return { kind: 'deferred', status: STATUS.tryLater, detail };
}

function failure(kind: 'too_large' | 'no_space' | 'failed', detail: string): Fault {
  if (kind === 'too_large') return { kind: 'rejected', status: STATUS.tooLarge, detail };
  return kind === 'no_space' ? { kind: 'deferred', status: STATUS.noSpace, detail } : temporary(detail);
}

/** SMTP has one answer: accepted only if all are; a temporary refusal goes before a permanent one. */
function smtpReply(verdicts: readonly Verdict[], callback: DataOptions['callback']): void {
  const worst =
    verdicts.find(verdict => verdict.kind === 'deferred') ??
    verdicts.find(verdict => verdict.kind === 'rejected') ??
    verdicts[0] ??
    temporary('no recipients');
  if (worst.kind === 'accepted') callback(null, storedText(worst));
  else callback(refusal(worst.status));
}

function lmtpReply(verdict: Verdict): string | Error {
  return verdict.kind === 'accepted' ? storedText(verdict) : refusal(verdict.status);
}

function storedText(verdict: Extract<Verdict, { kind: 'accepted' }>): string {
  return `${verdict.status.enhanced} ${verdict.mailId}`;
}

/** An error as the library wants it: it sends code and text, and the text begins with the enhanced code. */
function refusal(status: Status): Error & { responseCode: number } {
  return Object.assign(new Error(replyLine(status).slice(4)), { responseCode: status.code });
}

function noteVerdicts(
  connection: DoorConnection,
  transaction: Transaction,
  verdicts: readonly Verdict[],
  size: number,
): void {
  const from = maskSender(transaction.mailFrom);
  const line = (verdict: Verdict, to: readonly string[]) => {
    const about = verdict.kind === 'accepted' ? { mail: verdict.mailId } : { detail: verdict.detail };
    connection.note(verdict.kind, verdict.status, { at: 'DATA', ...about, from, to, size });
  };
  const addresses = transaction.destinations.map(destination => maskRecipient(destination.address));
  const [first] = verdicts;
  if (first !== undefined && verdicts.every(verdict => sameVerdict(verdict, first))) {
    line(first, addresses);
  } else {
    verdicts.forEach((verdict, index) => {
      line(verdict, [addresses[index]!]);
    });
  }
}

function sameVerdict(a: Verdict, b: Verdict): boolean {
  if (a.kind === 'accepted') return b.kind === 'accepted' && a.mailId === b.mailId;
  return a.kind === b.kind && a.status === b.status;
}

function sameDestination(a: Destination, b: Destination): boolean {
  return a.kind === b.kind && a.address.toLowerCase() === b.address.toLowerCase();
}

/** A recipient for the log: what stands behind the first separator may be a token and is cut to 6 digits. */
export function maskRecipient(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at === -1 ? address : address.slice(0, at);
  const separator = local.search(/[+=-]/);
  const masked = separator === -1 ? local : local.slice(0, separator + 1) + shortToken(local.slice(separator + 1));
  return maskSender(masked + (at === -1 ? '' : address.slice(at)));
}

/** A sender for the log: his address is no secret, but a long run of hex digits in it may be one. */
export function maskSender(address: string): string {
  return address.slice(0, 200).replace(/[0-9a-f-]{16,}/gi, shortToken);
}
