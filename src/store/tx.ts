/**
 * What every verb of the store works with: one transaction (`Tx` of conversation/ports.ts), and the randomness, rules and
 * place of the store. A verb neither begins nor ends the transaction: whoever runs it does, a batch of the writer thread
 * or one call of a CLI verb. Verbs know no engine.
 */
import type { Random, Soon, Tx } from '../conversation/ports.js';
import type { Store } from '../conversation/store.js';
import type { Json } from './rows.js';

export interface StoreTx extends Tx {
  readonly random: Random;
  /** Replaced on reload. */
  rules: Rules;
  readonly dataDir: string;
  readonly large: LargeContents;
  /** The node that works here; null: there is one daemon, or this is a command. */
  readonly node: NodePlace | null;
  /** Prefixes of reply addresses that were in the store at the last look. */
  prefixesSeen?: readonly string[];
}

/** Which of the nodes on one store this is (`verbs/nodes.ts`). */
export interface NodePlace {
  /** Of its keys. */
  readonly place: number;
  /** Of its last start: another one each time. */
  readonly run: number;
}

/** Where contents stand that are too large for a row of `blob`, by their hash: files beside SQLite, rows in PostgreSQL. */
export interface LargeContents {
  /** Where it stands, or will stand when the engine has given it out (`Store.content`). */
  file(sha256: string): string;
  /**
   * Before COMMIT, so that whoever clears away what no row names sees that it is wanted again. Throws when it is not there:
   * then no row may name it, and whoever brought it is asked to bring it again.
   */
  touch(sha256: string): Soon<void>;
  /** Nobody touches these until they are released. Null: a backup reads them all just now. */
  hold(hashes: readonly string[]): Soon<{ release(): void } | null>;
  /** Removes it if it was last touched before. Whether it did; to be held. */
  remove(sha256: string, before: number): Soon<boolean>;
}

/** What the configuration says to the store. */
export interface Rules {
  /** Prefixes of reply addresses: the first is written, all are understood. */
  readonly prefixes: readonly string[];
  readonly separator: string;
  /** `continuity.delay`, milliseconds. */
  readonly delay: number;
  /** `outbound.max_size`, bytes of an encoded mail. */
  readonly maxSize: number;
  /** `limits.response_bytes`: of JSON in one answer that holds messages or events. */
  readonly responseBytes: number;
  /** `limits.unfiled` (bytes) and `limits.unfiled_mails`; absent: no limit. */
  readonly unfiledBytes?: number;
  readonly unfiledMails?: number;
  /** `operator.address`: where mail for postmaster and abuse is sent on to; null or absent: nowhere. */
  readonly operator?: string | null;
}

/** A verb of the Store port, inside a transaction. What it takes, gives and throws is said there. */
export type Verb<Name extends keyof Store> = (
  tx: StoreTx,
  ...values: Parameters<Store[Name]>
) => Promise<Awaited<ReturnType<Store[Name]>>>;

/** What the work gives for each, one after the other: a transaction does one thing at a time. */
export async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let index = 0; index < items.length; index += 1) results.push(await work(items[index]!, index));
  return results;
}

/** For `limit`: as many as there are. */
export const ALL = Number.MAX_SAFE_INTEGER;

/** A term of a `where`, with a `$` for each of its values. */
type Term = readonly [text: string, ...values: unknown[]];
/** Null: not asked for. */
export type Terms = readonly (Term | null)[];

/** The terms that are asked for: only these stand in the statement, so that each has the index that is made for it. */
export function allOf(terms: Terms): {
  readonly where: string;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [];
  const texts = terms.flatMap(term => {
    if (term === null) return [];
    const [text, ...given] = term;
    return [text.replaceAll('$', () => `$${values.push(given.shift())}`)];
  });
  return { where: texts.length === 0 ? '' : `where ${texts.join(' and ')}`, values };
}

export function toIso(time: number): string;
export function toIso(time: number | null): string | null;
export function toIso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

export function fromJson<Value>(text: Json<Value>): Value {
  return JSON.parse(text) as Value;
}

export function toJson<Value>(value: Value): Json<Value> {
  return JSON.stringify(value) as Json<Value>;
}
