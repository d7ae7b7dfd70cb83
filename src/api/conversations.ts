/** Routes of conversations and their messages. */

import { ReplydError } from '../base/errors.js';
import type { Conversation } from '../conversation/model.js';
import type { NewMessage } from '../conversation/store.js';
import { accountFor, conversationRef, wrongCursor } from './access.js';
import { sendAttachment, sendRaw } from './download.js';
import { type Call, PAGE_SIZE, pageOf, route } from './route.js';
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
  route({
    method: 'POST',
    path: '/v1/conversations',
    summary: 'Start a conversation, with what was said so far',
    body: NewConversationBody,
    gives: { one: 'Conversation' },
    status: 201,
    async run(call) {
      const { account, messages = [], metadata, contact, ...rest } = call.body;
      checkMetadata(metadata);
      return call.once('startConversation', {
        ...rest,
        account: accountFor(call.caller, account),
        metadata: metadata ?? {},
        contact,
        messages: await Promise.all(messages.map(message => newMessage(call, message))),
        via: 'api',
      });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/conversations',
    summary: 'List conversations, the most recently active first',
    query: ConversationQuery,
    gives: { list: 'Conversation' },
    status: 200,
    async run(call) {
      const { account, cursor, limit = PAGE_SIZE, channel, contact, ...rest } = call.query;
      const rows = await call.store.conversations({
        ...rest,
        ...(contact === undefined ? {} : { contact }),
        ...(channel === undefined ? {} : { channel }),
        ...(account === undefined ? {} : { account }),
        ...(cursor === undefined ? {} : readCursor(cursor)),
        limit: limit + 1,
      });
      return pageOf(rows, limit, writeCursor);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/conversations/{ref}',
    summary: 'Show a conversation with its newest messages',
    query: MessagesShown,
    gives: { one: 'Conversation' },
    status: 200,
    run: async call =>
      call.store.conversation(conversationRef(call.caller, call.params.ref!), {
        messages: call.query.messages ?? SHOWN_MESSAGES,
      }),
  }),
  route({
    method: 'PATCH',
    path: '/v1/conversations/{ref}',
    summary: 'Change status, subject or metadata',
    body: ConversationChange,
    gives: { one: 'Conversation' },
    status: 200,
    async run(call) {
      checkMetadata(call.body.metadata);
      return call.store.setConversation(conversationRef(call.caller, call.params.ref!), call.body);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/conversations/{ref}/seen',
    summary: 'The contact saw it in the channel: what waits is not mailed',
    gives: { one: 'Conversation' },
    status: 200,
    run: async call => call.once('seen', conversationRef(call.caller, call.params.ref!)),
  }),
  route({
    method: 'POST',
    path: '/v1/conversations/{ref}/rotate-token',
    summary: 'Give a participant a new reply address and revoke the old',
    body: ParticipantChoice,
    gives: { one: 'Conversation' },
    status: 200,
    run: async call => call.once('rotateToken', conversationRef(call.caller, call.params.ref!), call.body.participant),
  }),
  route({
    method: 'POST',
    path: '/v1/conversations/{ref}/revoke-token',
    summary: "Revoke a participant's reply address",
    body: ParticipantChoice,
    gives: { one: 'Conversation' },
    status: 200,
    run: async call => call.once('revokeToken', conversationRef(call.caller, call.params.ref!), call.body.participant),
  }),
  route({
    method: 'POST',
    path: '/v1/conversations/{ref}/messages',
    summary: 'Add what was said: by the contact in the channel, by an agent, or a note',
    body: NewMessageBody,
    gives: { one: 'Message' },
    status: 201,
    async run(call) {
      const ref = conversationRef(call.caller, call.params.ref!);
      return call.once('addMessage', ref, await newMessage(call, call.body));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/conversations/{ref}/messages',
    summary: 'List messages, oldest first',
    query: PageQuery,
    gives: { list: 'Message' },
    status: 200,
    async run(call) {
      const { limit = PAGE_SIZE, cursor = '0' } = call.query;
      if (!/^\d{1,15}$/.test(cursor)) throw wrongCursor();
      const ref = conversationRef(call.caller, call.params.ref!);
      const rows = await call.store.messages(ref, { after: Number(cursor), limit: limit + 1 });
      return pageOf(rows, limit, last => String(last.seq));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/messages/{id}',
    summary: 'Show a message',
    gives: { one: 'Message' },
    status: 200,
    run: async call => call.store.message(call.params.id!),
  }),
  route({
    method: 'GET',
    path: '/v1/messages/{id}/raw',
    summary: 'The mail that a message came in, as it came',
    gives: { media: 'message/rfc822' },
    status: 200,
    run: async call => sendRaw(call),
  }),
  route({
    method: 'POST',
    path: '/v1/messages/{id}/release',
    summary: 'Give a held message its effect',
    gives: { one: 'Message' },
    status: 200,
    run: async call => call.once('releaseMessage', call.params.id!),
  }),
  route({
    method: 'POST',
    path: '/v1/messages/{id}/drop',
    summary: 'Leave a held message without effect',
    gives: { one: 'Message' },
    status: 200,
    run: async call => call.once('dropMessage', call.params.id!),
  }),
  route({
    method: 'GET',
    path: '/v1/attachments/{id}',
    summary: 'The bytes of an attachment',
    gives: { media: 'application/octet-stream' },
    status: 200,
    run: async call => sendAttachment(call),
  }),
];

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

function readCursor(cursor: string): { before: string; before_at: string } {
  const found = /^(\d{1,15}) (cv_[0-9a-z]{11})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!found) throw wrongCursor();
  return { before: found[2]!, before_at: new Date(Number(found[1])).toISOString() };
}
