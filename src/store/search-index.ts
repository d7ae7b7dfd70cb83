/** What the index of the search is to the store, whatever engine keeps it: what it takes, gives, and is asked. */
import type { Soon } from '../conversation/ports.js';

/** Raised when the same text gives other words. */
export const FORMAT = 1;

export interface IndexPlace {
  readonly format: number;
  /** Events up to here are looked at. */
  readonly events_to: number;
  /** Messages from here on are in the index; null: all are. */
  readonly down_to: number | null;
  /** How many messages there were when it began, and how many of them it has looked at. */
  readonly total: number;
  readonly done: number;
}

/** The index within one transaction, for which its lock is held. */
export interface IndexTables {
  place(): Soon<IndexPlace | undefined>;
  setPlace(place: IndexPlace): Soon<void>;
  /** In place of what it has of these messages. */
  put(docs: readonly SearchDoc[]): Soon<void>;
  remove(keys: readonly number[]): Soon<void>;
}

export interface Piece {
  /** Messages that were looked at. */
  readonly count: number;
  /** Whether there is more at once. */
  readonly more: boolean;
  /** Rows of `search_again` that are done. */
  readonly again: readonly LookAgain[];
  readonly progress: SearchProgress;
}

export interface LookAgain {
  readonly message_key: number;
  readonly at: number;
}

/** How many messages of how many; all: it is filled. */
export interface SearchProgress {
  readonly done: number;
  readonly total: number;
  readonly filled: boolean;
}

/** What is looked up. */
export interface SearchAsked {
  readonly accountKey: number;
  readonly terms: readonly string[];
  readonly prefixes: readonly string[];
  /** Keys of messages: only those below, and not below. */
  readonly before: number;
  readonly from: number;
  readonly limit: number;
}

export interface SearchIndex {
  /** Keys of messages, the newest first. */
  find(asked: SearchAsked): Promise<readonly number[]>;
  /** Does the next piece. */
  fill(): Promise<Piece>;
  /** What is removed from the store has no words any more when this is fulfilled. */
  forget(): Promise<void>;
  progress(): Promise<SearchProgress>;
  close(): Promise<void>;
}

/** The word as the index has it: no account's words stand among another's. */
export function ownWord(accountKey: number, word: string): string {
  return `${accountKey.toString(36)}.${word}`;
}

/** The same for all of a message, between spaces. */
export function ownWords(accountKey: number, words: readonly string[]): string {
  const own = ownWord(accountKey, '');
  return own + words.join(` ${own}`);
}

/** What a message is found by. */
export interface SearchDoc {
  readonly key: number;
  readonly accountKey: number;
  readonly words: readonly string[];
}

export function progressOf(place: IndexPlace | undefined): SearchProgress {
  if (place === undefined) return { done: 0, total: 0, filled: false };
  const filled = place.down_to === null;
  return { total: place.total, done: filled ? place.total : Math.min(place.done, place.total), filled };
}
