import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { SYSTEM_CONFIG } from '#replyd/config/load.js';
import { makeDaemon, withDaemon } from '../../daemon-process.js';
import { eventually } from '../../run.js';
import { makeProgram } from '../program.js';

test('the daemon serves until SIGTERM and ends with 0', async () => {
  await withDaemon({}, async daemon => {
    assert.equal(daemon.listening.smtp.length, 1);
    const exit = await daemon.stop();
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.deepEqual(
      daemon.events('stopping').map(line => line.signal),
      ['SIGTERM'],
    );
  });
});

test('a second daemon is told who serves the store', async () => {
  await withDaemon({}, async daemon => {
    const second = await daemon.cli(['serve']);
    assert.equal(second.code, 1);
    assert.equal(second.stdout, '');
    assert.equal(
      second.stderr,
      `replyd: another replyd (process ${daemon.pid}) serves the store in ${daemon.dataFolder}\n`,
    );
  });
});

test('without a configuration it refuses, and makes nothing', async t => {
  const program = makeProgram(t);
  const serve = (env = {}) => program.run(['serve'], { bare: true, env });
  const skip = existsSync(SYSTEM_CONFIG);
  if (skip) return t.skip(`this machine has ${SYSTEM_CONFIG}`);
  const refused = {
    code: 1,
    signal: null,
    stdout: '',
    stderr: `replyd: there is no configuration: ${SYSTEM_CONFIG} is missing. \`replyd init\` writes it, \`-c FILE\` names another (or set REPLYD_DATA_DIR)\n`,
  };
  assert.deepEqual(await serve(), refused);
  assert.deepEqual(await serve({ REPLYD_LOG_LEVEL: 'debug' }), refused, 'it does not say where the data goes');
  assert.deepEqual(readdirSync(program.folder), ['replyd.toml']);
  // A container needs no file: this one goes on, to a file in the place of its folder.
  const container = await serve({ REPLYD_DATA_DIR: program.configFile });
  assert.equal(container.code, 1);
  assert.equal(container.stderr, `replyd: ${program.configFile} is no folder: name another one (data_dir)\n`);
});

test('SIGHUP takes over what can change; a wrong file changes nothing', async () => {
  await withDaemon({}, async daemon => {
    writeFileSync(daemon.configFile, 'smtp.max_sise = "1MiB"\n');
    daemon.signal('SIGHUP');
    await eventually('the reload fails', () => daemon.events('reload_failed').length === 1);
    const [failure] = daemon.events('reload_failed');
    assert.match(String(failure?.error), /replyd\.toml:1: smtp\.max_sise: unknown key, did you mean smtp\.max_size\?/);
    await daemon.configure({ 'smtp.max_size': '1MiB' });
    daemon.signal('SIGHUP');
    await eventually('the reload is done', () => daemon.events('reloaded').length === 1);
    assert.deepEqual(daemon.events('reloaded')[0]?.changed, ['smtp.max_size']);
  });
});

test('a start that fails is one line that says what is in the way', async t => {
  const daemon = await makeDaemon();
  t.after(() => daemon.close());
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };

  await daemon.configure({ 'smtp.listen': [`127.0.0.1:${port}`] });
  const busy = await daemon.cli(['serve']);
  assert.equal(busy.code, 1);
  assert.match(said(busy.stderr), new RegExp(`^replyd: 127\\.0\\.0\\.1:${port}: port taken: .*$`));

  await daemon.configure({ 'smtp.max_size': 'huge' });
  const wrong = await daemon.cli(['serve']);
  assert.equal(wrong.code, 1);
  assert.match(said(wrong.stderr), /^replyd: .*replyd\.toml:\d+: smtp\.max_size: "huge" must be a size/);
});

/** What stands on standard error beside the log, which must be one line. */
function said(stderr: string): string {
  const lines = stderr.split('\n').filter(line => line !== '' && !line.startsWith('{'));
  assert.equal(lines.length, 1, stderr);
  return lines[0]!;
}
