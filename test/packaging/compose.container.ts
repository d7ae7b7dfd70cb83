/**
 * `packaging/container`, built and run by podman: replyd with a read-only root and no capability, and Postfix in front of it.
 * No registry is asked for the base images: they are made of the Debian system that `.ci/install-debian-root` keeps, for the
 * build with the pinned Node and this machine's npm.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { Conversation } from '#replyd/conversation/model.js';
import { missingPrograms } from '../missing-programs.js';
import { eventually, freePorts, run, runOk } from '../run.js';
import { archiveOf, missingRoot } from './debian-root.js';

const skip = missingRoot() || (await missingPrograms('podman', 'podman-compose', 'runc'));
const folder = mkdtempSync(path.join(tmpdir(), 'rd-container-'));
const [smtpPort, apiPort] = await freePorts(2);
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/.test(name))),
  CONTAINERS_CONF: path.join(folder, 'containers.conf'),
  CONTAINERS_STORAGE_CONF: path.join(folder, 'storage.conf'),
  // Its own format of images has no HEALTHCHECK.
  BUILDAH_FORMAT: 'docker',
  BASE_IMAGE: 'localhost/base:test',
  BUILD_IMAGE: 'localhost/build:test',
  INBOUND_DOMAIN: 'reply.example.com',
  MAIL_NAME: 'mx.example.com',
  SMTP_PORT: String(smtpPort),
  API_PORT: String(apiPort),
};
const COMPOSE = ['-p', 'replydtest', '-f', path.resolve('packaging/container/compose.yaml')];
const podman = (...args: string[]) => runOk('podman', args, { env, timeout: 240_000 });
const compose = (...args: string[]) => run('podman-compose', [...COMPOSE, ...args], { env, timeout: 400_000 });
const replyd = (...args: string[]) => podman('exec', 'replydtest_replyd_1', 'replyd', ...args);

after(async () => {
  if (!skip) {
    await compose('down', '-v');
    await run('podman', ['system', 'reset', '--force'], { env, timeout: 60_000 });
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Images of one's own in a storage of its own: those of the machine stay as they are. */
async function makeBaseImages(): Promise<void> {
  writeFileSync(
    env.CONTAINERS_CONF,
    '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n',
  );
  const places = `graphroot = "${folder}/storage"\nrunroot = "${folder}/run"\n`;
  writeFileSync(env.CONTAINERS_STORAGE_CONF, `[storage]\ndriver = "overlay"\n${places}`);
  await podman('import', '--quiet', archiveOf('plain'), env.BASE_IMAGE);
  const context = path.join(folder, 'build');
  mkdirSync(context);
  const npm = (await runOk('sh', ['-c', 'readlink -f "$(command -v npm)"'])).trim();
  cpSync(path.dirname(path.dirname(npm)), path.join(context, 'npm'), { recursive: true });
  cpSync(process.execPath, path.join(context, 'node'));
  const lines = ['FROM localhost/base:test', 'COPY node /usr/local/bin/node', 'COPY npm /usr/local/lib/npm'];
  lines.push('RUN ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm');
  // Where the way to the registry has a certificate of its own.
  const authorities = process.env.NODE_EXTRA_CA_CERTS;
  if (authorities !== undefined && existsSync(authorities)) {
    cpSync(authorities, path.join(context, 'authorities.crt'));
    lines.push('COPY authorities.crt /etc/authorities.crt', 'ENV NODE_EXTRA_CA_CERTS=/etc/authorities.crt');
  }
  writeFileSync(path.join(context, 'Containerfile'), `${lines.join('\n')}\n`);
  await podman('build', '--quiet', '--tag', env.BUILD_IMAGE, context);
}

/** What curl says at the port that Postfix has for the world: its exit code, and the reply when it refused. */
async function mailTo(address: string): Promise<string> {
  const words = ['-sS', `smtp://127.0.0.1:${smtpPort}`, '--crlf', '--upload-file', '-'];
  const input = `From: maria@example.org\nTo: ${address}\nSubject: Re: parcel\n\nThank you!\n`;
  const sent = await run('curl', [...words, '--mail-from', 'maria@example.org', '--mail-rcpt', address], { input });
  return sent.code === 0 ? 'taken' : sent.stderr.trim();
}

async function shown(): Promise<Required<Conversation>> {
  return JSON.parse(await replyd('conversation', 'show', 'acme#1', '--json'));
}

test('compose.yaml: Postfix takes the reply and replyd threads it', { skip, timeout: 600_000 }, async t => {
  await makeBaseImages();
  const up = await compose('up', '--build', '--detach');
  const state = async () => `${up.stdout}${up.stderr}\n${(await run('podman', ['ps', '-a'], { env })).stdout}`;
  await eventually('replyd is ready', async () => (await fetch(`http://127.0.0.1:${apiPort}/readyz`)).ok, {
    within: 30_000,
  }).catch(async error => assert.fail(`${error}\n${await state()}`));

  await t.test('as a user of its own, with a root that nobody writes, and healthy', async () => {
    const inside = (script: string) => run('podman', ['exec', 'replydtest_replyd_1', 'sh', '-c', script], { env });
    assert.match((await inside('id')).stdout, /^uid=990\(replyd\)/);
    assert.match((await inside('grep CapEff /proc/1/status')).stdout, /\t0{16}$/m);
    assert.match((await inside('touch /usr/lib/replyd/x')).stderr, /Read-only file system/);
    await podman('healthcheck', 'run', 'replydtest_replyd_1');
  });

  await t.test('the circle: out by Postfix, back by Postfix, and only for those who may', async () => {
    await replyd('account', 'add', 'acme', '--domain', 'reply.example.com', '--support-email', 'support@example.com');
    await replyd('conversation', 'start', '--account', 'acme', '--contact', 'maria@example.org', '--text', 'Where?');
    await replyd('conversation', 'reply', 'acme#1', '--text', 'On its way.');
    const { reply_to } = await shown();
    // Postfix asks replyd, and waits for the answer while curl does.
    await eventually('Postfix takes the reply', async () => (await mailTo(reply_to!)) === 'taken');
    await eventually('it is threaded', async () => (await shown()).messages.some(({ text }) => text === 'Thank you!'));
    assert.match(await mailTo(`reply+${'0'.repeat(32)}@reply.example.com`), /550/);
    assert.match(await mailTo('somebody@else.example'), /554/, 'no open relay');
    const logs = async () => (await run('podman', ['logs', 'replydtest_postfix_1'], { env })).stdout;
    await eventually('the answer left by Postfix', async () => /to=<maria@example\.org>/.test(await logs()));
    const doctor = await run('podman', ['exec', 'replydtest_replyd_1', 'replyd', 'doctor'], { env });
    assert.match(doctor.stdout, /✔ smarthost/);
    assert.doesNotMatch(doctor.stdout, /✘/);
  });

  await t.test('a stop is graceful, and the volume keeps the store', async () => {
    await podman('stop', '--time', '40', 'replydtest_replyd_1');
    const ended = await podman('inspect', '--format', '{{.State.ExitCode}}', 'replydtest_replyd_1');
    assert.equal(ended.trim(), '0');
    await podman('start', 'replydtest_replyd_1');
    await eventually('it is ready again', async () => (await fetch(`http://127.0.0.1:${apiPort}/readyz`)).ok);
    assert.ok((await shown()).messages.some(({ text }) => text === 'Thank you!'));
  });
});
