/** Contacts and participants: who is in a conversation, under which address, with which token. */

import { ReplydError } from '../../base/errors.js';
import { learnedOf, participantOfAddress, refusalToJoin } from '../../conversation/rules/contact.js';
import { mailOrder } from '../../conversation/rules/delivery.js';
import { importedToken, newToken } from '../../conversation/token.js';
import { foldAddress } from '../../mail/address.js';
import { byId, byKey, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import { inTurn, type StoreTx, type Terms, type Verb } from '../tx.js';
import { contactView, latestContactParticipant } from '../views/views.js';
import { accountBySlug, checkedAddress, mailableAddress } from './accounts.js';
import { emitEvents } from './events.js';
import { UNFINISHED } from './unfinished.js';
import { releaseForAddress, resumeSuspended, suspendWaiting } from './waiting.js';

export const contacts: Verb<'contacts'> = async (tx, filter) => {
  const terms: Terms = [
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
    filter.email === undefined ? null : ['email_key = $', foldAddress(checkedAddress(filter.email))],
    filter.before === undefined ? null : ['key < $', keyOf('contact', filter.before)],
  ];
  const rows = await newest(tx, 'contact', { terms, limit: filter.limit });
  return inTurn(rows, row => contactView(tx, row));
};

export const contact: Verb<'contact'> = async (tx, id) => contactView(tx, await byId(tx, 'contact', id));

export const setContact: Verb<'setContact'> = async (tx, id, change) => {
  const row = await byId(tx, 'contact', id);
  const { name, email, source_id } = change;
  if (email != null) mailableAddress(email);
  if (source_id != null)
    await refuseTaken(tx, row, { column: 'source_id', value: source_id, what: 'this source_id is that' });
  await tx.update('contact', row.key, { name, source_id });
  if (email !== undefined) await changeAddress(tx, row, email);
  if (name !== undefined) {
    await tx.run("update participant set name = $1 where contact_key = $2 and role = 'contact'", name, row.key);
  }
  return contactView(tx, await byId(tx, 'contact', id));
};

export const clearContact: Verb<'clearContact'> = async (tx, id) => {
  const row = await byId(tx, 'contact', id);
  await clearSuspension(tx, row.key);
  return contactView(tx, await byId(tx, 'contact', id));
};

/** The account's contact with this address or source id, made when there is none. */
export async function contactFor(
  tx: StoreTx,
  accountKey: number,
  who: { email?: string | null; name?: string; source_id?: string | null },
): Promise<ContactRow> {
  const email = who.email ? checkedAddress(who.email) : null;
  const bySource = who.source_id
    ? await tx.get<ContactRow>(
        'select * from contact where account_key = $1 and source_id = $2',
        accountKey,
        who.source_id,
      )
    : undefined;
  const byEmail = email
    ? await tx.get<ContactRow>(
        'select * from contact where account_key = $1 and email_key = $2',
        accountKey,
        foldAddress(email),
      )
    : undefined;
  const known = bySource ?? byEmail;
  if (known) {
    const learned = learnedOf(known, { email, name: who.name ?? '', taken: byEmail !== undefined });
    if (learned.email !== undefined) await changeAddress(tx, known, learned.email);
    await tx.update('contact', known.key, { name: learned.name });
    return (await byKey(tx, 'contact', known.key))!;
  }
  const row = {
    key: tx.key(),
    account_key: accountKey,
    email,
    name: who.name ?? '',
    source_id: who.source_id ?? null,
    created_at: tx.now(),
  };
  await tx.insert('contact', { ...row, email_key: email === null ? null : foldAddress(email) });
  return { ...row, suspended_at: null, suspended_reason: null };
}

/** Throws conflict when another contact of the account has it. */
async function refuseTaken(
  tx: StoreTx,
  contact: ContactRow,
  {
    column,
    value,
    what,
  }: { readonly column: 'source_id' | 'email_key'; readonly value: string; readonly what: string },
): Promise<void> {
  const other = await tx.value<number>(
    // The column is one of two words of this file.
    `select key from contact where account_key = $1 and ${column} = $2 and key <> $3`,
    contact.account_key,
    value,
    contact.key,
  );
  if (other === undefined) return;
  const id = encodeId('contact', other);
  throw new ReplydError(
    column === 'source_id' ? 'source_id_taken' : 'address_taken',
    `${what} of another contact, ${id}`,
    { details: { contact_id: id } },
  );
}

/**
 * A new address makes a new participant with a token of his own in each of the contact's conversations; the old
 * participants and their tokens live on. What waited for an address goes now.
 */
async function changeAddress(tx: StoreTx, contact: ContactRow, email: string | null): Promise<void> {
  const address = email === null ? null : checkedAddress(email);
  const folded = address === null ? null : foldAddress(address);
  if (folded !== null)
    await refuseTaken(tx, contact, { column: 'email_key', value: folded, what: `${address} is the address` });
  if (contact.email === address) return;
  await tx.update('contact', contact.key, { email: address, email_key: folded });
  // An address that was never mailed to has not failed yet.
  await clearSuspension(tx, contact.key);
  if (address === null) return;
  const conversations = await tx.all<ConversationRow>('select * from conversation where contact_key = $1', contact.key);
  for (const conversation of conversations) {
    const present = await latestContactParticipant(tx, conversation);
    if (present && participantOfAddress(present) === 'same') {
      await tx.update('participant', present.key, { email: address, email_key: folded });
      await releaseForAddress(tx, present.key, address);
    } else {
      const { key } = await addContact(tx, conversation.key, { ...contact, email: address });
      if (present) {
        await moveWaiting(tx, present.key, { key, address, conversation: conversation.key });
        await releaseForAddress(tx, key, address);
      }
    }
    await emitEvents(tx, conversation, [{ type: 'conversation.updated', data: { changed: ['contact'] } }]);
  }
}

/** What is not yet composed goes to the new address. */
async function moveWaiting(
  tx: StoreTx,
  from: number,
  to: { readonly key: number; readonly address: string; readonly conversation: number },
): Promise<void> {
  await tx.run(
    `update delivery set participant_key = $1, recipient = $2, order_key = $3
     where participant_key = $4 and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null`,
    to.key,
    to.address,
    mailOrder(to.conversation, to.key),
    from,
  );
}

/** A new participant, with a token of his own: a new one, or another system's. */
export async function addParticipant(
  tx: StoreTx,
  who: Omit<ParticipantRow, 'key'>,
  token?: string,
): Promise<ParticipantRow> {
  const row = { key: tx.key(), ...who };
  await tx.insert('participant', {
    ...row,
    email_key: who.email === null ? null : foldAddress(who.email),
    created_at: tx.now(),
  });
  await addToken(tx, row, token);
  return row;
}

/** The contact with this address of his as a participant. */
export async function addContact(
  tx: StoreTx,
  conversationKey: number,
  contact: Pick<ContactRow, 'key' | 'email' | 'name'>,
  token?: string,
): Promise<ParticipantRow> {
  const { key: contact_key, email, name } = contact;
  return addParticipant(tx, { conversation_key: conversationKey, contact_key, email, name, role: 'contact' }, token);
}

/** A living token for the participant: a new one, or another system's. Throws conflict when that one is taken. */
export async function addToken(tx: StoreTx, participant: ParticipantRow, imported?: string): Promise<void> {
  const fresh = imported === undefined ? newToken(tx.random) : null;
  const { token, written } = fresh === null ? importedToken(imported!) : { token: fresh, written: fresh };
  if (fresh === null && (await tx.get('select 1 from token where token = $1', token))) {
    throw new ReplydError('token_taken', 'this token names another participant already');
  }
  await tx.insert('token', {
    token,
    written,
    participant_key: participant.key,
    conversation_key: participant.conversation_key,
    created_at: tx.now(),
  });
}

/** Somebody who writes, or is written to, beside the contact. */
export interface Joining {
  readonly email: string;
  readonly name: string;
}

/** From now on a participant with a token of his own. Throws too_many_participants. */
export async function join(tx: StoreTx, conversationKey: number, who: Joining): Promise<ParticipantRow> {
  const refusal = await refusalToJoinNow(tx, conversationKey);
  if (refusal !== null) throw new ReplydError('too_many_participants', `${who.email} cannot join: ${refusal}`);
  return addJoining(tx, conversationKey, who);
}

/** The writer of a mail joins. Without room he is none, and the evidence says so: his mail counts all the same. */
export async function joinWriter(
  tx: StoreTx,
  conversationKey: number,
  writer: Joining,
): Promise<{ readonly participant: ParticipantRow | null; readonly evidence: readonly string[] }> {
  const refusal = await refusalToJoinNow(tx, conversationKey);
  if (refusal !== null) return { participant: null, evidence: [`did not join: ${refusal}`] };
  return { participant: await addJoining(tx, conversationKey, writer), evidence: [] };
}

function addJoining(tx: StoreTx, conversationKey: number, { email, name }: Joining): Promise<ParticipantRow> {
  return addParticipant(tx, {
    conversation_key: conversationKey,
    contact_key: null,
    email,
    name,
    role: 'participant',
  });
}

async function refusalToJoinNow(tx: StoreTx, conversationKey: number): Promise<string | null> {
  const count = await tx.value<number>('select count(*) from participant where conversation_key = $1', conversationKey);
  return refusalToJoin(count ?? 0);
}

/** The participant with this address; null: nobody, or no address. */
export async function participantByAddress(
  tx: StoreTx,
  conversationKey: number,
  email: string | null | undefined,
): Promise<ParticipantRow | null> {
  if (email == null) return null;
  const found = await tx.get<ParticipantRow>(
    `select key, conversation_key, contact_key, email, name, role from participant
     where conversation_key = $1 and email_key = $2 order by key desc limit 1`,
    conversationKey,
    foldAddress(email),
  );
  return found ?? null;
}

/** Stops mailing to a contact until somebody clears it or he writes again. */
export async function suspendContact(tx: StoreTx, contactKey: number, reason: string): Promise<boolean> {
  const changed = await tx.run(
    'update contact set suspended_at = $1, suspended_reason = $2 where key = $3 and suspended_at is null',
    tx.now(),
    reason,
    contactKey,
  );
  if (changed > 0) await suspendWaiting(tx, contactKey);
  return changed > 0;
}

export async function clearSuspension(tx: StoreTx, contactKey: number): Promise<void> {
  const changed = await tx.run(
    'update contact set suspended_at = null, suspended_reason = null where key = $1 and suspended_at is not null',
    contactKey,
  );
  if (changed > 0) await resumeSuspended(tx, contactKey);
}
