/**
 * What a route is: one entry says method, path, what it takes and gives, and does it. From the same entry requests are
 * checked and /openapi.json is written, so the two can't part.
 */
import type { Static, TObject, TSchema } from 'typebox';
import type { Exchange } from '../base/http.js';
import type { StoredContent } from '../conversation/filing.js';
import { pageBudget } from '../conversation/page.js';
import type { Caller } from '../conversation/ports.js';
import type { Store } from '../conversation/store.js';
import type { CallerStore, OnceForCaller, redactor } from './access.js';
import type { IdempotentRequest } from './idempotency.js';
import type { ShapeName } from './schema.js';

/** Everything a handler works with. Query and body have been checked; `store` gives out what is the caller's. */
export interface Call<Query, Body> {
  readonly store: CallerStore;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Attachments of the body, put into the store's keeping; `content` in the body is the place in this list. */
  content(place: string): Promise<StoredContent>;
  /** Takes out what he may not read; null: there is nothing. */
  readonly redact: Awaited<ReturnType<typeof redactor>>;
  /** Runs a writing verb, at most once for an Idempotency-Key. */
  once<Name extends OnceForCaller>(
    verb: Name,
    ...values: Parameters<Store[Name]>
  ): Promise<Awaited<ReturnType<Store[Name]>>>;
  readonly onceOutside: IdempotentRequest['onceOutside'];
  /** Whether the caller's key is still good: for an answer that lasts. */
  isValid(): Promise<boolean>;
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

/** One page, and where the next begins. `rows` were asked for with one more than `limit`. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursor: (last: Row) => string,
): { data: readonly Row[]; next_cursor: string | null } {
  const fits = pageBudget();
  const all = rows.slice(0, limit);
  const cut = all.findIndex(row => !fits(row));
  const data = cut === -1 ? all : all.slice(0, cut);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > data.length && last !== undefined ? cursor(last) : null };
}

export const PAGE_SIZE = 50;
