/**
 * Loaded in front of the daemon and its command line (`NODE_OPTIONS=--import`), in every thread and process of them: the
 * clock on the wall is off by as many milliseconds as stand in a file, which may change at any time. Timers and
 * `performance.now()` run on as they do when a machine's clock is set.
 */
import { readFileSync } from 'node:fs';

const file = process.env.CLOCK_OFFSET_FILE;
const TrueDate = Date;

function offset(): number {
  try {
    return Number(readFileSync(file!, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

class MovedDate extends TrueDate {
  constructor(...values: unknown[]) {
    if (values.length === 0) super(MovedDate.now());
    else super(...(values as [number]));
  }

  static override now(): number {
    return TrueDate.now() + offset();
  }
}

if (file !== undefined) globalThis.Date = MovedDate as DateConstructor;
