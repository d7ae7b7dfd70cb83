/**
 * Refused "by policy" (5.7.x at RCPT): is it this recipient, or is the smarthost denying to relay at all? One refusal
 * does not tell. Three different recipients in a row, and none taken in between, mean everybody. A delivery that is
 * refused again although others were taken since means this one. Until then it is open.
 *
 * Memory only, and bounded: what is forgotten is held once more, never failed early.
 */

export interface Refusals {
  /** A delivery was taken: whatever was refused before was no matter of everybody. */
  taken(deliveryId: string): void;
  refused(deliveryId: string, recipient: string): 'open' | 'everybody' | 'this one';
  /** The delivery ended in another way. */
  forget(deliveryId: string): void;
}

const MEANS_EVERYBODY = 3;
const REMEMBERED = 1000;

export function createRefusals(): Refusals {
  /** Per delivery: how many others had been taken when it was first refused. */
  const known = new Map<string, number>();
  /** Recipients refused since the last delivery that was taken. */
  const inRow = new Set<string>();
  let taken = 0;
  return {
    taken(deliveryId) {
      taken += 1;
      inRow.clear();
      known.delete(deliveryId);
    },
    refused(deliveryId, recipient) {
      const before = known.get(deliveryId);
      if (before !== undefined && before < taken) {
        known.delete(deliveryId);
        return 'this one';
      }
      if (before === undefined) known.set(deliveryId, taken);
      if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
      if (inRow.size < MEANS_EVERYBODY) inRow.add(recipient);
      return inRow.size >= MEANS_EVERYBODY ? 'everybody' : 'open';
    },
    forget(deliveryId) {
      known.delete(deliveryId);
    },
  };
}
