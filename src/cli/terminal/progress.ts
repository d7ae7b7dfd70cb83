/** How far a command is that copies a whole store. */
import type { MoveProgress } from '../../store/upkeep/move.js';
import { remark } from './terminal.js';

/** Rows between two lines of progress. */
const PROGRESS = 500_000;

/** A line for each large step, on standard error. */
export function rowsReporter(): (at: MoveProgress) => void {
  let said = '';
  return at => {
    if (at.doing === 'indexing') remark('making indexes');
    else {
      const { doing, table, rows, total } = at;
      const step = `${doing} ${table}`;
      const whole = Math.floor(rows / PROGRESS) * PROGRESS;
      // Small tables are not worth a line.
      if (whole === 0 && rows < total) return;
      const line = rows >= total ? `${step}: ${numbered(rows)}` : `${step}: ${numbered(whole)} of ${numbered(total)}`;
      if (line !== said) remark(line);
      said = line;
    }
  };
}

export function numbered(count: number): string {
  return count.toLocaleString('en');
}
