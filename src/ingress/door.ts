/**
 * What an HTTP door is: a translator from one provider's request to posts, each a mail with its envelope. A door
 * decides nothing about the mail; `http.ts` takes what it found to the reception and answers in the provider's words.
 *
 * A door says what is wrong in words for the operator, who reads them at the provider or in the log; it throws only
 * for trouble of ours. Files and memory of posts that it hands out belong to the caller.
 */
import { rm } from 'node:fs/promises';
import type { Exchange } from '../base/http.js';
import type { Clock } from '../conversation/ports.js';
import type { Content } from '../mail/mail.js';
import type { Received, Spool } from './spool.js';

export type Provider = 'relay' | 'mailgun' | 'mandrill' | 'postmark' | 'sendgrid';

export interface DoorRequest {
  readonly exchange: Exchange;
  /** The door's secrets, at least one. */
  readonly secrets: readonly string[];
  readonly spool: Spool;
  /** Where the spool and decoded mails are. */
  readonly folder: string;
  /** Bytes of the largest mail, decoded. */
  readonly maxSize: number;
  /** Bytes of the largest body that may hold such a mail; `maxBodyOf`. */
  readonly maxBody: number;
  /** The disk is nearly full: nothing more may be written. Cheap. */
  readonly lowOnSpace: () => boolean;
  readonly now: Clock;
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
  /** The recipients were looked up in the header: those that are not ours are no mistake of the sender. */
  readonly guessed?: boolean;
}

export type Translation =
  | { readonly word: 'posts'; readonly posts: readonly Post[] }
  /** `detail` never holds what was sent as a secret. */
  | { readonly word: 'unproven' | 'malformed' | 'too_large'; readonly detail: string }
  | { readonly word: 'gone' };

export type Door = (request: DoorRequest) => Promise<Translation>;

/**
 * Beside the raw mail, JSON holds its text, its HTML and its attachments; a form may write each byte as three.
 * Mandrill's form holds JSON, of several mails at a time; beyond 400 MiB no JSON can be read in one go.
 */
export function maxBodyOf(provider: Provider, maxSize: number): number {
  if (provider === 'relay') return maxSize;
  const once = maxSize * 3 + 4 * MIB;
  return provider === 'mandrill' ? Math.max(once, Math.min(maxSize * 8, 400 * MIB)) : once;
}

const MIB = 1024 * 1024;

/** The user of Basic credentials, as Rails Action Mailbox has it. */
export const BASIC_USER = 'actionmailbox';

/** What a spool made of a mail, or the translation that ends the request. Throws for trouble of ours. */
export function whole(
  received: Received,
):
  | Extract<Received, { word: 'complete' }>
  | { readonly word: 'too_large'; readonly detail: string }
  | { readonly word: 'gone' } {
  switch (received.word) {
    case 'complete':
    case 'gone':
      return received;
    case 'too_large':
      return { word: 'too_large', detail: 'The mail is larger than smtp.max_size.' };
    case 'no_space':
    case 'failed':
      throw received.error;
  }
}

/** For a mail that no post carries on. */
export async function discard(raw: Content): Promise<void> {
  if ('file' in raw) await rm(raw.file, { force: true }).catch(() => undefined);
}
