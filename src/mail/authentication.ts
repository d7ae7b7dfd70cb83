/**
 * The SPF, DKIM and DMARC verdicts of a checker that we trust, from a mail's Authentication-Results fields (RFC 8601).
 *
 * Anybody can write such a field. Only fields with one of our authserv-ids count, and of them only the topmost group:
 * from the first such field down to the next Received. A lower field never replaces the verdict of a higher one. The
 * caller knows whether the mail came from a host that may say such things; that host must remove forged fields with its
 * own id (RFC 8601 section 5).
 *
 * Broken fields and parts are left out. At most 20 fields are read, of each at most 4,000 characters. Nothing throws.
 */
import { normalizeDomain } from './address.js';
import { cutText } from './cut.js';
import type { HeaderField } from './mail.js';
import { withoutComments } from './mime/comments.js';

/** Verdicts in lower case as they stand in the field (`pass`, `fail`, `softfail`, `temperror` …), null without one. */
export interface Authentication {
  readonly spf: string | null;
  readonly dkim: string | null;
  readonly dmarc: string | null;
  /** The domain in From that the DMARC verdict is about (`header.from`); absent: it does not say. */
  readonly dmarcFrom?: string;
  /** Whom SMTP AUTH proved (`auth=pass smtp.auth=…`, RFC 8601 section 2.7.4); absent: nobody. */
  readonly login?: string;
  /** The fields that counted, shortened. */
  readonly evidence: readonly string[];
}

export const NO_AUTHENTICATION: Authentication = { spf: null, dkim: null, dmarc: null, evidence: [] };

const MAX_FIELDS = 20;
const MAX_VALUE = 4_000;
const MAX_EVIDENCE = 200;
/** With several signatures one that holds is enough; else the most telling failure. */
const DKIM_ORDER = ['pass', 'fail', 'policy', 'permerror', 'temperror', 'neutral', 'none'];

type Method = 'spf' | 'dkim' | 'dmarc';

/** `headers`: all fields from top to bottom. `authservIds`: ours, compared without regard to case; none: nothing counts. */
export function authenticationOf(headers: readonly HeaderField[], authservIds: readonly string[]): Authentication {
  const ours = new Set(authservIds.map(foldId));
  if (ours.size === 0) return NO_AUTHENTICATION;
  const found: { spf: string | null; dkim: string | null; dmarc: string | null } = {
    spf: null,
    dkim: null,
    dmarc: null,
  };
  const evidence: string[] = [];
  let login: string | undefined;
  let dmarcFrom: string | undefined;
  for (const { name, value } of headers) {
    if (name === 'received' && evidence.length > 0) break;
    if (name !== 'authentication-results' || evidence.length >= MAX_FIELDS) continue;
    const field = resultsIn(value.slice(0, MAX_VALUE));
    if (field === null || !ours.has(foldId(field.authservId))) continue;
    evidence.push(shortened(value));
    if (found.dmarc === null) dmarcFrom = field.results.find(({ method }) => method === 'dmarc')?.from;
    for (const method of ['spf', 'dkim', 'dmarc'] as const) found[method] ??= verdictOf(field.results, method);
    login ??= field.results.find(({ method, verdict }) => method === 'auth' && verdict === 'pass')?.login;
  }
  return {
    ...found,
    ...(login === undefined ? {} : { login }),
    ...(dmarcFrom === undefined ? {} : { dmarcFrom }),
    evidence,
  };
}

interface Result {
  readonly method: string;
  readonly verdict: string;
  /** Its properties smtp.auth and header.from. */
  readonly login?: string;
  readonly from?: string;
}

/** RFC 8601 section 2.2: `authserv-id [version] *( ; method [/version] = result … )`. Null when no id stands in front. */
function resultsIn(value: string): { readonly authservId: string; readonly results: readonly Result[] } | null {
  const [head = '', ...parts] = splitAtSemicolons(withoutComments(value));
  const authservId = /^\s*(?:"([^"]{1,255})"|([^\s"=;]{1,255}))(?:\s+\d{1,5})?\s*$/.exec(head);
  if (authservId === null) return null;
  const results: Result[] = [];
  for (const part of parts) {
    const result = /^\s*([a-z][a-z0-9-]{0,30})\s*(?:\/\s*\d{1,5}\s*)?=\s*([a-z][a-z0-9-]{0,30})(?![^\s])/i.exec(part);
    if (result === null) continue;
    const login = propertyIn(part, 'smtp\\.auth');
    const from = propertyIn(part, 'header\\.from')?.replace(/^.*@/, '').toLowerCase();
    results.push({
      method: result[1]!.toLowerCase(),
      verdict: result[2]!.toLowerCase(),
      ...(login === undefined ? {} : { login }),
      ...(from === undefined ? {} : { from }),
    });
  }
  return { authservId: authservId[1] ?? authservId[2]!, results };
}

function propertyIn(part: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"\\\\]{1,320})"|([^\\s";]{1,320}))`, 'i').exec(part);
  return found === null ? undefined : (found[1] ?? found[2]);
}

/** Semicolons inside of quoted strings separate nothing; an unclosed quote ends with the value. */
function splitAtSemicolons(text: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '\\' && quoted) index += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === ';' && !quoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function verdictOf(results: readonly Result[], method: Method): string | null {
  const verdicts = results.filter(result => result.method === method).map(result => result.verdict);
  return method === 'dkim' ? bestOfSignatures(verdicts) : (verdicts[0] ?? null);
}

/** One verdict for several signatures; null for none. */
export function bestOfSignatures(verdicts: readonly string[]): string | null {
  return DKIM_ORDER.find(verdict => verdicts.includes(verdict)) ?? verdicts[0] ?? null;
}

/** Mostly a host name, in any script and case; else any word. */
function foldId(id: string): string {
  return normalizeDomain(id) ?? id.toLowerCase();
}

function shortened(value: string): string {
  return value.length <= MAX_EVIDENCE ? value : `${cutText(value, MAX_EVIDENCE)}…`;
}
