/** A table of 80 columns: what was looked at, what it should be, what was found, and whether that is enough. */

export interface Finding {
  readonly what: string;
  /** Empty: it is only said. */
  readonly goal: string;
  readonly found: string;
  readonly reached: boolean;
}

export function said(what: string, found: string): Finding {
  return { what, goal: '', found, reached: true };
}

export function judged(what: string, options: { goal: string; found: string; reached: boolean }): Finding {
  return { what, ...options };
}

/** A number that is to be exactly this. */
export function exactly(what: string, goal: number, found: number): Finding {
  return { what, goal: `${goal}`, found: `${found}`, reached: found === goal };
}

export function table(title: string, findings: readonly Finding[]): string {
  const line = (...columns: readonly [string, string, string, string]) =>
    [columns[0].padEnd(37), columns[1].padEnd(17), columns[2].padEnd(16), columns[3]].join(' ').trimEnd();
  return [
    line(title, 'goal', 'found', ''),
    '-'.repeat(80),
    ...findings.map(({ what, goal, found, reached }) =>
      line(what, goal, found, goal === '' ? '' : reached ? 'reached' : 'MISSED'),
    ),
    '',
  ].join('\n');
}
