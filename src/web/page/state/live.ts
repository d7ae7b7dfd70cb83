/** The stream of the account that is shown, given to the list and to the open conversation. */
import { effect, signal } from '@preact/signals';
import { addressOf } from '../api.js';
import { openStream } from '../stream.js';
import * as list from './list.js';
import * as opened from './opened.js';
import { account, session } from './session.js';

/** False: it is being opened again. */
export const connected = signal(true);

/** Returns the way to stop. */
export function followStream(): () => void {
  return effect(() => {
    const slug = account.value;
    if (slug === null) return;
    let wasAway = false;
    const stop = openStream(addressOf('/v1/events', { account: slug }), {
      onEvent(event) {
        list.take(event);
        opened.take(event);
      },
      onReset: readAgain,
      onState(state) {
        connected.value = state !== 'away';
        if (state === 'signed_out') session.value = { kind: 'signed_out' };
        // The list may have failed to load, and nothing comes to tell it that it can.
        if (state === 'open' && wasAway) readAgain();
        wasAway = state === 'away';
      },
    });
    return stop;
  });
}

function readAgain(): void {
  void list.load();
  void opened.readAgain();
}
