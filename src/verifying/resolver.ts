/**
 * Questions to the DNS, with a memory: mails of one sender ask the same few. An answer is kept for 5 minutes, "there is
 * none" for one, a failure for 10 s. At most 4,000 answers are kept, the oldest go first; one of more than 16 KiB is a
 * failure. Questions that are asked twice at once are asked once.
 *
 * A server gets two tries of a second each. Errors carry Node's codes: `ENOTFOUND` and `ENODATA` say that there is no such
 * record, every other one that the DNS did not answer.
 */
import { Resolver } from 'node:dns/promises';

/** As mailauth asks: the answers have the shapes of `dns.promises.resolve`. */
export type Resolve = (name: string, type: string) => Promise<unknown>;

const TRY = { timeout: 1_000, tries: 2 };
const MOST = 4_000;
const MOST_CHARACTERS = 16 * 1024;
const KEPT = { answer: 300_000, nothing: 60_000, failure: 10_000 };

/** `servers`: `address` or `address:port`; none: those of the system. `now`: milliseconds, by a clock that never jumps. */
export function createResolver(servers: readonly string[], now: () => number): Resolve {
  const resolver = new Resolver(TRY);
  if (servers.length > 0) resolver.setServers(servers);
  const known = new Map<string, { readonly until: number; readonly answer: Promise<unknown> }>();
  return (name, type) => {
    const question = `${type} ${name.toLowerCase()}`;
    const before = known.get(question);
    if (before !== undefined && before.until > now()) return before.answer;
    const keep = (kept: number) => known.set(question, { until: now() + kept, answer });
    const answer = resolver.resolve(name, type).then(found => {
      if (JSON.stringify(found).length > MOST_CHARACTERS) throw new Error('the answer is too large');
      return found;
    });
    known.delete(question);
    keep(KEPT.answer);
    answer.then(null, (error: NodeJS.ErrnoException) => keep(saysNo(error) ? KEPT.nothing : KEPT.failure));
    if (known.size > MOST) known.delete(known.keys().next().value!);
    return answer;
  };
}

function saysNo(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOTFOUND' || error.code === 'ENODATA';
}
