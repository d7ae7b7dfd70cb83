/** A reader of the event stream that remembers its place, and what it heard. */
import assert from 'node:assert/strict';
import type { Event } from '#replyd/conversation/model.js';

export interface StreamReader {
  /** In their order, as often as they came. */
  readonly heard: readonly Event[];
  /** How often it was let in. */
  comes(): number;
  begun(): boolean;
  end(): Promise<void>;
}

/**
 * Reads the stream, and comes again from where it was whenever it ends, until it is told to stop. `address`: the host and
 * port of the next time, asked anew for each.
 */
export function follow(address: () => string, key: string): StreamReader {
  const heard: Event[] = [];
  let last: string | null = null;
  let stopped = false;
  let comes = 0;
  const ending = new AbortController();
  const once = async () => {
    const response = await fetch(`http://${address()}/v1/events`, {
      headers: { authorization: `Bearer ${key}`, ...(last === null ? {} : { 'last-event-id': last }) },
      signal: ending.signal,
    });
    assert.equal(response.status, 200);
    comes += 1;
    let rest = '';
    for await (const chunk of response.body!) {
      rest += Buffer.from(chunk).toString('utf8');
      for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
        const lines = rest.slice(0, end).split('\n');
        rest = rest.slice(end + 2);
        last = lines.find(line => line.startsWith('id: '))?.slice(4) ?? last;
        const data = lines.find(line => line.startsWith('data: '))?.slice(6);
        assert.ok(!lines.includes('event: reset'));
        if (data !== undefined) heard.push(JSON.parse(data));
      }
    }
  };
  const done = (async () => {
    while (!stopped) {
      await once().catch(error => {
        if (error instanceof assert.AssertionError) throw error;
      });
      await new Promise<void>(resolve => setTimeout(resolve, 20));
    }
  })();
  return {
    heard,
    comes: () => comes,
    begun: () => last !== null,
    async end() {
      stopped = true;
      ending.abort();
      await done;
    },
  };
}

/** Seqs of each conversation in the order in which they were first heard. */
export function firstHeard(events: readonly Pick<Event, 'id' | 'seq' | 'conversation'>[]): Map<string, number[]> {
  const seen = new Set<string>();
  const order = new Map<string, number[]>();
  for (const { id, seq, conversation } of events) {
    if (seen.has(id)) continue;
    seen.add(id);
    order.set(conversation!.id, [...(order.get(conversation!.id) ?? []), seq]);
  }
  return order;
}
