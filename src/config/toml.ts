/**
 * The text of a configuration file → the values of its keys, each with its line.
 *
 * Both forms of TOML are read: dotted keys (`smtp.listen = …`) and tables (`[smtp]`). What TOML forbids is explained in
 * words for operators: a key given twice, one group written in both forms, a dotted key pasted below a table. A problem
 * names the key, the line and what to do, and never quotes a value: it may be a secret.
 */
import { createRequire } from 'node:module';
import type * as Toml from 'smol-toml';
import { findKey, isGroup, KEY_NAMES, type KeyName } from './keys.js';
import { nearestText } from './nearest.js';

export interface Entry {
  readonly name: KeyName;
  readonly written: unknown;
  readonly line: number | null;
}

export interface TomlProblem {
  readonly line: number | null;
  /** The key as it was written, or `TOML`. */
  readonly key: string;
  readonly reason: string;
}

/** A line that begins a table or sets a key. */
interface Statement {
  readonly line: number;
  /** The whole name: the table's and the key's. */
  readonly name: string;
  /** The table it stands below, '' for none. A table has its own name here. */
  readonly table: string;
  readonly isTable: boolean;
}

/** Every known key of the file, and all that is wrong. A text that is not TOML has one problem and no entries. */
export function readToml(source: string): { readonly entries: Entry[]; readonly problems: TomlProblem[] } {
  const text = source.replace(/^\ufeff/, '');
  const entries: Entry[] = [];
  const problems: TomlProblem[] = [];
  const statements = statementsOf(text);
  const { parse, TomlError } = loadToml();
  let root: Record<string, unknown>;
  try {
    root = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { entries, problems: [conflictAt(error.line, statements) ?? syntaxProblem(error, text)] };
  }
  const wrong = (key: string, reason: string) => problems.push({ line: lineOf(key, statements), key, reason });
  const walk = (group: Record<string, unknown>, prefix: string) => {
    for (const [part, value] of Object.entries(group)) {
      const name = `${prefix}${part}`;
      if (findKey(name) !== null) {
        entries.push({ name: name as KeyName, written: value, line: lineOf(name, statements) });
      } else if (isTable(value) && (isGroup(name) || Object.keys(value).length > 0)) {
        walk(value, `${name}.`);
      } else if (isGroup(name)) {
        wrong(name, `is a group of keys: write a line for each, such as ${firstKeyOf(name)} = …`);
      } else {
        wrong(name, misplacedReason(name, statements) ?? `unknown key${nearestText(name, KEY_NAMES)}`);
      }
    }
  };
  walk(root, '');
  return { entries, problems };
}

/** Tables and keys in their order. Lines inside a list or a text of several lines are no keys. */
function statementsOf(source: string): Statement[] {
  const part = `(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')`;
  const dotted = `(${part}(?:[ \\t]*\\.[ \\t]*${part})*)`;
  const begins = new RegExp(`^\\s*(?:\\[{1,2}[ \\t]*${dotted}[ \\t]*\\]|${dotted}[ \\t]*=)`);
  const statements: Statement[] = [];
  let table = '';
  for (const [at, text] of source.split('\n').entries()) {
    const [, head, key] = begins.exec(text) ?? [];
    if (head !== undefined) table = bareName(head);
    else if (key === undefined) continue;
    const name = [table, bareName(key ?? '')].filter(Boolean).join('.');
    statements.push({ line: at + 1, name, table, isTable: head !== undefined });
  }
  return statements;
}

function bareName(written: string): string {
  return written.replaceAll(/[\s"']/g, '');
}

/** Where a key stands, or the group it was written in. */
function lineOf(key: string, statements: readonly Statement[]): number | null {
  for (let name = key; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('.'), 0))) {
    const found = statements.find(statement => statement.name === name);
    if (found !== undefined) return found.line;
  }
  return null;
}

/** What the line at fault has against an earlier one, or null when it is another fault. */
function conflictAt(line: number, statements: readonly Statement[]): TomlProblem | null {
  const later = statements.find(statement => statement.line === line);
  if (later === undefined) return null;
  const twice = statements.find(
    ({ line: at, name, isTable: table }) => at < line && name === later.name && table === later.isTable,
  );
  if (twice !== undefined) {
    const advice = later.isTable ? 'put its keys below one of them' : 'delete one of them';
    return { line, key: later.name, reason: `is given twice, on lines ${twice.line} and ${line}: ${advice}` };
  }
  const mixed = statements.find(earlier => earlier.line < line && clashes(earlier, later));
  if (mixed === undefined) return null;
  const [one, other] = [printStatement(mixed), printStatement(later)];
  const group = mixed.name.length < later.name.length ? mixed.name : later.name;
  return {
    line,
    key: group,
    reason: `is written in two forms, ${one} on line ${mixed.line} and ${other} on line ${line}: write all keys of ${group} in one form, such as ${firstKeyOf(group)} = …`,
  };
}

/** Whether one names a group as a table or value, and the other a key of that group from outside. */
function clashes(one: Statement, other: Statement): boolean {
  return opensInto(one, other) || opensInto(other, one);
}

function opensInto(group: Statement, inner: Statement): boolean {
  const outside = inner.table !== group.name && !inner.table.startsWith(`${group.name}.`);
  return outside && !inner.isTable && (inner.name === group.name || inner.name.startsWith(`${group.name}.`));
}

function printStatement({ name, isTable: table }: Statement): string {
  return table ? `[${name}]` : name;
}

function firstKeyOf(group: string): string {
  return KEY_NAMES.find(key => key.startsWith(`${group}.`)) ?? `${group}.…`;
}

/** For a whole key name that stands below a table: TOML reads it as a key of that table. */
function misplacedReason(name: string, statements: readonly Statement[]): string | null {
  const found = statements.find(statement => !statement.isTable && statement.name === name);
  if (found === undefined || found.table === '') return null;
  const meant = name.slice(found.table.length + 1);
  if (findKey(meant) === null) return null;
  return `unknown key, because it stands below [${found.table}] (line ${lineOf(found.table, statements)}): move ${meant} above the first [table] of the file`;
}

/** The first line of the parser's text alone: the other lines quote the file, which may hold a secret. */
function syntaxProblem(error: Toml.TomlError, text: string): TomlProblem {
  const line = text.split('\n')[error.line - 1] ?? '';
  const reason = /=\s*0[0-7]{3}\s*(?:#.*)?$/.test(line)
    ? 'a number cannot begin with 0; write a file mode as "0660" or 0o660'
    : withAdvice((error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, ''));
  return { line: error.line, key: 'TOML', reason };
}

function withAdvice(reason: string): string {
  if (reason === 'invalid value') return 'invalid value: a text stands in quotes, "so"';
  if (reason === 'expected comma or end of structure') return `${reason}: is a [ or { before it not closed?`;
  return reason;
}

// Only a file needs it, and as CommonJS it is one file to load instead of ten: 4 ms less in every verb.
function loadToml(): typeof Toml {
  return createRequire(import.meta.url)('smol-toml') as typeof Toml;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
