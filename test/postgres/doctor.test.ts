/** What `replyd doctor`, /readyz and the other verbs say of a database. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { insiderText, isAway } from '#replyd/base/errors.js';
import { checkNodes, databaseFindings } from '#replyd/cli/doctor/database-checks.js';
import type { PostgresAddress } from '#replyd/store/opener.js';
import { type DatabaseState, examineDatabase } from '#replyd/store/postgres/examine.js';
import { standbysDemanded } from '#replyd/store/postgres/standbys.js';
import { type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { postgresAddress } from '../engine.js';
import { type Cluster, postgresMissing, startCluster } from './cluster.js';
import { poolerMissing, startPooler } from './pooler.js';

const skip = postgresMissing() ?? false;
let cluster: Cluster;

if (skip === false) {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
}

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly text: string;
}

async function nodeOf(context: TestContext, url: string, settings: Settings = {}): Promise<DaemonProcess> {
  const daemon = await makeDaemon({ settings: { 'store.url': url, 'store.patience': '60s', ...settings } });
  context.after(() => daemon.close());
  return daemon;
}

async function doctor(
  daemon: DaemonProcess,
): Promise<{ code: number | null; found: (check: string) => Finding | undefined }> {
  const { code, stdout } = await daemon.cli(['doctor', '--json', '--resolver', '127.0.0.1:9']);
  const findings = stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Finding);
  return { code, found: check => findings.find(each => each.check === check) };
}

test('doctor tells what the database promises, and sends its probe through it', { skip }, async context => {
  const daemon = await nodeOf(context, cluster.url(await cluster.createDatabase()));
  const before = await doctor(daemon);
  assert.match(before.found('store')!.text, /the store has schema 0, this program needs \d+: run `replyd migrate`/);
  const init = await daemon.cli(['init']);
  assert.match(init.stdout, /^made {2}the store in postgres:\/\/replyd@127\.0\.0\.1:\d+\/test_\d+$/m);
  await daemon.start();
  const { found } = await doctor(daemon);
  const said = (check: string) => `${found(check)?.state} ${found(check)?.text}`;
  assert.match(said('database'), /^ok PostgreSQL \d+.* at 127\.0\.0\.1:\d+; fsync = on, synchronous_commit = on$/);
  assert.match(said('connection'), /^ok within this machine$/);
  assert.match(said('standbys'), /^ok none: a mail is safe when it is on the disk of this one server$/);
  assert.match(said('database clock'), /^ok differs from ours by 0\.\d s$/);
  assert.match(said('connections'), /^ok 11 of \d+ for this node/);
  assert.match(said('nodes'), /^ok \S+; version \d+\.\d+/);
  assert.equal(found('pooler'), undefined);
  assert.match(said('store'), /^ok schema fits; accounts: 0, conversations: 0$/);
  assert.match(said('probe mail'), /^ok stood in its conversation/);
});

test('fewer standbys than wanted: not ready, and doctor says what to set', { skip }, async context => {
  const daemon = await nodeOf(context, cluster.url(await cluster.createStore()), { 'store.standbys': 1 });
  await daemon.start();
  const ready = await fetch(`http://${daemon.listening.http}/readyz`);
  assert.deepEqual(await ready.json(), { status: 'not ready', reasons: ['fewer standbys than store.standbys'] });
  const { code, found } = await doctor(daemon);
  assert.equal(code, 1);
  assert.deepEqual(found('standbys'), {
    check: 'standbys',
    state: 'failed',
    text: 'a commit waits for 0, store.standbys wants 1: mails that were taken could be lost',
    advice: "set synchronous_standby_names of PostgreSQL, such as 'ANY 1 (*)'",
  });
});

test('a server whose commits can be lost is not used, by nobody', { skip }, async context => {
  const database = await cluster.createStore();
  await cluster.sql('postgres', `alter database ${database} set synchronous_commit = off`);
  const daemon = await nodeOf(context, cluster.url(database));
  const { code, found } = await doctor(daemon);
  assert.equal(code, 1);
  assert.match(found('database')!.text, /: synchronous_commit is off: what is committed could be lost; set it to on/);
  assert.equal(found('store'), undefined);
  const serve = await daemon.cli(['serve']);
  assert.deepEqual([serve.code, /synchronous_commit is off/.test(serve.stderr)], [1, true]);
});

test('a server that takes no writes is none, as for target_session_attrs=read-write', { skip }, async () => {
  const database = await cluster.createStore();
  await cluster.sql('postgres', `alter database ${database} set default_transaction_read_only = on`);
  const address = postgresAddress(cluster.url(database), '/nonexistent') as PostgresAddress;
  await assert.rejects(examineDatabase(address), error => {
    assert.match(insiderText(error), /this server takes no writes \(default_transaction_read_only is on\)/);
    // It is waited for: whoever freed its disk switches it off again.
    return isAway(error);
  });
});

test('a server that stops to answer is not waited for', { skip }, async () => {
  const database = await cluster.createStore();
  const address = postgresAddress(cluster.url(database), '/nonexistent', { patience: 2_000 }) as PostgresAddress;
  const blocker = new pg.Client({ connectionString: cluster.url(database) });
  await blocker.connect();
  try {
    await blocker.query('begin; lock table migration in access exclusive mode');
    await assert.rejects(examineDatabase(address), /the server gave no answer for 2 s|the database is away/);
  } finally {
    await blocker.end();
  }
});

test('commands need no folder of their own', { skip }, async context => {
  const url = cluster.url(await cluster.createStore());
  const daemon = await nodeOf(context, url, { data_dir: '/nonexistent/replyd' });
  assert.equal((await daemon.cli(['stats'])).code, 0);
  assert.equal((await daemon.cli(['account', 'list'])).code, 0);
  const { found } = await doctor(daemon);
  assert.equal(found('store')?.state, 'ok');
});

test('what is between shows', { skip }, async () => {
  const address = postgresAddress(cluster.url(await cluster.createStore()), '/nonexistent') as PostgresAddress;
  const { pooler, encrypted, standbys, standbysThere, schema } = await examineDatabase(address);
  assert.deepEqual(
    { pooler, encrypted, standbys, standbysThere, there: schema.store === schema.program },
    { pooler: 'none', encrypted: false, standbys: 0, standbysThere: 0, there: true },
  );
});

for (const mode of ['session', 'transaction'] as const) {
  test(`a pooler that pools by the ${mode}: doctor tells, and all works`, {
    skip: skip || (poolerMissing() ?? false),
  }, async context => {
    const pooler = await startPooler(cluster, mode);
    const daemon = await nodeOf(
      context,
      cluster.url(await cluster.createStore()).replace(`:${cluster.port}/`, `:${pooler.port}/`),
    );
    // Behind the daemon, which says goodbye to its database.
    context.after(() => pooler.close());
    await daemon.start();
    const { found } = await doctor(daemon);
    assert.equal(found('pooler')?.state, 'warning');
    assert.match(found('pooler')!.text, new RegExp(`a connection for each ${mode}`));
    assert.match(found('store')!.text, /^schema fits/);
    assert.match(found('probe mail')!.text, /^stood in its conversation/);
    assert.deepEqual(daemon.events('store_away'), []);
  });
}

test('how many standbys synchronous_standby_names demands', () => {
  const rows: readonly [names: string, demanded: number][] = [
    ['', 0],
    ['a', 1],
    ['*', 1],
    ['a, b', 1],
    ['2 (a, b, c)', 2],
    ['FIRST 2 (a, b)', 2],
    ['any 3 (*)', 3],
    [' ANY  1 ("first 2 (x)")', 1],
  ];
  for (const [names, demanded] of rows) assert.equal(standbysDemanded(names), demanded, names);
});

test('what is found is worth a warning, or worse', () => {
  const state: DatabaseState = {
    server: 'db.example:5432',
    version: '16.2',
    commits: 'on',
    encrypted: true,
    schema: { store: 1, least: 1, program: 1 },
    standbys: 1,
    standbysThere: null,
    ahead: 20,
    within: 3,
    connections: 97,
    pooler: 'none',
  };
  const address = postgresAddress('postgres://u@db.example/d?sslmode=require', '/d') as PostgresAddress;
  const worst = (change: Partial<DatabaseState>, url?: string) =>
    databaseFindings(
      { ...state, ...change },
      url === undefined ? address : (postgresAddress(url, '/d') as PostgresAddress),
    )
      .filter(finding => finding.state !== 'ok')
      .map(finding => `${finding.state} ${finding.check}`);
  assert.deepEqual(worst({}), ['warning connection'], 'nobody proved who it is');
  assert.deepEqual(worst({}, 'postgres://u@db.example/d?sslrootcert=system'), []);
  assert.deepEqual(worst({ encrypted: false, server: '/run/postgresql:5432' }), []);
  assert.deepEqual(worst({ server: '127.0.0.1:5432', standbysThere: 0 }), ['failed standbys']);
  assert.deepEqual(worst({ server: '::1:5432', ahead: -7000 }), ['failed database clock']);
  assert.deepEqual(worst({ server: 'localhost:5432', ahead: 6000, within: 1200 }), [], 'it may be the way there');
  assert.deepEqual(worst({ server: 'localhost:5432', connections: 11 }), ['warning connections']);
  assert.deepEqual(worst({ server: 'localhost:5432', pooler: 'transaction' }), ['warning pooler']);
});

test('nodes that were told something else are named, and those that are gone are not', () => {
  const node = (name: string, configuration: Readonly<Record<string, string>>, alive = true) => ({
    name,
    alive,
    place: 0,
    version: name === 'c' ? '2.1.0' : '2.0.0',
    configuration: JSON.stringify(configuration),
    startedAt: 0,
    seenAt: 0,
  });
  const ours = JSON.stringify({ 'retention.raw': 'aa', 'reply.prefix': 'bb' });
  const same = node('a', { 'retention.raw': 'aa', 'reply.prefix': 'bb' });
  const other = (alive: boolean) => node('b', { 'retention.raw': 'cc', 'reply.prefix': 'dd' }, alive);
  const told = (...nodes: readonly ReturnType<typeof node>[]) =>
    checkNodes(nodes, ours).map(finding => `${finding.state} ${finding.text}`);
  assert.deepEqual(told(), ['warning none works on this store']);
  assert.deepEqual(told(same, other(false)), ['ok a; version 2.0.0']);
  assert.deepEqual(told(same, other(true)), ['warning b has other values: retention.raw, reply.prefix']);
  assert.deepEqual(told(same, node('c', { 'reply.prefix': 'bb' })), ['ok a, c; version 2.0.0 and 2.1.0']);
});
