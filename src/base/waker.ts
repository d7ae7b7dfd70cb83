/**
 * Work that is woken: it runs at once, never twice at a time, and once more when it was woken meanwhile, so that no
 * wake-up is lost. A run that fails goes to `onError`, which also decides when to wake it again.
 */

export interface Waker {
  /** Something may have to be done. Cheap; nothing after `close`. */
  wake(): void;
  /** For a long run, which should end soon then. */
  readonly closed: boolean;
  /** Ends when the run that is under way has ended. Idempotent. */
  close(): Promise<void>;
}

export function createWaker(run: () => Promise<void>, onError: (error: unknown) => void): Waker {
  let running: Promise<void> | null = null;
  let again = false;
  let closed = false;

  async function runAll(): Promise<void> {
    while (again && !closed) {
      again = false;
      await run().catch(onError);
    }
    // In the same turn of the event loop as the check above, or a wake-up in between would be lost.
    running = null;
  }

  return {
    wake() {
      if (closed) return;
      again = true;
      running ??= runAll();
    },
    get closed() {
      return closed;
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
