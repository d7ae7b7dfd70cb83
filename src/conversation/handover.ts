/**
 * A mail that goes from the thread that read it straight to the one that files it. By way of the thread in between,
 * which has the sockets, it would be taken apart and put together once more, for nothing: that thread has said before
 * what it knows, on the `Slip`. What comes that way is what `accept` would have made of it: an ordinary mail, about
 * which nothing is left to be decided.
 *
 * What was said before goes as one text: it passes two borders and is opened behind the second. A mail may come over
 * twice, when its reader was ended in between and another read it again; the store knows it by its content key.
 */
import type { Authentication } from '../mail/authentication.js';
import type { Content, RawFacts } from '../mail/mail.js';
import type { Filing, Slip } from './filing.js';
import type { PackedReading } from './packed.js';
import type { Parsed } from './ports.js';

/** In this order from `handOver` to `openHandover`. */
export type Handover = readonly [
  ticket: number,
  /** When it was handed over, by `steadyTime`. */
  at: number,
  /** A Slip as JSON. */
  slip: string,
  /** `Read` as JSON. */
  read: string,
  /** The raw mail, then its attachments. */
  contents: readonly Uint8Array[],
  reading: PackedReading,
];

interface Read {
  readonly facts: RawFacts;
  readonly attachments: readonly { readonly sha256: string; readonly size: number }[];
  readonly authentication?: Authentication;
}

/** More Received fields than these are a loop between MTAs (RFC 5321 section 6.3). */
const MAX_HOPS = 50;

export function wentInCircles({ hops }: RawFacts): boolean {
  return hops > MAX_HOPS;
}

/** Null: somebody must decide about it first, or put its contents away. */
export function handOver(
  parsed: Parsed,
  from: { readonly raw: Content; readonly ticket: number; readonly at: number; readonly slip: string },
): Handover | null {
  if (!parsed.readable || wentInCircles(parsed.facts) || 'file' in from.raw) return null;
  const contents = [from.raw.bytes];
  for (const { content } of parsed.attachments) {
    if ('file' in content) return null;
    contents.push(content.bytes);
  }
  const { facts, authentication } = parsed;
  const attachments = parsed.attachments.map(({ sha256, size }) => ({ sha256, size }));
  const read: Read = { facts, attachments, ...(authentication && { authentication }) };
  return [from.ticket, from.at, from.slip, JSON.stringify(read), contents, parsed.reading];
}

export function openHandover([ticket, at, slip, read, contents, reading]: Handover): {
  readonly ticket: number;
  readonly at: number;
  readonly filing: Filing;
} {
  const { envelope, destinations, via, client, trusted, evidence, limits, together } = JSON.parse(slip) as Slip;
  const { facts, attachments, authentication } = JSON.parse(read) as Read;
  const stored = attachments.map(({ sha256, size }, index) => ({ sha256, size, bytes: contents[index + 1]! }));
  const raw = { sha256: facts.sha256, size: facts.size, bytes: contents[0]! };
  // Each by its name: to spread what came out of a text costs more than to read it.
  const filing: Filing = {
    envelope,
    destinations,
    facts,
    raw,
    reading,
    reason: null,
    attachments: stored,
    via,
    client,
    trusted,
    evidence,
    limits,
    together,
  };
  return { ticket, at, filing: authentication ? { ...filing, authentication } : filing };
}
