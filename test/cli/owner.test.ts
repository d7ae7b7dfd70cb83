import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { userName } from '#replyd/cli/owner.js';
import { makeDaemon } from '../daemon-process.js';
import { run } from '../run.js';
import { makeProgram, PROGRAM, type Program } from './program.js';

/** Any user but root; it needs no entry in /etc/passwd. */
const UID = 65_534;
const skip = process.getuid?.() === 0 ? false : 'needs root, to be somebody else';

const ACCOUNT = ['account', 'add', 'acme', '--domain=in.acme.example', '--support-email=help@acme.example'];

function runAs(program: Program, uid: number, args: readonly string[]) {
  return run(
    'setpriv',
    [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', PROGRAM, '-c', program.configFile, ...args],
    {
      cwd: program.folder,
      env: { PATH: process.env.PATH, HOME: '/', TZ: 'UTC' },
    },
  );
}

/** A program whose data directory belongs to `uid`, in a folder that he can enter. */
function ownedBy(program: Program, uid: number): void {
  chmodSync(program.folder, 0o755);
  chmodSync(program.configFile, 0o644);
  mkdirSync(program.dataDir, { mode: 0o700 });
  chownSync(program.dataDir, uid, uid);
}

test("what root makes belongs to the data directory's owner", { skip }, async t => {
  const program = makeProgram(t);
  ownedBy(program, UID);
  await program.text(ACCOUNT);
  await program.text(['conversation', 'start', '--account=acme', '--contact=maria@example.org']);
  const large = path.join(program.folder, 'large.bin');
  writeFileSync(large, Buffer.alloc(300_000, 'x'), { mode: 0o600 });
  await program.text(['conversation', 'reply', 'acme#1', '--text=x', '--attach', large]);
  await program.text(['doctor']).catch(() => undefined);
  const made = readdirSync(program.dataDir, { recursive: true, encoding: 'utf8' });
  assert.ok(made.includes('replyd.db') && made.some(name => name.startsWith('blobs/')), made.join());
  for (const name of made) {
    const { uid, mode } = statSync(path.join(program.dataDir, name));
    assert.equal(uid, UID, name);
    assert.equal(mode & 0o077, 0, name);
  }
});

test('without permission it says whom to be', { skip }, async t => {
  const program = makeProgram(t);
  ownedBy(program, 0);
  await program.text(ACCOUNT);
  const refused = await runAs(program, UID, ['account', 'list']);
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, `replyd: no permission for ${program.dataDir}, which belongs to root: run it as root\n`);
  const doctor = await runAs(program, UID, ['doctor']);
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /^✘ data directory {2}no permission for /m);

  chownSync(program.dataDir, 1, 1);
  const other = await runAs(program, UID, ['account', 'list']);
  assert.ok(other.stderr.endsWith(`which belongs to ${userName(1)}: run it as root or ${userName(1)}\n`), other.stderr);
});

test("check-config looks as the daemon's user, also when root runs it", { skip }, async t => {
  const program = makeProgram(t, 'tls.certificate = "cert.pem"\ntls.key = "key.pem"\n');
  ownedBy(program, UID);
  const [certificate, key] = ['cert.pem', 'key.pem'].map(name => path.join(program.folder, name)) as [string, string];
  for (const file of [certificate, key]) writeFileSync(file, 'no PEM', { mode: 0o600 });
  chmodSync(program.configFile, 0o600);
  const user = userName(UID);
  const closed = await program.run(['check-config']);
  const line = (name: string, file: string) =>
    `${name}: ${file}: ${user}, as whom the daemon runs, may not read it: \`chgrp ${user} ${file}\` and \`chmod g+r\`, and let him into its folder`;
  assert.equal(
    closed.stderr,
    `replyd: ${[
      line('configuration', program.configFile),
      line('tls.certificate', certificate),
      line('tls.key', key),
    ].join('\n')}\n`,
  );
  assert.equal(closed.code, 1);

  writeFileSync(program.configFile, 'data_dir = "./data"\nlmtp.listen = "unix:/nowhere/lmtp.sock"\n');
  chmodSync(program.configFile, 0o644);
  const open = await program.run(['check-config']);
  assert.equal(open.code, 0, open.stderr);
  assert.match(open.stdout, new RegExp(`^checked as +${user}$`, 'm'));
  assert.match(open.stderr, /^replyd: lmtp\.listen: \/nowhere: no such file or directory; make it for the daemon, or /);
});

test("serve started by root becomes the data directory's owner", { skip }, async t => {
  const daemon = await makeDaemon();
  t.after(() => daemon.close());
  chmodSync(daemon.folder, 0o755);
  chownSync(daemon.dataFolder, UID, UID);
  await daemon.start();
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^Uid:\t${UID}\t${UID}\t${UID}\t${UID}$`, 'm'));
  assert.match(status, new RegExp(`^Gid:\t${UID}\t${UID}\t${UID}\t${UID}$`, 'm'));
  await daemon.stop();

  await daemon.configure({ 'smtp.listen': ['127.0.0.1:25'] });
  const refused = await daemon.cli(['serve']);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^replyd: .*, but port 25 needs root: start as \S+ with CAP_NET_BIND_SERVICE, such as `setpriv /,
  );
});

test('root does not work where a third user, or everybody, decides what the folder is', { skip }, async t => {
  const program = makeProgram(t);
  chmodSync(program.folder, 0o755);
  const third = path.join(program.folder, 'third');
  mkdirSync(third, { mode: 0o755 });
  chownSync(third, 1, 1);
  const dataDir = path.join(third, 'data');
  const refusedAs = async (text: RegExp) => {
    const refused = await program.run(ACCOUNT, { env: { REPLYD_DATA_DIR: dataDir } });
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, text);
    assert.deepEqual(readdirSync(third), existsSync(dataDir) ? ['data'] : []);
  };
  await refusedAs(new RegExp(`^replyd: root does not work in ${dataDir}: ${userName(1)} may put files into it, `));
  mkdirSync(dataDir);
  chownSync(dataDir, UID, UID);
  await refusedAs(/^replyd: root does not work in /);
  // A link of his to a folder of root's.
  rmSync(dataDir, { recursive: true });
  symlinkSync(program.folder, dataDir);
  await refusedAs(/^replyd: root does not work in /);

  const everybody = path.join(program.folder, 'everybody');
  mkdirSync(everybody);
  chmodSync(everybody, 0o777);
  const env = { REPLYD_DATA_DIR: everybody };
  writeFileSync(path.join(everybody, 'x'), '');
  const refused = await program.run(ACCOUNT, { env });
  assert.match(refused.stderr, /: everybody may put files into it/);
  rmSync(path.join(everybody, 'x'));
  assert.equal((await program.run(ACCOUNT, { env })).code, 0, 'an empty one is closed');
  assert.equal(statSync(everybody).mode & 0o777, 0o700);
});

test('an owner whom nobody knows, and one who makes the folder within his own', { skip }, async t => {
  const program = makeProgram(t);
  ownedBy(program, 54_321);
  chownSync(program.dataDir, 54_321, 0);
  await program.text(ACCOUNT);
  const { uid, gid } = statSync(path.join(program.dataDir, 'replyd.db'));
  assert.deepEqual([uid, gid], [54_321, 54_321], 'not the group of root');

  const home = path.join(program.folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const user = userName(UID);
  const dataDir = path.join(home, 'deep', 'data');
  const init = ['init', '--user', user, '-c', path.join(program.folder, 'new.toml'), '--data-dir', dataDir];
  const foreign = path.join(program.folder, 'roots', 'deep', 'data');
  mkdirSync(path.join(program.folder, 'roots'), { mode: 0o755 });
  chownSync(home, UID, UID);
  assert.equal((await program.run(init, { bare: true })).code, 0);
  const other = ['init', '--user', user, '-c', path.join(program.folder, 'other.toml'), '--data-dir', foreign];
  assert.equal((await program.run(other, { bare: true })).code, 0);
  for (const place of [dataDir, foreign]) {
    assert.equal(statSync(place).uid, UID);
    assert.equal(statSync(path.join(place, 'replyd.db')).uid, UID);
  }
  assert.equal(statSync(path.dirname(dataDir)).uid, UID);
  assert.equal(statSync(path.dirname(foreign)).uid, 0);
});

test('a reader that goes away is no error', async t => {
  const program = makeProgram(t);
  for (const args of ['--help', `-c ${program.configFile} ${ACCOUNT.join(' ')} --json`]) {
    const result = await run('bash', ['-c', `set -o pipefail; ${PROGRAM} ${args} | true`], {
      cwd: program.folder,
      env: { PATH: process.env.PATH },
    });
    assert.equal(result.code, 0, args);
    assert.ok(!/EPIPE|at .*\.js/.test(result.stderr), result.stderr);
  }
  assert.equal((await program.json(['account', 'list'])).length, 1);
});
