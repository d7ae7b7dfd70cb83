/**
 * `replyd check`: is the store whole? One line for each check, and for each fault the row or file and what to do. Ends
 * with 1 when anything is wrong. It changes nothing, and the daemon may run.
 */
import type { Command } from 'commander';
import { errorText, isReplydError } from '../../base/errors.js';
import type { CheckResult } from '../../store/upkeep/check.js';
import { withDataDir } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
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
      '',
      'Reads every stored byte. The daemon may run. Ends with 1 when something is wrong.',
    ].join('\n'),
    options: [jsonOption()],
  }).action(async ({ json }: Json, command: Command) => {
    const failed = await withDataDir(command, ({ config }) => check(config.dataDir, json ? printJson : show));
    if (failed) process.exitCode = EXIT_FAILED;
  });
}

type Shown = CheckResult & { readonly ok: boolean };

/** True when something is wrong. */
async function check(dataDir: string, report: (result: Shown) => void): Promise<boolean> {
  const [{ checkStore }, { openDatabase }, { checkSchema }] = await Promise.all([
    import('../../store/upkeep/check.js'),
    import('../../store/sqlite/database.js'),
    import('../../store/sqlite/migrate.js'),
  ]);
  let failed = false;
  const add = (result: CheckResult) => {
    const ok = !result.faults.some(fault => fault.state === 'failed');
    failed ||= !ok;
    report({ check: result.check, ok, looked: result.looked, faults: result.faults });
  };
  try {
    const connection = openDatabase(dataDir);
    try {
      connection.onlyRead();
      checkSchema(connection);
      for await (const result of checkStore(connection, dataDir, { now: Date.now() })) add(result);
    } finally {
      connection.close();
    }
  } catch (error) {
    // The error about another schema says what to do. A file that is no database is a finding of this check.
    if (!isReplydError(error, 'unavailable') || error.details.reason === 'schema') throw error;
    const advice = 'restore a backup: `replyd restore`';
    add({
      check: 'database',
      looked: 0,
      faults: [{ state: 'failed', thing: 'replyd.db', text: errorText(error), advice }],
    });
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
};
