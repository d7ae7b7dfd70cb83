/**
 * The order in which mails are read that wait: whoever takes turns with others gets one mail read in each. Networks take
 * turns, then the clients of each network, then the accounts that a client's mails are for; the mails of one account come
 * in their order. So somebody with a thousand dear mails is one of many, and everybody else waits for few of his. Mail
 * for the operator alone waits until no other does.
 *
 * It holds what waits, and nothing of a client that has nothing waiting: it is as small as the doors keep it.
 */
import type { Turn } from '../conversation/ports.js';

export interface Turns<T> {
  push(item: T, turn: Turn): void;
  /** Whose turn it is, or undefined when nothing waits. */
  next(): T | undefined;
  /** Gives it back: it comes before all others. */
  giveBack(items: readonly T[]): void;
}

export function createTurns<T>(): Turns<T> {
  const given: T[] = [];
  const ordinary = lineOf<T>('');
  const last = lineOf<T>('');
  return {
    push(item, turn) {
      const line = [...turn.client, turn.account].reduce(lineIn<T>, turn.last ? last : ordinary);
      line.waiting.push(item);
    },
    next: () => given.shift() ?? nextIn(ordinary) ?? nextIn(last),
    giveBack(items) {
      given.unshift(...items);
    },
  };
}

/** Who waits in one line: lines in it that take turns, or items in their order. */
interface Line<T> {
  readonly key: string;
  readonly lines: Line<T>[];
  readonly waiting: T[];
}

function lineOf<T>(key: string): Line<T> {
  return { key, lines: [], waiting: [] };
}

/** The line of this key; a new one has its turn behind the others. */
function lineIn<T>(line: Line<T>, key: string): Line<T> {
  const known = line.lines.find(each => each.key === key);
  if (known !== undefined) return known;
  const added = lineOf<T>(key);
  line.lines.push(added);
  return added;
}

function nextIn<T>(line: Line<T>): T | undefined {
  const first = line.lines.shift();
  if (first === undefined) return line.waiting.shift();
  const item = nextIn(first);
  if (first.lines.length > 0 || first.waiting.length > 0) line.lines.push(first);
  return item;
}
