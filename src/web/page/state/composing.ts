/** Asks the open answer field to take the focus, as an answer or as a note. */
import { signal } from '@preact/signals';

export const wanted = signal<'answer' | 'note' | null>(null);
