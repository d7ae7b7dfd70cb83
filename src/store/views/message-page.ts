/**
 * Messages as far as they fit into one answer (conversation/page.ts). Each can be large, so they are read in pieces of a
 * bounded size, hardly ever more than one.
 */
import type { Message } from '../../conversation/model.js';
import { pageBudget } from '../../conversation/page.js';
import type { MessageRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { messageViews } from './messages.js';

/** Bytes that a message has at least in JSON. */
export const LEAST_JSON = 500;

/** The bytes of a message's texts, in a statement where its table is named `m`. No text is read for them. */
export const TEXT_BYTES = 'octet_length(m.text) + octet_length(m.quoted_text) + coalesce(octet_length(m.html), 0)';

/** What is read next: something that may name a message, and how long its texts are. */
export interface Sized {
  readonly bytes: number | null;
}

/** What comes one after the other, in pieces of about so many bytes; each has one at least. */
export function* piecesOf<Item extends Sized>(items: readonly Item[], most: number): Iterable<readonly Item[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    if (bytes > most) {
      yield items.slice(from, index);
      from = index;
      bytes = 0;
    }
    bytes += LEAST_JSON + (item.bytes ?? 0);
  }
  if (from < items.length) yield items.slice(from);
}

/** Of this conversation's messages, in the order that `ordered` says. */
export function messageKeys(ordered: string): string {
  return `select m.key, ${TEXT_BYTES} as bytes from message m where m.conversation_key = $1 ${ordered}`;
}

/** In the order of the keys; `next`: the first that did not fit. */
export async function messagesThatFit(
  tx: StoreTx,
  keys: readonly (Sized & { readonly key: number })[],
): Promise<{ readonly fitting: readonly Message[]; readonly next: Message | null }> {
  const { responseBytes } = tx.rules;
  const fits = pageBudget(responseBytes);
  const fitting: Message[] = [];
  for (const piece of piecesOf(keys, responseBytes)) {
    const rows = await messageRows(
      tx,
      piece.map(({ key }) => key),
    );
    for (const view of await messageViews(tx, rows)) {
      if (!fits(view)) return { fitting, next: view };
      fitting.push(view);
    }
  }
  return { fitting, next: null };
}

/** In the order of the keys. */
export async function messageRows(tx: StoreTx, keys: readonly number[]): Promise<readonly MessageRow[]> {
  if (keys.length === 0) return [];
  const rows = await tx.all<MessageRow>('select * from message where key = any($1)', keys);
  const byKey = new Map(rows.map(row => [row.key, row]));
  return keys.flatMap(key => byKey.get(key) ?? []);
}
