/**
 * Work that is asked for more often than it is worth doing: it is done soon after it was asked for, and at most once an
 * interval, however often somebody asks. Whoever asked has it done after he asked.
 */

export interface Pacer {
  /** Cheap; nothing after `close`. */
  ask(): void;
  /** What was asked for and not done is not done any more. Idempotent. */
  close(): void;
}

/** Milliseconds; `soon`: what is asked for meanwhile is done together. The timer keeps no process running. */
export function createPacer(work: () => void, { soon, every }: { soon: number; every: number }): Pacer {
  let timer: NodeJS.Timeout | null = null;
  let doneAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  return {
    ask() {
      if (timer !== null || closed) return;
      const wait = Math.max(soon, every - (performance.now() - doneAt));
      timer = setTimeout(() => {
        timer = null;
        doneAt = performance.now();
        work();
      }, wait).unref();
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
