/**
 * `multipart/form-data` (RFC 7578) as a stream of bytes. A part's value goes to its sink byte for byte: no charset and no
 * transfer encoding is applied to it, whatever its header says. A part without a name is dropped. Every part counts.
 *
 * Written for bytes of strangers: linear in what comes, however it is cut; a part costs no stream; never more than the
 * header of one part and a delimiter wait in memory.
 */
import { parseHeaderBlock } from '../../mail/mime/headers.js';
import { structured } from '../../mail/mime/structured.js';
import type { Pairs, Sink } from './urlencoded.js';

/** RFC 2046, section 5.1.1: at most 70 characters, none of which needs an escape. */
const BOUNDARY = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+,./:=?-]{1,70})(?=[\s;]|$))/i;
const MAX_HEADER = 16 * 1024;
/** White space behind a boundary. */
const MAX_PADDING = 100;
const LINE_END = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');
const DASHES = Buffer.from('--');

/** Throws when the form is broken or not whole, and what `pairs` throws. */
export async function readMultipart(chunks: AsyncIterable<Buffer>, contentType: string, pairs: Pairs): Promise<void> {
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new Error('it names no boundary');
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let state = 'content' as 'content' | 'delimiter' | 'header' | 'end';
  /** Null: in front of the first part, or in one that is dropped. */
  let value: Sink | null = null;
  // The first delimiter has no line in front of it.
  let rest: Buffer = LINE_END;
  for await (const chunk of chunks) {
    const data = Buffer.concat([rest, chunk]);
    let at = 0;
    let isStuck = false;
    while (!isStuck && state !== 'end') {
      const before = state;
      at = state === 'content' ? await content(data, at) : state === 'delimiter' ? lineOf(data, at) : header(data, at);
      isStuck = state === before;
    }
    rest = Buffer.from(data.subarray(state === 'end' ? data.length : at));
  }
  if (state !== 'end') throw new Error('it ends in the middle');

  // Each goes on from `at`, and says how far it came. Where the state stays, the rest of its work has not come yet.

  async function content(data: Buffer, at: number): Promise<number> {
    const found = data.indexOf(delimiter, at);
    const to = found === -1 ? Math.max(at, data.length - delimiter.length + 1) : found;
    if (to > at) await value?.write(data.subarray(at, to));
    if (found === -1) return to;
    value?.end();
    value = null;
    pairs.count();
    state = 'delimiter';
    return found + delimiter.length;
  }

  function lineOf(data: Buffer, at: number): number {
    if (data.length < at + DASHES.length) return at;
    if (data.subarray(at, at + DASHES.length).equals(DASHES)) {
      state = 'end';
      return data.length;
    }
    const end = data.indexOf(LINE_END, at);
    const padding = data.toString('latin1', at, end === -1 ? data.length : end);
    if (padding.length > MAX_PADDING || !/^[ \t]*\r?$/.test(padding))
      throw new Error('a line only begins like a boundary');
    if (end === -1) return at;
    state = 'header';
    return end;
  }

  /** From the end of the delimiter's line on, so that an empty header ends like every other. */
  function header(data: Buffer, at: number): number {
    const end = data.indexOf(BLANK_LINE, at);
    if ((end === -1 ? data.length : end) > at + MAX_HEADER) throw new Error('the header of a part is too long');
    if (end === -1) return at;
    const block = data.subarray(at, end);
    if (block.includes(delimiter)) throw new Error('a part has no end of its header');
    const { value: kind, params } = structured(
      parseHeaderBlock(block.subarray(LINE_END.length)).fields,
      'content-disposition',
    );
    value = kind.toLowerCase() === 'form-data' && params.name !== undefined ? pairs.take(params.name) : null;
    state = 'content';
    return end + BLANK_LINE.length;
  }
}
