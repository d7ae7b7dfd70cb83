/**
 * Does the index of the search have the messages that are there, and no others? The counts are compared, the oldest messages
 * are looked for in the index, and all that it has in the store. What came a moment ago, or stands in `search_again`, is no
 * fault; an index that is not filled yet is told and not looked at.
 */
import { errorText } from '../../base/errors.js';
import type { Soon } from '../../conversation/ports.js';
import { encodeId } from '../ids.js';
import type { SearchProgress } from '../search-index.js';
import type { CheckedDatabase, CheckResult, Fault } from './check.js';

export interface CheckedIndex {
  progress(): Soon<SearchProgress>;
  count(): Soon<number>;
  close(): void;
  /** Messages that it has, behind this one, by rising key. */
  after(key: number, limit: number): Soon<readonly number[]>;
}

/** Behind the results of the store's check, unless its database is damaged. `open` null: there is no index. */
export async function* withSearch(
  results: AsyncIterable<CheckResult>,
  db: Pick<CheckedDatabase, 'all' | 'value'>,
  { open, advice }: { readonly open: () => CheckedIndex | null; readonly advice: string },
): AsyncGenerator<CheckResult> {
  let damaged = false;
  for await (const result of results) {
    damaged ||= result.check === 'database' && result.faults.length > 0;
    yield result;
  }
  if (damaged) return;
  let index: CheckedIndex | null = null;
  try {
    index = open();
    yield await checkSearch(db, index, advice);
  } catch (error) {
    yield { check: 'search', looked: 0, faults: [failed('search', `it can't be read: ${errorText(error)}`, advice)] };
  } finally {
    index?.close();
  }
}

const AT_ONCE = 500;
/** Milliseconds in which a message comes into the index, and long behind. */
const YOUNG = 10 * 60_000;
/** What may be on its way into the index, beside one in a thousand. */
const ON_THE_WAY = 10_000;

async function checkSearch(
  db: Pick<CheckedDatabase, 'all' | 'value'>,
  index: CheckedIndex | null,
  advice: string,
): Promise<CheckResult> {
  const result = (looked: number, faults: readonly Fault[]): CheckResult => ({ check: 'search', looked, faults });
  if (index === null) return result(0, []);
  const progress = await index.progress();
  if (!progress.filled && progress.total === 0) return result(0, []);
  if (!progress.filled) {
    const text = `it is being filled: ${progress.done} of ${progress.total} messages`;
    return result(0, [{ state: 'note', thing: 'search', text, advice: null }]);
  }
  const messages = (await db.value<number>('select count(*) from message'))!;
  const indexed = await index.count();
  const faults: Fault[] = [];
  const missing = messages - indexed;
  if (missing > ON_THE_WAY + messages / 1_000)
    faults.push(failed('search', `${missing} of ${messages} messages are not in the index`, advice));
  const oldest = (await db.all<{ key: number }>(`select key from message order by key limit ${AT_ONCE}`)).map(
    row => row.key,
  );
  const first = new Set(oldest.length === 0 ? [] : await index.after(oldest[0]! - 1, AT_ONCE));
  const lost = oldest.filter(key => !first.has(key));
  if (lost.length > 0 && missing > 0 && messages > indexed)
    for (const key of await notOnTheWay(db, lost))
      faults.push(failed(encodeId('message', key), 'it is not in the index', advice));
  for (
    let last = -1, keys = await index.after(last, AT_ONCE);
    keys.length > 0;
    keys = await index.after(last, AT_ONCE)
  ) {
    last = keys.at(-1)!;
    const there = await db.all<{ key: number }>(
      'select key from message where key = any($1) union select message_key from search_again where message_key = any($1)',
      keys,
    );
    const known = new Set(there.map(row => row.key));
    const left = keys.filter(key => !known.has(key));
    for (const key of left)
      faults.push(failed(encodeId('message', key), 'the message is gone, and the index still has its words', advice));
    if (faults.length > AT_ONCE) break;
  }
  return result(indexed, faults);
}

/** Of a young store the oldest are new too. */
async function notOnTheWay(db: Pick<CheckedDatabase, 'all'>, keys: readonly number[]): Promise<readonly number[]> {
  const rows = await db.all<{ key: number }>(
    `select key from message where key = any($1) and received_at < $2
       and key not in (select message_key from search_again)`,
    keys,
    Date.now() - YOUNG,
  );
  return rows.map(row => row.key);
}

function failed(thing: string, text: string, advice: string): Fault {
  return { state: 'failed', thing, text, advice };
}
