/** Rows of the tables as SQLite gives them: the shapes behind `migrations/sqlite/*.sql`. */
import type {
  AccountSettings,
  AgentNotify,
  AgentProfile,
  AgentRole,
  Channel,
  ConversationStatus,
  Delivery,
  DeliveryKind,
  EventType,
  MailIntent,
  MailReason,
  MailRecordState,
  Message,
  Sender,
  TextFormat,
  VerdictWord,
  Via,
} from '../conversation/model.js';
import type { CcState } from '../conversation/rules/carry.js';

/** JSON that this program wrote itself. */
export type Json<Value> = string & { readonly of?: Value };

export interface AccountRow {
  key: number;
  slug: string;
  name: string;
  support_email: string;
  inbound_emails: number;
  new_conversations: number;
  hold_strangers: number;
  forwarded_mail: number;
  agent_mail: number;
  settings: Json<AccountSettings>;
  inbox_token: string;
  created_at: number;
}

export interface ContactRow {
  key: number;
  account_key: number;
  email: string | null;
  name: string;
  source_id: string | null;
  suspended_at: number | null;
  suspended_reason: string | null;
  created_at: number;
}

export interface ConversationRow {
  key: number;
  account_key: number;
  number: number;
  contact_key: number;
  channel: Channel;
  source_id: string | null;
  subject: string | null;
  status: ConversationStatus;
  metadata: Json<Message['metadata']>;
  next_seq: number;
  created_at: number;
  last_activity_at: number;
  seen_at: number | null;
  assignee_key: number | null;
  settled_seq: number;
}

/** What filing needs of an account and of a conversation. */
export type FilingAccount = Pick<
  AccountRow,
  | 'key'
  | 'support_email'
  | 'settings'
  | 'inbound_emails'
  | 'new_conversations'
  | 'hold_strangers'
  | 'forwarded_mail'
  | 'agent_mail'
>;
export type FilingConversation = Pick<
  ConversationRow,
  'key' | 'account_key' | 'number' | 'contact_key' | 'status' | 'next_seq'
>;

export interface ParticipantRow {
  key: number;
  conversation_key: number;
  contact_key: number | null;
  email: string | null;
  name: string;
  role: 'contact' | 'participant';
}

export interface CcRow {
  key: number;
  conversation_key: number;
  email: string;
  email_key: string;
  name: string;
  state: CcState;
  /** Whose mail brought him in; null: the team did. */
  message_key: number | null;
  created_at: number;
}

export interface MessageRow {
  key: number;
  conversation_key: number;
  seq: number;
  direction: Message['direction'];
  kind: Message['kind'];
  author_name: string;
  author_email: string | null;
  author_role: Message['author']['role'];
  participant_key: number | null;
  text: string;
  format: TextFormat | null;
  quoted_text: string;
  signature: string;
  html: string | null;
  subject: string | null;
  message_id: string | null;
  in_reply_to: string | null;
  refs: Json<Message['references']>;
  recipients_to: Json<Message['to']>;
  recipients_cc: Json<Message['cc']>;
  date: number | null;
  received_at: number;
  via: Via;
  mail_key: number | null;
  source_id: string | null;
  metadata: Json<Message['metadata']>;
  sender: Json<Sender> | null;
  report: Json<Message['report']>;
  evidence: Json<Message['evidence']>;
  held: number;
  looping: number;
  mail_intent: MailIntent | null;
  mail_reason: MailReason | null;
  /** Whether its mail quoted earlier messages; null: it has none. */
  history: number | null;
  agent_key: number | null;
}

export interface DeliveryRow {
  key: number;
  kind: DeliveryKind;
  destination: string;
  order_key: string;
  account_key: number | null;
  conversation_key: number | null;
  participant_key: number | null;
  outgoing_mail_key: number | null;
  recipient: string;
  recipient_name: string;
  recipient_role: 'to' | 'cc';
  envelope_sender: string | null;
  head: string;
  bounce_token: string | null;
  state: Delivery['state'];
  reason: Delivery['reason'];
  attempts: number;
  next_attempt_at: number | null;
  last_error: string | null;
  smtp_response: string | null;
  report: Delivery['report'];
  created_at: number;
  settled_at: number | null;
  event_key: number | null;
  due_at: number | null;
  leased_by: number | null;
  fence: number;
  /** Of a notification: whom it is for. */
  agent_key: number | null;
}

/** Of a notification that is not composed yet, so that nobody takes it for a mail to a customer. */
export const NOTICES = 'notices';
/** The destination of all mails. */
export const SMARTHOST = 'smarthost';

export interface MailRow {
  key: number;
  state: MailRecordState;
  mail_from: string;
  rcpt_to: Json<readonly string[]>;
  size: number;
  blob_key: number;
  door: Via;
  client: string | null;
  received_at: number;
  reason: string | null;
  results: Json<readonly StoredResult[]>;
  /** Since when its bytes are no longer kept; `blob_key` names nothing then. */
  raw_gone_at: number | null;
}

/** As stored in mail.results. */
export interface StoredResult {
  recipient: string;
  verdict: VerdictWord;
  message: number | null;
  account: number | null;
}

export interface HookRow {
  key: number;
  account_key: number;
  url: string;
  secret: string;
  old_secret: string | null;
  old_until: number | null;
  state: 'on' | 'off';
  reason: string | null;
  failing_since: number | null;
  /** JSON; null: of all types. */
  types: string | null;
  created_at: number;
}

export interface KeyRow {
  key: number;
  hint: string;
  account_key: number | null;
  name: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface EventRow {
  key: number;
  account_key: number;
  conversation_key: number | null;
  seq: number;
  type: EventType;
  message_key: number | null;
  data: Json<Readonly<Record<string, unknown>>>;
  created_at: number;
}

export interface AgentRow {
  key: number;
  email: string;
  email_key: string;
  name: string;
  /** Encoded (`store/passwords.ts`). */
  password: string | null;
  proven: number;
  state: AgentProfile['state'];
  created_at: number;
  /** Since when he is not notified, and why. */
  suspended_at: number | null;
  suspended_reason: string | null;
}

export interface AgentAccountRow {
  account_key: number;
  agent_key: number;
  role: AgentRole;
  notify: AgentNotify;
  created_at: number;
  leaving_at: number | null;
}

/** The tables whose rows have public ids. */
export interface Rows {
  account: AccountRow;
  contact: ContactRow;
  conversation: ConversationRow;
  participant: ParticipantRow;
  message: MessageRow;
  mail: MailRow;
  delivery: DeliveryRow;
  event: EventRow;
  hook: HookRow;
  api_key: KeyRow;
  agent: AgentRow;
}
