/** What the commands in an agent's mail do (`rules/agent-commands.ts`), and whom `/assign` names. */
import type { Commands } from '../../conversation/rules/agent-commands.js';
import { foldAddress } from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { AgentRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { assignConversation } from './assignees.js';
import { setConversation } from './conversations.js';
import { mute } from './followers.js';

/** `assignee`: an agent's id; null: what the command says (`none`) or nothing. */
export async function doCommands(
  tx: StoreTx,
  conversationKey: number,
  what: { readonly agentKey: number; readonly commands: Commands; readonly assignee: string | null },
): Promise<void> {
  const { agentKey, commands, assignee } = what;
  const ref = { id: encodeId('conversation', conversationKey) };
  if (commands.assign !== null) await assignConversation(tx, ref, assignee);
  if (commands.mute) await mute(tx, conversationKey, agentKey, true);
  if (commands.status === null) return;
  const conversation = (await byKey(tx, 'conversation', conversationKey))!;
  if (conversation.status !== commands.status) await setConversation(tx, ref, { status: commands.status });
}

export type FoundAssignee =
  | { readonly kind: 'one'; readonly id: string | null }
  | { readonly kind: 'none' | 'several' | 'disabled' };

/** Whom `/assign` names: `me`, `none`, an address, or the name of one of the account's. */
export async function assigneeNamed(
  tx: StoreTx,
  accountKey: number,
  { wanted, agent }: { readonly wanted: string; readonly agent: Pick<AgentRow, 'key'> },
): Promise<FoundAssignee> {
  const name = folded(wanted);
  if (name === 'none') return { kind: 'one', id: null };
  if (name === 'me') return { kind: 'one', id: encodeId('agent', agent.key) };
  const members = await tx.all<Pick<AgentRow, 'key' | 'email_key' | 'name' | 'state'>>(
    `select g.key, g.email_key, g.name, g.state from agent_account m join agent g on g.key = m.agent_key
     where m.account_key = $1 and m.leaving_at is null order by g.key`,
    accountKey,
  );
  const address = wanted.replace(/^<(.*)>$/, '$1');
  const named = members.filter(each => each.email_key === foldAddress(address));
  const found = named.length > 0 ? named : members.filter(each => folded(each.name) === name);
  const [first, ...others] = found;
  if (first === undefined) return { kind: 'none' };
  if (others.length > 0) return { kind: 'several' };
  return first.state === 'disabled' ? { kind: 'disabled' } : { kind: 'one', id: encodeId('agent', first.key) };
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim();
}
