import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { exampleConfig, initialConfig } from '#replyd/config/example.js';
import { makeProgram } from '../program.js';

function setSchema(dataDir: string, version: number): void {
  const database = new Database(path.join(dataDir, 'replyd.db'));
  database.pragma(`user_version = ${version}`);
  database.close();
}

test('init writes the configuration, the reference beside it and makes the store, once', async t => {
  const program = makeProgram(t);
  const file = path.join(program.folder, 'etc', 'config.toml');
  const dataDir = path.join(program.folder, 'etc', 'data');
  const first = await program.run(['init', '-c', file], { bare: true });
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout, `wrote ${file}\nmade  the store in ${dataDir}\n`);
  assert.equal(readFileSync(file, 'utf8'), initialConfig({ 'auth.verify': 'when_missing' }));
  const reference = path.join(program.folder, 'etc', 'config.example.toml');
  assert.equal(readFileSync(reference, 'utf8'), exampleConfig());
  assert.equal(statSync(reference).mode & 0o777, 0o644);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o755);
  assert.equal(statSync(file).mode & 0o777, 0o640);
  assert.equal(statSync(path.join(dataDir, 'replyd.db')).mode & 0o777, 0o600);
  assert.equal(
    first.stderr.replaceAll(program.folder, '/tmp/new'),
    `Look through /tmp/new/etc/config.toml. Then, with your own names:

  replyd check-config -c /tmp/new/etc/config.toml
  replyd account add acme --domain reply.acme.example \\
      --support-email help@acme.example -c /tmp/new/etc/config.toml
  replyd serve -c /tmp/new/etc/config.toml
`,
  );

  writeFileSync(file, 'data_dir = "./data"\n');
  writeFileSync(reference, '# mine\n');
  const second = await program.run(['init', '-c', file], { bare: true });
  assert.equal(second.stdout, `kept  ${file}\nkept  the store in ${dataDir}\n`);
  assert.equal(readFileSync(file, 'utf8'), 'data_dir = "./data"\n');
  assert.equal(readFileSync(reference, 'utf8'), '# mine\n');
});

test('init writes the reference of an older version anew, and goes on where it cannot', async t => {
  const program = makeProgram(t);
  const file = path.join(program.folder, 'config.toml');
  const reference = path.join(program.folder, 'config.example.toml');
  await program.run(['init', '-c', file], { bare: true });
  const init = async () => {
    const { code, stdout, stderr } = await program.run(['init', '-c', file], { bare: true });
    assert.equal(code, 0, stderr);
    return { stdout: stdout.split('\n')[1], stderr };
  };
  const kept = `kept  the store in ${path.join(program.folder, 'data')}`;
  assert.equal((await init()).stdout, kept);

  const older = exampleConfig().replace(/^#limits\.response_bytes.*\n/m, '');
  writeFileSync(reference, older);
  assert.equal((await init()).stdout, `wrote ${reference} anew`);
  assert.equal(readFileSync(reference, 'utf8'), exampleConfig());

  rmSync(reference);
  mkdirSync(reference);
  const { stdout, stderr } = await init();
  assert.equal(stdout, kept);
  assert.match(stderr, /^replyd: the reference of all keys is left as it is: .*is a directory\n/);
});

test('init takes a data directory and prints JSON', async t => {
  const program = makeProgram(t);
  const file = path.join(program.folder, 'new.toml');
  const dataDir = path.join(program.folder, 'store');
  const result = await program.run(['init', '-c', file, '--data-dir', 'store', '--json'], { bare: true });
  assert.deepEqual(JSON.parse(result.stdout), {
    config: file,
    data_dir: dataDir,
    wrote_config: true,
    made_store: true,
  });
  const checked = await program.run(['check-config', '-c', file, '--json'], { bare: true });
  assert.equal((JSON.parse(checked.stdout) as { data_dir: string }).data_dir, dataDir);
});

test('init says who is missing', async t => {
  const program = makeProgram(t);
  const result = await program.run(['init', '--user', 'nobody-of-this-name']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /^replyd: there is no user "nobody-of-this-name": `useradd --system /);
  assert.ok(!existsSync(program.dataDir));
});

test('check-config says what is in force, or everything that is wrong with exit 1', async t => {
  const program = makeProgram(t, '[ingress.relay]\npassword = "secret word of sixteen"\n');
  chmodSync(program.configFile, 0o600);
  const early = await program.run(['check-config']);
  assert.equal(early.stderr, `replyd: data_dir: ${program.dataDir} is not there yet: \`replyd init\` makes it\n`);
  await program.text(['init']);
  const fine = await program.run(['check-config']);
  assert.equal(fine.code, 0);
  assert.equal(fine.stderr, '');
  assert.match(fine.stdout, /^configuration +\/.*replyd\.toml$/m);
  assert.match(fine.stdout, /^ok$/m);
  const set = await program.run(['check-config'], { env: { REPLYD_LIMITS_MIN_FREE: '1MiB' } });
  const shown = set.stdout.replaceAll(program.folder, '/folder');
  assert.match(shown, /^data_dir +\/folder\/data$/m);
  assert.match(shown, /^ingress\.relay\.password +\(set\)$/m, 'every key that is set');
  assert.match(shown, /^limits\.min_free +1MiB \(REPLYD_LIMITS_MIN_FREE\)$/m);
  assert.match(shown, /^outbound\.transport +file \(default\)$/m);
  const json = await program.text(['check-config', '--json']);
  assert.ok(!json.includes('secret word'));

  writeFileSync(program.configFile, 'smtp.max_size = "huge"\nunknown = 1\n');
  const wrong = await program.run(['check-config']);
  assert.equal(wrong.code, 1);
  assert.equal(wrong.stdout, '');
  assert.match(
    wrong.stderr,
    /^replyd: 2 problems in the configuration:\n .*replyd\.toml:1: smtp\.max_size: .*\n .*:2: unknown: unknown key/,
  );

  writeFileSync(program.configFile, 'tls.certificate = "none.pem"\ntls.key = "none.key"\n');
  const certificate = await program.run(['check-config']);
  assert.equal(certificate.code, 1);
  assert.match(
    certificate.stderr,
    /^replyd: tls\.certificate: .*none\.pem: no such file or directory: name a PEM file that is there\ntls\.key: .*none\.key: no such file/,
  );

  rmSync(program.configFile);
  const missing = await program.run(['check-config']);
  assert.equal(missing.code, 1);
  assert.equal(missing.stderr, `replyd: ${program.configFile}: there is no such file; \`replyd init\` writes one\n`);
});

test('a store that is missing, older or newer is said, with what to do', async t => {
  const program = makeProgram(t);
  const missing = await program.run(['account', 'list']);
  assert.equal(missing.code, 1);
  assert.equal(
    missing.stderr,
    `replyd: there is no store in ${program.dataDir}: run \`replyd init\`, or start \`replyd serve\`\n`,
  );

  await program.text(['init']);
  const version = Number(/version (\d+)/.exec(await program.text(['migrate']))?.[1]);
  assert.deepEqual(await program.json(['migrate']), [{ version, applied: [] }]);

  setSchema(program.dataDir, version + 1);
  for (const verb of [['account', 'list'], ['migrate'], ['serve']]) {
    const newer = await program.run(verb);
    assert.equal(newer.code, 1, verb.join(' '));
    assert.match(
      newer.stderr,
      /written by a newer replyd\. Install that version again, or restore a backup/,
      verb.join(' '),
    );
  }
  rmSync(program.dataDir, { recursive: true });
  mkdirSync(program.dataDir, { mode: 0o700 });
  new Database(path.join(program.dataDir, 'replyd.db')).exec('create table t (a)').close();
  const older = await program.run(['account', 'list']);
  assert.equal(older.code, 1);
  assert.match(older.stderr, /^replyd: the store has schema 0, this program needs \d+: run `replyd migrate`/);
  assert.match(await program.text(['migrate']), /^applied 0001_initial\n/);
});
