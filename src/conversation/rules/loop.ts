/**
 * Loops: how they are known, and that each is told once. Pure.
 *
 * replyd marks its own mails; one that comes back to the same account is a loop. All other loops are known by count, not
 * by sender, because robots change theirs: `limits.loop_messages` mails within `limits.loop_window`, in one conversation
 * or in all conversations of one contact. The mails of a loop are filed and have no effect.
 */
import type { HeaderField } from '../../mail/mail.js';

/** The field that tells our own mail; its value is the account's id. */
export const LOOP_HEADER = 'X-Replyd-Loop';
/** The same, as it is named in a `Mail`. */
export const LOOP_FIELD = LOOP_HEADER.toLowerCase();

/** True when a mail with these fields is one that we sent for this account. Names are in lower case, as in `Mail`. */
export function carriesLoopMark(headers: readonly HeaderField[], accountId: string): boolean {
  return headers.some(field => field.name === LOOP_FIELD && field.value.trim() === accountId);
}

/** True when replyd sent it, for whomever. */
export function carriesAnyLoopMark(headers: readonly HeaderField[]): boolean {
  return headers.some(field => field.name === LOOP_FIELD);
}

/** Mails that came in within the loop window, this one not counted. */
export interface RecentMails {
  readonly ofConversation: number;
  /** In all conversations of its contact, this one among them. */
  readonly ofContact: number;
  /** One of them was marked as looping, so that the loop has been told: in this conversation, in another one. */
  readonly looping: 'here' | 'elsewhere' | null;
}

export const NO_RECENT_MAILS: RecentMails = { ofConversation: 0, ofContact: 0, looping: null };

export interface Loop {
  /** For the message's `evidence`. */
  readonly evidence: string;
  /** It is told by this mail: the first of its loop. */
  readonly isNews: boolean;
}

/** The loop that a mail is part of, or null. `ownMail`: it carries our loop mark. `limit`: `limits.loop_messages`. */
export function loopOf(mail: {
  readonly ownMail: boolean;
  readonly recent: RecentMails;
  readonly limit: number;
}): Loop | null {
  const { recent, limit } = mail;
  const inConversation = recent.ofConversation >= limit;
  // A contact's loop runs through many conversations and is one loop.
  const isNews = recent.looping === null || (recent.looping === 'elsewhere' && inConversation);
  if (mail.ownMail) return { evidence: 'loop', isNews };
  if (inConversation) {
    return { evidence: `looping: ${recent.ofConversation} mails before it within the window`, isNews };
  }
  if (!isContactLooping(recent, limit)) return null;
  return {
    evidence: `looping: ${recent.ofContact} mails in this contact's conversations before it within the window`,
    isNews,
  };
}

/** Then his mails open no conversation; they go into his latest one. */
export function isContactLooping(recent: Pick<RecentMails, 'ofContact'>, limit: number): boolean {
  return recent.ofContact >= limit;
}
