/**
 * The one gate between accounts. Handlers reach the store only through `storeFor(store, caller)`. Each verb there first
 * checks what it is given (an id, a conversation, a filter, an account to make something in, an agent in an account).
 *
 * What belongs to another account is answered like what does not exist, in the same words. What only an admin may do is
 * refused to other agents (admin_required); keys may do all in their account. What is shown to an account passes
 * `redactor`, which takes out the reply addresses of all others, and of all where an agent asks: whoever knows one can
 * write as the customer, also when he is no agent any more.
 */
import { type ErrorCode, isReplydError, ReplydError } from '../base/errors.js';
import type { AgentSession, SignInLink } from '../conversation/agent-store.js';
import type { Agent, AgentNotify, AgentProfile, AgentRole, ApiKey, Conversation } from '../conversation/model.js';
import type { Caller } from '../conversation/ports.js';
import { pauseQueue, type QueueState, queueState, resumeQueue } from '../conversation/queue-state.js';
import type { ConversationRef } from '../conversation/ref.js';
import { mailSignInLink } from '../conversation/sign-in.js';
import { ONCE_VERBS, type OnceVerb, type Store } from '../conversation/store.js';
import { wrongCursor } from './cursor.js';
import type { IdempotentRequest } from './idempotency.js';
import { type OperatorStore, operatorStore } from './operator-store.js';

/** What the values of a verb begin with. */
const VERBS = {
  conversation: 'conversation',
  setConversation: 'conversation',
  seen: 'conversation',
  rotateToken: 'conversation',
  revokeToken: 'conversation',
  removeConversation: 'conversation',
  messages: 'conversation',
  addMessage: 'conversation',
  assignConversation: 'conversation',
  addCc: 'conversation',
  removeCc: 'conversation',
  readConversation: 'conversation',
  message: 'id',
  releaseMessage: 'id',
  dropMessage: 'id',
  attachment: 'id',
  contact: 'id',
  setContact: 'id',
  clearContact: 'id',
  removeContact: 'id',
  conversationsOf: 'id',
  delivery: 'id',
  cancelDelivery: 'id',
  retryDelivery: 'id',
  hook: 'id',
  setHook: 'id',
  rotateHook: 'id',
  removeHook: 'id',
  conversations: 'filter',
  contacts: 'filter',
  deliveries: 'filter',
  hooks: 'filter',
  search: 'filter',
  startConversation: 'filter',
  addHook: 'filter',
  agents: 'filter',
  addAgent: 'filter',
  agentOf: 'account',
  account: 'account',
  setAccount: 'account',
} as const satisfies Partial<Record<keyof Store, 'id' | 'conversation' | 'filter' | 'account'>>;

type Verb = keyof typeof VERBS;

/** Of these what only an admin may do: agents, the account's settings, hooks, the queue, and a person's removal and export. */
const OF_ADMINS: ReadonlySet<Verb> = new Set<Verb>([
  ...(['delivery', 'cancelDelivery', 'retryDelivery', 'deliveries'] as const),
  ...(['hook', 'setHook', 'rotateHook', 'removeHook', 'hooks', 'addHook'] as const),
  ...(['addAgent', 'account', 'setAccount'] as const),
  ...(['removeConversation', 'removeContact', 'conversationsOf'] as const),
]);

/** `can_change`: the caller may pause and resume it. */
type Queue = QueueState & { readonly can_change: boolean };

/** The store as one caller may use it. */
export type CallerStore = Pick<Store, Verb> &
  OperatorStore & {
    /** Who is signed in. */
    me(): Promise<AgentProfile>;
    /** He may change his own name and `notify`, all else is the admin's. */
    setAgent(account: string, who: string, change: AgentChange): Promise<Agent>;
    removeAgent(account: string, who: string): Promise<void>;
    disableAgent(account: string, who: string): Promise<Agent>;
    enableAgent(account: string, who: string): Promise<Agent>;
    /** `shown`: the caller is to see it, which is agent_shared for an agent of further accounts. */
    newSignInLink(account: string, who: string, how: { readonly shown: boolean }): Promise<SignInLink>;
    /** Queues the mail with a link that was given out here; returns its delivery. */
    mailSignInLink(link: SignInLink, how: Parameters<typeof mailSignInLink>[2]): Promise<string>;
    /** For whoever administers an account. */
    queue(): Promise<Queue>;
    /** For whoever administers every account: their mails go through one queue. */
    setQueue(change: { readonly paused: boolean; readonly reason?: string }): Promise<Queue>;
    /** The mail that a message came in, null when it came in none. */
    mailOf(messageId: string): Promise<Awaited<ReturnType<Store['mail']>> | null>;
    /** The bytes behind an attachment or mail that was given out here. */
    readonly content: Store['content'];
  };

/** Who has this key. */
export function callerOfKey(key: ApiKey): Caller {
  return key.account === null
    ? { kind: 'operator', id: key.id, accounts: null, roles: null, agentId: null }
    : { kind: 'key', id: key.id, accounts: [key.account], roles: null, agentId: null };
}

/** Who has this session. */
export function callerOfSession({ agent }: AgentSession): Caller {
  return {
    kind: 'session',
    id: agent.id,
    accounts: agent.accounts.map(({ account }) => account),
    roles: new Map(agent.accounts.map(({ account, role }) => [account, role])),
    agentId: agent.id,
  };
}

/** `once`: runs a verb behind a request that may come twice; by default it is run each time. */
export function storeFor(store: Store, caller: Caller, once?: IdempotentRequest['once']): CallerStore {
  const own = (id: string) => ownId(store, caller, id);

  async function admitted(verb: Verb, [first, ...rest]: readonly unknown[]): Promise<readonly unknown[]> {
    const admit = (account: string | null) => {
      if (OF_ADMINS.has(verb)) requireAdmin(caller, account);
    };
    switch (VERBS[verb]) {
      case 'id':
        admit(await own(first as string));
        return [first, ...rest];
      case 'conversation': {
        const ref = first as ConversationRef;
        if ('id' in ref) admit(await own(ref.id));
        else if (sees(caller, ref.account)) admit(ref.account);
        else throw missing('conversation_not_found', String(ref.number));
        return [ref, ...rest];
      }
      case 'filter': {
        const filter = await ownFilter(first as Filter, CURSORS[verb] ?? null);
        admit(filter.account ?? null);
        return [filter, ...rest];
      }
      case 'account':
        admit(accountFor(caller, first as string));
        return [first, ...rest];
    }
  }

  async function ownFilter(filter: Filter, cursor: string | null): Promise<Filter> {
    if (filter.conversation !== undefined) await own(filter.conversation);
    if (filter.hook !== undefined) await own(filter.hook);
    if (typeof filter.contact === 'string' && !filter.contact.includes('@')) await own(filter.contact);
    if (filter.before !== undefined && cursor !== null) {
      if (!filter.before.startsWith(cursor)) throw wrongCursor();
      await own(filter.before).catch(error => {
        throw isReplydError(error, 'not_found') ? wrongCursor() : error;
      });
    }
    return { ...filter, ...accountFilter(caller, filter.account) };
  }

  const run = (verb: OnceVerb, values: readonly unknown[]) =>
    once === undefined
      ? (store[verb] as (...values: readonly unknown[]) => Promise<unknown>)(...values)
      : once(verb, values);

  const verbs = (Object.keys(VERBS) as Verb[]).map(verb => {
    const plain = store[verb] as (...values: readonly unknown[]) => Promise<unknown>;
    const onceVerb = ONCE_VERBS.find(each => each === verb);
    return [
      verb,
      async (...values: readonly unknown[]) => {
        const own = await admitted(verb, values);
        const answer = await (onceVerb === undefined ? plain(...own) : run(onceVerb, own));
        return GIVES_CONVERSATIONS.has(verb) ? withUnread(store, caller, answer) : answer;
      },
    ];
  });

  /** An agent of an account that the caller may administer. */
  async function ownAgent(account: string, who: string): Promise<Agent> {
    const agent = await store.agentOf(accountFor(caller, account), who);
    requireAdmin(caller, account);
    return agent;
  }

  /** Changes him as a person, and shows him as the account knows him. */
  async function changed(verb: 'disableAgent' | 'enableAgent', account: string, who: string): Promise<Agent> {
    const { id } = await ownAgent(account, who);
    await run(verb, [id, withinOf(caller)]);
    return store.agentOf(account, id);
  }

  return {
    ...(Object.fromEntries(verbs) as Pick<Store, Verb>),
    ...operatorStore(store, caller, { ...withinOf(caller), run }),
    async me() {
      if (caller.agentId === null) throw new ReplydError('agent_required', 'Nobody is signed in: this is a key.');
      return store.agent(caller.agentId);
    },
    async setAgent(account, who, change) {
      const { id } = await store.agentOf(accountFor(caller, account), who);
      const isOwn = id === caller.agentId && change.role === undefined;
      if (!isOwn) requireAdmin(caller, account);
      return store.setAgent(account, id, { ...change, ...(isOwn ? {} : withinOf(caller)) });
    },
    async removeAgent(account, who) {
      return store.removeAgent((await ownAgent(account, who)).id, account);
    },
    disableAgent: (account, who) => changed('disableAgent', account, who),
    enableAgent: (account, who) => changed('enableAgent', account, who),
    async newSignInLink(account, who, { shown }) {
      const { id } = await ownAgent(account, who);
      if (!shown) return store.newSignInLink(id, { knownTo: 'nobody' });
      const knownTo = caller.kind === 'operator' ? 'operator' : 'account';
      return store.newSignInLink(id, { knownTo, ...withinOf(caller) });
    },
    mailSignInLink: (link, how) => mailSignInLink(store, link, how),
    async queue() {
      if (withinOf(caller).within?.length === 0) requireAdmin(caller, null);
      const [state, can_change] = [await queueState(store), await runsAll(store, caller)];
      // What a smarthost says in trouble is about somebody's mail, perhaps another account's.
      return { ...state, can_change, ...(state.paused === 'trouble' && !can_change ? { reason: null } : {}) };
    },
    async setQueue({ paused, reason = null }) {
      if (!(await runsAll(store, caller))) {
        throw new ReplydError(
          'forbidden',
          'All accounts have one queue: only who administers each of them may do that.',
        );
      }
      return { ...(await (paused ? pauseQueue(store, reason) : resumeQueue(store))), can_change: true };
    },
    async mailOf(messageId) {
      await own(messageId);
      const { mail_id } = await store.message(messageId);
      return mail_id === null ? null : store.mail(mail_id);
    },
    content: ref => store.content(ref),
  };
}

const GIVES_CONVERSATIONS: ReadonlySet<Verb> = new Set<Verb>([
  ...(['conversation', 'conversations', 'setConversation', 'startConversation', 'assignConversation'] as const),
  ...(['readConversation', 'seen', 'rotateToken', 'revokeToken', 'addCc', 'removeCc'] as const),
]);

/** With what the agent who asks has to read in each of them; for others as they are. */
async function withUnread(store: Store, { agentId }: Caller, answer: unknown): Promise<unknown> {
  if (agentId === null) return answer;
  const all = [answer].flat() as readonly Conversation[];
  const unread = new Set(
    await store.unread(
      agentId,
      all.map(each => each.id),
    ),
  );
  const shown = all.map(each => ({ ...each, unread: unread.has(each.id) }));
  return Array.isArray(answer) ? shown : shown[0];
}

/** `account` null: of all. Throws admin_required. */
function requireAdmin({ roles }: Caller, account: string | null): void {
  if (roles === null || (account !== null && roles.get(account) === 'admin')) return;
  throw new ReplydError('admin_required', 'Only an admin of the account may do that.');
}

/** The accounts that the caller may speak for, about agents who belong to several. */
function withinOf({ accounts, roles }: Caller): { within?: readonly string[] } {
  if (accounts === null) return {};
  return { within: roles === null ? accounts : accounts.filter(account => roles.get(account) === 'admin') };
}

async function runsAll(store: Pick<Store, 'accounts'>, caller: Caller): Promise<boolean> {
  const { within } = withinOf(caller);
  return within === undefined || (await store.accounts()).every(({ slug }) => within.includes(slug));
}

interface AgentChange {
  readonly name?: string;
  readonly role?: AgentRole;
  readonly notify?: AgentNotify;
}

interface Filter {
  readonly account?: string;
  readonly conversation?: string;
  readonly hook?: string;
  readonly contact?: unknown;
  readonly before?: string;
}

/** Lists whose cursor is the id at which the page before ended. */
const CURSORS: Partial<Record<Verb, string>> = { contacts: 'ct_', deliveries: 'dlv_' };

const MISSING: Readonly<Record<string, ErrorCode>> = {
  cv: 'conversation_not_found',
  ct: 'contact_not_found',
  msg: 'message_not_found',
  att: 'attachment_not_found',
  dlv: 'delivery_not_found',
  hook: 'hook_not_found',
};

/** The account that it belongs to. */
async function ownId(store: Store, caller: Caller, id: string): Promise<string> {
  const account = await store.accountOf(id);
  if (account === null || !sees(caller, account)) throw missing(MISSING[id.split('_')[0]!] ?? 'not_found', id);
  return account;
}

function sees(caller: Caller, account: string): boolean {
  return caller.accounts === null || caller.accounts.includes(account);
}

function missing(code: ErrorCode, name: string): ReplydError {
  return new ReplydError(code, `There is no ${JSON.stringify(name.slice(0, 80))}.`);
}

/** A conversation as it is named in a path: by id, number, or `slug:number`. Whose it is, is looked at with the verb. */
export function conversationRef(caller: Caller, ref: string): ConversationRef {
  const numbered = /^(?:([a-z0-9][a-z0-9-]{0,62}):)?(\d{1,15})$/.exec(ref);
  if (!numbered) {
    if (!ref.startsWith('cv_')) throw missing('conversation_not_found', ref);
    return { id: ref };
  }
  const account = numbered[1] ?? only(caller);
  if (account === null) {
    throw new ReplydError('account_required', `A number needs its account here, such as acme:${numbered[2]}.`);
  }
  return { account, number: Number(numbered[2]) };
}

/** The account that something is made in: the one that was named, else the caller's only one. */
export function accountFor(caller: Caller, named: string | undefined): string {
  const account = named ?? only(caller);
  if (account === null) throw new ReplydError('account_required', 'Say which `account`.');
  if (!sees(caller, account)) {
    throw new ReplydError('account_not_found', `There is no account ${JSON.stringify(account)}.`);
  }
  return account;
}

/** For listings: as `accountFor`, or all where the caller may see all. */
function accountFilter(caller: Caller, named: string | undefined): { account?: string } {
  return caller.accounts === null && named === undefined ? {} : { account: accountFor(caller, named) };
}

function only(caller: Caller): string | null {
  return caller.accounts?.length === 1 ? caller.accounts[0]! : null;
}

/** An address of ours in JSON whose token was taken out. */
const MASKED = /"(reply_to|inbox)":"[^"\\]*\u2026@[^"\\]*"/g;

/**
 * Takes out what the caller may not read: reply addresses of other accounts, for an agent those of all; `sameLength`: with
 * an x for each character. Null: he may read all there is.
 */
export async function redactor(
  store: Pick<Store, 'redacted' | 'singleTenant'>,
  caller: Caller,
): Promise<((text: string, options?: { readonly sameLength: boolean }) => Promise<string>) | null> {
  if (caller.kind === 'session') {
    return async (text, options = { sameLength: false }) =>
      (await store.redacted(text, { account: null, ...options })).replaceAll(MASKED, '"$1":null');
  }
  if (caller.accounts === null) return null;
  const account = accountFor(caller, undefined);
  if (await store.singleTenant(account)) return null;
  return (text, options = { sameLength: false }) => store.redacted(text, { account, ...options });
}
