/**
 * Tables and lists of facts for people. A table never exceeds the columns it is given: columns that may be cut share
 * what the others leave, and say so with `…`. Ids and references are never cut, because people type them.
 */
import { styled, columns as terminalColumns } from './terminal.js';
import { cut, oneLine, pad, width, wrap } from './text.js';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | null;
  readonly align?: 'left' | 'right';
  /** May be cut to make the table fit, down to 8 columns. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
const NARROWEST = 8;

/**
 * The table's lines. `note` gives a row a second line (an error's text), indented and cut to fit. Cells are made
 * printable here; null is shown as `-`.
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
    lines.push(line(cells[at]!));
    const note = options.note?.(row);
    if (note) lines.push(styled(`    ${cut(oneLine(note), limit - 4)}`, 'dim'));
  }
  return lines.join('\n');
}

/** `label  value` lines; values that are null or empty are left out, long ones go on in lines of their own. */
export function facts(
  pairs: readonly (readonly [label: string, value: string | number | null])[],
  columns = terminalColumns(),
): string {
  const shown = pairs.filter(([, value]) => value !== null && value !== '');
  const labels = Math.max(0, ...shown.map(([label]) => width(label))) + GAP.length;
  return shown
    .flatMap(([label, value]) =>
      wrap(oneLine(String(value)), columns - labels).map(
        (line, at) => `${styled(pad(at === 0 ? label : '', labels), 'dim')}${line}`,
      ),
    )
    .join('\n');
}

function cellText(value: string | number | null): string {
  return value === null || value === '' ? '-' : oneLine(String(value));
}

function fitWidths<Row>(natural: readonly number[], shape: readonly Column<Row>[], limit: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1) - limit;
  while (excess > 0) {
    // The widest of those that may shrink gives way, one column at a time.
    let widest = -1;
    for (const [at, column] of shape.entries()) {
      const candidate = column.shrinks === true && widths[at]! > NARROWEST;
      if (candidate && (widest === -1 || widths[at]! > widths[widest]!)) widest = at;
    }
    if (widest === -1) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}
