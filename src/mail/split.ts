/**
 * Raw bytes to the chunks of the MIME parser: nodes (a part's header), their content, and what stands between. The only
 * importer of the parser.
 *
 * A mail in memory is split in one synchronous pass: the parser is a stream, and for a mail of 4 KB its streaming (event
 * loop turns, iterator, one small buffer a line) costs more than its work. The pass asks the parser's own line step
 * about every line that it could see something in, and groups lines as the stream does; both ways give the same
 * contents. `processLine` is not part of the parser's documented interface: its version is pinned, and a test compares
 * both ways.
 *
 * Memory is bounded by the parser (1 MiB of header, 64 KiB of a line). Above its limits (1,000 parts, that header) next
 * throws, after everything that stands in front.
 */
import { pipeline, Readable } from 'node:stream';
import { type MimeNode, Splitter, type SplitterChunk } from '@zone-eu/mailsplit';
import { soundLineEnds, withSoundLineEnds } from './line-ends.js';

const LIMITS = { ignoreEmbedded: true, maxHeadSize: 1024 * 1024, maxChildNodes: 1000 };

const LF = 10;
const CR = 13;
const DASH = 45;

export type { MimeNode };

export interface ChunkReader {
  next(): SplitterChunk | null | Promise<SplitterChunk | null>;
  /** Gives one chunk back, to be the next again. */
  unread(chunk: SplitterChunk): void;
  close(): void;
}

export function chunkReader(source: Uint8Array | AsyncIterable<Uint8Array>): ChunkReader {
  const { read, close } = source instanceof Uint8Array ? inMemory(source) : streamed(source);
  let unread: SplitterChunk | null = null;
  return {
    next() {
      if (unread === null) return read();
      const chunk = unread;
      unread = null;
      return chunk;
    },
    unread(chunk) {
      unread = chunk;
    },
    close,
  };
}

function streamed(source: AsyncIterable<Uint8Array>) {
  const splitter = new Splitter(LIMITS);
  // A failure of the source destroys the splitter with it, and so reaches the reader.
  pipeline(Readable.from(withSoundLineEnds(source)), splitter, () => {});
  const iterator = (splitter as unknown as AsyncIterable<SplitterChunk>)[Symbol.asyncIterator]();
  return {
    async read() {
      const result = await iterator.next();
      return result.done === true ? null : result.value;
    },
    close() {
      splitter.destroy();
    },
  };
}

function inMemory(source: Uint8Array) {
  const bytes = soundLineEnds(source);
  const chunks = splitAtOnce(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return {
    read() {
      const result = chunks.next();
      return result.done === true ? null : result.value;
    },
    close() {},
  };
}

type Content = Extract<SplitterChunk, { value: unknown }>;

/** What the stream calls for each line. */
interface LineSteps {
  processLine(
    line: Buffer | false,
    final: boolean,
    next: (error?: Error | null, chunk?: SplitterChunk | false, flush?: boolean) => void,
  ): void;
  push(chunk: SplitterChunk): boolean;
}

function* splitAtOnce(bytes: Buffer): Generator<SplitterChunk> {
  const steps = new Splitter(LIMITS) as unknown as LineSteps;
  let early: SplitterChunk[] = [];
  // A node that ends without a body is pushed in the middle of a step.
  steps.push = chunk => early.push(chunk) > 0;
  let found: SplitterChunk | false = false;
  let flushes = false;
  const next = (error?: Error | null, chunk?: SplitterChunk | false, flush?: boolean) => {
    if (error) throw error;
    found = chunk ?? false;
    flushes = flush === true;
  };
  /** Lines of one kind that follow one another, [start, end). */
  let group: Content | null = null;
  let start = 0;
  let end = 0;
  let at = 0;
  /** The last line was content of the group, so the next one is, unless it is a delimiter. */
  let inContent = false;
  for (let lineEnd = bytes.indexOf(LF); lineEnd !== -1; lineEnd = bytes.indexOf(LF, at)) {
    const from = at;
    at = lineEnd + 1;
    const isContent = !mayDelimit(bytes, from);
    if (inContent && isContent) {
      end = at;
      continue;
    }
    steps.processLine(bytes.subarray(from, at), false, next);
    if (early.length > 0) {
      yield* early;
      early = [];
    }
    const chunk = found as SplitterChunk | false;
    inContent = isContent && chunk !== false && chunk.type !== 'node';
    if (chunk === false) continue;
    if (flushes) {
      if (group !== null) {
        end = withoutLastLineEnd(group, bytes, { start, end });
        // A body that is nothing but a line end is still reported with it.
        yield start < end ? { ...group, value: bytes.subarray(start, end) } : group;
      }
      group = null;
      start = at;
      yield chunk;
    } else if (group !== null && chunk.type === group.type) {
      end = at;
      continue;
    } else {
      if (group !== null) {
        end = withoutLastLineEnd(group, bytes, { start, end });
        if (start < end) yield { ...group, value: bytes.subarray(start, end) };
      }
      start = end;
      group = chunk.type === 'node' ? null : chunk;
      if (chunk.type === 'node') {
        yield chunk;
        start = at;
      }
    }
    end = at;
  }
  // The line end before what follows belongs to it, in case that is a delimiter without one.
  if (group !== null) at = withoutLastLineEnd(group, bytes, { start, end: at });
  if (group !== null && at > start) yield { ...group, value: bytes.subarray(start, at) };
  found = false;
  steps.processLine(at < bytes.length && bytes.subarray(at), true, next);
  yield* early;
  const last = found as SplitterChunk | false;
  if (last !== false && (last.type === 'node' || last.value.length > 0)) yield last;
}

/** True when the line that begins there may be a multipart's delimiter: dashes, or a bare CR in front of them. */
function mayDelimit(bytes: Buffer, from: number): boolean {
  const first = bytes[from];
  if (first === DASH) return bytes[from + 1] === DASH;
  return first === CR && bytes[from + 1] !== LF;
}

/** RFC 2046 5.1.1: the line end in front of a delimiter belongs to the delimiter, not to the part. */
function withoutLastLineEnd(group: Content, bytes: Buffer, range: { start: number; end: number }): number {
  let { end } = range;
  const node = group.node as MimeNode;
  if (group.type !== 'body' || !node.parentNode || end <= range.start || bytes[end - 1] !== LF) return end;
  end -= 1;
  return end > range.start && bytes[end - 1] === CR ? end - 1 : end;
}
