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
import { parseOurAddress } from '../../mail/address.js';
import type { Mailbox } from '../../mail/mail.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { AccountRow, FilingAccount, FilingConversation, ParticipantRow } from '../rows.js';
import { fromJson, inTurn, type StoreTx } from '../tx.js';
import { knownPrefixes, resolve } from './accounts.js';
import { participantByAddress } from './participants.js';
import { conversationOfId } from './thread-ids.js';

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
  /** He himself, where he was looked up already. */
  readonly owner?: ParticipantRow;
  readonly deliveryKey: number | null;
  /** Who opened it, where a mail did that can be read, and why it is not the person in From. */
  readonly opener?: { readonly person: Mailbox | null; readonly evidence: readonly string[] };
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

/** A mail as far as threading asks. `ownId`: its Message-ID, or what stands for it. `reading`: null when it cannot be read. */
interface ThreadedMail {
  readonly reading: FiledReading | null;
  readonly mailFrom: string;
  readonly ownId: string | null;
}

export async function targetOf(tx: StoreTx, mail: ThreadedMail, destination: Destination): Promise<Target> {
  if (destination.kind === 'operator') return { kind: 'operator' };
  const named = await threadOfToken(tx, destination);
  const account = destination.kind === 'inbox' ? await accountOfInbox(tx, destination.token) : (named?.account ?? null);
  const switches = account === null ? null : switchesOf(account);
  const refusal = refusalAt(destination.kind, switches, writersOf(mail));
  if (refusal !== null) return { kind: 'refused', refusal };
  if (named !== null) return { kind: 'conversation', ...named, evidence: [] };
  const thread = await findThread(tx, account!.key, mail);
  if (thread !== null) {
    return { kind: 'conversation', ...thread, account: account!, evidence: [`threaded: ${thread.by}`] };
  }
  return unthreadedMail(switches!) === 'new'
    ? { kind: 'opens', account: account! }
    : { kind: 'refused', refusal: 'unthreaded' };
}

/** The conversation of a mail that names only an account. */
async function findThread(tx: StoreTx, accountKey: number, { reading, ownId }: ThreadedMail): Promise<Thread | null> {
  const named = reading === null ? null : await threadInHeader(tx, accountKey, reading);
  if (named !== null) return named;
  for (const { field, id } of threadIds(reading, ownId)) {
    const conversation = await conversationOfId(tx, accountKey, id);
    if (conversation) return { conversation, participantKey: null, deliveryKey: null, by: `${field} <${id}>` };
  }
  return null;
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
  }: { readonly recipients: readonly string[]; readonly mailFrom: string; readonly reading: FiledReading },
): Promise<readonly Location[]> {
  const mail = { reading, mailFrom, ownId: reading.mail.messageId };
  return inTurn(recipients, async recipient => {
    const nowhere = { recipient, account: null, conversation: null, by: null, writer_known: false };
    const lookup = await resolve(tx, recipient);
    if (lookup.kind !== 'destination') return { ...nowhere, goes: lookup.kind };
    const { destination } = lookup;
    if (destination.kind === 'operator') return { ...nowhere, goes: 'kept' };
    const account = (await byKey(tx, 'account', keyOf('account', destination.accountId)))!;
    const inAccount = { ...nowhere, account: account.slug };
    const switches = switchesOf(account);
    if (refusalAt(destination.kind, switches, writersOf(mail)) === 'blocked') {
      return { ...inAccount, goes: 'blocked', by: blockingEntry(switches.blocked, writersOf(mail)) };
    }
    const thread = (await threadOfToken(tx, destination)) ?? (await findThread(tx, account.key, mail));
    if (thread === null) return { ...inAccount, goes: unthreadedMail(switches) };
    const { key, number } = thread.conversation;
    return {
      ...inAccount,
      goes: 'conversation',
      conversation: { id: encodeId('conversation', key), number },
      by: thread.by,
      writer_known: (await participantByAddress(tx, key, reading.mail.from?.email)) !== null,
    };
  });
}

async function threadInHeader(tx: StoreTx, accountKey: number, reading: FiledReading): Promise<Thread | null> {
  const prefixes = await knownPrefixes(tx);
  for (const { field, address } of deliveryAddresses(reading.mail)) {
    const parsed = parseOurAddress(address, prefixes);
    const thread = 'token' in parsed ? await threadOfToken(tx, parsed) : null;
    if (thread?.conversation.account_key === accountKey) return { ...thread, by: `${thread.by} in the field ${field}` };
  }
  return null;
}

/** What stands behind each token, beside the row that has it: in one statement, because every mail asks. */
const BEHIND = `c.account_key, c.number, c.contact_key, c.status, c.next_seq,
  a.settings, a.inbound_emails, a.new_conversations, a.hold_strangers`;

const THREAD_OF_TOKEN = {
  reply: `select null as delivery_key, t.conversation_key, t.participant_key, p.contact_key as owner_contact, p.email, p.name,
      p.role, ${BEHIND}
    from token t join participant p on p.key = t.participant_key join conversation c on c.key = t.conversation_key
      join account a on a.key = c.account_key
    where t.token = $1 and t.revoked_at is null`,
  bounce: `select d.key as delivery_key, d.conversation_key, d.participant_key, ${BEHIND}
    from delivery d join conversation c on c.key = d.conversation_key join account a on a.key = c.account_key
    where d.bounce_token = $1 and c.removing_at is null`,
} as const;

type TokenRow = Omit<FilingConversation, 'key'> &
  Omit<FilingAccount, 'key'> &
  Pick<ParticipantRow, 'email' | 'name' | 'role'> & {
    readonly delivery_key: number | null;
    readonly conversation_key: number;
    readonly participant_key: number | null;
    readonly owner_contact: number | null;
  };

/** Null too for a forwarding address, which names an account. */
async function threadOfToken(
  tx: StoreTx,
  { kind, token }: { readonly kind: 'reply' | 'bounce' | 'inbox'; readonly token: string },
): Promise<TokenThread | null> {
  if (kind === 'inbox') return null;
  const row = await tx.get<TokenRow>(THREAD_OF_TOKEN[kind], token);
  if (row === undefined) return null;
  const { conversation_key, participant_key, account_key, number, contact_key, status, next_seq } = row;
  const { settings, inbound_emails, new_conversations, hold_strangers, email, name, role } = row;
  return {
    conversation: { key: conversation_key, account_key, number, contact_key, status, next_seq },
    account: { key: account_key, settings, inbound_emails, new_conversations, hold_strangers },
    participantKey: participant_key,
    ...(kind === 'reply'
      ? { owner: { key: participant_key!, conversation_key, contact_key: row.owner_contact, email, name, role } }
      : {}),
    deliveryKey: row.delivery_key,
    by: `${kind} address`,
  };
}
