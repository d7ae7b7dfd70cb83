/**
 * What a provider of mail by HTTP is: one object in a file of its own, listed in `list.ts`. Configuration keys, doctor, the
 * addresses and the table of answers are read from it. Short verbs of the command line read the list too, so a provider's
 * file imports what reads forms or JSON only when a request comes.
 *
 * `read` translates one request into posts, each a mail with its envelope, and decides nothing about the mail. What is
 * wrong with a request it says in words for the operator, who reads them at the provider or in the log; it throws only
 * for trouble of ours. Files and memory of the posts that it hands out belong to the caller.
 */
import { rm } from 'node:fs/promises';
import type { Exchange } from '../../base/http.js';
import { isSecret } from '../../base/secret.js';
import type { SpaceBudget } from '../../base/space.js';
import type { Proof } from '../../conversation/filing.js';
import type { Via } from '../../conversation/model.js';
import type { Clock } from '../../conversation/ports.js';
import type { Content } from '../../mail/mail.js';
import type { Received, Spool } from '../spool.js';
import type { Allowance } from './unproven.js';

export interface Provider {
  /** Also the mail's `via`, and the group of its key: `ingress.<name>.<secretKey>`. */
  readonly name: Via;
  /** As people write it. */
  readonly title: string;
  readonly secretKey: string;
  /** What the secret is, a sentence for `config.example.toml`. */
  readonly secretMeaning: string;
  /** The first is the one to post to; then those of Rails Action Mailbox, and mistaken ones that get a useful answer. */
  readonly paths: readonly [string, ...string[]];
  /** The status for each ending. It makes the provider retry where a retry can help, and stop where it can't. */
  readonly answers: Answers;
  /** Bytes of the largest body that may hold a mail of `maxSize` bytes. */
  readonly maxBody: (maxSize: number) => number;
  readonly read: (request: ProviderRequest) => Promise<Translation>;
  /** Its proof is HTTP Basic, checked before the body is read; what the operator is told when that is wrong. */
  readonly wrongPassword?: string;
  /** The mails in its JSON, for a provider that posts JSON. */
  readonly readJson?: (value: unknown) => JsonReading;
  /** A front MTA of our own: what its mails say of their authentication counts. */
  readonly trusted?: true;
  /** It signs the address that it posts to, so `http.public_url` must be set. */
  readonly signsAddress?: true;
  /**
   * It throws mails away and tells nobody; how long it tries, for the operator. Its door says 503 when it is closed, and
   * what is wrong with a request is an error in the log.
   */
  readonly losesMail?: string;
}

/** A mail as its provider's JSON has it. */
export interface JsonMail {
  /** Who it is from, if the provider says so. */
  readonly from: unknown;
  readonly rcptTo: readonly string[];
  /** Null: the provider's part for this mail has none. */
  readonly raw: string | null;
}

/** What `readJson` of a provider found in a value of unknown shape. */
export type JsonReading = { readonly kind: 'mails'; readonly mails: readonly JsonMail[] } | Malformed;

/** How a request ended. */
export type Ending = 'stored' | 'refused' | 'unproven' | 'malformed' | 'too_large' | 'trouble';

export interface Result {
  readonly kind: Ending;
  /** For whoever reads it at the provider. It never holds what was sent as a secret. */
  readonly detail: string;
}

export type Answers = Readonly<Record<Ending, number>>;

/** What most providers are answered where the mail is not taken. */
export const USUAL_ANSWERS = { unproven: 401, malformed: 422, too_large: 413, trouble: 503 } as const;

export interface ProviderRequest {
  readonly exchange: Exchange;
  /** The provider's secrets, at least one. */
  readonly secrets: readonly string[];
  readonly spool: Spool;
  /** Where the spool and decoded mails are. */
  readonly folder: string;
  readonly space: SpaceBudget;
  /** Bytes of the largest mail, decoded. */
  readonly maxSize: number;
  /** Bytes of the largest body. */
  readonly maxBody: number;
  /** The disk is nearly full: nothing more may be written. Cheap. */
  readonly lowOnSpace: () => boolean;
  readonly now: Clock;
  /** What it may cost before it has proven itself; `read` says when it has. */
  readonly allowance: Allowance;
  /** What the provider sees of us, without a trailing slash; null when not configured. */
  readonly publicUrl: string | null;
}

/** One mail of a request. */
export interface Post {
  /** '' for the null reverse-path. */
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  /** In place of the mail, why it can't be had: `missing` is a part of the request without one. */
  readonly raw: Content | 'too_large' | 'missing';
  /** Gives memory back; to be called once, when the bytes are no longer used. */
  readonly release: () => void;
  readonly evidence?: readonly string[];
  /** The recipients were read from the header: those that are not ours are no mistake of the sender. */
  readonly guessed?: boolean;
  /** It says nothing of the mail, so it is good for this one alone. */
  readonly proof?: Proof;
}

/** A request that carries no mail to be taken. */
export type Fault =
  | (Result & { readonly kind: 'unproven' | 'too_large' | 'trouble' })
  | Malformed
  /** The client went away. */
  | { readonly kind: 'gone' };

export type Malformed = Result & { readonly kind: 'malformed' };

export type Translation = { readonly kind: 'posts'; readonly posts: readonly Post[] } | Fault;

const MIB = 1024 * 1024;

/** Beside the raw mail, JSON holds its text, its HTML and its attachments; a form may write each byte as three. */
export function maxEncodedBody(maxSize: number): number {
  return maxSize * 3 + 4 * MIB;
}

/** The user of Basic credentials, as Rails Action Mailbox has it. */
export const BASIC_USER = 'actionmailbox';

/** True when the request carries the password as HTTP Basic (RFC 7617). */
export function hasPassword(exchange: Exchange, secrets: readonly string[]): boolean {
  const credentials = exchange.basic();
  return credentials?.user === BASIC_USER && isSecret(credentials.password, secrets);
}

/** The whole body, of at most `maxSize` bytes; far above that the request is cut off. */
export async function readBody({ exchange, spool }: ProviderRequest, maxSize: number): Promise<Complete | Fault> {
  const cutOff = () => exchange.stream.destroy();
  return orFault(await spool.receive(exchange.stream, { maxSize, cutOffSize: maxSize * 2 + MIB, cutOff }));
}

export type Complete = Extract<Received, { kind: 'complete' }>;

/** What the spool received, or why there is nothing. Throws for trouble of ours. */
export function orFault(received: Received): Complete | Fault {
  switch (received.kind) {
    case 'complete':
    case 'gone':
      return received;
    case 'too_large':
      return { kind: 'too_large', detail: 'The mail is larger than smtp.max_size.' };
    case 'no_space':
    case 'failed':
      throw received.error;
  }
}

/** For what was received and is in no post. */
export async function drop({ raw, release }: Pick<Complete, 'raw' | 'release'>): Promise<void> {
  release();
  await discard(raw);
}

export async function discard(raw: Content): Promise<void> {
  if ('file' in raw) await rm(raw.file, { force: true }).catch(() => undefined);
}
