/**
 * The conversation that is open: its newest messages, kept fresh by the stream. `missing`: there is none of this id, or it
 * belongs to others, which the server answers alike.
 */
import { batch, signal } from '@preact/signals';
import type { Conversation, Event, Message } from '../../../conversation/model.js';
import { ask, type Fault, isFault } from '../api.js';
import { markRead, replace } from './list.js';
import { words } from './preferences.js';
import { speak } from './told.js';

export type Opened =
  | { readonly kind: 'none' }
  | { readonly kind: 'loading'; readonly id: string }
  | { readonly kind: 'missing'; readonly id: string }
  | { readonly kind: 'failed'; readonly id: string; readonly fault: Fault }
  | { readonly kind: 'shown'; readonly id: string; readonly conversation: Conversation };

export const opened = signal<Opened>({ kind: 'none' });
export const messages = signal<readonly Message[]>([]);
/** How many came before those that are shown. */
export const earlier = signal(0);

const FIRST = 60;
/** The server's most. */
const MOST = 500;
let asked = new AbortController();

export function close(): void {
  asked.abort();
  batch(() => {
    opened.value = { kind: 'none' };
    messages.value = [];
  });
}

export async function open(id: string): Promise<void> {
  if (opened.peek().kind !== 'none' && 'id' in opened.peek() && (opened.peek() as { id: string }).id === id) return;
  batch(() => {
    opened.value = { kind: 'loading', id };
    messages.value = [];
  });
  await read(id, FIRST);
}

export async function readAgain(): Promise<void> {
  const { value } = opened;
  if (value.kind !== 'none') await read(value.id, Math.max(FIRST, Math.min(MOST, messages.value.length)));
}

export async function showEarlier(): Promise<void> {
  const { value } = opened;
  if (value.kind === 'shown') await read(value.id, Math.min(MOST, messages.value.length + 200));
}

/** Reads as far back as it takes to have this message. */
export async function showMessage(message: string): Promise<boolean> {
  const { value } = opened;
  if (value.kind === 'shown' && !messages.value.some(each => each.id === message) && canShowEarlier()) {
    await read(value.id, MOST);
  }
  return messages.value.some(each => each.id === message);
}

export function canShowEarlier(): boolean {
  return earlier.value > 0 && messages.value.length < MOST;
}

async function read(id: string, count: number): Promise<void> {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  try {
    const query = { messages: count };
    const conversation = await ask<Conversation>('GET', `/v1/conversations/${id}`, { query, signal });
    if (signal.aborted) return;
    batch(() => {
      opened.value = { kind: 'shown', id, conversation };
      messages.value = conversation.messages ?? [];
      earlier.value = conversation.earlier_messages ?? 0;
    });
    noteRead();
  } catch (error) {
    if (signal.aborted) return;
    if (!isFault(error)) throw error;
    if (error.status === 404 || error.status === 403) opened.value = { kind: 'missing', id };
    // What is shown stays: it is older, and the bar says that there is no connection.
    else if (opened.value.kind !== 'shown') opened.value = { kind: 'failed', id, fault: error };
  }
}

/** What was changed here: by its answer, without waiting for the stream. */
export function takeConversation(conversation: Conversation): void {
  replace(conversation);
  const { value } = opened;
  if (value.kind === 'shown' && value.id === conversation.id) opened.value = { ...value, conversation };
}

export function takeMessage(message: Message): void {
  const { value } = opened;
  if (value.kind !== 'shown' || value.id !== message.conversation_id) return;
  const others = messages.value.filter(each => each.id !== message.id);
  messages.value = [...others, message].sort((a, b) => a.seq - b.seq);
}

export function take(event: Event): void {
  const { value } = opened;
  if (value.kind !== 'shown' || event.conversation?.id !== value.id) return;
  opened.value = { ...value, conversation: event.conversation };
  const { message } = event;
  if (message === null) return;
  const isNew = !messages.value.some(each => each.id === message.id);
  if (event.data.shortened === true) void readAgain();
  else takeMessage(message);
  if (isNew && message.direction === 'incoming') {
    speak(words.value.newMessageFrom(message.author.name || message.author.email || ''));
    noteRead();
  }
}

/** He has it before his eyes; when the page is hidden, it waits until it is not. */
export function noteRead(): void {
  const { value } = opened;
  const last = messages.value.at(-1);
  if (value.kind !== 'shown' || last === undefined || document.hidden) return;
  const told = ask('POST', `/v1/conversations/${value.id}/read`, { body: { seq: last.seq } }).catch(error => {
    if (!isFault(error)) throw error;
  });
  markRead(value.id, told);
}

document.addEventListener('visibilitychange', noteRead);
