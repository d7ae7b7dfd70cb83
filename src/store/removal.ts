/**
 * Removing what a person or an account left. Each verb removes a bounded piece and says whether more is left, so that no
 * transaction is long: the callers of the Store port loop. Rows only; files without a row are cleared away by the daemon.
 */
import type { ConversationRef } from '../conversation/store.js';
import { accountBySlug } from './accounts.js';
import { conversationRow } from './conversations.js';
import { encodeId } from './ids.js';
import { contactRow } from './participants.js';
import type { Session } from './session.js';

/** Rows a transaction may remove before it lets others in. */
const BATCH = 500;

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
      if (
        db.run(
          'delete from contact where key in (select key from contact where account_key = ? limit ?)',
          account.key,
          BATCH,
        ) > 0
      ) {
        return false;
      }
      // What the account itself told, and what went to its hooks, goes a piece at a time too.
      const told = db.run(
        'delete from event where key in (select key from event where account_key = ? limit ?)',
        account.key,
        BATCH,
      );
      if (told > 0) return false;
      for (const hook of db.all<{ key: number }>('select key from hook where account_key = ?', account.key)) {
        db.run('delete from destination where name = ?', encodeId('hook', hook.key));
      }
      db.run('delete from account where key = ?', account.key);
      return true;
    },
  };
}

/** Removes up to a batch of the conversation's messages; the conversation itself with the last of them. */
function removeConversation(session: Session, key: number): boolean {
  const { db } = session;
  const messages = db.all<{ key: number; mail_key: number | null }>(
    'select key, mail_key from message where conversation_key = ? order by seq limit ?',
    key,
    BATCH,
  );
  for (const message of messages) {
    const blobs = db.all<{ blob_key: number }>('select blob_key from attachment where message_key = ?', message.key);
    db.run('delete from message where key = ?', message.key);
    for (const { blob_key } of blobs) removeBlobIfUnused(session, blob_key);
    if (message.mail_key !== null) removeMailIfUnused(session, message.mail_key);
  }
  if (messages.length === BATCH) return false;
  const sent = db.all<{ blob_key: number }>('select blob_key from outgoing_mail where conversation_key = ?', key);
  db.run('delete from delivery where conversation_key = ?', key);
  db.run('delete from outgoing_mail where conversation_key = ?', key);
  for (const { blob_key } of sent) removeBlobIfUnused(session, blob_key);
  db.run('delete from conversation where key = ?', key);
  return true;
}

/** A mail to two conversations goes with the last of them. */
function removeMailIfUnused(session: Session, mailKey: number): void {
  const { db } = session;
  if (db.get('select 1 from message where mail_key = ? limit 1', mailKey)) return;
  const blob = db.value<number>('select blob_key from mail where key = ?', mailKey);
  db.run('delete from mail where key = ?', mailKey);
  if (blob !== undefined) removeBlobIfUnused(session, blob);
}

function removeBlobIfUnused(session: Session, blobKey: number): void {
  session.db.run(
    `delete from blob where key = ?1
       and not exists (select 1 from mail where blob_key = ?1)
       and not exists (select 1 from attachment where blob_key = ?1)
       and not exists (select 1 from outgoing_mail where blob_key = ?1)`,
    blobKey,
  );
}
