/**
 * Fills the search index behind the commits: soon after something was written, at most a few times a second, and every few
 * seconds anyway. An index that is not filled yet is filled in pieces, with rests between them that leave most of a
 * processor to everybody else; the log says how far it is.
 *
 * A fault is logged and tried again. What was removed and not taken out, because somebody was cut off, is taken out first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, faultLevel } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { searchIndexed, searchPieces } from '../figures.js';
import type { Piece, SearchProgress } from '../search-index.js';

export interface IndexedStore {
  fillSearch(): Promise<Piece>;
  forgetSearch(): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** Milliseconds between two looks at what is new, and at most. */
const SOON = 800;
const AT_LEAST_EVERY = 5_000;
/** After a fault. */
const AGAIN = 5_000;
/** A piece of an index that is not filled rests so many times as long as it took, and no less than this. */
const RESTS = 2;
const REST = 10;
const TOLD_EVERY = 30_000;

/** `enabled`: else only what was removed is taken out. `close` waits for the piece in work. */
export function openIndexing({
  store,
  log,
  enabled,
}: {
  readonly store: IndexedStore;
  readonly log: Log;
  readonly enabled: boolean;
}): { close(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  let changed = true;
  let wake = () => {};
  const stopListening = store.onChange(() => {
    changed = true;
    wake();
  });
  const rest = (time: number) => sleep(time, undefined, { signal }).catch(() => undefined);
  const change = async () => {
    const waiting = new AbortController();
    wake = () => waiting.abort();
    if (!changed)
      await sleep(AT_LEAST_EVERY, undefined, { signal: AbortSignal.any([signal, waiting.signal]) }).catch(
        () => undefined,
      );
    wake = () => {};
    changed = false;
  };

  let toldAt = 0;
  let filled: boolean | null = null;
  const tell = (progress: SearchProgress) => {
    searchIndexed.set(progress.filled ? 1 : progress.total === 0 ? 0 : progress.done / progress.total);
    const now = performance.now();
    if (progress.filled && filled === false) log.info('search_indexed', { messages: progress.total });
    else if (!progress.filled && progress.total > 0 && (filled !== false || now - toldAt > TOLD_EVERY)) {
      toldAt = now;
      log.info('search_indexing', { done: progress.done, total: progress.total });
    }
    filled = progress.filled;
  };

  const work = async () => {
    const began = performance.now();
    const piece = await store.fillSearch();
    const took = performance.now() - began;
    if (piece.count > 0) searchPieces.observe(took / 1000);
    tell(piece.progress);
    if (!piece.more) {
      await rest(Math.max(REST, SOON - took));
      await change();
    } else if (!piece.progress.filled) await rest(Math.max(REST, took * RESTS));
  };

  const run = async () => {
    let forgot = false;
    while (!signal.aborted) {
      try {
        if (!forgot) await store.forgetSearch();
        forgot = true;
        if (!enabled) return;
        await work();
      } catch (error) {
        if (!signal.aborted) log[faultLevel(error)]('search_failed', { error: errorText(error) });
        await rest(AGAIN);
      }
    }
  };
  const running = run();

  return {
    async close() {
      stopping.abort();
      wake();
      stopListening();
      await running;
    },
  };
}
