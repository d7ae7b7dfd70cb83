/**
 * Agents' own reply addresses: one for answers and one for notes in each conversation, made with the first notification.
 * They live as long as the agent and the conversation. Whoever is disabled or has left the account keeps them: a mail of
 * his is held and says why, instead of coming back to him as a bounce that tells nothing.
 */
import { newToken } from '../../conversation/token.js';
import type { AgentRow, FilingAccount, FilingConversation } from '../rows.js';
import type { StoreTx } from '../tx.js';

export type TokenPurpose = 'answer' | 'note';

/** The agent at whose address a mail came in. */
export interface AddressedAgent extends Pick<AgentRow, 'key' | 'email' | 'name'> {
  readonly purpose: TokenPurpose;
  readonly isDisabled: boolean;
  readonly isMember: boolean;
  /** Of the account. */
  readonly slug: string;
}

type AgentPlaceRow = Omit<FilingConversation, 'key'> &
  Omit<FilingAccount, 'key'> &
  Pick<AgentRow, 'email' | 'name' | 'state'> & {
    readonly conversation_key: number;
    readonly agent_key: number;
    readonly purpose: TokenPurpose;
    readonly slug: string;
    readonly is_member: number;
  };

/** Null: the token is dead. One statement. */
export async function placeOfAgent(
  tx: StoreTx,
  token: string,
): Promise<{
  readonly conversation: FilingConversation;
  readonly account: FilingAccount;
  readonly agent: AddressedAgent;
} | null> {
  const row = await tx.get<AgentPlaceRow>(
    `select t.conversation_key, t.agent_key, t.purpose, c.account_key, c.number, c.contact_key, c.status, c.next_seq,
       a.slug, a.support_email, a.settings, a.inbound_emails, a.new_conversations, a.hold_strangers, a.forwarded_mail,
       a.agent_mail, g.email, g.name, g.state, case when m.agent_key is null then 0 else 1 end as is_member
     from agent_token t join conversation c on c.key = t.conversation_key join account a on a.key = c.account_key
       join agent g on g.key = t.agent_key
       left join agent_account m
         on m.account_key = c.account_key and m.agent_key = t.agent_key and m.leaving_at is null
     where t.token = $1 and c.removing_at is null`,
    token,
  );
  if (row === undefined) return null;
  const { conversation_key, agent_key, account_key, number, contact_key, status, next_seq } = row;
  const { support_email, settings, inbound_emails, new_conversations, hold_strangers, forwarded_mail, agent_mail } =
    row;
  const switches = { inbound_emails, new_conversations, hold_strangers, forwarded_mail, agent_mail };
  const { email, name, purpose, slug } = row;
  return {
    conversation: { key: conversation_key, account_key, number, contact_key, status, next_seq },
    account: { key: account_key, support_email, settings, ...switches },
    agent: {
      key: agent_key,
      email,
      name,
      purpose,
      slug,
      isDisabled: row.state === 'disabled',
      isMember: row.is_member === 1,
    },
  };
}

/** The one that he has, or a new one. */
export async function agentToken(
  tx: StoreTx,
  of: { readonly conversationKey: number; readonly agentKey: number; readonly purpose: TokenPurpose },
): Promise<string> {
  const { conversationKey, agentKey, purpose } = of;
  const known = await tx.value<string>(
    'select token from agent_token where conversation_key = $1 and agent_key = $2 and purpose = $3',
    conversationKey,
    agentKey,
    purpose,
  );
  if (known !== undefined) return known;
  const token = newToken(tx.random);
  await tx.insert('agent_token', {
    token,
    conversation_key: conversationKey,
    agent_key: agentKey,
    purpose,
    created_at: tx.now(),
  });
  return token;
}
