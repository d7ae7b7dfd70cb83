/**
 * Agents: who they are, and to which accounts they belong. Whoever changes an agent holds his row first, so that two who do
 * it at once see each other's work: one who gives out a link, and one who takes him into another account.
 *
 * Leaving an account counts at once (`leaving_at`); his conversations there are given back a piece at a time, and the daemon
 * goes on with it when whoever began is cut off (`upkeep/retention.ts`). With his last account he goes himself.
 */
import { ReplydError } from '../../base/errors.js';
import type { AgentProfile } from '../../conversation/model.js';
import { foldAddress } from '../../mail/address.js';
import { removeDeliveries } from '../blobs/sent.js';
import { encodeId } from '../ids.js';
import type { AgentAccountRow, AgentRow, ConversationRow } from '../rows.js';
import { inTurn, type StoreTx, type Verb } from '../tx.js';
import { agentKey, membersOf, memberView, noAgent, profileView } from '../views/agents.js';
import { accountBySlug, mailableAddress } from './accounts.js';
import { emitEvents } from './events.js';
import { forgetAnswers } from './keys.js';

/** Of an account. */
const MAX_AGENTS = 500;
const MAX_NAME = 255;
/** Conversations that are given back in one transaction: each is an event. */
const CONVERSATIONS_AT_ONCE = 50;
/** Other rows that go in one. */
const BATCH = 500;

export const addAgent: Verb<'addAgent'> = async (tx, wanted) => {
  const account = await accountBySlug(tx, wanted.account);
  await tx.lock('account', [account.key]);
  const email = mailableAddress(wanted.email);
  const name = checkedName(wanted.name);
  const known = await tx.get<AgentRow>('select * from agent where email_key = $1', foldAddress(email));
  const key = known?.key ?? tx.key();
  if (known === undefined) {
    await tx.insert('agent', { key, email, email_key: foldAddress(email), name, created_at: tx.now() });
  } else await holdAgent(tx, key);
  const of = { accountKey: account.key, agentKey: key };
  if (await memberView(tx, of)) {
    throw new ReplydError('agent_exists', `${email} is an agent of ${account.slug} already`);
  }
  const count = await tx.value<number>('select count(*) from agent_account where account_key = $1', account.key);
  if ((count ?? 0) >= MAX_AGENTS) {
    throw new ReplydError('too_many_agents', `${account.slug} has ${MAX_AGENTS} agents already: remove one first`);
  }
  if (known !== undefined) await becomeShared(tx, key);
  const { role = 'agent', notify = 'assigned' } = wanted;
  await tx.run(
    `insert into agent_account (account_key, agent_key, role, notify, created_at) values ($1, $2, $3, $4, $5)
     on conflict (account_key, agent_key) do update
       set role = excluded.role, notify = excluded.notify, created_at = excluded.created_at, leaving_at = null`,
    account.key,
    key,
    role,
    notify,
    tx.now(),
  );
  return (await memberView(tx, of))!;
};

/** What others than his mailbox may know of his way in is good for nothing any more. */
async function becomeShared(tx: StoreTx, key: number): Promise<void> {
  await tx.run("delete from sign_in_link where agent_key = $1 and known_to = 'account'", key);
  const unproven = await tx.run('update agent set password = null where key = $1 and proven = 0', key);
  if (unproven > 0) await endSessionsOf(tx, key);
}

export const agents: Verb<'agents'> = async (tx, filter) =>
  membersOf(tx, (await accountBySlug(tx, filter.account)).key);

export const agent: Verb<'agent'> = async (tx, who) => profileOf(tx, await agentKey(tx, who), who);

export const agentOf: Verb<'agentOf'> = async (tx, slug, who) => {
  const account = await accountBySlug(tx, slug);
  const member = await memberView(tx, { accountKey: account.key, agentKey: await agentKey(tx, who) });
  if (member === null) throw noAgent(who);
  return member;
};

export const setAgent: Verb<'setAgent'> = async (tx, slug, who, { within, ...change }) => {
  const account = await accountBySlug(tx, slug);
  const key = await heldAgent(tx, who);
  const of = { accountKey: account.key, agentKey: key };
  if ((await memberView(tx, of)) === null) throw noAgent(who);
  if (change.name !== undefined) {
    await refuseShared(tx, key, within);
    await tx.update('agent', key, { name: checkedName(change.name) });
  }
  await tx.run(
    `update agent_account set role = coalesce($1, role), notify = coalesce($2, notify)
     where account_key = $3 and agent_key = $4`,
    change.role ?? null,
    change.notify ?? null,
    account.key,
    key,
  );
  return (await memberView(tx, of))!;
};

export const disableAgent: Verb<'disableAgent'> = async (tx, who, { within } = {}) => {
  const key = await heldAgent(tx, who);
  await refuseShared(tx, key, within);
  await tx.update('agent', key, { state: 'disabled' });
  await endWaysIn(tx, key);
  return profileOf(tx, key, who);
};

export const enableAgent: Verb<'enableAgent'> = async (tx, who, { within } = {}) => {
  const key = await heldAgent(tx, who);
  await refuseShared(tx, key, within);
  await tx.update('agent', key, { state: 'on', suspended_at: null, suspended_reason: null });
  return profileOf(tx, key, who);
};

/** A piece of it. True when he belongs to the account no more, or, with null, when he is gone. */
export async function removeAgentPart(tx: StoreTx, who: string, slug: string | null): Promise<boolean> {
  const account = slug === null ? null : (await accountBySlug(tx, slug)).key;
  const key = await agentKey(tx, who);
  const rows = await tx.all<AgentAccountRow>(
    'select * from agent_account where agent_key = $1 order by account_key',
    key,
  );
  const leaves = rows.filter(row => account === null || row.account_key === account);
  if (leaves.length === 0) throw noAgent(who);
  await tx.lock(
    'account',
    leaves.map(row => row.account_key),
  );
  await holdAgent(tx, key);
  const keys = leaves.map(row => row.account_key);
  await tx.run(
    'update agent_account set leaving_at = $1 where agent_key = $2 and account_key = any($3) and leaving_at is null',
    tx.now(),
    key,
    keys,
  );
  if (account === null) await endWaysIn(tx, key);
  return (await leavePart(tx, { accountKey: keys[0]!, agentKey: key })) && keys.length === 1;
}

/** A piece of what an agent leaves in an account, which is held. True when the last of it was done. */
export async function leavePart(
  tx: StoreTx,
  { accountKey, agentKey }: { readonly accountKey: number; readonly agentKey: number },
): Promise<boolean> {
  await holdAgent(tx, agentKey);
  const assigned = await tx.all<{ key: number }>(
    `select key from conversation where account_key = $1 and assignee_key = $2 order by key limit ${CONVERSATIONS_AT_ONCE}`,
    accountKey,
    agentKey,
  );
  const keys = assigned.map(row => row.key);
  await tx.lock('conversation', keys);
  await inTurn(keys, async key => {
    const taken = await tx.run(
      'update conversation set assignee_key = null where key = $1 and assignee_key = $2',
      key,
      agentKey,
    );
    const of: Pick<ConversationRow, 'key' | 'account_key'> = { key, account_key: accountKey };
    if (taken > 0) await emitEvents(tx, of, [{ type: 'conversation.updated', data: { changed: ['assignee'] } }]);
  });
  if (keys.length === CONVERSATIONS_AT_ONCE) return false;
  const others = await tx.get(
    'select 1 from agent_account where agent_key = $1 and account_key <> $2 limit 1',
    agentKey,
    accountKey,
  );
  if (others === undefined && !(await emptied(tx, agentKey))) return false;
  await tx.run('delete from agent_account where account_key = $1 and agent_key = $2', accountKey, agentKey);
  if (others === undefined) await tx.run('delete from agent where key = $1', agentKey);
  return true;
}

/** What is only his goes, up to a batch of each. True when nothing is left. */
async function emptied(tx: StoreTx, key: number): Promise<boolean> {
  await endWaysIn(tx, key);
  if (await forgetAnswers(tx, encodeId('agent', key))) return false;
  const seen = await tx.run(
    `delete from agent_seen where agent_key = $1 and conversation_key in (
       select conversation_key from agent_seen where agent_key = $1 limit ${BATCH})`,
    key,
  );
  const tokens = await tx.run(
    `delete from agent_token where token in (select token from agent_token where agent_key = $1 limit ${BATCH})`,
    key,
  );
  const followed = await tx.run(
    `delete from agent_follow where agent_key = $1 and conversation_key in (
       select conversation_key from agent_follow where agent_key = $1 limit ${BATCH})`,
    key,
  );
  const answers = await tx.run(
    `delete from idempotency where (caller, name) in (
       select caller, name from idempotency where caller = $1 limit ${BATCH})`,
    key,
  );
  const mails = await removeDeliveries(tx, 'agent_key', { value: key, most: BATCH });
  return Math.max(seen, tokens, followed, answers, mails) < BATCH;
}

/** A piece of an account that somebody left and that nobody finished. Returns how many. */
export async function finishLeaving(tx: StoreTx): Promise<number> {
  const next = await tx.get<Pick<AgentAccountRow, 'account_key' | 'agent_key'>>(
    'select account_key, agent_key from agent_account where leaving_at is not null limit 1',
  );
  if (next === undefined) return 0;
  const of = { accountKey: next.account_key, agentKey: next.agent_key };
  await tx.lock('account', [of.accountKey]);
  // Somebody may have taken him back in that moment.
  const text = 'select 1 from agent_account where account_key = $1 and agent_key = $2 and leaving_at is not null';
  if (await tx.get(text, of.accountKey, of.agentKey)) await leavePart(tx, of);
  return 1;
}

/** Nobody else changes him until the transaction ends, and what is read from here on is what others have left. */
export async function holdAgent(tx: StoreTx, key: number): Promise<void> {
  await tx.run('update agent set state = state where key = $1', key);
}

/** Throws agent_not_found. */
export async function heldAgent(tx: StoreTx, who: string): Promise<number> {
  const key = await agentKey(tx, who);
  await holdAgent(tx, key);
  return key;
}

/** Throws agent_not_found for one who is just leaving his last account. */
export async function profileOf(tx: StoreTx, key: number, who: string): Promise<AgentProfile> {
  const profile = await profileView(tx, key);
  if (profile === null) throw noAgent(who);
  return profile;
}

/** Throws agent_shared when he belongs to an account that whoever asks may not speak for. */
export async function refuseShared(tx: StoreTx, key: number, within: readonly string[] | undefined): Promise<void> {
  if (within === undefined) return;
  // Also one that he is just leaving: it was his until now.
  const rows = await tx.all<{ slug: string }>(
    'select a.slug from agent_account m join account a on a.key = m.account_key where m.agent_key = $1',
    key,
  );
  if (rows.some(({ slug }) => !within.includes(slug))) {
    throw new ReplydError('agent_shared', 'this agent belongs to other accounts too: only the operator can do that');
  }
}

export async function endSessionsOf(tx: StoreTx, key: number): Promise<void> {
  await tx.run('delete from agent_session where agent_key = $1', key);
}

async function endWaysIn(tx: StoreTx, key: number): Promise<void> {
  await endSessionsOf(tx, key);
  await tx.run('delete from sign_in_link where agent_key = $1', key);
}

function checkedName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > MAX_NAME || /\p{Cc}/u.test(name)) {
    throw new ReplydError('invalid', `a name has 1 to ${MAX_NAME} characters, none of them a control character`);
  }
  return name;
}
