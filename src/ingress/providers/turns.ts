/**
 * Shares the event loop between posts and everybody else: in one turn of it so much of forms is read, whoever posts and
 * however many do. Who comes behind waits for the next turn, in which sockets, timers and other requests are served too.
 * The order is that in which they came.
 */

/** In bytes: what takes a few milliseconds. */
const COST_OF_A_TURN = 256 * 1024;

let used = 0;
let nextTurn: Promise<void> | null = null;

/** Waits until there is room for work, and takes `cost` of it. A larger cost than a turn has is taken in one. */
export async function takeTurn(cost: number): Promise<void> {
  while (used >= COST_OF_A_TURN) await nextTurn;
  spendTurn(cost);
}

/** For work that could not be known before it was done: what comes behind waits for it. */
export function spendTurn(cost: number): void {
  used += cost;
  nextTurn ??= new Promise(resolve => {
    setImmediate(() => {
      used = 0;
      nextTurn = null;
      resolve();
    });
  });
}
