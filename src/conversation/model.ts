/**
 * The nouns of docs/contract.md as data. These shapes are the public JSON (CLI `--json`, HTTP, webhooks), so their field
 * names are the product's snake_case and they leave the program as they are. Ids are opaque, sortable and carry
 * their kind (`cv_…`, `msg_…`); times are ISO 8601 in UTC; addresses keep their local part, domains are A-labels.
 */
import type { MailKind, ReportEntry } from '../mail/mail.js';

/** The features of an account. */
export type Feature = 'inbound_emails' | 'new_conversations' | 'hold_strangers';
export const FEATURES: readonly Feature[] = ['inbound_emails', 'new_conversations', 'hold_strangers'];

export type Channel =
  | 'web_widget'
  | 'facebook'
  | 'twitter'
  | 'whatsapp'
  | 'twilio_sms'
  | 'telegram'
  | 'line'
  | 'api'
  | 'email';
export const CHANNELS: readonly Channel[] = [
  'web_widget',
  'facebook',
  'twitter',
  'whatsapp',
  'twilio_sms',
  'telegram',
  'line',
  'api',
  'email',
];

export type Via =
  | 'smtp'
  | 'lmtp'
  | 'postfix'
  | 'exim'
  | 'qmail'
  | 'relay'
  | 'mailgun'
  | 'mandrill'
  | 'postmark'
  | 'sendgrid'
  | 'api'
  | 'cli';

export type ConversationStatus = 'open' | 'resolved';
export type Direction = 'incoming' | 'outgoing' | 'note';
export type MessageKind = MailKind | 'note' | 'channel';
/** How a message's `text` was written. */
export type TextFormat = 'plain' | 'markdown';
export type Role = 'contact' | 'participant' | 'agent' | 'system';

/** `mail` of a message: is it to be mailed, was it, and if not why. */
export type MailIntent = 'auto' | 'now' | 'never';
export type MailState = 'none' | 'waiting' | 'queued' | 'sent' | 'failed' | 'not_mailed';
export type MailReason =
  | 'never'
  | 'seen'
  | 'answered'
  | 'no_address'
  | 'delay'
  | 'suspended'
  | 'paused'
  | 'cancelled'
  | 'channel_off';

export type DeliveryState = 'waiting' | 'leased' | 'sent' | 'deferred' | 'failed' | 'cancelled';
export type WaitingReason = 'no_address' | 'delay' | 'suspended' | 'paused';
export type DeliveryReport = 'delayed' | 'delivered' | 'bounced';

export type MailRecordState = 'filed' | 'quarantined' | 'refused' | 'kept';
export type VerdictWord = 'accepted' | 'rejected' | 'deferred';

/** Settings of an account beyond its features; all optional, defaults come from the config. */
export interface AccountSettings {
  /** `continuity.delay` of this account, milliseconds. */
  readonly delay?: number;
  /** `continuity.context` of this account. */
  readonly context?: number;
  /** Channels whose messages are never mailed by the continuity rules. */
  readonly channels_off?: readonly Channel[];
  readonly subject_template?: string;
  readonly intro?: string;
  readonly footer?: string;
  /** Addresses and domains whose mail is refused (`blocked.ts`). */
  readonly blocked?: readonly string[];
  /** Locale of the fixed words. */
  readonly locale?: string;
}

export interface Account {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly support_email: string;
  readonly domains: readonly string[];
  readonly features: Readonly<Record<Feature, boolean>>;
  /** The account's forwarding address `inbox+<hex>@<first domain>`, null without a domain. */
  readonly inbox: string | null;
  readonly settings: AccountSettings;
  readonly created_at: string;
}

export interface Contact {
  readonly id: string;
  readonly account: string;
  readonly email: string | null;
  readonly name: string;
  readonly source_id: string | null;
  /** Why mailing to him is suspended, null when it is not. */
  readonly suspended: { readonly since: string; readonly reason: string } | null;
  readonly created_at: string;
}

export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: 'contact' | 'participant';
  /** His reply address, null while the account has no domain. */
  readonly reply_to: string | null;
  /** True when his last token is revoked. */
  readonly revoked: boolean;
}

export interface Conversation {
  readonly id: string;
  readonly number: number;
  /** The account's slug. */
  readonly account: string;
  readonly channel: Channel;
  readonly source_id: string | null;
  readonly subject: string | null;
  readonly status: ConversationStatus;
  readonly contact: Pick<Contact, 'id' | 'email' | 'name' | 'suspended'>;
  readonly participants: readonly Participant[];
  /** The contact's reply address. */
  readonly reply_to: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly last_activity_at: string;
  /** In the order of `seq`; only where one conversation is shown. */
  readonly messages?: readonly Message[];
}

export interface Attachment {
  readonly id: string;
  readonly filename: string;
  readonly content_type: string;
  readonly size: number;
  readonly sha256: string;
  readonly inline: boolean;
  readonly content_id: string | null;
  /** The same bytes stood in an earlier message of this conversation (a logo in every signature). */
  readonly seen_before: boolean;
}

/** Who the mail says it is from, and what is known about that. */
export interface Sender {
  readonly is_participant: boolean;
  /** Name or address of the participant whose token was used, when he is not the writer; else null. */
  readonly token_of: string | null;
  readonly dmarc: string | null;
  readonly dkim: string | null;
  readonly spf: string | null;
  readonly evidence: readonly string[];
}

export interface Delivery {
  readonly id: string;
  readonly recipient: string;
  readonly state: DeliveryState;
  /** Why it waits, only in state `waiting`. */
  readonly reason: WaitingReason | null;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly last_error: string | null;
  readonly smtp_response: string | null;
  readonly report: DeliveryReport | null;
}

/** A delivery as `queue list` and `/v1/deliveries` show it: with what it belongs to. */
export interface QueuedDelivery extends Delivery {
  readonly kind: 'mail' | 'webhook';
  readonly account: string;
  readonly conversation_id: string | null;
  readonly message_ids: readonly string[];
  readonly created_at: string;
  readonly settled_at: string | null;
}

export interface Message {
  readonly id: string;
  readonly conversation_id: string;
  readonly seq: number;
  readonly direction: Direction;
  readonly kind: MessageKind;
  readonly author: { readonly name: string; readonly email: string | null; readonly role: Role };
  readonly text: string;
  readonly format: TextFormat;
  readonly quoted_text: string;
  readonly signature: string;
  readonly html: string | null;
  readonly subject: string | null;
  readonly message_id: string | null;
  readonly in_reply_to: string | null;
  readonly references: readonly string[];
  readonly to: readonly { readonly name: string; readonly email: string }[];
  readonly cc: readonly { readonly name: string; readonly email: string }[];
  /** From the Date field (mail) or `created_at` (API). */
  readonly date: string | null;
  /** When replyd stored it. */
  readonly received_at: string;
  readonly via: Via;
  readonly mail_id: string | null;
  readonly source_id: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly attachments: readonly Attachment[];
  /** Null for what an agent or the application said. */
  readonly sender: Sender | null;
  readonly report: readonly (ReportEntry & { readonly delivery_id: string | null })[];
  readonly evidence: readonly string[];
  readonly held: boolean;
  readonly looping: boolean;
  readonly mail: { readonly state: MailState; readonly reason: MailReason | null };
  readonly deliveries: readonly Delivery[];
}

/** What became of a mail for one envelope recipient. */
export interface MailResult {
  readonly recipient: string;
  readonly verdict: VerdictWord;
  readonly message_id: string | null;
}

export interface MailRecord {
  readonly id: string;
  readonly state: MailRecordState;
  readonly envelope: { readonly mail_from: string; readonly rcpt_to: readonly string[] };
  readonly size: number;
  readonly sha256: string;
  readonly door: Via;
  /** Address of the client that handed it over, as the door saw it; null for a file. */
  readonly client: string | null;
  readonly received_at: string;
  /** Why it is quarantined, refused or kept; null when filed. */
  readonly reason: string | null;
  readonly results: readonly MailResult[];
}

export type EventType =
  | 'message.created'
  | 'message.updated'
  | 'message.held'
  | 'conversation.created'
  | 'conversation.updated'
  | 'conversation.looping'
  | 'delivery.failed'
  | 'contact.suspended'
  | 'hook.disabled';

/** What happened, as webhooks, the event stream and `replyd tail` tell it. `message` and `conversation` as they are now. */
export interface Event {
  readonly id: string;
  readonly type: EventType;
  /** Counts per conversation, without gaps; 0 where there is no conversation. */
  readonly seq: number;
  /** The account's slug. */
  readonly account: string;
  readonly created_at: string;
  readonly conversation: Conversation | null;
  readonly message: Message | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A key for the HTTP API. The key itself is shown once, when it is made. */
export interface ApiKey {
  readonly id: string;
  /** The account's slug; null: an operator's key, good for all accounts. */
  readonly account: string | null;
  readonly name: string;
  /** Its first characters, to tell keys apart. */
  readonly hint: string;
  readonly created_at: string;
  /** To the hour. */
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** Where an account's events are posted. The signing secret is shown when it is made or rotated. */
export interface Hook {
  readonly id: string;
  /** The account's slug. */
  readonly account: string;
  readonly url: string;
  readonly state: 'on' | 'off';
  /** Why it is off, or what its last trouble is. */
  readonly reason: string | null;
  readonly failing_since: string | null;
  readonly next_probe_at: string | null;
  readonly created_at: string;
}

/** One step of a mail's way from the door to its deliveries, as the rows tell it. */
export interface TraceStep {
  /** ISO 8601; null: not known, or not yet. */
  readonly at: string | null;
  readonly step:
    | 'received'
    | 'answered'
    | 'filed'
    | 'event'
    | 'queued'
    | 'composed'
    | 'pending'
    | 'settled'
    | 'reported';
  /** What the step is about: a mail, message, event or delivery. */
  readonly id: string;
  readonly text: string;
}
