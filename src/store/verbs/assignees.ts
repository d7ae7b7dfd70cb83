/**
 * To whom a conversation is assigned, and what each agent has read of it. Marks are kept of open conversations only: what
 * is resolved is settled up to its last message (`settled_seq`), for all, and is not unread when it opens again.
 */
import { ReplydError } from '../../base/errors.js';
import { encodeId, keyOf } from '../ids.js';
import type { AgentRow } from '../rows.js';
import type { StoreTx, Verb } from '../tx.js';
import { agentKeyIfAny, noAgent } from '../views/agents.js';
import { conversationView } from '../views/conversations.js';
import { conversationRow } from './conversation-row.js';
import { emitEvents } from './events.js';
import { mute } from './followers.js';

type Member = Pick<AgentRow, 'key' | 'email' | 'name' | 'state'>;

/** The account's agent of this id or address; undefined: it has none. */
export async function memberNamed(tx: StoreTx, accountKey: number, who: string): Promise<Member | undefined> {
  const key = await agentKeyIfAny(tx, who);
  if (key === null) return undefined;
  return tx.get<Member>(
    `select g.key, g.email, g.name, g.state from agent_account m join agent g on g.key = m.agent_key
     where m.account_key = $1 and m.agent_key = $2 and m.leaving_at is null`,
    accountKey,
    key,
  );
}

export const assignConversation: Verb<'assignConversation'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  const agent = who === null ? null : await memberNamed(tx, row.account_key, who);
  if (agent === undefined) throw noAgent(who!);
  if (agent?.state === 'disabled') {
    throw new ReplydError('agent_disabled', `${agent.email} is disabled: nothing can be assigned to him`);
  }
  const assignee = agent?.key ?? null;
  if (assignee !== row.assignee_key) {
    await tx.run('update conversation set assignee_key = $1 where key = $2', assignee, row.key);
    if (assignee !== null) await mute(tx, row.key, assignee, false);
    await emitEvents(tx, row, [{ type: 'conversation.updated', data: { changed: ['assignee'] } }]);
  }
  return conversationView(tx, row.key);
};

export const readConversation: Verb<'readConversation'> = async (tx, ref, { agent, seq }) => {
  const row = await conversationRow(tx, ref);
  const reader = await memberNamed(tx, row.account_key, agent);
  if (reader === undefined) throw noAgent(agent);
  if (row.status === 'open') {
    const last = row.next_seq - 1;
    await markRead(tx, { conversation: row.key, agent: reader.key, seq: Math.min(seq ?? last, last) });
  }
  return conversationView(tx, row.key);
};

/** Also to an earlier message: then what follows is unread again. */
export async function markRead(
  tx: StoreTx,
  { conversation, agent, seq }: Readonly<Record<'conversation' | 'agent' | 'seq', number>>,
): Promise<void> {
  await tx.run(
    `insert into agent_seen (conversation_key, agent_key, seq) values ($1, $2, $3)
     on conflict (conversation_key, agent_key) do update set seq = excluded.seq`,
    conversation,
    agent,
    seq,
  );
}

export const unread: Verb<'unread'> = async (tx, agent, ids) => {
  if (ids.length === 0) return [];
  const rows = await tx.all<{ key: number }>(
    `select c.key from conversation c
       join agent_account m on m.account_key = c.account_key and m.agent_key = $1 and m.leaving_at is null
       left join agent_seen s on s.conversation_key = c.key and s.agent_key = $1
     where c.key = any($2) and c.status = 'open' and exists (
       select 1 from message i where i.conversation_key = c.key and i.direction = 'incoming' and i.looping = 0
         and i.seq > c.settled_seq and i.seq > coalesce(s.seq, 0) and i.received_at >= m.created_at)`,
    keyOf('agent', agent),
    ids.map(id => keyOf('conversation', id)),
  );
  return rows.map(row => encodeId('conversation', row.key));
};
