/**
 * How agents sign in: links that are good once, and sessions. Of both only a hash is kept. Passwords are hashed and compared
 * outside of transactions (`store/passwords.ts`); the parts here read and write what is kept of them.
 *
 * A session is looked up at each request, so what ends it counts at once on every node. Its last use is noted every few
 * minutes only.
 */
import { ReplydError } from '../../base/errors.js';
import type { SignedIn } from '../../conversation/agent-store.js';
import { foldAddress, normalizeAddress } from '../../mail/address.js';
import { encodeId, keyAt, keyOf } from '../ids.js';
import type { AgentRow } from '../rows.js';
import { type StoreTx, toIso, type Verb } from '../tx.js';
import { agentKey, profileView } from '../views/agents.js';
import { endSessionsOf, heldAgent, holdAgent, profileOf, refuseShared } from './agents.js';
import { hashOf } from './keys.js';
import { refuseMailedOften } from './notifications.js';

const SECRET_BYTES = 24;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LINK_LIFE = 24 * HOUR;
const IDLE = 12 * HOUR;
const LONGEST = 30 * 24 * HOUR;
const NOTED_EVERY = 5 * MINUTE;
/** Of an agent: of one more the oldest ends. */
const MAX_LINKS = 5;
const MAX_SESSIONS = 20;

export const newSignInLink: Verb<'newSignInLink'> = async (tx, who, { knownTo, within }) => {
  const key = await heldAgent(tx, who);
  await refuseShared(tx, key, within);
  const agent = await profileOf(tx, key, who);
  if (agent.state === 'disabled') {
    throw new ReplydError('agent_disabled', `${agent.email} is disabled: enable him first`);
  }
  // It would end an older one, and could not be mailed.
  if (knownTo === 'nobody') await refuseMailedOften(tx, key);
  const secret = newSecret(tx, 'rpl');
  const expires_at = tx.now() + LINK_LIFE;
  await tx.insert('sign_in_link', {
    key: tx.key(),
    hash: hashOf(secret),
    agent_key: key,
    known_to: knownTo,
    expires_at,
  });
  await keepNewest(tx, 'sign_in_link', { agent: key, most: MAX_LINKS });
  return { secret, expires_at: toIso(expires_at), agent };
};

/** A link that is alive. */
interface LinkRow {
  readonly agent_key: number;
  readonly known_to: string;
}

async function livingLink(tx: StoreTx, secret: string): Promise<LinkRow | undefined> {
  return tx.get<LinkRow>(
    `select l.agent_key, l.known_to from sign_in_link l join agent g on g.key = l.agent_key
     where l.hash = $1 and l.expires_at > $2 and g.state = 'on'`,
    hashOf(secret),
    tx.now(),
  );
}

export const signInLink: Verb<'signInLink'> = async (tx, secret) => {
  const link = await livingLink(tx, secret);
  const agent = link === undefined ? null : await profileView(tx, link.agent_key);
  return agent && { email: agent.email, name: agent.name, has_password: agent.has_password };
};

/** The link is used: his password is this, encoded, and he is signed in. Null: it is no link, or no longer one. */
export async function useLink(
  tx: StoreTx,
  { secret, password }: { readonly secret: string; readonly password: string },
): Promise<SignedIn | null> {
  const named = await livingLink(tx, secret);
  if (named === undefined) return null;
  const key = named.agent_key;
  await holdAgent(tx, key);
  // Somebody may have used or ended it in that moment.
  const link = await livingLink(tx, secret);
  if (link === undefined) return null;
  await tx.update('agent', key, { password, proven: link.known_to === 'account' ? 0 : 1 });
  await tx.run('delete from sign_in_link where agent_key = $1', key);
  await endSessionsOf(tx, key);
  return openedSession(tx, key);
}

/** His password as it is kept, for comparing; null: nobody who could sign in has this address and a password. */
export async function passwordOf(
  tx: StoreTx,
  email: string,
): Promise<{ readonly agent: string; readonly password: string } | null> {
  const address = normalizeAddress(email);
  if (address === null) return null;
  const row = await tx.get<Pick<AgentRow, 'key' | 'password'>>(
    "select key, password from agent where email_key = $1 and state = 'on'",
    foldAddress(address),
  );
  if (row === undefined || row.password === null) return null;
  return { agent: encodeId('agent', row.key), password: row.password };
}

/** A session of him whose password was compared with what was kept then. Null: that has changed meanwhile. */
export async function openSessionOf(
  tx: StoreTx,
  compared: { readonly agent: string; readonly password: string },
): Promise<SignedIn | null> {
  const key = keyOf('agent', compared.agent);
  await holdAgent(tx, key);
  const text = "select 1 from agent where key = $1 and state = 'on' and password = $2";
  return (await tx.get(text, key, compared.password)) === undefined ? null : openedSession(tx, key);
}

/**
 * Another password, encoded, for him whose session this is and whose old one was compared with what was kept then. His links
 * and sessions end, and he gets a new one. Whether his mailbox is proven stays as it is. Null: one of both changed meanwhile.
 */
export async function replacePassword(
  tx: StoreTx,
  {
    session,
    compared,
    password,
  }: {
    readonly session: string;
    readonly compared: { readonly agent: string; readonly password: string };
    readonly password: string;
  },
): Promise<SignedIn | null> {
  const key = keyOf('agent', compared.agent);
  await holdAgent(tx, key);
  const known = await tx.get(
    `select 1 from agent g join agent_session s on s.agent_key = g.key
     where g.key = $1 and g.state = 'on' and g.password = $2 and s.hash = $3`,
    key,
    compared.password,
    hashOf(session),
  );
  if (known === undefined) return null;
  await tx.update('agent', key, { password });
  await tx.run('delete from sign_in_link where agent_key = $1', key);
  await endSessionsOf(tx, key);
  return openedSession(tx, key);
}

async function openedSession(tx: StoreTx, key: number): Promise<SignedIn | null> {
  const agent = await profileView(tx, key);
  if (agent === null) return null;
  const secret = newSecret(tx, 'rps');
  const now = tx.now();
  await tx.insert('agent_session', {
    key: tx.key(),
    hash: hashOf(secret),
    agent_key: key,
    created_at: now,
    used_at: now,
  });
  await keepNewest(tx, 'agent_session', { agent: key, most: MAX_SESSIONS });
  return { secret, agent };
}

/** `stale`: its use is to be noted (`sessionUsed`). */
export async function sessionOf(
  tx: StoreTx,
  secret: string,
): Promise<{ readonly id: string; readonly agent: SignedIn['agent']; readonly stale: boolean } | null> {
  const now = tx.now();
  const row = await tx.get<{ key: number; agent_key: number; used_at: number }>(
    `select s.key, s.agent_key, s.used_at from agent_session s join agent g on g.key = s.agent_key
     where s.hash = $1 and s.created_at > $2 and s.used_at > $3 and g.state = 'on'`,
    hashOf(secret),
    now - LONGEST,
    now - IDLE,
  );
  const agent = row === undefined ? null : await profileView(tx, row.agent_key);
  if (row === undefined || agent === null) return null;
  return { id: encodeId('agent_session', row.key), agent, stale: row.used_at < now - NOTED_EVERY };
}

export async function sessionUsed(tx: StoreTx, id: string): Promise<void> {
  await tx.update('agent_session', keyOf('agent_session', id), { used_at: tx.now() });
}

export const endSession: Verb<'endSession'> = async (tx, secret) => {
  await tx.run('delete from agent_session where hash = $1', hashOf(secret));
};

export const endSessions: Verb<'endSessions'> = async (tx, who) => endSessionsOf(tx, await agentKey(tx, who));

/** Sessions and links that are over, up to so many of each. Returns how many went. */
export async function clearSignIns(tx: StoreTx, limit: number): Promise<number> {
  const now = tx.now();
  const over = (table: string, where: string, ...values: readonly number[]) =>
    tx.run(`delete from ${table} where key in (select key from ${table} where ${where} limit ${limit})`, ...values);
  const idle = await over('agent_session', 'used_at <= $1', now - IDLE);
  // One that was used every day is old by its key's time.
  const old = await over('agent_session', 'key <= $1', keyAt(now - LONGEST));
  return idle + old + (await over('sign_in_link', 'expires_at <= $1', now));
}

async function keepNewest(
  tx: StoreTx,
  table: 'sign_in_link' | 'agent_session',
  { agent, most }: { readonly agent: number; readonly most: number },
): Promise<void> {
  await tx.run(
    `delete from ${table} where agent_key = $1 and key <= (
       select key from ${table} where agent_key = $1 order by key desc limit 1 offset ${most})`,
    agent,
  );
}

function newSecret(tx: StoreTx, prefix: string): string {
  return `${prefix}_${Buffer.from(tx.random(SECRET_BYTES)).toString('base64url')}`;
}
