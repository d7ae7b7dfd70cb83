/**
 * What changes in a message when its mail is read again by a later version. Pure.
 *
 * Only what the reader understands changes: text, kind, writer, files. What the mail did stays done: it opens nothing again,
 * reports nothing again, makes nobody a participant, and stays in its conversation. Where its mail would be threaded
 * elsewhere today (`thread`), that is told and left.
 */
import type { Message } from '../model.js';

/** Raised by each version that reads mails so much better that reading the old ones again may be worth it. */
export const READER = 2;

export const REREAD_PARTS = ['text', 'kind', 'writer', 'files', 'thread'] as const;
export type RereadPart = (typeof REREAD_PARTS)[number];

/** A message as far as its mail decides on it. `files`: name and size of each. */
export interface Understood extends Pick<Message, 'text' | 'kind'> {
  readonly writer: string | null;
  readonly files: readonly string[];
}

/** In the order of REREAD_PARTS. White space at line ends and around the text is no change. */
export function rereadParts(before: Understood, after: Understood, isElsewhere: boolean): readonly RereadPart[] {
  const changed: Readonly<Record<RereadPart, boolean>> = {
    text: folded(before.text) !== folded(after.text),
    kind: before.kind !== after.kind,
    writer: before.writer?.toLowerCase() !== after.writer?.toLowerCase(),
    files: before.files.join('\n') !== after.files.join('\n'),
    thread: isElsewhere,
  };
  return REREAD_PARTS.filter(part => changed[part]);
}

function folded(text: string): string {
  return text.replaceAll(/(?<![ \t])[ \t]+$/gm, '').trim();
}
