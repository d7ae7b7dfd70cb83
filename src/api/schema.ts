/**
 * The bodies and queries of requests, and the answers that are not in conversation/model.ts, as JSON Schema (draft 2020-12,
 * which OpenAPI 3.1 speaks). Requests are checked against these objects, and /openapi.json shows them. A request takes no
 * unknown field; an answer may grow.
 */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import { ERROR_WORDS } from '../base/error-words.js';
import { ERROR_CODES } from '../base/errors.js';
import { CcPolicy } from '../conversation/cc-model.js';
import {
  Account,
  Agent,
  AgentNotify,
  AgentProfile,
  AgentRole,
  ApiKey,
  Channel,
  Contact,
  Conversation,
  ConversationStatus,
  DeliveryState,
  Direction,
  Event,
  EventType,
  Hook,
  MailIntent,
  Message,
  QueuedDelivery,
} from '../conversation/model.js';
import { orNull, time, words } from '../conversation/schema.js';
import { SearchHit } from '../conversation/search/hit.js';
import { MAX_QUERY } from '../conversation/search/query.js';
import { MAX_SOURCE_ID } from '../conversation/vocabulary.js';

export const strict = <T extends TProperties>(properties: T, options: { description?: string } = {}): TObject<T> =>
  Type.Object(properties, { additionalProperties: false, ...options });

// ---------------------------------------------------------------- what is asked

/** Characters of one message's text. */
export const MAX_TEXT = 256 * 1024;
export const MAX_METADATA = 4096;
const sourceId = Type.String({ minLength: 1, maxLength: MAX_SOURCE_ID, description: 'Your own id for it.' });
const name = Type.String({ maxLength: 255 });
const email = Type.String({ minLength: 3, maxLength: 320 });
const metadata = Type.Record(Type.String(), Type.Unknown(), {
  description: `Yours; at most ${MAX_METADATA} bytes of JSON, echoed in events.`,
});
export const account = Type.String({
  maxLength: 63,
  description: "The account's slug; needed with an operator's key.",
});

const agentId = Type.String({ maxLength: 40, description: 'Id of an agent.' });

const newAttachment = strict({
  filename: Type.String({ minLength: 1, maxLength: 255 }),
  content_type: Type.String({ minLength: 3, maxLength: 160 }),
  content: Type.String({ description: 'Base64 (RFC 4648).', contentEncoding: 'base64' }),
});

const newMessage = {
  direction: Direction,
  text: Type.Optional(Type.String({ maxLength: MAX_TEXT, description: 'Plain text. Give text or markdown.' })),
  markdown: Type.Optional(Type.String({ maxLength: MAX_TEXT, description: 'Markdown; raw HTML in it is text.' })),
  mail: Type.Optional(MailIntent),
  agent: Type.Optional(
    strict(
      { id: Type.Optional(agentId), name: Type.Optional(name), email: Type.Optional(orNull(email)) },
      { description: 'Who says it: the `id` of an agent, or a `name`. Signed in as an agent it is always him.' },
    ),
  ),
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
};
export const NewMessageBody = strict({
  ...newMessage,
  after_seq: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: '`seq` of the last message that the writer saw: 409 `conversation_moved` when others came after it.',
    }),
  ),
});
export type NewMessageBody = Static<typeof NewMessageBody>;

export const NewConversationBody = strict({
  account: Type.Optional(account),
  channel: Channel,
  source_id: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_SOURCE_ID,
      description:
        'Your own id for it. Posted again in the channel it is the same conversation (200): only messages with a new source_id are added.',
    }),
  ),
  subject: Type.Optional(Type.String({ maxLength: 500 })),
  metadata: Type.Optional(metadata),
  contact: strict(
    {
      email: Type.Optional(orNull(email)),
      name: Type.Optional(name),
      source_id: Type.Optional(sourceId),
    },
    {
      description: 'Known again by source_id, else by address, where the source_id becomes his; of two contacts: 409.',
    },
  ),
  messages: Type.Optional(Type.Array(strict(newMessage), { maxItems: 500, description: 'Oldest first.' })),
});

/** Bodies with attachments: all others are small. */
export const LARGE_BODIES = { NewMessageBody, NewConversationBody } as const;
export type LargeBody = keyof typeof LARGE_BODIES;

export const ConversationChange = strict({
  status: Type.Optional(ConversationStatus),
  subject: Type.Optional(Type.String({ maxLength: 500 })),
  metadata: Type.Optional(metadata),
});

export const ParticipantChoice = strict({
  participant: Type.Optional(Type.String({ maxLength: 320, description: 'His id or address. Default: the contact.' })),
});

export const NewCc = strict({ email, name: Type.Optional(name) });

export const Assignment = strict({
  agent: orNull(Type.String({ maxLength: 320, description: 'Id or address of an agent; null: nobody.' })),
});

export const ReadMark = strict({
  agent: Type.Optional(Type.String({ maxLength: 40, description: 'Id of the agent who has read it; with a key.' })),
  seq: Type.Optional(Type.Integer({ minimum: 0, description: 'Up to this message; default: all.' })),
});

export const NewAgentBody = strict({
  account: Type.Optional(account),
  email,
  name: Type.String({ minLength: 1, maxLength: 255 }),
  role: Type.Optional(AgentRole),
  notify: Type.Optional(AgentNotify),
});

export const AgentChange = strict({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  role: Type.Optional(AgentRole),
  notify: Type.Optional(AgentNotify),
});

const place = Type.String({ minLength: 1, maxLength: 320 });
const words500 = Type.String({ maxLength: 500 });
const domains = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
  maxItems: 20,
  description: 'Inbound domains; the first is the one of new reply addresses.',
});
export const AccountChange = strict({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  support_email: Type.Optional(Type.String({ ...email, description: 'For operators.' })),
  domains: Type.Optional(Type.Array(domains.items, { ...domains, description: 'Inbound domains; for operators.' })),
  features: Type.Optional(
    Type.Partial(Account.properties.features, { additionalProperties: false, description: 'For operators.' }),
  ),
  settings: Type.Optional(
    strict({
      delay: Type.Optional(Type.Integer({ minimum: 0, maximum: 30 * 86_400_000, description: 'Milliseconds.' })),
      context: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      history: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      channels_off: Type.Optional(Type.Array(Channel, { maxItems: 9 })),
      subject_template: Type.Optional(words500),
      intro: Type.Optional(Type.String({ maxLength: 5000 })),
      footer: Type.Optional(Type.String({ maxLength: 5000 })),
      cc_policy: Type.Optional(CcPolicy),
      locale: Type.Optional(Type.String({ pattern: '^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$', maxLength: 35 })),
      blocked: Type.Optional(
        Type.Array(place, { maxItems: 1000, description: 'Addresses and domains whose mail is refused.' }),
      ),
    }),
  ),
});

export const NewAccountBody = strict({
  slug: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'Its name in paths and commands, for good.' }),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  domains,
  support_email: email,
});

export const NewKeyBody = strict({
  account: orNull(Type.String({ maxLength: 63, description: 'Slug of the account that it is good for; null: all.' })),
  name: Type.Optional(Type.String({ maxLength: 255, description: 'What it is for.' })),
});

export const ContactChange = strict({
  email: Type.Optional(orNull(email)),
  name: Type.Optional(name),
  source_id: Type.Optional(orNull(sourceId)),
});

/** What is longer is no answer that somebody looks at first. */
export const PreviewBody = strict({ markdown: Type.String({ maxLength: 64 * 1024 }) });

const hookTypes = Type.Optional(
  orNull(Type.Array(EventType, { minItems: 1, maxItems: 50, description: 'Only events of these types; null: all.' })),
);
export const NewHookBody = strict({
  account: Type.Optional(account),
  url: Type.String({ minLength: 1, maxLength: 2000 }),
  types: hookTypes,
});
export const HookChange = strict({ types: hookTypes });

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
};

export const ConversationQuery = strict({
  account: Type.Optional(account),
  status: Type.Optional(ConversationStatus),
  channel: Type.Optional(Channel),
  contact: Type.Optional(Type.String({ maxLength: 320, description: 'Id or address.' })),
  source_id: Type.Optional(sourceId),
  updated_since: Type.Optional(time('With activity since.')),
  updated_before: Type.Optional(time('Without activity since then.')),
  order: Type.Optional(
    words(['newest', 'oldest'], {
      description: 'By their last activity; default: the newest first. The same on each page.',
    }),
  ),
  preview: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 500, description: 'With so many characters of the newest words of each.' }),
  ),
  assignee: Type.Optional(
    Type.String({ maxLength: 320, description: 'Id or address of an agent; `me`: who asks; `none`: nobody.' }),
  ),
  held: Type.Optional(Type.Boolean({ description: 'True: with a message that is held.' })),
  ...page,
});
export const MessagesShown = strict({
  messages: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 500, default: 100, description: 'So many of the newest messages.' }),
  ),
});
export const MessageQuery = strict({
  order: Type.Optional(
    words(['oldest', 'newest'], { description: 'Default: the oldest first. The same on each page.' }),
  ),
  ...page,
});
export const ContactQuery = strict({
  account: Type.Optional(account),
  email: Type.Optional(email),
  source_id: Type.Optional(sourceId),
  ...page,
});
export const DeliveryQuery = strict({
  account: Type.Optional(account),
  state: Type.Optional(DeliveryState),
  conversation: Type.Optional(Type.String({ maxLength: 40, description: 'Id.' })),
  hook: Type.Optional(Type.String({ maxLength: 40, description: 'Id: what goes there.' })),
  ...page,
});
export const SearchQuery = strict({
  q: Type.String({
    minLength: 1,
    maxLength: MAX_QUERY,
    description:
      'Words that all stand in the message, the last one perhaps only its beginning; "words in this order", from:NAME, #NUMBER.',
  }),
  account: Type.Optional(account),
  ...page,
});
export const QueueChange = strict({
  paused: Type.Boolean(),
  reason: Type.Optional(Type.String({ maxLength: 300, description: 'Shown to whoever looks why nothing leaves.' })),
});
export const AccountQuery = strict({ account: Type.Optional(account) });
// ---------------------------------------------------------------- what is answered

export const MadeHook = Type.Object(
  { ...Hook.properties, secret: Type.Optional(Type.String({ description: 'Only when it was just made.' })) },
  { $id: 'Hook' },
);

/** The agent who asks, and how much he can send at once. */
const SignedIn = Type.Object(
  {
    ...AgentProfile.properties,
    limits: Type.Object(
      {
        answer_attachments: Type.Integer({ description: 'One with more is `mail_too_large` (`outbound.max_size`).' }),
        note_attachments: Type.Integer(),
      },
      { description: "Bytes of all of a message's attachments, before they are encoded." },
    ),
  },
  { $id: 'SignedIn' },
);

/** Whether mails may leave, and what the caller may do about it. */
const Queue = Type.Object(
  {
    name: Type.String({ description: 'Of the place that mails go to.' }),
    paused: orNull(words(['operator', 'trouble'], { description: 'By a person, or by trouble with the smarthost.' })),
    reason: orNull(Type.String()),
    next_probe_at: orNull(time('When it is tried again by itself.')),
    failures: Type.Integer({ description: 'Tries in a row that met the trouble.' }),
    can_change: Type.Boolean({ description: 'Whether this caller may pause and resume it.' }),
  },
  { $id: 'Queue' },
);
/** With the link that was made for him. */
export const LinkedAgent = Type.Object({
  ...Agent.properties,
  link: orNull(
    Type.String({
      description:
        'With it he chooses his password; shown once. Null: he belongs to other accounts too and gets it by mail alone, there is no page, or the request was repeated.',
    }),
  ),
  mailed: orNull(Type.String({ description: 'The delivery that brings it to him; null: it is not mailed.' })),
});

const Key = Type.Object({ ...ApiKey.properties }, { $id: 'Key' });
const MadeKey = Type.Object(
  {
    ...ApiKey.properties,
    key: orNull(Type.String({ description: 'The key, once; null when the request was repeated.' })),
  },
  { $id: 'MadeKey' },
);
/** Names of figures are only added. */
const Stats = Type.Record(Type.String(), Type.Number(), { description: 'How many there are of each; bytes.' });

/** By name, for /openapi.json. */
export const SHAPES = {
  Account,
  Agent,
  SignedIn,
  LinkedAgent,
  Contact,
  Conversation,
  Message,
  Delivery: QueuedDelivery,
  Queue,
  Hook: MadeHook,
  Key,
  MadeKey,
  Stats,
  SearchHit,
  HookTest: Type.Object({ ok: Type.Boolean(), response: Type.String(), hook: MadeHook }),
  Event,
  Problem: Type.Object({
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: words(Object.keys(ERROR_CODES), {
      description: `Stable: branch on it. More may be added.\n\n${Object.entries(ERROR_WORDS)
        .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
        .join('\n')}`,
    }),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
    contact_id: Type.Optional(Type.String()),
    after_seq: Type.Optional(Type.Integer()),
    messages: Type.Optional(
      Type.Array(Type.Object({ id: Type.String(), seq: Type.Integer(), direction: Direction }), {
        description: 'With `conversation_moved`: what is new.',
      }),
    ),
  }),
  Preview: Type.Object({ html: Type.String({ description: 'Block elements without styles, scripts or pictures.' }) }),
  Health: Type.Object({ status: words(['ok']) }),
  Readiness: Type.Object({ status: words(['ready', 'not ready']), reasons: Type.Array(Type.String()) }),
} as const satisfies Record<string, TSchema>;

export type ShapeName = keyof typeof SHAPES;
