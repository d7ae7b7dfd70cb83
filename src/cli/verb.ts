/**
 * The kinds of verb, and what all verbs share: help with examples, `--config`, `--json` and `--limit`.
 *
 * A result verb returns an object or a list and has it printed: as JSON with `--json` (a list one object a line), else
 * as a view for people. A store verb does that with the store open. A list verb prints pages of rows.
 */
import { createRequire } from 'node:module';
import type * as Commander from 'commander';
import type { Command, Option } from 'commander';
import { pageBudget } from '../conversation/page.js';
import type { Store } from '../conversation/store.js';
import { type Context, withStore } from './context.js';
import { print, printJson, warn } from './terminal/terminal.js';

/** Loaded by `require`, as each library of a short verb is: `import` of a CommonJS package takes 5 ms more. */
export const commander = createRequire(import.meta.url)('commander') as typeof Commander;

export interface VerbHelp {
  /** One line: what it does. */
  readonly does: string;
  /** Complete commands without the leading `replyd`. */
  readonly examples: readonly string[];
  /** More, under the usage. */
  readonly more?: string;
  /** Its own options, behind `--config`. */
  readonly options?: readonly Option[];
}

/** Makes a verb of a command: help, examples, `--config` and its own options. */
export function defineVerb(verb: Command, help: VerbHelp): Command {
  verb.showHelpAfterError(`see \`${pathOf(verb)} --help\``);
  verb.summary(help.does).description(help.more ? `${help.does}\n\n${help.more}` : help.does);
  for (const each of [configFileOption('the configuration to use'), ...(help.options ?? [])]) {
    verb.addOption(each);
  }
  return verb.addHelpText('after', examplesText(help.examples));
}

/** `replyd account add` */
function pathOf(verb: Command): string {
  return verb.parent === null ? verb.name() : `${pathOf(verb.parent)} ${verb.name()}`;
}

const HELP_COLUMNS = 80;

/** The examples under a help, whole commands that can be copied; long ones go on in the next line. */
export function examplesText(examples: readonly string[]): string {
  return ['', 'Examples:', ...examples.map(example => brokenCommand(`  replyd ${example}`))].join('\n');
}

/** A command in lines of at most 80 columns, broken before an option and fit to be pasted. */
export function brokenCommand(command: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of command.split(/ (?=--|[<>|] )/)) {
    if (line !== '' && line.length + word.length + 3 > HELP_COLUMNS) {
      lines.push(`${line} \\`);
      line = `      ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

/** A word as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An option; `read` makes its value of what was typed. An option that was not given has no value. */
export function option<T>(flags: string, does: string, read?: (typed: string, before: T | undefined) => T): Option {
  const made = new commander.Option(flags, does);
  return read === undefined ? made : made.argParser(read);
}

/** `-c FILE`; a second one would silently win. */
export function configFileOption(does: string): Option {
  return option<string>('-c, --config <file>', does, (file, before) => {
    if (before !== undefined && before !== file)
      throw new commander.InvalidArgumentError(`${before} was named before.`);
    return file;
  });
}

/** An option that must be given. */
export function required<T>(flags: string, does: string, read?: (typed: string) => T): Option {
  return option(flags, does, read).makeOptionMandatory();
}

/** `--json` */
export function jsonOption(): Option {
  return option('--json', 'print JSON: the object, or one object a line');
}

/** `--limit N` */
export function limitOption(): Option {
  return option('--limit <n>', 'at most so many, the newest first', count).default(50);
}

/** A whole number from 1. */
function count(value: string): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < 1) throw new commander.InvalidArgumentError('It must be a whole number from 1.');
  return number;
}

export interface Json {
  readonly json?: true;
}

/** What a verb is given, besides the words behind its name. */
export interface Call<Options> {
  readonly command: Command;
  readonly options: Options & Json;
}

interface Shown<Result> {
  /** Lines for people; '' prints none. */
  view(result: Result): string;
  /** What `--json` prints, where that is not the result itself. */
  json?(result: Result): unknown;
  /** What is said when the list is empty. */
  readonly none?: string;
}

export interface ResultVerb<Options, Result, Given = Call<Options>> extends VerbHelp, Shown<Result> {
  run(call: Given, ...words: string[]): Promise<Result>;
  /** Says more, on standard error, when the result is printed. */
  after?(result: Result, call: Call<Options>): void;
}

export function defineResultVerb<Options, Result>(verb: Command, help: ResultVerb<Options, Result>): void {
  defineVerb(verb, { ...help, options: [...(help.options ?? []), jsonOption()] }).action(async () => {
    const call = { command: verb, options: verb.opts<Options & Json>() };
    const result = await help.run(call, ...verb.args);
    show(result, call.options, help);
    help.after?.(result, call);
  });
}

/** Prints the result of a verb. */
export function show<Result>(
  result: Result,
  options: Json,
  { view, json, none = 'nothing found' }: Shown<Result>,
): void {
  const rows = [json === undefined ? result : json(result)].flat();
  if (options.json) rows.forEach(printJson);
  else if (rows.length === 0) warn(none);
  else {
    const text = view(result);
    if (text !== '') print(text);
  }
}

export interface StoreCall<Options> extends Call<Options>, Context {}

/** `create`: makes the store when it is missing. */
export function defineStoreVerb<Options, Result>(
  verb: Command,
  help: ResultVerb<Options, Result, StoreCall<Options>> & { readonly create?: true },
): void {
  const { run, create = false } = help;
  defineResultVerb<Options, Result>(verb, {
    ...help,
    run: (call, ...words) => withStore(verb, context => run({ ...call, ...context }, ...words), { create }),
  });
}

interface Page {
  readonly limit: number;
  readonly before?: string;
}

export interface ListVerb<Filter, Row> extends VerbHelp {
  /** Says something first, on standard error. */
  before?(context: Context): Promise<void>;
  /** The rows of one page, the newest first. The verb's options are the filter. */
  rows(store: Store, filter: Filter): Promise<readonly Row[]>;
  view(rows: readonly Row[]): string;
}

const PAGE = 100;

/**
 * Lists at most `--limit` rows. JSON lines leave page by page, so that a long listing starts at once and never stands in
 * memory. A table needs all rows first: it ends when these have `limits.response_bytes`.
 */
export function defineListVerb<Filter extends Page, Row extends { readonly id: string }>(
  verb: Command,
  help: ListVerb<Filter, Row>,
): void {
  const options = [...(help.options ?? []), limitOption(), jsonOption()];
  defineVerb(verb, { ...help, options }).action(() =>
    withStore(verb, async context => {
      const { config: _, json, limit, ...filter } = verb.opts<Filter & Json & { config?: string }>();
      await help.before?.(context);
      const fits = pageBudget(context.loaded.config.limits.responseBytes);
      const rows: Row[] = [];
      let listed = 0;
      let full = false;
      let page: readonly Row[] = [];
      do {
        const asked = Math.min(PAGE, limit - listed);
        const from = page.length === 0 ? {} : { before: page.at(-1)!.id };
        page = await help.rows(context.store, { ...filter, ...from, limit: asked } as unknown as Filter);
        for (const row of page) {
          if (json) printJson(row);
          else if (fits(row)) rows.push(row);
          else full = true;
        }
        listed += page.length;
        // A page may hold fewer rows than there are: the store bounds its bytes.
      } while (page.length > 0 && listed < limit && !full);
      if (json) return;
      if (rows.length === 0) return warn('nothing found');
      print(help.view(rows));
      if (full) warn(`the newest ${rows.length} are shown, no more fit into one table; --json lists all`);
      else if (listed === limit) warn(`the newest ${listed} are shown; --limit shows more`);
    }),
  );
}
