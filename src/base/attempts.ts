/**
 * Slows down guessing: of a password, by whom it is guessed of and from where. The first wrong attempts cost nothing, then
 * each of them makes the next one wait, twice as long as the one before, up to a bound. Nobody is locked out: behind the
 * wait the right password works, and what is refused meanwhile makes it no longer.
 *
 * An attempt counts as wrong from its beginning, so that many at once are no way around. It is kept in the memory of this
 * process, for a bounded number of names: the one used longest ago is forgotten.
 */

export interface AttemptLimits {
  /** Wrong attempts that cost nothing. */
  readonly free: number;
  /** Milliseconds: the first wait, the longest one, and after which silence all is forgotten. */
  readonly first: number;
  readonly longest: number;
  readonly forgotten: number;
}

/** For whom a password is guessed: anybody can make him wait, so not for long. */
export const OF_PERSON: AttemptLimits = { free: 5, first: 1000, longest: 30_000, forgotten: 3_600_000 };
/** Who guesses, by his address or network. */
export const OF_CLIENT: AttemptLimits = { free: 10, first: 1000, longest: 900_000, forgotten: 3_600_000 };
const MAX_NAMES = 20_000;

export type Attempt =
  /** Seconds to wait, at least 1. */
  | { readonly kind: 'wait'; readonly seconds: number }
  /** `succeeded`: it was right. `takenBack`: nobody could say. */
  | { readonly kind: 'begun'; succeeded(): void; takenBack(): void };

export interface Attempts {
  /** Of this person and this client: an address, or what counts as one. */
  begin(of: { readonly person: string; readonly client: string }): Attempt;
}

interface Count {
  wrong: number;
  lastAt: number;
}

/** `clock`: milliseconds. */
export function createAttempts(clock: () => number, most = MAX_NAMES): Attempts {
  const persons = new Map<string, Count>();
  const clients = new Map<string, Count>();

  function countOf(counts: Map<string, Count>, name: string, limits: AttemptLimits): Count {
    const known = counts.get(name);
    const isOld = known === undefined || clock() - known.lastAt > limits.forgotten;
    const count = isOld ? { wrong: 0, lastAt: clock() } : known;
    // A clock that was put back makes no wait longer.
    count.lastAt = Math.min(count.lastAt, clock());
    // The map's order is that of use.
    counts.delete(name);
    counts.set(name, count);
    if (counts.size > most) counts.delete(counts.keys().next().value!);
    return count;
  }

  return {
    begin({ person, client }) {
      const ofPerson = countOf(persons, person, OF_PERSON);
      const ofClient = countOf(clients, client, OF_CLIENT);
      const now = clock();
      const wait = Math.max(waitOf(ofPerson, OF_PERSON, now), waitOf(ofClient, OF_CLIENT, now));
      if (wait > 0) return { kind: 'wait', seconds: Math.ceil(wait / 1000) };
      for (const count of [ofPerson, ofClient]) {
        count.wrong += 1;
        count.lastAt = now;
      }
      return {
        kind: 'begun',
        succeeded() {
          ofPerson.wrong = 0;
          // Whoever knows one password is no less a stranger to the others: only this attempt was none.
          ofClient.wrong -= 1;
        },
        takenBack() {
          ofPerson.wrong = Math.max(0, ofPerson.wrong - 1);
          ofClient.wrong -= 1;
        },
      };
    },
  };
}

/** Milliseconds until the next attempt. */
function waitOf({ wrong, lastAt }: Count, { free, first, longest }: AttemptLimits, now: number): number {
  if (wrong < free) return 0;
  const whole = Math.min(longest, first * 2 ** Math.min(wrong - free, 40));
  return lastAt + whole - now;
}
