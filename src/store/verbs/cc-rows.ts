/** The rows of people in Cc (`cc.ts`), for verbs that read or change them beside their own work. */
import { blockingEntry } from '../../conversation/rules/blocked.js';
import { foldAddress } from '../../mail/address.js';
import type { Mailbox } from '../../mail/mail.js';
import type { CcRow, DeliveryRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

/** A conversation. */
export interface Place {
  readonly key: number;
}

/** The event that they changed. */
export async function rowsOf(tx: StoreTx, conversation: Place): Promise<readonly CcRow[]> {
  return tx.all<CcRow>('select * from cc where conversation_key = $1 order by key', conversation.key);
}

export async function insertCc(
  tx: StoreTx,
  conversation: Place,
  { email, ...row }: Mailbox & Pick<CcRow, 'state' | 'message_key'>,
): Promise<void> {
  await tx.insert('cc', {
    key: tx.key(),
    conversation_key: conversation.key,
    email,
    email_key: foldAddress(email),
    ...row,
    created_at: tx.now(),
  });
}

/** DMARC failed for mail that was filed before the DNS was asked: whom it brought in is suggested from now on. */
export async function doubtBrought(tx: StoreTx, message: { key: number; conversation_key: number }): Promise<boolean> {
  const changed = await tx.run(
    "update cc set state = 'suggested' where conversation_key = $1 and message_key = $2 and state = 'carried'",
    message.conversation_key,
    message.key,
  );
  return changed > 0;
}

/**
 * Who gets the answers beside the contact: not whom a customer brought in and the account takes no mail from by now, nor a
 * contact to whom mailing is suspended.
 */
export async function carriedIn(
  tx: StoreTx,
  conversation: Place & { readonly account_key: number },
  blocked: readonly string[],
): Promise<readonly Mailbox[]> {
  const rows = await tx.all<Pick<CcRow, 'name' | 'email' | 'message_key'>>(
    `select name, email, message_key from cc where conversation_key = $1 and state = 'carried'
       and not exists (select 1 from contact k
         where k.account_key = $2 and k.email_key = cc.email_key and k.suspended_at is not null)
     order by key`,
    conversation.key,
    conversation.account_key,
  );
  return rows.filter(row => row.message_key === null || blockingEntry(blocked, [row.email]) === null);
}

/** His address is dead: nothing more goes there until the team adds him again. */
export async function endCarrying(
  tx: StoreTx,
  row: Pick<DeliveryRow, 'conversation_key' | 'recipient'>,
): Promise<boolean> {
  const changed = await tx.run(
    "update cc set state = 'removed' where conversation_key = $1 and email_key = $2 and state = 'carried'",
    row.conversation_key,
    foldAddress(row.recipient),
  );
  return changed > 0;
}

export const CC_CHANGED = { type: 'conversation.updated', data: { changed: ['cc'] } } as const;
