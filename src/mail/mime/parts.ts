/**
 * Raw bytes of a mail to its MIME parts (RFC 2045, RFC 2046): at once from memory, or while they arrive.
 *
 * The parser is mailsplit (`split-stream.ts`, and `split.ts` for what is in memory), the splitter below mailparser, used
 * directly: mailparser adds reading of every header of every part (0.36 ms for a mail of 4 KB against 0.06 ms), loses the
 * bytes of a text part before anybody can doubt its declared charset, and drops the words of a multipart whose boundary
 * never comes.
 *
 * A part's content is read while it arrives: whoever takes the next part first lets go of what is left of this one.
 * Memory is bounded by the parser (1 MiB of header, 64 KiB of a line). Above its limits (1,000 parts, that header) or 50
 * levels of nesting iteration throws.
 */
import { decodeWords, firstValue, type HeaderBlock, parseHeaderBlock } from './headers.js';
import { splitAtOnce } from './split.js';
import { type ChunkReader, chunkReader, type MimeNode } from './split-stream.js';
import { type Structured, structured } from './structured.js';
import type { TransferEncoding } from './transfer.js';

// Each line that begins with -- is compared with the boundaries of all levels above it.
const MAX_DEPTH = 50;

/** One MIME part. Types and encodings in lower case; `type` is '' when it is not of the form a/b. */
export interface Part {
  readonly parent: Part | null;
  /** 0 for the mail itself. */
  readonly depth: number;
  readonly header: HeaderBlock;
  /** The header as it came, with its blank line. */
  readonly headerBytes: Uint8Array;
  readonly type: string;
  readonly params: Readonly<Record<string, string>>;
  readonly encoding: TransferEncoding;
  /** `attachment`, `inline`, another word, or ''. */
  readonly disposition: string;
  /** Decoded (RFC 2231, RFC 2047), not yet safe; '' without one. */
  readonly filename: string;
  readonly charset: string | null;
  readonly flowed: boolean;
  readonly delSp: boolean;
  /** Set once a part inside of this one was seen. */
  hasChildren: boolean;
}

export interface PartWithContent<Content = AsyncIterable<Uint8Array>> {
  readonly part: Part;
  /** Encoded. Of a multipart: what stands before its first part, usually words for old programs. */
  readonly content: Content;
}

/** The parts of a mail in memory, in its order, parents before their children. */
export function* partsAtOnce(bytes: Uint8Array): Generator<PartWithContent<Uint8Array>> {
  const parts = new Map<unknown, Part>();
  for (const { entity, content } of splitAtOnce(bytes)) {
    const parent = parts.get(entity.parent) ?? null;
    const part = partOf(entity, parent);
    parts.set(entity, part);
    yield { part, content };
  }
}

/** The parts of a mail that arrives in pieces; so do their contents. */
export async function* mailParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<PartWithContent> {
  const chunks = chunkReader(source);
  const parts = new Map<MimeNode, Part>();
  try {
    for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) {
      // Anything between parts: boundary lines, preambles and epilogues that nobody asked for.
      if (chunk.type !== 'node') continue;
      const part = partOf(foundBy(chunk), chunk.parentNode === false ? null : (parts.get(chunk.parentNode) ?? null));
      parts.set(chunk, part);
      yield { part, content: contentOf(chunk, chunks) };
    }
  } finally {
    chunks.close();
  }
}

/** What belongs to this node, up to the first chunk of something else. */
async function* contentOf(node: MimeNode, chunks: ChunkReader): AsyncGenerator<Uint8Array> {
  const wanted = node.multipart === false ? 'body' : 'data';
  for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) {
    if (chunk.type !== wanted || chunk.node !== node) {
      chunks.unread(chunk);
      return;
    }
    yield chunk.value;
  }
}

/** What is found of a part before its meaning. */
interface Found {
  readonly header: HeaderBlock;
  readonly headerBytes: Uint8Array;
  readonly contentType: Structured;
  readonly mediaType: string;
  readonly hasMediaType: boolean;
}

function foundBy(node: MimeNode): Found {
  const headerBytes = node.getHeaders();
  const header = parseHeaderBlock(headerBytes);
  return {
    header,
    headerBytes,
    contentType: structured(header.fields, 'content-type'),
    mediaType: node.contentType === false ? '' : node.contentType,
    hasMediaType: node.headers !== false && node.headers.hasHeader('content-type'),
  };
}

function partOf(found: Found, parent: Part | null): Part {
  const depth = parent === null ? 0 : parent.depth + 1;
  if (depth > MAX_DEPTH) throw new Error(`Parts are nested deeper than ${MAX_DEPTH} levels`);
  if (parent !== null) parent.hasChildren = true;
  const { header, headerBytes, contentType } = found;
  const { params } = contentType;
  const disposition = structured(header.fields, 'content-disposition');
  const flowed = (params.format ?? '').trim().toLowerCase() === 'flowed';
  return {
    parent,
    depth,
    header,
    headerBytes,
    type: typeOf(found, parent),
    params,
    encoding: encodingOf(firstValue(header.fields, 'content-transfer-encoding')),
    disposition: disposition.value.trim().toLowerCase(),
    filename: nameParam(disposition, 'filename') || nameParam(contentType, 'name'),
    charset: params.charset ?? null,
    flowed,
    delSp: flowed && (params.delsp ?? '').trim().toLowerCase() === 'yes',
    hasChildren: false,
  };
}

/** The two encodings that count, however they are written: `"Base64"`, `quoted printable;`, `x-base64`. */
function encodingOf(value: string): TransferEncoding {
  const word = value.toLowerCase();
  if (word.includes('base64')) return 'base64';
  if (/quoted.?printable/.test(word)) return 'quoted-printable';
  return /^["' ]*(?:x-)?uu(?:encode|e)?\b/.test(word) ? 'uuencode' : '';
}

function typeOf({ mediaType, hasMediaType }: Found, parent: Part | null): string {
  // RFC 2046 5.1.5: what a digest holds is mails.
  if (!hasMediaType && parent?.type === 'multipart/digest') return 'message/rfc822';
  return /^[!-~]+\/[!-~]+$/.test(mediaType) ? mediaType : '';
}

/** A parameter's text; encoded words are not allowed here (RFC 2231), and half the world uses them, cut into pieces too. */
function nameParam(value: Structured, name: string): string {
  return decodeWords(value.params[name] ?? '');
}
