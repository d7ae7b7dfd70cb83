/**
 * Keys for whoever answers all day. They count only where no field has the focus and no question is open, and never
 * together with Ctrl, Alt or the like, which belong to the browser.
 */
import { setStatus } from './conversation/head.js';
import { wanted } from './state/composing.js';
import { contactShown } from './state/contact-shown.js';
import { helpShown } from './state/help.js';
import { opened } from './state/opened.js';
import { go, route } from './state/route.js';

/** Returns the way to stop. */
export function followKeys(): () => void {
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  const target = event.target as HTMLElement | null;
  if (document.querySelector('dialog[open]')) return;
  if (target?.closest('input, textarea, select, [contenteditable]')) {
    if (event.key === 'Escape' && target.closest('.composer')) document.getElementById('conversation-heading')?.focus();
    return;
  }
  const done = keys[event.key]?.();
  if (done === true) event.preventDefault();
}

const keys: Readonly<Record<string, () => boolean>> = {
  j: () => moveInList(1),
  k: () => moveInList(-1),
  r: () => compose('answer'),
  n: () => compose('note'),
  e: settle,
  '/': () => focusOn('search'),
  '?': () => {
    helpShown.value = true;
    return true;
  },
  Escape: back,
};

/** Enter is the link's own. */
function moveInList(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return false;
  const focused = rows.indexOf(document.activeElement as HTMLElement);
  const shown = rows.findIndex(row => row.getAttribute('aria-current') === 'page');
  const from = focused === -1 ? shown : focused;
  const next = rows[Math.min(rows.length - 1, Math.max(0, from === -1 ? 0 : from + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return true;
}

function compose(kind: 'answer' | 'note'): boolean {
  if (opened.value.kind !== 'shown') return false;
  wanted.value = kind;
  return true;
}

function settle(): boolean {
  const { value } = opened;
  if (value.kind !== 'shown') return false;
  void setStatus(value.conversation, value.conversation.status === 'open' ? 'resolved' : 'open');
  return true;
}

function focusOn(id: string): boolean {
  const element = document.getElementById(id);
  element?.focus();
  return element !== null;
}

/** To the list, at the conversation that was open. */
function back(): boolean {
  if (contactShown.value) {
    contactShown.value = false;
    return true;
  }
  const { value } = route;
  if (value.kind === 'list' || value.kind === 'sign-in') return false;
  go({ kind: 'list' });
  if (value.kind === 'conversation') {
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-row^="${CSS.escape(value.id)}"]`)?.focus());
  }
  return true;
}
