/**
 * Shares the event loop between posts and everybody else: in one turn of it so much of forms is read, whoever posts and
 * however many do. Who comes behind waits for the next turn, in which sockets, timers and other requests are served too.
 * The order is that in which they came, but strangers take turns with those who have proven who they are: a provider waits
 * for one piece of a stranger, and not for one of each.
 */

/** In bytes: what takes a few milliseconds. */
const COST_OF_A_TURN = 256 * 1024;

interface Waiting {
  readonly cost: number;
  readonly go: () => void;
}

const waiting = { known: [] as Waiting[], strangers: [] as Waiting[] };
let used = 0;
let isNext: keyof typeof waiting = 'known';
let isPlanned = false;

/** Waits until there is room for work, and takes `cost` of it. A larger cost than a turn has is taken in one. */
export async function takeTurn(cost: number, who: keyof typeof waiting): Promise<void> {
  if (used < COST_OF_A_TURN && waiting[who].length === 0) spendTurn(cost);
  else await new Promise<void>(go => waiting[who].push({ cost, go }));
}

/** For work that could not be known before it was done: what comes behind waits for it. */
export function spendTurn(cost: number): void {
  used += cost;
  if (isPlanned) return;
  isPlanned = true;
  setImmediate(() => {
    isPlanned = false;
    used = 0;
    for (let one = next(); one !== undefined; one = next()) {
      spendTurn(one.cost);
      one.go();
    }
  });
}

/** Who goes on in this turn; undefined: it is used up, or nobody waits. */
function next(): Waiting | undefined {
  if (used >= COST_OF_A_TURN) return undefined;
  const one = waiting[isNext].shift();
  isNext = isNext === 'known' ? 'strangers' : 'known';
  return one ?? waiting[isNext].shift();
}
