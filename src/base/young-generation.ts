/**
 * The size of the young generation in the threads that every mail passes: the store's writer and the parser. What they make
 * lives about as long as a batch. A small young generation would be collected many times a second while most of it is
 * still in use; one much larger than the processor's caches has to be fetched from memory each time.
 *
 * It has its size from the start. V8 would double it now and then in the first minutes of a long load, and memory that
 * grows in steps looks like a leak.
 */
import { setFlagsFromString } from 'node:v8';
import type { ResourceLimits } from 'node:worker_threads';

const MEGABYTES = 12;
/** V8 counts three: two that change places, and as much again for what is large. */
const SEMI_SPACES = 3;

/** For a worker that is started now. Later ones begin with that size too, unless their limit is lower. */
export function youngGenerationLimit(): Pick<ResourceLimits, 'maxYoungGenerationSizeMb'> {
  setFlagsFromString(`--min-semi-space-size=${MEGABYTES / SEMI_SPACES}`);
  return { maxYoungGenerationSizeMb: MEGABYTES };
}
