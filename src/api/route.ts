/**
 * What a route is: one entry says method, path, what it takes and gives, and does it. From the same entry requests are
 * checked and /openapi.json is written, so the two can't part.
 *
 * `own` is the one gate between accounts: whatever an id names, it must belong to the caller's account, or there is
 * nothing of that name, in the same words as when there really is nothing.
 */
import type { Static, TObject, TSchema } from 'typebox';
import { type ErrorCode, isReplydError, ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';
import type { StoredContent } from '../conversation/filing.js';
import type { ConversationRef, OnceVerb, Store } from '../conversation/store.js';
import type { ShapeName } from './schema.js';

export interface Caller {
  readonly keyId: string;
  /** The account's slug; null: an operator's key. */
  readonly account: string | null;
}

/** Everything a handler works with. Query and body have been checked. */
export interface Call<Query, Body> {
  readonly store: Store;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Attachments of the body, put into the store's keeping; `content` in the body is the place in this list. */
  content(place: string): Promise<StoredContent>;
  /** Runs a writing verb, at most once for an Idempotency-Key. */
  once<Name extends OnceVerb>(
    verb: Name,
    ...values: Parameters<Store[Name]>
  ): Promise<Awaited<ReturnType<Store[Name]>>>;
  /** The same for work that is not the store's. Killed in the middle of it, it may be done once more. */
  onceOutside<Value>(work: () => Promise<Value>): Promise<Value>;
  readonly exchange: Exchange;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** `/v1/conversations/{ref}` */
  readonly path: string;
  readonly summary: string;
  readonly query?: TObject;
  readonly body?: TObject;
  /** Of a good answer: a shape, a page of shapes, or a media type that the handler sends itself. */
  readonly gives: { readonly one: ShapeName } | { readonly list: ShapeName } | { readonly media: string } | null;
  readonly status: 200 | 201 | 204;
  /** What is answered; undefined when the handler has answered itself. */
  readonly run: (call: Call<never, never>) => Promise<unknown>;
}

type Checked<Schema> = Schema extends TSchema ? Static<Schema> : Record<string, never>;

/** A route whose handler knows the types of its query and body. */
export function route<Query extends TObject | undefined = undefined, Body extends TObject | undefined = undefined>(
  definition: Omit<Route, 'query' | 'body' | 'run'> & {
    readonly query?: Query;
    readonly body?: Body;
    readonly run: (call: Call<Checked<Query>, Checked<Body>>) => Promise<unknown>;
  },
): Route {
  return definition as unknown as Route;
}

/** The id, when it is the caller's. */
export async function own(call: Pick<Call<unknown, unknown>, 'store' | 'caller'>, id: string): Promise<string> {
  const { account } = call.caller;
  const owner = await call.store.accountOf(id);
  if (owner === null || (account !== null && owner !== account)) {
    throw new ReplydError(codeOf(id), `There is no ${JSON.stringify(id.slice(0, 80))}.`);
  }
  return id;
}

const MISSING: Readonly<Record<string, ErrorCode>> = {
  cv: 'conversation_not_found',
  ct: 'contact_not_found',
  msg: 'message_not_found',
  att: 'attachment_not_found',
  dlv: 'delivery_not_found',
  hook: 'hook_not_found',
};

function codeOf(id: string): ErrorCode {
  return MISSING[id.slice(0, id.indexOf('_'))] ?? 'not_found';
}

/** The id at which a page ended, as a cursor: one that begins so, and is the caller's. */
export async function ownCursor(
  call: Pick<Call<unknown, unknown>, 'store' | 'caller'>,
  { id, prefix }: { readonly id: string; readonly prefix: 'ct_' | 'dlv_' },
): Promise<string> {
  if (!id.startsWith(prefix)) throw wrongCursor();
  return own(call, id).catch(error => {
    throw isReplydError(error, 'not_found') ? wrongCursor() : error;
  });
}

export function wrongCursor(): ReplydError {
  return new ReplydError('invalid_cursor', 'This cursor is none of ours: give `next_cursor` of the page before.');
}

/** A conversation by id, number, or `slug:number`, when it is the caller's. */
export async function ownConversation(
  call: Pick<Call<unknown, unknown>, 'store' | 'caller'>,
  ref: string,
): Promise<ConversationRef> {
  const { account } = call.caller;
  const numbered = /^(?:([a-z0-9][a-z0-9-]{0,62}):)?(\d{1,15})$/.exec(ref);
  if (!numbered) {
    if (!ref.startsWith('cv_'))
      throw new ReplydError('conversation_not_found', `There is no ${JSON.stringify(ref.slice(0, 80))}.`);
    return { id: await own(call, ref) };
  }
  const slug = numbered[1] ?? account;
  if (slug === null) {
    throw new ReplydError(
      'account_required',
      `With an operator's key a number needs its account, such as acme:${numbered[2]}.`,
    );
  }
  if (account !== null && slug !== account) {
    throw new ReplydError('conversation_not_found', `There is no ${JSON.stringify(ref)}.`);
  }
  return { account: slug, number: Number(numbered[2]) };
}

/** The account that something is made in. */
export function accountFor(caller: Caller, named: string | undefined): string {
  if (caller.account === null) {
    if (named === undefined) throw new ReplydError('account_required', "With an operator's key say which `account`.");
    return named;
  }
  if (named !== undefined && named !== caller.account) {
    throw new ReplydError('account_not_found', `There is no account ${JSON.stringify(named)}.`);
  }
  return caller.account;
}

/** For listings: the caller's account, or the one an operator named, or all. */
export function accountFilter(caller: Caller, named: string | undefined): { account?: string } {
  return caller.account === null && named === undefined ? {} : { account: accountFor(caller, named) };
}

/** One page, and where the next begins. `rows` were asked for with one more than `limit`. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursor: (last: Row) => string,
): { data: readonly Row[]; next_cursor: string | null } {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > limit && last !== undefined ? cursor(last) : null };
}

export const PAGE_SIZE = 50;
