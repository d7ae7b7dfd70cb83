/**
 * The search index in PostgreSQL: a row of words for each message, in a GIN index. One node fills it, whoever leads; a
 * message that goes takes its row along (`on delete cascade`), whichever program removes it. The words of rows that went
 * stand in the index until PostgreSQL vacuums it, as all that it removes.
 *
 * The foreign key makes what is inserted hold its message, so that a message that is being removed and its words cannot miss
 * each other; a piece that names one which went is repeated (`batch.ts`).
 */
import { fillPiece } from '../search-filling.js';
import {
  FORMAT,
  type IndexPlace,
  type IndexTables,
  ownWord,
  ownWords,
  type Piece,
  progressOf,
  type SearchAsked,
  type SearchProgress,
} from '../search-index.js';
import type { StoreTx } from '../tx.js';
import type { CheckedIndex } from '../upkeep/check-search.js';
import { leads } from '../verbs/nodes.js';
import { lookedAgain } from '../verbs/search-again.js';
import type { Connection } from './connection.js';

const PLACE = 'select format, events_to, down_to, total, done from search_place where one = 1';
/** In `format`: nothing was filled yet. */
const NEVER = 0;

export async function fillSearch(tx: StoreTx): Promise<Piece> {
  if (!(await leads(tx, 'search')))
    return { count: 0, more: false, again: [], progress: progressOf(await presentPlace(tx)) };
  await tx.run(
    `insert into search_place (one, format, events_to, total, done) values (1, ${NEVER}, 0, 0, 0) on conflict do nothing`,
  );
  const piece = await fillPiece(tx, tables(tx));
  await lookedAgain(tx, piece.again);
  return { ...piece, again: [] };
}

export async function searchProgress(tx: StoreTx): Promise<SearchProgress> {
  return progressOf(await presentPlace(tx));
}

async function presentPlace(tx: StoreTx): Promise<IndexPlace | undefined> {
  const place = await tx.get<IndexPlace>(PLACE);
  return place?.format === FORMAT ? place : undefined;
}

/**
 * The newest first. As a statement of its own the look-up goes by the index of words: by the order of the keys it would read
 * every message until it has found enough.
 */
export async function findWords(tx: StoreTx, asked: SearchAsked): Promise<readonly number[]> {
  const { accountKey, terms, prefixes, before, from, limit } = asked;
  const quoted = (word: string) => `'${ownWord(accountKey, word).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  const query = [...terms.map(quoted), ...prefixes.map(prefix => `${quoted(prefix)}:*`)].join(' & ');
  const rows = await tx.all<{ message_key: number }>(
    `with found as materialized (
       select message_key from search where words @@ $1::tsquery and message_key < $2 and message_key >= $3)
     select message_key from found order by message_key desc limit $4`,
    query,
    before,
    from,
    limit,
  );
  return rows.map(row => row.message_key);
}

function tables(tx: StoreTx): IndexTables {
  return {
    place: () => tx.get<IndexPlace>(`${PLACE} for update`),
    async setPlace({ format, events_to, down_to, total, done }) {
      await tx.run(
        'update search_place set format = $1, events_to = $2, down_to = $3, total = $4, done = $5 where one = 1',
        format,
        events_to,
        down_to,
        total,
        done,
      );
    },
    async put(docs) {
      await tx.run(
        `insert into search (message_key, words)
           select key, array_to_tsvector(string_to_array(words, ' ')) from unnest($1::bigint[], $2::text[]) as given(key, words)
         on conflict (message_key) do update set words = excluded.words where search.words is distinct from excluded.words`,
        docs.map(doc => doc.key),
        docs.map(doc => ownWords(doc.accountKey, doc.words)),
      );
    },
    async remove(keys) {
      await tx.run('delete from search where message_key = any($1)', keys);
    },
  };
}

export const SEARCH_ADVICE = 'empty the table search_place: the index is filled anew';

/** For `replyd check`. */
export function checkedIndex(connection: Pick<Connection, 'query'>): CheckedIndex {
  const all = async <Row>(text: string, ...values: readonly unknown[]) =>
    (await connection.query(text, values)).rows as readonly Row[];
  return {
    progress: async () => progressOf((await all<IndexPlace>(PLACE)).find(place => place.format === FORMAT)),
    count: async () => (await all<{ count: number }>('select count(*) as count from search'))[0]!.count,
    async after(key, limit) {
      const text = 'select message_key as key from search where message_key > $1 order by message_key limit $2';
      return (await all<{ key: number }>(text, key, limit)).map(row => row.key);
    },
    close() {},
  };
}
