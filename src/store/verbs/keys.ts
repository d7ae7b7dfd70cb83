/**
 * Keys for the HTTP API, and answers that are given once. Of a key only its SHA-256 is kept: whoever reads the store
 * can't speak for an account. A revoked key is unknown from the next request on.
 *
 * An answer is kept for a day, and emptied when what it tells of is removed: then nothing of that is left, and the
 * request is still not done again.
 */
import { createHash } from 'node:crypto';
import { ReplydError } from '../../base/errors.js';
import type { ApiKey } from '../../conversation/model.js';
import { byId } from '../by-key.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { KeyRow } from '../rows.js';
import { fromJson, type StoreTx, toIso, type Verb } from '../tx.js';
import { slugsOf } from '../views/accounts.js';
import { accountBySlug } from './accounts.js';

const SECRET_BYTES = 24;
const HINT_LENGTH = 10;
/** In place of an answer that is no longer kept. */
const GONE = '';
/** Answers can be long: each may hold a conversation. */
const ANSWERS_AT_ONCE = 50;

export const addKey: Verb<'addKey'> = async (tx, wanted) => {
  const account = wanted.account === null ? null : (await accountBySlug(tx, wanted.account)).key;
  const secret = `rpk_${Buffer.from(tx.random(SECRET_BYTES)).toString('base64url')}`;
  const row = {
    key: tx.key(),
    hint: secret.slice(0, HINT_LENGTH),
    account_key: account,
    name: wanted.name ?? '',
    created_at: tx.now(),
  };
  await tx.insert('api_key', { ...row, hash: hashOf(secret) });
  return { key: await keyView(tx, { ...row, last_used_at: null, revoked_at: null }), secret };
};

export const keys: Verb<'keys'> = async tx =>
  await keyViews(tx, await tx.all<KeyRow>('select * from api_key order by key desc'));

export const verifyKey: Verb<'verifyKey'> = async (tx, secret) => {
  const row = await tx.get<KeyRow>('select * from api_key where hash = $1 and revoked_at is null', hashOf(secret));
  return row ? await keyView(tx, row) : null;
};

export const keyUsed: Verb<'keyUsed'> = async (tx, id) => {
  await tx.update('api_key', keyOf('api_key', id), { last_used_at: tx.now() });
};

export const revokeKey: Verb<'revokeKey'> = async (tx, id) => {
  const key = keyOf('api_key', id);
  await tx.run('update api_key set revoked_at = $1 where key = $2 and revoked_at is null', tx.now(), key);
  const row = await byId(tx, 'api_key', id);
  return keyView(tx, row);
};

/** As which a secret is kept. */
export function hashOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}

async function keyView(tx: StoreTx, row: KeyRow): Promise<ApiKey> {
  return (await keyViews(tx, [row]))[0]!;
}

async function keyViews(tx: StoreTx, rows: readonly KeyRow[]): Promise<readonly ApiKey[]> {
  const slugs = await slugsOf(
    tx,
    rows.map(row => row.account_key).filter(key => key !== null),
  );
  return rows.map(row => ({
    id: encodeId('api_key', row.key),
    account: row.account_key === null ? null : slugs(row.account_key),
    name: row.name,
    hint: row.hint,
    created_at: toIso(row.created_at),
    last_used_at: toIso(row.last_used_at),
    revoked_at: toIso(row.revoked_at),
  }));
}

export interface Request {
  /** Id of a key or of an agent. */
  readonly caller: string;
  readonly name: string;
  /** Hex: what is asked. */
  readonly fingerprint: string;
}

/** Of a key, or of an agent. */
function callerKey(id: string): number {
  return decodeId('agent', id) ?? keyOf('api_key', id);
}

/** Null when nothing is kept; invalid when the name was used for something else. */
export async function keptAnswer(tx: StoreTx, request: Request): Promise<{ value: unknown } | null> {
  const kept = await tx.get<{ fingerprint: Uint8Array; answer: string }>(
    'select fingerprint, answer from idempotency where caller = $1 and name = $2',
    callerKey(request.caller),
    request.name,
  );
  if (!kept) return null;
  if (Buffer.compare(kept.fingerprint, Buffer.from(request.fingerprint, 'hex')) !== 0) {
    throw new ReplydError('idempotency_key_reused', 'this Idempotency-Key was used for another request', {
      details: { reason: 'idempotency_key_reused' },
    });
  }
  if (kept.answer === GONE) {
    throw new ReplydError('removed_since', 'this was done before, and what it was about has been removed since', {
      details: { reason: 'removed' },
    });
  }
  return { value: fromJson(kept.answer) };
}

/** Empties what is kept about this conversation, contact or hook. True when there may be more. */
export async function forgetAnswers(tx: StoreTx, id: string): Promise<boolean> {
  const emptied = await tx.run(
    `update idempotency set answer = '${GONE}', about = null
     where (caller, name) in (select caller, name from idempotency where about = $1 limit ${ANSWERS_AT_ONCE})`,
    id,
  );
  return emptied === ANSWERS_AT_ONCE;
}

/** By what an answer goes: its conversation, else the contact or hook that it is. */
function aboutOf(value: unknown): string | null {
  const one = (Array.isArray(value) ? value[0] : value) as Answer | null | undefined;
  return one?.conversation_id ?? one?.hook?.id ?? one?.id ?? null;
}

interface Answer {
  readonly id?: string;
  readonly conversation_id?: string | null;
  readonly hook?: { readonly id: string };
}

/** The kept answer, or what `run` gives, kept with it in the same transaction. */
export async function runOnce(
  tx: StoreTx,
  request: Request,
  run: () => Promise<unknown>,
): Promise<{ repeated: boolean; value: unknown }> {
  const kept = await keptAnswer(tx, request);
  if (kept) return { repeated: true, ...kept };
  const value = await run();
  await tx.insert('idempotency', {
    caller: callerKey(request.caller),
    name: request.name,
    fingerprint: Buffer.from(request.fingerprint, 'hex'),
    answer: JSON.stringify(value),
    about: aboutOf(value),
    created_at: tx.now(),
  });
  return { repeated: false, value };
}
