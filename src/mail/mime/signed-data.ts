/**
 * The content of opaque S/MIME: a mail inside of a PKCS #7 `signed-data` (RFC 8551 section 3.5.2, RFC 5652 section 5.2).
 * Only the way to the content is read: BER with definite and indefinite lengths, octet strings in pieces. Signatures and
 * certificates are not looked at: whoever reads the content knows nothing of who wrote it.
 *
 * The content is never larger than what it stands in. It is linear and never throws: what is none is null.
 */

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const OBJECT_ID = 0x06;
const OCTETS = 0x04;
const OCTETS_IN_PIECES = 0x24;
const EXPLICIT_0 = 0xa0;
/** 1.2.840.113549.1.7.2 */
const SIGNED_DATA = Buffer.from('2a864886f70d010702', 'hex');

const MAX_DEPTH = 16;

/** An element of BER. `end`: behind its content; of an indefinite length the end of what it stands in. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  readonly isIndefinite: boolean;
}

/** What was signed, or null: it is encrypted, holds certificates alone, or is broken. */
export function signedContent(bytes: Buffer): Buffer | null {
  const info = elementAt(bytes, 0, bytes.length);
  const type = info?.tag === SEQUENCE ? elementAt(bytes, info.start, info.end) : null;
  if (type?.tag !== OBJECT_ID || !bytes.subarray(type.start, type.end).equals(SIGNED_DATA)) return null;
  const data = inside(bytes, elementAt(bytes, type.end, info!.end), EXPLICIT_0);
  const version = data?.tag === SEQUENCE ? elementAt(bytes, data.start, data.end) : null;
  if (version?.tag !== INTEGER) return null;
  const algorithms = elementAt(bytes, version.end, data!.end);
  if (algorithms?.tag !== SET) return null;
  const content = elementAt(bytes, behind(bytes, algorithms, 0), data!.end);
  const contentType = content?.tag === SEQUENCE ? elementAt(bytes, content.start, content.end) : null;
  if (contentType?.tag !== OBJECT_ID) return null;
  const octets = inside(bytes, elementAt(bytes, contentType.end, content!.end), EXPLICIT_0);
  return octets === null ? null : joinedOctets(bytes, octets);
}

function inside(bytes: Buffer, element: Element | null, tag: number): Element | null {
  return element?.tag === tag ? elementAt(bytes, element.start, element.end) : null;
}

/** The element that begins there; its end is at most `to`, where a mail was cut. */
function elementAt(bytes: Buffer, at: number, to: number): Element | null {
  if (at < 0 || at + 2 > to) return null;
  const tag = bytes[at]!;
  const first = bytes[at + 1]!;
  // Tags of several bytes stand nowhere on the way.
  if ((tag & 0x1f) === 0x1f) return null;
  if (first < 0x80) return { tag, start: at + 2, end: Math.min(at + 2 + first, to), isIndefinite: false };
  if (first === 0x80) return { tag, start: at + 2, end: to, isIndefinite: true };
  const count = first & 0x7f;
  const start = at + 2 + count;
  if (count > 6 || start > to) return null;
  return { tag, start, end: Math.min(start + bytes.readUIntBE(at + 2, count), to), isIndefinite: false };
}

/** Where the next element begins; -1 when this one never ends. */
function behind(bytes: Buffer, element: Element, depth: number): number {
  if (!element.isIndefinite) return element.end;
  if (depth > MAX_DEPTH) return -1;
  for (let at = element.start; at >= 0; ) {
    const next = elementAt(bytes, at, element.end);
    if (next === null) return -1;
    if (next.tag === 0) return next.end;
    at = behind(bytes, next, depth + 1);
  }
  return -1;
}

function joinedOctets(bytes: Buffer, octets: Element): Buffer | null {
  if (octets.tag === OCTETS) return bytes.subarray(octets.start, octets.end);
  if (octets.tag !== OCTETS_IN_PIECES) return null;
  const out = Buffer.allocUnsafe(octets.end - octets.start);
  let length = 0;
  /** Behind the pieces; -1 when they are broken: what came before counts. */
  const copy = (whole: Element, depth: number): number => {
    for (let at = whole.start; at < whole.end; ) {
      const piece = elementAt(bytes, at, whole.end);
      if (piece === null || depth > MAX_DEPTH) return -1;
      if (piece.tag === 0) return piece.end;
      if (piece.tag === OCTETS) {
        length += bytes.copy(out, length, piece.start, piece.end);
        at = piece.end;
      } else {
        at = piece.tag === OCTETS_IN_PIECES ? copy(piece, depth + 1) : -1;
        if (at < 0) return -1;
      }
    }
    return whole.end;
  };
  copy(octets, 0);
  return out.subarray(0, length);
}
