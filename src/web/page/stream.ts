/**
 * The stream of events (Server-Sent Events) by `fetch`, because a browser's own EventSource forgets its place when the
 * server refuses it once. It is opened again for as long as nobody closes it, each time behind the last event that came;
 * a stream that is silent for longer than three of the server's heartbeats counts as gone.
 */
import type { Event } from '../../conversation/model.js';

export interface StreamListener {
  onEvent(event: Event): void;
  /** What came in between is unknown: read everything again. */
  onReset(): void;
  onState(state: 'open' | 'away' | 'signed_out'): void;
}

const SILENCE = 50_000;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** Characters of one event: the server's are shorter. */
const MAX_EVENT = 8 * 1024 * 1024;

/** Returns the way to close it. */
export function openStream(address: string, listener: StreamListener): () => void {
  const closing = new AbortController();
  let place: string | null = null;
  let pause = FIRST_PAUSE;
  let wake: () => void = () => {};
  let silent = new AbortController();

  async function readOnce(): Promise<void> {
    silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), SILENCE);
    try {
      const response = await fetch(address, {
        headers: { accept: 'text/event-stream', ...(place === null ? {} : { 'last-event-id': place }) },
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.any([closing.signal, silent.signal]),
      });
      if (response.status === 401) {
        listener.onState('signed_out');
        closing.abort();
        return;
      }
      if (!response.ok || response.body === null) return;
      listener.onState('open');
      pause = FIRST_PAUSE;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), SILENCE);
        text += value;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        if (text.length > MAX_EVENT) throw new Error('an event is too long');
        for (const block of blocks) take(block);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  function take(block: string): void {
    let [type, data] = ['', ''];
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) place = line.slice(4);
      else if (line.startsWith('event: ')) type = line.slice(7);
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (type === 'reset') listener.onReset();
    else if (data !== '') listener.onEvent(JSON.parse(data) as Event);
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await readOnce().catch(() => undefined);
      if (closing.signal.aborted) return;
      listener.onState('away');
      await new Promise<void>(resolve => {
        wake = resolve;
        setTimeout(resolve, pause);
      });
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  const again = () => {
    pause = FIRST_PAUSE;
    wake();
  };
  // The browser knows it at once, the connection only by its silence.
  const away = () => silent.abort();
  addEventListener('online', again);
  addEventListener('offline', away);
  void run();
  return () => {
    closing.abort();
    removeEventListener('online', again);
    removeEventListener('offline', away);
    wake();
  };
}
