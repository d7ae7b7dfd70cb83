/** What the documents tell people to type. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** What stands in the `sh` blocks of a page, as lines without comments; a line that ends in `\` is one with the next. */
export function shellLines(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) =>
    block!
      .replaceAll(/\\\n\s*/g, '')
      .replaceAll(/(?<=\|)\n\s*/g, ' ')
      .split('\n')
      .map(line => line.replace(/(^|\s)#\s.*$/, '').trimEnd())
      .filter(line => line !== ''),
  );
}

/** The part of a page under one heading of the second order, or all of it. */
export function sectionOf(page: string, heading: string | null): string {
  const text = readFileSync(page, 'utf8');
  if (heading === null) return text;
  const [, found] = text.split(`\n## ${heading}\n`);
  assert.ok(found !== undefined, `${page} has no ${heading}`);
  return found.split('\n## ')[0]!;
}
