/**
 * Removing what a person or an account left. Each verb removes a bounded piece and says whether nothing is left, so that
 * no transaction is long: the callers of the Store port loop. Rows, overwritten as they go (`secure_delete`), and the
 * copies in `sent/`; blobs without a row are cleared away by the daemon.
 *
 * The first piece of a conversation revokes its tokens and marks it: from then on nothing comes in for it. When the one
 * who removes is cut off, the daemon finishes what is marked (`retention.ts`). An account or contact whose removal is cut
 * off has fewer conversations, each whole; removing it again goes on.
 *
 * What stays: mails that stand in somebody else's conversation too, without the removed one's address in their envelope;
 * participants and words in other people's conversations.
 */
import type { ConversationRef } from '../../conversation/store.js';
import { removeDeliveries } from '../blobs/sent.js';
import { encodeId } from '../ids.js';
import type { StoredResult } from '../rows.js';
import { fromJson, type Session } from '../session.js';
import { accountBySlug } from './accounts.js';
import { conversationRow } from './conversations.js';
import { forgetAnswers } from './keys.js';
import { contactRow } from './participants.js';
import { forgetAliases, forgetIds } from './thread-ids.js';

/** Rows a transaction may remove before it lets others in. */
const BATCH = 500;
/** Bytes it may: what stood in rows is overwritten, so each is written once more. */
export const BYTES_AT_ONCE = 4 * 1024 * 1024;

export interface RemovalOperations {
  /** True when nothing is left and the conversation is gone. */
  removeConversationPart(ref: ConversationRef): boolean;
  removeContactPart(id: string): boolean;
  removeAccountPart(slug: string): boolean;
}

export function removalOperations(session: Session): RemovalOperations {
  const { db } = session;
  return {
    removeConversationPart: ref => removeConversation(session, conversationRow(session, ref).key),

    removeContactPart(id) {
      const contact = contactRow(session, id);
      const conversation = db.value<number>('select key from conversation where contact_key = ? limit 1', contact.key);
      if (conversation !== undefined) {
        removeConversation(session, conversation);
        return false;
      }
      if (forgetAnswers(session, id)) return false;
      db.run('update participant set contact_key = null where contact_key = ?', contact.key);
      db.run('delete from contact where key = ?', contact.key);
      return true;
    },

    removeAccountPart(slug) {
      const account = accountBySlug(session, slug);
      const conversation = db.value<number>('select key from conversation where account_key = ? limit 1', account.key);
      if (conversation !== undefined) {
        removeConversation(session, conversation);
        return false;
      }
      // What the account itself told goes a piece at a time too, with what went to its hooks.
      if (removeContacts(session, account.key) > 0) return false;
      if (removeEvents(session, 'account_key = ?', account.key) > 0) return false;
      if (removeDeliveries(session, 'account_key', { value: account.key, most: BATCH }) > 0) return false;
      const answers = db.run(
        `delete from idempotency where (caller, name) in (
           select caller, name from idempotency where caller in (select key from api_key where account_key = ?) limit ?)`,
        account.key,
        BATCH,
      );
      if (answers > 0) return false;
      for (const hook of db.all<{ key: number }>('select key from hook where account_key = ?', account.key)) {
        if (forgetAnswers(session, encodeId('hook', hook.key))) return false;
        db.run('delete from destination where name = ?', encodeId('hook', hook.key));
      }
      db.run('delete from account where key = ?', account.key);
      return true;
    },
  };
}

/** Those of an account, with what an operator's key was told of them. */
function removeContacts(session: Session, accountKey: number): number {
  const { db } = session;
  const contacts = db.all<{ key: number }>('select key from contact where account_key = ? limit ?', accountKey, BATCH);
  for (const { key } of contacts) {
    if (!forgetAnswers(session, encodeId('contact', key))) db.run('delete from contact where key = ?', key);
  }
  return contacts.length;
}

type EventsOf = 'account_key = ?' | 'conversation_key = ? and message_key is null' | 'message_key = ?';

/** Up to a batch. */
function removeEvents(session: Session, of: EventsOf, key: number): number {
  return session.db.run(`delete from event where key in (select key from event where ${of} limit ?)`, key, BATCH);
}

/** Removes up to a batch of rows; the conversation itself with the last of them. True when it is gone. */
export function removeConversation(session: Session, key: number): boolean {
  const { db } = session;
  if (db.value('select removing_at from conversation where key = ?', key) === null) {
    db.run('update conversation set removing_at = ? where key = ?', session.clock(), key);
    db.run('delete from token where participant_key in (select key from participant where conversation_key = ?)', key);
  }
  // In this order nothing refers to what goes first.
  if (removeEvents(session, 'conversation_key = ? and message_key is null', key) === BATCH) return false;
  if (removeDeliveries(session, 'conversation_key', { value: key, most: BATCH }) === BATCH) return false;
  if (removeMessages(session, key) === BATCH) return false;
  const sent = db.all<{ key: number; blob_key: number }>(
    'select key, blob_key from outgoing_mail where conversation_key = ? limit ?',
    key,
    BATCH,
  );
  let bytes = 0;
  for (const mail of sent) {
    if (bytes > BYTES_AT_ONCE) return false;
    db.run('delete from outgoing_mail where key = ?', mail.key);
    bytes += removeBlobIfUnused(session, mail.blob_key);
  }
  if (sent.length === BATCH) return false;
  if (forgetAliases(session, key, BATCH) === BATCH) return false;
  if (forgetAnswers(session, encodeId('conversation', key))) return false;
  db.run('delete from conversation where key = ?', key);
  return true;
}

function removeMessages(session: Session, conversationKey: number): number {
  const { db } = session;
  const messages = db.all<{
    key: number;
    mail_key: number | null;
    message_id: string | null;
    content_key: Uint8Array | null;
  }>(
    'select key, mail_key, message_id, content_key from message where conversation_key = ? order by seq limit ?',
    conversationKey,
    BATCH,
  );
  let bytes = 0;
  let events = 0;
  for (const message of messages) {
    events += removeEvents(session, 'message_key = ?', message.key);
    if (bytes > BYTES_AT_ONCE || events >= BATCH) return BATCH;
    forgetIds(session, conversationKey, message);
    const blobs = db.all<{ blob_key: number }>('select blob_key from attachment where message_key = ?', message.key);
    db.run('delete from message where key = ?', message.key);
    for (const { blob_key } of blobs) bytes += removeBlobIfUnused(session, blob_key);
    if (message.mail_key !== null) bytes += leaveMail(session, message.mail_key, message.key);
  }
  return messages.length;
}

/** A mail to two conversations goes with the last of them; until then it forgets by which address it came to the first. */
function leaveMail(session: Session, mailKey: number, messageKey: number): number {
  const { db } = session;
  if (!db.get('select 1 from message where mail_key = ? limit 1', mailKey)) {
    return removeMail(session, mailKey);
  }
  const mail = db.get<{ rcpt_to: string; results: string }>(
    'select rcpt_to, results from mail where key = ?',
    mailKey,
  )!;
  const results = fromJson<readonly StoredResult[]>(mail.results);
  const removed = results.filter(result => result.message === messageKey).map(result => result.recipient);
  const forget = (address: string) => (removed.includes(address) ? 'removed' : address);
  db.run(
    'update mail set rcpt_to = ?, results = ? where key = ?',
    JSON.stringify(fromJson<readonly string[]>(mail.rcpt_to).map(forget)),
    JSON.stringify(
      results.map(result =>
        result.message === messageKey ? { ...result, recipient: 'removed', message: null, account: null } : result,
      ),
    ),
    mailKey,
  );
  return 0;
}

/** The mail and its bytes. No message may name it any more. Returns how many bytes of rows went. */
export function removeMail(session: Session, mailKey: number): number {
  const { db } = session;
  const blob = db.value<number>('select blob_key from mail where key = ?', mailKey);
  // Its copy to the operator belongs to no conversation; the delivery goes with the mail.
  const copies = db.all<{ key: number; blob_key: number }>(
    `select o.key, o.blob_key from delivery d join outgoing_mail o on o.key = d.outgoing_mail_key
     where d.forwarded_mail_key = ?`,
    mailKey,
  );
  db.run('delete from mail where key = ?', mailKey);
  let bytes = blob === undefined ? 0 : removeBlobIfUnused(session, blob);
  for (const copy of copies) {
    db.run('delete from outgoing_mail where key = ?', copy.key);
    bytes += removeBlobIfUnused(session, copy.blob_key);
  }
  return bytes;
}

/** Returns how many bytes of rows went; those in a file are the clearing's. */
export function removeBlobIfUnused(session: Session, blobKey: number): number {
  return (
    session.db.value<number>(
      `delete from blob where key = ?1
         and not exists (select 1 from mail where blob_key = ?1)
         and not exists (select 1 from attachment where blob_key = ?1)
         and not exists (select 1 from outgoing_mail where blob_key = ?1)
       returning coalesce(length(data), 0)`,
      blobKey,
    ) ?? 0
  );
}
