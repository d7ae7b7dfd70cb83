/**
 * One connection of the SMTP or LMTP door: smtp-server's connection with our answers, limits and manners.
 *
 * The library's class is extended in few places, all of them covered by tests because they are its inner life
 * (the version is pinned): `send` gives our codes and texts from `mail/status.ts` instead of its fixed table, and all
 * replies of a turn of the event loop in one write; `_createParser` reads data as `smtp-data.ts` does; `init` admits
 * the client and spares trusted ones the greeting delay; `_onCommand` counts commands and ends sessions that are in no
 * transaction at shutdown; `_isDisabled` knows what is switched off; idle and total time are watched by the door's one
 * sweep instead of a timer per socket; XCLIENT makes the connection another client's; quoted local parts (RFC 5321
 * 4.1.2) are understood.
 *
 * A session lives as long as the connection, a transaction from MAIL to the reply after the data. When a limit is
 * passed, the client gets a 421 and a mail that is half received is dropped at once.
 */
import type { Socket } from 'node:net';
import type { SMTPServer, SMTPServerSession } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { Log, LogFields } from '../../base/log.js';
import { counter, gauge } from '../../base/metrics.js';
import type { Clock, Destination } from '../../conversation/ports.js';
import { replyLine, STATUS, type Status } from '../../mail/status.js';
import { type Client, clientOf, type NetworkTest } from '../network.js';
import { DataParser } from './data.js';
import { type Admission, MAX_COMMANDS, type Meter, overdue, type TimeLimits, type Times } from './limits.js';

const newConnections = counter('replyd_connections_total', 'SMTP and LMTP connections that came.', ['door']);
const turnedAway = counter('replyd_connections_refused_total', 'Connections sent away: too many of them.', ['door']);
const openConnections = gauge('replyd_connections', 'SMTP and LMTP connections that are open.', ['door']);

/** What a connection needs to know of its door. The mutable fields change on reload and at shutdown. */
export interface Door {
  readonly kind: 'smtp' | 'lmtp';
  readonly log: Log;
  readonly now: Clock;
  readonly admission: Admission;
  /** Recipients refused for good, and mails stored, of strangers. */
  readonly refusals: Meter;
  readonly mails: Meter;
  /** Recipients of a stranger refused for good on one connection, without a stored mail between them. */
  readonly maxRefused: () => number;
  /** Every connection whose socket is not closed yet. */
  readonly visits: Set<DoorConnection>;
  /** Milliseconds during which a stranger must be silent. */
  readonly greetingDelay: number;
  trusts: NetworkTest;
  times: TimeLimits;
  offersTls: boolean;
  closing: boolean;
  /** Connections turned away since the last sweep, which logs them in one line. */
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
// MAIL FROM:<"a b"@example.com>: head, local part, rest. The alternatives exclude each other: linear.
const QUOTED_PATH = /^([^:]*:\s*<(?:@[^\s,:@<>]+(?:,@[^\s,:@<>]+)*:)?)("(?:[^"\\]|\\.)*")(@[^<>\s]*>.*)$/s;
// MAIL FROM:<a@example.com> SIZE=1: verb, address, size. Nothing in such an address has to be decoded or refused.
const PLAIN_PATH = /^(mail from|rcpt to):<([\w.!#$%&'*+/=?^`{|}~-]+@(?!.*xn--)[a-z0-9._-]+)>(?: size=(\d+))?$/i;
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff]/;

// Texts of ours hold none; whatever gets into one must not make a second reply of it.
const CONTROL = /[\x00-\x1f\x7f]/g;
/** The answer to DATA. */
const GO_AHEAD = 354;
/** Greeting, STARTTLS and goodbye: the socket is another, or closed, right after them. */
const ALONE: ReadonlySet<number> = new Set([220, 221, 421]);

const connections = new WeakMap<SMTPServerSession, DoorConnection>();

/** The connection of a session, for the library's hooks, which are given the session only. */
export function connectionOf(session: SMTPServerSession): DoorConnection {
  const connection = connections.get(session);
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
  /** Set while the client waits for us: ends the waiting with a temporary answer. */
  giveUp: (() => void) | null = null;
  #stranger: Client | null = null;
  #admitted = false;
  readonly #local: boolean;
  #bytesRead = 0;
  /** Replies that wait for the end of this turn of the event loop. */
  #unsent = '';
  #forbidden: ReadonlySet<string> = new Set(NEVER);
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
    connections.set(this.session, this);
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
    this.door.visits.add(this);
    newConnections.add([this.door.kind]);
    openConnections.set(this.door.visits.size, [this.door.kind]);
    this._setListeners(() => {
      this.trusted = this.#local || this.door.trusts(this.remoteAddress);
      this.#stranger = this.trusted ? null : clientOf(this.remoteAddress);
      this.#forbid();
      if (this.door.closing) this.cut(STATUS.shuttingDown);
      else this.#enter();
    });
  }

  /** Our codes, and replies to commands that came together leave together (RFC 2920): one system call, one segment. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    // With these codes the context is the client's own first word, which may well be one of the library's.
    const about = context && (code === 500 || code === 421) ? undefined : context;
    const ours = (about ? OURS_BY_CONTEXT[about] : undefined) ?? OURS_BY_CODE[code];
    if (typeof data === 'string' && (code === GO_AHEAD || ENHANCED.test(data))) {
      this.#reply(code, data);
    } else if (ours === undefined) {
      this.#sendNow(code, typeof data === 'string' ? data.replace(DUPLICATE, '$1$2') : data, about);
    } else {
      // What only the library noticed: SIZE= at MAIL, an early talker, garbage instead of commands.
      if (code >= 400) this.note('rejected', ours, { at: code === 552 ? 'MAIL' : 'command', detail: String(data) });
      this.#reply(ours.code, `${ours.enhanced} ${ours.text}`);
    }
  }

  /** Not by the library, which would write each reply by itself; corking the socket cost more than this. */
  #reply(code: number, text: string): void {
    if (ALONE.has(code)) {
      this.#sendNow(code, text, false);
      return;
    }
    if (this.#unsent === '') setImmediate(() => this.#sendReplies());
    this.#unsent += `${code} ${text.replace(CONTROL, ' ')}\r\n`;
  }

  #sendNow(code: number, data?: string | string[] | null, context?: string | false): void {
    this.#sendReplies();
    // The library answers sockets only that are open both ways.
    if (this._socket.readyState === 'writeOnly') Object.defineProperty(this._socket, 'readyState', { value: 'open' });
    super.send(code, data, context);
  }

  #sendReplies(): void {
    const replies = this.#unsent;
    this.#unsent = '';
    // Nothing may be written into a handshake.
    if (replies !== '' && this._socket.writable && !this._upgrading) this._socket.write(replies);
  }

  override close(): void {
    this.#sendReplies();
    super.close();
  }

  /** Answers and, with a 421, closes. A mail that is being received is dropped. */
  cut(status: Status): void {
    if (this._closing || this._closed) return;
    if (this.inTransaction()) this.note('deferred', status, { at: 'connection' });
    else if (status !== STATUS.shuttingDown) this.note('rejected', status, { at: 'connection' });
    this.send(status.code, `${status.enhanced} ${status.text}`);
    if (this._dataStream) this._dataStream.destroy();
  }

  /** To be called after the reply that ended a transaction: at shutdown the session ends with it. */
  replied(): void {
    if (this.door.closing && !this.inTransaction()) this.cut(STATUS.shuttingDown);
  }

  /** From an accepted MAIL to the reply after the data. */
  inTransaction(): boolean {
    return Boolean(this.session.envelope?.mailFrom) || Boolean(this._dataStream);
  }

  /** One refused recipient more; a stranger who has used up his share is cut. */
  countRefused(): void {
    this.refused += 1;
    if (this.#stranger !== null) this.door.refusals.count(this.#stranger);
    if (!this.trusted && (this.refused > this.door.maxRefused() || this.#isShut())) this.cut(STATUS.tooManyRefused);
  }

  /** A command that got a temporary refusal, or one that asks for too much. */
  countCommand(): void {
    if (!this.trusted) this.commands += 1;
  }

  /** Has sent as many mails as a stranger may. */
  sentEnough(): boolean {
    return this.#stranger !== null && this.door.mails.isFull(this.#stranger);
  }

  #isShut(): boolean {
    return this.#stranger !== null && this.door.refusals.isFull(this.#stranger);
  }

  /** A mail was stored: this connection is no nuisance. What the meters hold of the client stays. */
  forgive(): void {
    if (this.#stranger !== null) this.door.mails.count(this.#stranger);
    this.refused = 0;
    this.commands = 0;
  }

  /** The clock of the data begins (true) or ends. */
  receiving(on: boolean): void {
    this.#times.dataSince = on ? this.door.now() : null;
    this.#times.activeAt = this.door.now();
  }

  /** From now on the client waits for an answer of ours; null: it has it. */
  waiting(giveUp: (() => void) | null): void {
    this.giveUp = giveUp;
    this.#times.waitingSince = giveUp === null ? null : this.door.now();
    this.#times.activeAt = this.door.now();
  }

  /** Looks at the clocks; the door calls it about once a second for every connection. */
  sweep(now: number): void {
    if (this._closing || this._closed) return;
    const bytesRead = this._socket.bytesRead;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#times.activeAt = now;
    }
    const late = overdue(this.#times, this.door.times, now);
    if (late === 'answer') this.giveUp?.();
    else if (late !== null) this.cut(STATUS.timeout);
  }

  /** One line of log with what identifies this connection. */
  note(event: 'accepted' | 'rejected' | 'deferred', status: Status, fields: LogFields): void {
    const code = replyLine(status).slice(0, 4 + status.enhanced.length);
    this.door.log.info(event, { door: this.door.kind, session: this.id, client: this.client, code, ...fields });
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    // During a handshake the library throws plain text away; nothing may be written then.
    if (this._upgrading || !this._ready) {
      super._onCommand(command, callback);
      return;
    }
    if (!this.trusted && !isRecipient(command)) this.commands += 1;
    if (this.door.closing && !this.inTransaction()) this.cut(STATUS.shuttingDown);
    else if (this.commands > MAX_COMMANDS) this.cut(STATUS.tooManyCommands);
    else super._onCommand(command, () => this.#answered(callback));
  }

  /** The door's sweep watches the time of all connections. */
  override _armTimeout(): void {}

  override _createParser(): ReturnType<SMTPConnection['_createParser']> {
    const parser = new DataParser({ maxCommandLength: this._server.options.maxCommandLength });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on('error', error => this.send(421, `Error: ${error.message}`));
    // The client has ended its half, and all it said before is answered: Exim does so behind QUIT and the last mail.
    parser.on('finish', () => this.close());
    return parser;
  }

  override _onClose(): void {
    super._onClose();
    if (!this.door.visits.delete(this)) return;
    openConnections.set(this.door.visits.size, [this.door.kind]);
    if (this.#admitted) this.door.admission.leave(this.#stranger);
  }

  /** A client that ends its half during the handshake is gone; afterwards it may do so behind its last command. */
  override upgrade(callback: () => void, secureCallback?: () => void): void {
    this._socket.allowHalfOpen = false;
    super.upgrade(callback, () => {
      this._socket.allowHalfOpen = true;
      secureCallback?.();
    });
  }

  override handler_XCLIENT(command: Buffer, callback: () => void): void {
    super.handler_XCLIENT(command, () => {
      const address = this._xClient.get('ADDR');
      if (address !== undefined && !this._closing) this.#becomeAnother(address === false ? null : this.remoteAddress);
      callback();
    });
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const text = command.toString();
    const plain = plainPath(name, text);
    if (plain !== null) return plain;
    const quoted = text.includes('"') ? QUOTED_PATH.exec(text) : null;
    if (quoted === null) return text.includes('<"') ? false : super._parseAddressCommand(name, command);
    const [, head, local = '', rest] = quoted;
    if (UNSAFE.test(local)) return false;
    const parsed = super._parseAddressCommand(name, `${head}x${rest}`);
    return parsed === false ? false : { ...parsed, address: local + parsed.address.slice(1) };
  }

  #enter(): void {
    this.#admitted = !this.#isShut() && this.door.admission.enter(this.#stranger);
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

  /**
   * The client behind a proxy is judged by its own address: strangers do not inherit the proxy's trust. `address`
   * null: the proxy does not know it (`ADDR=[UNAVAILABLE]`), so it can't be counted, but it is a stranger.
   */
  #becomeAnother(address: string | null): void {
    this.trusted = address !== null && this.door.trusts(address);
    const client = address === null || this.trusted ? null : clientOf(address);
    const room = this.door.admission.move(this.#stranger, client);
    this.#stranger = client;
    this.#forbid();
    if (!room || this.#isShut()) this.cut(STATUS.tooManyConnections);
  }

  #answered(next: (() => void) | undefined): void {
    if (this.door.closing && !this.inTransaction()) this.cut(STATUS.shuttingDown);
    next?.();
  }

  #forbid(): void {
    this.#forbidden = new Set([
      ...NEVER,
      ...(this.door.offersTls ? [] : ['STARTTLS']),
      ...(this.trusted ? [] : ['XCLIENT']),
    ]);
  }

  /** Asked several times for each command; the library would compare it with a whole list, each word made upper-case. */
  override _isDisabled(command: string): boolean {
    return this.#forbidden.has(command);
  }
}

/** What the library makes of nearly all MAIL and RCPT commands, at a fraction of its time; null: ask the library. */
export function plainPath(name: string, command: string): ReturnType<SMTPConnection['_parseAddressCommand']> | null {
  const [, verb = '', address = '', size] = PLAIN_PATH.exec(command) ?? [];
  if (verb.toLowerCase() !== name) return null;
  return { address, args: size === undefined ? false : { SIZE: size } };
}

function isRecipient(command: Buffer): boolean {
  return /^rcpt /i.test(command.toString('latin1', 0, 5));
}
