/**
 * Finds the conversation that each recipient of a mail means, as it stands in this transaction: `rules/filing.ts` says in
 * which order and what is refused, the queries are here. A reply or bounce token costs one statement, because every mail
 * asks. Ids and tokens in a header count only within the account of the forwarding address.
 */

import type { Destination, FiledReading, Location } from '../../conversation/filing.js';
import { blockingEntry } from '../../conversation/rules/blocked.js';
import {
  type AccountSwitches,
  deliveryAddresses,
  type Refusal,
  refusalAt,
  threadIds,
  unthreadedMail,
} from '../../conversation/rules/filing.js';
import type { RecentMails } from '../../conversation/rules/loop.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { parseOurAddress } from '../../mail/address.js';
import type { Authentication } from '../../mail/authentication.js';
import type { Mailbox } from '../../mail/mail.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { AccountRow, FilingAccount, FilingConversation, ParticipantRow } from '../rows.js';
import { fromJson, inTurn, type StoreTx } from '../tx.js';
import { knownPrefixes, resolve } from './accounts.js';
import { type AddressedAgent, placeOfAgent } from './agent-tokens.js';
import {
  AROUND,
  AROUND_JOINS,
  type Around,
  type AroundRow,
  type AskingMail,
  aroundOfRow,
  aroundValues,
} from './around.js';
import { openerIn } from './openers.js';
import { participantByAddress } from './participants.js';
import type { TeamForward } from './team-forwards.js';
import { conversationOfIds } from './thread-ids.js';

/** What one destination means now. */
export type Target =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'operator' }
  /** It belongs to no conversation yet: one is opened when it is certain that the mail is filed. */
  | { readonly kind: 'opens'; readonly account: FilingAccount }
  | Place;

/** The place of a mail in a conversation. */
export interface Place {
  readonly kind: 'conversation';
  /** The conversation was opened for this very mail. */
  readonly opened?: true;
  readonly account: FilingAccount;
  readonly conversation: FilingConversation;
  /** Whose token it is. */
  readonly participantKey: number | null;
  /** He himself. */
  readonly owner: ParticipantRow | null;
  readonly deliveryKey: number | null;
  /** What is asked of the conversation, where that was answered already. */
  readonly around?: Around;
  /** What came in lately, where that was counted already. */
  readonly recent?: RecentMails;
  /** Who opened it, where a mail did that can be read, and why it is not the person in From. */
  readonly opener?: { readonly person: Mailbox | null; readonly evidence: readonly string[] };
  /** It was opened with the writer of a mail that one of the team sent on. */
  readonly forward?: TeamForward;
  /** It came to an agent's own address: whose, and what a mail to it becomes. */
  readonly agent?: AddressedAgent;
  /** What threaded it. */
  readonly evidence: readonly string[];
}

/** The conversation, and by what it was found: in words for people. */
export interface Thread {
  readonly conversation: FilingConversation;
  readonly participantKey: number | null;
  readonly owner: ParticipantRow | null;
  readonly deliveryKey: number | null;
  readonly by: string;
}

interface TokenThread extends Thread {
  readonly account: FilingAccount;
  readonly around: Around;
}

/** A mail as far as threading asks. `ownId`: its Message-ID, or what stands for it. `reading`: null when it cannot be read. */
export interface ThreadedMail extends Omit<AskingMail, 'from'> {
  readonly reading: FiledReading | null;
  readonly mailFrom: string;
  readonly ownId: string | null;
}

export async function targetOf(tx: StoreTx, mail: ThreadedMail, destination: Destination): Promise<Target> {
  if (destination.kind === 'operator') return { kind: 'operator' };
  if (destination.kind === 'agent') {
    const place = await placeOfAgent(tx, destination.token);
    const refusal = refusalAt(destination.kind, place === null ? null : switchesOf(place.account), []);
    if (refusal !== null || place === null) return { kind: 'refused', refusal: refusal ?? 'changed' };
    const evidence = [`threaded: ${addressOf(place.agent)}`];
    return { kind: 'conversation', participantKey: null, owner: null, deliveryKey: null, evidence, ...place };
  }
  const named = await threadOfToken(tx, mail, destination);
  const account = destination.kind === 'inbox' ? await accountOfInbox(tx, destination.token) : (named?.account ?? null);
  const switches = account === null ? null : switchesOf(account);
  const refusal = refusalAt(destination.kind, switches, writersOf(mail));
  if (refusal !== null) return { kind: 'refused', refusal };
  if (named !== null) return { kind: 'conversation', ...named, evidence: [`threaded: ${named.by}`] };
  const thread = await findThread(tx, account!.key, mail);
  if (thread !== null) {
    return { kind: 'conversation', ...thread, account: account!, evidence: [`threaded: ${thread.by}`] };
  }
  return unthreadedMail(switches!) === 'new'
    ? { kind: 'opens', account: account! }
    : { kind: 'refused', refusal: 'unthreaded' };
}

/** The conversation of a mail that names only an account. */
async function findThread(tx: StoreTx, accountKey: number, mail: ThreadedMail): Promise<Thread | null> {
  const named = await threadInHeader(tx, accountKey, mail);
  if (named !== null) return named;
  const ids = threadIds(mail.reading, mail.ownId);
  const found = await conversationOfIds(
    tx,
    accountKey,
    ids.map(({ id }) => id),
  );
  if (found === undefined) return null;
  const { field } = ids.find(({ id }) => id === found.id)!;
  const { conversation } = found;
  return { conversation, participantKey: null, owner: null, deliveryKey: null, by: `${field} <${found.id}>` };
}

function addressOf({ email }: AddressedAgent): string {
  return `reply address of the agent ${email}`;
}

async function accountOfInbox(tx: StoreTx, token: string): Promise<AccountRow | null> {
  return (await tx.get<AccountRow>('select * from account where inbox_token = $1', token)) ?? null;
}

function switchesOf(account: FilingAccount): AccountSwitches {
  const { blocked = [] } = fromJson(account.settings);
  return { inbound: account.inbound_emails === 1, opens: account.new_conversations === 1, blocked };
}

function writersOf({ reading, mailFrom }: ThreadedMail): readonly (string | undefined)[] {
  return [reading?.mail.from?.email, mailFrom];
}

/** Where a mail with these recipients would go. Reading only. */
export async function locate(
  tx: StoreTx,
  {
    recipients,
    mailFrom,
    reading,
    authentication,
  }: {
    readonly recipients: readonly string[];
    readonly mailFrom: string;
    readonly reading: FiledReading;
    readonly authentication: Authentication | null;
  },
): Promise<readonly Location[]> {
  const limits = { loopMessages: 0, loopWindow: 0 };
  const mail = { reading, mailFrom, ownId: reading.mail.messageId, contentKey: null, limits };
  return inTurn(recipients, async recipient => {
    const nowhere = { recipient, account: null, conversation: null, by: null, writer: null, writer_known: false };
    const lookup = await resolve(tx, recipient);
    if (lookup.kind !== 'destination') return { ...nowhere, goes: lookup.kind };
    const { destination } = lookup;
    if (destination.kind === 'operator') return { ...nowhere, goes: 'kept' };
    const account = (await byKey(tx, 'account', keyOf('account', destination.accountId)))!;
    const inAccount = { ...nowhere, account: account.slug };
    const switches = switchesOf(account);
    if (destination.kind !== 'agent' && refusalAt(destination.kind, switches, writersOf(mail)) === 'blocked') {
      return { ...inAccount, goes: 'blocked', by: blockingEntry(switches.blocked, writersOf(mail)) };
    }
    if (destination.kind === 'agent') {
      const { conversation, agent } = (await placeOfAgent(tx, destination.token))!;
      return {
        ...inAccount,
        goes: 'conversation',
        conversation: { id: encodeId('conversation', conversation.key), number: conversation.number },
        by: addressOf(agent),
        writer: { name: agent.name, email: agent.email, evidence: [] },
      };
    }
    const thread = (await threadOfToken(tx, mail, destination)) ?? (await findThread(tx, account.key, mail));
    if (thread === null) {
      if (unthreadedMail(switches) !== 'new') return { ...inAccount, goes: 'unthreaded' };
      const { person, evidence } = await openerIn(tx, { reading, authentication }, account);
      return { ...inAccount, goes: 'new', writer: person === null ? null : { ...person, evidence } };
    }
    const { key, number } = thread.conversation;
    const { from } = reading.mail;
    const named = await participantByAddress(tx, key, from?.email);
    const { author, participant, sender } = writerOf({ from, kind: reading.kind }, named, thread.owner);
    const { name, email } = author;
    return {
      ...inAccount,
      goes: 'conversation',
      conversation: { id: encodeId('conversation', key), number },
      by: thread.by,
      writer: email === null ? null : { name, email, evidence: sender.evidence },
      writer_known: participant !== null,
    };
  });
}

async function threadInHeader(tx: StoreTx, accountKey: number, mail: ThreadedMail): Promise<Thread | null> {
  const addresses = mail.reading === null ? [] : deliveryAddresses(mail.reading.mail);
  if (addresses.length === 0) return null;
  const prefixes = await knownPrefixes(tx);
  for (const { field, address } of addresses) {
    const parsed = parseOurAddress(address, prefixes);
    const thread = 'token' in parsed ? await threadOfToken(tx, mail, parsed) : null;
    if (thread?.conversation.account_key === accountKey) return { ...thread, by: `${thread.by} in the field ${field}` };
  }
  return null;
}

/** What stands behind each token, beside the row that has it: in one statement, because every mail asks. */
const BEHIND = `p.contact_key as owner_contact, p.email, p.name, p.role, c.account_key, c.number, c.contact_key, c.status,
  c.next_seq, a.support_email, a.settings, a.inbound_emails, a.new_conversations, a.hold_strangers, a.forwarded_mail, a.agent_mail,
  ${AROUND}`;

const THREAD_OF_TOKEN = {
  reply: `select null as delivery_key, t.conversation_key, t.participant_key, ${BEHIND}
    from token t join participant p on p.key = t.participant_key join conversation c on c.key = t.conversation_key
      join account a on a.key = c.account_key ${AROUND_JOINS}
    where t.token = $1 and t.revoked_at is null`,
  bounce: `select d.key as delivery_key, d.conversation_key, d.participant_key, ${BEHIND}
    from delivery d left join participant p on p.key = d.participant_key
      join conversation c on c.key = d.conversation_key join account a on a.key = c.account_key ${AROUND_JOINS}
    where d.bounce_token = $1 and c.removing_at is null`,
} as const;

type TokenRow = Omit<FilingConversation, 'key'> &
  Omit<FilingAccount, 'key'> &
  Pick<ParticipantRow, 'email' | 'name'> &
  AroundRow & {
    readonly delivery_key: number | null;
    readonly conversation_key: number;
    readonly participant_key: number | null;
    readonly owner_contact: number | null;
    /** Null: there is no participant. */
    readonly role: ParticipantRow['role'] | null;
  };

/** Null too for a forwarding address, which names an account. */
async function threadOfToken(
  tx: StoreTx,
  mail: ThreadedMail,
  { kind, token }: { readonly kind: 'reply' | 'bounce' | 'inbox'; readonly token: string },
): Promise<TokenThread | null> {
  if (kind === 'inbox') return null;
  const row = await tx.get<TokenRow>(THREAD_OF_TOKEN[kind], token, ...aroundValues(tx, askingMail(mail)));
  if (row === undefined) return null;
  const { conversation_key, participant_key, account_key, number, contact_key, status, next_seq } = row;
  const { support_email, settings, inbound_emails, new_conversations, hold_strangers, forwarded_mail, agent_mail } =
    row;
  const { owner_contact, email, name, role } = row;
  const switches = { inbound_emails, new_conversations, hold_strangers, forwarded_mail, agent_mail };
  return {
    conversation: { key: conversation_key, account_key, number, contact_key, status, next_seq },
    account: { key: account_key, support_email, settings, ...switches },
    participantKey: participant_key,
    owner:
      participant_key === null || role === null
        ? null
        : { key: participant_key, conversation_key, contact_key: owner_contact, email, name, role },
    deliveryKey: row.delivery_key,
    around: aroundOfRow(row, conversation_key),
    by: `${kind} address`,
  };
}

/** What it asks of a conversation. */
export function askingMail({ reading, contentKey, limits }: ThreadedMail): AskingMail {
  return { from: reading?.mail.from?.email ?? null, contentKey, limits };
}
