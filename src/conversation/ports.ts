/**
 * The seams of replyd: what the doors call, what the pipeline and the queue need from the outside. Interfaces only;
 * the comments are the contract that every implementation and every test of it is held to.
 *
 * Expected results are values (Verdict, Outcome). A throw is a fault: whoever catches one that is no ReplydError
 * answers "temporary" (451, 503, 75, retry) and never bounces somebody's mail for it.
 */
import type { Authentication } from '../mail/authentication.js';
import type { Content, Envelope, KnownTexts, MailAttachment, RawFacts } from '../mail/mail.js';
import type { Notified } from '../mail/reply-text/agent-answer.js';
import type { Status } from '../mail/status.js';
import type { Destination, FiledReading, Proof } from './filing.js';
import type { EventType, Via } from './model.js';

/** Now, in milliseconds since 1970. Tests hand in their own. */
export type Clock = () => number;
/** That many unpredictable bytes. */
export type Random = (bytes: number) => Uint8Array;

/** Who asks. Made once for each way in, checked in one place (api/access.ts), taken by every read and write. */
export interface Caller {
  /** An application with an account's key, one with an operator's key, or an agent in a browser. */
  readonly kind: 'key' | 'operator' | 'session';
  /** Of the key or agent: requests are counted and repeated requests known by it. */
  readonly id: string;
  /** Slugs of the accounts that it may see and change; null: all. */
  readonly accounts: readonly string[] | null;
  /** What an agent may do in each of them; null where there is none: a key may do all. */
  readonly roles: ReadonlyMap<string, 'agent' | 'admin'> | null;
  readonly agentId: string | null;
}

// ---------------------------------------------------------------- doors → pipeline

/** What is answered for one recipient. `mailId` stands with every accepted one after `accept`. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly status: Status; readonly mailId: string; readonly messageId: string | null }
  | { readonly kind: 'rejected' | 'deferred'; readonly status: Status; readonly detail: string };

export type Resolution =
  | { readonly kind: 'accepted'; readonly destination: Destination }
  | { readonly kind: 'rejected' | 'deferred'; readonly status: Status; readonly detail: string };

/** A mail on its way in. The pipeline takes over `raw`: a spool file is adopted or unlinked by it, whatever happens. */
export interface Arrival {
  readonly mailFrom: string;
  readonly destinations: readonly Destination[];
  readonly raw: Content;
  readonly via: Via;
  /** IP address of the client, or null. */
  readonly client: string | null;
  /** Who takes turns with others when mails wait to be read, the widest first; those without an address are one. */
  readonly turn: readonly string[];
  /** From a trusted network: its Authentication-Results count. */
  readonly trusted: boolean;
  /** The client is the sender's own, so that SPF can be asked of it: a stranger's socket, or XCLIENT. */
  readonly direct?: boolean;
  /** Whom the connection authenticated, told by a trusted MTA (XCLIENT LOGIN). */
  readonly login?: string;
  /** What the door had to guess, e.g. recipients taken from delivery headers. */
  readonly evidence?: readonly string[];
  /** Good for this mail alone: with another one it is `rejected` (STATUS.proofUsed). */
  readonly proof?: Proof;
}

/** A mail that is not taken, for the record. The pipeline takes over `raw`, as it does of an arrival. */
export interface RefusedMail {
  readonly envelope: Envelope;
  readonly raw: Content;
  readonly via: Via;
  readonly client: string | null;
  readonly reason: string;
  readonly proof?: Proof;
}

/** The one pipeline behind all doors (`conversation/pipeline.ts`). */
export interface Reception {
  /**
   * Is this address ours, alive and switched on? Two indexed look-ups, no writing. Never throws: a store that can't
   * be read is `deferred` with 451.
   */
  resolve(recipient: string): Promise<Resolution>;
  /**
   * Parses, threads, stores and only then answers: one verdict per destination, in their order; `accepted` means
   * committed to disk. `together`: all destinations in one transaction or none (SMTP: all verdicts are equal);
   * otherwise each stands for itself (LMTP, HTTP). Never throws: anything unexpected is `deferred` with 451.
   */
  accept(arrival: Arrival, options: { together: boolean }): Promise<readonly Verdict[]>;
  /**
   * Records a mail that was refused after its data came (HTTP doors). False: its proof came before with another mail, and
   * nothing is recorded. Never throws.
   */
  refuse(refused: RefusedMail): Promise<boolean>;
  /** True while the store's disk has less free space than `limits.min_free` (452 at MAIL). Cheap. */
  lowOnSpace(): boolean;
}

// ---------------------------------------------------------------- pipeline → verifier

/** A mail of which the DNS is asked who sent it. */
export interface Unverified {
  readonly raw: Content;
  /** Envelope sender, '' for the null reverse-path. */
  readonly mailFrom: string;
  /** IP address of the client that sent it; null: whoever brought it says nothing of that, and SPF is not asked. */
  readonly client: string | null;
}

/** Asks the DNS (`verifying/verifier.ts`). */
export interface Verifier {
  /**
   * SPF, DKIM and DMARC (RFC 7208, 6376, 7489). Never throws: what could not be asked, or not `within` so many
   * milliseconds, is `temperror`. Does not touch `raw`, which must stay until the answer.
   */
  verify(mail: Unverified, limits: { readonly within: number }): Promise<Authentication>;
}

// ---------------------------------------------------------------- pipeline → parser

export type Parsed =
  | {
      readonly kind: 'read';
      readonly facts: RawFacts;
      readonly reading: FiledReading;
      /** Its own, and behind them those of an attached mail that is sent on. */
      readonly attachments: readonly MailAttachment[];
      /** Null: no checker that we trust says anything. */
      readonly authentication: Authentication | null;
    }
  | { readonly kind: 'unreadable'; readonly facts: RawFacts; readonly reason: string };

/** What is known of a mail besides its bytes. */
export interface ReadingContext {
  readonly knownTexts: KnownTexts;
  /** Envelope sender, '' for the null reverse-path. */
  readonly mailFrom: string;
  /** Our authserv-ids; none: no Authentication-Results field counts. */
  readonly authservIds: readonly string[];
  /** It came to an agent's own address: what his notifications hold. */
  readonly notified?: Notified;
  /** The mail that a forward holds is read too. */
  readonly forwards?: boolean;
}

/** Who waits for a reading (`parsing/turns.ts`). */
export interface Turn {
  /** Who takes turns with others, the widest first: a network and an address in it, or a provider. */
  readonly client: readonly string[];
  /** Of its first recipient; '' for the operator. */
  readonly account: string;
  /** It waits until no other mail does. */
  readonly last: boolean;
}

/** Reads raw mails away from the socket thread, under a budget of time and memory. */
export interface Parser {
  /**
   * Never throws because of the mail itself: `unreadable` means that two independent readers failed, or took more
   * than their budget. Throws ReplydError('unavailable') when the parser itself can't work (no thread, no disk). Does not
   * touch `raw`.
   * Contents of large attachments come as files in the store's incoming folder, owned by the caller.
   */
  parse(raw: Content, about: ReadingContext, turn: Turn): Promise<Parsed>;
  /** Of a mail that nobody reads. */
  facts(raw: Content): Promise<RawFacts>;
}

// ---------------------------------------------------------------- queue → world

/** One delivery, leased by the queue and ready to go. */
export type Parcel = MailParcel | WebhookParcel;

/** One lease of a delivery. */
export interface Leased {
  readonly deliveryId: string;
  /** Which of its leases. It counts no more when the delivery was given to somebody else meanwhile. */
  readonly lease: number;
}

/** A mail: to somebody in a conversation or to the operator, or, as a notification, to an agent. */
export interface MailParcel extends Leased {
  readonly kind: 'mail' | 'notification';
  /** Starts at 1. */
  readonly attempt: number;
  /** Envelope sender (`bounce+…@`, the support address, or an address); '' for the null reverse-path. */
  readonly mailFrom: string;
  readonly rcptTo: string;
  /** Header lines of this copy alone (its Reply-To), each ended by CRLF; they go in front of `content`. */
  readonly head: string;
  /** The composed mail, the same for every copy. */
  readonly content: Content;
  /** With angle brackets. */
  readonly messageId: string;
  /** The key that signs for the domain in From (RFC 6376); null: there is none. Never logged. */
  readonly signature: Signature | null;
}

export interface Signature {
  readonly domain: string;
  readonly selector: string;
  /** PKCS #8 in PEM. */
  readonly privateKey: string;
}

export interface WebhookParcel extends Leased {
  readonly kind: 'webhook';
  readonly attempt: number;
  readonly url: string;
  /** The same for every attempt: receivers know by it what they have seen. */
  readonly eventId: string;
  /** JSON. */
  readonly body: string;
  /** Signing secrets in force (`whsec_…`), the newest first. */
  readonly secrets: readonly string[];
}

/**
 * What came of one attempt.
 * `sent`: the other side took it. `alias`: the Message-ID it says it gave the mail, if another; without brackets.
 * `failed`: refused for good, this delivery alone. `suspend`: the address itself is dead (mail/status.ts says by which codes).
 * `retry`: temporary, try this delivery later.
 * `trouble`: the destination itself is wrong or away (login, TLS, MAIL refused, no connection): fail nobody, pause it.
 * `refusedByPolicy` on `failed`: a 5.7.x at RCPT; three different recipients in a row mean trouble, not failure.
 */
export type Outcome =
  | { readonly kind: 'sent'; readonly response: string; readonly alias?: string }
  | {
      readonly kind: 'failed';
      readonly response: string;
      readonly suspend: boolean;
      readonly refusedByPolicy: boolean;
    }
  | { readonly kind: 'retry'; readonly response: string }
  | { readonly kind: 'trouble'; readonly response: string };

/**
 * The seam between the queue and the world (SMTP smarthost, .eml files, webhooks). One interface for every kind of
 * delivery: a courier looks at the parcel's `kind`, and answers `retry` to one that it cannot carry.
 */
export interface Courier {
  /** One attempt, bounded in time by itself. Never throws: everything unexpected is `retry`. */
  deliver(parcel: Parcel): Promise<Outcome>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- queue → store

/** The state of one place that deliveries go to: `smarthost`, or a hook's id. */
export interface DestinationState {
  readonly name: string;
  /** Paused by an operator (`queue pause`), by trouble with the destination, or not at all. */
  readonly paused: 'operator' | 'trouble' | null;
  readonly reason: string | null;
  /** When the next probe may go, while in trouble. */
  readonly nextProbeAt: number | null;
  /** Probes in a row that failed. */
  readonly failures: number;
}

/** What the queue needs of the store. Times in milliseconds since 1970. */
export interface QueueStore {
  /** At start: what this node had leased before is free, and everything where there are no nodes. Returns how much that was. */
  voidLeases(): Promise<number>;
  /**
   * Behind a `lease` that failed and may have counted all the same: what this node has leased for the destination and does
   * not hold is free. Returns how much that was.
   */
  voidLost(destination: string, held: readonly Leased[]): Promise<number>;
  /**
   * Leases up to `limit` composed deliveries of `destination` that are due, oldest first, never one with an older
   * unfinished delivery of the same order key. One statement claims them.
   */
  lease(destination: string, options: { now: number; limit: number }): Promise<readonly Parcel[]>;
  /**
   * Settles one leased delivery. `retryAt` for `retry`; null there means: given up, failed. `lease`: the parcel's; absent:
   * whichever it has. Settling again so, when the answer was lost, is true and changes nothing. False: it has that lease
   * no more, and nothing changes.
   */
  settle(
    deliveryId: string,
    outcome: Outcome,
    options: { now: number; retryAt: number | null; lease?: number },
  ): Promise<boolean>;
  /** Gives leases back untouched (destination in trouble, shutdown): no attempt is counted. */
  release(parcels: readonly Leased[]): Promise<void>;
  /** The earliest moment at which `lease` may find something, or null when nothing waits. */
  nextDueAt(destination: string): Promise<number | null>;
  destination(name: string): Promise<DestinationState>;
  /** The queue's word does not count while an operator has paused the destination. */
  setDestination(state: DestinationState, by: 'operator' | 'queue'): Promise<void>;
}

// ---------------------------------------------------------------- store → database

/** A value, or the promise of one: SQLite answers at once, so that a transaction begins and ends in one turn. */
export type Soon<T> = T | Promise<T>;

/** Keys of rows, or names of destinations. */
export type LockedKeys = readonly (number | string)[] | (() => Promise<readonly (number | string)[]>);

/**
 * One transaction, as the store's verbs see their database. Every call is awaited, one at a time; a fault is thrown and
 * ends the transaction. Statements are written once for SQLite and PostgreSQL: lower case, values numbered `$1`, `$2`…,
 * `on conflict`, `returning`, a name for every subquery. A column that is one of many is `= any($1)`, and the value an array
 * of keys or of texts. Times are milliseconds since 1970, booleans 0 and 1.
 */
export interface Tx {
  /** The first row, or undefined. */
  get<Row extends object>(text: string, ...values: readonly unknown[]): Soon<Row | undefined>;
  /** The first column of the first row, or undefined. */
  value<T extends string | number | Uint8Array | null>(
    text: string,
    ...values: readonly unknown[]
  ): Soon<T | undefined>;
  all<Row extends object>(text: string, ...values: readonly unknown[]): Soon<Row[]>;
  /** Returns how many rows it changed. */
  run(text: string, ...values: readonly unknown[]): Soon<number>;
  /** One row by its columns. `known: 'kept'`: a row with the same primary key stays as it is. Returns how many rows came. */
  insert(table: string, row: object, options?: { readonly known: 'kept' }): Soon<number>;
  /** Rows of one table, which have the same columns, in their order: one statement where that is cheaper. */
  insertAll(table: string, rows: readonly object[], options?: { readonly known: 'kept' }): Soon<void>;
  /** Changes columns of the row with this key; undefined: as it is. Returns how many rows that were. */
  update(table: string, key: number, change: object): Soon<number>;
  /** A new key, higher than all that this process made before. Two tables may have rows with the same key. */
  key(): number;
  /**
   * From here on nobody else changes these rows until the transaction ends. What a verb holds from its first statement on
   * stands in `store/locks.ts`; whoever finds out later that he needs one asks here, before he writes. One that is not held
   * yet throws: the engine takes back what the call did and runs it again with that row. A call that works alone takes
   * them here, in this order: accounts, conversations, destinations. Nothing to do on SQLite, where writers take turns:
   * keys that a statement finds are given as a function, which is not called there.
   */
  lock(table: 'account' | 'conversation' | 'destination', keys: LockedKeys): Soon<void>;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Something happened, for events and webhooks. It is written last, with keys that rise in the order in which
   * transactions are committed: who reads events after the last one he knows misses none.
   */
  emit(event: EmittedEvent): void;
}

/** An event's row but for its key. */
export interface EmittedEvent {
  readonly account_key: number;
  readonly conversation_key: number | null;
  /** Its number within the conversation. */
  readonly seq: number;
  readonly type: EventType;
  readonly message_key: number | null;
  /** JSON. */
  readonly data: string;
}
