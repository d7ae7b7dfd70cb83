/**
 * Messages that the search has to look at again: their words changed, or they are gone. Whoever changes them notes it in the
 * same transaction; the index looks at them soon (`search-filling.ts`), and a removal is not done before it has.
 */
import type { LookAgain } from '../search-index.js';
import type { StoreTx } from '../tx.js';

const AGAIN_AT_ONCE = 50;
/** Of a contact who has a new name or address, and of a conversation with a new subject. */
const CONVERSATIONS_AGAIN = 500;
const MESSAGES_AGAIN = 5_000;
/** Messages with these keys changed or go. To be called in the transaction in which they do. */
export async function lookAgain(tx: StoreTx, keys: readonly number[]): Promise<void> {
  for (const key of keys) {
    await tx.run(
      `insert into search_again (message_key, at) values ($1, $2)
       on conflict (message_key) do update set at = excluded.at`,
      key,
      tx.key(),
    );
  }
}

/** The newest messages of these conversations. */
export async function lookAgainIn(tx: StoreTx, conversationKeys: readonly number[]): Promise<void> {
  await tx.run(
    `insert into search_again (message_key, at)
       select key, $2 from message where conversation_key = any($1) order by key desc limit ${MESSAGES_AGAIN}
     on conflict (message_key) do update set at = excluded.at`,
    conversationKeys,
    tx.key(),
  );
}

export async function lookAgainAtContact(tx: StoreTx, contactKey: number): Promise<void> {
  const conversations = await tx.all<{ key: number }>(
    `select key from conversation where contact_key = $1 order by last_activity_at desc limit ${CONVERSATIONS_AGAIN}`,
    contactKey,
  );
  await lookAgainIn(
    tx,
    conversations.map(each => each.key),
  );
}

export async function toLookAtAgain(
  tx: StoreTx,
): Promise<{ readonly rows: readonly LookAgain[]; readonly more: boolean }> {
  const rows = await tx.all<LookAgain>(
    `select message_key, at from search_again order by message_key limit ${AGAIN_AT_ONCE}`,
  );
  return { rows, more: rows.length === AGAIN_AT_ONCE };
}

/** The index has looked at them. What changed since stays. */
export async function lookedAgain(tx: StoreTx, rows: readonly LookAgain[]): Promise<void> {
  for (const { message_key, at } of rows)
    await tx.run('delete from search_again where message_key = $1 and at = $2', message_key, at);
}
