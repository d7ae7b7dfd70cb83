/**
 * How far a long command is: a bar on a terminal, which goes when something else is printed; elsewhere a line a minute. Both
 * on standard error.
 */
import type { Step, Tell } from '../../store/upkeep/progress.js';
import { columns, drawLine, remark } from './terminal.js';

/** Milliseconds. */
const DRAWN_EVERY = 100;
const TOLD_EVERY = 60_000;
const BAR = 24;

/** `now`: milliseconds of a clock that only goes on. */
export function progressReporter(now: () => number = () => performance.now()): Tell {
  const isDrawn = process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  const every = isDrawn ? DRAWN_EVERY : TOLD_EVERY;
  let shownAt = isDrawn ? Number.NEGATIVE_INFINITY : now();
  return step => {
    const time = now();
    if (time - shownAt < every) return;
    shownAt = time;
    if (isDrawn) drawLine(barOf(step, columns(process.stderr)));
    else remark(countOf(step));
  };
}

/** `copying message: 1,200 of 5,000`. */
export function countOf({ doing, done, total }: Step): string {
  return `${doing}: ${numbered(done)}${total === null ? '' : ` of ${numbered(total)}`}`;
}

/** The same with a bar and per cent, at most so many columns wide. */
export function barOf(step: Step, width: number): string {
  const { done, total } = step;
  const count = countOf(step);
  if (total === null || total === 0) return count.slice(0, width - 1);
  const share = Math.min(1, done / total);
  const filled = Math.floor(share * BAR);
  const bar = `[${'='.repeat(filled)}${' '.repeat(BAR - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %  `;
  return `${bar}${count}`.slice(0, width - 1);
}

export function numbered(count: number): string {
  return count.toLocaleString('en');
}
