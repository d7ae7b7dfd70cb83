/** Contacts and participants: who is in a conversation, under which address, with which token. */

import { ReplydError } from '../../base/errors.js';
import { participantOfAddress, refusalToJoin } from '../../conversation/rules/contact.js';
import { mailOrder } from '../../conversation/rules/delivery.js';
import { importedToken, newToken } from '../../conversation/token.js';
import { foldAddress } from '../../mail/address.js';
import { byId, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { AccountRow, ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import type { StoreTx, Terms, Verb } from '../tx.js';
import { contactView, contactViews, latestContactParticipant } from '../views/conversations.js';
import { accountBySlug, checkedAddress, mailableAddress } from './accounts.js';
import { emitEvents } from './events.js';
import { lookAgainAtContact } from './search-again.js';
import { UNFINISHED } from './unfinished.js';
import { releaseForAddress, resumeSuspended, suspendWaiting } from './waiting.js';

export const contacts: Verb<'contacts'> = async (tx, filter) => {
  const terms: Terms = [
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
    filter.email === undefined ? null : ['email_key = $', foldAddress(checkedAddress(filter.email))],
    filter.source_id === undefined ? null : ['source_id = $', filter.source_id],
    filter.before === undefined ? null : ['key < $', keyOf('contact', filter.before)],
  ];
  const rows = await newest(tx, 'contact', { terms, limit: filter.limit });
  return contactViews(tx, rows);
};

export const contact: Verb<'contact'> = async (tx, id) => contactView(tx, await byId(tx, 'contact', id));

export const conversationsOf: Verb<'conversationsOf'> = async (tx, contactId, { after, limit }) => {
  const { key } = await byId(tx, 'contact', contactId);
  const rows = await tx.all<{ key: number }>(
    // His own first: a walk through all by key would be long where he has few.
    `with his as materialized (select key from conversation where contact_key = $1 and removing_at is null)
     select key from his where key > $2 order by key limit $3`,
    key,
    after === null ? -1 : keyOf('conversation', after),
    limit,
  );
  return rows.map(row => encodeId('conversation', row.key));
};

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
  if (name !== undefined || email !== undefined) await lookAgainAtContact(tx, row.key);
  return contactView(tx, await byId(tx, 'contact', id));
};

export const clearContact: Verb<'clearContact'> = async (tx, id) => {
  const row = await byId(tx, 'contact', id);
  await clearSuspension(tx, row.key);
  return contactView(tx, await byId(tx, 'contact', id));
};

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

/** In so many conversations of his, the latest, a contact has a new address at once. */
const CONVERSATIONS_AT_ONCE = 500;
const LATEST = 'select * from conversation where contact_key = $1 order by last_activity_at desc, key desc limit $2';

/** Keys of the conversations that a new address, or an end of mailing to him, touches: his latest, and where something waits. */
export async function conversationsOfContact(tx: StoreTx, contactKey: number): Promise<readonly number[]> {
  const latest = await tx.all<ConversationRow>(LATEST, contactKey, CONVERSATIONS_AT_ONCE);
  const waiting = await tx.all<{ key: number }>(
    `select distinct conversation_key as key from delivery
     where participant_key in (select key from participant where contact_key = $1) and ${UNFINISHED}`,
    contactKey,
  );
  return [...new Set([...latest, ...waiting].map(row => row.key))];
}

/** What waits for him in all his conversations changes with him: nobody writes there meanwhile. */
async function lockContact(tx: StoreTx, contactKey: number): Promise<void> {
  await tx.lock('account', async () => {
    const key = await tx.value<number>('select account_key from contact where key = $1', contactKey);
    return key === undefined ? [] : [key];
  });
  await tx.lock('conversation', () => conversationsOfContact(tx, contactKey));
}

/** In conversations beyond CONVERSATIONS_AT_ONCE he has the new address when something is said there (`presentContact`). */
export async function changeAddress(tx: StoreTx, contact: ContactRow, email: string | null): Promise<void> {
  const address = email === null ? null : checkedAddress(email);
  const folded = address === null ? null : foldAddress(address);
  if (folded !== null)
    await refuseTaken(tx, contact, { column: 'email_key', value: folded, what: `${address} is the address` });
  if (contact.email === address) return;
  await tx.update('contact', contact.key, { email: address, email_key: folded });
  // An address that was never mailed to has not failed yet.
  await clearSuspension(tx, contact.key);
  if (address === null) return;
  const conversations = await tx.all<ConversationRow>(LATEST, contact.key, CONVERSATIONS_AT_ONCE);
  await tx.lock(
    'conversation',
    conversations.map(each => each.key),
  );
  for (const conversation of conversations) await useAddress(tx, conversation, { ...contact, email: address });
}

/** Who is written to in a conversation, and for which account. */
export interface Correspondent {
  /** The contact as a participant, under the address that he has now. */
  readonly contact: ParticipantRow;
  /** Mailing to the contact is suspended. */
  readonly isSuspended: boolean;
  readonly account: Pick<AccountRow, 'support_email' | 'settings' | 'agent_mail' | 'inbound_emails'>;
  /** How many others get the answers. */
  readonly carried: number;
}

type CorrespondentRow = ParticipantRow &
  Correspondent['account'] & {
    readonly contact_email: string | null;
    readonly contact_name: string;
    readonly suspended_at: number | null;
    readonly carried: number;
  };

/** One statement, unless the contact has a new address since he was written to. */
export async function presentContact(tx: StoreTx, conversation: ConversationRow): Promise<Correspondent> {
  const row = (await tx.get<CorrespondentRow>(
    `select p.key, p.conversation_key, p.contact_key, p.email, p.name, p.role, k.email as contact_email,
       k.name as contact_name, k.suspended_at, a.support_email, a.settings, a.agent_mail, a.inbound_emails,
       (select count(*) from cc where conversation_key = c.key and state = 'carried') as carried
     from conversation c join account a on a.key = c.account_key join contact k on k.key = c.contact_key
       join participant p on p.key = (
         select key from participant where conversation_key = c.key and role = 'contact' order by key desc limit 1)
     where c.key = $1`,
    conversation.key,
  ))!;
  const { contact_email, contact_name, suspended_at, carried, ...others } = row;
  const { support_email, settings, agent_mail, inbound_emails, ...contact } = others;
  const account = { support_email, settings, agent_mail, inbound_emails };
  const found = { isSuspended: suspended_at !== null, account, carried };
  if (contact_email === null || contact_email === contact.email) return { ...found, contact };
  await useAddress(tx, conversation, { key: conversation.contact_key, name: contact_name, email: contact_email });
  return { ...found, contact: (await latestContactParticipant(tx, conversation))! };
}

/**
 * A new address makes a new participant with a token of his own; the old one and his tokens live on. What waited for an
 * address goes now. In a conversation that is full, the contact's participant has the new address from now on: what is
 * written to him always goes there.
 */
async function useAddress(
  tx: StoreTx,
  conversation: ConversationRow,
  contact: Pick<ContactRow, 'key' | 'name'> & { readonly email: string },
): Promise<void> {
  const address = contact.email;
  const present = await latestContactParticipant(tx, conversation);
  const added =
    present && participantOfAddress(present) === 'same' ? null : await addContact(tx, conversation.key, contact);
  // Without room for one more the address takes the place of the old one.
  if (added?.kind !== 'joined' && present)
    await tx.update('participant', present.key, { email: address, email_key: foldAddress(address) });
  const key = added?.kind === 'joined' ? added.participant.key : present?.key;
  if (present && key !== undefined) {
    await moveWaiting(tx, present.key, { key, address, conversation: conversation.key });
    await releaseForAddress(tx, key, address);
  }
  await emitEvents(tx, conversation, [{ type: 'conversation.updated', data: { changed: ['contact'] } }]);
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

/** `full`: the conversation has as many participants as it may have, and `reason` says so in words. */
export type Joined =
  | { readonly kind: 'joined'; readonly participant: ParticipantRow }
  | { readonly kind: 'full'; readonly reason: string };

/** `token`: another system's. `participants`: so many there are already. */
export interface KnownBefore {
  readonly token?: string | undefined;
  readonly participants?: number;
}

/** The one way to a new participant, with a token of his own: a new one, or another system's. Holds their bound. */
async function addParticipant(
  tx: StoreTx,
  who: Omit<ParticipantRow, 'key'>,
  { token, participants }: KnownBefore = {},
): Promise<Joined> {
  const count =
    participants ??
    (await tx.value<number>('select count(*) from participant where conversation_key = $1', who.conversation_key));
  const reason = refusalToJoin(count ?? 0);
  if (reason !== null) return { kind: 'full', reason };
  const participant = { key: tx.key(), ...who };
  await tx.insert('participant', {
    ...participant,
    email_key: who.email === null ? null : foldAddress(who.email),
    created_at: tx.now(),
  });
  await addToken(tx, participant, token);
  return { kind: 'joined', participant };
}

/** Throws too_many_participants. */
export function joinedOf(joined: Joined, email: string | null): ParticipantRow {
  if (joined.kind === 'joined') return joined.participant;
  throw new ReplydError('too_many_participants', `${email ?? 'the contact'} cannot join: ${joined.reason}`);
}

/** The contact with this address of his as a participant. */
export async function addContact(
  tx: StoreTx,
  conversationKey: number,
  contact: Pick<ContactRow, 'key' | 'email' | 'name'>,
  known: KnownBefore = {},
): Promise<Joined> {
  const { key: contact_key, email, name } = contact;
  return addParticipant(tx, { conversation_key: conversationKey, contact_key, email, name, role: 'contact' }, known);
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
  return joinedOf(await addJoining(tx, conversationKey, who), who.email);
}

/** The writer of a mail joins. Without room he is none, and the evidence says so: his mail counts all the same. */
export async function joinWriter(
  tx: StoreTx,
  conversationKey: number,
  writer: Joining,
): Promise<{ readonly participant: ParticipantRow | null; readonly evidence: readonly string[] }> {
  const joined = await addJoining(tx, conversationKey, writer);
  if (joined.kind === 'full') return { participant: null, evidence: [`did not join: ${joined.reason}`] };
  return { participant: joined.participant, evidence: [] };
}

function addJoining(tx: StoreTx, conversationKey: number, { email, name }: Joining): Promise<Joined> {
  return addParticipant(tx, {
    conversation_key: conversationKey,
    contact_key: null,
    email,
    name,
    role: 'participant',
  });
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
  if (changed === 0) return false;
  await lockContact(tx, contactKey);
  await suspendWaiting(tx, contactKey);
  return true;
}

export async function clearSuspension(tx: StoreTx, contactKey: number): Promise<void> {
  const changed = await tx.run(
    'update contact set suspended_at = null, suspended_reason = null where key = $1 and suspended_at is not null',
    contactKey,
  );
  if (changed === 0) return;
  await lockContact(tx, contactKey);
  await resumeSuspended(tx, contactKey);
}
