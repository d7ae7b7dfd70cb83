/**
 * A contact: who he is, what a new address changes, and when mailing to him is suspended. Pure.
 *
 * An account has one contact for each address and for each source id. A new address makes a new participant in his
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
