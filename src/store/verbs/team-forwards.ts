/**
 * A mail that one of the team sent on: whether it counts (`rules/forward.ts`), the message of the original's writer in
 * place of the forwarder's, and the forwarder's own words as his note.
 */
import type { FiledForward, FiledReading, Filing, StoredContent } from '../../conversation/filing.js';
import { decideForward, type ForwardDecision } from '../../conversation/rules/forward.js';
import type { Mailbox } from '../../mail/mail.js';
import type { FilingAccount } from '../rows.js';
import { fromJson, type StoreTx, toJson } from '../tx.js';
import { accountForwarders } from './accounts.js';
import { insertAttachments, insertMessage } from './messages.js';
import { oursAmong } from './ours.js';
import { attachmentsOf } from './reading-columns.js';

type OneMail = Extract<FiledForward, { kind: 'one' }>;

/** A forward that counts. */
export interface TeamForward {
  readonly forwarder: Mailbox;
  readonly original: FiledReading;
  /** How programs name the original in the header of a forward: its writer's next mail may name it too. */
  readonly originalIds: readonly string[];
  /** Contents of the original's attachments, in their order. */
  readonly contents: readonly StoredContent[];
  /** What the forwarder added himself; null: nothing. */
  readonly note: {
    readonly words: OneMail['words'];
    readonly html: string | null;
    readonly files: readonly ReturnType<typeof attachmentsOf>[number][];
  } | null;
}

/** What is decided of a mail that opens a conversation of the account. */
export async function decideTeamForward(
  tx: StoreTx,
  { reading, authentication }: Pick<Filing, 'reading' | 'authentication'>,
  account: FilingAccount,
): Promise<ForwardDecision> {
  const forward = reading?.forward;
  if (account.forwarded_mail !== 1 || reading === null || forward === undefined) return { kind: 'own', evidence: null };
  const writer = forward.kind === 'one' ? forward.original.mail.from : null;
  const ours = await oursAmong(tx, account, writer === null ? [] : [writer.email]);
  return decideForward({
    forwarder: reading.mail.from,
    forwarders: accountForwarders(account),
    dmarc: authentication?.dmarc ?? null,
    original:
      forward.kind === 'doubt'
        ? { doubt: forward.reason }
        : writer === null
          ? { doubt: 'it names nobody' }
          : { writer },
    blocked: fromJson(account.settings).blocked ?? [],
    isOurs: address => ours.has(address),
  });
}

/** The forward of a mail for which `decideTeamForward` decided so. */
export function teamForwardOf(
  { reading, attachments }: Pick<Filing, 'reading' | 'attachments'>,
  { forwarder }: Extract<ForwardDecision, { kind: 'original' }>,
): TeamForward {
  const { original, attached, words } = reading!.forward as OneMail;
  const { inReplyTo, references } = reading!.mail;
  const own = reading!.mail.attachments.length;
  const contents = attached === null ? attachments : attachments.slice(own);
  const files =
    attached === null ? [] : attachmentsOf(reading!, attachments).filter((_, position) => position !== attached);
  const isSilent = words.text === '' && words.quotedText === '' && files.length === 0;
  return {
    forwarder,
    original,
    originalIds: [...new Set([...inReplyTo.slice(0, 1), ...references.slice(-1)])],
    contents,
    note: isSilent ? null : { words, html: reading!.html, files },
  };
}

/** What the forwarder wrote above the mail: private, and mailed to nobody. */
export async function insertForwarderNote(
  tx: StoreTx,
  { forwarder, note }: TeamForward,
  at: { readonly conversation_key: number; readonly seq: number; readonly via: Filing['via'] },
): Promise<number> {
  const { words, html, files } = note!;
  const { key } = await insertMessage(tx, {
    ...at,
    direction: 'note',
    kind: 'note',
    author_name: forwarder.name,
    author_email: forwarder.email,
    author_role: 'agent',
    text: words.text,
    quoted_text: words.quotedText,
    signature: words.signature,
    html,
    evidence: toJson(['note: written above the mail that was forwarded']),
  });
  await insertAttachments(tx, { key, conversation_key: at.conversation_key }, files);
  return key;
}
