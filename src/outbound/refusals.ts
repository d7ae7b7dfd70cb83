/**
 * Refused "by policy" (5.7.x at RCPT): does the smarthost refuse this recipient, or does it relay for nobody? One refusal
 * does not decide it. Three different recipients in a row, none taken in between, mean everybody. A delivery that is
 * refused again after others were taken means this one. Until then it is open.
 *
 * It is kept in bounded memory: a forgotten delivery is deferred once more and never fails early.
 */

const MEANS_EVERYBODY = 3;
const REMEMBERED = 1000;

export function createRefusals() {
  /** Per delivery: how many others had been taken when it was first refused. */
  const known = new Map<string, number>();
  /** Recipients refused since the last delivery that was taken. */
  const inRow = new Set<string>();
  let taken = 0;
  return {
    /** A delivery was taken, so earlier refusals did not mean everybody. */
    taken(deliveryId: string): void {
      taken += 1;
      inRow.clear();
      known.delete(deliveryId);
    },
    refused(deliveryId: string, recipient: string): 'open' | 'everybody' | 'this one' {
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
    /** The delivery ended in another way. */
    forget(deliveryId: string): void {
      known.delete(deliveryId);
    },
  };
}
