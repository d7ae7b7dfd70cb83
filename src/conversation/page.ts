/**
 * How much of a list with messages goes into one answer: it ends early when its bytes are used up, never within an item,
 * and has at least one. Who reads it goes on at the cursor as after a page that was full of rows.
 */

/** Whether the next item still fits into these `bytes` of JSON (`limits.response_bytes`); true for the first. */
export function pageBudget(bytes: number): (item: unknown) => boolean {
  let used = 0;
  return item => {
    const first = used === 0;
    used += Buffer.byteLength(JSON.stringify(item));
    return first || used <= bytes;
  };
}
