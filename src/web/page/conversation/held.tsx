/** A message that waits for somebody to say whether it counts. */
import type { Message } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { nameOf } from '../parts/person.js';
import { takeMessage } from '../state/opened.js';
import { words } from '../state/preferences.js';

/** In front of the reason in the evidence. */
const HELD_MARK = 'held: ';

export function Held({ message }: { readonly message: Message }) {
  const w = words.value;
  if (!message.held) return null;
  const name = nameOf(message.author);
  // What is held and did not come from a customer came by mail from one of the team.
  const { why, release } = {
    incoming: { why: w.heldWhy, release: w.release },
    outgoing: { why: w.heldAnswer(name), release: w.releaseAnswer(name) },
    note: { why: w.heldNote(name), release: w.releaseNote },
  }[message.direction];
  const reason = message.evidence.find(line => line.startsWith(HELD_MARK));
  const settle = (how: 'release' | 'drop', done: string) =>
    act(async () => {
      takeMessage(await ask<Message>('POST', `/v1/messages/${message.id}/${how}`));
      // The button is gone.
      document.getElementById(message.id)?.focus({ preventScroll: true });
    }, done);
  return (
    <div class="held">
      <p>
        <strong>{w.held}</strong> {why}
      </p>
      {reason !== undefined && (
        <p class="hint" dir="auto">
          {reason.slice(HELD_MARK.length)}
        </p>
      )}
      <div class="buttons">
        <button type="button" onClick={() => settle('release', w.released)}>
          {release}
        </button>
        <button type="button" onClick={() => settle('drop', w.dropped)}>
          {w.drop}
        </button>
      </div>
    </div>
  );
}
