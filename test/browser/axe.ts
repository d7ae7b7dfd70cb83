/** What axe-core finds on a page that somebody cannot see, read or reach, by the rules of WCAG 2.2 AA and its good practice. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Found {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Empty: nothing is wrong. Frames are not looked into: what stands in them is a stranger's. */
export async function violations(page: Page): Promise<readonly string[]> {
  // By the debugger: the page's own policy lets no foreign script in.
  await page.evaluate(SOURCE);
  const found = await page.evaluate(
    rules =>
      (window as unknown as { axe: { run(node: Document, options: unknown): Promise<Found> } }).axe.run(document, {
        runOnly: rules,
        iframes: false,
      }),
    RULES,
  );
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(node => `${id}: ${help}\n  ${node.html.slice(0, 200)}\n  ${node.failureSummary ?? ''}`),
  );
}
