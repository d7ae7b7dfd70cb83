/**
 * A contact: who he is, what a new address changes, and when mailing to him is suspended. Pure.
 *
 * An account has one contact for each address and for each source id. One who is known by his address alone gets the
 * source id that he comes with; who comes with a source id and an address of two is refused. A new address makes a new participant in his
 * conversations, with a token of his own; the old token lives on, and what waits goes to the new address.
 *
 * Mailing is suspended by a bounce or an answer of the smarthost that says the address is dead (`isHardBounce` has the
 * codes), and by a complaint; not by a full mailbox or a delay. It resumes when a person writes from there
 * (`decideEffects`), when his address changes, or when somebody clears it.
 */
import { sameAddress } from '../../mail/address.js';

/**
 * True when mailing to the contact is to be suspended because mail to `recipient` failed for good. Mail to an address
 * that he has left says nothing about the one he has now.
 */
export function suspendsContact(contact: { readonly email: string | null } | null, recipient: string): boolean {
  return contact !== null && contact.email !== null && sameAddress(contact.email, recipient);
}

/** Participants of a conversation: each is shown with it, and anybody who has a reply address can bring more. */
const MAX_PARTICIPANTS = 100;

/** Why nobody joins a conversation that has so many participants; null: one more may. */
export function refusalToJoin(participants: number): string | null {
  return participants < MAX_PARTICIPANTS ? null : `the conversation has ${MAX_PARTICIPANTS} participants already`;
}

/** Who is meant by a source id and an address that came together; `binds`: the source id is his from now on. */
type Meant<Known> =
  | { readonly kind: 'known'; readonly contact: Known; readonly binds: boolean }
  | { readonly kind: 'new' }
  /** The address is this one's, and the source id is not. */
  | { readonly kind: 'taken'; readonly contact: Known };

interface Named {
  readonly email: string | null;
  readonly source_id: string | null;
}

/** `bySource`, `byAddress`: the account's contacts that have them. */
export function contactMeant<Known extends { readonly key: number; readonly source_id: string | null }>(
  { source_id }: Pick<Named, 'source_id'>,
  { bySource, byAddress }: { readonly bySource: Known | null; readonly byAddress: Known | null },
): Meant<Known> {
  if (bySource !== null) {
    if (byAddress !== null && byAddress.key !== bySource.key) return { kind: 'taken', contact: byAddress };
    return { kind: 'known', contact: bySource, binds: false };
  }
  if (byAddress === null) return { kind: 'new' };
  if (source_id === null) return { kind: 'known', contact: byAddress, binds: false };
  return byAddress.source_id === null
    ? { kind: 'known', contact: byAddress, binds: true }
    : { kind: 'taken', contact: byAddress };
}

/**
 * Whether somebody who is no contact so far can be the contact of a conversation: nothing that is known of the contact
 * says otherwise. What replyd does not know of him may be his.
 */
export function canBe(contact: Named, who: Named): boolean {
  const differs = (known: string | null, said: string | null) => known !== null && said !== null;
  return !differs(contact.source_id, who.source_id) && !differs(contact.email, who.email);
}

/** What is known of a contact, as far as these rules ask. */
interface KnownContact {
  readonly email: string | null;
  readonly name: string;
}

/**
 * Somebody comes with an address, a name, or both, and is a contact already. What is learned of him: only what was not
 * known, and no address that is another contact's. `taken`: the address has a contact.
 */
export function learnedOf(
  contact: KnownContact,
  who: { readonly email: string | null; readonly name: string; readonly taken: boolean },
): { readonly email?: string; readonly name?: string } {
  return {
    ...(contact.email === null && who.email !== null && !who.taken ? { email: who.email } : {}),
    ...(contact.name === '' && who.name !== '' ? { name: who.name } : {}),
  };
}

/**
 * Who has the contact's new address in a conversation. `present`: the participant who is the contact, as he was. `same`:
 * he had no address so far, so he keeps his token and what waited for an address goes. `new`: a new participant.
 */
export function participantOfAddress(present: { readonly email: string | null } | null): 'same' | 'new' {
  return present !== null && present.email === null ? 'same' : 'new';
}
