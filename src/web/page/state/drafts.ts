/**
 * Answers that are not sent yet, one for each person and conversation, so that a reload loses no words. Bounded: the oldest
 * goes when there are too many. A draft goes when its answer is sent, and all go when somebody signs out. Who comes after
 * him without that, because a session was over, sees none of them.
 */
import { readStored, store, storedNames } from './storage.js';

export interface Draft {
  readonly kind: 'answer' | 'note';
  readonly text: string;
  readonly cc: string;
  readonly now: boolean;
  /** The last message that was there when it was begun. */
  readonly afterSeq: number | null;
}

const DRAFTS = 'draft.';
const MAX_DRAFTS = 40;
export const MAX_TEXT = 64 * 1024;
let owner = '';

/** Whose drafts are read and kept from now on. */
export function setDraftOwner(agent: string): void {
  owner = agent;
}

function nameOf(conversation: string): string {
  return `${DRAFTS}${owner}.${conversation}`;
}

export function readDraft(conversation: string): Draft | null {
  const text = readStored(nameOf(conversation));
  if (text === null) return null;
  try {
    const { kind, text: words, cc, now, afterSeq } = JSON.parse(text) as Draft;
    if (typeof words !== 'string' || typeof cc !== 'string') return null;
    const seq = typeof afterSeq === 'number' ? afterSeq : null;
    return { kind: kind === 'note' ? 'note' : 'answer', text: words, cc, now: now === true, afterSeq: seq };
  } catch {
    return null;
  }
}

export function keepDraft(conversation: string, draft: Draft): void {
  if (draft.text.trim() === '' || draft.text.length > MAX_TEXT) {
    store(nameOf(conversation), null);
    return;
  }
  store(nameOf(conversation), JSON.stringify({ ...draft, at: Date.now() }));
  const kept = storedNames(DRAFTS);
  if (kept.length <= MAX_DRAFTS) return;
  const oldest = kept.map(name => ({ name, at: atOf(name) })).sort((a, b) => a.at - b.at);
  for (const { name } of oldest.slice(0, kept.length - MAX_DRAFTS)) store(name, null);
}

export function dropDraft(conversation: string): void {
  store(nameOf(conversation), null);
}

export function dropAllDrafts(): void {
  for (const name of storedNames(DRAFTS)) store(name, null);
}

function atOf(name: string): number {
  try {
    return (JSON.parse(readStored(name) ?? '{}') as { at?: number }).at ?? 0;
  } catch {
    return 0;
  }
}
