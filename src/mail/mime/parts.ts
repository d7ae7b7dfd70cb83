/**
 * One MIME part: what its header says of the content (RFC 2045, RFC 2183, RFC 2231). `split.ts` finds the bytes.
 *
 * mailparser is not used for it: it reads every header of every part (0.36 ms for a mail of 4 KB against 0.06 ms), loses
 * the bytes of a text before anybody can doubt its declared charset, and drops the words of a multipart whose boundary
 * never comes. `partOf` throws at more than 50 levels of nesting, and for nothing else.
 */
import { withoutEnd } from '../cut.js';
import { isMediaType } from './filename.js';
import { decodeWords, firstValue, type HeaderBlock, parseHeaderBlock } from './headers.js';
import { type Structured, structured } from './structured.js';
import type { TransferEncoding } from './transfer.js';

// Each line that begins with -- is compared with the boundaries of all levels above it.
const MAX_DEPTH = 50;

/** Types and encodings stand in lower case. */
export interface Part {
  readonly parent: Part | null;
  /** 0 for the mail itself. */
  readonly depth: number;
  /** Its place among the parts of its parent. */
  readonly index: number;
  readonly header: HeaderBlock;
  /** The header as it came, with its blank line. */
  readonly headerBytes: Uint8Array;
  /** `text/plain` where nothing is said; '' when it is not of the form a/b, or when only a disposition is given. */
  readonly type: string;
  /** Also with words behind the type that make it none. */
  readonly isMultipart: boolean;
  /** '' without one. */
  readonly boundary: string;
  readonly params: Readonly<Record<string, string>>;
  readonly encoding: TransferEncoding;
  /** `attachment`, `inline`, another word, or ''. */
  readonly disposition: string;
  readonly contentType: Structured;
  readonly contentDisposition: Structured;
  /** See `filenameOf`; null until somebody asked. */
  decodedName: string | null;
  readonly charset: string | null;
  readonly flowed: boolean;
  readonly delSp: boolean;
  /** How many parts inside of this one were seen so far. */
  children: number;
}

export function partOf(headerBytes: Uint8Array, parent: Part | null): Part {
  const depth = parent === null ? 0 : parent.depth + 1;
  if (depth > MAX_DEPTH) throw new Error(`Parts are nested deeper than ${MAX_DEPTH} levels`);
  const index = parent?.children ?? 0;
  if (parent !== null) parent.children += 1;
  const header = parseHeaderBlock(headerBytes);
  const contentType = structured(header.fields, 'content-type');
  const disposition = structured(header.fields, 'content-disposition');
  const { params } = contentType;
  const type = typeOf(header, { contentType, disposition, parent });
  const flowed = lowered(params.format) === 'flowed';
  return {
    parent,
    depth,
    index,
    header,
    headerBytes,
    type,
    isMultipart: /^multipart\/[!-~]/.test(lowered(contentType.value)),
    boundary: boundaryOf(params.boundary ?? '', headerBytes),
    params,
    encoding: encodingOf(firstValue(header.fields, 'content-transfer-encoding')),
    disposition: lowered(disposition.value),
    contentType,
    contentDisposition: disposition,
    decodedName: null,
    charset: params.charset ?? null,
    flowed,
    delSp: flowed && lowered(params.delsp) === 'yes',
    children: 0,
  };
}

/**
 * The name of its file, decoded (RFC 2231, RFC 2047), not yet safe; '' without one. Decoded when it is asked for: a mail of
 * too many parts is refused without that. (As a getter it would cost each mail a tenth of its reading.)
 */
export function filenameOf(part: Part): string {
  part.decodedName ??=
    nameParam(part.contentDisposition, 'filename') ||
    nameParam(part.contentType, 'name') ||
    describedName(part.header, part.type);
  return part.decodedName;
}

function lowered(value: string | undefined): string {
  return (value ?? '').trim().toLowerCase();
}

interface Said {
  readonly contentType: Structured;
  readonly disposition: Structured;
  readonly parent: Part | null;
}

function typeOf(header: HeaderBlock, { contentType, disposition, parent }: Said): string {
  if (contentType.value === '' && !header.fields.some(field => field.name === 'content-type')) {
    // RFC 2046 5.1.5: what a digest holds is mails.
    if (parent?.type === 'multipart/digest') return 'message/rfc822';
    return disposition.value === '' ? 'text/plain' : '';
  }
  const value = withoutEnd(lowered(contentType.value), ',:');
  if (value === 'html') return 'text/html';
  return isMediaType(value) ? value : '';
}

/** White space in a value is collapsed, and 8-bit bytes are decoded; a delimiter holds them as they were written. */
function boundaryOf(value: string, headerBytes: Uint8Array): string {
  if (/^[!-~]*$/.test(value)) return value;
  const raw = /boundary\s{0,9}=\s{0,9}"([^"\r\n]{1,200})"/i.exec(Buffer.from(headerBytes).toString('latin1'))?.[1];
  return (raw ?? value).trimEnd();
}

/** The encodings that count, however they are written: `"Base64"`, `quoted printable;`, `x-base64`. */
function encodingOf(value: string): TransferEncoding {
  const word = value.toLowerCase();
  if (word.includes('base64')) return 'base64';
  if (/quoted.?printable/.test(word)) return 'quoted-printable';
  return /^["' ]*(?:x-)?uu(?:encode|e)?\b/.test(word) ? 'uuencode' : '';
}

/** A parameter's text; encoded words are not allowed here (RFC 2231), and half the world uses them, cut into pieces too. */
function nameParam(value: Structured, name: string): string {
  const given = value.params[name] ?? '';
  // A word that was cut at its end is read as far as it goes.
  return decodeWords(/=\?[^?\s]{1,60}\?[bq]\?[^?]*$/i.test(given) ? `${given}?=` : given).trim();
}

/** Exchange describes a file by its name, and some programs name it nowhere else. */
function describedName(header: HeaderBlock, type: string): string {
  if (type === '' || /^(?:text|multipart)\//.test(type)) return '';
  const described = decodeWords(firstValue(header.fields, 'content-description')).trim();
  return /^[^\s/\\][^/\\]{0,199}\.[a-z0-9]{2,4}$/i.test(described) ? described : '';
}
