/**
 * What the store gives for a mail that is due: all that composing it needs, read in one transaction. `Store` says when
 * (`composeSnapshot`, `dueForwards`). Plain values.
 */
import type { StoredContentRef } from './filing.js';
import type { Account, Conversation, Message } from './model.js';

/** Something that was said, as a mail shows it. */
export type ComposeMessage = Pick<Message, 'text' | 'format' | 'date' | 'received_at'> & {
  readonly author: Pick<Message['author'], 'name' | 'role'>;
};

/** Characters of an earlier message that a mail may show; it shows fewer. */
export const CONTEXT_TEXT = 16_000;

/** What a due conversation needs to be composed: everything read in one go. */
export interface ComposeSnapshot {
  readonly account: Account;
  readonly conversation: Conversation;
  /** Messages that the mail is to carry, oldest first. */
  readonly unmailed: readonly Message[];
  /** Whether the mail carries earlier messages as the context of a first mail, or quotes them as history. */
  readonly quoting: 'context' | 'history';
  /**
   * Messages before them, oldest first, their texts cut at `CONTEXT_TEXT`: what its readers are quoted, each list once.
   * Those whose list is another get a mail of their own.
   */
  readonly quoted: readonly (readonly ComposeMessage[])[];
  /** The deliveries that are due, one per recipient. */
  readonly copies: readonly {
    readonly deliveryId: string;
    /** Which of `quoted` is his. */
    readonly quoted: number;
    readonly email: string;
    readonly name: string;
    readonly role: 'to' | 'cc';
    /** His reply address, null when he has none. */
    readonly replyTo: string | null;
    readonly bounceAddress: string | null;
  }[];
  /** Message-IDs (no brackets) of the conversation's mails, oldest first: the first and the last 20. */
  readonly chain: readonly string[];
  /** Subject of the conversation's first mail, null when there was none. */
  readonly firstSubject: string | null;
  /** Somebody has answered by mail. */
  readonly answered: boolean;
}

/** A mail for postmaster or abuse whose copy for the operator is due. */
export interface Forward {
  readonly deliveryId: string;
  readonly mailId: string;
  readonly mailFrom: string;
  /** Whom it was for: a full address. */
  readonly addressee: string;
  readonly operator: string;
  readonly raw: StoredContentRef;
}
