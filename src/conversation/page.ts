/**
 * How much with messages goes out at once. A list ends early when its bytes are used up, never within an item, and has at
 * least one; who reads it goes on at the cursor as after a page that was full of rows. An event has long texts shortened,
 * says so in `data.shortened`, and says in `data.whole` where the message can be read whole.
 */
import { cutText } from '../mail/cut.js';
import type { Event } from './model.js';

/** Bytes of JSON of one event: common receivers of webhooks take no more. */
const EVENT_BYTES = 1024 * 1024;
/** Characters that stay of a text that is shortened, and what stands at its end. */
const SHORTENED = 16 * 1024;
const MARK = ' […]';

/** Whether the next item still fits into these `bytes` of JSON (`limits.response_bytes`); true for the first. */
export function pageBudget(bytes: number): (item: unknown) => boolean {
  let used = 0;
  return item => {
    const first = used === 0;
    used += bytesOf(item);
    return first || used <= bytes;
  };
}

/** The event, its message's texts shortened where they are too many bytes. */
export function fittingEvent(event: Event): Event {
  const { message } = event;
  if (message === null || bytesOf(event) <= EVENT_BYTES) return event;
  const cut = (text: string) => (text.length <= SHORTENED ? text : cutText(text, SHORTENED) + MARK);
  return {
    ...event,
    message: { ...message, text: cut(message.text), quoted_text: cut(message.quoted_text), signature: '', html: null },
    data: { ...event.data, shortened: true, whole: `/v1/messages/${message.id}` },
  };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
