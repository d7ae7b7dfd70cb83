/**
 * How much of a list with messages goes into one answer: it ends early when its bytes are used up, never within an item,
 * and has at least one. Who reads it goes on at the cursor as after a page that was full of rows.
 */

/** Bytes of JSON. */
export const PAGE_BYTES = 8 * 1024 * 1024;

/** Whether the next item still fits; true for the first. */
export function pageBudget(bytes: number = PAGE_BYTES): (item: unknown) => boolean {
  let used = 0;
  return item => {
    const first = used === 0;
    used += Buffer.byteLength(JSON.stringify(item));
    return first || used <= bytes;
  };
}
