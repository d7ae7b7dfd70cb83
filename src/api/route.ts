/**
 * What a route is: one entry says method, path, what it takes and gives, and does it. From the same entry requests are
 * checked and /openapi.json is written, so the two can't part.
 */
import type { Static, TObject, TSchema } from 'typebox';
import type { Exchange } from '../base/http.js';
import type { StoredContent } from '../conversation/filing.js';
import { pageBudget } from '../conversation/page.js';
import type { Caller } from '../conversation/ports.js';
import type { CallerStore, redactor } from './access.js';
import type { IdempotentRequest } from './idempotency.js';
import type { ShapeName } from './schema.js';

/** Everything a handler works with. Query and body have been checked; `store` gives out what is the caller's, and
 * runs what a request changes at most once for an Idempotency-Key. */
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
  /** Whether this was asked before under the same Idempotency-Key; known behind what changes something. */
  readonly repeated: () => boolean;
  /** What was to be made was there: the answer is 200 instead of 201. */
  readonly found: () => void;
  /** Does work outside the store at most once for an Idempotency-Key. */
  readonly onceOutside: IdempotentRequest['onceOutside'];
  /** Whether the caller's key is still good: for an answer that lasts. */
  isValid(): Promise<boolean>;
  /** One page, and where the next begins. `rows` were asked for with one more than `limit`. */
  page<Row>(rows: readonly Row[], limit: number, cursor: (last: Row) => string): Page<Row>;
  /** A cursor of this list for this place, for a page that ends by itself. */
  seal(place: string): string;
  readonly exchange: Exchange;
}

export interface Page<Row> {
  readonly data: readonly Row[];
  readonly next_cursor: string | null;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** `/v1/conversations/{ref}` */
  readonly path: string;
  readonly summary: string;
  readonly query?: TObject;
  readonly body?: TObject;
  /** A good answer: a shape, a page of shapes, a media type that the handler sends itself, or nothing. */
  readonly gives: { readonly one: ShapeName } | { readonly list: ShapeName } | { readonly media: string } | null;
  readonly status: 200 | 201 | 204;
  /** It makes something, or finds it: 200. */
  readonly finds: boolean;
  readonly run: (call: Call<never, never>) => Promise<unknown>;
}

type Checked<Schema> = Schema extends TSchema ? Static<Schema> : Record<string, never>;

/**
 * A route by its name, such as `GET /v1/hooks`; its handler knows the types of query and body. A good answer is 200, or
 * 204 where nothing is given; `makes`: 201; `finds`: 200 when it was there (`Call.found`).
 */
export function route<Query extends TObject | undefined = undefined, Body extends TObject | undefined = undefined>(
  name: `${Route['method']} ${string}`,
  {
    makes = false,
    finds = false,
    ...definition
  }: Pick<Route, 'summary' | 'gives'> & {
    readonly query?: Query;
    readonly body?: Body;
    readonly makes?: boolean;
    readonly finds?: boolean;
    readonly run: (call: Call<Checked<Query>, Checked<Body>>) => Promise<unknown>;
  },
): Route {
  const [method, path] = name.split(' ') as [Route['method'], string];
  const status = makes ? 201 : definition.gives === null ? 204 : 200;
  return { ...definition, method, path, status, finds } as Route;
}

type VerbById =
  | 'contact'
  | 'clearContact'
  | 'delivery'
  | 'cancelDelivery'
  | 'retryDelivery'
  | 'hook'
  | 'message'
  | 'releaseMessage'
  | 'dropMessage';

/** What one verb of the store does with what the path names by its `{id}`. */
export function byId(
  name: `${'GET' | 'POST'} ${string}`,
  verb: VerbById,
  { gives, summary }: { readonly gives: ShapeName; readonly summary: string },
): Route {
  return route(name, { summary, gives: { one: gives }, run: call => call.store[verb](call.params.id!) });
}

/** `Call.page`, of at most so many rows and bytes of JSON. */
export function pageOf<Row>(
  rows: readonly Row[],
  { limit, bytes }: { readonly limit: number; readonly bytes: number },
  cursor: (last: Row) => string,
): Page<Row> {
  const fits = pageBudget(bytes);
  const all = rows.slice(0, limit);
  const cut = all.findIndex(row => !fits(row));
  const data = cut === -1 ? all : all.slice(0, cut);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > data.length && last !== undefined ? cursor(last) : null };
}

/** For lists whose cursor is the id at which the page before ended. */
export function afterCursor(cursor: string | undefined): { readonly before?: string } {
  return cursor === undefined ? {} : { before: cursor };
}

export const PAGE_SIZE = 50;
