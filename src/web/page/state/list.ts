/**
 * The list of conversations: a view (open, mine, …), a channel, and its pages from the server. What the stream tells is put in its place at once, where the browser can know that it belongs there; else the first page is read again.
 */
import { batch, effect, signal } from '@preact/signals';
import type { Channel, Conversation, Event, Message } from '../../../conversation/model.js';
import { ask, type Fault, isFault, type Page } from '../api.js';
import { account, me } from './session.js';

export const VIEWS = ['open', 'mine', 'unassigned', 'held', 'resolved'] as const;
export type View = (typeof VIEWS)[number];

export const view = signal<View>('open');
export const channel = signal<Channel | null>(null);
export const rows = signal<readonly Conversation[]>([]);
export const state = signal<'loading' | 'ready' | 'failed'>('loading');
export const fault = signal<Fault | null>(null);
export const hasMore = signal(false);
export const loadingMore = signal(false);

const PAGE = 40;
const PREVIEW = 200;
const AGAIN_PAUSE = 500;
let cursor: string | null = null;
let asked = new AbortController();
let again: ReturnType<typeof setTimeout> | undefined;
/** Since when the server knows that one was read here: what it said before is older. */
const readSince = new Map<string, number>();

function queryOf(): Record<string, string | number | boolean | null> {
  const common = { account: account.value, limit: PAGE, preview: PREVIEW, channel: channel.value };
  switch (view.value) {
    case 'open':
      return { ...common, status: 'open' };
    case 'mine':
      return { ...common, status: 'open', assignee: me.value?.id ?? null };
    case 'unassigned':
      return { ...common, status: 'open', assignee: 'none' };
    case 'held':
      return { ...common, held: true };
    case 'resolved':
      return { ...common, status: 'resolved' };
  }
}

async function readPage(from: string | null, signal: AbortSignal): Promise<Page<Conversation>> {
  const query = { ...queryOf(), cursor: from };
  const began = performance.now();
  const page = await ask<Page<Conversation>>('GET', '/v1/conversations', { query, signal });
  const isRead = ({ id }: Conversation) => (readSince.get(id) ?? 0) > began;
  return { ...page, data: page.data.map(row => (row.unread && isRead(row) ? { ...row, unread: false } : row)) };
}

/** Reads the first page. What is shown stays until the new one is there; `anew`: it is another list. */
export async function load({ anew = false }: { readonly anew?: boolean } = {}): Promise<void> {
  if (account.peek() === null) return;
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  if (anew) batch(showNothing);
  try {
    const page = await readPage(null, signal);
    if (signal.aborted) return;
    batch(() => {
      rows.value = page.data;
      cursor = page.next_cursor;
      hasMore.value = cursor !== null;
      state.value = 'ready';
      fault.value = null;
    });
  } catch (error) {
    if (signal.aborted) return;
    if (!isFault(error)) throw error;
    fault.value = error;
    if (state.value === 'loading') state.value = 'failed';
  }
}

function showNothing(): void {
  rows.value = [];
  hasMore.value = false;
  state.value = 'loading';
}

export async function loadMore(): Promise<void> {
  if (!hasMore.value || loadingMore.value) return;
  loadingMore.value = true;
  const { signal } = asked;
  try {
    const page = await readPage(cursor, signal);
    if (signal.aborted) return;
    const known = new Set(rows.value.map(row => row.id));
    rows.value = [...rows.value, ...page.data.filter(row => !known.has(row.id))];
    cursor = page.next_cursor;
    hasMore.value = cursor !== null;
  } catch (error) {
    if (!signal.aborted && !isFault(error)) throw error;
  } finally {
    loadingMore.value = false;
  }
}

/** Many events in a row read the page once. */
function loadSoon(): void {
  clearTimeout(again);
  again = setTimeout(() => void load(), AGAIN_PAUSE);
}

/** Puts what an event tells in its place. */
export function take(event: Event): void {
  const { conversation, message } = event;
  if (conversation === null) return;
  const old = rows.value.find(row => row.id === conversation.id);
  if (view.value === 'held') {
    if (message?.held || old) loadSoon();
    return;
  }
  const others = rows.value.filter(row => row.id !== conversation.id);
  if (!belongs(conversation)) {
    if (old) rows.value = others;
    return;
  }
  if (isForMe(event)) readSince.delete(conversation.id);
  const preview = previewOf(message) ?? old?.preview;
  const fresh: Conversation = {
    ...conversation,
    unread: isForMe(event) || (old?.unread ?? false),
    ...(preview === undefined ? {} : { preview }),
  };
  if (preview === undefined) loadSoon();
  const at = others.findIndex(row => row.last_activity_at <= fresh.last_activity_at);
  if (at === -1 && hasMore.value) {
    rows.value = others;
    return;
  }
  rows.value = at === -1 ? [...others, fresh] : others.toSpliced(at, 0, fresh);
}

/** One that was changed here. */
export function replace(conversation: Conversation): void {
  rows.value = rows.value.flatMap(row =>
    row.id !== conversation.id ? [row] : belongs(conversation) ? [{ ...row, ...conversation, messages: [] }] : [],
  );
}

/** It was read here; `told` is over when the server has heard of it. */
export function markRead(id: string, told: Promise<unknown>): void {
  readSince.set(id, Number.POSITIVE_INFINITY);
  void told.finally(() => {
    if (readSince.has(id)) readSince.set(id, performance.now());
  });
  if (!rows.value.some(row => row.id === id && row.unread)) return;
  rows.value = rows.value.map(row => (row.id === id ? { ...row, unread: false } : row));
}

function belongs(conversation: Conversation): boolean {
  if (channel.value !== null && conversation.channel !== channel.value) return false;
  switch (view.value) {
    case 'open':
      return conversation.status === 'open';
    case 'mine':
      return conversation.status === 'open' && conversation.assignee?.id === me.value?.id;
    case 'unassigned':
      return conversation.status === 'open' && conversation.assignee === null;
    case 'resolved':
      return conversation.status === 'resolved';
    case 'held':
      return rows.value.some(row => row.id === conversation.id);
  }
}

function isForMe({ type, message }: Event): boolean {
  return type === 'message.created' && message !== null && message.direction === 'incoming' && !message.held;
}

function previewOf(message: Message | null): Conversation['preview'] | undefined {
  if (message === null || message.held) return undefined;
  const { direction, author } = message;
  return { text: message.text.slice(0, PREVIEW), direction, author: author.name || author.email || '' };
}

/** Another account, view or channel is another list. Returns the way to stop. */
export function followChoices(): () => void {
  return effect(() => {
    // Read here: the effect runs again when one of them changes.
    if (account.value !== null && view.value && channel.value !== undefined) void load({ anew: true });
  });
}
