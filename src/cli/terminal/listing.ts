/** Listings: as many pages as are asked for, one JSON object a line or one table. */
import { print, printJson, warn } from './terminal.js';

const PAGE = 500;

/**
 * Prints what `fetch` gives, newest first, at most `limit`. JSON lines leave page by page, so that a long listing
 * starts at once; a table needs all rows first.
 */
export async function list<Row extends { readonly id: string }>(
  options: { readonly limit: number; readonly json?: true },
  fetch: (page: { readonly limit: number; readonly before?: string }) => Promise<readonly Row[]>,
  render: (rows: readonly Row[]) => string,
): Promise<void> {
  const rows: Row[] = [];
  let listed = 0;
  let before: string | undefined;
  while (listed < options.limit) {
    const limit = Math.min(PAGE, options.limit - listed);
    const page = await fetch(before === undefined ? { limit } : { limit, before });
    if (options.json) for (const row of page) printJson(row);
    else rows.push(...page);
    listed += page.length;
    before = page.at(-1)?.id;
    if (page.length < limit) break;
  }
  if (options.json) return;
  if (rows.length === 0) return warn('nothing found');
  print(render(rows));
  if (listed === options.limit) warn(`the newest ${listed} are shown; --limit shows more`);
}
