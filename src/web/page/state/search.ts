/**
 * What is looked for, and what was found. Words count when the hand rests. A page of the server's may be empty and go on
 * all the same: it ends where it has looked for a second.
 */
import { batch, effect, signal } from '@preact/signals';
import type { Message } from '../../../conversation/model.js';
import { ask, type Fault, isFault, type Page } from '../api.js';
import { account } from './session.js';

export interface Hit {
  readonly conversation: {
    readonly id: string;
    readonly number: number;
    readonly subject: string | null;
    readonly status: 'open' | 'resolved';
    readonly contact: { readonly name: string; readonly email: string | null };
  };
  readonly message: Pick<Message, 'id' | 'seq' | 'direction' | 'received_at' | 'held'> & {
    readonly author: { readonly name: string; readonly email: string | null };
  };
  /** One line, and where in it stands what was looked for. */
  readonly snippet: {
    readonly text: string;
    readonly hits: readonly { readonly at: number; readonly length: number }[];
  };
}

export const sought = signal('');
export const hits = signal<readonly Hit[]>([]);
export const state = signal<'looking' | 'ready' | 'failed'>('ready');
export const fault = signal<Fault | null>(null);
export const next = signal<string | null>(null);

const PAGE = 40;
const PAUSE = 250;
let asked = new AbortController();

async function look(text: string, from: string | null): Promise<void> {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  state.value = 'looking';
  try {
    const query = { q: text, account: account.peek(), limit: PAGE, cursor: from };
    const page = await ask<Page<Hit>>('GET', '/v1/search', { query, signal });
    if (signal.aborted) return;
    batch(() => {
      hits.value = from === null ? page.data : [...hits.value, ...page.data];
      next.value = page.next_cursor;
      state.value = 'ready';
      fault.value = null;
    });
  } catch (error) {
    if (signal.aborted) return;
    if (!isFault(error)) throw error;
    batch(() => {
      fault.value = error;
      state.value = 'failed';
    });
  }
}

export async function goOn(): Promise<void> {
  if (next.value !== null && state.value === 'ready') await look(sought.value.trim(), next.value);
}

export async function again(): Promise<void> {
  await look(sought.value.trim(), null);
}

/** Returns the way to stop. */
export function followWords(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const text = sought.value.trim();
    clearTimeout(timer);
    if (account.value === null || text === '') {
      asked.abort();
      batch(() => {
        hits.value = [];
        next.value = null;
        state.value = 'ready';
        fault.value = null;
      });
      return;
    }
    state.value = 'looking';
    timer = setTimeout(() => void look(text, null), PAUSE);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
