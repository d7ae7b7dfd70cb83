/** A list of the server's that a part of the settings shows, and reads again when something in it was changed. */
import { useEffect, useState } from 'preact/hooks';
import { type Asking, ask, type Fault, isFault, type Page } from '../api.js';

export interface List<Row> {
  /** Null: not here yet. */
  readonly rows: readonly Row[] | null;
  readonly fault: Fault | null;
  readonly hasMore: boolean;
  again(): void;
  more(): void;
}

export function useList<Row>(path: string, query: NonNullable<Asking['query']>): List<Row> {
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [turn, setTurn] = useState(0);
  const name = JSON.stringify(query);
  const read = async (from: string | null, signal?: AbortSignal) => {
    try {
      const page = await ask<Page<Row>>('GET', path, {
        query: { ...query, cursor: from },
        ...(signal === undefined ? {} : { signal }),
      });
      setRows(old => (from === null ? page.data : [...(old ?? []), ...page.data]));
      setCursor(page.next_cursor);
      setFault(null);
    } catch (error) {
      if (signal?.aborted) return;
      if (!isFault(error)) throw error;
      setFault(error);
    }
  };
  useEffect(() => {
    const leaving = new AbortController();
    void read(null, leaving.signal);
    return () => leaving.abort();
  }, [path, name, turn]);
  return {
    rows,
    fault,
    hasMore: cursor !== null,
    again: () => setTurn(turn + 1),
    more: () => void read(cursor),
  };
}
