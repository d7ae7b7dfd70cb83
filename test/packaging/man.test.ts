/** The man pages as `man` prints them: without a complaint of the formatter, and with all that the help says. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { KEY_NAMES, variableOf } from '#replyd/config/keys.js';
import { missingPrograms } from '../missing-programs.js';
import { allOf, commandTable } from '../reference/command-table.js';
import { run } from '../run.js';

const skip = await missingPrograms('man');

async function printed(page: string): Promise<string> {
  const result = await run('man', ['--warnings', '-l', path.resolve('packaging/man', page)], {
    env: { PATH: process.env.PATH, MANWIDTH: '78', LC_ALL: 'C.UTF-8', MAN_KEEP_FORMATTING: '' },
  });
  assert.deepEqual([result.code, result.stderr], [0, '']);
  return result.stdout;
}

const words = (text: string) => text.replaceAll(/\s+/g, ' ');

test('man -l replyd.1 has every command, option and example', { skip }, async () => {
  const text = await printed('replyd.1');
  assert.match(text, /^NAME\n\s+replyd - keeps a support conversation going by e-mail$/m);
  const flat = words(text);
  for (const { path: at, usage, options, examples } of allOf(await commandTable())) {
    if (at !== '' && examples === '') continue;
    if (at !== '') assert.ok(flat.includes(words(`replyd ${at} ${usage}`)), `${at}: its usage`);
    for (const { flags } of options) assert.ok(flat.includes(flags), `${at}: ${flags}`);
    // What is typed can be pasted: no sign has become another.
    if (at !== '') {
      for (const line of examples.split('\n')) assert.ok(text.includes(line.trim().replaceAll('…', '...')), line);
    }
  }
});

test('man -l replyd-config.5 has every key with its variable', { skip }, async () => {
  const flat = words(await printed('replyd-config.5'));
  for (const name of KEY_NAMES) {
    assert.ok(flat.includes(` ${name} `), name);
    assert.ok(flat.includes(`; ${variableOf(name)}`), variableOf(name));
  }
});
