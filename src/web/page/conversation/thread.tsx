/** The messages, oldest first; it opens at the newest, and stays there while one does not scroll away. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { canShowEarlier, earlier, messages, showEarlier, showMessage } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { MessageCard } from './message-card.js';

/** Pixels from the end that still count as the end. */
const NEAR = 80;

export function Thread({ id, message }: { readonly id: string; readonly message: string | null }) {
  const w = words.value;
  const box = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  const shown = messages.value;
  const last = shown.at(-1)?.id;
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [id, last]);
  useEffect(() => {
    if (message === null) return;
    void showMessage(message).then(isThere => {
      const card = isThere ? document.getElementById(message) : null;
      if (card === null) return;
      atEnd.current = false;
      card.scrollIntoView({ block: 'start' });
      card.focus({ preventScroll: true });
    });
  }, [id, message]);
  useEffect(() => {
    // Pictures and the answer below change the height.
    const watcher = new ResizeObserver(() => {
      if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
    });
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return (
    <section
      class="thread"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to scroll by keys too
      tabIndex={0}
      aria-label={w.messages}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
      }}
    >
      {earlier.value > 0 && (
        <div class="earlier">
          {canShowEarlier() ? (
            <button
              type="button"
              onClick={() => {
                box.current?.focus({ preventScroll: true });
                void showEarlier();
              }}
            >
              {w.showEarlier(earlier.value)}
            </button>
          ) : (
            <p>{w.earlierAre(earlier.value)}</p>
          )}
        </div>
      )}
      <ol>
        {shown.map(message => (
          <MessageCard key={message.id} message={message} />
        ))}
      </ol>
    </section>
  );
}
