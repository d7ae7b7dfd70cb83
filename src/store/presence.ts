/**
 * Whether the database of a store is there, as its connections find it. One that is away is told of at once and then once
 * a minute, and again when it is back; so each of the parts that ask it need not.
 */
import { insiderText } from '../base/errors.js';
import type { Log } from '../base/log.js';

export interface Presence {
  /** Nobody could be connected. */
  away(error: unknown): void;
  /** Somebody is connected. */
  here(): void;
}

const TELL_AGAIN = 60_000;

/** `onTold` is called whenever it told that it is away, `onBack` when it is there again. */
export function watchPresence(
  log: Log,
  { onTold, onBack }: { readonly onTold?: () => void; readonly onBack?: () => void } = {},
): Presence {
  let since: number | null = null;
  let told = 0;
  return {
    away(error) {
      const now = performance.now();
      if (since !== null && now - told < TELL_AGAIN) return;
      since ??= now;
      told = now;
      const seconds = Math.round((now - since) / 1000);
      log.warn('store_away', { error: insiderText(error), ...(seconds > 0 ? { seconds } : {}) });
      onTold?.();
    },
    here() {
      if (since === null) return;
      log.info('store_back', { seconds: Math.round((performance.now() - since) / 1000) });
      since = null;
      onBack?.();
    },
  };
}
