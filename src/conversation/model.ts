/**
 * The nouns of docs/contract.md, each declared once as a TypeBox schema. The TypeScript type of the same name, the JSON of
 * the CLI, of HTTP and of webhooks, the components of /openapi.json and the checks of requests all come from here.
 *
 * Field names are the contract's snake_case, because these objects leave the program as they are. Ids are opaque, sortable
 * and carry their kind (`cv_…`, `msg_…`); times are ISO 8601 in UTC; addresses keep their local part, domains are A-labels.
 *
 * Import types from here with `import type`: only src/api needs the schemas at run time, and loading TypeBox takes longer
 * than a short CLI verb (test/floors.test.ts holds that). Lists that code walks through stand in vocabulary.ts.
 */
import { type Static, Type } from 'typebox';
import { CcPerson, CcPolicy } from './cc-model.js';
import { orNull, type Shape, time, words } from './schema.js';
import {
  AGENT_NOTIFY,
  AGENT_ROLES,
  CHANNELS,
  CONVERSATION_STATUSES,
  DELIVERY_STATES,
  EVENT_TYPES,
  type FEATURES,
  MAIL_REASONS,
  MAIL_RECORD_STATES,
  MESSAGE_KINDS,
  VIAS,
} from './vocabulary.js';

const id = Type.String();
const text = Type.String();
const flag = Type.Boolean();
const integer = Type.Integer();
const texts = Type.Array(text);
const json = Type.Record(Type.String(), Type.Unknown());
const mailbox = Type.Object({ name: text, email: text });

// ---------------------------------------------------------------- words

/** A feature of an account. */
export type Feature = (typeof FEATURES)[number];

export const Channel = words(CHANNELS);
export type Channel = Static<typeof Channel>;

export const Via = words(VIAS);
export type Via = Static<typeof Via>;

export const ConversationStatus = words(CONVERSATION_STATUSES);
export type ConversationStatus = Static<typeof ConversationStatus>;

export const Direction = words(['incoming', 'outgoing', 'note']);
export type Direction = Static<typeof Direction>;

/** How a message's `text` was written. */
export const TextFormat = words(['plain', 'markdown']);
export type TextFormat = Static<typeof TextFormat>;

export const MailIntent = words(['auto', 'now', 'never'], {
  description:
    'Of an outgoing message: mail it by the continuity rules, at once, or not at all. Default: auto; never with created_at.',
});
export type MailIntent = Static<typeof MailIntent>;

export const MailState = words(['none', 'waiting', 'queued', 'sent', 'failed', 'not_mailed']);
export type MailState = Static<typeof MailState>;

export const MailReason = words(MAIL_REASONS);
export type MailReason = Static<typeof MailReason>;

export const DeliveryState = words(DELIVERY_STATES);
export type DeliveryState = Static<typeof DeliveryState>;

export const WaitingReason = words(['no_address', 'delay', 'suspended', 'paused']);
export type WaitingReason = Static<typeof WaitingReason>;

export const DeliveryReport = words(['delayed', 'delivered', 'bounced']);
export type DeliveryReport = Static<typeof DeliveryReport>;

export const MailRecordState = words(MAIL_RECORD_STATES);
export type MailRecordState = Static<typeof MailRecordState>;

export const VerdictWord = words(['accepted', 'rejected', 'deferred']);
export type VerdictWord = Static<typeof VerdictWord>;

export const EventType = words(EVENT_TYPES);
export type EventType = Static<typeof EventType>;

// ---------------------------------------------------------------- accounts and people

/** Settings of an account beyond its features; all optional, defaults come from the config. */
export const AccountSettings = Type.Object({
  delay: Type.Optional(Type.Integer({ description: '`continuity.delay` of this account, milliseconds.' })),
  context: Type.Optional(Type.Integer({ description: '`continuity.context` of this account.' })),
  history: Type.Optional(Type.Integer({ description: '`continuity.history` of this account.' })),
  channels_off: Type.Optional(Type.Array(Channel, { description: 'Never mailed by the continuity rules.' })),
  subject_template: Type.Optional(text),
  intro: Type.Optional(text),
  footer: Type.Optional(text),
  blocked: Type.Optional(Type.Array(text, { description: 'Addresses and domains whose mail is refused.' })),
  cc_policy: Type.Optional(CcPolicy),
  locale: Type.Optional(Type.String({ description: 'Of the fixed words.' })),
  forwarders: Type.Optional(
    Type.Array(text, { description: 'Addresses and domains of the team, for the feature `forwarded_mail`.' }),
  ),
});
export type AccountSettings = Shape<typeof AccountSettings>;

export const Account = Type.Object({
  id,
  slug: text,
  name: text,
  support_email: text,
  domains: texts,
  features: Type.Object({
    inbound_emails: flag,
    new_conversations: flag,
    hold_strangers: flag,
    forwarded_mail: flag,
    agent_mail: flag,
  }),
  inbox: orNull(
    Type.String({ description: 'The forwarding address `inbox+<hex>@<first domain>`; null without a domain.' }),
  ),
  settings: AccountSettings,
  created_at: time(),
});
export type Account = Shape<typeof Account>;

const suspended = orNull(
  Type.Object({ since: time(), reason: text }, { description: 'Why mailing to him is suspended; null: it is not.' }),
);

export const Contact = Type.Object(
  { id, account: text, email: orNull(text), name: text, source_id: orNull(text), suspended, created_at: time() },
  { $id: 'Contact' },
);
export type Contact = Shape<typeof Contact>;

export const Participant = Type.Object({
  id,
  name: text,
  email: orNull(text),
  role: words(['contact', 'participant']),
  reply_to: orNull(Type.String({ description: 'His reply address; null while the account has no domain.' })),
  revoked: Type.Boolean({ description: 'His last token is revoked.' }),
});
export type Participant = Shape<typeof Participant>;

// ---------------------------------------------------------------- agents

/** What he may do: answer, or change the account's settings and agents too. */
export const AgentRole = words(AGENT_ROLES);
export type AgentRole = Static<typeof AgentRole>;

export const AgentNotify = words(AGENT_NOTIFY, {
  description: 'About which messages mail goes to him: of conversations assigned to him, of all, or of none.',
});
export type AgentNotify = Static<typeof AgentNotify>;

const agent = {
  id,
  email: text,
  name: text,
  state: words(['on', 'disabled'], { description: 'Who is disabled cannot sign in.' }),
  has_password: Type.Boolean({ description: 'False: he has not signed in yet.' }),
  suspended,
  created_at: time(),
};

/** A person who answers for accounts, as one of an account's. */
export const Agent = Type.Object(
  { ...agent, account: Type.String({ description: "The account's slug." }), role: AgentRole, notify: AgentNotify },
  { $id: 'Agent' },
);
export type Agent = Shape<typeof Agent>;

/** The same person with all his accounts. */
export const AgentProfile = Type.Object(
  {
    ...agent,
    accounts: Type.Array(Type.Object({ account: text, name: text, role: AgentRole, notify: AgentNotify })),
  },
  { $id: 'AgentProfile' },
);
export type AgentProfile = Shape<typeof AgentProfile>;

// ---------------------------------------------------------------- deliveries

export const DeliveryKind = words(['mail', 'webhook', 'notification'], {
  description: 'A notification is a mail to an agent.',
});
export type DeliveryKind = Static<typeof DeliveryKind>;

const delivery = {
  id,
  recipient: text,
  state: DeliveryState,
  reason: orNull(WaitingReason),
  attempts: integer,
  next_attempt_at: orNull(time()),
  last_error: orNull(text),
  smtp_response: orNull(text),
  report: orNull(DeliveryReport),
};
export const Delivery = Type.Object(delivery);
export type Delivery = Shape<typeof Delivery>;

/** A delivery as `queue list` and `/v1/deliveries` show it: with what it belongs to. */
export const QueuedDelivery = Type.Object(
  {
    ...delivery,
    kind: DeliveryKind,
    account: text,
    conversation_id: orNull(id),
    message_ids: Type.Array(id),
    created_at: time(),
    settled_at: orNull(time()),
  },
  { $id: 'Delivery' },
);
export type QueuedDelivery = Shape<typeof QueuedDelivery>;

// ---------------------------------------------------------------- messages and conversations

export const Attachment = Type.Object({
  id,
  filename: text,
  content_type: text,
  size: integer,
  sha256: text,
  inline: flag,
  content_id: orNull(text),
  seen_before: Type.Boolean({ description: 'The same bytes stood in an earlier message of this conversation.' }),
});
export type Attachment = Shape<typeof Attachment>;

/** Who the mail says it is from, and what is known about that. */
export const Sender = Type.Object({
  is_participant: flag,
  token_of: orNull(
    Type.String({
      description: 'The participant whose token was used, when he is not the writer: his name or address.',
    }),
  ),
  dmarc: orNull(text),
  dkim: orNull(text),
  spf: orNull(text),
  evidence: texts,
  forwarded_by: Type.Optional(
    Type.Object(
      { name: text, email: text },
      { description: 'One of the team sent the mail on: he is proven, the writer is his word. Absent: nobody did.' },
    ),
  ),
});
export type Sender = Shape<typeof Sender>;

const reportEntry = Type.Object({
  recipient: text,
  action: words(['failed', 'delayed', 'delivered', 'relayed', 'expanded', 'displayed', 'complaint']),
  status: orNull(Type.String({ description: 'Enhanced status code (RFC 3463).' })),
  diagnostic: orNull(text),
  delivery_id: orNull(id),
});

export const Message = Type.Object(
  {
    id,
    conversation_id: id,
    seq: integer,
    direction: Direction,
    kind: words(MESSAGE_KINDS),
    author: Type.Object({
      id: orNull(Type.String({ description: 'Of the agent, where he is known.' })),
      name: text,
      email: orNull(text),
      role: words(['contact', 'participant', 'agent', 'system']),
    }),
    text,
    format: TextFormat,
    quoted_text: text,
    signature: text,
    html: orNull(text),
    subject: orNull(text),
    message_id: orNull(text),
    in_reply_to: orNull(text),
    references: texts,
    to: Type.Array(mailbox),
    cc: Type.Array(mailbox),
    date: orNull(time('From the Date field (mail) or `created_at` (API).')),
    received_at: time('When replyd stored it.'),
    via: Via,
    mail_id: orNull(id),
    source_id: orNull(text),
    metadata: json,
    attachments: Type.Array(Attachment),
    sender: orNull(Sender),
    report: Type.Array(reportEntry),
    evidence: texts,
    held: flag,
    looping: flag,
    history: orNull(Type.Boolean({ description: 'Whether its mail quoted earlier messages; null: not known.' })),
    mail: Type.Object({ state: MailState, reason: orNull(MailReason) }),
    deliveries: Type.Array(Delivery),
  },
  { $id: 'Message' },
);
export type Message = Shape<typeof Message>;

export const Conversation = Type.Object(
  {
    id,
    number: integer,
    account: Type.String({ description: "The account's slug." }),
    channel: Channel,
    source_id: orNull(text),
    subject: orNull(text),
    status: ConversationStatus,
    contact: Type.Object({ id, email: orNull(text), name: text, suspended }),
    assignee: orNull(Type.Object({ id, name: text, email: text })),
    participants: Type.Array(Participant),
    cc: Type.Array(CcPerson),
    reply_to: orNull(Type.String({ description: "The contact's reply address." })),
    unread: orNull(
      Type.Boolean({
        description: 'It is open, and somebody wrote what the agent who asks has not read. Null: no agent asks.',
      }),
    ),
    metadata: json,
    created_at: time(),
    last_activity_at: time(),
    preview: Type.Optional(
      orNull(
        Type.Object(
          { direction: Direction, author: text, text },
          {
            description: 'The beginning of its newest words; only in a list that asks for it. Null: nobody wrote yet.',
          },
        ),
      ),
    ),
    messages: Type.Optional(
      Type.Array(Message, { description: 'In the order of `seq`; only where one conversation is shown.' }),
    ),
    earlier_messages: Type.Optional(
      Type.Integer({ description: 'Beside `messages`: how many came before them and are not shown.' }),
    ),
  },
  { $id: 'Conversation' },
);
export type Conversation = Shape<typeof Conversation>;

// ---------------------------------------------------------------- mails

export const MailResult = Type.Object({ recipient: text, verdict: VerdictWord, message_id: orNull(id) });
export type MailResult = Shape<typeof MailResult>;

export const MailRecord = Type.Object({
  id,
  state: MailRecordState,
  envelope: Type.Object({ mail_from: text, rcpt_to: texts }),
  size: integer,
  sha256: text,
  door: Via,
  client: orNull(Type.String({ description: 'Address of the client, as the door saw it; null for a file.' })),
  received_at: time(),
  reason: orNull(Type.String({ description: 'Why it is quarantined, refused or kept; null when filed.' })),
  results: Type.Array(MailResult),
});
export type MailRecord = Shape<typeof MailRecord>;

// ---------------------------------------------------------------- applications

/** What happened, as webhooks, the event stream and `replyd tail` tell it. Message and conversation as they are now. */
export const Event = Type.Object(
  {
    id,
    type: EventType,
    seq: Type.Integer({ description: 'Counts per conversation, without gaps; 0 without one.' }),
    account: text,
    created_at: time(),
    conversation: orNull(Conversation),
    message: orNull(Message),
    data: json,
  },
  { $id: 'Event' },
);
export type Event = Shape<typeof Event>;

/** A key for the HTTP API. The key itself is shown once, when it is made. */
export const ApiKey = Type.Object({
  id,
  account: orNull(Type.String({ description: "The account's slug; null: an operator's key, good for all." })),
  name: text,
  hint: Type.String({ description: 'Its first characters.' }),
  created_at: time(),
  last_used_at: orNull(time('To the hour.')),
  revoked_at: orNull(time()),
});
export type ApiKey = Shape<typeof ApiKey>;

/** A key that signs the mails of a support address's domain. */
export const DkimKey = Type.Object({
  domain: text,
  selector: text,
  state: words(['signs', 'waiting', 'retired']),
  record: Type.Object(
    { name: text, value: text },
    { description: 'The TXT record that the domain has to have in the DNS (RFC 6376 section 3.6).' },
  ),
  created_at: time(),
});
export type DkimKey = Shape<typeof DkimKey>;

const hook = {
  ...{ id, account: text, url: text },
  types: orNull(Type.Array(EventType, { description: 'Of which events it hears; null: of all.' })),
  state: words(['on', 'off']),
  reason: orNull(Type.String({ description: 'Why it is off, or what its last trouble is.' })),
  failing_since: orNull(time()),
  next_probe_at: orNull(time()),
  created_at: time(),
};
/** A webhook: where an account's events are posted. Its signing secret is shown when it is made or rotated. */
export const Hook = Type.Object(hook);
export type Hook = Shape<typeof Hook>;
