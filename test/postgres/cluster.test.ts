/** The servers that other tests rely on: durable, private, gone with the test. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { eventually } from '../run.js';
import { type Cluster, postgresMissing, startCluster } from './cluster.js';

const missing = postgresMissing();

describe('a private PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ settings: { max_wal_senders: '3' } });
  });
  after(() => cluster.close());

  test('is durable, and has the settings that were asked for', async () => {
    for (const [name, value] of [
      ['fsync', 'on'],
      ['synchronous_commit', 'on'],
      ['full_page_writes', 'on'],
      ['max_wal_senders', '3'],
    ]) {
      assert.deepEqual(await cluster.sql('postgres', `select current_setting('${name}') as value`), [{ value }]);
    }
  });

  test('has standbys that follow it, and one of them takes its place', async () => {
    const name = await cluster.createDatabase();
    await cluster.sql(name, 'create table followed (value integer)');
    const standby = await cluster.addStandby('other');
    try {
      await cluster.sql(name, 'insert into followed values (7)');
      const read = () => standby.sql(name, 'select value from followed');
      await eventually('it follows', async () => (await read()).length === 1);
      await assert.rejects(standby.sql(name, 'insert into followed values (8)'), /read-only/);
      const rows = await cluster.sql(name, 'select application_name as name from pg_stat_replication');
      assert.deepEqual(rows, [{ name: 'other' }]);
      await standby.promote();
      await standby.sql(name, 'insert into followed values (9)');
      assert.deepEqual(await read(), [{ value: 7 }, { value: 9 }]);
    } finally {
      await standby.close();
    }
  });

  test('keeps what was committed when it is stopped at once, and comes back on its port', async () => {
    const { port } = cluster;
    const name = await cluster.createDatabase();
    await cluster.sql(name, 'create table kept (value integer); insert into kept values (7)');
    const client = new pg.Client({ connectionString: cluster.url(name) });
    await client.connect();
    const lost = once(client, 'error');
    await cluster.stop('immediate');
    await lost;
    assert.equal(cluster.pid, null);
    await cluster.start();
    assert.equal(cluster.port, port);
    assert.deepEqual(await cluster.sql(name, 'select value from kept'), [{ value: 7 }]);
  });

  test('gives stores with the schema, each its own', async () => {
    const [one, two] = [await cluster.createStore(), await cluster.createStore()];
    await cluster.sql(one, `insert into reply_prefix values ('reply')`);
    assert.deepEqual(await cluster.sql(two, 'select * from reply_prefix'), []);
    await cluster.dropDatabase(one);
    await assert.rejects(cluster.sql(one, 'select 1'), /does not exist/);
  });

  test('ends with a test that is killed', async () => {
    const script = `
      import { startCluster } from ${JSON.stringify(new URL('./cluster.js', import.meta.url).href)};
      const cluster = await startCluster();
      process.stdout.write(JSON.stringify([cluster.pid, cluster.folder]));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', chunk => {
      said += chunk;
    });
    const [pid, folder] = await eventually(
      'the other test says its server',
      () => said !== '' && (JSON.parse(said) as [number, string]),
    );
    child.kill('SIGKILL');
    await eventually('its server is gone', () => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
    rmSync(folder, { recursive: true, force: true });
  });
});
