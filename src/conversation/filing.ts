/**
 * What the pipeline gives to the store when it files a mail, and what the store answers (`Store.resolve`, `Store.file`,
 * `Store.locate`). Plain values: they are copied between threads, so only what filing needs is in them.
 */

import type { ReadAgentMail } from '../mail/agent-mail.js';
import type { Authentication } from '../mail/authentication.js';
import type { Envelope, Forward, Mail, MailAttachment, Mailbox, RawFacts, Reading, ReplyText } from '../mail/mail.js';
import type { Via } from './model.js';
import { SPAM_FIELD } from './rules/blocked.js';
import { ADDRESS_FIELDS } from './rules/filing.js';
import { LOOP_FIELD } from './rules/loop.js';
import { OPENER_FIELDS } from './rules/opener.js';

/** An address with a token, and whose it is. */
interface TokenAddress {
  readonly address: string;
  readonly token: string;
  readonly accountId: string;
  /** The account's feature `hold_strangers`. */
  readonly holdsStrangers: boolean;
}

/** Which account, conversation, delivery an envelope recipient names. Opaque to doors: from `resolve` to `accept`. */
export type Destination =
  | (TokenAddress & { readonly kind: 'reply'; readonly conversationId: string; readonly participantId: string })
  /** An agent's own. */
  | (TokenAddress & { readonly kind: 'agent'; readonly conversationId: string; readonly agentId: string })
  | (TokenAddress & { readonly kind: 'bounce'; readonly conversationId: string; readonly deliveryId: string })
  | (TokenAddress & {
      readonly kind: 'inbox';
      /** Whose forwards may be others' mail (`rules/forward.ts`); null: nobody's. */
      readonly forwarders: readonly string[] | null;
    })
  | { readonly kind: 'operator'; readonly address: string; readonly localPart: 'postmaster' | 'abuse' };

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
  /** Too large for a row. */
  readonly large: boolean;
}

/** What `resolve` finds out about an address, in the order in which it is asked. */
export type AddressLookup =
  | { readonly kind: 'destination'; readonly destination: Destination }
  | { readonly kind: 'not_ours' | 'unknown' | 'switched_off'; readonly detail: string };

/**
 * What filing needs of a Reading, which is one too; `evidence` has the reasons of its text too. The header has only the fields that filing asks for; whoever wants
 * the others, or the whole bodies, has the raw mail.
 */
export interface FiledReading extends Pick<Reading, 'kind' | 'evidence' | 'report' | 'reportedIds' | 'html'> {
  readonly text: Omit<ReplyText, 'evidence'>;
  readonly mail: Pick<
    Mail,
    | 'from'
    | 'replyTo'
    | 'to'
    | 'cc'
    | 'subject'
    | 'date'
    | 'messageId'
    | 'inReplyTo'
    | 'references'
    | 'headers'
    | 'returnedHeaders'
  > & { readonly attachments: readonly Omit<MailAttachment, 'content'>[] };
  readonly forward?: FiledForward;
  /** As an agent's mail; only where it came to an address of one. */
  readonly agent?: ReadAgentMail;
}

/** As `Forward` of a Reading. */
export type FiledForward =
  | { readonly kind: 'doubt'; readonly reason: string }
  | {
      readonly kind: 'one';
      readonly original: FiledReading;
      readonly attached: number | null;
      readonly words: Omit<ReplyText, 'evidence'>;
    };

const ASKED_FIELDS: ReadonlySet<string> = new Set([LOOP_FIELD, SPAM_FIELD, ...ADDRESS_FIELDS, ...OPENER_FIELDS]);

/** Of how its text was told from its history: an answer between each two quoted lines has a reason of its own. */
const MAX_REASONS = 8;

/** Picks what filing needs: nothing else is copied from thread to thread. */
export function filedReading(reading: Reading): FiledReading {
  const { kind, evidence, report, reportedIds, html, text, mail, forward } = reading;
  return {
    ...(forward === undefined ? {} : { forward: filedForward(forward) }),
    kind,
    evidence: [...new Set([...evidence, ...text.evidence.slice(0, MAX_REASONS)])],
    report,
    reportedIds,
    html,
    text: { text: text.text, quotedText: text.quotedText, signature: text.signature },
    mail: {
      from: mail.from,
      replyTo: mail.replyTo,
      to: mail.to,
      cc: mail.cc,
      subject: mail.subject,
      date: mail.date,
      messageId: mail.messageId,
      inReplyTo: mail.inReplyTo,
      references: mail.references,
      headers: askedFields(mail.headers),
      returnedHeaders: mail.returnedHeaders === null ? null : askedFields(mail.returnedHeaders),
      attachments: mail.attachments.map(({ content: _, ...described }) => described),
    },
  };
}

function filedForward(forward: Forward): FiledForward {
  return forward.kind === 'doubt' ? forward : { ...forward, original: filedReading(forward.original) };
}

function askedFields(headers: Mail['headers']): Mail['headers'] {
  return headers.filter(field => ASKED_FIELDS.has(field.name));
}

/** What a provider proved a mail with that it did not sign (Mailgun). It is good for one mail to these recipients. */
export interface Proof {
  /** SHA-256 of what is signed, in hex. */
  readonly key: string;
  /** SHA-256 of the recipients as they were posted, in hex. */
  readonly recipients: string;
  /** Milliseconds since 1970: from then on the door refuses it. */
  readonly expiresAt: number;
}

/** A mail with all that is understood of it, ready to be filed in one transaction. */
export interface Filing {
  readonly envelope: Envelope;
  readonly destinations: readonly Destination[];
  readonly via: Via;
  readonly client: string | null;
  readonly trusted: boolean;
  readonly evidence: readonly string[];
  readonly limits: { readonly loopMessages: number; readonly loopWindow: number };
  /** All destinations or none. */
  readonly together: boolean;
  readonly facts: RawFacts;
  readonly raw: StoredContent;
  /** Null: unreadable, `reason` says why; it is threaded all the same and quarantined. */
  readonly reading: FiledReading | null;
  readonly reason: string | null;
  /** Contents of `reading.mail.attachments`, in their order, and behind them those of an attached mail that is sent on. */
  readonly attachments: readonly StoredContent[];
  /** What a checker that we trust says of the sender; null: nobody did. */
  readonly authentication?: Authentication | null;
  /** Whom the connection authenticated, told by a trusted MTA. */
  readonly login?: string;
  /** The DNS is asked after the commit: SPF of this client, null: not. Absent: it is not asked then. */
  readonly unverified?: { readonly client: string | null };
  /** Remembered with the mail. */
  readonly proof?: Proof;
}

/** Per destination, in the order of Filing.destinations. */
export type FilingResult =
  | {
      readonly kind: 'filed';
      readonly mailId: string;
      readonly messageId: string | null;
      /** It stood there already: the same mail came before. */
      readonly before: boolean;
    }
  /** The destination changed between RCPT and now (revoked, removed, switched off). */
  | { readonly kind: 'changed' }
  /** Its proof came before, with another mail. */
  | { readonly kind: 'proof_used' }
  /** Its writer is on the account's block list. */
  | { readonly kind: 'blocked' }
  /** `inbox+` mail that belongs to no conversation while the account opens none. */
  | { readonly kind: 'unthreaded' };

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
  /** Who is taken for its writer there, and why it is not he who stands in From; null: it is filed nowhere, or names nobody. */
  readonly writer: (Mailbox & { readonly evidence: readonly string[] }) | null;
  /** He is a participant there. */
  readonly writer_known: boolean;
}
