/**
 * Continuity: which of the team's words are mailed, when, to whom, and what a mail carries. Pure.
 *
 * An outgoing message waits until `continuity.delay` after the first unmailed one; then all that wait go into one mail.
 * Until then the contact may see them in the channel or answer there: they are not mailed, and say so. An agent who says
 * `now` is obeyed, whatever the contact does. What carries a `created_at` is history: it is mailed only when `mail` says
 * so, and answers nothing.
 */
import type {
  Channel,
  ConversationStatus,
  Delivery,
  DeliveryState,
  Direction,
  MailIntent,
  MailReason,
  MailState,
  Message,
  WaitingReason,
} from '../model.js';

/** What an application says of a message that it adds. */
interface AddedMessage {
  readonly direction: Direction;
  readonly mail?: MailIntent;
  readonly created_at?: string;
  /** Milliseconds. */
  readonly delay?: number;
}

export interface Mailing {
  /** Null: it is not outgoing. */
  readonly intent: MailIntent | null;
  /** Why it is never mailed; null: it is, or it is not outgoing. */
  readonly reason: Extract<MailReason, 'never' | 'channel_off'> | null;
  /** How long it waits for its mail, milliseconds; null: it is not mailed. */
  readonly delay: number | null;
}

/** Is an added message mailed, and after which time? `delay`: of the account, else `continuity.delay`. */
export function mailingOf(
  message: AddedMessage,
  at: { readonly channel: Channel; readonly channelsOff: readonly Channel[]; readonly delay: number },
): Mailing {
  if (message.direction !== 'outgoing') return { intent: null, reason: null, delay: null };
  const intent = message.mail ?? (message.created_at === undefined ? 'auto' : 'never');
  if (intent === 'never') return { intent, reason: 'never', delay: null };
  if (intent === 'auto' && at.channelsOff.includes(at.channel)) return { intent, reason: 'channel_off', delay: null };
  const usual = intent === 'now' || at.channel === 'email' ? 0 : at.delay;
  return { intent, reason: null, delay: message.delay ?? usual };
}

/**
 * What an added message does beside standing there. When the contact answers in the channel, what waits for its mail is
 * not mailed (`ENDS_WHEN_SEEN`), and a resolved conversation opens again.
 */
export function answerOf(
  message: AddedMessage,
  status: ConversationStatus,
): { readonly answers: boolean; readonly reopens: boolean } {
  const answers = message.direction === 'incoming' && message.created_at === undefined;
  return { answers, reopens: answers && status === 'resolved' };
}

/** Once the contact has seen messages in the channel, or has answered there, those with these intents are not mailed. */
export const ENDS_WHEN_SEEN = ['auto'] as const satisfies readonly MailIntent[];

/** Who gets a copy, each once: the contact as To, whoever else is named as Cc. */
export function readersOf<Reader extends { readonly key: unknown }>(
  contact: Reader,
  cc: readonly Reader[],
): readonly { readonly participant: Reader; readonly role: 'to' | 'cc' }[] {
  const others = new Map(cc.map(each => [each.key, each]));
  others.delete(contact.key);
  return [
    { participant: contact, role: 'to' },
    ...[...others.values()].map(participant => ({ participant, role: 'cc' as const })),
  ];
}

/** When a delivery that waits for its mail is due, in milliseconds, and why it is not due yet. */
export interface Waiting {
  /** When it is due by its delay alone. */
  readonly dueAt: number;
  /** Null while it waits for an address, or while mailing is suspended. */
  readonly nextAttemptAt: number | null;
  /** Null: it goes now. */
  readonly reason: Exclude<WaitingReason, 'paused'> | null;
}

/** The wait of a new delivery. `dueAt`: when its first words are due. */
export function firstWait(
  recipient: { readonly email: string | null; readonly suspended: boolean },
  { dueAt, now }: { readonly dueAt: number; readonly now: number },
): Waiting {
  if (recipient.email === null) return { dueAt, nextAttemptAt: null, reason: 'no_address' };
  if (recipient.suspended) return { dueAt, nextAttemptAt: null, reason: 'suspended' };
  return { dueAt, nextAttemptAt: dueAt, reason: dueAt > now ? 'delay' : null };
}

/** More words join a delivery that waits. The first ones set the time; only words that are due earlier bring it forward. */
export function waitWithMore(
  waiting: Waiting,
  { dueAt, now }: { readonly dueAt: number; readonly now: number },
): Waiting {
  if (dueAt >= waiting.dueAt) return waiting;
  return {
    dueAt,
    nextAttemptAt: waiting.nextAttemptAt === null ? null : dueAt,
    reason: waiting.reason === 'delay' && dueAt <= now ? null : waiting.reason,
  };
}

/** The address was learned, or mailing resumes: the delivery goes when its delay is over, or now. */
export function waitAfterObstacle(dueAt: number | null, now: number): Waiting {
  if (dueAt !== null && dueAt > now) return { dueAt, nextAttemptAt: dueAt, reason: 'delay' };
  return { dueAt: dueAt ?? now, nextAttemptAt: now, reason: null };
}

/**
 * The copies of the mail that is composed now. `waiting`: the conversation's deliveries that wait for a mail, oldest
 * first. When one is due, all go that wait for their time alone, the oldest of each recipient: one mail carries all words
 * to everybody, and what a mail has no room for (`hasRoom`) waits for the next one. Empty: nothing is due.
 */
export function copiesDue<Copy extends { readonly next_attempt_at: number | null; readonly order_key: string }>(
  waiting: readonly Copy[],
  now: number,
): readonly Copy[] {
  const free = waiting.filter(copy => copy.next_attempt_at !== null);
  if (!free.some(copy => copy.next_attempt_at! <= now)) return [];
  const oldest = new Map<string, Copy>();
  for (const copy of free) if (!oldest.has(copy.order_key)) oldest.set(copy.order_key, copy);
  return [...oldest.values()];
}

/** What messages need of a mail. */
export interface Load {
  readonly messages: number;
  /** In UTF-8. */
  readonly textBytes: number;
  readonly attachmentBytes: number;
}

export const NOTHING: Load = { messages: 0, textBytes: 0, attachmentBytes: 0 };

/** One mail carries at most so many messages, and so many bytes of their text: it is composed in memory. */
export const MAIL_MESSAGES = 100;
export const MAIL_TEXT = 512 * 1024;

/** `maxSize`: `outbound.max_size`. A mail that carries nothing has room for each message that was taken. */
export function hasRoom(load: Load, more: Load, maxSize: number): boolean {
  const both = sumOf([load, more]);
  const fits = both.messages <= MAIL_MESSAGES && both.textBytes <= MAIL_TEXT && encodedSize(both) <= maxSize;
  return fits || load.messages === 0;
}

export function sumOf(loads: readonly Load[]): Load {
  return loads.reduce(
    (sum, load) => ({
      messages: sum.messages + load.messages,
      textBytes: sum.textBytes + load.textBytes,
      attachmentBytes: sum.attachmentBytes + load.attachmentBytes,
    }),
    NOTHING,
  );
}

/**
 * How many earlier messages a mail carries, and as what: the first mail of a conversation its context, each later one
 * quotes its history. Never both.
 */
export function quotingOf(mail: { readonly first: boolean; readonly context: number; readonly history: number }): {
  readonly as: 'context' | 'history';
  readonly most: number;
} {
  return mail.first ? { as: 'context', most: mail.context } : { as: 'history', most: mail.history };
}

/** Kinds of messages that a mail carries as context or history: robots' mails are no conversation. */
export const QUOTED_KINDS = ['reply', 'channel', 'list'] as const satisfies readonly Message['kind'][];

/** One who gets a copy. `carried`: a customer put him into Cc, or the team added him (`rules/carry.ts`). */
export type ReaderKind = 'contact' | 'named' | 'carried';

/** Whether a reader is quoted all there is. The context of a first mail is for those whom its answer names. */
export function quotesAll(reader: ReaderKind, as: 'context' | 'history'): boolean {
  return reader === 'contact' || (reader === 'named' && as === 'context');
}

/** An earlier message that is no note, none of a robot's, and neither held, dropped nor part of a loop; and one reader. */
export interface Earlier {
  readonly direction: Direction;
  /** Outgoing: the smarthost took a mail with it for his address. */
  readonly sentToHim: boolean;
  /** Incoming: he stands in To or Cc of its mail. */
  readonly namesHim: boolean;
  /** Incoming, by mail: he is its writer. */
  readonly isHis: boolean;
  /** Incoming: DMARC failed, so that somebody else may have written it. */
  readonly isDoubted: boolean;
}

/** Whether such a message is quoted to a reader who is not quoted all: what went to him, and what came from him. */
export function mayBeQuoted(message: Earlier): boolean {
  if (message.direction === 'outgoing') return message.sentToHim;
  return message.direction === 'incoming' && !message.isDoubted && (message.isHis || message.namesHim);
}

/** What a mail quotes has at most so many bytes, in its text and in its HTML part. */
export const HISTORY_BYTES = 20_000;

/** How much of them a mail with this load has room for. */
export function historyRoom(load: Load, maxSize: number): number {
  return Math.max(0, Math.min(HISTORY_BYTES, Math.floor((maxSize - encodedSize(load)) / TEXT_GROWTH)));
}

/** Of a long chain of References, so many ids from its beginning and so many from its end. */
export const CHAIN_END = 20;

/** Oldest first, each once. */
export function chainOf(ids: readonly string[]): readonly string[] {
  const all = [...new Set(ids)];
  return all.length <= 2 * CHAIN_END ? all : [...all.slice(0, CHAIN_END), ...all.slice(-CHAIN_END)];
}

/** `mail` of a message, out of its deliveries; what was not mailed says why. */
export function mailStateOf(message: {
  readonly direction: Direction;
  /** Why it is not mailed, where that was decided. */
  readonly reason: MailReason | null;
  readonly deliveries: readonly Pick<Delivery, 'state' | 'reason'>[];
}): Message['mail'] {
  const { direction, reason, deliveries } = message;
  if (direction !== 'outgoing') return { state: 'none', reason: null };
  if (reason !== null) return { state: 'not_mailed', reason };
  const waiting = deliveries.find(delivery => delivery.state === 'waiting');
  if (waiting !== undefined) return { state: waiting.reason === null ? 'queued' : 'waiting', reason: waiting.reason };
  const found = MAIL_STATES.find(([state]) => deliveries.some(delivery => delivery.state === state));
  if (found !== undefined) return { state: found[1], reason: null };
  return { state: 'not_mailed', reason: deliveries.length > 0 ? 'cancelled' : 'never' };
}

/** A message with several deliveries has the state of the first of these. */
const MAIL_STATES: readonly (readonly [DeliveryState, MailState])[] = [
  ['leased', 'queued'],
  ['deferred', 'queued'],
  ['sent', 'sent'],
  ['failed', 'failed'],
];

/** Base64 and line ends make attachments larger by this; text may need three bytes a byte in quoted-printable, twice. */
const ENCODED_GROWTH = 1.37;
const TEXT_GROWTH = 6;

/** Bytes that the mail of a message may need: too large ones are refused when they are added, never when they are sent. */
export function encodedSize(message: { readonly textBytes: number; readonly attachmentBytes: number }): number {
  return Math.ceil(message.attachmentBytes * ENCODED_GROWTH + message.textBytes * TEXT_GROWTH);
}

/** Bytes of attachments for which a mail of at most `maxSize` has room, when it has hardly any words. */
export function attachmentRoom(maxSize: number): number {
  return Math.floor(maxSize / ENCODED_GROWTH);
}
