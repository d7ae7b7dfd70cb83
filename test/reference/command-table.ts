/**
 * The commands as data: what the help of each says, taken from the command line itself. The man page and the completions
 * are written from it, so that a new verb or option stands in them without another word.
 */
import type { Argument, Command, Option } from 'commander';
import { buildProgram, loadGroups } from '#replyd/cli/program.js';

export interface Entry {
  /** The words behind `replyd`: '' for the program itself, 'account', 'account add'. */
  readonly path: string;
  /** Its own word. */
  readonly name: string;
  /** One line. */
  readonly does: string;
  /** Paragraphs and lines, as they were written. */
  readonly description: string;
  /** The whole call: `replyd account add [options] <slug>`. */
  readonly usage: string;
  readonly options: readonly OptionEntry[];
  readonly words: readonly WordEntry[];
  /** Command lines without `replyd`, ready to be pasted. */
  readonly examples: string;
  readonly children: readonly Entry[];
}

export interface OptionEntry {
  /** As the help has them: `-c, --config <file>`. */
  readonly flags: string;
  readonly short: string | null;
  readonly long: string;
  /** What stands for its value in the help: `file`; null where it has none. */
  readonly value: string | null;
  readonly does: string;
}

export interface WordEntry {
  /** As the help has it: `<slug>`, `[id]`. */
  readonly shown: string;
  readonly name: string;
  readonly does: string;
}

/** The program, with its groups and verbs as children. */
export async function commandTable(): Promise<Entry> {
  const program = buildProgram();
  await loadGroups(program);
  return entryOf(program, '');
}

/** An entry and all below it, in the order of the help. */
export function allOf(entry: Entry): readonly Entry[] {
  return [entry, ...entry.children.flatMap(allOf)];
}

/** Of an option or a word whether its value is a file's or a folder's name. */
export function pathKind(name: string | null): 'file' | 'folder' | null {
  if (name === 'folder') return 'folder';
  return name !== null && /^(?:file|file-or-id|path)$/.test(name) ? 'file' : null;
}

function entryOf(command: Command, path: string): Entry {
  const help = command.createHelp();
  return {
    path,
    name: command.name(),
    does: command.summary() || command.description().split('\n')[0]!,
    description: command.description(),
    usage: help.commandUsage(command),
    options: help.visibleOptions(command).map(option => optionOf(option, help.optionDescription(option))),
    words: command.registeredArguments.map(wordOf),
    examples: examplesOf(command),
    children: command.commands.map(each => entryOf(each, `${path} ${each.name()}`.trim())),
  };
}

function optionOf({ flags, short, long }: Option, does: string): OptionEntry {
  return { flags, short: short ?? null, long: long!, value: /[<[]([\w-]+)/.exec(flags)?.[1] ?? null, does };
}

function wordOf(argument: Argument): WordEntry {
  const name = argument.name();
  const shown = `${name}${argument.variadic ? '...' : ''}`;
  return { name, shown: argument.required ? `<${shown}>` : `[${shown}]`, does: argument.description };
}

function examplesOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: part => (text += part) });
  command.outputHelp();
  const [, examples = ''] = text.split('\nExamples:\n');
  return examples.split('\n\n')[0]!.trimEnd();
}
