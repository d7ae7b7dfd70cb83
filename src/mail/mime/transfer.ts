/**
 * Transfer decoding (RFC 2045 section 6) piece by piece, so that a large attachment is never held decoded as a whole.
 *
 * It is lenient: white space and characters outside the alphabet are skipped, padding in the middle starts a new base64
 * text, an `=` that encodes nothing stays as it is. It is linear and never throws.
 */

export interface TransferDecoder {
  /** The decoded bytes that this piece completes. */
  push(piece: Uint8Array): Uint8Array;
  /** What was still open. */
  end(): Uint8Array;
}

/** '' is every encoding that leaves the bytes as they are. */
export type TransferEncoding = 'base64' | 'quoted-printable' | 'uuencode' | '';

export function transferDecoder(encoding: TransferEncoding): TransferDecoder {
  if (encoding === 'base64') return base64Decoder();
  if (encoding === 'quoted-printable') return quotedPrintableDecoder();
  if (encoding === 'uuencode') return uuDecoder();
  return { push: piece => piece, end: () => NOTHING };
}

/** All at once. */
export function transferDecode(bytes: Uint8Array, encoding: TransferEncoding): Uint8Array {
  if (encoding === '') return bytes;
  const decoder = transferDecoder(encoding);
  const first = decoder.push(bytes);
  const last = decoder.end();
  return last.length === 0 ? first : Buffer.concat([first, last]);
}

/**
 * True when text that calls itself base64 is none: programs set the field and forget to encode, and decoding would
 * leave noise where the words were. More than one character in twenty is outside the alphabet.
 */
export function isNoBase64(bytes: Uint8Array): boolean {
  let foreign = 0;
  let characters = 0;
  for (const byte of bytes) {
    if (byte === LF || byte === CR) continue;
    characters += 1;
    if (BASE64_VALUE[byte]! === SKIP) foreign += 1;
  }
  return characters > 0 && foreign * 20 > characters;
}

const NOTHING = new Uint8Array(0);
const LF = 10;
const CR = 13;
const EQUALS = 61;
const SKIP = -1;
const PAD = -2;

const BASE64_VALUE = new Int8Array(256).fill(SKIP);
for (const [index, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  BASE64_VALUE[char.charCodeAt(0)] = index;
}
BASE64_VALUE['-'.charCodeAt(0)] = 62;
BASE64_VALUE['_'.charCodeAt(0)] = 63;
BASE64_VALUE[EQUALS] = PAD;

function base64Decoder(): TransferDecoder {
  let bits = 0;
  let count = 0;
  return {
    push(piece) {
      const out = Buffer.allocUnsafe(Math.ceil((piece.length * 3) / 4) + 3);
      let length = 0;
      for (let index = 0; index < piece.length; index += 1) {
        const value = BASE64_VALUE[piece[index]!]!;
        if (value >= 0) {
          bits = ((bits << 6) | value) & 0xffffff;
          count += 6;
          if (count >= 8) {
            count -= 8;
            out[length] = bits >> count;
            length += 1;
          }
        } else if (value === PAD) {
          // The rest of a group is filler; several padded texts may follow one another.
          count = 0;
        }
      }
      return out.subarray(0, length);
    },
    end: () => NOTHING,
  };
}

function quotedPrintableDecoder(): TransferDecoder {
  // An `=` and what follows it while it is not clear what it encodes.
  let open: number[] = [];
  return {
    push(piece) {
      const out = Buffer.allocUnsafe(piece.length + open.length);
      let length = 0;
      for (let index = 0; index < piece.length; index += 1) {
        const byte = piece[index]!;
        if (open.length === 0 && byte !== EQUALS) {
          out[length] = byte;
          length += 1;
          continue;
        }
        if (open.length === 0) {
          open.push(EQUALS);
          continue;
        }
        const second = open[1];
        if (second === undefined && isHex(byte)) {
          open.push(byte);
        } else if (second !== undefined && isHex(second) && isHex(byte)) {
          out[length] = (hexValue(second) << 4) | hexValue(byte);
          length += 1;
          open = [];
        } else if (byte === LF && (second === undefined || !isHex(second))) {
          open = [];
        } else if (isBlank(byte) && (second === undefined || isBlank(second)) && open.length < MAX_OPEN) {
          // A soft line break may have got trailing white space on its way, and its CR.
          open.push(byte);
        } else {
          out.set(open, length);
          length += open.length;
          open = [];
          index -= 1;
        }
      }
      return out.subarray(0, length);
    },
    end() {
      // A lone `=` or soft break at the very end encodes the missing line end.
      const rest = open.length > 1 && isHex(open[1]!) ? Uint8Array.from(open) : NOTHING;
      open = [];
      return rest;
    },
  };
}

const MAX_OPEN = 80;

/** Lines of a length character and groups of four (POSIX uuencode); `begin`, `end` and all that is no such line goes. */
function uuDecoder(): TransferDecoder {
  let line: number[] = [];
  const decodeLine = (): number[] => {
    const [first, ...codes] = line;
    line = [];
    if (first === undefined || first < 32 || first > 96) return [];
    const length = (first - 32) & 63;
    // A line holds its groups and perhaps a check character; `begin 644 name` does not.
    const groups = Math.ceil(length / 3) * 4;
    if (length === 0 || codes.length < groups - 2 || codes.length > groups + 2) return [];
    const bytes: number[] = [];
    for (let index = 0; bytes.length < length; index += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map(offset => ((codes[index + offset] ?? 32) - 32) & 63);
      bytes.push((a! << 2) | (b! >> 4), ((b! & 15) << 4) | (c! >> 2), ((c! & 3) << 6) | d!);
    }
    return bytes.slice(0, length);
  };
  return {
    push(piece) {
      const out: number[] = [];
      for (const byte of piece) {
        if (byte === LF) out.push(...decodeLine());
        else if (byte !== CR && line.length < MAX_OPEN) line.push(byte);
      }
      return Uint8Array.from(out);
    },
    end: () => Uint8Array.from(decodeLine()),
  };
}

function isHex(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102);
}

function hexValue(byte: number): number {
  return byte <= 57 ? byte - 48 : (byte & 7) + 9;
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === CR;
}
