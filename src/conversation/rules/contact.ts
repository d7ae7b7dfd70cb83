/**
 * Mailing to a contact: when it is suspended. Pure.
 *
 * It is suspended by a bounce or an answer of the smarthost that says the address is dead (`isHardBounce` has the
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
