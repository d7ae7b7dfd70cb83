/**
 * Examples in /openapi.json: what is sent on each route with a body, and what is answered. The compiler asks for what a shape
 * gains, and redocly checks each against its schema (`npm run lint:api`).
 */
import type { Agent, ApiKey, Contact, Conversation, Delivery, Hook, Message } from '../conversation/model.js';
import type { ShapeName } from './schema.js';

const AT = '2026-03-02T09:30:00.000Z';
const LATER = '2026-03-02T09:42:00.000Z';
const EMAIL = 'carla@customer.example';

const contact: Contact = {
  id: 'ct_04x0g2k9c7d',
  account: 'acme',
  email: EMAIL,
  name: 'Carla',
  source_id: 'visitor-7',
  suspended: null,
  created_at: AT,
};

const conversation: Conversation = {
  id: 'cv_04x0g2k9c7e',
  number: 12,
  account: 'acme',
  channel: 'web_widget',
  source_id: 'chat-7',
  subject: 'Where is my parcel?',
  status: 'open',
  contact: { id: contact.id, email: contact.email, name: contact.name, suspended: null },
  assignee: { id: 'agt_04x0g2k9c01', name: 'Ann', email: 'ann@acme.example' },
  participants: [
    {
      id: 'pt_04x0g2k9c7f',
      name: 'Carla',
      email: contact.email,
      role: 'contact',
      reply_to: 'reply+0123456789abcdef0123456789abcdef@reply.acme.example',
      revoked: false,
    },
  ],
  reply_to: 'reply+0123456789abcdef0123456789abcdef@reply.acme.example',
  cc: [],
  unread: null,
  metadata: { page: '/orders' },
  created_at: AT,
  last_activity_at: LATER,
};

const delivery: Delivery = {
  id: 'dlv_04x0g2k9c7h',
  recipient: EMAIL,
  state: 'sent',
  reason: null,
  attempts: 1,
  next_attempt_at: null,
  last_error: null,
  smtp_response: '250 2.0.0 Ok: queued as 4F2B1',
  report: null,
};

const message: Message = {
  id: 'msg_04x0g2k9c7g',
  conversation_id: conversation.id,
  seq: 2,
  direction: 'outgoing',
  kind: 'reply',
  author: { id: 'agt_04x0g2k9c01', name: 'Ann', email: 'ann@acme.example', role: 'agent' },
  text: 'It is in **Ghent**.',
  format: 'markdown',
  quoted_text: '',
  signature: '',
  html: null,
  subject: null,
  message_id: null,
  in_reply_to: null,
  references: [],
  to: [],
  cc: [],
  date: null,
  received_at: LATER,
  via: 'api',
  mail_id: null,
  source_id: 'chat-7-2',
  metadata: {},
  attachments: [],
  sender: null,
  report: [],
  evidence: [],
  held: false,
  looping: false,
  history: null,
  mail: { state: 'sent', reason: null },
  deliveries: [delivery],
};

const hook: Hook = {
  id: 'hook_04x0g2k9c02',
  account: 'acme',
  url: 'https://app.acme.example/replyd',
  types: null,
  state: 'on',
  reason: null,
  failing_since: null,
  next_probe_at: null,
  created_at: AT,
};

const agent = {
  id: 'agt_04x0g2k9c01',
  email: 'ann@acme.example',
  name: 'Ann',
  state: 'on' as const,
  has_password: true,
  suspended: null,
  created_at: AT,
};
const member: Agent = { ...agent, account: 'acme', role: 'admin', notify: 'assigned' };

const key: ApiKey = {
  ...{ id: 'key_04x0g2k9c03', account: 'acme', name: 'web widget', hint: 'rpk_4JrT9x' },
  ...{ created_at: AT, last_used_at: null, revoked_at: null },
};

/** Of answers. */
export const SHAPE_EXAMPLES: Readonly<Partial<Record<ShapeName, unknown>>> = {
  Contact: contact,
  Conversation: conversation,
  Message: message,
  Delivery: {
    ...delivery,
    kind: 'mail',
    account: 'acme',
    conversation_id: conversation.id,
    message_ids: [message.id],
    created_at: LATER,
    settled_at: LATER,
  },
  Hook: hook,
  Agent: member,
  Key: key,
  MadeKey: { ...key, key: 'rpk_…' },
  Stats: { accounts: 1, conversations: 12, messages: 57 },
  LinkedAgent: { ...member, link: 'https://replyd.acme.example/#/link/…', mailed: null },
  Event: {
    id: 'ev_04x0g2k9c7j',
    type: 'message.created',
    seq: 3,
    account: 'acme',
    created_at: LATER,
    conversation,
    message,
    data: {},
  },
  Problem: {
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    detail: 'carla@customer.example is the address of another contact, ct_04x0g2k9c7d',
    code: 'address_taken',
    contact_id: contact.id,
  },
  Queue: { name: 'smarthost', paused: null, reason: null, next_probe_at: null, failures: 0, can_change: true },
  Preview: { html: '<p>It is in <strong>Ghent</strong>.</p>' },
};

/** Of bodies, by route. */
export const BODY_EXAMPLES: Readonly<Record<string, unknown>> = {
  'POST /v1/conversations': {
    channel: 'web_widget',
    source_id: 'chat-7',
    contact: { source_id: 'visitor-7', name: 'Carla', email: 'carla@customer.example' },
    messages: [{ direction: 'incoming', text: 'Where is my parcel?', source_id: 'chat-7-1' }],
  },
  'PATCH /v1/conversations/{ref}': { status: 'resolved' },
  'POST /v1/conversations/{ref}/assign': { agent: 'ann@acme.example' },
  'POST /v1/conversations/{ref}/read': { agent: agent.id, seq: 2 },
  'POST /v1/conversations/{ref}/rotate-token': { participant: contact.email },
  'POST /v1/conversations/{ref}/revoke-token': { participant: contact.email },
  'POST /v1/conversations/{ref}/cc': { email: 'bo@customer.example', name: 'Bo' },
  'POST /v1/conversations/{ref}/messages': {
    direction: 'outgoing',
    markdown: 'It is in **Ghent**.',
    agent: { id: agent.id },
    source_id: 'chat-7-2',
    after_seq: 1,
  },
  'POST /v1/agents': { email: 'bo@acme.example', name: 'Bo', role: 'agent' },
  'PATCH /v1/agents/{id}': { notify: 'all' },
  'POST /v1/accounts': { slug: 'acme', domains: ['reply.acme.example'], support_email: 'support@acme.example' },
  'POST /v1/keys': { account: 'acme', name: 'web widget' },
  'PATCH /v1/accounts/{slug}': { settings: { delay: 120_000, footer: 'Acme, Ghent' } },
  'PATCH /v1/contacts/{id}': { email: 'carla@new.example' },
  'PATCH /v1/queue': { paused: true, reason: 'The smarthost moves' },
  'POST /v1/preview': { markdown: 'It is in **Ghent**.' },
  'POST /v1/hooks': { url: 'https://app.acme.example/replyd', types: ['message.created', 'message.held'] },
  'PATCH /v1/hooks/{id}': { types: null },
};
