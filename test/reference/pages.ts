/**
 * The reference pages of the documents, made from what the program itself says: every key of the configuration from the
 * key table, every command from its help (the man pages and completions too), the answers to providers from their list. `npm run docs` writes them, a test
 * holds that they are up to date.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ERROR_WORDS } from '#replyd/base/error-words.js';
import { ERROR_CODES, type ErrorCode } from '#replyd/base/errors.js';
import { statusOfCode } from '#replyd/base/problem.js';
import { buildProgram, loadGroups } from '#replyd/cli/program.js';
import { exampleConfig } from '#replyd/config/example.js';
import { findKey, KEY_NAMES, type KeyName, variableOf } from '#replyd/config/keys.js';
import { PROVIDERS } from '#replyd/ingress/providers/list.js';
import type { Ending } from '#replyd/ingress/providers/provider.js';
import { commandTable } from './command-table.js';
import { bashCompletion, fishCompletion, zshCompletion } from './completion.js';
import { CONFIG_TEXT, configPage, programPage } from './man.js';

const MADE = '<!-- Made by `npm run docs`. Change the source that it names, not this file. -->';

/** File name → text. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const program = await commandTable();
  return new Map([
    ['docs/configuration.md', configurationPage()],
    ['docs/commands.md', await commandsPage()],
    ['docs/errors.md', errorsPage()],
    ['config.example.toml', exampleConfig()],
    ['packaging/man/replyd.1', programPage(program)],
    ['packaging/man/replyd-config.5', configPage()],
    ['packaging/completion/replyd.bash', bashCompletion(program)],
    ['packaging/completion/replyd.zsh', zshCompletion(program)],
    ['packaging/completion/replyd.fish', fishCompletion(program)],
    ['docs/providers.md', withAnswers('docs/providers.md')],
    ['docs/contract.md', withAnswers('docs/contract.md')],
  ]);
}

function configurationPage(): string {
  const parts = [`# Configuration reference\n\n${MADE}\n<!-- Source: src/config/keys.ts -->`, CONFIG_TEXT];
  let group = '';
  for (const name of KEY_NAMES) {
    const head = name.split('.')[0]!;
    if (head !== group) parts.push(`## ${head}`);
    group = head;
    parts.push(keyEntry(name));
  }
  return `${parts.join('\n\n')}\n`;
}

function keyEntry(name: KeyName): string {
  const { kind, default: usual, meaning, restart, secret } = findKey(name)!;
  const facts = [
    `type: ${escaped(kind.name)}`,
    `default: \`${JSON.stringify(usual)}\``,
    `variable: \`${variableOf(name)}\``,
    ...(restart ? [] : ['*reload*']),
    ...(secret ? ['secret'] : []),
  ];
  return `### \`${name}\`\n${escaped(meaning)}\n\n${facts.join(' · ')}`;
}

function errorsPage(): string {
  const rows = (Object.keys(ERROR_CODES) as ErrorCode[]).map(code => {
    // The API says 429 where one caller asks too often, everything else 503 where all together do.
    const status = code === 'too_many_requests' ? '429, 503' : statusOfCode(code);
    return `| \`${code}\` | ${status} | ${escaped(ERROR_WORDS[code])} |`;
  });
  return `${[
    `# Errors\n\n${MADE}\n<!-- Source: src/base/errors.ts, src/base/error-words.ts -->`,
    'Every fault of the HTTP API is problem details (RFC 9457, `application/problem+json`) with a stable `code`: branch on\nit, not on the words in `detail`, which are for people. Codes are only added.',
    `| code | status | what it means |\n|---|---|---|\n${rows.join('\n')}`,
  ].join('\n\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll(/[*<|]/g, '\\$&');
}

async function commandsPage(): Promise<string> {
  const program = buildProgram();
  await loadGroups(program);
  const parts = [
    `# Command reference\n\n${MADE}\n<!-- Source: the help of each command, src/cli/verbs -->`,
    'What each command says with `--help`.',
    helpBlock(program),
  ];
  for (const group of program.commands) {
    parts.push(`## ${group.name()}`);
    if (group.commands.length === 0) parts.push(helpBlock(group));
    for (const verb of group.commands) parts.push(`### ${group.name()} ${verb.name()}`, helpBlock(verb));
  }
  return `${parts.join('\n\n')}\n`;
}

function helpBlock(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: part => (text += part) });
  command.outputHelp();
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  stored: 'stored, or stored before',
  refused: 'nobody of that address here (on record: `replyd mail list --state refused`)',
  unproven: 'wrong secret',
  malformed: 'wrong shape, or no raw mail (the answer says which switch to set)',
  too_large: 'larger than `smtp.max_size`',
  trouble: 'trouble of ours',
};

/** A page with the table of answers between its marks as the providers have it. */
function withAnswers(file: string): string {
  const row = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  const table = [
    row(['', ...PROVIDERS.map(({ title }) => title)]),
    row(['---', ...PROVIDERS.map(() => '---')]),
    ...Object.entries(ENDINGS).map(([ending, words]) =>
      row([words, ...PROVIDERS.map(({ answers }) => answers[ending as Ending])]),
    ),
  ].join('\n');
  const parts = /^(.*<!-- answers: [^\n]*-->\n).*(<!-- end of answers -->.*)$/s.exec(readFileSync(file, 'utf8'));
  if (parts === null) throw new Error(`${file} has no marks around the table of answers`);
  return `${parts[1]}\n${table}\n\n${parts[2]}`;
}
