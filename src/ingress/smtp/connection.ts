/**
 * One connection of the SMTP or LMTP door: smtp-server's connection with our answers, limits and time-outs.
 *
 * Overridden, because no option or hook of smtp-server does it (the version is pinned, tests cover each):
 * - `send`: our reply codes and texts from `mail/status.ts`. It sees each reply, so it also counts the commands of a
 *   stranger, ends sessions at shutdown, and notices a new client behind XCLIENT.
 * - `init`: turns away what is too much, and spares trusted clients the greeting delay.
 * - `_parseAddressCommand`: paths that the library refuses and real senders write (path.ts).
 * - `_createParser`: closes the connection when a client that has ended its half has all its answers.
 *
 * A session lives as long as the connection, a transaction from MAIL to the reply after the data. When a limit is
 * passed, the client gets a 421, and a mail that is half received is dropped.
 */
import type { Socket } from 'node:net';
import type { SMTPServer, SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { Log, LogFields } from '../../base/log.js';
import { counter, gauge } from '../../base/metrics.js';
import { type Client, clientOf, type NetworkTest } from '../../base/network.js';
import type { Destination } from '../../conversation/filing.js';
import type { Clock } from '../../conversation/ports.js';
import { replyLine, STATUS, type Status } from '../../mail/status.js';
import { type Admission, MAX_COMMANDS, overdue, type RateLimiter, type TimeLimits, type Times } from './limits.js';
import { oddPath } from './path.js';

const newConnections = counter('replyd_connections_total', 'SMTP and LMTP connections that came.', ['door']);
const turnedAway = counter('replyd_connections_refused_total', 'Connections sent away: too many of them.', ['door']);
const openConnections = gauge('replyd_connections', 'SMTP and LMTP connections that are open.', ['door']);

/** What the connections of a door share. The mutable fields change on reload and at shutdown. */
export interface Door {
  readonly kind: 'smtp' | 'lmtp';
  readonly log: Log;
  readonly now: Clock;
  readonly admission: Admission;
  /** Recipients refused for good, and mails stored, of strangers. */
  readonly refusals: RateLimiter;
  readonly mails: RateLimiter;
  /** Recipients of a stranger refused for good on one connection, without a stored mail between them. */
  readonly maxRefused: () => number;
  /** Every connection whose socket is not closed yet. */
  readonly connections: Set<DoorConnection>;
  /** Milliseconds during which a stranger must be silent. */
  readonly greetingDelay: number;
  trusts: NetworkTest;
  times: TimeLimits;
  offersTls: boolean;
  closing: boolean;
  /** Connections turned away since the last check of the time-outs, which logs them in one line. */
  turnedAway: number;
}

/** One mail, from MAIL on. */
export interface Transaction {
  readonly mailFrom: string;
  /** Each destination once. */
  readonly destinations: Destination[];
  /** For each accepted RCPT, also a repeated one, the index of its destination. */
  readonly accepted: number[];
}

// No AUTH (customers' MTAs have no account here), no jokes, and no XFORWARD: its words are nobody's proof of origin.
const NEVER = ['AUTH', 'XFORWARD', 'WIZ', 'SHELL', 'KILL'];
// The library repeats the parameter's name: thousands of bytes of the client's, in a reply of 512 octets (RFC 5321 4.5.3.1.5).
const DUPLICATE = /^(Error: duplicate ).*(parameter)$/s;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3} /;
// The library's own answers, by its context words and by code, in our words.
const OURS_BY_CONTEXT: Readonly<Record<string, Status>> = {
  MAIL_FROM_OK: STATUS.senderOk,
  RCPT_TO_OK: STATUS.recipientOk,
};
const OURS_BY_CODE: Readonly<Record<number, Status>> = {
  421: STATUS.protocolError,
  451: STATUS.tryLater,
  552: STATUS.tooLarge,
};
/** Replies that count for no command: greeting and STARTTLS, the goodbye, and what ends the connection anyway. */
const UNCOUNTED: ReadonlySet<number> = new Set([220, 221, 421]);

const bySession = new WeakMap<SMTPServerSession, DoorConnection>();

/** The connection of a session, for the library's hooks, which are given the session only. */
export function connectionOf(session: SMTPServerSession): DoorConnection {
  const connection = bySession.get(session);
  if (connection === undefined) throw new Error('a session without a connection of the door');
  return connection;
}

export class DoorConnection extends SMTPConnection {
  readonly door: Door;
  transaction: Transaction | null = null;
  /** Refused recipients and commands since the last stored mail. */
  refused = 0;
  commands = 0;
  trusted = false;
  /** Whom a trusted proxy's client has authenticated as (XCLIENT LOGIN). */
  login: string | null = null;
  #stranger: Client | null = null;
  #admitted = false;
  /** It was said goodbye to, or it is gone. */
  #ended = false;
  /** Set while the client waits for us: ends the waiting with a temporary answer. */
  #giveUp: (() => void) | null = null;
  /** The mail that is being received. */
  #data: SMTPServerDataStream | null = null;
  /** Its replies wait for the end of this turn of the event loop. */
  #corked: Socket | null = null;
  readonly #local: boolean;
  #bytesRead = 0;
  #times: { -readonly [name in keyof Times]: Times[name] };

  /** `local`: it came by a unix socket, whose mode has already decided who may talk. */
  constructor(
    server: SMTPServer,
    socket: Socket,
    options: { door: Door; local: boolean; socketOptions: SMTPConnectionOptions },
  ) {
    super(server, socket, options.socketOptions);
    this.door = options.door;
    this.#local = options.local;
    const now = this.door.now();
    this.#times = { connectedAt: now, activeAt: now, dataSince: null, waitingSince: null };
    bySession.set(this.session, this);
  }

  /** The client's IP address, or null (unix socket, or gone before it could be asked). */
  get client(): string | null {
    return this.remoteAddress === '' ? null : this.remoteAddress;
  }

  override init(): void {
    // Gone between accept and here: its 'close', which gives everything back, is not coming any more.
    if (this._socket.closed) {
      this._server.connections.delete(this);
      return;
    }
    this.door.connections.add(this);
    newConnections.add([this.door.kind]);
    openConnections.set(this.door.connections.size, [this.door.kind]);
    this.#setClient(this.remoteAddress, this.#local || this.door.trusts(this.remoteAddress));
    this._setListeners(() => this.#enter());
  }

  /** To be called when the socket is closed. */
  left(): void {
    this.#ended = true;
    if (!this.door.connections.delete(this)) return;
    openConnections.set(this.door.connections.size, [this.door.kind]);
    if (this.#admitted) this.door.admission.leave(this.#stranger);
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    // With these codes the context is the client's own first word, which may well be one of the library's.
    const about = context && (code === 500 || code === 421) ? undefined : context;
    const ours = (about ? OURS_BY_CONTEXT[about] : undefined) ?? OURS_BY_CODE[code];
    const isAnswerOfHook = typeof data === 'string' && ENHANCED.test(data);
    if (!isAnswerOfHook && about !== 'RCPT_TO_OK' && !UNCOUNTED.has(code)) {
      this.countCommand();
      if (this.commands > MAX_COMMANDS) {
        this.cut(STATUS.tooManyCommands);
        return;
      }
    }
    if (isAnswerOfHook) {
      this.#write(code, data, false);
    } else if (ours === undefined) {
      this.#write(code, typeof data === 'string' ? data.replace(DUPLICATE, '$1$2') : data, about);
    } else {
      // What only the library noticed: SIZE= at MAIL, an early talker, garbage instead of commands.
      if (code >= 400) this.note('rejected', ours, { at: code === 552 ? 'MAIL' : 'command', detail: String(data) });
      this.#write(ours.code, `${ours.enhanced} ${ours.text}`, false);
    }
    if (code === 220) this.#began(context === false ? 'session' : 'handshake');
    // Not at once: the library ends a transaction only behind the reply to it.
    if (this.door.closing) setImmediate(() => this.endIfIdle());
  }

  #write(code: number, data: string | string[] | null | undefined, context: string | false | undefined): void {
    const socket = this._socket;
    if (socket.readyState === 'writeOnly') {
      // The library writes only to sockets that are open both ways.
      Object.defineProperty(socket, 'readyState', { get: () => (socket.writable ? 'open' : 'closed') });
    }
    if (code === 221 || code === 421) this.#ended = true;
    this.#cork();
    super.send(code, data, context);
    // The handshake begins behind the answer to STARTTLS.
    if (code === 220) this.#uncork();
  }

  /** Replies to commands that came together leave together (RFC 2920): one system call, one segment. */
  #cork(): void {
    if (this.#corked !== null) return;
    this.#corked = this._socket;
    this.#corked.cork();
    setImmediate(() => this.#uncork());
  }

  #uncork(): void {
    this.#corked?.uncork();
    this.#corked = null;
  }

  /** Answers and, with a 421, closes. A mail that is being received is dropped. */
  cut(status: Status): void {
    if (this.#ended) return;
    if (this.inTransaction()) this.note('deferred', status, { at: 'connection' });
    else if (status !== STATUS.shuttingDown) this.note('rejected', status, { at: 'connection' });
    this.send(status.code, `${status.enhanced} ${status.text}`);
    this.#data?.destroy();
  }

  /** For the shutdown: cuts a session that is in no transaction. */
  endIfIdle(): void {
    if (!this.inTransaction()) this.cut(STATUS.shuttingDown);
  }

  /** From an accepted MAIL to the reply after the data. */
  inTransaction(): boolean {
    return Boolean(this.session.envelope?.mailFrom);
  }

  /** One refused recipient more; a stranger who has used up his share is cut. */
  countRefused(): void {
    this.refused += 1;
    if (this.#stranger !== null) this.door.refusals.count(this.#stranger);
    if (!this.trusted && (this.refused > this.door.maxRefused() || this.#isBlocked())) this.cut(STATUS.tooManyRefused);
  }

  /** A command of a stranger, or a recipient that got a temporary refusal. */
  countCommand(): void {
    if (!this.trusted) this.commands += 1;
  }

  /** Has sent as many mails as a stranger may. */
  hasSentTooMany(): boolean {
    return this.#stranger !== null && this.door.mails.isBlocked(this.#stranger);
  }

  #isBlocked(): boolean {
    return this.#stranger !== null && this.door.refusals.isBlocked(this.#stranger);
  }

  /** A mail was stored: this connection is no nuisance. What the rate limiters hold of the client stays. */
  resetPenalty(): void {
    if (this.#stranger !== null) this.door.mails.count(this.#stranger);
    this.refused = 0;
    this.commands = 0;
  }

  /** The time limit of the data begins, or ends (null). */
  receiving(data: SMTPServerDataStream | null): void {
    this.#data = data;
    this.#times.dataSince = data === null ? null : this.door.now();
    this.#times.activeAt = this.door.now();
  }

  /** From now on the client waits for an answer of ours; null: it has it. */
  waiting(giveUp: (() => void) | null): void {
    this.#giveUp = giveUp;
    this.#times.waitingSince = giveUp === null ? null : this.door.now();
    this.#times.activeAt = this.door.now();
  }

  /** The door calls it about once a second for every connection. */
  checkTimeouts(now: number): void {
    if (this.#ended) return;
    const bytesRead = this._socket.bytesRead;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#times.activeAt = now;
    }
    const late = overdue(this.#times, this.door.times, now);
    if (late === 'answer') this.#giveUp?.();
    else if (late !== null) this.cut(STATUS.timeout);
  }

  /** One line of log with what identifies this connection. */
  note(event: 'accepted' | 'rejected' | 'deferred', status: Status, fields: LogFields): void {
    const code = replyLine(status).slice(0, 4 + status.enhanced.length);
    this.door.log.info(event, { door: this.door.kind, session: this.id, client: this.client, code, ...fields });
  }

  override _createParser(): ReturnType<SMTPConnection['_createParser']> {
    const parser = super._createParser();
    // The client has ended its half, and all it said before is answered: Exim does so behind QUIT and the last mail.
    parser.on('finish', () => this.close());
    return parser;
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const odd = oddPath(command.toString());
    if (odd === null) return super._parseAddressCommand(name, command);
    if (odd === 'malformed') return false;
    const parsed = super._parseAddressCommand(name, odd.command);
    return parsed === false ? false : { ...parsed, address: odd.address(parsed.address) };
  }

  #enter(): void {
    if (this.door.closing) {
      this.cut(STATUS.shuttingDown);
      return;
    }
    this.#admitted = !this.#isBlocked() && this.door.admission.enter(this.#stranger);
    if (!this.#admitted) {
      this.door.turnedAway += 1;
      turnedAway.add([this.door.kind]);
      const { code, enhanced, text } = STATUS.tooManyConnections;
      this.send(code, `${enhanced} ${text}`);
    } else if (this.trusted) {
      this.connectionReady();
    } else {
      setTimeout(() => this.connectionReady(), this.door.greetingDelay).unref();
    }
  }

  /** A 220 was sent: the greeting, at the start and behind XCLIENT, or the answer to STARTTLS. */
  #began(what: 'session' | 'handshake'): void {
    // A client that ends its half during the handshake is gone; the hook `onSecure` allows it again.
    if (what === 'handshake') this._socket.allowHalfOpen = false;
    const address = this.session.xClient.get('ADDR');
    const login = this.session.xClient.get('LOGIN');
    if (what === 'session' && login !== undefined) this.login = login === false ? null : String(login);
    if (what === 'session' && address !== undefined) this.#becomeAnother(address === false ? null : String(address));
  }

  /**
   * The client behind a proxy is judged by its own address: strangers do not inherit the proxy's trust. `address`
   * null: the proxy does not know it (`ADDR=[UNAVAILABLE]`), so it can't be counted, but it is a stranger.
   */
  #becomeAnother(address: string | null): void {
    const before = this.#stranger;
    this.#setClient(address, address !== null && this.door.trusts(address));
    const hasRoom = this.door.admission.move(before, this.#stranger);
    if (!hasRoom || this.#isBlocked()) this.cut(STATUS.tooManyConnections);
  }

  #setClient(address: string | null, trusted: boolean): void {
    this.trusted = trusted;
    this.#stranger = address === null || trusted ? null : clientOf(address);
    this.session.disabledCommands = [
      ...NEVER,
      ...(this.door.offersTls ? [] : ['STARTTLS']),
      ...(trusted ? [] : ['XCLIENT']),
    ];
  }
}
