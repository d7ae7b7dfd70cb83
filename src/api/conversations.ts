/** Routes of conversations and their messages. */

import { ReplydError } from '../base/errors.js';
import type { NamedAgent } from '../conversation/agent-store.js';
import type { Conversation } from '../conversation/model.js';
import type { Caller } from '../conversation/ports.js';
import type { ConversationRef } from '../conversation/ref.js';
import type { NewMessage } from '../conversation/store.js';
import { accountFor, conversationRef } from './access.js';
import { wrongCursor } from './cursor.js';
import { sendAttachment, sendRaw } from './download.js';
import { byId, type Call, PAGE_SIZE, route } from './route.js';
import {
  Assignment,
  ConversationChange,
  ConversationQuery,
  MAX_METADATA,
  MessageQuery,
  MessagesShown,
  NewCc,
  NewConversationBody,
  NewMessageBody,
  ParticipantChoice,
  ReadMark,
} from './schema.js';

const SHOWN_MESSAGES = 100;

export const CONVERSATION_ROUTES = [
  route('POST /v1/conversations', {
    summary: 'Start a conversation, with what was said so far, or go on with the one of this source_id',
    body: NewConversationBody,
    gives: { one: 'Conversation' },
    makes: true,
    finds: true,
    async run(call) {
      const { account, messages = [], metadata = {}, ...rest } = call.body;
      checkMetadata(metadata);
      const { known, ...conversation } = await call.store.startConversation({
        ...rest,
        account: accountFor(call.caller, account),
        metadata,
        messages: await Promise.all(messages.map(message => newMessage(call, message))),
        via: 'api',
      });
      if (known) call.found();
      return conversation;
    },
  }),
  route('GET /v1/conversations', {
    summary: 'List conversations, the most recently active first, or last (order)',
    query: ConversationQuery,
    gives: { list: 'Conversation' },
    async run({ store, caller, page, query: { limit = PAGE_SIZE, cursor, assignee, ...filter } }) {
      const assigned = assignee === undefined ? {} : { assignee: assigneeOf(caller, assignee) };
      const rows = await store.conversations({ ...filter, ...assigned, ...readCursor(cursor), limit: limit + 1 });
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
  route('DELETE /v1/conversations/{ref}', {
    summary: 'Remove a conversation for good, with its messages, mails and attachments',
    gives: null,
    run: async call => call.store.removeConversation(refOf(call)),
  }),
  route('POST /v1/conversations/{ref}/seen', {
    summary: 'The contact saw it in the channel: what waits is not mailed',
    gives: { one: 'Conversation' },
    run: async call => call.store.seen(refOf(call)),
  }),
  route('POST /v1/conversations/{ref}/assign', {
    summary: 'Assign it to an agent of its account, or to nobody',
    body: Assignment,
    gives: { one: 'Conversation' },
    run: async call => call.store.assignConversation(refOf(call), meOr(call.caller, call.body.agent)),
  }),
  route('POST /v1/conversations/{ref}/read', {
    summary: 'An agent has read it, up to a message or all of it',
    body: ReadMark,
    gives: { one: 'Conversation' },
    async run(call) {
      const { agent = null, ...read } = call.body;
      const reader = call.caller.agentId ?? agent;
      if (reader === null) throw new ReplydError('invalid', 'Say which `agent` has read it.');
      return call.store.readConversation(refOf(call), { ...read, agent: reader });
    },
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
  route('POST /v1/conversations/{ref}/cc', {
    summary: 'From now on somebody gets the answers too, also one who was removed',
    body: NewCc,
    gives: { one: 'Conversation' },
    run: async call => call.store.addCc(refOf(call), call.body),
  }),
  route('DELETE /v1/conversations/{ref}/cc/{id}', {
    summary: 'Somebody in Cc, by his id or address, gets no more answers',
    gives: { one: 'Conversation' },
    run: async call => call.store.removeCc(refOf(call), call.params.id!),
  }),
  route('POST /v1/conversations/{ref}/messages', {
    summary: 'Add what was said: by the contact in the channel, by an agent, or a note',
    body: NewMessageBody,
    gives: { one: 'Message' },
    makes: true,
    run: async call => call.store.addMessage(refOf(call), await newMessage(call, call.body)),
  }),
  route('GET /v1/conversations/{ref}/messages', {
    summary: 'List messages, oldest first, or newest (order)',
    query: MessageQuery,
    gives: { list: 'Message' },
    async run(call) {
      const { limit = PAGE_SIZE, cursor, order = 'oldest' } = call.query;
      if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw wrongCursor();
      const at = cursor === undefined ? null : Number(cursor);
      const from = order === 'oldest' ? { after: at ?? 0 } : { before: at };
      const rows = await call.store.messages(refOf(call), { ...from, limit: limit + 1 });
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

/** `me`: the agent who asks. */
function meOr({ agentId }: Caller, agent: string | null): string | null {
  if (agent !== 'me') return agent;
  if (agentId === null) throw new ReplydError('agent_required', 'A key is nobody: say which agent is meant.');
  return agentId;
}

function assigneeOf(caller: Caller, assignee: string): string {
  return meOr(caller, assignee)!;
}

/** An agent speaks for himself, now; what customers said in a channel is the application's to tell. */
function checkOfAgent({ direction, created_at }: Pick<NewMessageBody, 'direction' | 'created_at'>): void {
  if (direction !== 'incoming' && created_at === undefined) return;
  throw new ReplydError('forbidden', 'Only an application tells what a customer said, and when something was said.');
}

function wrongAgent(path: string, message: string): ReplydError {
  return new ReplydError('invalid', `${path}: ${message}.`, { details: { errors: [{ path, message }] } });
}

function namedAgent({ agentId }: Caller, { direction, agent }: NewMessageBody): { readonly agent?: NamedAgent } {
  if (direction === 'incoming') return {};
  if (agentId !== null) return { agent: { id: agentId } };
  if (agent === undefined) return {};
  if (agent.id !== undefined) {
    if (agent.name === undefined && agent.email === undefined) return { agent: { id: agent.id } };
    throw wrongAgent('/agent/id', 'It is given beside a name: an `agent` is named by one of both');
  }
  if (agent.name === undefined) throw wrongAgent('/agent/name', 'Is required: an `agent` has an `id` or a `name`');
  return { agent: { name: agent.name, email: agent.email ?? null } };
}

async function newMessage(call: Call<unknown, unknown>, body: NewMessageBody): Promise<NewMessage> {
  const { text, markdown, cc, attachments, agent: _, created_at, ...rest } = body;
  if (call.caller.agentId !== null) checkOfAgent(body);
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
    ...namedAgent(call.caller, body),
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
