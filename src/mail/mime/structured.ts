/**
 * Structured header values: a word and its parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231). libmime reads them,
 * with everything that mail programs do to them: comments, parameters in pieces, values in other charsets. Names of files
 * that break the grammar are read here: quotes inside of quotes or never closed, paths with single backslashes, a
 * semicolon without quotes. A missing semicolon behind the word is put in. It is linear and never throws.
 */
import libmime from 'libmime';
import type { HeaderField } from '../mail.js';
import { charsetNamed } from './charset-names.js';
import { firstValue } from './headers.js';

export interface Structured {
  /** As written. */
  readonly value: string;
  /** By name in lower case; the first of a name counts. */
  readonly params: Readonly<Record<string, string>>;
}

export const ABSENT: Structured = { value: '', params: {} };

const MAX_NAME = 2_000;
const NAME_OR_CHARSET = /^([^\s;,:"=]{1,200})(?:\s?[,:]\s?|\s)(?=(?:file)?name\*?\s?=|charset\s?=)/i;
const BOUNDARY = /^([^\s;,:"=]{1,200})(?:\s?[,:]\s?|\s)(?=boundary\s?=)/i;

/** The first field of that name (lower case), or ABSENT. */
export function structured(fields: readonly HeaderField[], name: string): Structured {
  const value = firstValue(fields, name);
  if (value === '') return ABSENT;
  const text = withKnownCharset(withSemicolon(value));
  const read = libmime.parseHeaderValue(text, { stripComments: true });
  const written = writtenName(text);
  if (written === null || (written.isPlain && read.params[written.param] !== undefined)) return read;
  // RFC 2231's form of the name is the better one.
  if (/name\*/i.test(text)) return read;
  return { ...read, params: { ...read.params, [written.param]: written.text } };
}

/** A name as it stands in the value. */
interface WrittenName {
  readonly param: 'filename' | 'name';
  readonly text: string;
  /** It keeps to the grammar. */
  readonly isPlain: boolean;
}

/** RFC 2231 with a charset by a name that libmime does not know: `filename*=csISO2022JP'ja'…`. */
function withKnownCharset(value: string): string {
  if (!value.includes("'")) return value;
  return value.replaceAll(/(\*(?:0\*)?\s?=\s?"?)([\w.:-]{1,40})(?=')/g, (whole, head: string, name: string) => {
    const charset = charsetNamed(name);
    return charset === '' ? whole : head + charset;
  });
}

/** `image/jpeg name="x.jpg"`, `attachment: filename=x` */
function withSemicolon(value: string): string {
  const semicolon = value.indexOf(';');
  if (semicolon < 0 ? !value.includes('=') : !/[\s,:]/.test(value.slice(0, semicolon))) return value;
  const params = value.startsWith('multipart/') ? BOUNDARY : NAME_OR_CHARSET;
  return value.replace(params, '$1; ');
}

function writtenName(value: string): WrittenName | null {
  if (!/name/i.test(value)) return value.includes('"') ? unnamedName(value) : null;
  const found = /(?:^|;)\s{0,9}((?:file)?name)\s{0,9}[=:]\s{0,9}/i.exec(value);
  if (found === null) return unnamedName(value);
  const param = found[1]!.toLowerCase() as WrittenName['param'];
  const rest = value.slice(found.index + found[0].length, found.index + MAX_NAME);
  if (!rest.startsWith('"')) return unquotedName(param, rest);
  const plain = /^"((?:[^"\\]|\\["\\])+)"\s*(?:;|$)/.exec(rest)?.[1];
  if (plain !== undefined) return { param, text: plain, isPlain: true };
  const end = quoteThatEnds(rest);
  const whole = rest.slice(1, end).replace(end === rest.length ? /;\s*[a-z-]{2,30}\*?=.*$/i : /$^/, '');
  // Only what a backslash must stand in front of; a path has single ones.
  const text = whole.replaceAll(/\\\\|\\?"/g, found => (found === '"' ? '' : found.slice(1)));
  return text === '' ? null : { param, text, isPlain: false };
}

/** The quote behind which the value ends or another parameter begins; the last one, or the end, when none is that. */
function quoteThatEnds(text: string): number {
  let last = -1;
  for (let at = text.indexOf('"', 1); at >= 0; at = text.indexOf('"', at + 1)) {
    last = at;
    if (/^"\s{0,9}(?:$|;\s{0,9}(?:$|;|[\w*-]{1,40}\s{0,9}=))/.test(text.slice(at, at + 80))) break;
  }
  return last < 0 ? text.length : last;
}

/** `filename='a b.pdf'`, `filename=report;final.pdf`: a word in the place of a parameter belongs to the name. */
function unquotedName(param: WrittenName['param'], rest: string): WrittenName | null {
  const inside = /^['\u201c\u2018]([^'\u2019\u201d]{1,1000})['\u2019\u201d]\s*(?:;|$)/.exec(rest)?.[1];
  if (inside !== undefined) return { param, text: inside, isPlain: false };
  const text = /^[^";]*(?:;\s?[^"=;]{1,200}\.[a-z0-9]{1,5}(?=\s*(?:;|$)))?/i.exec(rest)![0].trim();
  return text === '' ? null : { param, text, isPlain: !text.includes(';') };
}

/** `attachment; "report.pdf"` */
function unnamedName(value: string): WrittenName | null {
  const text = /^[^";]{1,100};\s*"([^"]{1,200}\.[a-z0-9]{1,5})"\s*(?:;|$)/i.exec(value)?.[1];
  return text === undefined ? null : { param: 'filename', text, isPlain: true };
}
