/** Who wrote what the team says: an agent of the account, or a name that an application gives. */
import { ReplydError } from '../../base/errors.js';
import type { NamedAgent } from '../../conversation/agent-store.js';
import { normalizeAddress } from '../../mail/address.js';
import type { MessageRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { noAgent } from '../views/agents.js';
import { memberNamed } from './assignees.js';

type Author = Pick<MessageRow, 'author_name' | 'author_email' | 'author_role' | 'agent_key'>;

/** One query where an id or an address is given. Throws agent_not_found, agent_disabled for an id. */
export async function authorOf(tx: StoreTx, accountKey: number, named: NamedAgent | undefined): Promise<Author> {
  if (named !== undefined && 'id' in named) {
    const agent = await memberNamed(tx, accountKey, named.id);
    if (agent === undefined) throw noAgent(named.id);
    if (agent.state === 'disabled') throw new ReplydError('agent_disabled', `${agent.email} is disabled`);
    return { author_name: agent.name, author_email: agent.email, author_role: 'agent', agent_key: agent.key };
  }
  const { name = '', email = null } = named ?? {};
  // What is no address names nobody.
  const agent =
    email === null || normalizeAddress(email) === null ? undefined : await memberNamed(tx, accountKey, email);
  return { author_name: name, author_email: email, author_role: 'agent', agent_key: agent?.key ?? null };
}
