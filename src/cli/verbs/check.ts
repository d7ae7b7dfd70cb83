/**
 * `replyd check`: is the store whole? One line for each check, and for each fault the row or file and what to do. Ends
 * with 1 when anything is wrong. It changes nothing, and the daemon may run.
 */
import type { Command } from 'commander';
import type { Opener } from '../../store/opener.js';
import type { CheckResult } from '../../store/upkeep/check.js';
import { openerFor, withDataDir } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
import { progressReporter } from '../terminal/progress.js';
import { columns, print, printJson, styled } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { defineVerb, type Json, jsonOption } from '../verb.js';

export function defineCheck(verb: Command): void {
  defineVerb(verb, {
    does: 'look whether the store is whole',
    examples: ['check', 'check --json'],
    more: [
      'database    SQLite finds its file in order',
      'references  no row refers to one that is not there',
      'rows        nothing is left over, nothing leads into another conversation',
      'order       numbers of messages and events have no gaps',
      'contents    every mail and attachment still has its size and its hash',
      'files       no file without a row (a crash may leave one; the daemon clears it)',
      'search      the index has the messages that are there, and no others',
      '',
      'Reads every stored byte. The daemon may run. Ends with 1 when something is wrong.',
    ].join('\n'),
    options: [jsonOption()],
  }).action(async ({ json }: Json, command: Command) => {
    const failed = await withDataDir(command, async loaded => check(await openerFor(loaded), json ? printJson : show));
    if (failed) process.exitCode = EXIT_FAILED;
  });
}

type Shown = CheckResult & { readonly ok: boolean };

/** True when something is wrong. */
async function check(opener: Opener, report: (result: Shown) => void): Promise<boolean> {
  let failed = false;
  for await (const { check: name, looked, faults } of opener.check(progressReporter())) {
    const ok = !faults.some(fault => fault.state === 'failed');
    failed ||= !ok;
    report({ check: name, ok, looked, faults });
  }
  return failed;
}

const NAME_COLUMNS = 12;

function show({ check: name, ok, looked, faults }: Shown): void {
  const sign = ok ? styled('✔', 'green') : styled('✘', 'red');
  const worst = faults.filter(fault => fault.state === 'failed').length;
  const found = worst > 0 ? `${worst} wrong` : faults.length > 0 ? `in order; to know: ${faults.length}` : 'in order';
  print(`${sign} ${pad(name, NAME_COLUMNS)}${COUNTED[name] ? `${looked} ${COUNTED[name]}: ` : ''}${found}`);
  const indent = ' '.repeat(4);
  for (const fault of faults) {
    const lines = wrap(`${oneLine(fault.thing)}: ${oneLine(fault.text)}`, columns() - indent.length);
    const advice = fault.advice === null ? [] : wrap(`→ ${fault.advice}`, columns() - indent.length);
    for (const line of [...lines, ...advice]) print(indent + line);
  }
}

/** What `looked` counts, where that says something. */
const COUNTED: Readonly<Partial<Record<CheckResult['check'], string>>> = {
  database: 'pages',
  contents: 'contents',
  files: 'files',
  search: 'messages',
};
