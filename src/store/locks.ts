/**
 * Which rows each writing verb holds before it reads what it decides on. Where writers do not take turns, the engine takes
 * them for all calls of a transaction in one order: accounts by rising key, conversations by rising key, destinations by
 * name. Two calls without a common row may work at the same time, in two transactions or side by side in one.
 *
 * What a row stands for:
 *   - an account: its number for the next conversation, its domains, settings and hooks, who is a contact of it, and how
 *     many there are of each;
 *   - a conversation: its row, participants, tokens, messages, attachments, ids and mails, its numbers of messages and
 *     events, and its deliveries as long as no courier may have them;
 *   - a destination (the smarthost, a hook): its pause, the hook itself, and which of its deliveries go next. It has a row
 *     when it is locked: the engine makes one. What is on its way belongs to whoever leased it (`settle`, `release`).
 *
 * The look-ups here read only what never changes: to which account or conversation a token, an id, a number belongs. What
 * a verb finds out later it asks for with `tx.lock`; the engine takes back all that the call did and runs it again with
 * that row too. `advance`, `contactFor` and the removals ask for theirs, so a verb that is wrong here works, but twice.
 *
 * What is written without a row of these, and why that goes well:
 *   - new rows with new keys; tokens, which are chance; `blob`, `proof`, `reply_prefix`, `api_key`, `idempotency`,
 *     `dkim_key`, an account's slug: a unique index says who came first, the other one is repeated and finds it;
 *   - the sums in `cleared_to`: they are added to, never written as they were read, in one order of rows;
 *   - `mail`: a mail's row changes with all conversations held that have it; only its bytes go (`clearOld`);
 *   - a contact's suspension touches deliveries of all his conversations: the account and these are asked for then;
 *   - old events and what is left of finished deliveries: they only go.
 * A circle of two transactions is still possible where they meet in such rows; the database ends it and one is repeated.
 */
import type { Filing } from '../conversation/filing.js';
import type { ConversationRef } from '../conversation/ref.js';
import type { Calls, WritingName } from './calls.js';
import { decodeId } from './ids.js';
import { SMARTHOST } from './rows.js';
import { inTurn, type StoreTx } from './tx.js';
import { mailOf } from './verbs/filing.js';
import { conversationsOfContact } from './verbs/participants.js';
import { nextRetried } from './verbs/queued.js';
import { conversationsBeside } from './verbs/removal.js';
import { targetOf } from './verbs/threading.js';

/** Keys of rows, and names of destinations, each once. */
export interface Locks {
  readonly accounts: readonly number[];
  readonly conversations: readonly number[];
  readonly destinations: readonly string[];
}

export const NO_LOCKS: Locks = { accounts: [], conversations: [], destinations: [] };

type LocksOf<Name extends WritingName> = (
  tx: StoreTx,
  ...values: Parameters<Calls[Name]>
) => Locks | null | Promise<Locks | null>;

const none = () => NO_LOCKS;
/** It works alone in a transaction of its own, and takes what it needs while it works (`tx.lock`). */
const alone = () => null;

const TABLE: { readonly [Name in WritingName]: LocksOf<Name> } = {
  addAccount: none,
  setAccount: ofAccount,
  setFeature: ofAccount,
  rememberPrefixes: none,
  setContact: (tx, id, change) => ofContact(tx, decodeId('contact', id), { conversations: change.email != null }),
  clearContact: (tx, id) => ofContact(tx, decodeId('contact', id), { conversations: true }),
  startConversation: (tx, { account }) => ofAccount(tx, account),
  importConversations: async (tx, imported) =>
    union(await inTurn([...new Set(imported.map(each => each.account))], slug => ofAccount(tx, slug))),
  setConversation: ofRef,
  seen: ofRef,
  dropWaitingPart: ofRef,
  rotateToken: ofRef,
  revokeToken: ofRef,
  addMessage: ofRef,
  releaseMessage: ofMessage,
  dropMessage: ofMessage,
  reread: ofMessage,
  refuse: none,
  refile: ofMail,
  verified: ofMail,
  noteReader: none,
  file: ofFiling,
  saveComposed: (_tx, composed) => conversation(decodeId('conversation', composed.conversationId)),
  // Nobody else composes it then: it belongs to no conversation.
  saveForward: () => destination(SMARTHOST),
  openNotice: ofDelivery,
  saveNotice: (tx, { deliveryId }) => ofDelivery(tx, deliveryId),
  // They take what is free and let be what others have.
  voidLeases: alone,
  pullForward: alone,
  lease: (_tx, name) => destination(name),
  // Behind a lease that may still be on its way.
  voidLost: (_tx, name) => destination(name),
  // The lease says whose it is. A mail's end is told in its conversation, that of a webhook nowhere.
  settle: async (tx, id, outcome) => {
    const found = await deliveryOf(tx, id);
    if (found?.kind !== 'mail') return NO_LOCKS;
    const suspends = outcome.kind === 'failed' && outcome.suspend && found.contact_key !== null;
    return union([
      conversation(found.conversation_key),
      suspends ? await ofContact(tx, found.contact_key, { conversations: true }) : NO_LOCKS,
    ]);
  },
  release: none,
  setDestination: (_tx, { name }) => destination(name),
  // Nobody leases it meanwhile.
  retryDelivery: ofDelivery,
  cancelDelivery: ofDelivery,
  retryDeliveriesPart: async (tx, which) => union((await nextRetried(tx, which)).map(ofDeliveryRow)),
  removeConversationPart: async (tx, ref) => ofRemoval(tx, await keyOfRef(tx, ref)),
  removeContactPart: async (tx, id) => {
    const key = decodeId('contact', id);
    const next = 'select key from conversation where contact_key = $1 limit 1';
    return union([await ofContact(tx, key), await ofRemoval(tx, (await tx.value<number>(next, key ?? -1)) ?? null)]);
  },
  removeAccountPart: async (tx, slug) => {
    const locks = await ofAccount(tx, slug);
    const next = 'select key from conversation where account_key = $1 limit 1';
    const key = (await tx.value<number>(next, locks.accounts[0] ?? -1)) ?? null;
    return union([locks, await ofRemoval(tx, key)]);
  },
  clearUnfiledPart: none,
  clearFiles: none,
  // Rows of its own, each removed as it was read.
  lookedAgain: none,
  // They look for what is over, in all accounts.
  clearOld: alone,
  clearEvents: alone,
  addKey: none,
  // Rows of keys have no order: whoever holds one holds no other.
  keyUsed: alone,
  revokeKey: none,
  addDkimKey: none,
  useDkimKey: alone,
  removeDkimKey: none,
  // Rows of agents have no order: whoever changes one holds it (`holdAgent`), behind the accounts.
  addAgent: alone,
  setAgent: alone,
  disableAgent: alone,
  enableAgent: alone,
  removeAgentPart: alone,
  newSignInLink: alone,
  useLink: alone,
  replacePassword: alone,
  openSessionOf: alone,
  sessionUsed: alone,
  endSession: alone,
  endSessions: alone,
  // How many went to him lately is counted there.
  notifyAgent: () => destination(SMARTHOST),
  // Nobody leaves the account meanwhile.
  assignConversation: async (tx, ref) => {
    const key = await keyOfRef(tx, ref);
    const text = 'select account_key from conversation where key = $1';
    return union([account((await tx.value<number>(text, key ?? -1)) ?? null), conversation(key)]);
  },
  readConversation: ofRef,
  addCc: ofRef,
  removeCc: ofRef,
  addHook: (tx, { account }) => ofAccount(tx, account),
  setHook: (_tx, id) => destination(id),
  rotateHook: (_tx, id) => destination(id),
  enableHook: (_tx, id) => destination(id),
  disableHookPart: (_tx, id) => destination(id),
  removeHookPart: (_tx, id) => destination(id),
  once: (tx, _request, verb, values) => locksOf(tx, verb, values),
  answer: none,
  canWrite: none,
  canStore: none,
  cursorKey: none,
  setRules: none,
  // Each in turn with the others, by the rows of nodes.
  joinNode: alone,
  beat: alone,
  leaveNode: alone,
};

/** Whether a call of this verb has a transaction of its own. */
export function worksAlone(name: string): boolean {
  return (TABLE as Readonly<Record<string, unknown>>)[name] === alone;
}

/**
 * The rows that a call holds while it works; null: it works alone. What does not exist has no row. `values` as the verb
 * takes them. Faults of the database are thrown.
 */
export async function locksOf(tx: StoreTx, name: WritingName, values: readonly unknown[]): Promise<Locks | null> {
  return (TABLE[name] as (tx: StoreTx, ...values: readonly unknown[]) => Locks | null | Promise<Locks | null>)(
    tx,
    ...values,
  );
}

function union(all: readonly Locks[]): Locks {
  return {
    accounts: [...new Set(all.flatMap(each => each.accounts))],
    conversations: [...new Set(all.flatMap(each => each.conversations))],
    destinations: [...new Set(all.flatMap(each => each.destinations))],
  };
}

function account(key: number | null): Locks {
  return key === null ? NO_LOCKS : { ...NO_LOCKS, accounts: [key] };
}

function conversation(key: number | null): Locks {
  return key === null ? NO_LOCKS : { ...NO_LOCKS, conversations: [key] };
}

function destination(name: string): Locks {
  return { ...NO_LOCKS, destinations: [name] };
}

async function ofAccount(tx: StoreTx, slug: string): Promise<Locks> {
  return account((await tx.value<number>('select key from account where slug = $1', slug)) ?? null);
}

async function keyOfRef(tx: StoreTx, ref: ConversationRef): Promise<number | null> {
  if ('id' in ref) return decodeId('conversation', ref.id);
  const text = `select c.key from account a join conversation c on c.account_key = a.key
    where a.slug = $1 and c.number = $2`;
  return (await tx.value<number>(text, ref.account, ref.number)) ?? null;
}

async function ofRef(tx: StoreTx, ref: ConversationRef): Promise<Locks> {
  return conversation(await keyOfRef(tx, ref));
}

async function ofMessage(tx: StoreTx, id: string): Promise<Locks> {
  const key = decodeId('message', id);
  return conversation(
    (await tx.value<number>('select conversation_key from message where key = $1', key ?? -1)) ?? null,
  );
}

async function ofMail(tx: StoreTx, id: string): Promise<Locks> {
  const key = decodeId('mail', id);
  const rows = await tx.all<{ key: number }>(
    'select distinct conversation_key as key from message where mail_key = $1',
    key ?? -1,
  );
  return { ...NO_LOCKS, conversations: rows.map(row => row.key) };
}

/** His account, in which his address is his alone; `conversations`: those in which he has it, and what waits for him. */
async function ofContact(
  tx: StoreTx,
  key: number | null,
  { conversations = false }: { readonly conversations?: boolean } = {},
): Promise<Locks> {
  if (key === null) return NO_LOCKS;
  const locks = account((await tx.value<number>('select account_key from contact where key = $1', key)) ?? null);
  return conversations ? { ...locks, conversations: await conversationsOfContact(tx, key) } : locks;
}

interface DeliveryFacts {
  readonly kind: string;
  readonly conversation_key: number | null;
  readonly destination: string;
  readonly contact_key: number | null;
}

async function deliveryOf(tx: StoreTx, id: string): Promise<DeliveryFacts | undefined> {
  return tx.get<DeliveryFacts>(
    `select d.kind, d.conversation_key, d.destination, p.contact_key
     from delivery d left join participant p on p.key = d.participant_key where d.key = $1`,
    decodeId('delivery', id) ?? -1,
  );
}

async function ofDelivery(tx: StoreTx, id: string): Promise<Locks> {
  const found = await deliveryOf(tx, id);
  return found === undefined ? NO_LOCKS : ofDeliveryRow(found);
}

function ofDeliveryRow(row: Pick<DeliveryFacts, 'conversation_key' | 'destination'>): Locks {
  return union([conversation(row.conversation_key), destination(row.destination)]);
}

/** With those that have a mail of its next messages too: the last of them takes the mail along. */
async function ofRemoval(tx: StoreTx, key: number | null): Promise<Locks> {
  if (key === null) return NO_LOCKS;
  return { ...NO_LOCKS, conversations: [key, ...(await conversationsBeside(tx, key))] };
}

/**
 * The conversations that its addresses name, and those that its ids lead to. One that may open a conversation holds the
 * account, where the next one with the same ids looks again. Copies for the operator are counted over all of them.
 */
async function ofFiling(tx: StoreTx, filing: Filing): Promise<Locks> {
  const mail = mailOf(filing);
  return union(
    await inTurn(filing.destinations, async (named): Promise<Locks> => {
      if (named.kind === 'operator') return destination(SMARTHOST);
      if (named.kind !== 'inbox') return conversation(decodeId('conversation', named.conversationId));
      const target = await targetOf(tx, mail, named);
      return target.kind === 'conversation'
        ? conversation(target.conversation.key)
        : account(decodeId('account', named.accountId));
    }),
  );
}
