/**
 * The one gate between accounts. Handlers reach the store only through `storeFor(store, caller)`. Each verb there first
 * checks what it is given (an id, a conversation, a filter, an account to make something in).
 *
 * What belongs to another account is answered like what does not exist, in the same words. What is shown to an account
 * passes `redactor`, which takes out the reply addresses of all others.
 */
import { type ErrorCode, isReplydError, ReplydError } from '../base/errors.js';
import type { ApiKey } from '../conversation/model.js';
import type { Caller } from '../conversation/ports.js';
import { type ConversationRef, ONCE_VERBS, type Store } from '../conversation/store.js';
import { wrongCursor } from './cursor.js';
import type { IdempotentRequest } from './idempotency.js';

/** What the values of a verb begin with. */
const VERBS = {
  conversation: 'conversation',
  setConversation: 'conversation',
  seen: 'conversation',
  rotateToken: 'conversation',
  revokeToken: 'conversation',
  messages: 'conversation',
  addMessage: 'conversation',
  message: 'id',
  releaseMessage: 'id',
  dropMessage: 'id',
  attachment: 'id',
  contact: 'id',
  setContact: 'id',
  clearContact: 'id',
  delivery: 'id',
  cancelDelivery: 'id',
  retryDeliveries: 'filter',
  hook: 'id',
  rotateHook: 'id',
  removeHook: 'id',
  conversations: 'filter',
  contacts: 'filter',
  deliveries: 'filter',
  hooks: 'filter',
  startConversation: 'filter',
  addHook: 'filter',
} as const satisfies Partial<Record<keyof Store, 'id' | 'conversation' | 'filter'>>;

type Verb = keyof typeof VERBS;

/** The store as one caller may use it. */
export type CallerStore = Pick<Store, Verb> & {
  /** The mail that a message came in, null when it came in none. */
  mailOf(messageId: string): Promise<Awaited<ReturnType<Store['mail']>> | null>;
  /** The bytes behind an attachment or mail that was given out here. */
  readonly read: Store['read'];
};

/** Who has this key. */
export function callerOfKey(key: ApiKey): Caller {
  return key.account === null
    ? { kind: 'operator', id: key.id, accounts: null, role: null, agentId: null }
    : { kind: 'key', id: key.id, accounts: [key.account], role: null, agentId: null };
}

/** `once`: runs a verb behind a request that may come twice; by default it is run each time. */
export function storeFor(store: Store, caller: Caller, once?: IdempotentRequest['once']): CallerStore {
  const own = (id: string) => ownId(store, caller, id);

  async function admitted(verb: Verb, [first, ...rest]: readonly unknown[]): Promise<readonly unknown[]> {
    switch (VERBS[verb]) {
      case 'id':
        return [await own(first as string), ...rest];
      case 'conversation': {
        const ref = first as ConversationRef;
        if ('id' in ref) await own(ref.id);
        else if (!sees(caller, ref.account)) throw missing('conversation_not_found', String(ref.number));
        return [ref, ...rest];
      }
      case 'filter':
        return [await ownFilter(first as Filter, CURSORS[verb] ?? null), ...rest];
    }
  }

  async function ownFilter(filter: Filter, cursor: string | null): Promise<Filter> {
    if (filter.id !== undefined) await own(filter.id);
    if (filter.conversation !== undefined) await own(filter.conversation);
    if (typeof filter.contact === 'string' && !filter.contact.includes('@')) await own(filter.contact);
    if (filter.before !== undefined && cursor !== null) {
      if (!filter.before.startsWith(cursor)) throw wrongCursor();
      await own(filter.before).catch(error => {
        throw isReplydError(error, 'not_found') ? wrongCursor() : error;
      });
    }
    return { ...filter, ...accountFilter(caller, filter.account) };
  }

  const verbs = (Object.keys(VERBS) as Verb[]).map(verb => {
    const run = store[verb] as (...values: readonly unknown[]) => Promise<unknown>;
    const onceVerb = ONCE_VERBS.find(each => each === verb);
    return [
      verb,
      async (...values: readonly unknown[]) => {
        const own = await admitted(verb, values);
        return once !== undefined && onceVerb !== undefined ? once(onceVerb, own) : run(...own);
      },
    ];
  });
  return {
    ...(Object.fromEntries(verbs) as Pick<Store, Verb>),
    async mailOf(messageId) {
      const { mail_id } = await store.message(await own(messageId));
      return mail_id === null ? null : store.mail(mail_id);
    },
    read: ref => store.read(ref),
  };
}

interface Filter {
  readonly account?: string;
  readonly id?: string;
  readonly conversation?: string;
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

async function ownId(store: Store, caller: Caller, id: string): Promise<string> {
  const account = await store.accountOf(id);
  if (account === null || !sees(caller, account)) throw missing(MISSING[id.split('_')[0]!] ?? 'not_found', id);
  return id;
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

/**
 * Takes the reply addresses of other accounts out of what the caller is shown; `sameLength`: with an x for each
 * character. Null: he may read all there is.
 */
export async function redactor(
  store: Store,
  caller: Caller,
): Promise<((text: string, options?: { readonly sameLength: boolean }) => Promise<string>) | null> {
  if (caller.accounts === null) return null;
  const account = accountFor(caller, undefined);
  if (await store.singleTenant(account)) return null;
  return (text, options = { sameLength: false }) => store.redacted(text, { account, ...options });
}
