/** The whole daemon while its database is away: at its start, in the middle of everything, and when it is back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { ApiKey } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, makeDaemon, startConversation } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import { withLogs } from '../with-logs.js';
import { type Cluster, postgresMissing, startCluster } from './cluster.js';

const skip = postgresMissing() ?? false;
/** It is trusted without one: here it may only be seen nowhere. */
const PASSWORD = 'hunter22';
let cluster: Cluster;

if (skip === false) {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
}

async function daemonOn(context: TestContext): Promise<DaemonProcess> {
  const url = cluster.url(await cluster.createStore()).replace('replyd@', `replyd:${PASSWORD}@`);
  const settings = { 'store.url': url, 'store.patience': '1s', 'continuity.delay': '0' };
  const daemon = await makeDaemon({ settings });
  context.after(() => daemon.close());
  return daemon;
}

/** Its whole command line and what it calls itself. */
function titles(pid: number): string {
  return ['cmdline', 'comm', 'status'].map(name => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('\n');
}

test('a daemon waits for its database at the start, says so, and goes on by itself', { skip }, async context => {
  const daemon = await daemonOn(context);
  await cluster.stop('fast');
  await withLogs({ replyd: () => daemon.log() }, async () => {
    const started = daemon.start();
    started.catch(() => undefined);
    await eventually('it says that it waits', () => daemon.events('store_away').length > 0);
    const [line] = daemon.events('store_away');
    assert.match(String(line!.error), /^cannot use PostgreSQL at 127\.0\.0\.1:\d+\/test_\d+: .*connection refused$/);
    const verb = await daemon.cli(['stats']);
    assert.equal(verb.code, 1);
    assert.match(
      verb.stderr,
      /^replyd: cannot use PostgreSQL at 127\.0\.0\.1:\d+\/test_\d+: .*connection refused: see that the server runs, .*\n$/,
    );
    await cluster.start();
    await started;
    assert.equal(daemon.events('store_away').length, 1, 'once');
    assert.equal(daemon.events('store_back').length, 1);
    assert.ok(!`${daemon.log()}${titles(daemon.pid)}`.includes(PASSWORD));
  });
});

test('a daemon that waits ends with 0 on SIGTERM', { skip }, async context => {
  const daemon = await daemonOn(context);
  await cluster.stop('fast');
  context.after(() => cluster.start());
  const started = assert.rejects(daemon.start(), /the daemon ended at its start: exit 0/);
  await eventually('it waits', () => daemon.events('store_away').length > 0);
  daemon.signal('SIGTERM');
  await started;
});

test('a database without the user, or one that is missing, ends the start with what is wrong', {
  skip,
}, async context => {
  const daemon = await daemonOn(context);
  const says = async (url: string, reason: RegExp) => {
    await daemon.configure({ 'store.url': url });
    const { code, stderr } = await daemon.cli(['serve']);
    assert.equal(code, 1);
    assert.match(stderr, reason);
    assert.ok(!stderr.includes(PASSWORD));
  };
  await says(cluster.url('nowhere').replace('replyd@', `replyd:${PASSWORD}@`), /database "nowhere" does not exist/);
  await says(cluster.url('postgres').replace('replyd@', `nobody:${PASSWORD}@`), /role "nobody" does not exist/);
});

test('while it is away all is answered as temporary, and afterwards all goes on', { skip }, async context => {
  const daemon = await daemonOn(context);
  await withLogs({ replyd: () => daemon.log() }, async () => {
    await daemon.start();
    await addAccount(daemon);
    const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
    const ask = (method: string, place: string, body?: unknown) =>
      fetch(`http://${daemon.listening.http}${place}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const { id, reply_to } = await startConversation(daemon);
    const messages = `/v1/conversations/${id}/messages`;
    const answer = (text: string) => ask('POST', messages, { direction: 'outgoing', text, mail: 'now' });
    const mail = (text: string) =>
      sendMail(daemon.smtp, {
        from: 'customer@customer.example',
        to: [reply_to],
        data: `From: customer@customer.example\nMessage-ID: <${text}@customer.example>\n\n${text}\n`,
      });
    const folder = path.join(daemon.dataFolder, 'sent');
    const sent = async () => (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.eml')).length;

    assert.equal((await mail('before')).data[0]!.code, 250);
    assert.equal((await answer('one')).status, 201);
    await eventually('the first answer is mailed', async () => (await sent()) === 1);

    await cluster.stop('immediate');
    const refused = await mail('during');
    assert.equal((refused.recipients[0]!.code === 250 ? refused.data : refused.recipients)[0]!.code, 451);
    const failed = await answer('never');
    assert.equal(failed.status, 503);
    const problem = await failed.text();
    assert.match(problem, /the database is away/);
    assert.ok(!/127\.0\.0\.1|hunter22|5432/.test(problem), problem);
    const ready = await fetch(`http://${daemon.listening.http}/readyz`);
    assert.deepEqual(
      [ready.status, await ready.json()],
      [503, { status: 'not ready', reasons: ['the store does not answer'] }],
    );
    assert.match(await figures(daemon), /^replyd_store_up 0$/m);
    assert.equal((await fetch(`http://${daemon.listening.http}/healthz`)).status, 200);
    // It is asked for all the while, by every part of the daemon: none of them spins or fills the log.
    const used = cpuTime(daemon.pid);
    const began = performance.now();
    const lines = daemon.log().length;
    for (let asked = 0; asked < 20; asked += 1) {
      assert.equal((await ask('GET', `/v1/conversations/${id}`)).status, 503);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    const busy = (cpuTime(daemon.pid) - used) / (performance.now() - began);
    assert.ok(busy < 0.75, `busy for ${Math.round(busy * 100)} % of the time`);
    const written = daemon
      .log()
      .slice(lines)
      .split('\n')
      .filter(line => /"level":"(?:warn|error)"/.test(line));
    assert.deepEqual(
      written.filter(line => !line.includes('"event":"rejected"')),
      [],
    );
    assert.ok(daemon.running);
    assert.equal(daemon.events('store_away').length, 1, 'once');

    await cluster.start();
    await eventually('it is ready', async () => (await fetch(`http://${daemon.listening.http}/readyz`)).status === 200);
    assert.match(await figures(daemon), /^replyd_store_up 1$/m);
    assert.equal((await mail('after')).data[0]!.code, 250);
    assert.equal((await answer('two')).status, 201);
    await eventually('the second answer is mailed', async () => (await sent()) === 2);
    assert.equal(daemon.events('store_back').length, 1);
    const { messages: all } = (await (await ask('GET', `/v1/conversations/${id}`)).json()) as {
      messages: readonly { text: string }[];
    };
    assert.deepEqual(
      all.map(each => each.text),
      ['Where is my parcel?', 'before', 'one', 'after', 'two'],
    );
    assert.ok(!daemon.log().includes(PASSWORD));

    await cluster.stop('immediate');
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null }, 'it ends without it too');
  });
});

async function figures(daemon: DaemonProcess): Promise<string> {
  return (await fetch(`http://${daemon.listening.http}/metrics`)).text();
}

/** Processor time that it used, milliseconds. */
function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
