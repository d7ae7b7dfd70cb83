/**
 * Structured header values: a word and its parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231). libmime reads them,
 * with everything that mail programs do to them: comments, parameters in pieces, values in other charsets.
 */
import libmime from 'libmime';
import type { HeaderField } from '../mail.js';
import { firstValue } from './headers.js';

export interface Structured {
  /** As written. */
  readonly value: string;
  /** By name in lower case; the first of a name counts. */
  readonly params: Readonly<Record<string, string>>;
}

export const ABSENT: Structured = { value: '', params: {} };

/** The first field of that name (lower case), or ABSENT. */
export function structured(fields: readonly HeaderField[], name: string): Structured {
  const value = firstValue(fields, name);
  return value === '' ? ABSENT : libmime.parseHeaderValue(value, { stripComments: true });
}
