/** A message that waits for somebody to say whether it counts. */
import type { Message } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { takeMessage } from '../state/opened.js';
import { words } from '../state/preferences.js';

export function Held({ message }: { readonly message: Message }) {
  const w = words.value;
  if (!message.held) return null;
  const settle = (how: 'release' | 'drop', done: string) =>
    act(async () => {
      takeMessage(await ask<Message>('POST', `/v1/messages/${message.id}/${how}`));
      // The button is gone.
      document.getElementById(message.id)?.focus({ preventScroll: true });
    }, done);
  return (
    <div class="held">
      <p>
        <strong>{w.held}</strong> {w.heldWhy}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => settle('release', w.released)}>
          {w.release}
        </button>
        <button type="button" onClick={() => settle('drop', w.dropped)}>
          {w.drop}
        </button>
      </div>
    </div>
  );
}
