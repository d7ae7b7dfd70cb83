/**
 * Where a mail belongs: the conversation behind each kind of destination, as it stands in this transaction. A reply or
 * bounce address names it; mail to an account's forwarding address is threaded by the tokens in its delivery headers,
 * then by the ids it names, always within the account.
 */

import type { Location } from '../../conversation/filing.js';
import type { AccountSettings } from '../../conversation/model.js';
import type { FiledReading } from '../../conversation/packed.js';
import type { Destination } from '../../conversation/ports.js';
import { blockingEntry } from '../../conversation/rules/blocked.js';
import { deliveryAddresses, threadIds } from '../../conversation/rules/effects.js';
import { parseOurAddress } from '../../mail/address.js';
import { encodeId, keyOf } from '../ids.js';
import type { FilingAccount, FilingConversation, ParticipantRow } from '../rows.js';
import { fromJson, type Session } from '../session.js';
import { accountByKey, knownPrefixes, resolveAddress } from './accounts.js';
import { participantByAddress } from './participants.js';
import { conversationOfId } from './thread-ids.js';

/** Where one destination leads now. */
export interface Target {
  /** The conversation was opened for this very mail. */
  readonly opened?: true;
  readonly account: FilingAccount | null;
  /** Null: kept for the operator. */
  readonly conversation: FilingConversation | null;
  /** Whose token it is. */
  readonly participantKey: number | null;
  /** He himself, where he was looked up already. */
  readonly owner?: ParticipantRow;
  readonly deliveryKey: number | null;
  /** What threaded it, where the envelope did not say. */
  readonly evidence: readonly string[];
}

/** The conversation, and by what it was found: in words for people. */
export interface Thread {
  readonly conversation: FilingConversation;
  readonly participantKey: number | null;
  readonly deliveryKey: number | null;
  readonly by: string;
}

interface TokenThread extends Thread {
  readonly account: FilingAccount;
  readonly owner?: ParticipantRow;
}

/** Mail to postmaster and abuse. */
export const TO_OPERATOR: Target = {
  account: null,
  conversation: null,
  participantKey: null,
  deliveryKey: null,
  evidence: [],
};

/** The target of an address that names its conversation; null when it does so no more. */
export function namedTarget(
  session: Session,
  destination: Extract<Destination, { kind: 'reply' | 'bounce' }>,
): Target | null {
  const thread = threadOfToken(session, destination);
  if (thread === null) return null;
  // What bounces was mailed while the account's inbound mail was on, or with this envelope sender all the same.
  if (destination.kind === 'reply' && thread.account.inbound_emails !== 1) return null;
  return { ...thread, evidence: [] };
}

/** Mail that names only an account: by token in the delivery headers, by the ids it names, by its own id. */
export function findThread(
  session: Session,
  accountKey: number,
  mail: { reading: FiledReading | null; ownId: string },
): Thread | null {
  const named = mail.reading === null ? null : threadInHeader(session, accountKey, mail.reading);
  if (named !== null) return named;
  const ids = mail.reading === null ? [] : threadIds(mail.reading);
  // The same mail, come again: what has no Message-ID has one made from its content.
  for (const { field, id } of [...ids, { field: 'Message-ID', id: mail.ownId }]) {
    const conversation = conversationOfId(session, accountKey, id);
    if (conversation) return { conversation, participantKey: null, deliveryKey: null, by: `${field} <${id}>` };
  }
  return null;
}

/** The entry of the account's block list that keeps this writer out, or null. */
export function blockedBy(
  account: FilingAccount,
  { reading, mailFrom }: { readonly reading: FiledReading | null; readonly mailFrom: string },
): string | null {
  const { blocked = [] } = fromJson<AccountSettings>(account.settings);
  return blockingEntry(blocked, [reading?.mail.from?.email, mailFrom]);
}

/** Where a mail with these recipients would go. Reading only. */
export function locate(
  session: Session,
  {
    recipients,
    mailFrom,
    reading,
  }: { readonly recipients: readonly string[]; readonly mailFrom: string; readonly reading: FiledReading },
): readonly Location[] {
  return recipients.map(recipient => {
    const nowhere = { recipient, account: null, conversation: null, by: null, writer_known: false };
    const lookup = resolveAddress(session, recipient);
    if (lookup.found !== 'destination') return { ...nowhere, goes: lookup.found };
    const { destination } = lookup;
    if (destination.kind === 'operator') return { ...nowhere, goes: 'kept' };
    const account = accountByKey(session, keyOf('account', destination.accountId));
    const inAccount = { ...nowhere, account: account.slug };
    const blocked = destination.kind === 'bounce' ? null : blockedBy(account, { reading, mailFrom });
    if (blocked !== null) return { ...inAccount, goes: 'blocked', by: blocked };
    const thread =
      destination.kind === 'inbox'
        ? findThread(session, account.key, { reading, ownId: reading.mail.messageId ?? '' })
        : threadOfToken(session, destination);
    if (thread === null) return { ...inAccount, goes: account.new_conversations === 1 ? 'new' : 'unthreaded' };
    const { key, number } = thread.conversation;
    const from = reading.mail.from?.email;
    return {
      ...inAccount,
      goes: 'conversation',
      conversation: { id: encodeId('conversation', key), number },
      by: thread.by,
      writer_known: from !== undefined && participantByAddress(session, key, from) !== undefined,
    };
  });
}

function threadInHeader(session: Session, accountKey: number, reading: FiledReading): Thread | null {
  const prefixes = knownPrefixes(session);
  for (const { field, address } of deliveryAddresses(reading.mail)) {
    const parsed = parseOurAddress(address, prefixes);
    const thread = 'token' in parsed ? threadOfToken(session, parsed) : null;
    if (thread?.conversation.account_key === accountKey) return { ...thread, by: `${thread.by} in the field ${field}` };
  }
  return null;
}

/** Null too for a forwarding address, which names an account. */
function threadOfToken(
  session: Session,
  { kind, token }: { readonly kind: 'reply' | 'bounce' | 'inbox'; readonly token: string },
): TokenThread | null {
  if (kind === 'inbox') return null;
  return kind === 'reply' ? threadOfReplyToken(session, token) : threadOfBounceToken(session, token);
}

/** What stands behind each token, beside the row that has it: in one statement, because every mail asks. */
const BEHIND = `c.account_key, c.number, c.contact_key, c.status, c.next_seq,
  a.settings, a.inbound_emails, a.new_conversations, a.hold_strangers`;

type Behind = Omit<FilingConversation, 'key'> & Omit<FilingAccount, 'key'> & { readonly conversation_key: number };

function conversationBehind(row: Behind): FilingConversation {
  const { conversation_key: key, account_key, number, contact_key, status, next_seq } = row;
  return { key, account_key, number, contact_key, status, next_seq };
}

function accountBehind(row: Behind): FilingAccount {
  const { account_key: key, settings, inbound_emails, new_conversations, hold_strangers } = row;
  return { key, settings, inbound_emails, new_conversations, hold_strangers };
}

function threadOfReplyToken(session: Session, token: string): TokenThread | null {
  const row = session.db.get<
    Behind & Omit<ParticipantRow, 'key' | 'contact_key'> & { participant_key: number; owner_contact: number | null }
  >(
    `select t.conversation_key, t.participant_key, p.contact_key as owner_contact, p.email, p.name, p.role, ${BEHIND}
     from token t join participant p on p.key = t.participant_key join conversation c on c.key = t.conversation_key
       join account a on a.key = c.account_key
     where t.token = ? and t.revoked_at is null`,
    token,
  );
  if (row === undefined) return null;
  const { participant_key: key, conversation_key, owner_contact: contact_key, email, name, role } = row;
  return {
    conversation: conversationBehind(row),
    account: accountBehind(row),
    participantKey: key,
    owner: { key, conversation_key, contact_key, email, name, role },
    deliveryKey: null,
    by: 'reply address',
  };
}

function threadOfBounceToken(session: Session, token: string): TokenThread | null {
  const row = session.db.get<Behind & { key: number; participant_key: number | null }>(
    `select d.key, d.conversation_key, d.participant_key, ${BEHIND} from delivery d
       join conversation c on c.key = d.conversation_key join account a on a.key = c.account_key
     where d.bounce_token = ? and c.removing_at is null`,
    token,
  );
  if (row === undefined) return null;
  return {
    conversation: conversationBehind(row),
    account: accountBehind(row),
    participantKey: row.participant_key,
    deliveryKey: row.key,
    by: 'bounce address',
  };
}
