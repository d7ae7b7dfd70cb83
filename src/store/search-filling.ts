/**
 * The index of the search, whatever engine keeps it: what it is filled with, a bounded piece at a time.
 *
 * New messages are found by their events, whose keys rise in the order of commits: whoever remembers the last one misses
 * none. Messages that changed or went stand in `search_again`. Those from before the index are gone through from the newest
 * to the oldest. How far it is stands beside the words and is written with them, in one transaction: a crash loses nothing
 * for good. What does not fit any more (another format, events that are gone, a store that was put back) is filled anew,
 * message by message, while the old words are found.
 *
 * The index's own lock is held before the store is read, and by whoever takes words out: a message that is removed is
 * either not read any more, or its words are there already and go.
 */
import { FORMAT, type IndexPlace, type IndexTables, type Piece, progressOf } from './search-index.js';
import { streamPosition } from './stream.js';
import type { StoreTx } from './tx.js';
import { toLookAtAgain } from './verbs/search-again.js';
import { countMessages, eventsAreGone, messagesBefore, newMessages, searchDocs } from './verbs/searching.js';

const EVENTS_AT_ONCE = 1_000;
const OLD_AT_ONCE = 250;
const DOCS_AT_ONCE = 25;
const TOP = Number.MAX_SAFE_INTEGER;

/** In a transaction of the index; `tx` reads the store from now on. */
export async function fillPiece(tx: StoreTx, index: IndexTables): Promise<Piece> {
  const place = await presentPlace(tx, index);
  const again = await toLookAtAgain(tx);
  const fresh = await newMessages(tx, place.events_to, EVENTS_AT_ONCE);
  const moreFresh = fresh.count === EVENTS_AT_ONCE;
  const old =
    place.down_to === null || moreFresh || again.more ? null : await messagesBefore(tx, place.down_to, OLD_AT_ONCE);
  await putAll(tx, index, [
    ...new Set([...again.rows.map(row => row.message_key), ...fresh.keys, ...(old === null ? [] : old)]),
  ]);
  const next: IndexPlace = {
    ...place,
    events_to: fresh.last ?? place.events_to,
    ...(old === null ? {} : { down_to: old.length < OLD_AT_ONCE ? null : old.at(-1)!, done: place.done + old.length }),
  };
  await index.setPlace(next);
  return {
    count: again.rows.length + fresh.keys.length + (old?.length ?? 0),
    more: moreFresh || again.more || next.down_to !== null,
    again: again.rows,
    progress: progressOf(next),
  };
}

async function presentPlace(tx: StoreTx, index: IndexTables): Promise<IndexPlace> {
  const place = await index.place();
  const position = await streamPosition(tx);
  const fits =
    place !== undefined &&
    place.format === FORMAT &&
    place.events_to <= position &&
    !(await eventsAreGone(tx, place.events_to));
  if (fits) return place;
  return { format: FORMAT, events_to: position, down_to: TOP, total: await countMessages(tx), done: 0 };
}

/** What is gone is removed. */
async function putAll(tx: StoreTx, index: IndexTables, keys: readonly number[]): Promise<void> {
  for (let from = 0; from < keys.length; from += DOCS_AT_ONCE) {
    const piece = keys.slice(from, from + DOCS_AT_ONCE);
    const docs = await searchDocs(tx, piece);
    const there = new Set(docs.map(doc => doc.key));
    const gone = piece.filter(key => !there.has(key));
    if (gone.length > 0) await index.remove(gone);
    if (docs.length > 0) await index.put(docs);
  }
}
