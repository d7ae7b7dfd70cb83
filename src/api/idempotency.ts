/**
 * `Idempotency-Key`: the same request under the same key within 24 hours is done once and answered the same; the repeated
 * answer carries `Idempotency-Replayed: true`. The same key for another request is invalid. Faults are not kept.
 *
 * The answer of a store verb is kept in the transaction that does it. The answer of work outside the store is kept when
 * the work is done: the same request meanwhile waits for it; after a kill the work is done once more.
 */

import { ReplydError } from '../base/errors.js';
import type { OnceVerb, Store } from '../conversation/store.js';

export interface IdempotentRequest {
  readonly once: (verb: OnceVerb, values: readonly unknown[]) => Promise<unknown>;
  /** The same for work that is not the store's. Killed in the middle of it, it may be done once more. */
  readonly onceOutside: <Value>(work: () => Promise<Value>) => Promise<Value>;
  /** Known when it has run. */
  readonly repeated: () => boolean;
}

const MAX_NAME = 255;

export function openIdempotency(store: Store) {
  const running = new Map<string, Promise<unknown>>();

  /** `name`: the key that the request came with. `about`: what is asked, to tell it from other requests. */
  return ({ caller, name, about }: Readonly<Record<'caller' | 'name' | 'about', string>>): IdempotentRequest => {
    if (name === '' || name.length > MAX_NAME) {
      throw new ReplydError('invalid', `An Idempotency-Key has 1 to ${MAX_NAME} characters.`);
    }
    const request = { caller, name, fingerprint: Buffer.from(about).toString('hex') };
    let repeated = false;

    const kept = async (work: () => Promise<unknown>): Promise<unknown> => {
      const before = await store.keptAnswer(request);
      repeated = before !== null;
      return before === null ? (await store.once(request, 'answer', [await work()])).value : before.value;
    };
    return {
      async once(verb, values) {
        const done = await store.once(request, verb, values as never);
        repeated = done.repeated;
        return done.value;
      },
      async onceOutside<Value>(work: () => Promise<Value>) {
        const place = `${caller} ${name}`;
        const before = running.get(place) ?? Promise.resolve();
        const mine = before.catch(() => undefined).then(() => kept(work));
        running.set(place, mine);
        try {
          return (await mine) as Value;
        } finally {
          if (running.get(place) === mine) running.delete(place);
        }
      },
      repeated: () => repeated,
    };
  };
}
