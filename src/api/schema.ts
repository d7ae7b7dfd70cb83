/**
 * The shapes of requests and answers as JSON Schema (draft 2020-12, what OpenAPI 3.1 speaks): requests are checked
 * against them, and /openapi.json shows the same objects. Requests take no unknown field; answers may grow.
 */
import {
  FormatRegistry,
  Kind,
  type Static,
  type TObject,
  type TProperties,
  type TSchema,
  Type,
  TypeRegistry,
} from '@sinclair/typebox';
import { ERROR_CODES } from '../base/errors.js';
import { CHANNELS } from '../conversation/model.js';

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/i;
FormatRegistry.Set('date-time', text => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text)));

// The library has no plain list of words of its own; a union of constants reads worse in the description.
TypeRegistry.Set<{ enum: readonly unknown[] }>('Words', (schema, value) => schema.enum.includes(value));

function words<const T extends readonly string[]>(list: T, more: { description?: string; default?: string } = {}) {
  return Type.Unsafe<T[number]>({ [Kind]: 'Words', type: 'string', enum: [...list], ...more });
}

const time = (description?: string) =>
  Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const strict = <T extends TProperties>(properties: T, options: { description?: string } = {}): TObject<T> =>
  Type.Object(properties, { additionalProperties: false, ...options });

// ---------------------------------------------------------------- what is asked

/** Characters of one message's text. */
export const MAX_TEXT = 256 * 1024;
export const MAX_METADATA = 4096;
const sourceId = Type.String({ minLength: 1, maxLength: 255, description: 'Your own id for it.' });
const name = Type.String({ maxLength: 255 });
const email = Type.String({ minLength: 3, maxLength: 320 });
const metadata = Type.Record(Type.String(), Type.Unknown(), {
  description: `Yours; at most ${MAX_METADATA} bytes of JSON, echoed in events.`,
});
const channel = words(CHANNELS);
const status = words(['open', 'resolved']);
const account = Type.String({ maxLength: 63, description: "The account's slug; needed with an operator's key." });

const newAttachment = strict({
  filename: Type.String({ minLength: 1, maxLength: 255 }),
  content_type: Type.String({ minLength: 3, maxLength: 160 }),
  content: Type.String({ description: 'Base64 (RFC 4648).', contentEncoding: 'base64' }),
});

export const NewMessageBody = strict({
  direction: words(['incoming', 'outgoing', 'note']),
  text: Type.Optional(Type.String({ maxLength: MAX_TEXT, description: 'Plain text. Give text or markdown.' })),
  markdown: Type.Optional(Type.String({ maxLength: MAX_TEXT, description: 'Markdown; raw HTML in it is text.' })),
  mail: Type.Optional(
    words(['auto', 'now', 'never'], {
      description:
        'Of an outgoing message: by the continuity rules, at once, or not at all. Default: auto; never with created_at.',
    }),
  ),
  agent: Type.Optional(strict({ name, email: Type.Optional(orNull(email)) })),
  cc: Type.Optional(Type.Array(strict({ name: Type.Optional(name), email }), { maxItems: 50 })),
  source_id: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Your id for it, unique in the conversation: a second post of it changes nothing.',
    }),
  ),
  created_at: Type.Optional(time('When it was said, for imported history.')),
  metadata: Type.Optional(metadata),
  attachments: Type.Optional(Type.Array(newAttachment, { maxItems: 50 })),
});
export type NewMessageBody = Static<typeof NewMessageBody>;

export const NewConversationBody = strict({
  account: Type.Optional(account),
  channel,
  source_id: Type.Optional(sourceId),
  subject: Type.Optional(Type.String({ maxLength: 500 })),
  metadata: Type.Optional(metadata),
  contact: strict(
    {
      email: Type.Optional(orNull(email)),
      name: Type.Optional(name),
      source_id: Type.Optional(sourceId),
    },
    { description: 'Known again by source_id, else by address.' },
  ),
  messages: Type.Optional(Type.Array(NewMessageBody, { maxItems: 500, description: 'Oldest first.' })),
});

export const ConversationChange = strict({
  status: Type.Optional(status),
  subject: Type.Optional(Type.String({ maxLength: 500 })),
  metadata: Type.Optional(metadata),
});

export const ParticipantChoice = strict({
  participant: Type.Optional(Type.String({ maxLength: 320, description: 'His id or address. Default: the contact.' })),
});

export const ContactChange = strict({
  email: Type.Optional(orNull(email)),
  name: Type.Optional(name),
  source_id: Type.Optional(orNull(sourceId)),
});

export const NewHookBody = strict({
  account: Type.Optional(account),
  url: Type.String({ minLength: 1, maxLength: 2000 }),
});

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
};

export const ConversationQuery = strict({
  account: Type.Optional(account),
  status: Type.Optional(status),
  channel: Type.Optional(channel),
  contact: Type.Optional(Type.String({ maxLength: 320, description: 'Id or address.' })),
  source_id: Type.Optional(sourceId),
  updated_since: Type.Optional(time()),
  ...page,
});
export const MessagesShown = strict({
  messages: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 500, default: 100, description: 'So many of the newest messages.' }),
  ),
});
export const PageQuery = strict(page);
export const ContactQuery = strict({ account: Type.Optional(account), email: Type.Optional(email), ...page });
const deliveryState = words(['waiting', 'leased', 'sent', 'deferred', 'failed', 'cancelled']);
export const DeliveryQuery = strict({
  account: Type.Optional(account),
  state: Type.Optional(deliveryState),
  conversation: Type.Optional(Type.String({ maxLength: 40, description: 'Id.' })),
  ...page,
});
export const AccountQuery = strict({ account: Type.Optional(account) });

// ---------------------------------------------------------------- what is answered

const id = Type.String();
const json = Type.Record(Type.String(), Type.Unknown());
const mailbox = Type.Object({ name: Type.String(), email: Type.String() });
const suspended = orNull(Type.Object({ since: time(), reason: Type.String() }));

export const ContactShape = Type.Object(
  {
    id,
    account: Type.String(),
    email: orNull(Type.String()),
    name: Type.String(),
    source_id: orNull(Type.String()),
    suspended,
    created_at: time(),
  },
  { $id: 'Contact' },
);

const delivery = {
  id,
  recipient: Type.String(),
  state: deliveryState,
  reason: orNull(words(['no_address', 'delay', 'suspended', 'paused'])),
  attempts: Type.Integer(),
  next_attempt_at: orNull(time()),
  last_error: orNull(Type.String()),
  smtp_response: orNull(Type.String()),
  report: orNull(words(['delayed', 'delivered', 'bounced'])),
};

export const DeliveryShape = Type.Object(
  {
    ...delivery,
    kind: words(['mail', 'webhook']),
    account: Type.String(),
    conversation_id: orNull(id),
    message_ids: Type.Array(id),
    created_at: time(),
    settled_at: orNull(time()),
  },
  { $id: 'Delivery' },
);

export const MessageShape = Type.Object(
  {
    id,
    conversation_id: id,
    seq: Type.Integer(),
    direction: words(['incoming', 'outgoing', 'note']),
    kind: words(['reply', 'note', 'auto_reply', 'bounce', 'receipt', 'complaint', 'list', 'channel']),
    author: Type.Object({
      name: Type.String(),
      email: orNull(Type.String()),
      role: words(['contact', 'participant', 'agent', 'system']),
    }),
    text: Type.String(),
    format: words(['plain', 'markdown']),
    quoted_text: Type.String(),
    signature: Type.String(),
    html: orNull(Type.String()),
    subject: orNull(Type.String()),
    message_id: orNull(Type.String()),
    in_reply_to: orNull(Type.String()),
    references: Type.Array(Type.String()),
    to: Type.Array(mailbox),
    cc: Type.Array(mailbox),
    date: orNull(time()),
    received_at: time(),
    via: Type.String(),
    mail_id: orNull(id),
    source_id: orNull(Type.String()),
    metadata: json,
    attachments: Type.Array(
      Type.Object({
        id,
        filename: Type.String(),
        content_type: Type.String(),
        size: Type.Integer(),
        sha256: Type.String(),
        inline: Type.Boolean(),
        content_id: orNull(Type.String()),
        seen_before: Type.Boolean(),
      }),
    ),
    sender: orNull(
      Type.Object({
        is_participant: Type.Boolean(),
        token_of: orNull(Type.String()),
        dmarc: orNull(Type.String()),
        dkim: orNull(Type.String()),
        spf: orNull(Type.String()),
        evidence: Type.Array(Type.String()),
      }),
    ),
    report: Type.Array(json),
    evidence: Type.Array(Type.String()),
    held: Type.Boolean(),
    looping: Type.Boolean(),
    mail: Type.Object({
      state: words(['none', 'waiting', 'queued', 'sent', 'failed', 'not_mailed']),
      reason: orNull(Type.String()),
    }),
    deliveries: Type.Array(Type.Object(delivery)),
  },
  { $id: 'Message' },
);

export const ConversationShape = Type.Object(
  {
    id,
    number: Type.Integer(),
    account: Type.String(),
    channel,
    source_id: orNull(Type.String()),
    subject: orNull(Type.String()),
    status,
    contact: Type.Object({ id, email: orNull(Type.String()), name: Type.String(), suspended }),
    participants: Type.Array(
      Type.Object({
        id,
        name: Type.String(),
        email: orNull(Type.String()),
        role: words(['contact', 'participant']),
        reply_to: orNull(Type.String()),
        revoked: Type.Boolean(),
      }),
    ),
    reply_to: orNull(Type.String()),
    metadata: json,
    created_at: time(),
    last_activity_at: time(),
    messages: Type.Optional(Type.Array(Type.Ref('Message'))),
  },
  { $id: 'Conversation' },
);

export const HookShape = Type.Object(
  {
    id,
    account: Type.String(),
    url: Type.String(),
    state: words(['on', 'off']),
    reason: orNull(Type.String()),
    failing_since: orNull(time()),
    next_probe_at: orNull(time()),
    created_at: time(),
    secret: Type.Optional(Type.String({ description: 'Only when it was just made.' })),
  },
  { $id: 'Hook' },
);

export const HookTestShape = Type.Object(
  { ok: Type.Boolean(), response: Type.String(), hook: Type.Ref('Hook') },
  { $id: 'HookTest' },
);

export const EventShape = Type.Object(
  {
    id,
    type: words([
      'message.created',
      'message.updated',
      'message.held',
      'conversation.created',
      'conversation.updated',
      'conversation.looping',
      'delivery.failed',
      'contact.suspended',
      'hook.disabled',
    ]),
    seq: Type.Integer({ description: 'Counts per conversation, without gaps.' }),
    account: Type.String(),
    created_at: time(),
    conversation: orNull(Type.Ref('Conversation')),
    message: orNull(Type.Ref('Message')),
    data: json,
  },
  { $id: 'Event' },
);

export const ProblemShape = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: words(Object.keys(ERROR_CODES), { description: 'Stable: branch on it. More may be added.' }),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
    contact_id: Type.Optional(id),
  },
  { $id: 'Problem' },
);

export const HealthShape = Type.Object({ status: words(['ok']) }, { $id: 'Health' });

export const ReadinessShape = Type.Object(
  { status: words(['ready', 'not ready']), reasons: Type.Array(Type.String()) },
  { $id: 'Readiness' },
);

/** By name, for /openapi.json. */
export const SHAPES = {
  Contact: ContactShape,
  Conversation: ConversationShape,
  Message: MessageShape,
  Delivery: DeliveryShape,
  Hook: HookShape,
  HookTest: HookTestShape,
  Event: EventShape,
  Problem: ProblemShape,
  Health: HealthShape,
  Readiness: ReadinessShape,
} as const satisfies Record<string, TSchema>;

export type ShapeName = keyof typeof SHAPES;
