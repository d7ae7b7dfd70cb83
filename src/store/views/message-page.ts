/** Messages as far as they fit into one answer (conversation/page.ts). They are read one at a time: each can be large. */
import type { Message } from '../../conversation/model.js';
import { pageBudget } from '../../conversation/page.js';
import { byKey } from '../by-key.js';
import type { StoreTx } from '../tx.js';
import { messageView } from './views.js';

/** In the order of the keys; `next`: the first that did not fit. */
export async function messagesThatFit(
  tx: StoreTx,
  keys: readonly { readonly key: number }[],
): Promise<{ readonly fitting: readonly Message[]; readonly next: Message | null }> {
  const fits = pageBudget(tx.rules.responseBytes);
  const fitting: Message[] = [];
  for (const { key } of keys) {
    const view = await messageView(tx, (await byKey(tx, 'message', key))!);
    if (!fits(view)) return { fitting, next: view };
    fitting.push(view);
  }
  return { fitting, next: null };
}
