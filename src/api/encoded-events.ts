/**
 * Events as they are sent to readers of the stream: each is written as JSON once, and a reader gets a piece of them at a
 * time.
 */
import type { Event, EventType } from '../conversation/model.js';

/** An event as it is sent. */
export interface Encoded {
  readonly id: string;
  readonly account: string;
  readonly type: EventType;
  /** Id; null: it is of none. */
  readonly conversation: string | null;
  readonly bytes: Buffer;
  /** As agents see it, when one does. */
  forAgents: Promise<Buffer> | null;
}

/** Takes out what no agent may read. */
export type Redact = (text: string) => Promise<string>;

/** What somebody wants to hear of. */
export interface Wanted {
  /** Slug; null: all accounts. */
  readonly account: string | null;
  /** Null: of all types. */
  readonly types: ReadonlySet<EventType> | null;
  /** Id; null: of all conversations, and of none. */
  readonly conversation: string | null;
}

/** Who gets them. */
export interface Receiver extends Wanted {
  /** Null: it is no agent's. */
  readonly redact: Redact | null;
  /** Id of the last event that it got, or that is not for it. */
  position: string;
}

export function encoded(event: Event): Encoded {
  const bytes = Buffer.from(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const { id, account, type } = event;
  return { id, account, type, conversation: event.conversation?.id ?? null, bytes, forAgents: null };
}

/** Pieces by name, the newest up to so many bytes. */
export function createLately(most: number) {
  const pieces = new Map<string, readonly Encoded[]>();
  const size = (events: readonly Encoded[]) => events.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let total = 0;
  return {
    get: (name: string) => pieces.get(name),
    add(name: string, events: readonly Encoded[]) {
      pieces.set(name, events);
      total += size(events);
      for (const [oldest, gone] of pieces) {
        if (total <= most) break;
        pieces.delete(oldest);
        total -= size(gone);
      }
    },
  };
}

export function isFor({ account, types, conversation }: Wanted, event: Encoded): boolean {
  return (
    (account === null || account === event.account) &&
    (types === null || types.has(event.type)) &&
    (conversation === null || conversation === event.conversation)
  );
}

/** The same for whoever wants the same. */
export function nameOf({ account, types, conversation }: Wanted): string {
  return `${account ?? ''} ${[...(types ?? [])].sort().join()} ${conversation ?? ''}`;
}

/** What it gets next of these events, `most` bytes or one event; none is for it: none. It has them then. */
export function take(
  reader: Receiver,
  events: readonly Encoded[],
  { begin, most }: { readonly begin: number; readonly most: number },
): readonly Encoded[] {
  const taken: Encoded[] = [];
  let size = 0;
  for (let at = begin; at < events.length; at += 1) {
    const event = events[at]!;
    if (isFor(reader, event)) {
      size += event.bytes.length;
      if (size > most && taken.length > 0) break;
      taken.push(event);
    }
    reader.position = event.id;
  }
  return taken;
}

/** As the reader may see them: for all agents that is found out once, for all of these together. Null: none. */
export async function bytesOf(
  { redact }: Pick<Receiver, 'redact'>,
  events: readonly Encoded[],
): Promise<Buffer | null> {
  if (events.length === 0) return null;
  if (redact !== null) redactAll(events, redact);
  const pieces = await Promise.all(events.map(event => (redact === null ? event.bytes : event.forAgents!)));
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** An event ends with an empty line, and no JSON has one. */
const END = '\n\n';

function redactAll(events: readonly Encoded[], redact: Redact): void {
  const unknown = events.filter(event => event.forAgents === null);
  if (unknown.length === 0) return;
  const all = redact(unknown.map(event => event.bytes.toString()).join('')).then(text => text.split(END));
  for (const [index, event] of unknown.entries()) event.forAgents = all.then(texts => Buffer.from(texts[index]! + END));
  // A store that is away for a moment: they are asked for again.
  all.catch(() => {
    for (const event of unknown) event.forAgents = null;
  });
}
