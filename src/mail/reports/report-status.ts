/**
 * What every report comes to, and what servers say about a failure: enhanced status codes (RFC 3463) and one-line
 * diagnostics. Nothing throws.
 */
import { cutText } from '../cut.js';
import type { MailKind, ReportEntry } from '../mail.js';

const MAX_DIAGNOSTIC = 500;

/** What a report is and what it says. */
export interface MachineReport {
  readonly kind: Extract<MailKind, 'bounce' | 'receipt' | 'complaint'>;
  readonly evidence: readonly string[];
  readonly report: readonly ReportEntry[];
}

/**
 * The enhanced code of a failure. The Status field counts, unless it only says `x.0.0` (many servers do) and the
 * server's own words are more exact. null when there is none.
 */
export function bestStatus(field: string, diagnostic: string): string | null {
  const given = findStatus(field);
  const said = findStatus(diagnostic);
  if (given === null) return said;
  return given.endsWith('.0.0') && said !== null && said[0] === given[0] ? said : given;
}

/** The first enhanced code in a text, such as 5.1.1 in `550 5.1.1 User unknown` or `(#5.1.1)`; null without one. */
export function findStatus(text: string): string | null {
  return (
    /(?:^|[^0-9.])(?<!\b(?:version|release|ver\.?|v) ?)([245]\.\d{1,3}\.\d{1,3})(?![0-9.]*\d)/.exec(
      text.slice(0, 4000),
    )?.[1] ?? null
  );
}

/** White space collapsed, at most 500 characters; null when nothing is left. */
export function oneLine(text: string): string | null {
  const line = text.replaceAll(/[\s\x00-\x1f\x7f]+/g, ' ').trim();
  if (line === '') return null;
  return line.length <= MAX_DIAGNOSTIC ? line : `${cutText(line, MAX_DIAGNOSTIC)}…`;
}
