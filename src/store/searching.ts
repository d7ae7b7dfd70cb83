/**
 * A search over the store: the engine's index gives keys of messages, the newest first, and the rows say which of them are
 * shown. It goes back in time in steps that grow, so that what was written lately, which is what people look for, is found
 * without a look at the rest; and it ends after SEARCH_TIME with what it has and the place to go on from. So a query that
 * finds nothing, or too much, costs a bounded piece of work.
 *
 * The steps are times: what other accounts have makes no difference to them.
 */

import { ReplydError } from '../base/errors.js';
import { planOf } from '../conversation/search/query.js';
import type { FoundPage, SearchFilter } from '../conversation/store.js';
import type { Calls } from './calls.js';
import { encodeId, keyAt, keyOf } from './ids.js';
import type { SearchIndex } from './search-index.js';

/** With `search.enabled = false`. */
export function searchIsOff(): ReplydError {
  return new ReplydError('search_off', 'The search is switched off here (search.enabled).');
}

const DAY = 86_400_000;
/** Each step goes back so many times as far as the one before. */
const GROWS = 4;
/** The beginning of a word is looked up in all words at each step: fewer, longer steps. Days. */
const FIRST_STEP = 1;
const FIRST_STEP_OF_PREFIXES = 64;
/** Beyond so many days all of the rest is one step. */
const LAST_STEP = 1_000;
const KEYS_AT_ONCE = 200;
/** Milliseconds after which no further step begins. */
const SEARCH_TIME = 1_000;
const TOP = Number.MAX_SAFE_INTEGER;

export async function searchIn(
  calls: Pick<Calls, 'searchedAccounts' | 'searchHits'>,
  index: SearchIndex,
  { account, text, before, limit }: SearchFilter,
): Promise<FoundPage> {
  const plan = planOf(text);
  const accounts = await calls.searchedAccounts(account);
  const began = performance.now();
  const found: Awaited<ReturnType<typeof calls.searchHits>>[number][] = [];
  let below = before === undefined ? TOP : keyOf('message', before);
  let days = plan.prefixes.length > 0 ? FIRST_STEP_OF_PREFIXES : FIRST_STEP;
  let from = stepBack(below, days);
  for (;;) {
    const asked = { terms: plan.terms, prefixes: plan.prefixes, before: below, from, limit: KEYS_AT_ONCE };
    const each = await Promise.all(accounts.map(accountKey => index.find({ ...asked, accountKey })));
    const keys = each
      .flat()
      .sort((a, b) => b - a)
      .slice(0, KEYS_AT_ONCE);
    found.push(...(await calls.searchHits(plan, { keys, accounts })));
    if (found.length > limit) {
      const shown = found.slice(0, limit);
      return { hits: shown.map(({ hit }) => hit), next: encodeId('message', shown.at(-1)!.key) };
    }
    if (keys.length === KEYS_AT_ONCE) below = keys.at(-1)!;
    else if (from === 0) return { hits: found.map(({ hit }) => hit), next: null };
    else {
      below = from;
      days *= GROWS;
      from = stepBack(below, days);
    }
    if (performance.now() - began > SEARCH_TIME)
      return { hits: found.map(({ hit }) => hit), next: encodeId('message', below) };
  }
}

function stepBack(below: number, days: number): number {
  if (days > LAST_STEP) return 0;
  const newest = keyAt(Date.now());
  return Math.max(0, Math.min(below, newest) - (keyAt(Date.now()) - keyAt(Date.now() - days * DAY)));
}
