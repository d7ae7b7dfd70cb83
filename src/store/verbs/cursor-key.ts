/** The key that seals cursors of the API: made once for a store, so that every node understands those of the others. */
import type { StoreTx } from '../tx.js';

const BYTES = 32;

export async function cursorKey(tx: StoreTx): Promise<Uint8Array> {
  const text = 'select value from cursor_key where one = 1';
  const known = await tx.value<Uint8Array>(text);
  if (known !== undefined) return known;
  await tx.insert('cursor_key', { one: 1, value: tx.random(BYTES) }, { known: 'kept' });
  return (await tx.value<Uint8Array>(text))!;
}
