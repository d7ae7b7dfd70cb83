/** Agents → the public shapes of model.ts. Whoever is leaving an account does not belong to it any more. */
import { ReplydError } from '../../base/errors.js';
import type { Agent, AgentProfile } from '../../conversation/model.js';
import { foldAddress } from '../../mail/address.js';
import { decodeId, encodeId } from '../ids.js';
import type { AgentAccountRow, AgentRow } from '../rows.js';
import { type StoreTx, toIso } from '../tx.js';
import { checkedAddress } from '../verbs/accounts.js';

/** One of an account's, with what is shown of both. */
type MemberRow = Pick<AgentRow, 'key' | 'email' | 'name' | 'state' | 'suspended_at' | 'suspended_reason'> &
  Pick<AgentAccountRow, 'role' | 'notify'> & {
    readonly has_password: number;
    /** When there was such an agent first, and since when he is one of the account's. */
    readonly created_at: number;
    readonly joined_at: number;
    readonly slug: string;
    readonly account_name: string;
  };

const MEMBERS = `select g.key, g.email, g.name, g.state, g.suspended_at, g.suspended_reason, case when g.password is null then 0 else 1 end as has_password,
    g.created_at, m.created_at as joined_at, m.role, m.notify, a.slug, a.name as account_name
  from agent_account m join agent g on g.key = m.agent_key join account a on a.key = m.account_key
  where m.leaving_at is null`;

/** Throws agent_not_found. */
export async function agentKey(tx: StoreTx, who: string): Promise<number> {
  const key = await agentKeyIfAny(tx, who);
  if (key === null) throw noAgent(who);
  return key;
}

/** Of whom an id or address names; null: of nobody. */
export async function agentKeyIfAny(tx: StoreTx, who: string): Promise<number | null> {
  const found = who.includes('@')
    ? await tx.value<number>('select key from agent where email_key = $1', foldAddress(checkedAddress(who)))
    : await tx.value<number>('select key from agent where key = $1', decodeId('agent', who) ?? -1);
  return found ?? null;
}

export function noAgent(who: string): ReplydError {
  return new ReplydError('agent_not_found', `there is no agent ${JSON.stringify(who.slice(0, 320))}`);
}

/** The newest first. */
export async function membersOf(tx: StoreTx, accountKey: number): Promise<readonly Agent[]> {
  return (await tx.all<MemberRow>(`${MEMBERS} and m.account_key = $1 order by g.key desc`, accountKey)).map(agentShape);
}

/** Null: he does not belong to it. */
export async function memberView(
  tx: StoreTx,
  { accountKey, agentKey }: { readonly accountKey: number; readonly agentKey: number },
): Promise<Agent | null> {
  const text = `${MEMBERS} and m.account_key = $1 and m.agent_key = $2`;
  const row = await tx.get<MemberRow>(text, accountKey, agentKey);
  return row === undefined ? null : agentShape(row);
}

/** Null: he belongs to no account. */
export async function profileView(tx: StoreTx, key: number): Promise<AgentProfile | null> {
  const rows = await tx.all<MemberRow>(`${MEMBERS} and m.agent_key = $1 order by a.slug`, key);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    ...personShape(row),
    created_at: toIso(row.created_at),
    accounts: rows.map(({ slug, account_name, role, notify }) => ({ account: slug, name: account_name, role, notify })),
  };
}

function personShape(row: MemberRow) {
  return {
    id: encodeId('agent', row.key),
    email: row.email,
    name: row.name,
    state: row.state,
    has_password: row.has_password === 1,
    suspended:
      row.suspended_at === null ? null : { since: toIso(row.suspended_at), reason: row.suspended_reason ?? '' },
  };
}

function agentShape(row: MemberRow): Agent {
  const { slug: account, role, notify } = row;
  // Nobody of this account learns since when he is one of another.
  return { ...personShape(row), created_at: toIso(row.joined_at), account, role, notify };
}
