/**
 * Who wrote a mail: the person in From, whoever's reply address it came to. Pure.
 *
 * A mail without From, or one that cannot be read, is taken for the owner's of the reply address. When the writer is
 * another, `sender.token_of` names the owner.
 */
import type { Mailbox, MailKind } from '../../mail/mail.js';
import type { Message, Participant, Sender } from '../model.js';

/** The evidence that nothing says who wrote a mail but the reply address that it came to. */
export const NO_FROM = 'no From field: taken for the owner of the token';

export type Person = Pick<Participant, 'name' | 'email' | 'role'>;

export interface Writer<Known extends Person> {
  readonly author: Omit<Message['author'], 'id'>;
  /** The participant who wrote it, if he is one already. */
  readonly participant: Known | null;
  /** For `decideEffects`. */
  readonly standing: 'participant' | 'stranger' | 'unnamed';
  readonly sender: Pick<Sender, 'is_participant' | 'token_of' | 'evidence'>;
}

/**
 * `mail`: null when it cannot be read. `named`: the participant who has the address in From. `owner`: of the reply
 * address that the mail came to. A participant who is both must be the same object or have the same `key`.
 */
export function writerOf<Known extends Person & { readonly key: unknown }>(
  mail: { readonly from: Mailbox | null; readonly kind: MailKind } | null,
  named: Known | null,
  owner: Known | null,
): Writer<Known> {
  const from = mail?.from ?? null;
  const participant = from === null ? owner : named;
  return {
    author:
      mail === null || from === null
        ? { name: owner?.name ?? '', email: owner?.email ?? null, role: owner?.role ?? 'system' }
        : {
            name: from.name || named?.name || '',
            email: from.email,
            role: named?.role ?? (isReport(mail.kind) ? 'system' : 'participant'),
          },
    participant,
    standing: participant !== null ? 'participant' : from !== null ? 'stranger' : 'unnamed',
    sender: {
      is_participant: participant !== null,
      token_of: owner !== null && owner.key !== participant?.key ? owner.name || owner.email : null,
      evidence: mail !== null && from === null ? [NO_FROM] : [],
    },
  };
}

function isReport(kind: MailKind): boolean {
  return kind === 'bounce' || kind === 'receipt' || kind === 'complaint';
}
