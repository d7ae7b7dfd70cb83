/** The time, every half a minute, for all that says how long ago something was. */
import { signal } from '@preact/signals';

export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);
document.addEventListener('visibilitychange', () => {
  now.value = Date.now();
});
