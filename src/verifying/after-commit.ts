/**
 * Asks the DNS about mails that were committed already, and writes what it said into their messages. They stand in the
 * store until then, so that a crash forgets none. Woken with each such mail, and once a minute.
 */
import { errorText, faultLevel } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { createWaker, type Waker } from '../base/waker.js';
import { AFTER_COMMIT } from '../conversation/rules/verification.js';
import type { Store } from '../conversation/store.js';
import type { OpenVerifier } from './verifier.js';

const AT_ONCE = 16;
const STORE_WAIT = 5_000;
const AGAIN = 60_000;

export function openAfterCommit(options: {
  readonly store: Store;
  /** Closed with this. */
  readonly verifier: OpenVerifier;
  /** False: what waits is forgotten. */
  readonly enabled: () => boolean;
  readonly log: Log;
}): Pick<Waker, 'wake' | 'close'> {
  const { store, verifier, enabled, log } = options;
  const waker = createWaker(
    async () => {
      while (!waker.closed) {
        const mails = await store.unverified(AT_ONCE);
        if (mails.length === 0) return;
        await Promise.all(mails.map(verify));
      }
    },
    error => {
      log[faultLevel(error)]('verification_failed', { error: errorText(error) });
      setTimeout(waker.wake, STORE_WAIT).unref();
    },
  );

  async function verify({ mailId, raw, ...mail }: Awaited<ReturnType<Store['unverified']>>[number]): Promise<void> {
    const verdicts =
      raw === null || !enabled()
        ? null
        : await verifier.verify({ ...mail, raw: await store.content(raw) }, { within: AFTER_COMMIT });
    // Ended with the daemon: asked again at its next start.
    if (waker.closed) return;
    await store.verified(mailId, verdicts);
  }

  const timer = setInterval(waker.wake, AGAIN).unref();
  return {
    wake: waker.wake,
    async close() {
      clearInterval(timer);
      // What is under way ends with the verifier.
      await Promise.all([waker.close(), verifier.close()]);
    },
  };
}
