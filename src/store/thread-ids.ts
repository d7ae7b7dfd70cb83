/**
 * Ids that name a conversation: our own (in Message-ID and References of what we sent), those of a conversation that was
 * imported with its UUID as token, Message-IDs that came in, and aliases that a smarthost gave our mails. Kept as 48-bit hashes: a collision only adds a candidate, and every candidate
 * is checked against the account.
 */
import { createHash } from 'node:crypto';
import { normalizeToken } from '../mail/address.js';
import { decodeId } from './ids.js';
import type { ConversationRow } from './rows.js';
import type { Session } from './session.js';

/** The conversation that an id (no brackets) names within an account: our own ids, then those seen or reported. */
export function conversationOfId(session: Session, accountKey: number, id: string): ConversationRow | undefined {
  const { db } = session;
  const local = id.slice(0, id.lastIndexOf('@'));
  const own = decodeId('conversation', local);
  const mail = decodeId('mail', local);
  const imported = importedUuid(local);
  const key =
    own ??
    (mail !== null
      ? (db.value<number>('select conversation_key from outgoing_mail where key = ?', mail) ?? null)
      : imported !== null
        ? // A revoked token keeps its place in the thread: here it proves nothing, it only names.
          (db.value<number>('select conversation_key from token where token = ?', imported) ?? null)
        : null);
  const found = (candidate: number) =>
    db.get<ConversationRow>(
      'select * from conversation where key = ? and account_key = ? and removing_at is null',
      candidate,
      accountKey,
    );
  const direct = key === null ? undefined : found(key);
  if (direct) return direct;
  const rows = db.all<{ conversation_key: number }>(
    'select conversation_key from thread_id where hash = ?',
    idHash(id),
  );
  return rows.map(row => found(row.conversation_key)).find(row => row !== undefined);
}

/** What Chatwoot writes into Message-ID and References (before the @), as a token; null for any other id. */
const CHATWOOT = /^(?:account\/\d{1,20}\/)?conversation\/([0-9a-f-]{36})(?:\/messages\/\d{1,20})?$/i;

function importedUuid(local: string): string | null {
  const uuid = CHATWOOT.exec(local)?.[1];
  return uuid === undefined ? null : normalizeToken(uuid);
}

export function idHash(id: string): number {
  return createHash('sha256').update(id).digest().readUIntBE(0, 6);
}

export function rememberId(session: Session, conversationKey: number, id: string): void {
  session.db.run('insert or ignore into thread_id (hash, conversation_key) values (?, ?)', idHash(id), conversationKey);
}
