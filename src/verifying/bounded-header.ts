/**
 * A mail whose header costs a verifier no more than an ordinary one: each DKIM signature is a question to the DNS and may
 * ask for a hash of the whole body of its own, so only the topmost few stay; ARC is not asked. Every other byte stays as it
 * is. Memory: the header.
 */
import { Readable } from 'node:stream';

const MOST_SIGNATURES = 5;
const MOST_HEADER = 512 * 1024;

/** Null: its header has no end within 512 KiB. */
export async function withBoundedHeader(mail: AsyncIterable<Uint8Array>): Promise<Readable | null> {
  const chunks = mail[Symbol.asyncIterator]();
  let begin = Buffer.alloc(0);
  let end = -1;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) {
      end = begin.length;
      break;
    }
    begin = Buffer.concat([begin, value]);
    end = endOfHeader(begin);
    if (end !== -1) break;
    if (begin.length > MOST_HEADER) return null;
  }
  if (end > MOST_HEADER) return null;
  const header = Buffer.from(bounded(begin.subarray(0, end).toString('latin1')), 'latin1');
  return Readable.from(
    (async function* () {
      yield header;
      if (end < begin.length) yield begin.subarray(end);
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    })(),
    { objectMode: false },
  );
}

/** Where the empty line begins; -1: it is not there. */
function endOfHeader(bytes: Buffer): number {
  if (bytes[0] === 0x0a || (bytes[0] === 0x0d && bytes[1] === 0x0a)) return 0;
  const found = /\n\r?\n/.exec(bytes.toString('latin1'));
  return found === null ? -1 : found.index + 1;
}

function bounded(header: string): string {
  let signatures = 0;
  return header
    .split(/(?<=\n)(?![ \t])/)
    .filter(field => {
      if (/^arc-/i.test(field)) return false;
      return !/^dkim-signature[ \t]*:/i.test(field) || ++signatures <= MOST_SIGNATURES;
    })
    .join('');
}
