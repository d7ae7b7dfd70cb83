/** Routes of conversations and their messages. */

import { ReplydError } from '../base/errors.js';
import type { Conversation } from '../conversation/model.js';
import type { ConversationRef, NewMessage } from '../conversation/store.js';
import { accountFor, conversationRef } from './access.js';
import { wrongCursor } from './cursor.js';
import { sendAttachment, sendRaw } from './download.js';
import { byId, type Call, PAGE_SIZE, route } from './route.js';
import {
  ConversationChange,
  ConversationQuery,
  MAX_METADATA,
  MessagesShown,
  NewConversationBody,
  NewMessageBody,
  PageQuery,
  ParticipantChoice,
} from './schema.js';

const SHOWN_MESSAGES = 100;

export const CONVERSATION_ROUTES = [
  route('POST /v1/conversations', {
    summary: 'Start a conversation, with what was said so far',
    body: NewConversationBody,
    gives: { one: 'Conversation' },
    makes: true,
    async run(call) {
      const { account, messages = [], metadata = {}, ...rest } = call.body;
      checkMetadata(metadata);
      return call.store.startConversation({
        ...rest,
        account: accountFor(call.caller, account),
        metadata,
        messages: await Promise.all(messages.map(message => newMessage(call, message))),
        via: 'api',
      });
    },
  }),
  route('GET /v1/conversations', {
    summary: 'List conversations, the most recently active first',
    query: ConversationQuery,
    gives: { list: 'Conversation' },
    async run({ store, page, query: { limit = PAGE_SIZE, cursor, ...filter } }) {
      const rows = await store.conversations({ ...filter, ...readCursor(cursor), limit: limit + 1 });
      return page(rows, limit, writeCursor);
    },
  }),
  route('GET /v1/conversations/{ref}', {
    summary: 'Show a conversation with its newest messages',
    query: MessagesShown,
    gives: { one: 'Conversation' },
    run: call => call.store.conversation(refOf(call), { messages: call.query.messages ?? SHOWN_MESSAGES }),
  }),
  route('PATCH /v1/conversations/{ref}', {
    summary: 'Change status, subject or metadata',
    body: ConversationChange,
    gives: { one: 'Conversation' },
    async run(call) {
      checkMetadata(call.body.metadata);
      return call.store.setConversation(refOf(call), call.body);
    },
  }),
  route('POST /v1/conversations/{ref}/seen', {
    summary: 'The contact saw it in the channel: what waits is not mailed',
    gives: { one: 'Conversation' },
    run: async call => call.store.seen(refOf(call)),
  }),
  route('POST /v1/conversations/{ref}/rotate-token', {
    summary: 'Give a participant a new reply address and revoke the old',
    body: ParticipantChoice,
    gives: { one: 'Conversation' },
    run: async call => call.store.rotateToken(refOf(call), call.body.participant),
  }),
  route('POST /v1/conversations/{ref}/revoke-token', {
    summary: "Revoke a participant's reply address",
    body: ParticipantChoice,
    gives: { one: 'Conversation' },
    run: async call => call.store.revokeToken(refOf(call), call.body.participant),
  }),
  route('POST /v1/conversations/{ref}/messages', {
    summary: 'Add what was said: by the contact in the channel, by an agent, or a note',
    body: NewMessageBody,
    gives: { one: 'Message' },
    makes: true,
    run: async call => call.store.addMessage(refOf(call), await newMessage(call, call.body)),
  }),
  route('GET /v1/conversations/{ref}/messages', {
    summary: 'List messages, oldest first',
    query: PageQuery,
    gives: { list: 'Message' },
    async run(call) {
      const { limit = PAGE_SIZE, cursor = '0' } = call.query;
      if (!/^\d{1,15}$/.test(cursor)) throw wrongCursor();
      const rows = await call.store.messages(refOf(call), { after: Number(cursor), limit: limit + 1 });
      return call.page(rows, limit, last => String(last.seq));
    },
  }),
  byId('GET /v1/messages/{id}', 'message', { gives: 'Message', summary: 'Show a message' }),
  route('GET /v1/messages/{id}/raw', {
    summary: 'The mail that a message came in, as it came',
    gives: { media: 'message/rfc822' },
    run: sendRaw,
  }),
  byId('POST /v1/messages/{id}/release', 'releaseMessage', {
    gives: 'Message',
    summary: 'Give a held message its effect',
  }),
  byId('POST /v1/messages/{id}/drop', 'dropMessage', {
    gives: 'Message',
    summary: 'Leave a held message without effect',
  }),
  route('GET /v1/attachments/{id}', {
    summary: 'The bytes of an attachment',
    gives: { media: 'application/octet-stream' },
    run: sendAttachment,
  }),
];

/** The conversation that the path names. */
function refOf({ caller, params }: Call<unknown, unknown>): ConversationRef {
  return conversationRef(caller, params.ref!);
}

async function newMessage(call: Call<unknown, unknown>, body: NewMessageBody): Promise<NewMessage> {
  const { text, markdown, cc, attachments, agent, created_at, ...rest } = body;
  if ((text === undefined) === (markdown === undefined)) {
    throw new ReplydError('invalid', 'A message has either `text` or `markdown`.');
  }
  if (body.direction !== 'outgoing' && (body.mail !== undefined || cc !== undefined)) {
    throw new ReplydError('invalid', '`mail` and `cc` are for outgoing messages.');
  }
  const isHistory = body.mail === 'never' || (created_at !== undefined && body.mail === undefined);
  if (body.direction === 'outgoing' && !isHistory && (text ?? markdown)!.trim() === '' && !attachments?.length) {
    throw new ReplydError('invalid', 'A message that may be mailed needs words or an attachment.');
  }
  checkMetadata(body.metadata);
  const files = await Promise.all(
    (attachments ?? []).map(async each => ({ ...each, content: await call.content(each.content) })),
  );
  return {
    ...rest,
    text: markdown ?? text!,
    format: markdown === undefined ? 'plain' : 'markdown',
    attachments: files,
    via: 'api',
    ...(cc === undefined ? {} : { cc: cc.map(each => ({ name: each.name ?? '', email: each.email })) }),
    ...(agent === undefined ? {} : { agent: { name: agent.name, email: agent.email ?? null } }),
    ...(created_at === undefined ? {} : { created_at: new Date(created_at).toISOString() }),
  };
}

function checkMetadata(metadata: unknown): void {
  if (metadata !== undefined && sizeOf(metadata) > MAX_METADATA) {
    throw new ReplydError('metadata_too_large', `metadata has more than ${MAX_METADATA} bytes of JSON.`);
  }
}

/** Bytes of JSON. What is nested too deeply to be written out is too large. */
function sizeOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The place in the list as it was when the page was made; a conversation may have moved since. */
function writeCursor(last: Conversation): string {
  return Buffer.from(`${Date.parse(last.last_activity_at)} ${last.id}`).toString('base64url');
}

function readCursor(cursor: string | undefined): { before?: string; before_at?: string } {
  if (cursor === undefined) return {};
  const found = /^(\d{1,15}) (cv_[0-9a-z]{11})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!found) throw wrongCursor();
  return { before: found[2]!, before_at: new Date(Number(found[1])).toISOString() };
}
