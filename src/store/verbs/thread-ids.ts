/**
 * Ids that name a conversation: our own (in Message-ID and References of what we sent), those of a conversation that was
 * imported with its UUID as token, Message-IDs that came in, and aliases that a smarthost gave our mails. Kept as 48-bit hashes: a collision only adds a candidate, and every candidate
 * is checked against the account. What is remembered of a message goes with it (`forgetIds`), the rest by its conversation.
 */
import { hash } from 'node:crypto';
import { normalizeToken } from '../../mail/address.js';
import { decodeId } from '../ids.js';
import type { ConversationRow } from '../rows.js';
import { inTurn, type StoreTx } from '../tx.js';

/** The conversation that an id (no brackets) names within an account: our own ids, then those seen or reported. */
export async function conversationOfId(
  tx: StoreTx,
  accountKey: number,
  id: string,
): Promise<ConversationRow | undefined> {
  const local = id.slice(0, id.lastIndexOf('@'));
  const own = decodeId('conversation', local);
  const mail = decodeId('mail', local);
  const imported = importedUuid(local);
  const key =
    own ??
    (mail !== null
      ? ((await tx.value<number>('select conversation_key from outgoing_mail where key = $1', mail)) ?? null)
      : imported !== null
        ? // A revoked token keeps its place in the thread: here it proves nothing, it only names.
          ((await tx.value<number>('select conversation_key from token where token = $1', imported)) ?? null)
        : null);
  const found = async (candidate: number) =>
    await tx.get<ConversationRow>(
      'select * from conversation where key = $1 and account_key = $2 and removing_at is null',
      candidate,
      accountKey,
    );
  const direct = key === null ? undefined : await found(key);
  if (direct) return direct;
  const rows = await tx.all<{ conversation_key: number }>(
    'select conversation_key from thread_id where hash = $1',
    idHash(id),
  );
  return (await inTurn(rows, row => found(row.conversation_key))).find(row => row !== undefined);
}

/** What Chatwoot writes into Message-ID and References (before the @), as a token; null for any other id. */
const CHATWOOT = /^(?:account\/\d{1,20}\/)?conversation\/([0-9a-f-]{36})(?:\/messages\/\d{1,20})?$/i;

function importedUuid(local: string): string | null {
  const uuid = CHATWOOT.exec(local)?.[1];
  return uuid === undefined ? null : normalizeToken(uuid);
}

export function idHash(id: string): number {
  return Number.parseInt(hash('sha256', id).slice(0, 12), 16);
}

/**
 * For a mail without a Message-ID: made from its content (hex), so that it is the same each time it comes. A message
 * shows it with a domain of its account; it is remembered without.
 */
export function madeId(contentKey: string, domain: string | null = null): string {
  return `${contentKey.slice(0, 2 * CONTENT_KEY_BYTES)}@${domain ?? 'without-message-id.invalid'}`;
}

/** So much of a content key is kept with its message. */
export const CONTENT_KEY_BYTES = 16;

/** Of a message that has this Message-ID, or `madeId` of its content: `forgetIds` finds it from there. */
export async function rememberId(tx: StoreTx, conversationKey: number, id: string): Promise<void> {
  await remember(tx, conversationKey, id, { ofMessage: true });
}

/** What others call a mail of ours. */
export async function rememberAlias(tx: StoreTx, conversationKey: number, id: string): Promise<void> {
  await remember(tx, conversationKey, id, { ofMessage: false });
}

async function remember(
  tx: StoreTx,
  conversationKey: number,
  id: string,
  as: { readonly ofMessage: boolean },
): Promise<void> {
  await tx.insert(
    'thread_id',
    { hash: idHash(id), conversation_key: conversationKey, of_message: as.ofMessage ? 1 : 0 },
    { known: 'kept' },
  );
}

/** Of a conversation that is being removed: with one of its messages, what was remembered of it. */
export async function forgetIds(
  tx: StoreTx,
  conversationKey: number,
  message: { readonly message_id: string | null; readonly content_key: Uint8Array | null },
): Promise<void> {
  const ids = message.message_id === null ? [] : [message.message_id];
  // Both: a mail that could not be read at first got its own id later.
  if (message.content_key !== null) ids.push(madeId(Buffer.from(message.content_key).toString('hex')));
  for (const id of ids) {
    await tx.run('delete from thread_id where hash = $1 and conversation_key = $2', idHash(id), conversationKey);
  }
}

/** Up to `most` of those that no message has. Returns how many there were. */
export async function forgetAliases(tx: StoreTx, conversationKey: number, most: number): Promise<number> {
  return tx.run(
    `delete from thread_id where (hash, conversation_key) in (
       select hash, conversation_key from thread_id where conversation_key = $1 and of_message = 0 limit $2)`,
    conversationKey,
    most,
  );
}
