/**
 * Texts that call themselves base64, with what others put around it: mailing lists and gateways hang plain lines above
 * and below a body without a look at its encoding, and some programs set the field and forget to encode.
 *
 * The bytes are parted into pieces, each either base64 or plain. Base64 are lines of one length, or as wide as programs
 * wrap it, and a shorter one behind them. It ends with its padding; what stands below must be base64 by itself again.
 * Nothing is left out, and nothing is decoded twice. It is linear and never throws.
 */
import { isNoBase64 } from './transfer.js';

/** [from, to) of the bytes. */
export interface Base64Piece {
  readonly from: number;
  readonly to: number;
  readonly isBase64: boolean;
}

/** Lines of base64 are as wide as this at least, and no word is. */
const WIDE = 56;
/** A word is not taken for base64 below this length. */
const LEAST = 8;

/** The pieces in their order, at least one. */
export function base64Pieces(bytes: Uint8Array): readonly Base64Piece[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1');
  const whole = (isBase64: boolean) => [{ from: 0, to: text.length, isBase64 }];
  if (isClean(text)) return whole(true);
  const lines = linesOf(text);
  const firstWritten = lines.findIndex(line => line.from < line.to);
  const pieces: Base64Piece[] = [];
  let from = 0;
  for (let at = Math.max(firstWritten, 0); at < lines.length; ) {
    const end = blockAt(text, lines, at);
    if (end > at && isConvincing(text, { first: lines[at]!, last: lines[end - 1]! }, at === firstWritten)) {
      const start = lines[at]!.from;
      const to = end < lines.length ? lines[end]!.from : text.length;
      if (!isBlank(text, from, start)) pieces.push({ from, to: start, isBase64: false });
      const before = pieces.at(-1);
      // A character may be cut between two of them.
      if (before?.isBase64 === true) pieces[pieces.length - 1] = { ...before, to };
      else pieces.push({ from: start, to, isBase64: true });
      from = to;
    }
    at = Math.max(end, at + 1);
  }
  if (pieces.length === 0) return whole(!isNoBase64(buffer) && readsAsText(text));
  if (!isBlank(text, from, text.length)) pieces.push({ from, to: text.length, isBase64: false });
  return pieces;
}

/** Nothing but the alphabet, padding at the end, and no blank line in between. A word alone is not. */
function isClean(text: string): boolean {
  const written = text.trimEnd();
  if (!/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(written) || written.includes('\n\n') || written.includes('\n\r\n'))
    return false;
  return written.length >= WIDE || written.length % 4 === 0;
}

/** A line without the white space at its end. */
interface Line {
  readonly from: number;
  readonly to: number;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const next = end < 0 ? text.length : end + 1;
    let to = next;
    while (to > from && text.charCodeAt(to - 1) <= 32) to -= 1;
    lines.push({ from, to });
    from = next;
  }
  return lines;
}

/** Behind the last line of the base64 that begins with this line; `at` when none does. */
function blockAt(text: string, lines: readonly Line[], at: number): number {
  const first = text.slice(lines[at]!.from, lines[at]!.to);
  if (!isEncoded(first)) return at;
  if (first.endsWith('=')) return at + 1;
  let length = first.length;
  for (let end = at + 1; end < lines.length; end += 1) {
    const line = text.slice(lines[end]!.from, lines[end]!.to);
    const isDamaged = line.length === first.length && line.length >= WIDE && isSlightlyDamaged(line);
    const isFull = isDamaged || (isEncoded(line) && (line.length === first.length || line.length >= WIDE));
    length += line.length;
    if (isFull && !line.endsWith('=')) continue;
    // The last line. A word that stands below has seldom the length that is missing.
    return line !== '' && (isFull || isEncoded(line)) && length % 4 === 0 ? end + 1 : end;
  }
  return lines.length;
}

/** No white space, only the alphabets of RFC 4648 section 4 and 5, and no row of dashes. */
function isEncoded(line: string): boolean {
  return /^[A-Za-z0-9+/_-][A-Za-z0-9+/=_-]*$/.test(line) && !/[-_]{3}/.test(line);
}

function isSlightlyDamaged(line: string): boolean {
  return !/\s/.test(line) && !isNoBase64(Buffer.from(line, 'latin1'));
}

/** `isFirst`: nothing stands in front. */
function isConvincing(text: string, { first, last }: { first: Line; last: Line }, isFirst: boolean): boolean {
  const isWide = first.to - first.from >= WIDE;
  if (isWide && (isFirst || first !== last)) return true;
  const written = text.slice(first.from, last.to).replaceAll(/\s+/g, '');
  return written.length % 4 === 0 && written.length >= (isFirst ? 4 : LEAST) && readsAsText(written);
}

/** Words decode to noise: to controls, or to what is no UTF-8. Base64 of other charsets has padding or is longer. */
function readsAsText(encoded: string): boolean {
  const bytes = Buffer.from(encoded.slice(0, 4096), 'base64');
  if (/[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(bytes.toString('latin1'))) return false;
  return encoded.trimEnd().endsWith('=') || bytes.length >= 18 || !bytes.toString('utf8').includes('\ufffd');
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (text.charCodeAt(at) > 32) return false;
  return true;
}
