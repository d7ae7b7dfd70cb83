/** What came while one was writing, between the conversation and the answer, and the choice. */
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../parts/icon.js';
import { nameOf } from '../parts/person.js';
import { words } from '../state/preferences.js';
import type { Answer } from './use-answer.js';

const SHOWN = 3;
const LETTERS = 400;

export function Moved({ answer, onGone }: { readonly answer: Answer; readonly onGone: () => void }) {
  const w = words.value;
  const box = useRef<HTMLDivElement>(null);
  const { newer, heldUp } = answer;
  useEffect(() => {
    if (heldUp) box.current?.focus();
  }, [heldUp]);
  if (newer.length === 0) return null;
  return (
    <div class={`moved${heldUp ? ' held-up' : ''}`} role="alert" tabIndex={-1} ref={box}>
      <p class="moved-title">
        <Icon name="warning" /> {w.moved(newer.length)}
      </p>
      <ul class="plain">
        {newer.slice(-SHOWN).map(each => (
          <li key={each.id}>
            <strong dir="auto">{nameOf(each.author)}:</strong>{' '}
            <span dir="auto">{each.text.trim().slice(0, LETTERS) || w.noWords}</span>
          </li>
        ))}
      </ul>
      <div class="buttons">
        <button
          type="button"
          onClick={() => {
            answer.goOn();
            onGone();
          }}
        >
          {w.goOnEditing}
        </button>
        <button
          type="button"
          onClick={() => {
            void answer.send({ anyway: true });
            onGone();
          }}
        >
          {w.sendAnyway}
        </button>
      </div>
    </div>
  );
}
