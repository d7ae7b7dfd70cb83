/**
 * What filing a mail asks of a conversation beside its row: whether the mail is there already, who of its people wrote it,
 * how much came in lately, whether mailing to its contact is suspended. It stands in the statement that finds the
 * conversation, because every mail asks.
 */
import { foldAddress } from '../../mail/address.js';
import type { ParticipantRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { CONVERSATIONS, type LoopLimits } from './loops.js';

/** The mail, as far as it is asked for. */
export interface AskingMail {
  /** Null: it is not filed, or not by its content. */
  readonly contentKey: Uint8Array | null;
  /** The address in From. */
  readonly from: string | null;
  readonly limits: LoopLimits;
}

export interface Around {
  /** The same mail, filed before: its message and its row in `mail`. */
  readonly before: FiledBefore | null;
  /** The participant with the address in From. */
  readonly named: ParticipantRow | null;
  /** Numbers of messages in the contact's other conversations with activity in the loop window (`loops.ts`). */
  readonly others: number;
  /** Mailing to the contact is suspended. */
  readonly suspended: boolean;
}

export interface FiledBefore {
  readonly key: number;
  readonly mail_key: number;
}

/** Columns and joins for a conversation `c`; the values of `aroundValues` are $2 to $5. */
export const AROUND = `filed.key as filed_key, filed.mail_key as filed_mail_key, named.key as named_key,
  named.contact_key as named_contact, named.email as named_email, named.name as named_name, named.role as named_role,
  case when k.suspended_at is null then 0 else 1 end as suspended,
  (select cast(coalesce(sum(recent.next_seq - 1), 0) as bigint) from (
    select o.next_seq from conversation o
    where o.contact_key = c.contact_key and o.last_activity_at > $4 and o.key <> c.key
    order by o.last_activity_at desc limit $5) recent) as others`;
export const AROUND_JOINS = `join contact k on k.key = c.contact_key
  left join message filed on filed.conversation_key = c.key and filed.content_key = $2
  left join participant named on named.key = (
    select key from participant where conversation_key = c.key and email_key = $3 order by key desc limit 1)`;

export interface AroundRow {
  readonly filed_key: number | null;
  readonly filed_mail_key: number;
  readonly named_key: number | null;
  readonly named_contact: number | null;
  readonly named_email: string | null;
  readonly named_name: string;
  readonly named_role: ParticipantRow['role'];
  readonly suspended: number;
  readonly others: number;
}

export function aroundValues(tx: StoreTx, { contentKey, from, limits }: AskingMail): readonly unknown[] {
  return [
    contentKey,
    from === null ? null : foldAddress(from),
    tx.now() - limits.loopWindow,
    CONVERSATIONS * limits.loopMessages,
  ];
}

export function aroundOfRow(row: AroundRow, conversationKey: number): Around {
  return {
    before: row.filed_key === null ? null : { key: row.filed_key, mail_key: row.filed_mail_key },
    named:
      row.named_key === null
        ? null
        : {
            key: row.named_key,
            conversation_key: conversationKey,
            contact_key: row.named_contact,
            email: row.named_email,
            name: row.named_name,
            role: row.named_role,
          },
    others: row.others,
    suspended: row.suspended === 1,
  };
}

/** Of a conversation that was found another way. */
export async function aroundOf(tx: StoreTx, conversationKey: number, mail: AskingMail): Promise<Around> {
  const row = (await tx.get<AroundRow>(
    `select ${AROUND} from conversation c ${AROUND_JOINS} where c.key = $1`,
    conversationKey,
    ...aroundValues(tx, mail),
  ))!;
  return aroundOfRow(row, conversationKey);
}
