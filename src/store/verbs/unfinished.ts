import { UNFINISHED_STATES } from '../../conversation/rules/delivery.js';

/**
 * The one term for "not finished yet". The indexes of what is unfinished are partial, and SQLite uses a partial index
 * only where its own condition stands in the query word for word: `state = 'waiting'` alone reads the whole table.
 */
export const UNFINISHED = `state in (${UNFINISHED_STATES.map(state => `'${state}'`).join(', ')})`;

/** The same for a table that has a name in the query. */
export function unfinished(table: string): string {
  return `${table}.${UNFINISHED}`;
}
