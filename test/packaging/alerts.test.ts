/** The alarms for Prometheus: its own tool reads them and sees each one fire, and every figure in them is one of ours. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { runOk } from '../run.js';

const FOLDER = path.resolve('packaging/prometheus');

function promtoolMissing(): string | false {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'promtool is not installed (apt-get install prometheus)';
  }
}

test('promtool reads the alarms, and each fires for what it is about alone', { skip: promtoolMissing() }, async () => {
  const checked = await runOk('promtool', ['check', 'rules', path.join(FOLDER, 'replyd.rules.yml')]);
  const rules = readFileSync(path.join(FOLDER, 'replyd.rules.yml'), 'utf8');
  const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  assert.match(checked, new RegExp(`SUCCESS: ${names.length} rules found`));
  assert.match(await runOk('promtool', ['test', 'rules', 'replyd.test.yml'], { cwd: FOLDER }), /SUCCESS/);
  const tried = readFileSync(path.join(FOLDER, 'replyd.test.yml'), 'utf8');
  for (const name of names) {
    assert.ok(tried.includes(`- name: ${name}\n`), `${name} is seen to fire`);
    assert.ok(tried.includes(`- name: ${name} is silent\n`), `${name} is seen to be silent`);
  }
});

test('every figure in the alarms and in the table of what is worth one exists', () => {
  const source = readdirSync('dist', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.js') && !file.startsWith('web'))
    .map(file => readFileSync(path.join('dist', file), 'utf8'))
    .join('\n');
  const rules = readFileSync(path.join(FOLDER, 'replyd.rules.yml'), 'utf8');
  const docs = readFileSync('docs/operations.md', 'utf8');
  const names = new Set([...rules, ...docs].join('').match(/\breplyd_[a-z_]+\b/g));
  assert.ok(names.size >= 8, [...names].join());
  for (const name of names) assert.ok(source.includes(`'${name}'`), `there is no ${name}`);
});
