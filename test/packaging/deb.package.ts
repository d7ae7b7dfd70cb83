/**
 * The Debian package in Debian systems of their own: built, installed, used, upgraded with the mail of before, removed and
 * purged; without systemd, and with systemd as process 1, which holds the sockets and runs the hardened service.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Conversation } from '#replyd/conversation/model.js';
import { sectionOf, shellLines } from '../documents.js';
import { eventually, runOk } from '../run.js';
import { putOlderStore, shownByOlderProgram } from '../upgrade/older-store.js';
import { withLogs } from '../with-logs.js';
import { type DebianRoot, missingRoot, openDebianRoot } from './debian-root.js';

const skip = missingRoot();
const folder = mkdtempSync(path.join(tmpdir(), 'rd-deb-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const OLDER = '0.0.9~test';
const packages = { older: '', present: '' };

before(async () => {
  if (skip) return;
  const build = async (words: readonly string[], compressor: string) => {
    const env = { ...process.env, DPKG_DEB_COMPRESSOR_TYPE: compressor };
    const all = ['--as-built', '--output', folder, ...words];
    return (await runOk('packaging/deb/build', all, { timeout: 240_000, env })).trim();
  };
  [packages.older, packages.present] = await Promise.all([build(['--version', OLDER], 'none'), build([], 'xz')]);
});

test('two builds have the same files, all of root, with the same modes and times', { skip }, async () => {
  const [older, present] = await Promise.all(
    [packages.older, packages.present].map(async file => {
      const lines = (await runOk('dpkg-deb', ['--contents', file])).trimEnd().split('\n');
      // It names the version.
      return lines.filter(line => !line.endsWith('/changelog.gz'));
    }),
  );
  assert.deepEqual(older, present);
  assert.ok(present!.length > 1000);
  assert.deepEqual(
    present!.filter(line => !/^(?:[d-]rw[x-]r-[x-]r-[x-]|lrwxrwxrwx) root\/root /.test(line)),
    [],
  );
});

/** Puts a package into the system, and gives the path that a newcomer types. */
function bring(root: DebianRoot, file: string): string {
  copyFileSync(file, path.join(root.folder, 'root', path.basename(file)));
  return `/root/${path.basename(file)}`;
}

/** A value of a unit, as the package installed it. */
function unitValue(root: DebianRoot, unit: string, key: string): string {
  const text = readFileSync(path.join(root.folder, 'usr/lib/systemd/system', unit), 'utf8');
  return new RegExp(`^${key}=(.*)$`, 'm').exec(text)![1]!;
}

/** The customer's mail server brings a mail to a conversation's address. */
async function mailTo(root: DebianRoot, address: string, text: string): Promise<void> {
  const from = 'maria@example.org';
  const mail = `From: ${from}\\nTo: ${address}\\nMessage-ID: <${randomUUID()}@example.org>\\n\\n${text}\\n`;
  await root.type(
    `printf '${mail}' | curl -sS smtp://127.0.0.1:2525 --crlf -T - --mail-from ${from} --mail-rcpt ${address}`,
  );
}

async function texts(root: DebianRoot, ref: string): Promise<readonly string[]> {
  const shown = JSON.parse(await root.type(`replyd conversation show ${ref} --json`)) as Required<Conversation>;
  return shown.messages.map(message => message.text);
}

async function replyAddress(root: DebianRoot, ref: string): Promise<string> {
  return (JSON.parse(await root.type(`replyd conversation show ${ref} --json`)) as Conversation).reply_to!;
}

/** What the doctor finds wrong; and each finding that asks for something says what to do, unless another one does. */
async function doctorFailures(root: DebianRoot): Promise<readonly string[]> {
  const { stdout } = await root.run('replyd', ['doctor', '--json']);
  const findings = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { check: string; state: string; advice: string | null });
  assert.ok(findings.length > 10, stdout);
  for (const { check, state, advice } of findings)
    assert.ok(state === 'ok' || advice !== null || check === 'probe mail', check);
  return findings.filter(({ state }) => state === 'failed').map(({ check }) => check);
}

describe('in a Debian without systemd', { skip, timeout: 280_000 }, () => {
  let root: DebianRoot;
  let files: readonly string[];
  before(async () => {
    root = await openDebianRoot('plain');
    files = await everyFile(root);
  });
  after(() => root?.close());

  test('it installs: user, configuration and store are there, nothing is red', async () => {
    await root.type(`apt-get install -y ${bring(root, packages.older)}`);
    assert.match(
      await root.type('getent passwd replyd'),
      /^replyd:x:\d{1,3}:\d+:.*:\/var\/lib\/replyd:\/usr\/sbin\/nologin$/m,
    );
    assert.equal(
      await root.type('stat -c "%a %U:%G" /etc/replyd/config.toml /var/lib/replyd'),
      '640 root:replyd\n700 replyd:replyd\n',
    );
    assert.match(await root.type('replyd check-config'), /\nok\n$/);
    assert.deepEqual(await doctorFailures(root), []);
    assert.equal(
      JSON.parse(await root.type('replyd --version --json')).node,
      readFileSync('node_modules/replyd-node/package.json', 'utf8').match(/"version": "(.*)"/)![1],
    );
    assert.equal(await root.type('dpkg --verify replyd'), '');
    const share = ['man/man1/replyd.1.gz', 'man/man5/replyd-config.5.gz', 'bash-completion/completions/replyd'];
    for (const file of [...share, 'zsh/vendor-completions/_replyd', 'fish/vendor_completions.d/replyd.fish']) {
      assert.match(await root.type(`dpkg -S /usr/share/${file}`), /^replyd: /);
    }
  });

  test('the command line of its unit runs the daemon, and a reply threads', async () => {
    await asDaemon(root, async () => {
      await root.type('replyd account add acme --domain reply.example.com --support-email support@example.com');
      await root.type(
        'replyd conversation start --account acme --contact maria@example.org --text "Where is my parcel?"',
      );
      await mailTo(root, await replyAddress(root, 'acme#1'), 'Thank you!');
      assert.deepEqual(await texts(root, 'acme#1'), ['Where is my parcel?', 'Thank you!']);
      assert.deepEqual(await doctorFailures(root), []);
    });
  });

  test('an upgrade keeps mail and configuration, and the next reply threads', async () => {
    const config = path.join(root.folder, 'etc/replyd/config.toml');
    const reference = path.join(root.folder, 'etc/replyd/config.example.toml');
    appendFileSync(config, '\nsmtp.hostname = "mx.example.com"   # ours\n');
    appendFileSync(reference, '#gone.key = 1\n');
    const [mine, mode] = [readFileSync(config, 'utf8'), statSync(config).mode];
    await root.type(`apt-get install -y ${bring(root, packages.present)}`);
    assert.deepEqual([readFileSync(config, 'utf8'), statSync(config).mode], [mine, mode]);
    assert.equal(readFileSync(reference, 'utf8'), readFileSync('config.example.toml', 'utf8'));
    await asDaemon(root, async () => {
      await mailTo(root, await replyAddress(root, 'acme#1'), 'It came.');
      assert.deepEqual(await texts(root, 'acme#1'), ['Where is my parcel?', 'Thank you!', 'It came.']);
    });
  });

  test('a store of an older program (schema 7) is carried over, and the next reply threads', async () => {
    const data = path.join(root.folder, 'var/lib/replyd');
    rmSync(data, { recursive: true });
    await putOlderStore('store', data);
    await root.type('chown -R replyd:replyd /var/lib/replyd');
    const [old] = Object.values(shownByOlderProgram().conversations) as unknown as Required<Conversation>[];
    await asDaemon(root, async () => {
      await mailTo(root, old!.reply_to!, 'Still here!');
      const now = await texts(root, old!.id);
      assert.deepEqual(now, [...old!.messages.map(message => message.text), 'Still here!']);
    });
  });

  test('an admin who took the configuration away keeps it so; one who broke it gets his upgrade', async () => {
    const config = path.join(root.folder, 'etc/replyd/config.toml');
    const text = readFileSync(config, 'utf8');
    for (const change of [() => rmSync(config), () => writeFileSync(config, 'smtp.listen = nonsense\n')]) {
      change();
      // What an upgrade runs, too.
      await root.type('dpkg-reconfigure replyd');
      assert.match(await root.type('dpkg -s replyd'), /^Status: install ok installed$/m);
    }
    assert.equal(readFileSync(config, 'utf8'), 'smtp.listen = nonsense\n');
    writeFileSync(config, text);
  });

  test('remove keeps data and configuration; purge leaves the user and what the admin added', async () => {
    writeFileSync(path.join(root.folder, 'etc/replyd/privkey.pem'), 'a key\n');
    await root.type('apt-get remove -y replyd');
    assert.equal((await root.run('sh', ['-c', 'command -v replyd'])).code, 127);
    await root.type(
      'test -s /etc/replyd/config.toml',
      'test -s /var/lib/replyd/replyd.db',
      'test ! -e /usr/lib/replyd',
    );
    await root.type('apt-get purge -y replyd');
    const left = (await everyFile(root)).filter(
      file => !files.includes(file) && !/^\/(?:root|var\/(?:lib\/dpkg|lib\/apt|cache|log))\//.test(file),
    );
    // adduser keeps a copy of each table that it changes.
    const copies = ['/etc/group-', '/etc/gshadow-', '/etc/passwd-', '/etc/shadow-'];
    assert.deepEqual(
      left.filter(file => !copies.includes(file)),
      ['/etc/replyd', '/etc/replyd/privkey.pem'],
    );
    assert.match(await root.type('getent passwd replyd'), /nologin/);
  });

  /** With the daemon running as the installed unit would start it; systemd's part is its user and its folder. */
  async function asDaemon(system: DebianRoot, work: () => Promise<void>): Promise<void> {
    const user = unitValue(system, 'replyd.service', 'User');
    const [program, ...args] = unitValue(system, 'replyd.service', 'ExecStart').split(' ');
    const daemon = system.start('setpriv', [
      `--reuid=${user}`,
      `--regid=${user}`,
      '--init-groups',
      '--',
      program!,
      ...args,
    ]);
    const ended = once(daemon, 'exit');
    let log = '';
    for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', chunk => (log += chunk));
    try {
      const isReady = async () => (await system.run('curl', ['-fsS', 'http://127.0.0.1:8025/readyz'])).code === 0;
      const early = ended.then(([code]) => assert.fail(`the daemon ended with ${code}`));
      early.catch(() => undefined);
      await withLogs({ replyd: () => log }, async () => {
        await Promise.race([eventually('the daemon is ready', isReady), early]);
        await work();
      });
    } finally {
      endChild(daemon);
      await ended;
    }
  }
});

/** Ends what nsenter started: nsenter itself passes no signal on. */
function endChild({ pid, exitCode }: ChildProcess): void {
  if (exitCode !== null) return;
  for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')) {
    process.kill(Number(child), 'SIGTERM');
  }
}

/** The files and folders of the system, but for what the kernel shows. */
async function everyFile(root: DebianRoot): Promise<readonly string[]> {
  return (await root.type('find / -xdev -not -path "/proc/*" -not -path "/tmp/*" -not -path "/run/*" | sort')).split(
    '\n',
  );
}

describe('in a Debian with systemd', { skip, timeout: 280_000 }, () => {
  let root: DebianRoot;
  before(async () => {
    root = await openDebianRoot('systemd');
  });
  after(() => root?.close());

  for (const [page, heading] of [
    ['README.md', 'From install to a reply in its thread'],
    ['docs/install.md', 'The Debian package'],
  ] as const) {
    test(`${page}: what root types leads to a threaded reply`, async t => {
      const [build, ...lines] = shellLines(sectionOf(page, heading));
      assert.equal(build, 'packaging/deb/build');
      bring(root, packages.older);
      const begun = performance.now();
      const typed = await root.type('cd /root', ...lines);
      t.diagnostic(`from apt-get install to the threaded reply: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      assert.match(typed, /\n3\. maria@example\.org\n {2}incoming, .* by smtp .*\n\n {2}Thank you!\n/);
      assert.match(typed, /✔ probe mail/, 'and the doctor was asked');
      assert.doesNotMatch(typed, /✘/);
      // For the next page; but what the last one leaves is used below.
      if (page === 'README.md') await root.type('apt-get purge -y replyd', 'rm /root/replyd_*');
    });
  }

  test('systemd runs the service and holds its sockets: a restart refuses no mail', async () => {
    const active = () => root.type('systemctl is-active replyd.service replyd-smtp.socket replyd-http.socket');
    assert.equal(await active(), 'active\nactive\nactive\n');
    assert.deepEqual(await doctorFailures(root), []);
    const address = await replyAddress(root, 'acme#1');
    const restarts = root.type('for round in 1 2 3; do systemctl restart replyd.service; done');
    let restarted = false;
    void restarts.finally(() => {
      restarted = true;
    });
    const taken: string[] = [];
    for (let round = 1; !restarted; round++) {
      const text = `Mail ${round}`;
      // A connection that ends early is tried again, as every mail server does.
      const fault = await mailTo(root, address, text).then(() => null, String);
      if (fault === null) taken.push(text);
      else assert.doesNotMatch(fault, /Failed to connect|refused/);
    }
    await restarts;
    const now = await texts(root, 'acme#1');
    assert.ok(taken.length > 0);
    assert.deepEqual(
      taken.filter(text => !now.includes(text)),
      [],
    );
    assert.equal(await active(), 'active\nactive\nactive\n');
  });

  test('an upgrade restarts the daemon, which has the mail of before', async () => {
    const pid = () => root.type('systemctl show -P MainPID replyd.service');
    const [before, old] = [await pid(), await texts(root, 'acme#1')];
    await root.type(`apt-get install -y ${bring(root, packages.present)}`);
    assert.notEqual(await pid(), before);
    await mailTo(root, await replyAddress(root, 'acme#1'), 'After the upgrade');
    assert.deepEqual(await texts(root, 'acme#1'), [...old, 'After the upgrade']);
    assert.deepEqual(await doctorFailures(root), []);
  });

  test('an admin who moves a door is followed by the units, and keeps them in an upgrade', async () => {
    const config = path.join(root.folder, 'etc/replyd/config.toml');
    appendFileSync(config, '\nsmtp.listen = ["[::]:25", "127.0.0.1:2525"]\n');
    await root.type('systemctl restart replyd.service');
    const told = (await root.type('replyd doctor')).replaceAll(/\s+/g, ' ');
    assert.match(told, /! port smtp \[::\]:25 is configured, but .* → .*`replyd systemd --sockets --output/);
    // A door that nothing opened so far.
    appendFileSync(config, 'lmtp.listen = ["unix:/run/replyd/lmtp.sock"]\n');
    await root.type(
      ...shellLines(sectionOf('docs/install.md', 'Listen elsewhere')),
      'curl -sS smtp://127.0.0.1:25 -X NOOP',
    );
    const found = await root.type('replyd doctor');
    assert.match(found, /^✔ port lmtp .*\/run\/replyd\/lmtp\.sock answers$/m);
    assert.doesNotMatch(found, /is configured, but/);
    await root.type(
      `apt-get install -y --reinstall /root/${path.basename(packages.present)}`,
      'curl -sS smtp://127.0.0.1:25 -X NOOP',
    );
    assert.doesNotMatch(await root.type('replyd doctor'), /is configured, but/);
    assert.deepEqual(await doctorFailures(root), []);
  });

  test('a daemon that cannot start does not break the upgrade', async () => {
    const config = path.join(root.folder, 'etc/replyd/config.toml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, `${text}\nno.such_key = 1\n`);
    await root.type('systemctl stop replyd.service', 'dpkg-reconfigure replyd');
    assert.match(await root.type('dpkg -s replyd'), /^Status: install ok installed$/m);
    assert.notEqual((await root.run('systemctl', ['is-active', 'replyd.service'])).stdout, 'active\n');
    assert.match((await root.run('replyd', ['doctor'])).stdout, /✘ config .*no\.such_key.*\n\s+→ correct it/s);
    writeFileSync(config, text);
    await root.type('systemctl reset-failed replyd.service', 'systemctl start replyd.service');
    assert.deepEqual(await doctorFailures(root), []);
  });

  test('remove ends it and its sockets, purge takes the data', async () => {
    await root.type('apt-get remove -y replyd');
    assert.match(
      (await root.run('systemctl', ['is-active', 'replyd.service', 'replyd-smtp.socket'])).stdout,
      /^inactive\ninactive\n$/,
    );
    assert.equal((await root.run('curl', ['-sS', 'smtp://127.0.0.1:2525'])).code, 7, 'nobody listens');
    await root.type('test -s /var/lib/replyd/replyd.db', 'apt-get purge -y replyd', 'test ! -e /var/lib/replyd');
  });
});
