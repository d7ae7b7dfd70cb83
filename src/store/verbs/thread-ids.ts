/**
 * Ids that name a conversation: our own (in Message-ID and References of what we sent), those of a conversation that was
 * imported with its UUID as token, Message-IDs that came in, and aliases that a smarthost gave our mails. Kept as 48-bit hashes: a collision only adds a candidate, and every candidate
 * is checked against the account. What is remembered of a message goes with it (`forgetIds`), the rest by its conversation.
 */
import { hash } from 'node:crypto';
import { normalizeToken } from '../../mail/address.js';
import { decodeId } from '../ids.js';
import type { ConversationRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

/** The conversation that an id (no brackets) names within an account: our own ids, then those seen or reported. */
export async function conversationOfId(
  tx: StoreTx,
  accountKey: number,
  id: string,
): Promise<ConversationRow | undefined> {
  return (await conversationOfIds(tx, accountKey, [id]))?.conversation;
}

/** The first of the ids that names one. As many statements for all of them as for one, four at most. */
export async function conversationOfIds(
  tx: StoreTx,
  accountKey: number,
  ids: readonly string[],
): Promise<{ readonly id: string; readonly conversation: ConversationRow } | undefined> {
  const named = ids.map(id => {
    const local = id.slice(0, id.lastIndexOf('@'));
    const conversation = decodeId('conversation', local);
    const mail = conversation === null ? decodeId('mail', local) : null;
    return { id, hash: idHash(id), conversation, mail, token: mail === null ? importedUuid(local) : null };
  });
  const mails = await conversationsBy<number>(
    tx,
    'select key as name, conversation_key from outgoing_mail where key = any($1)',
    named.flatMap(({ mail }) => mail ?? []),
  );
  // A revoked token keeps its place in the thread: here it proves nothing, it only names.
  const tokens = await conversationsBy<string>(
    tx,
    'select token as name, conversation_key from token where token = any($1)',
    named.flatMap(({ token }) => token ?? []),
  );
  const seen = await conversationsBy<number>(
    tx,
    'select hash as name, conversation_key from thread_id where hash = any($1) order by hash, conversation_key',
    named.map(({ hash }) => hash),
  );
  const candidates = named.map(({ id, hash, conversation, mail, token }) => ({
    id,
    keys: [conversation, ...mails(mail), ...tokens(token), ...seen(hash)].filter(key => key !== null),
  }));
  const keys = new Set(candidates.flatMap(each => each.keys));
  if (keys.size === 0) return undefined;
  const rows = await tx.all<ConversationRow>(
    'select * from conversation where key = any($1) and account_key = $2 and removing_at is null',
    [...keys],
    accountKey,
  );
  const found = new Map(rows.map(row => [row.key, row]));
  for (const { id, keys: own } of candidates) {
    const key = own.find(each => found.has(each));
    if (key !== undefined) return { id, conversation: found.get(key)! };
  }
  return undefined;
}

/** The conversations that each of these names, in the order of the statement; none is asked for no name. */
async function conversationsBy<Name extends string | number>(
  tx: StoreTx,
  text: string,
  names: readonly Name[],
): Promise<(name: Name | null) => readonly number[]> {
  if (names.length === 0) return () => [];
  const rows = await tx.all<{ name: Name; conversation_key: number | null }>(text, names);
  return name => rows.filter(row => row.name === name).flatMap(row => row.conversation_key ?? []);
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
  await rememberIds(tx, conversationKey, { ofMessage: id, aliases: [] });
}

/** What others call a mail of ours. */
export async function rememberAlias(tx: StoreTx, conversationKey: number, id: string): Promise<void> {
  await rememberIds(tx, conversationKey, { ofMessage: null, aliases: [id] });
}

/** Both. An id that is known keeps its place. */
export async function rememberIds(
  tx: StoreTx,
  conversationKey: number,
  { ofMessage, aliases }: { readonly ofMessage: string | null; readonly aliases: readonly string[] },
): Promise<void> {
  const row = (id: string, of_message: 0 | 1) => ({ hash: idHash(id), conversation_key: conversationKey, of_message });
  await tx.insertAll(
    'thread_id',
    [...(ofMessage === null ? [] : [row(ofMessage, 1)]), ...aliases.map(alias => row(alias, 0))],
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
