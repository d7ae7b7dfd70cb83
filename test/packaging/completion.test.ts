/** The completions, sourced in the real shells: each is asked what it offers at the end of a line. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { missingPrograms } from '../missing-programs.js';
import { allOf, commandTable } from '../reference/command-table.js';
import { runOk } from '../run.js';

const FOLDER = path.resolve('packaging/completion');

const ASK_BASH = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_replyd replyd; printf '%s\\n' "\${COMPREPLY[@]}"`;

/** How each shell is asked, with its file. */
const SHELLS: Readonly<Record<string, (line: string) => readonly string[]>> = {
  bash: line => ['-c', ASK_BASH, 'bash', path.join(FOLDER, 'replyd.bash'), ...line.split(' ')],
  zsh: line => ['-f', path.resolve('test/packaging/complete.zsh'), path.join(FOLDER, 'replyd.zsh'), line],
  fish: line => ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', path.join(FOLDER, 'replyd.fish'), line],
};

/** A folder with one file and one folder in it. */
const cwd = mkdtempSync(path.join(tmpdir(), 'rd-completion-'));
after(() => rmSync(cwd, { recursive: true, force: true }));
mkdirSync(path.join(cwd, 'folder'));
writeFileSync(path.join(cwd, 'file.txt'), '');

const LINES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['replyd acc', ['account']],
  ['replyd migrate', ['migrate', 'migrate-store']],
  ['replyd account ', ['add', 'disable', 'enable', 'list', 'remove', 'set', 'show']],
  ['replyd -c x account a', ['add']],
  ['replyd --config account account a', ['add']],
  ['replyd account add --s', ['--support-email']],
  ['replyd account add --name ', []],
  ['replyd account add acme --domain add --support-email x --n', ['--name']],
  ['replyd systemd --output ', ['folder']],
  ['replyd backup ', ['file.txt', 'folder']],
  ['replyd mail explain f', ['file.txt', 'folder']],
  ['replyd stats -c f', ['file.txt', 'folder']],
];

for (const [shell, words] of Object.entries(SHELLS)) {
  const offers = async (line: string) => {
    const text = await runOk(shell, words(line), { cwd, env: { PATH: process.env.PATH, HOME: cwd, TERM: 'dumb' } });
    const offered = text.split('\n').map(each => each.split('\t')[0]!.trim().replace(/\/$/, ''));
    return [...new Set(offered.filter(Boolean))].sort();
  };

  test(`${shell} completes commands, options and files`, { skip: await missingPrograms(shell) }, async () => {
    for (const [line, expected] of LINES) assert.deepEqual(await offers(line), expected, line);
  });

  test(`${shell} knows every group and verb`, { skip: await missingPrograms(shell) }, async () => {
    for (const entry of allOf(await commandTable())) {
      if (entry.children.length === 0) continue;
      const expected = entry.children.map(({ name }) => name).sort();
      assert.deepEqual(await offers(`${`replyd ${entry.path}`.trim()} `), expected, entry.path);
    }
  });

  test(`${shell} knows every option`, { skip: await missingPrograms(shell) }, async () => {
    for (const { path: at, options } of allOf(await commandTable()).filter(({ path: at }) =>
      /^(?:|backup|deliver|conversation start)$/.test(at),
    )) {
      const offered = await offers(`${`replyd ${at}`.trim()} --`);
      assert.deepEqual(offered, options.map(({ long }) => long).sort(), at);
    }
  });
}
