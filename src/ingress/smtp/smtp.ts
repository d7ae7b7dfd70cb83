/**
 * The SMTP and the LMTP door: opens the listeners, checks time-outs, reloads, closes. `connection.ts` holds what is said
 * on a connection, `transaction.ts` what is done with a mail.
 *
 * `openSmtp` listens on all places, or on none and throws a ReplydError that names the place at fault. A reload takes
 * all of the new settings, or none and throws such an error (a certificate that does not fit its key). `close` stops
 * listening, sends idle clients away at once with 421, lets transactions end within the grace period and cuts the rest.
 * A mail that got its 250 stays stored. Errors on single connections are a line in the log; none ends the process.
 *
 * Of smtp-server's server one method is overridden, `connect`: it makes our connections. Its `close` is not used,
 * because it would cut transactions.
 */
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { errorText, ReplydError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type NetworkTest, parseNetworks } from '../../base/network.js';
import type { SpaceBudget } from '../../base/space.js';
import { type EverySecond, everySecond } from '../../base/ticker.js';
import type { Clock, Reception } from '../../conversation/ports.js';
import { replyLine, STATUS } from '../../mail/status.js';
import { openSpool } from '../spool.js';
import { type Door, DoorConnection } from './connection.js';
import { createAdmission, createRateLimiter } from './limits.js';
import { listen, type Place, readPlace } from './listen.js';
import { createHandlers, type Handlers } from './transaction.js';

/** What a reload can change. Times in milliseconds, sizes in bytes. */
export interface SmtpSettings {
  /** The name in the greeting. */
  readonly hostname: string;
  readonly maxSize: number;
  readonly maxConnections: number;
  /** Per IPv4 address or IPv6 /64; not for trusted networks. */
  readonly maxConnectionsPerIp: number;
  readonly maxRecipients: number;
  /** Recipients of a stranger refused for good on one connection; five times as many in an hour. Default 20. */
  readonly maxRefused?: number;
  /** Mails from a stranger's address in an hour; default 10,000. */
  readonly mailsPerHour?: number;
  readonly idleTimeout: number;
  readonly sessionTimeout: number;
  readonly dataTimeout: number;
  /** CIDR: no greeting delay, no per-address limits, may use XCLIENT. A unix socket is always trusted. */
  readonly trustedNetworks: readonly string[];
  /** In PEM. Without it STARTTLS is not offered. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined;
}

export interface SmtpOptions extends SmtpSettings {
  readonly kind: 'smtp' | 'lmtp';
  /** `host:port` (port 0: any free one) or `unix:/path`. */
  readonly listen: readonly string[];
  /** Listening sockets handed over by systemd, besides `listen`. */
  readonly fds?: readonly number[];
  /** Of a unix socket; default 0660. */
  readonly socketMode?: number;
  /** Name or number. */
  readonly socketGroup?: string | undefined;
  /** An existing folder on the store's file system, for mails above `memoryLimit`. */
  readonly spoolFolder: string;
  /** Bytes of one mail kept in memory; default 256 KiB. */
  readonly memoryLimit?: number;
  /** Bytes of all mails kept in memory, beyond which they are spooled early; default 64 MiB. */
  readonly memoryBudget?: number;
  readonly space?: SpaceBudget;
  readonly reception: Reception;
  readonly log: Log;
  readonly now: Clock;
  /** Milliseconds in which a stranger who talks before the greeting gives himself away; default 100. */
  readonly greetingDelay?: number;
  /** When time-outs are checked; default: a timer. */
  readonly everySecond?: EverySecond;
}

export interface SmtpDoor {
  /** The places really bound, in the form of `listen`. */
  addresses(): readonly string[];
  /** Takes the new settings for what comes from now on; throws ReplydError('invalid') and keeps the old ones. */
  reload(settings: SmtpSettings): void;
  /** Takes no new connection; the old ones go on. */
  stopListening(): void;
  /** Ends when every connection has ended, soon after `graceMs` at the latest. May be called again. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** In an hour a stranger may have so many times the refused recipients of one connection. */
const REFUSED_PER_HOUR = 5;
/** How long a client that was sent away may take to close its side, in milliseconds. */
const LINGER = 1_000;
/** The longest time of a timer, in milliseconds. */
const NEVER = 2 ** 31 - 1;
/** RFC 5321 4.5.3.1.4 asks for 512 bytes; addresses in UTF-8 and extensions need more, AUTH is not there. */
const MAX_COMMAND_LENGTH = 4096;

export async function openSmtp(options: SmtpOptions): Promise<SmtpDoor> {
  const places: Place[] = [
    ...options.listen.map(readPlace),
    ...(options.fds ?? []).map(fd => ({ kind: 'fd', fd }) as const),
  ];
  let { settings, trusts } = check(options);
  const spool = await openSpool({
    folder: options.spoolFolder,
    name: options.kind,
    memoryLimit: options.memoryLimit ?? 256 * 1024,
    memoryBudget: options.memoryBudget ?? 64 * 1024 * 1024,
    ...(options.space === undefined ? {} : { space: options.space }),
  });
  const maxRefused = () => settings.maxRefused ?? 20;
  const door: Door = {
    kind: options.kind,
    log: options.log,
    now: options.now,
    admission: createAdmission(() => settings),
    refusals: createRateLimiter(() => maxRefused() * REFUSED_PER_HOUR, options.now),
    mails: createRateLimiter(() => settings.mailsPerHour ?? 10_000, options.now),
    maxRefused,
    connections: new Set(),
    greetingDelay: options.greetingDelay ?? 100,
    trusts,
    times: settings,
    offersTls: settings.tls !== undefined,
    closing: false,
    turnedAway: 0,
  };
  const handlers = createHandlers({ reception: options.reception, spool, limits: () => settings });
  const servers: DoorServer[] = [];
  const addresses: string[] = [];
  const stopListening = () => {
    for (const server of servers) server.stop();
  };
  try {
    for (const place of places) {
      const server = new DoorServer(door, settings, handlers);
      servers.push(server);
      const access = { socketMode: options.socketMode ?? 0o660, socketGroup: options.socketGroup };
      addresses.push(await listen(server.server, place, access));
    }
  } catch (error) {
    stopListening();
    throw error;
  }
  const checkTimeouts = () => {
    const now = door.now();
    for (const connection of door.connections) connection.checkTimeouts(now);
    if (door.turnedAway > 0) {
      const code = replyLine(STATUS.tooManyConnections).slice(0, 9);
      door.log.warn('rejected', { door: door.kind, at: 'connect', code, connections: door.turnedAway });
      door.turnedAway = 0;
    }
  };
  const stopChecking = (options.everySecond ?? everySecond)(checkTimeouts);
  let closing: Promise<void> | null = null;
  return {
    addresses: () => addresses,
    reload(next) {
      ({ settings, trusts } = check(next));
      door.trusts = trusts;
      door.times = settings;
      door.offersTls = settings.tls !== undefined;
      for (const server of servers) server.take(settings);
    },
    stopListening,
    close({ graceMs }) {
      closing ??= closeDoor(door, servers, graceMs).finally(stopChecking);
      return closing;
    },
  };
}

class DoorServer extends SMTPServer {
  /** Listens on a unix socket. */
  #local = false;
  readonly #door: Door;
  readonly stopped: Promise<void>;
  #stopping = false;

  constructor(door: Door, settings: SmtpSettings, handlers: Handlers) {
    super({
      ...handlers,
      ...librarySettings(settings),
      lmtp: door.kind === 'lmtp',
      heloResponse: '%s',
      logger: false,
      disableReverseLookup: true,
      lenientAddressParsing: true,
      hideENHANCEDSTATUSCODES: false,
      maxCommandLength: MAX_COMMAND_LENGTH,
      // A client may close its half behind its last command and wait for the answers.
      allowHalfOpen: true,
      // The door checks the time-outs itself: the library's idle time starts again with each byte.
      socketTimeout: NEVER,
      // Who may use it is decided for each session.
      useXClient: true,
    });
    this.#door = door;
    this.stopped = new Promise(resolve => {
      this.server.once('close', resolve);
    });
    this.server.once('listening', () => {
      // A TCP socket has an address and port; a unix socket a path, or nothing when it was handed over.
      const bound = this.server.address();
      this.#local = bound === null || typeof bound === 'string';
    });
    // A client that resets before the library listens to its socket must not end the process.
    this.server.on('connection', (socket: Socket) => socket.on('error', () => {}));
    this.on('error', (error: Error) => {
      door.log.debug('disconnected', { door: door.kind, error: errorText(error) });
    });
  }

  override connect(socket: Socket, socketOptions?: SMTPConnectionOptions | null): void {
    const connection = new DoorConnection(this, socket, {
      door: this.#door,
      local: this.#local,
      socketOptions: socketOptions ?? {},
    });
    this.connections.add(connection);
    connection.on('error', (error: Error) => this._onError(error));
    connection.init();
  }

  take(settings: SmtpSettings): void {
    this.updateSecureContext(librarySettings(settings));
  }

  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.server.close();
  }
}

function librarySettings(settings: SmtpSettings) {
  return {
    name: settings.hostname,
    size: settings.maxSize,
    minVersion: 'TLSv1.2' as const,
    // Without a certificate STARTTLS is disabled in each session; the library would use a published test key.
    key: settings.tls?.key,
    cert: settings.tls?.cert,
  };
}

/** Everything that can be wrong with settings, before anything takes them. */
function check(settings: SmtpSettings): { settings: SmtpSettings; trusts: NetworkTest } {
  const trusts = parseNetworks(settings.trustedNetworks);
  if (settings.tls !== undefined) {
    try {
      // The library would take the published test key for an empty one.
      if (settings.tls.key.length === 0 || settings.tls.cert.length === 0) throw new Error('empty');
      createSecureContext({ key: settings.tls.key, cert: settings.tls.cert, minVersion: 'TLSv1.2' });
    } catch (error) {
      throw new ReplydError('invalid', `tls.certificate and tls.key can't be used: ${errorText(error)}`, {
        cause: error,
      });
    }
  }
  return { settings, trusts };
}

async function closeDoor(door: Door, servers: readonly DoorServer[], graceMs: number): Promise<void> {
  door.closing = true;
  for (const server of servers) server.stop();
  const stopped = Promise.all(servers.map(server => server.stopped)).then(() => true);
  for (const connection of door.connections) connection.endIfIdle();
  if (await within(stopped, graceMs)) return;
  for (const connection of door.connections) connection.cut(STATUS.shuttingDown);
  if (await within(stopped, LINGER)) return;
  for (const connection of door.connections) connection._socket.destroy();
  await stopped;
}

/** True when it happened in that time. */
async function within(event: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([event, late]);
  } finally {
    clearTimeout(timer);
  }
}
