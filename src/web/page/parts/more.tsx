/** Coming into view it asks for what comes next; without that it is a button. */
import { useEffect, useRef } from 'preact/hooks';
import { words } from '../state/preferences.js';

export function More({ isBusy, onMore }: { readonly isBusy: boolean; readonly onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) onMore();
    });
    if (button.current) watcher.observe(button.current);
    return () => watcher.disconnect();
  }, []);
  return (
    <button type="button" class="more" ref={button} onClick={onMore}>
      {isBusy ? words.value.loading : words.value.more}
    </button>
  );
}
