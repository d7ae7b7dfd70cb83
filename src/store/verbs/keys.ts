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
import { encodeId, keyOf } from '../ids.js';
import { fromJson, newKey, type Session, toIso } from '../session.js';
import { slugOf } from '../views/views.js';
import { accountBySlug } from './accounts.js';

interface KeyRow {
  key: number;
  hint: string;
  account_key: number | null;
  name: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface KeyOperations {
  addKey(key: { account: string | null; name?: string }): { key: ApiKey; secret: string };
  keys(): readonly ApiKey[];
  verifyKey(secret: string): ApiKey | null;
  keyUsed(id: string): void;
  revokeKey(id: string): ApiKey;
}

const SECRET_BYTES = 24;
const HINT_LENGTH = 10;
/** In place of an answer that is no longer kept. */
const GONE = '';
/** Answers can be long: each may hold a conversation. */
const ANSWERS_AT_ONCE = 50;

export function keyOperations(session: Session): KeyOperations {
  const { db } = session;
  return {
    addKey(wanted) {
      const account = wanted.account === null ? null : accountBySlug(session, wanted.account).key;
      const secret = `rpk_${Buffer.from(session.random(SECRET_BYTES)).toString('base64url')}`;
      const row = db.get<KeyRow>(
        `insert into api_key (key, hash, hint, account_key, name, created_at)
         values (max(?, (select coalesce(max(key), 0) + 1 from api_key)), ?, ?, ?, ?, ?) returning *`,
        newKey(session),
        hashOf(secret),
        secret.slice(0, HINT_LENGTH),
        account,
        wanted.name ?? '',
        session.clock(),
      )!;
      return { key: keyView(session, row), secret };
    },

    keys: () => db.all<KeyRow>('select * from api_key order by key desc').map(row => keyView(session, row)),

    verifyKey(secret) {
      const row = db.get<KeyRow>('select * from api_key where hash = ? and revoked_at is null', hashOf(secret));
      return row ? keyView(session, row) : null;
    },

    keyUsed(id) {
      db.run('update api_key set last_used_at = ? where key = ?', session.clock(), keyOf('api_key', id));
    },

    revokeKey(id) {
      const key = keyOf('api_key', id);
      db.run('update api_key set revoked_at = ? where key = ? and revoked_at is null', session.clock(), key);
      const row = db.get<KeyRow>('select * from api_key where key = ?', key);
      if (!row) throw new ReplydError('api_key_not_found', `there is no key ${id}`);
      return keyView(session, row);
    },
  };
}

function hashOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}

function keyView(session: Session, row: KeyRow): ApiKey {
  return {
    id: encodeId('api_key', row.key),
    account: row.account_key === null ? null : slugOf(session, row.account_key),
    name: row.name,
    hint: row.hint,
    created_at: toIso(row.created_at),
    last_used_at: toIso(row.last_used_at),
    revoked_at: toIso(row.revoked_at),
  };
}

interface Request {
  readonly caller: string;
  readonly name: string;
  /** Hex: what is asked. */
  readonly fingerprint: string;
}

/** Null when nothing is kept; invalid when the name was used for something else. */
export function keptAnswer(session: Session, request: Request): { value: unknown } | null {
  const kept = session.db.get<{ fingerprint: Uint8Array; answer: string }>(
    'select fingerprint, answer from idempotency where caller = ? and name = ?',
    keyOf('api_key', request.caller),
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
export function forgetAnswers(session: Session, id: string): boolean {
  const emptied = session.db.run(
    `update idempotency set answer = '${GONE}', about = null
     where (caller, name) in (select caller, name from idempotency where about = ? limit ${ANSWERS_AT_ONCE})`,
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
export function once(session: Session, request: Request, run: () => unknown): { repeated: boolean; value: unknown } {
  const kept = keptAnswer(session, request);
  if (kept) return { repeated: true, ...kept };
  const value = run();
  session.db.run(
    'insert into idempotency (caller, name, fingerprint, answer, about, created_at) values (?, ?, ?, ?, ?, ?)',
    keyOf('api_key', request.caller),
    request.name,
    Buffer.from(request.fingerprint, 'hex'),
    JSON.stringify(value),
    aboutOf(value),
    session.clock(),
  );
  return { repeated: false, value };
}
