/**
 * Tables and lists of facts for people. A table is never wider than the terminal: its columns that may be cut share what
 * the others leave, and `…` marks a cut. Ids and references are never cut, because people type them.
 */
import { styled, columns as terminalColumns } from './terminal.js';
import { cut, oneLine, pad, width, wrap } from './text.js';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | null;
  readonly align?: 'left' | 'right';
  /** It may be cut down to 8 columns to make the table fit. */
  readonly shrinks?: boolean;
  /** Where it is cut it stands whole under its row: an address that people copy. */
  readonly whole?: boolean;
}

const GAP = '  ';
const NARROWEST = 8;

/**
 * The table, one line a row under the titles. `note` gives a row further lines, such as an error's text; they are indented,
 * and at most three. Cells are made printable here; null is shown as `-`.
 */
export function table<Row>(
  rows: readonly Row[],
  shape: readonly Column<Row>[],
  options: { columns?: number; note?: (row: Row) => string | null } = {},
): string {
  const limit = options.columns ?? terminalColumns();
  const cells = rows.map(row => shape.map(column => cellText(column.of(row))));
  const widths = fitWidths(
    shape.map((column, at) => Math.max(width(column.title), ...cells.map(row => width(row[at]!)))),
    shape,
    limit,
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => pad(cut(text, widths[at]!), widths[at]!, shape[at]!.align))
      .join(GAP)
      .trimEnd();
  const lines = [styled(line(shape.map(column => column.title)), 'dim')];
  for (const [at, row] of rows.entries()) {
    const texts = cells[at]!;
    lines.push(line(texts));
    for (const [column, { title, whole }] of shape.entries())
      if (whole && width(texts[column]!) > widths[column]!) lines.push(...under(`${title}: ${texts[column]!}`, limit));
    const note = options.note?.(row);
    if (note) lines.push(...under(oneLine(note), limit));
  }
  return lines.join('\n');
}

const NOTE = '    ';
const NOTE_LINES = 3;

function under(text: string, limit: number): string[] {
  const room = limit - NOTE.length;
  const lines = wrap(text, room);
  const shown = lines.slice(0, NOTE_LINES);
  if (lines.length > NOTE_LINES) shown[NOTE_LINES - 1] = cut(lines.slice(NOTE_LINES - 1).join(' '), room);
  return shown.map(line => styled(NOTE + line, 'dim'));
}

export type Fact = readonly [label: string, value: string | number | null];

/** `label  value` lines. A value that is null or empty is left out, a long one goes on in lines of its own. */
export function facts(pairs: readonly Fact[], columns = terminalColumns()): string {
  const labels = pairs.filter(isKnown).map(([label]) => width(label));
  return factLines(pairs, columns, Math.max(0, ...labels) + GAP.length).join('\n');
}

/** The lines of `facts`, with the values `indent` columns from the left. */
export function factLines(pairs: readonly Fact[], columns: number, indent: number): string[] {
  return pairs.filter(isKnown).flatMap(([label, value]) => {
    const [first = '', ...more] = wrap(oneLine(String(value)), columns - indent);
    return [styled(pad(label, indent), 'dim') + first, ...more.map(line => ' '.repeat(indent) + line)];
  });
}

function isKnown([, value]: Fact): boolean {
  return value !== null && value !== '';
}

function cellText(value: string | number | null): string {
  return value === null || value === '' ? '-' : oneLine(String(value));
}

function fitWidths<Row>(natural: readonly number[], shape: readonly Column<Row>[], limit: number): number[] {
  const widths = [...natural];
  const room = limit - GAP.length * (widths.length - 1);
  for (let excess = widths.reduce((sum, one) => sum + one, -room); excess > 0; excess--) {
    // The widest of those that may shrink gives way, one column at a time; addresses last.
    const shrinkable = [...widths.keys()].filter(at => shape[at]!.shrinks && widths[at]! > NARROWEST);
    const others = shrinkable.filter(at => !shape[at]!.whole);
    const candidates = others.length > 0 ? others : shrinkable;
    if (candidates.length === 0) break;
    const widest = candidates.reduce((best, at) => (widths[at]! > widths[best]! ? at : best));
    widths[widest]! -= 1;
  }
  return widths;
}
