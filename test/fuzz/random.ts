/** A small generator of our own, so that a failure can be repeated from its seed. Splitmix-like: equal seeds, equal runs. */

/** A whole number from 0 up to, but without, `below`. */
export type Random = (below: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return below => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!;
}

/** One of the entries, each as often as its number says in comparison with the others. */
export function weighted<T>(random: Random, list: readonly (readonly [number, T])[]): T {
  let left = random(list.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, entry] of list) {
    left -= weight;
    if (left < 0) return entry;
  }
  throw new Error('an empty list');
}
