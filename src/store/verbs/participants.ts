/** Contacts and participants: who is in a conversation, under which address, with which token. */

import { ReplydError } from '../../base/errors.js';
import type { Contact } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { importedToken, newToken } from '../../conversation/token.js';
import { foldAddress } from '../../mail/address.js';
import { encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { contactView, latestContactParticipant } from '../views/views.js';
import { accountBySlug, checkedAddress } from './accounts.js';
import { tell } from './events.js';
import { releaseForAddress, resumeSuspended, suspendWaiting } from './outbox.js';
import { UNFINISHED } from './unfinished.js';

export interface ContactOperations {
  contacts(filter: Parameters<Store['contacts']>[0]): readonly Contact[];
  contact(id: string): Contact;
  setContact(id: string, change: { email?: string | null; name?: string; source_id?: string | null }): Contact;
  clearContact(id: string): Contact;
}

export function contactOperations(session: Session): ContactOperations {
  const { db } = session;
  return {
    contacts(filter) {
      const account = filter.account === undefined ? null : accountBySlug(session, filter.account).key;
      return db
        .all<ContactRow>(
          `select * from contact
           where ${account === null ? '?1 is null' : 'account_key = ?1'} and (?2 is null or email_key = ?2) and (?3 is null or key < ?3)
           order by key desc limit ?4`,
          account,
          filter.email === undefined ? null : foldAddress(checkedAddress(filter.email)),
          filter.before === undefined ? null : keyOf('contact', filter.before),
          filter.limit,
        )
        .map(row => contactView(session, row));
    },

    contact: id => contactView(session, contactRow(session, id)),

    setContact(id, change) {
      const row = contactRow(session, id);
      if (change.name !== undefined) db.run('update contact set name = ? where key = ?', change.name, row.key);
      if (change.source_id !== undefined) changeSourceId(session, row, change.source_id);
      if (change.email !== undefined) changeAddress(session, row, change.email);
      if (change.name !== undefined) {
        db.run("update participant set name = ? where contact_key = ? and role = 'contact'", change.name, row.key);
      }
      return contactView(session, contactRow(session, id));
    },

    clearContact(id) {
      const row = contactRow(session, id);
      clearSuspension(session, row.key);
      return contactView(session, contactRow(session, id));
    },
  };
}

export function contactRow(session: Session, id: string): ContactRow {
  const row = session.db.get<ContactRow>('select * from contact where key = ?', keyOf('contact', id));
  if (!row) throw new ReplydError('contact_not_found', `there is no contact ${id}`);
  return row;
}

/** The account's contact with this address or source id, made when there is none. */
export function contactFor(
  session: Session,
  accountKey: number,
  who: { email?: string | null; name?: string; source_id?: string | null },
): ContactRow {
  const { db } = session;
  const email = who.email ? checkedAddress(who.email) : null;
  const bySource = who.source_id
    ? db.get<ContactRow>('select * from contact where account_key = ? and source_id = ?', accountKey, who.source_id)
    : undefined;
  const byEmail = email
    ? db.get<ContactRow>(
        'select * from contact where account_key = ? and email_key = ?',
        accountKey,
        foldAddress(email),
      )
    : undefined;
  const known = bySource ?? byEmail;
  if (known) {
    if (known.email === null && email !== null && !byEmail) changeAddress(session, known, email);
    if (known.name === '' && who.name) db.run('update contact set name = ? where key = ?', who.name, known.key);
    return db.get<ContactRow>('select * from contact where key = ?', known.key)!;
  }
  return db.get<ContactRow>(
    `insert into contact (key, account_key, email, email_key, name, source_id, created_at)
     values (max(?, (select coalesce(max(key), 0) + 1 from contact)), ?, ?, ?, ?, ?, ?) returning *`,
    newKey(session),
    accountKey,
    email,
    email === null ? null : foldAddress(email),
    who.name ?? '',
    who.source_id ?? null,
    session.clock(),
  )!;
}

function changeSourceId(session: Session, contact: ContactRow, sourceId: string | null): void {
  const other = session.db.value<number>(
    'select key from contact where account_key = ? and source_id = ? and key <> ?',
    contact.account_key,
    sourceId,
    contact.key,
  );
  if (other !== undefined) {
    const id = encodeId('contact', other);
    throw new ReplydError('source_id_taken', `this source_id is that of another contact, ${id}`, {
      details: { contact_id: id },
    });
  }
  session.db.run('update contact set source_id = ? where key = ?', sourceId, contact.key);
}

/**
 * A new address makes a new participant with a token of his own in each of the contact's conversations; the old
 * participants and their tokens live on. What waited for an address goes now.
 */
function changeAddress(session: Session, contact: ContactRow, email: string | null): void {
  const { db } = session;
  const address = email === null ? null : checkedAddress(email);
  const folded = address === null ? null : foldAddress(address);
  if (folded !== null) {
    const other = db.get<{ key: number }>(
      'select key from contact where account_key = ? and email_key = ? and key <> ?',
      contact.account_key,
      folded,
      contact.key,
    );
    if (other) {
      throw new ReplydError(
        'address_taken',
        `${address} is the address of another contact, ${encodeId('contact', other.key)}`,
        {
          details: { contact_id: encodeId('contact', other.key) },
        },
      );
    }
  }
  if (contact.email === address) return;
  db.run('update contact set email = ?, email_key = ? where key = ?', address, folded, contact.key);
  // An address that was never mailed to has not failed yet.
  clearSuspension(session, contact.key);
  if (address === null) return;
  const conversations = db.all<ConversationRow>('select * from conversation where contact_key = ?', contact.key);
  for (const conversation of conversations) {
    const present = latestContactParticipant(session, conversation);
    if (present && present.email === null) {
      // He had no address so far: the same person, the same token.
      db.run('update participant set email = ?, email_key = ? where key = ?', address, folded, present.key);
      releaseForAddress(session, present.key, address);
      tell(session, conversation, [{ type: 'conversation.updated', data: { changed: ['contact'] } }]);
      continue;
    }
    const participant = addParticipant(session, conversation.key, {
      contactKey: contact.key,
      email: address,
      name: contact.name,
      role: 'contact',
    });
    if (present) moveWaiting(session, present.key, participant.key, address);
    tell(session, conversation, [{ type: 'conversation.updated', data: { changed: ['contact'] } }]);
  }
}

/** What is not yet composed goes to the new address. */
function moveWaiting(session: Session, from: number, to: number, address: string): void {
  session.db.run(
    `update delivery set participant_key = ?, recipient = ?, order_key = 'mail:' || conversation_key || ':' || ?
     where participant_key = ? and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null`,
    to,
    address,
    to,
    from,
  );
}

export function addParticipant(
  session: Session,
  conversationKey: number,
  who: {
    contactKey: number | null;
    email: string | null;
    name: string;
    role: 'contact' | 'participant';
    token?: string;
  },
): ParticipantRow {
  const { db } = session;
  const row = db.get<ParticipantRow>(
    `insert into participant (key, conversation_key, contact_key, email, email_key, name, role, created_at)
     values (max(?, (select coalesce(max(key), 0) + 1 from participant)), ?, ?, ?, ?, ?, ?, ?) returning *`,
    newKey(session),
    conversationKey,
    who.contactKey,
    who.email,
    who.email === null ? null : foldAddress(who.email),
    who.name,
    who.role,
    session.clock(),
  )!;
  addToken(session, row, who.token);
  return row;
}

/** A living token for the participant: a new one, or another system's. Throws conflict when that one is taken. */
export function addToken(session: Session, participant: ParticipantRow, imported?: string): void {
  const fresh = imported === undefined ? newToken(session.random) : null;
  const { token, written } = fresh === null ? importedToken(imported!) : { token: fresh, written: fresh };
  if (fresh === null && session.db.get('select 1 from token where token = ?', token)) {
    throw new ReplydError('token_taken', 'this token names another participant already');
  }
  session.db.run(
    'insert into token (token, written, participant_key, conversation_key, created_at) values (?, ?, ?, ?, ?)',
    token,
    written,
    participant.key,
    participant.conversation_key,
    session.clock(),
  );
}

/** Somebody who writes, or is written to, beside the contact: from now on a participant with a token of his own. */
export function join(
  session: Session,
  conversationKey: number,
  who: { readonly email: string; readonly name: string },
): ParticipantRow {
  return addParticipant(session, conversationKey, {
    contactKey: null,
    email: who.email,
    name: who.name,
    role: 'participant',
  });
}

/** The participant with this address, if he is one. */
export function participantByAddress(
  session: Session,
  conversationKey: number,
  email: string,
): ParticipantRow | undefined {
  return session.db.get<ParticipantRow>(
    `select key, conversation_key, contact_key, email, name, role from participant
     where conversation_key = ? and email_key = ? order by key desc limit 1`,
    conversationKey,
    foldAddress(email),
  );
}

/** Stops mailing to a contact until somebody clears it or he writes again. */
export function suspendContact(session: Session, contactKey: number, reason: string): boolean {
  const changed = session.db.run(
    'update contact set suspended_at = ?, suspended_reason = ? where key = ? and suspended_at is null',
    session.clock(),
    reason,
    contactKey,
  );
  if (changed > 0) suspendWaiting(session, contactKey);
  return changed > 0;
}

export function clearSuspension(session: Session, contactKey: number): void {
  const changed = session.db.run(
    'update contact set suspended_at = null, suspended_reason = null where key = ? and suspended_at is not null',
    contactKey,
  );
  if (changed > 0) resumeSuspended(session, contactKey);
}
