/**
 * The Store port: everything replyd keeps, as verbs. One implementation today (SQLite), more behind the same contract
 * suite later. Every promise of a writing verb is fulfilled after its transaction is committed and on disk; every
 * verb is one transaction. Lists come newest first and are bounded by `limit`.
 *
 * Faults: ReplydError('invalid' | 'not_found' | 'conflict') says what is wrong with the call; 'unavailable' means the
 * store can't work now (disk full: details.reason = 'disk_full'; locked; gone), and nothing of the call happened.
 */

import type { Authentication } from '../mail/authentication.js';
import type { Content, RawFacts } from '../mail/mail.js';
import type { Notified } from '../mail/reply-text/agent-answer.js';
import type { NoticeSnapshot } from './agent-notice.js';
import type { AgentStore, NamedAgent } from './agent-store.js';
import type { ComposeSnapshot, Forward } from './composing.js';
import type {
  AddressLookup,
  FiledReading,
  Filing,
  FilingResult,
  Location,
  Proof,
  StoredContent,
  StoredContentRef,
} from './filing.js';
import type {
  Account,
  AccountSettings,
  ApiKey,
  Attachment,
  Channel,
  Contact,
  Conversation,
  ConversationStatus,
  DeliveryState,
  DkimKey,
  Event,
  Feature,
  Hook,
  MailIntent,
  MailRecord,
  MailRecordState,
  Message,
  QueuedDelivery,
  TextFormat,
  Via,
} from './model.js';
import type { QueueStore, RefusedMail, Unverified } from './ports.js';
import type { ConversationRef } from './ref.js';
import type { RereadPart, Understood } from './rules/rereading.js';
import type { SearchHit } from './search/hit.js';
import type { TraceStep } from './trace-step.js';

export interface NewConversation {
  /** The account's slug. */
  readonly account: string;
  readonly channel: Channel;
  readonly source_id?: string | null;
  readonly subject?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly contact: { readonly email?: string | null; readonly name?: string; readonly source_id?: string | null };
  /** What the contact said in the channel. */
  readonly text?: string;
  /** A token of another system for the contact, instead of a new one. */
  readonly token?: string;
  /** What was said so far, oldest first, after `text`; in the same transaction. */
  readonly messages?: readonly NewMessage[];
  readonly via: Via;
}

/** A conversation that began in another system, whose mails its customers still have. */
export interface ImportedConversation
  extends Pick<NewConversation, 'account' | 'channel' | 'source_id' | 'subject' | 'metadata' | 'contact'> {
  /** The other system's token; by it the conversation is known when it comes again. */
  readonly token: string;
  readonly status: ConversationStatus;
}

/** `known`: it was there, and nothing was changed. */
export type ImportResult = 'made' | 'known' | { readonly refused: string };

export interface NewMessage {
  readonly direction: 'incoming' | 'outgoing' | 'note';
  readonly text: string;
  /** Default: Markdown for what goes out, plain for all else. */
  readonly format?: TextFormat;
  readonly mail?: MailIntent;
  /**
   * Who says it. An id throws agent_not_found when he is none of the account's; an address that is one of its agents'
   * makes it his too.
   */
  readonly agent?: NamedAgent;
  readonly cc?: readonly { readonly name: string; readonly email: string }[];
  readonly source_id?: string | null;
  /** ISO 8601. What carries one is history: it is mailed only when `mail` says so, and answers nothing that waits. */
  readonly created_at?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly attachments?: readonly {
    readonly filename: string;
    readonly content_type: string;
    readonly content: StoredContent;
  }[];
  /** The last message that the writer saw. Somebody wrote after it: conflict `conversation_moved`, with what is new. */
  readonly after_seq?: number;
  /** How long the mail waits, milliseconds; default: at once for `now`, the account's continuity delay for `auto`. */
  readonly delay?: number;
  readonly via: Via;
}

/** Of a list. */
interface Filter {
  readonly account?: string;
  /** Only those older than this one in the list's order. */
  readonly before?: string;
  readonly limit: number;
}

export type ListOrder = 'newest' | 'oldest';

export interface ConversationFilter extends Filter {
  readonly status?: ConversationStatus;
  readonly contact?: string;
  readonly channel?: Channel;
  readonly source_id?: string;
  /** ISO 8601: only those with activity since, and without since then. */
  readonly updated_since?: string;
  readonly updated_before?: string;
  /** By their last activity; default: the newest first. `before` names the last one of the page before in this order. */
  readonly order?: ListOrder;
  /** Id or address of an agent, or `none`: those that are assigned to nobody. */
  readonly assignee?: string;
  /** True: only those in which a message is held. */
  readonly held?: boolean;
  /** Each with so many characters of its newest words. */
  readonly preview?: number;
  /** `last_activity_at` of the conversation `before` when it was listed: keeps the place when it has moved since. */
  readonly before_at?: string;
}

export interface SearchFilter {
  /** Absent: in all accounts, of which there may be 50. */
  readonly account?: string;
  /** As it was typed (`search/query.ts`). */
  readonly text: string;
  /** `next` of the page before. */
  readonly before?: string;
  readonly limit: number;
}

/** `next`: where the next page begins; it may be there behind a page without hits. Null: that was all. */
export interface FoundPage {
  readonly hits: readonly SearchHit[];
  readonly next: string | null;
}

export interface Store extends QueueStore, AgentStore {
  // Doors and pipeline
  /** Two indexed look-ups; see Reception.resolve. */
  resolve(address: string): Promise<AddressLookup>;
  /** What replyd itself wrote into these conversations and around their mails, for finding it again in a quoted part. */
  quotable(conversationIds: readonly string[]): Promise<readonly string[]>;
  /** What agents were told in these conversations, by which an answer of theirs is kept clean of it. */
  notified(told: readonly { readonly conversationId: string; readonly agentId: string }[]): Promise<Notified>;
  file(filing: Filing): Promise<readonly FilingResult[]>;
  /** Where a mail with this envelope would be filed, and by what. Changes nothing. */
  locate(mail: {
    readonly recipients: readonly string[];
    readonly mailFrom: string;
    readonly reading: FiledReading;
    /** As of a `Filing`. */
    readonly authentication: Authentication | null;
  }): Promise<readonly Location[]>;
  /** Whether this proof came before, and with which mail (`sha256` of its bytes): `other` may not be taken. */
  proofUse(proof: Proof, sha256: string): Promise<'first' | 'again' | 'other'>;
  /**
   * Keeps a refused mail on record (`mail list --state refused`) and returns its id; `raw` null: without its bytes. With a
   * proof that came before nothing is stored: with the same mail (`again`), or with another (`other`).
   */
  refuse(
    refused: Omit<RefusedMail, 'raw'> & { facts: RawFacts; raw: StoredContent | null },
  ): Promise<{ readonly kind: 'recorded'; readonly id: string } | { readonly kind: 'again' | 'other' }>;
  /** The first mails whose sender the DNS is to be asked about after their commit; `raw` null: no longer kept. */
  unverified(
    limit: number,
  ): Promise<readonly (Omit<Unverified, 'raw'> & { readonly mailId: string; readonly raw: StoredContentRef | null })[]>;
  /** Writes the verdicts into the mail's messages, an event for each; null: nobody could be asked any more. */
  verified(mailId: string, verdicts: Authentication | null): Promise<void>;
  /** Fills the message(s) of a quarantined mail with what could be read of it after all. */
  refile(mailId: string, reading: FiledReading, attachments: readonly StoredContent[]): Promise<readonly string[]>;
  /** Notes which version of the reader reads this store's mails. True: an older one read some that stand in it. */
  noteReader(reader: number): Promise<boolean>;
  /**
   * What changes in a message now that its mail is read like this (`rules/rereading.ts`). `contents` null: nothing is
   * written; else what it reads today is written, with the contents of its attachments where they change, and an event
   * says so. Nothing that the mail did is done again. Throws message_not_found, conflict.
   */
  reread(
    messageId: string,
    reading: FiledReading,
    options: {
      /** Its mail would be threaded into another conversation today. */
      readonly elsewhere: boolean;
      readonly contents: readonly StoredContent[] | null;
    },
  ): Promise<{ readonly parts: readonly RereadPart[]; readonly before: Understood; readonly after: Understood }>;

  // Accounts
  addAccount(account: {
    slug: string;
    name?: string;
    domains: readonly string[];
    support_email: string;
  }): Promise<Account>;
  accounts(): Promise<readonly Account[]>;
  account(slug: string): Promise<Account>;
  setAccount(
    slug: string,
    change: { name?: string; support_email?: string; domains?: readonly string[]; settings?: AccountSettings },
  ): Promise<Account>;
  setFeature(slug: string, feature: Feature, on: boolean): Promise<Account>;
  /** Removes everything of the account. Large accounts take many short transactions. */
  removeAccount(slug: string): Promise<void>;
  /** Records prefixes of reply addresses that are in use from now on; old ones stay understood. */
  rememberPrefixes(prefixes: readonly string[]): Promise<void>;

  // Contacts
  contacts(filter: Filter & { email?: string; source_id?: string }): Promise<readonly Contact[]>;
  contact(id: string): Promise<Contact>;
  /** A new address makes a new participant in his conversations; another contact's address is a conflict. */
  setContact(id: string, change: { email?: string | null; name?: string; source_id?: string | null }): Promise<Contact>;
  /** Ends the suspension of mailing to him. */
  clearContact(id: string): Promise<Contact>;
  removeContact(id: string): Promise<void>;
  /** Ids of his conversations, the oldest first, after this one. */
  conversationsOf(
    contactId: string,
    options: { readonly after: string | null; readonly limit: number },
  ): Promise<readonly string[]>;

  // Conversations
  /**
   * With a source id that a conversation of this account and channel has: that one, the newest (`known`). Only messages
   * with a source id that is new in it are added then, and what was not known of its contact. Throws conflict when the
   * contact is another one, or when his address and his source id are those of two.
   */
  startConversation(conversation: NewConversation): Promise<Conversation & { readonly known?: true }>;
  /** A result for each, in their order; what is wrong with one keeps no other out. No events: it is old news. */
  importConversations(conversations: readonly ImportedConversation[]): Promise<readonly ImportResult[]>;
  conversations(filter: ConversationFilter): Promise<readonly Conversation[]>;
  /** With its messages, oldest first; `messages`: only so many of the newest. Those that do not fit are left out. */
  conversation(ref: ConversationRef, options?: { messages?: number }): Promise<Conversation>;
  setConversation(
    ref: ConversationRef,
    change: { status?: ConversationStatus; subject?: string; metadata?: Readonly<Record<string, unknown>> },
  ): Promise<Conversation>;
  /** The contact saw it in its channel: what waits for a mail is not mailed. */
  seen(ref: ConversationRef): Promise<Conversation>;
  /** A new token for a participant (an id or address; default the contact); the old one is revoked. */
  rotateToken(ref: ConversationRef, participant?: string): Promise<Conversation>;
  /** The participant's reply addresses are dead from now on. */
  revokeToken(ref: ConversationRef, participant?: string): Promise<Conversation>;
  /**
   * From now on he gets the answers too, whatever he was before. Throws invalid_address for an address of ours, of the team,
   * of the contact, or one that takes no answer; too_many_cc.
   */
  addCc(ref: ConversationRef, who: { readonly email: string; readonly name?: string }): Promise<Conversation>;
  /** An id or address: he gets no more answers, and no mail brings him back. Throws cc_not_found. */
  removeCc(ref: ConversationRef, who: string): Promise<Conversation>;
  removeConversation(ref: ConversationRef): Promise<void>;

  // Messages
  /**
   * Oldest first, after message number `after`; or newest first, before number `before` (null: from the last on). Fewer than
   * `limit` when they would be too many bytes (page.ts).
   */
  messages(
    ref: ConversationRef,
    options: { readonly limit: number } & ({ readonly after: number } | { readonly before: number | null }),
  ): Promise<readonly Message[]>;
  addMessage(ref: ConversationRef, message: NewMessage): Promise<Message>;
  message(id: string): Promise<Message>;
  /** Gives a held message its effect. */
  releaseMessage(id: string): Promise<Message>;
  /** Ends a held message: it stays without any effect. */
  dropMessage(id: string): Promise<Message>;
  attachment(id: string): Promise<{ attachment: Attachment; content: StoredContentRef }>;

  // Search
  /**
   * Messages that have all of the words, the newest first; of what was written in the last two seconds or so not all is found
   * yet. Ends after about a second with what it has. Throws invalid, account_not_found, account_required.
   */
  search(filter: SearchFilter): Promise<FoundPage>;
  /** How much of the store the index has looked at, in messages. */
  searchProgress(): Promise<{ readonly done: number; readonly total: number; readonly filled: boolean }>;

  // Mails
  mails(filter: Filter & { state?: MailRecordState }): Promise<readonly MailRecord[]>;
  mail(id: string): Promise<{ mail: MailRecord; raw: StoredContentRef }>;
  /**
   * Removes mails outside conversations, those that came before this moment (milliseconds since 1970; absent: all), but
   * none whose copy is on its way to the operator. Many short transactions. Returns how many went.
   */
  clearUnfiled(which: { state: 'kept' | 'refused'; before?: number }): Promise<number>;

  // Deliveries
  deliveries(
    filter: Filter & { state?: DeliveryState; conversation?: string; hook?: string },
  ): Promise<readonly QueuedDelivery[]>;
  delivery(id: string): Promise<QueuedDelivery>;
  /** Makes a deferred, failed or waiting delivery due now. Throws conflict when it can't be. */
  retryDelivery(id: string): Promise<QueuedDelivery>;
  /** The same for all in this state that can be. Many short transactions. Returns how many. */
  retryDeliveries(state: DeliveryState): Promise<number>;
  cancelDelivery(id: string): Promise<QueuedDelivery>;

  // Applications
  /** The slug of the account that an id of any kind belongs to; null when nothing has this id. */
  accountOf(id: string): Promise<string | null>;
  /** Whether there is no other account. */
  singleTenant(account: string): Promise<boolean>;
  /**
   * The text as this account may read it: tokens (reply, bounce, inbox) of other accounts, alive or not, are left out;
   * `sameLength`: overwritten with as many x. Events come so already. Account null: nobody's may be read.
   */
  redacted(text: string, options: { account: string | null; sameLength?: boolean }): Promise<string>;
  /** No account: an operator's key. `secret` is the key itself, known to nobody later. */
  addKey(key: { account: string | null; name?: string }): Promise<{ key: ApiKey; secret: string }>;
  keys(): Promise<readonly ApiKey[]>;
  /** The living key with this secret, or null. */
  verifyKey(secret: string): Promise<ApiKey | null>;
  /** Notes that it was used. */
  keyUsed(id: string): Promise<void>;
  revokeKey(id: string): Promise<ApiKey>;
  /** Keys that sign our mails, of one domain or of all, the oldest of a domain first. */
  dkimKeys(domain?: string): Promise<readonly DkimKey[]>;
  /** A domain's first key signs at once, a further one waits (`useDkimKey`). Throws conflict for a selector that is taken. */
  addDkimKey(key: {
    readonly domain: string;
    readonly selector: string;
    /** PKCS #8 in PEM. */
    readonly privateKey: string;
    /** Base64 of its SubjectPublicKeyInfo. */
    readonly publicKey: string;
  }): Promise<DkimKey>;
  /** From now on this key signs, and the one before is retired. Throws not_found. */
  useDkimKey(domain: string, selector: string): Promise<DkimKey>;
  /** Throws not_found. */
  removeDkimKey(domain: string, selector: string): Promise<DkimKey>;
  /**
   * Runs a writing verb at most once for this caller and name, and gives the first answer again later (24 h). Invalid
   * when the name was used for another request. Errors are not kept.
   */
  once<Name extends OnceVerb>(
    request: { caller: string; name: string; fingerprint: string },
    verb: Name,
    values: Parameters<Store[Name]>,
  ): Promise<{ readonly repeated: boolean; readonly value: Awaited<ReturnType<Store[Name]>> }>;
  /** The answer that is kept under this name, null when there is none. Invalid as with `once`. */
  keptAnswer(request: { caller: string; name: string; fingerprint: string }): Promise<{ value: unknown } | null>;
  /** Gives back what it is given: with `once`, the way to keep an answer that the store did not make. */
  answer(value: unknown): Promise<unknown>;
  addHook(hook: { account: string; url: string; types?: Hook['types'] }): Promise<{ hook: Hook; secret: string }>;
  /** From now on it hears of these types of events; null: of all. */
  setHook(id: string, change: { types?: Hook['types'] }): Promise<Hook>;
  hooks(filter: { account?: string }): Promise<readonly Hook[]>;
  hook(id: string): Promise<Hook>;
  /** Secrets that sign now, the newest first. */
  hookSecrets(id: string): Promise<readonly string[]>;
  /** A new secret; the old one signs beside it for a day. */
  rotateHook(id: string): Promise<{ hook: Hook; secret: string }>;
  /** On again, and out of trouble. */
  enableHook(id: string): Promise<Hook>;
  /** Switches it off, says so in an event, and ends what waits for it: many short transactions. */
  disableHook(id: string, reason: string): Promise<void>;
  removeHook(id: string): Promise<void>;
  /** Hooks with deliveries that are not finished. */
  pendingHooks(): Promise<readonly string[]>;
  /** Oldest first, after the event with this id; fewer than `limit` when they would be too many bytes. */
  events(filter: { account?: string; after: string; limit: number }): Promise<readonly Event[]>;
  /** The newest event's id, or what stands for it when there is none. */
  latestEvent(): Promise<string>;
  /** False: what came after this id is not all there any more, or it is no id of this store. */
  canResume(id: string, account?: string): Promise<boolean>;
  /**
   * Clears away up to `limit` events, with their deliveries, and kept answers from before, and proofs that are of no more
   * use. Returns how many: the most of one kind.
   */
  clearEvents(options: { before: number; answersBefore: number; limit: number }): Promise<number>;

  // Composing (what is due becomes a mail)
  /** Conversations with due deliveries that no mail is composed for yet. */
  dueConversations(options: { now: number; limit: number }): Promise<readonly string[]>;
  /** When the next one is due, or null. */
  nextComposeAt(): Promise<number | null>;
  /** Null when nothing is due any more. */
  composeSnapshot(
    conversationId: string,
    /** `continuity.context` and `continuity.history`, for accounts that have none of their own. */
    options: { now: number; context: number; history?: number },
  ): Promise<ComposeSnapshot | null>;
  /** Id for a mail that is about to be composed. */
  mintMailId(): string;
  /**
   * Ties the composed mail to its copies and messages. False when one of the copies was cancelled, seen or composed
   * meanwhile: then nothing happened and the caller looks again.
   */
  saveComposed(composed: {
    mailId: string;
    conversationId: string;
    messageId: string;
    subject: string;
    messageIds: readonly string[];
    inReplyTo: string | null;
    references: readonly string[];
    raw: StoredContent;
    /** The same mail for readers who are quoted something else: another id here, the same in the mail. */
    others?: readonly { mailId: string; raw: StoredContent }[];
    /** `mail`: which of them, behind the first one. */
    copies: readonly { deliveryId: string; head: string; mailFrom: string; mail?: number }[];
    /** It quotes earlier messages, to one of its readers at least. */
    history?: boolean;
  }): Promise<boolean>;

  /** Copies for the operator that no mail is composed for yet. */
  dueForwards(options: { now: number; limit: number }): Promise<readonly Forward[]>;
  /** Ties the composed copy to its delivery. False when it was cancelled meanwhile. */
  saveForward(composed: {
    deliveryId: string;
    mailId: string;
    messageId: string;
    raw: StoredContent;
  }): Promise<boolean>;

  // Notifications of agents
  /** Those that are due and not composed yet. */
  dueNotices(options: { now: number; limit: number }): Promise<readonly string[]>;
  /** When the next one is due, or null. */
  nextNoticeAt(): Promise<number | null>;
  /** What it is to say; his reply address is made. Null: it is not due any more, or he is not to be told: then it is cancelled. */
  openNotice(deliveryId: string): Promise<NoticeSnapshot | null>;
  /** Ties the composed mail to its delivery. False when it changed meanwhile: then nothing happened and the caller looks again. */
  saveNotice(composed: {
    deliveryId: string;
    mailId: string;
    messageId: string;
    messageIds: readonly string[];
    seq: number;
    raw: StoredContent;
    head: string;
    mailFrom: string;
  }): Promise<boolean>;

  // The whole
  /** The way of a mail, message or delivery, by its id, in the order of its times. */
  trace(id: string): Promise<readonly TraceStep[]>;
  stats(): Promise<Readonly<Record<string, number>>>;
  /** Keeps bytes: small ones are handed back to go with their row, large ones are put in place and synced first. */
  place(
    content: { bytes: Uint8Array } | { file: string },
    facts: { sha256: string; size: number },
    /** `inRow`: however large, for what goes again soon: a row's room is free at once, a file's a day later. */
    options?: { readonly inRow: boolean },
  ): Promise<StoredContent>;
  /** Removes the files of what was put in place and is named by nothing. */
  unplace(contents: readonly StoredContent[]): Promise<void>;
  /** The bytes, or where a large content can be read for an hour. Throws not_found when it is no longer kept. */
  content(ref: StoredContentRef): Promise<Content>;
  /** All of the bytes. */
  read(content: StoredContentRef): Promise<Uint8Array>;
  /** Calls back after a commit of any process was noticed. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Verbs behind a request that may come twice. */
export const ONCE_VERBS = [
  'startConversation',
  'addMessage',
  'seen',
  'rotateToken',
  'revokeToken',
  'releaseMessage',
  'dropMessage',
  'clearContact',
  'retryDelivery',
  'cancelDelivery',
  'assignConversation',
  'addCc',
  'removeCc',
  'readConversation',
  'addAccount',
  'addAgent',
  'disableAgent',
  'enableAgent',
  'addHook',
  'rotateHook',
  'answer',
] as const satisfies readonly (keyof Store)[];
export type OnceVerb = (typeof ONCE_VERBS)[number];
