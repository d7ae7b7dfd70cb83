import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { checkNode, checkPlaces, type Finding } from '#replyd/cli/doctor/checks.js';
import { loadConfig } from '#replyd/config/load.js';
import { addAccount, withDaemon } from '../../daemon-process.js';
import { eventually } from '../../run.js';
import { makeProgram, makeShop, unfitLines } from '../program.js';

function stateOf(findings: readonly Finding[], check: string): string | undefined {
  return findings.find(finding => finding.check === check)?.state;
}

test('versions of Node that get no fixes for long are told', () => {
  const PAIRS: readonly [node: string, library: string, state: Finding['state']][] = [
    ['22.23.3', '13.2.0', 'ok'],
    ['24.21.0', '13.2.0', 'ok'],
    ['25.9.0', '13.2.0', 'warning'],
    ['26.12.1', '13.2.0', 'ok'],
  ];
  for (const [node, library, state] of PAIRS) assert.equal(checkNode(node, library).state, state, `${node} ${library}`);
});

test('a running daemon is found well, a probe mail goes through and leaves nothing behind', async () => {
  await withDaemon({ settings: { 'lmtp.listen': ['127.0.0.1:0'] } }, async daemon => {
    await addAccount(daemon);
    const result = await daemon.cli(['doctor', '--json']);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const findings = result.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Finding);
    for (const check of [
      'config',
      'data directory',
      'free space',
      'daemon',
      'store',
      'port smtp',
      'port lmtp',
      'probe mail',
      'queue',
    ]) {
      assert.equal(stateOf(findings, check), 'ok', check);
    }
    assert.equal(stateOf(findings, 'outbound'), 'warning', 'mails go into files');
    assert.match(
      findings.find(finding => finding.check === 'probe mail')!.text,
      /^stood in its conversation after \d+ ms$/,
    );
    assert.deepEqual(
      (await daemon.jsonLines<{ slug: string }>(['account', 'list'])).map(account => account.slug),
      ['acme'],
    );
    assert.deepEqual(await daemon.jsonLines(['conversation', 'list']), []);
    const view = await daemon.cli(['doctor']);
    assert.match(view.stdout, /^✔ probe mail {6}stood in its conversation after \d+ ms$/m);
    assert.deepEqual(unfitLines(view.stdout.replaceAll(daemon.folder, '/folder')), []);
  });
});

test('doctor says which keys the running daemon does not have', async () => {
  await withDaemon({}, async daemon => {
    const inForce = async () => {
      const { stdout } = await daemon.cli(['doctor']);
      return stdout.match(/^! in force .*\n(?: {18}.*\n)+/gm) ?? [];
    };
    assert.deepEqual(await inForce(), []);
    await daemon.configure({
      'smtp.max_size': '1MiB',
      'ingress.relay.password': 'secret word of sixteen',
      'smtp.idle_timeout': '7s',
      'http.listen': '127.0.0.1:1',
    });
    const restart =
      '! in force        changed since the daemon read it: http.listen\n                  → restart the daemon\n';
    assert.deepEqual(await inForce(), [
      '! in force        changed since the daemon read it: smtp.max_size,\n' +
        '                  smtp.idle_timeout, ingress.relay.password\n                  → `systemctl reload replyd`, or SIGHUP to the daemon\n',
      restart,
    ]);
    daemon.signal('SIGHUP');
    await eventually('the reload is done', () => daemon.events('reloaded').length === 1);
    assert.deepEqual(await inForce(), [restart]);
  });
});

test('a place of the configuration at which the daemon does not listen is told, with the new units', () => {
  const PAIRS: readonly [listen: string, bound: readonly string[], told: readonly string[]][] = [
    ['127.0.0.1:2525', ['127.0.0.1:2525'], []],
    ['127.0.0.1:0', ['127.0.0.1:40123'], []],
    ['localhost:2525', ['[::1]:2525'], []],
    ['[0::1]:2525', ['[::1]:2525'], []],
    ['0.0.0.0:2525', ['127.0.0.1:2525'], ['0.0.0.0:2525 is configured, but the daemon listens at 127.0.0.1:2525']],
    ['[::]:25,127.0.0.1:2525', ['127.0.0.1:2525'], ['[::]:25 is configured, but the daemon listens at 127.0.0.1:2525']],
    ['[::]:25', [], ['[::]:25 is configured, but the daemon listens at nowhere']],
  ];
  for (const [listen, smtp, told] of PAIRS) {
    const env = { REPLYD_SMTP_LISTEN: listen, REPLYD_HTTP_LISTEN: '127.0.0.1:8025' };
    const { config } = loadConfig({ env, cwd: '/srv', readFile: () => null });
    const findings = [...checkPlaces(config, { smtp, lmtp: [], http: '127.0.0.1:8025' })];
    assert.deepEqual(
      findings.map(({ text }) => text),
      told,
      listen,
    );
    for (const { check, state, advice } of findings) {
      assert.deepEqual([check, state], ['port smtp', 'warning']);
      assert.match(advice!, /`replyd systemd --sockets --output/);
    }
  }
});

test('without a daemon it says so, and that nothing is wrong', async t => {
  const program = await makeShop(t);
  writeFileSync(
    program.configFile,
    'data_dir = "./data"\nsmtp.listen = ["127.0.0.1:0"]\nhttp.listen = "127.0.0.1:0"\n',
  );
  const result = await program.run(['doctor']);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.match(
    result.stdout,
    /^! daemon {10}does not run\n {18}→ start it: `systemctl start replyd`, or `replyd serve`$/m,
  );
  assert.match(result.stdout, /^! probe mail {6}not sent: no daemon is ready to take it$/m);
});

test('what is wrong ends with 1 and says what to do', async t => {
  const program = await makeShop(t);
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  writeFileSync(program.configFile, `data_dir = "./data"\nsmtp.listen = ["127.0.0.1:${port}"]\nhttp.listen = ""\n`);
  chmodSync(program.dataDir, 0o755);
  const busy = await program.run(['doctor', '--json']);
  assert.equal(busy.code, 1);
  const findings = busy.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Finding);
  assert.deepEqual(
    findings.find(finding => finding.check === 'port smtp'),
    {
      check: 'port smtp',
      state: 'failed',
      text: `127.0.0.1:${port}: the port is taken`,
      advice: `\`ss -ltnp sport = :${port}\` shows by whom; end it, or change the configuration`,
    },
  );
  assert.equal(findings.find(finding => finding.check === 'data directory')?.advice, `chmod 0700 ${program.dataDir}`);

  writeFileSync(program.configFile, 'smtp.max_size = "huge"\nunknown = 1\n');
  const wrong = await program.run(['doctor']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /^✘ config +2 problems in the configuration:\n/m);
  assert.match(wrong.stdout, /→ correct it; `replyd check-config` looks again$/m);
});

test('a missing store is said', async t => {
  const program = makeProgram(t);
  const result = await program.run(['doctor']);
  assert.equal(result.code, 1);
  assert.match(result.stdout, /^✘ data directory {2}there is no store in /m);
});
