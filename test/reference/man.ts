/** The man pages: replyd(1) from the help of the commands, replyd-config(5) from the table of keys. */
import { findKey, KEY_NAMES, variableOf } from '#replyd/config/keys.js';
import { allOf, type Entry, type OptionEntry } from './command-table.js';

const MADE =
  '.\\" Made by `npm run docs` from the help of the commands and the table of keys. Change those, not this file.';

/** replyd(1): every command with its options and examples. */
export function programPage(program: Entry): string {
  const verbs = allOf(program).filter(entry => entry.path !== '' && entry.children.length === 0);
  const [introduction, ...more] = program.description.split('\n\n');
  return page('REPLYD', '1', [
    '.SH NAME',
    `replyd \\- ${prose(lowered(introduction!).replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B replyd',
    '.RB [ \\-c',
    '.IR file ]',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    ...paragraphs(more.join('\n\n')),
    ...['.PP', 'Every command has', '.B \\-\\-help', 'with examples of its own.'],
    '.SH OPTIONS',
    ...program.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...program.children.flatMap(({ path, does }) => ['.TP', `.B ${verbatim(path)}`, prose(does)]),
    ...verbs.flatMap(verbLines),
    '.SH FILES',
    ...tagged('/etc/replyd/config.toml', 'the configuration, see replyd-config(5)'),
    ...tagged('/etc/replyd/config.example.toml', 'every key with its meaning and default, written by `replyd init`'),
    ...tagged('/var/lib/replyd', 'the data: store, large mails, locks'),
    '.SH ENVIRONMENT',
    ...tagged('REPLYD_CONFIG', 'the configuration, where -c names none'),
    ...tagged('REPLYD_SOCKET', 'where `replyd deliver` finds the LMTP socket of the daemon'),
    ...tagged('REPLYD_*', 'one variable for each key of the configuration, see replyd-config(5)'),
    '.SH SEE ALSO',
    '.BR replyd\\-config (5)',
  ]);
}

function verbLines({ path, usage, description, options, examples, words }: Entry): string[] {
  const own = words.filter(({ does }) => does !== '');
  return [
    `.SS replyd ${verbatim(path)}`,
    `.B ${verbatim(usage)}`,
    ...description.split('\n\n').flatMap(part => ['.PP', ...part.split('\n').flatMap(brokenProse)]),
    ...own.flatMap(({ shown, does }) => ['.TP', `.I ${verbatim(shown)}`, prose(does)]),
    ...options.filter(({ long }) => long !== '--help').flatMap(optionLines),
    ...(examples === '' ? [] : ['.PP', 'Examples:', '.PP', '.nf', ...examples.split('\n').map(verbatimLine), '.fi']),
  ];
}

function optionLines({ flags, does }: OptionEntry): string[] {
  const words = flags.split(/(<[^>]*>|\[[^\]]*\])/).filter(Boolean);
  const tag = words.map(word => (/^[<[]/.test(word) ? `\\fI${verbatim(word)}\\fR` : `\\fB${verbatim(word)}\\fR`));
  return ['.TP', tag.join(''), prose(does)];
}

/** replyd-config(5): the file, and each key with its kind, default, variable and meaning. */
export function configPage(): string {
  return page('REPLYD\\-CONFIG', '5', [
    '.SH NAME',
    'replyd\\-config \\- the configuration of replyd',
    '.SH SYNOPSIS',
    '.I /etc/replyd/config.toml',
    '.SH DESCRIPTION',
    ...paragraphs(CONFIG_TEXT),
    '.SH KEYS',
    ...KEY_NAMES.flatMap(name => {
      const { kind, default: usual, meaning, restart, secret } = findKey(name)!;
      const facts = [
        kind.name,
        `default ${JSON.stringify(usual)}`,
        variableOf(name),
        ...(restart ? [] : ['reload']),
        ...(secret ? ['secret'] : []),
      ];
      return ['.TP', `.B ${verbatim(name)}`, prose(meaning), '.br', `.RI ( "${quotedWord(facts.join('; '))}" )`];
    }),
    '.SH SEE ALSO',
    '.BR replyd (1)',
  ]);
}

/** What the reference of the keys says before them, too. */
export const CONFIG_TEXT = `replyd reads one TOML file: the one that \`-c FILE\` names, else \`$REPLYD_CONFIG\`, else \`/etc/replyd/config.toml\`. \`replyd init\` writes a first one, and \`config.example.toml\` with every key beside it. Write one line for each key, such as \`smtp.max_size = "35MiB"\`, in any order. \`replyd check-config\` names file, line, key and reason of whatever is wrong.

Every key is also an environment variable, which comes before the file; lists are separated by commas. Sizes are written as \`"35MiB"\` or \`"20MB"\`, durations as \`"500ms"\`, \`"30s"\`, \`"2m"\`, \`"4h"\` or \`"3d"\`. Relative paths are relative to the folder of the file. Keys marked *reload* change when the daemon gets SIGHUP, the others when it starts.`;

function page(title: string, section: string, lines: readonly string[]): string {
  return `${[MADE, `.TH ${title} ${section} "" replyd`, '.nh', '.ad l', ...lines].join('\n')}\n`;
}

function tagged(word: string, text: string): string[] {
  return ['.TP', `.B ${verbatim(word)}`, prose(text)];
}

function paragraphs(text: string): string[] {
  return text.split('\n\n').flatMap((part, at) => [...(at === 0 ? [] : ['.PP']), prose(part.replaceAll('\n', ' '))]);
}

/** A line that stays one, as the help shows it. */
function brokenProse(line: string, at: number): string[] {
  return [...(at === 0 ? [] : ['.br']), prose(line)];
}

/** Running text: what stands in back quotes or stars is set apart. */
function prose(text: string): string {
  const parts = text.split(/(`[^`]+`|\*\w+\*)/).map(part => {
    if (part.startsWith('`')) return `\\fB${verbatim(part.slice(1, -1))}\\fR`;
    return /^\*\w+\*$/.test(part) ? `\\fI${part.slice(1, -1)}\\fR` : escaped(part);
  });
  return atLineStart(parts.join(''));
}

/** What is typed: its signs are ASCII in the printed page, too, so that it can be pasted. */
function verbatim(text: string): string {
  return escaped(text)
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti');
}

function verbatimLine(line: string): string {
  return atLineStart(verbatim(line));
}

function quotedWord(text: string): string {
  return verbatim(text).replaceAll('"', '\\(dq');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('…', '...').replaceAll('’', '\\(cq').replaceAll('`', '\\(ga');
}

/** A full stop or a quote at the start of a line would be a request to the formatter. */
function atLineStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
