/**
 * The contact that somebody is: found by his source id or his address, and what is learned of him. Whoever calls this
 * holds the account, or asks for it here: nobody else becomes its contact meanwhile.
 */
import { ReplydError } from '../../base/errors.js';
import { canBe, contactMeant, learnedOf } from '../../conversation/rules/contact.js';
import { foldAddress } from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { ContactRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { checkedAddress } from './accounts.js';
import { changeAddress } from './participants.js';
import { lookAgainAtContact } from './search-again.js';

interface Named {
  readonly email?: string | null;
  readonly name?: string;
  readonly source_id?: string | null;
}

interface Found {
  readonly email: string | null;
  readonly source_id: string | null;
  readonly bySource: ContactRow | null;
  readonly byAddress: ContactRow | null;
}

/**
 * The account's contact with this address or source id, made when there is none. A source id binds to the contact of the
 * address. When it can't, because one of both has the other already, that is a conflict; `if free`: it is left.
 */
export async function contactFor(
  tx: StoreTx,
  accountKey: number,
  who: Named,
  { bound = 'or refused' }: { readonly bound?: 'or refused' | 'if free' } = {},
): Promise<ContactRow & { readonly isNew: boolean }> {
  await tx.lock('account', [accountKey]);
  const found = await find(tx, accountKey, who);
  const meant = contactMeant(found, found);
  if (meant.kind === 'taken' && bound === 'or refused') throw taken(found, meant.contact);
  if (meant.kind !== 'new') {
    const contact = meant.kind === 'known' ? meant.contact : (found.bySource ?? meant.contact);
    const binds = meant.kind === 'known' && meant.binds;
    return { ...(await learn(tx, contact, { found, who, binds })), isNew: false };
  }
  const row = {
    key: tx.key(),
    account_key: accountKey,
    email: found.email,
    name: who.name ?? '',
    source_id: found.source_id,
    created_at: tx.now(),
  };
  await tx.insert('contact', { ...row, email_key: found.email === null ? null : foldAddress(found.email) });
  return { ...row, suspended_at: null, suspended_reason: null, isNew: true };
}

/**
 * Somebody goes on with a conversation of this contact: what was not known of him is learned. Who is another one is a
 * conflict: what he says would be read and answered as the contact's.
 */
export async function meetContact(tx: StoreTx, contact: ContactRow, who: Named): Promise<void> {
  await tx.lock('account', [contact.account_key]);
  const found = await find(tx, contact.account_key, who);
  const meant = contactMeant(found, found);
  if (meant.kind === 'taken') throw taken(found, meant.contact);
  const isHe = meant.kind === 'known' ? meant.contact.key === contact.key : canBe(contact, found);
  if (!isHe) {
    const id = encodeId('contact', contact.key);
    throw new ReplydError(
      'source_id_taken',
      `the conversation with this source_id is that of another contact, ${id}: give his source_id or address, or none`,
      { details: { contact_id: id } },
    );
  }
  const binds = found.source_id !== null && contact.source_id === null;
  await learn(tx, contact, { found, who, binds });
}

async function find(tx: StoreTx, accountKey: number, who: Named): Promise<Found> {
  const email = who.email ? checkedAddress(who.email) : null;
  const source_id = who.source_id || null;
  const by = async (column: 'source_id' | 'email_key', value: string | null) =>
    value === null
      ? null
      : // The column is one of two words of this file.
        ((await tx.get<ContactRow>(
          `select * from contact where account_key = $1 and ${column} = $2`,
          accountKey,
          value,
        )) ?? null);
  return {
    email,
    source_id,
    bySource: await by('source_id', source_id),
    byAddress: await by('email_key', email && foldAddress(email)),
  };
}

function taken({ bySource, email, source_id }: Found, contact: ContactRow): ReplydError {
  const id = encodeId('contact', contact.key);
  const owner = bySource === null ? null : encodeId('contact', bySource.key);
  return new ReplydError(
    'address_taken',
    owner === null
      ? `${email} is the address of a contact with another source_id, ${id}`
      : `${email} is the address of another contact, ${id}; the source_id ${JSON.stringify(source_id)} is that of ${owner}`,
    { details: { contact_id: id } },
  );
}

async function learn(
  tx: StoreTx,
  contact: ContactRow,
  { found, who, binds }: { readonly found: Found; readonly who: Named; readonly binds: boolean },
): Promise<ContactRow> {
  const learned = learnedOf(contact, {
    email: found.email,
    name: who.name ?? '',
    taken: found.byAddress !== null,
  });
  const source_id = binds ? found.source_id : undefined;
  if (Object.keys(learned).length === 0 && source_id === undefined) return contact;
  if (learned.email !== undefined) await changeAddress(tx, contact, learned.email);
  await tx.update('contact', contact.key, { name: learned.name, source_id });
  if (learned.email !== undefined || learned.name !== undefined) await lookAgainAtContact(tx, contact.key);
  return (await byKey(tx, 'contact', contact.key))!;
}
