/** What a screen reader is told, and short notices for all: one at a time, and the last one counts. */
import { signal } from '@preact/signals';

/** Spoken, not shown. */
export const spoken = signal('');
export interface Notice {
  readonly kind: 'good' | 'bad';
  readonly text: string;
}
export const notice = signal<Notice | null>(null);

const SHOWN_FOR = 8_000;
let timer: ReturnType<typeof setTimeout> | undefined;

export function speak(text: string): void {
  spoken.value = text;
}

export function notify(kind: Notice['kind'], text: string): void {
  notice.value = { kind, text };
  clearTimeout(timer);
  if (kind === 'good') timer = setTimeout(dismiss, SHOWN_FOR);
}

export function dismiss(): void {
  notice.value = null;
}
