/**
 * CSV (RFC 4180) as a stream of records: quoted fields may hold the delimiter, doubled quotes and line ends; lines end
 * with LF, CRLF or CR. The delimiter is the first of `,` `;` and tab that stands in the first line; a byte order mark is
 * skipped. Time is linear; memory holds one record at a time, which may have at most 1 MiB.
 *
 * A quote in the middle of an unquoted field is part of it. A quote that is never closed throws ReplydError 'invalid'
 * with its line.
 */
import { ReplydError } from '../../base/errors.js';

export interface CsvRecord {
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

const MAX_RECORD = 1024 * 1024;

/** Empty lines are no records. */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<CsvRecord> {
  let delimiter = '';
  let line = 1;
  let start = 1;
  let fields: string[] = [];
  let field = '';
  let size = 0;
  let state = 'start' as 'start' | 'plain' | 'quoted' | 'quote';
  let afterReturn = false;
  let head = '';
  const record = (): CsvRecord | null => {
    const made = { line: start, fields: [...fields, field] };
    const empty = fields.length === 0 && field === '' && state === 'start';
    fields = [];
    field = '';
    size = 0;
    state = 'start';
    return empty ? null : made;
  };

  for await (const piece of chunks) {
    let text = piece;
    if (delimiter === '') {
      head += piece;
      if (!/[\r\n]/.test(head) && head.length < MAX_RECORD) continue;
      text = begin();
    }
    yield* read(text);
  }
  if (delimiter === '') yield* read(begin());
  if (state === 'quoted') throw new ReplydError('invalid', `line ${start}: a quote is never closed`);
  const last = record();
  if (last !== null) yield last;

  function begin(): string {
    const text = head.replace(/^\ufeff/, '');
    const first = text.split(/[\r\n]/, 1)[0]!;
    delimiter =
      [',', ';', '\t'].filter(one => first.includes(one)).sort((a, b) => first.indexOf(a) - first.indexOf(b))[0] ?? ',';
    return text;
  }

  function* read(text: string): Generator<CsvRecord> {
    for (const char of text) {
      if (++size > MAX_RECORD) throw new ReplydError('invalid', `line ${start}: a record of more than 1 MiB`);
      if (afterReturn && char === '\n') {
        afterReturn = false;
        if (state === 'quoted') field += char;
        else start = line;
        continue;
      }
      afterReturn = char === '\r';
      if (char === '\n' || char === '\r') line++;
      if (state === 'quoted') {
        if (char === '"') state = 'quote';
        else field += char;
      } else if (state === 'quote' && char === '"') {
        field += char;
        state = 'quoted';
      } else if (char === delimiter) {
        fields.push(field);
        field = '';
        state = 'start';
      } else if (char === '\n' || char === '\r') {
        const made = record();
        start = line;
        if (made !== null) yield made;
      } else if (char === '"' && state === 'start') {
        state = 'quoted';
      } else {
        field += char;
        state = 'plain';
      }
    }
  }
}
