/**
 * What reading a reply costs: an ordinary mail (2 KB of text beside 60 KB of HTML), the hostile bodies that made
 * other tools hang, and how the cost grows from 64 KiB to 4 MiB. Pure functions, one thread, no disk; all figures are
 * milliseconds of processor time.
 */
import { displayHtml } from '#replyd/mail/html/sanitise.js';
import type { KnownTexts } from '#replyd/mail/mail.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';
import { HTML_PIECES, TEXT_PIECES } from '../hostile/pieces.js';
import { filled } from '../hostile/words.js';

const KIB = 1024;
const TEXT_SIZE = 1024 * KIB;
const HTML_SIZE = 512 * KIB;
const TEXT_BOUND = 200;
const HTML_BOUND = 500;

const ATTRIBUTION = 'On Mon, May 3, 2027 at 10:02 AM Ann Lee <ann@shop.example> wrote:';

/** Prints the figures. With `quick` only a few rounds each. */
export async function run(quick = false): Promise<void> {
  const knownTexts: KnownTexts = {
    replyAddresses: [`reply+${'5f'.repeat(16)}@in.shop.example`],
    texts: Array.from({ length: 10 }, (_, index) => `${words(120, index)}\nyour order left our warehouse this morning`),
  };
  ordinary(knownTexts, quick ? 50 : 1_000);
  print(`hostile text, 1 MiB (bound ${TEXT_BOUND} ms)`);
  for (const [name, piece] of Object.entries(TEXT_PIECES)) {
    report(
      name,
      best(quick, () => splitReply({ plain: filled(piece, TEXT_SIZE), html: null }, knownTexts)),
      TEXT_BOUND,
    );
  }
  print(`hostile HTML, 512 KiB (bound ${HTML_BOUND} ms): split, display`);
  for (const [name, piece] of Object.entries(HTML_PIECES)) {
    const html = filled(piece, HTML_SIZE);
    report(
      `${name}, split`,
      best(quick, () => splitReply({ plain: null, html }, knownTexts)),
      HTML_BOUND,
    );
    report(
      `${name}, display`,
      best(quick, () => displayHtml(html)),
      HTML_BOUND,
    );
  }
  print('growth, ms at 64 KiB, 256 KiB, 1 MiB, 4 MiB');
  for (const name of ['known words', 'interleaved lines', 'attribution lines'] as const) {
    growth(name, quick, size => splitReply({ plain: filled(TEXT_PIECES[name]!, size), html: null }, knownTexts));
  }
  for (const name of ['nested div', 'nested blockquote', 'words'] as const) {
    growth(`${name} (HTML)`, quick, size =>
      splitReply({ plain: null, html: filled(HTML_PIECES[name]!, size) }, knownTexts),
    );
  }
}

function ordinary(knownTexts: KnownTexts, rounds: number): void {
  const own = words(300, 99);
  const quote = words(40, 3);
  const plain = `${own}\n\n${ATTRIBUTION}\n\n> ${quote}\n`;
  const cells = Array.from(
    { length: 600 },
    (_, index) => `<tr><td style="padding:0 4px;font-family:Arial">${words(4, index)}</td></tr>`,
  );
  const html =
    `<div dir="ltr">${own}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">${ATTRIBUTION.replace('<', '&lt;')}</div>` +
    `<blockquote class="gmail_quote"><div>${quote}</div><table>${cells.join('')}</table></blockquote></div>`;
  print(`an ordinary mail: ${plain.length} characters of text, ${html.length} of HTML, ms each`);
  for (const [name, once] of [
    ['split, both parts', () => splitReply({ plain, html }, knownTexts)],
    ['split, text alone', () => splitReply({ plain, html: null }, knownTexts)],
    ['split, HTML alone', () => splitReply({ plain: null, html }, knownTexts)],
    ['display', () => displayHtml(html)],
  ] as const) {
    for (let round = 0; round < rounds / 5; round++) once();
    const cost = costOf(() => {
      for (let round = 0; round < rounds; round++) once();
    });
    report(name, cost / rounds);
  }
}

function growth(name: string, quick: boolean, once: (size: number) => unknown): void {
  const times = [64, 256, 1024, 4096].map(size =>
    best(quick, () => once(size * KIB))
      .toFixed(1)
      .padStart(8),
  );
  print(`  ${name.padEnd(34)}${times.join('')}`);
}

/** The best of a few runs. */
function best(quick: boolean, once: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < (quick ? 1 : 3); round++) least = Math.min(least, costOf(once));
  return least;
}

/** Milliseconds of processor time, which is what the work costs whoever else has the machine. */
function costOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Words in an order that depends on the seed (a linear congruence), so that no two texts share a run. */
function words(count: number, seed: number): string {
  let state = seed * 7_919 + 1;
  return Array.from({ length: count }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return `w${state % 997}`;
  }).join(' ');
}

function report(name: string, milliseconds: number, bound = Number.POSITIVE_INFINITY): void {
  print(`  ${name.padEnd(34)}${milliseconds.toFixed(2).padStart(8)}${milliseconds > bound ? '  ABOVE THE BOUND' : ''}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
