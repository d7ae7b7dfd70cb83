/**
 * The route of the search. A page may have fewer hits than its limit, or none, and still have a cursor: the search ended
 * where it had looked for about a second.
 */
import type { SearchHit } from '../conversation/search/hit.js';
import { afterCursor, type Call, PAGE_SIZE, route } from './route.js';
import { SearchQuery } from './schema.js';

export const SEARCH_ROUTE = route('GET /v1/search', {
  summary: 'Find messages by their words, the newest first',
  query: SearchQuery,
  gives: { list: 'SearchHit' },
  async run({ store, seal, redact, query: { q, account, limit = PAGE_SIZE, cursor } }) {
    const filter = account === undefined ? {} : { account };
    const { hits, next } = await store.search({ ...filter, ...afterCursor(cursor), text: q, limit });
    return {
      data: await Promise.all(hits.map(hit => readable(hit, redact))),
      next_cursor: next === null ? null : seal(next),
    };
  },
});

/** The places of a snippet's hits stay right: what he may not read is left out in its length. */
async function readable(hit: SearchHit, redact: Call<unknown, unknown>['redact']): Promise<SearchHit> {
  if (redact === null) return hit;
  const text = await redact(hit.snippet.text, { sameLength: true });
  return { ...hit, snippet: { ...hit.snippet, text } };
}
