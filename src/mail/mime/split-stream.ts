/**
 * A mail that arrives in pieces to the chunks of the MIME parser: nodes (a part's header), their content, and what
 * stands between. What comes in memory takes the shorter way of `split.ts`, with the same result.
 *
 * Memory is bounded by the parser (1 MiB of header, 64 KiB of a line). Above its limits (1,000 parts, that header) next
 * throws, after everything that stands in front.
 */
import { pipeline, Readable } from 'node:stream';
import { type MimeNode, Splitter, type SplitterChunk } from '@zone-eu/mailsplit';
import { withSoundLineEnds } from './line-ends.js';
import { MAX_HEADER, MAX_PARTS } from './split.js';

export type { MimeNode };

export interface ChunkReader {
  next(): Promise<SplitterChunk | null>;
  /** Gives one chunk back, to be the next again. */
  unread(chunk: SplitterChunk): void;
  close(): void;
}

export function chunkReader(source: AsyncIterable<Uint8Array>): ChunkReader {
  const splitter = new Splitter({ ignoreEmbedded: true, maxHeadSize: MAX_HEADER, maxChildNodes: MAX_PARTS });
  // A failure of the source destroys the splitter with it, and so reaches the reader.
  pipeline(Readable.from(withSoundLineEnds(source)), splitter, () => {});
  const iterator = (splitter as unknown as AsyncIterable<SplitterChunk>)[Symbol.asyncIterator]();
  let unread: SplitterChunk | null = null;
  return {
    async next() {
      if (unread !== null) {
        const chunk = unread;
        unread = null;
        return chunk;
      }
      const result = await iterator.next();
      return result.done === true ? null : result.value;
    },
    unread(chunk) {
      unread = chunk;
    },
    close() {
      splitter.destroy();
    },
  };
}
