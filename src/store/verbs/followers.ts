/**
 * Which agents hear by mail of a message that was just written (`notify` of each in the account), in its transaction. For
 * each of them one notification waits in each conversation and gathers what is written until it is composed
 * (`agent-notices.ts`): a flood makes few mails. An account without the feature `agent_mail` costs nothing.
 *
 * | notify   | of customers' messages and of colleagues' notes in                                   |
 * |----------|--------------------------------------------------------------------------------------|
 * | assigned | conversations that are assigned to him; of those that are nobody's he hears nothing  |
 * | all      | all conversations of the account                                                     |
 * | none     | none                                                                                 |
 *
 * Nobody hears of what he wrote himself, of conversations that he has muted, and while his mailbox is dead.
 */
import { agentOrder, IN_HOUR, noticeDue } from '../../conversation/rules/notices.js';
import { newToken } from '../../conversation/token.js';
import { encodeId } from '../ids.js';
import { type AccountRow, type AgentRow, NOTICES } from '../rows.js';
import { mailDeliveryKey } from '../stream.js';
import type { StoreTx } from '../tx.js';
import type { TokenPurpose } from './agent-tokens.js';
import { emitEvents } from './events.js';
import { UNFINISHED } from './unfinished.js';

interface Follower extends Pick<AgentRow, 'key' | 'email' | 'name'> {
  /** When the last notification about this conversation went to him; null: none did. */
  readonly told_at: number | null;
  /** When the one before the last `IN_HOUR` was due; null: there are fewer. */
  readonly full_at: number | null;
}

/** `writer`: the agent who wrote it, if one did. */
export async function notifyFollowers(
  tx: StoreTx,
  at: {
    readonly key: number;
    readonly account_key: number;
    readonly account: Pick<AccountRow, 'agent_mail' | 'inbound_emails'>;
  },
  message: { readonly key: number; readonly direction: 'incoming' | 'note'; readonly writer: number | null },
): Promise<void> {
  if (at.account.agent_mail !== 1 || at.account.inbound_emails !== 1) return;
  const followers = await tx.all<Follower>(
    `select g.key, g.email, g.name, f.told_at,
       (select d.due_at from delivery d where d.agent_key = g.key and d.kind = 'mail' and d.conversation_key is not null
        order by d.key desc limit 1 offset ${IN_HOUR - 1}) as full_at
     from agent_account m join agent g on g.key = m.agent_key
       left join agent_follow f on f.conversation_key = $2 and f.agent_key = g.key
     where m.account_key = $1 and m.leaving_at is null and g.state = 'on' and g.suspended_at is null
       and (m.notify = 'all' or (m.notify = 'assigned'
         and m.agent_key = (select c.assignee_key from conversation c where c.key = $2)))
       and coalesce(f.muted, 0) = 0 and g.key <> $3
     order by g.key`,
    at.account_key,
    at.key,
    message.writer ?? -1,
  );
  if (followers.length === 0) return;
  const purpose: TokenPurpose = message.direction === 'note' ? 'note' : 'answer';
  const orderOf = (agentKey: number) => agentOrder({ conversation: at.key, agent: agentKey, purpose });
  const waiting = await tx.all<{ key: number; order_key: string }>(
    `select key, order_key from delivery where order_key = any($1) and kind = 'mail' and state = 'waiting' and ${UNFINISHED}
       and outgoing_mail_key is null`,
    followers.map(each => orderOf(each.key)),
  );
  const gathering = new Map(waiting.map(row => [row.order_key, row.key]));
  const now = tx.now();
  const added = followers
    .filter(each => !gathering.has(orderOf(each.key)))
    .map(each => ({
      key: mailDeliveryKey(tx),
      kind: 'mail',
      destination: NOTICES,
      order_key: orderOf(each.key),
      account_key: at.account_key,
      conversation_key: at.key,
      agent_key: each.key,
      recipient: each.email,
      recipient_name: each.name,
      bounce_token: newToken(tx.random),
      state: 'waiting',
      reason: 'delay',
      // Not until it is composed: whoever composes mails to customers looks for this.
      next_attempt_at: null,
      due_at: noticeDue({ now, toldAt: each.told_at, fullAt: each.full_at }),
      created_at: now,
    }));
  await tx.insertAll('delivery', added);
  await tx.insertAll(
    'delivery_message',
    [...gathering.values(), ...added.map(row => row.key)].map(key => ({
      delivery_key: key,
      message_key: message.key,
    })),
    { known: 'kept' },
  );
}

/** He wants no notifications of this conversation, until it is assigned to him. */
export async function mute(tx: StoreTx, conversationKey: number, agentKey: number, muted: boolean): Promise<void> {
  await tx.run(
    muted
      ? `insert into agent_follow (conversation_key, agent_key, muted) values ($1, $2, 1)
         on conflict (conversation_key, agent_key) do update set muted = 1`
      : 'update agent_follow set muted = 0 where conversation_key = $1 and agent_key = $2 and muted = 1',
    conversationKey,
    agentKey,
  );
}

/** His mailbox is dead: nobody notifies him until somebody enables him, or he writes. The event is one of the conversation. */
export async function suspendAgent(
  tx: StoreTx,
  agentKey: number,
  { conversation, reason }: { readonly conversation: { key: number; account_key: number }; readonly reason: string },
): Promise<void> {
  const row = await tx.get<Pick<AgentRow, 'email'>>(
    'update agent set suspended_at = $1, suspended_reason = $2 where key = $3 and suspended_at is null returning email',
    tx.now(),
    reason,
    agentKey,
  );
  if (row === undefined) return;
  const data = { agent_id: encodeId('agent', agentKey), email: row.email, reason };
  await emitEvents(tx, conversation, [{ type: 'agent.suspended', data }]);
}

/** Mail reaches him, or he proved to be there. */
export async function resumeAgent(tx: StoreTx, agentKey: number): Promise<void> {
  await tx.run(
    'update agent set suspended_at = null, suspended_reason = null where key = $1 and suspended_at is not null',
    agentKey,
  );
}
