/**
 * What an incoming mail does to its conversation, beside standing in it. Pure.
 *
 * | a mail that is            | joins | opens again, resumes mailing | event                                    |
 * |---------------------------|-------|------------------------------|------------------------------------------|
 * | a person's                | yes   | yes                          | message.created                          |
 * | a machine's               | no    | no                           | message.created                          |
 * | held (spam, a stranger)   | no    | no, until it is released     | message.held                             |
 * | part of a loop            | no    | no                           | conversation.looping, once for the loop  |
 *
 * A conversation that opens again also has the event conversation.updated, before the message's own.
 */
import type { MailKind } from '../../mail/mail.js';
import type { ConversationStatus, EventType } from '../model.js';
import { loopOf, NO_RECENT_MAILS, type RecentMails } from './loop.js';

export interface Circumstances {
  /** Null: the mail cannot be read. It counts as a person's. */
  readonly kind: MailKind | null;
  readonly status: ConversationStatus;
  /** The writer in From: a participant already, a stranger, or not named. */
  readonly writer: 'participant' | 'stranger' | 'unnamed';
  /** The account's feature `hold_strangers`. */
  readonly holdStrangers: boolean;
  /** DMARC verdict of a trusted checker or of our own, null when there is none. */
  readonly dmarc: string | null;
  /** A spam filter marked it (`isFlaggedAsSpam`). */
  readonly flaggedAsSpam: boolean;
  /** It comes from a trusted network. Of a stranger the mark says nothing: anybody can write such a field. */
  readonly trusted: boolean;
  /** Its conversation was opened for it. Whoever has a reply address is not kept out by a filter's mistake. */
  readonly opens: boolean;
  readonly recent: RecentMails;
  /** `limits.loop_messages`. */
  readonly loopMessages: number;
  /** The mail carries our own loop mark. */
  readonly ownMail: boolean;
}

export interface Effects {
  readonly held: boolean;
  readonly looping: boolean;
  /** The writer becomes a participant. */
  readonly joins: boolean;
  /** A resolved conversation opens again. */
  readonly reopens: boolean;
  /** Mailing to the writer resumes, if it was suspended. */
  readonly resumesMailing: boolean;
  /** The event that tells of the message; null: none. */
  readonly event: Extract<EventType, 'message.created' | 'message.held' | 'conversation.looping'> | null;
  readonly evidence: readonly string[];
}

/** A person wrote it, be it through a list; everything else is a machine's. */
export function isPersonal(kind: MailKind): boolean {
  return kind === 'reply' || kind === 'list';
}

/**
 * What a mail that cannot be read counts as: a person's (null), except from `<>` to a bounce address, whatever it says.
 */
export function unreadKind(mail: { readonly mailFrom: string; readonly toBounceAddress: boolean }): MailKind | null {
  return mail.mailFrom === '' && mail.toBounceAddress ? 'auto_reply' : null;
}

export function decideEffects(mail: Circumstances): Effects {
  const loop = loopOf({ ownMail: mail.ownMail, recent: mail.recent, limit: mail.loopMessages });
  const byPerson = loop === null && (mail.kind === null || isPersonal(mail.kind));
  const reason = byPerson ? reasonToHold(mail) : null;
  return {
    ...(byPerson && reason === null ? participation(mail) : NO_PARTICIPATION),
    held: reason !== null,
    looping: loop !== null,
    event: loop !== null ? (loop.isNews ? 'conversation.looping' : null) : reason ? 'message.held' : 'message.created',
    evidence: [...(loop === null ? [] : [loop.evidence]), ...(reason === null ? [] : [`held: ${reason}`])],
  };
}

/** What is judged when a mail is filed, and not again when it is read later. */
const NOT_ASKED_AGAIN = {
  dmarc: null,
  flaggedAsSpam: false,
  trusted: false,
  opens: false,
  recent: NO_RECENT_MAILS,
  loopMessages: Number.POSITIVE_INFINITY,
  ownMail: false,
} as const;

/** The same for a quarantined mail that is read later: only now its writer is known, and what kind of mail it is. */
export function decideLateEffects(
  mail: Omit<Circumstances, keyof typeof NOT_ASKED_AGAIN>,
): Pick<Effects, 'held' | 'joins' | 'evidence'> {
  return decideEffects({ ...NOT_ASKED_AGAIN, ...mail });
}

/** What a person's mail does, unless it is held; a held one does it when it is released, a dropped one never. */
export function participation(mail: Pick<Circumstances, 'kind' | 'status' | 'writer'>): Participation {
  return {
    joins: mail.writer === 'stranger',
    reopens: mail.status === 'resolved',
    // Who wrote a mail that cannot be read is not known.
    resumesMailing: mail.kind !== null,
  };
}

type Participation = Pick<Effects, 'joins' | 'reopens' | 'resumesMailing'>;

const NO_PARTICIPATION: Participation = { joins: false, reopens: false, resumesMailing: false };

function reasonToHold(mail: Circumstances): string | null {
  if (mail.flaggedAsSpam && mail.trusted && mail.opens) return 'spam (X-Spam-Flag)';
  if (!mail.holdStrangers) return null;
  if (mail.writer !== 'participant') return 'unknown writer';
  // No verdict never holds: most mail has none.
  if (mail.dmarc === 'temperror') return 'DMARC could not be asked';
  return mail.dmarc === 'fail' ? 'DMARC failed' : null;
}
