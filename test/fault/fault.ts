/** A fault, and the bench it is tried on. */
import type { Bench, BenchOptions } from './bench.js';
import type { BooksOptions } from './books.js';

export interface Fault {
  /** At most 36 characters. */
  readonly name: string;
  /** Part of `npm test`; the others wait for time limits of the daemon. */
  readonly quick: boolean;
  /** Why it can't be tried here, or null. */
  readonly obstacle?: () => string | null;
  /**
   * Makes the fault, looks at what everybody hears meanwhile, and undoes it. Gives that in a few words; throws when it is
   * not what it should be.
   */
  run(bench: Bench, notes: Notes): Promise<string>;
}

/** What a fault wants to be known when the books are looked through at the end. */
export interface Notes {
  readonly twice: Set<string>;
  readonly untold: Set<string>;
  /** Nobody hastens what waits: it comes back by itself. */
  readonly patient: boolean;
}

export interface FaultGroup {
  readonly name: string;
  /** Why it can't be tried here, or null. */
  readonly obstacle?: () => string | null;
  readonly options?: () => BenchOptions;
  /** A fault of it ends the daemon, as it must. */
  readonly restarts?: true;
  readonly faults: readonly Fault[];
}

export function newNotes(options: { patient: boolean }): Notes & BooksOptions {
  return { twice: new Set(), untold: new Set(), ...options };
}
