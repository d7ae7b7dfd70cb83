/**
 * The courier to the smarthost: nodemailer's connection pool, one recipient a mail, the stored bytes as they are.
 *
 * A call makes one attempt, bounded in time (connecting, each silence, the whole), and never throws. `answer.ts` decides
 * the outcome. The library's own retries are off. When the smarthost had closed a kept connection, nothing was taken, so
 * the mail goes out on the next connection at once.
 *
 * A connection that is lost after the whole mail was sent is ambiguous. The mail is retried with the same bytes and the
 * same Message-ID: at worst the customer gets it twice.
 */
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createTransport } from 'nodemailer';
import { errorText } from '../base/errors.js';
import type { Courier, MailParcel, Outcome, Parcel, Signature } from '../conversation/ports.js';
import { outcomeOf, responseText } from './answer.js';
import { copyBytes } from './render.js';

export interface SmtpCourierOptions {
  readonly host: string;
  readonly port: number;
  /**
   * `none`: never. `opportunistic`: STARTTLS when offered, any certificate. `required`: STARTTLS with a certificate
   * that is valid for the host, or trouble. `implicit`: the same, TLS from the first byte.
   */
  readonly tls: 'none' | 'opportunistic' | 'required' | 'implicit';
  /** Null or absent: no login. */
  readonly username?: string | null;
  readonly password?: string | null;
  /** Our name in EHLO; default: this machine's. */
  readonly hostname?: string;
  /** Kept connections at most; default 5. */
  readonly connections?: number;
  /** Milliseconds for connecting, TLS and greeting together; default 30 s. */
  readonly connectTimeout?: number;
  /** Milliseconds of silence within a session; default 2 minutes. RFC 5321 4.5.3.2 would have up to 10. */
  readonly replyTimeout?: number;
  /** Milliseconds for a whole attempt, trickled bytes included; default 15 minutes. */
  readonly attemptTimeout?: number;
  /** An existing folder for large mails while they are signed; absent: they are signed in memory. */
  readonly folder?: string;
  /** PEM of authorities to trust instead of the system's. */
  readonly ca?: string;
}

const MAILS_PER_CONNECTION = 1000;
/** Bytes: of a signature at most, and of a mail that is signed in memory. */
const SIGNATURE_SIZE = 2048;
const SIGNED_IN_MEMORY = 1024 * 1024;
/** Below the time-out of servers (5 minutes and more), so that mostly we say QUIT. */
const IDLE_TIMEOUT = 60_000;

const DEFAULTS = { connections: 5, connectTimeout: 30_000, replyTimeout: 120_000, attemptTimeout: 15 * 60_000 };

/** A courier to the smarthost. Connects when the first mail goes out. */
export function createSmtpCourier(options: SmtpCourierOptions): Courier {
  const { connections, replyTimeout, attemptTimeout, ...rest } = { ...DEFAULTS, ...options };
  const pool = createPool({ ...rest, connections, replyTimeout });
  let closed = false;

  async function deliver(parcel: Parcel): Promise<Outcome> {
    if (parcel.kind === 'webhook') return { kind: 'retry', response: 'no mail: it does not belong in this queue' };
    // The library would send to whatever it makes of such an address.
    if (!isSendable(parcel.rcptTo)) {
      return { kind: 'failed', response: 'the recipient is no address', suspend: false, refusedByPolicy: false };
    }
    if (parcel.mailFrom !== '' && !isSendable(parcel.mailFrom)) {
      return { kind: 'retry', response: 'the envelope sender is no address' };
    }
    // The other side may have closed every kept connection; each costs one attempt and took nothing.
    for (let stale = 0; ; stale += 1) {
      const attempt = await tryOnce(parcel);
      if (!attempt.stale || stale >= connections || closed) return attempt.outcome;
    }
  }

  async function tryOnce(parcel: MailParcel): Promise<{ outcome: Outcome; stale: boolean }> {
    const size = (await sizeOf(parcel)) + (parcel.signature === null ? 0 : SIGNATURE_SIZE);
    const since = performance.now();
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), attemptTimeout);
    // The library asks for the first byte when the session is ready and MAIL is next.
    let started = false;
    async function* bytes(): AsyncGenerator<Buffer> {
      started = true;
      yield* copyBytes(parcel);
    }
    const raw = Readable.from(bytes(), { objectMode: false });
    try {
      const info = await pool.sendMail({
        envelope: { from: parcel.mailFrom, to: [parcel.rcptTo], size },
        raw,
        ...(parcel.signature === null ? {} : { dkim: dkimOf(parcel.signature, options.folder) }),
        signal: abort.signal,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      return { outcome: sent(info), stale: false };
    } catch (error) {
      const failure = { ...failureOf(error), started: started || closed };
      if (!started || !isStaleConnection(failure)) return { outcome: outcomeOf(failure), stale: false };
      // A closed connection fails at once. A server that was silent so long may be silent on the next one too.
      const silent = performance.now() - since > 0.9 * replyTimeout;
      const response = silent ? `no answer within ${Math.round(replyTimeout / 1000)} s` : responseText(failure.message);
      return { outcome: { kind: 'retry', response }, stale: !silent };
    } finally {
      clearTimeout(timer);
      raw.destroy();
    }
  }

  return {
    deliver: async parcel => {
      try {
        return await deliver(parcel);
      } catch (error) {
        return { kind: 'retry', response: responseText(errorText(error)) };
      }
    },
    close: async () => {
      closed = true;
      pool.close();
    },
  };
}

/** The library keeps a mail until it is signed: a large one in a file of this folder, which the next start clears. */
function dkimOf({ domain, selector, privateKey }: Signature, folder: string | undefined) {
  const cache = folder === undefined ? {} : { cacheDir: folder, cacheTreshold: SIGNED_IN_MEMORY };
  return { domainName: domain, keySelector: selector, privateKey, ...cache };
}

function createPool(options: SmtpCourierOptions & Omit<typeof DEFAULTS, 'attemptTimeout'>) {
  return createTransport({
    pool: true,
    host: options.host,
    port: options.port,
    secure: options.tls === 'implicit',
    ignoreTLS: options.tls === 'none',
    requireTLS: options.tls === 'required',
    opportunisticTLS: options.tls === 'opportunistic',
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: options.tls !== 'opportunistic',
      ca: options.ca,
    },
    auth: options.username ? { user: options.username, pass: options.password ?? '' } : undefined,
    name: options.hostname,
    maxConnections: options.connections,
    maxMessages: MAILS_PER_CONNECTION,
    maxRequeues: 0,
    idleTimeout: IDLE_TIMEOUT,
    connectionTimeout: options.connectTimeout,
    greetingTimeout: options.connectTimeout,
    dnsTimeout: options.connectTimeout,
    socketTimeout: options.replyTimeout,
    // The operator names the smarthost, and mostly it is this machine.
    allowInternalNetworkInterfaces: true,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** Amazon SES and Microsoft replace the Message-ID; the library reads their answers. */
function sent(info: { response: string; serverMessageId?: string | undefined }): Outcome {
  const response = responseText(info.response);
  return info.serverMessageId === undefined
    ? { kind: 'sent', response }
    : { kind: 'sent', response, alias: info.serverMessageId.replaceAll(/[<>]/g, '') };
}

function isSendable(address: string): boolean {
  return /^[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+$/.test(address);
}

async function sizeOf(parcel: MailParcel): Promise<number> {
  const body = 'bytes' in parcel.content ? parcel.content.bytes.length : (await stat(parcel.content.file)).size;
  return Buffer.byteLength(parcel.head) + body;
}

function failureOf(error: unknown): { code: string; command: string; answer: string | null; message: string } {
  const { code, command, response } = error as { code?: unknown; command?: unknown; response?: unknown };
  return {
    code: typeof code === 'string' ? code : '',
    command: typeof command === 'string' ? command : '',
    answer: typeof response === 'string' ? response : null,
    message: errorText(error),
  };
}

/** The pool lost a connection before a byte of the mail went over it: no command, no answer, only this code. */
function isStaleConnection(failure: { code: string; command: string; answer: string | null }): boolean {
  return failure.code === 'ECONNECTION' && failure.command === '' && failure.answer === null;
}
