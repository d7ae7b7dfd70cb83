/** A moment: how long ago, and exactly with its zone for whoever points at it or moves there. */
import { exactDate, relativeDate, shortDate } from '../dates.js';
import { now } from '../state/clock.js';

export function When({ at, short = false }: { readonly at: string; readonly short?: boolean }) {
  if (short) {
    return (
      <time class="when" dateTime={at} title={exactDate(at)}>
        {shortDate(at, now.value)}
      </time>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the exact time has to be had without a mouse too
    <time class="when has-exact" dateTime={at} tabIndex={0}>
      {relativeDate(at, now.value)} <span class="exact">{exactDate(at)}</span>
    </time>
  );
}
