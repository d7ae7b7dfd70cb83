/**
 * A mail at the store's door: what the pipeline hands over with it, and what it hears. Plain values that cross threads;
 * `Store.resolve`, `Store.file` and `Store.locate` say when.
 */
import type { Authentication } from '../mail/authentication.js';
import type { Envelope, RawFacts } from '../mail/mail.js';
import type { Via } from './model.js';
import type { PackedReading } from './packed.js';
import type { Destination } from './ports.js';

/** Bytes that are in the store's keeping: inline with the row that will hold them, or a file already in place. */
export type StoredContent =
  | { readonly sha256: string; readonly size: number; readonly bytes: Uint8Array }
  | { readonly sha256: string; readonly size: number; readonly placed: true };

/** Names bytes in the store; read them with `Store.read`, or stream the file. */
export interface StoredContentRef {
  /** The store's own; null: no longer kept. */
  readonly key: number | null;
  readonly sha256: string;
  readonly size: number;
  /** Path of the file when they stand in one. */
  readonly file: string | null;
}

/** What `resolve` finds out about an address, in the order in which it is asked. */
export type AddressLookup =
  | { readonly found: 'destination'; readonly destination: Destination }
  | { readonly found: 'not_ours' | 'unknown' | 'switched_off'; readonly detail: string };

/** What is known of a filing before its mail is read. */
export interface FilingContext {
  readonly envelope: Envelope;
  readonly destinations: readonly Destination[];
  readonly via: Via;
  readonly client: string | null;
  readonly trusted: boolean;
  readonly evidence: readonly string[];
  readonly limits: { readonly loopMessages: number; readonly loopWindow: number };
  /** All destinations or none. */
  readonly together: boolean;
}

/** A mail with all that is understood of it, ready to be filed in one transaction. */
export interface Filing extends FilingContext {
  readonly facts: RawFacts;
  readonly raw: StoredContent;
  /** Null: unreadable, `reason` says why; it is threaded all the same and quarantined. */
  readonly reading: PackedReading | null;
  readonly reason: string | null;
  /** Contents of `reading.mail.attachments`, in their order. */
  readonly attachments: readonly StoredContent[];
  /** What a checker that we trust says of the sender; absent: nobody did. */
  readonly authentication?: Authentication;
}

/** Per destination, in the order of Filing.destinations. */
export type FilingResult =
  | {
      readonly result: 'filed';
      readonly mailId: string;
      readonly messageId: string | null;
      /** It stood there already: the same mail came before. */
      readonly before: boolean;
    }
  /** The destination changed between RCPT and now (revoked, removed, switched off). */
  | { readonly result: 'changed' }
  /** Its writer is on the account's block list. */
  | { readonly result: 'blocked' }
  /** `inbox+` mail that belongs to no conversation while the account opens none. */
  | { readonly result: 'unthreaded' };

/** Where a mail goes for one recipient. */
export interface Location {
  readonly recipient: string;
  /** `new`: it opens a conversation. `kept`: for the operator. The others are refused. */
  readonly goes: 'conversation' | 'new' | 'kept' | 'unthreaded' | 'blocked' | 'switched_off' | 'unknown' | 'not_ours';
  /** The account's slug. */
  readonly account: string | null;
  readonly conversation: { readonly id: string; readonly number: number } | null;
  /** What threads it: an address of its envelope, a field of its header. `blocked`: the entry of the block list. */
  readonly by: string | null;
  /** The writer in From is a participant there. */
  readonly writer_known: boolean;
}
