/** The network of the cluster tests, before a real PostgreSQL: a COMMIT whose answer is lost counts, a cut one is noticed. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { type Cluster, postgresMissing, startCluster } from '../postgres/cluster.js';
import { startProxy } from './proxy.js';

describe('a network that can break', { skip: postgresMissing() ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
    await cluster.sql('postgres', 'create table kept (value integer)');
  });
  after(() => cluster.close());

  async function open(context: TestContext) {
    const proxy = await startProxy(cluster.port);
    context.after(() => proxy.close());
    const connect = async () => {
      const client = new pg.Client({ host: '127.0.0.1', port: proxy.port, user: 'replyd', database: 'postgres' });
      client.on('error', () => {});
      await client.connect();
      context.after(() => client.end().catch(() => {}));
      return client;
    };
    return { proxy, connect, client: await connect() };
  }
  const kept = async () =>
    (await cluster.sql('postgres', 'select value from kept order by value')).map(row => row.value);

  for (const [how, value, commit] of [
    ['as a query', 1, { text: 'commit' }],
    ['as a prepared statement', 2, { name: 'c', text: 'COMMIT', values: [] }],
  ] as const) {
    test(`loses the answer to a COMMIT ${how}, which counts`, async context => {
      const { proxy, connect, client } = await open(context);
      const insert = async (inserted: number) => {
        await client.query('begin');
        await client.query('insert into kept values ($1)', [inserted]);
      };
      // The name is known by then.
      await insert(value * 10);
      await client.query({ ...commit, values: [] });
      const lost = proxy.loseCommit();
      await insert(value);
      await assert.rejects(client.query({ ...commit, values: [] }));
      await lost;
      assert.ok((await kept()).includes(value));
      const next = await connect();
      assert.equal((await next.query('commit')).command, 'COMMIT', 'the next one is answered');
    });
  }

  test('is cut, and takes nobody until it is open again', async context => {
    const { proxy, connect, client } = await open(context);
    const ended = new Promise(resolve => client.once('end', resolve));
    proxy.behave('cut');
    await ended;
    await assert.rejects(connect());
    proxy.behave('open');
    await (await connect()).query('select 1');
  });

  test('carries all in pieces when it is slow, and nothing when it is a hole', async context => {
    const { proxy, client } = await open(context);
    proxy.behave('slow');
    const text = 'x'.repeat(20_000);
    assert.deepEqual((await client.query('select $1::text as text', [text])).rows, [{ text }]);
    proxy.behave('hole');
    const asked = client.query('insert into kept values (99)');
    asked.catch(() => {});
    await cluster.sql('postgres', 'select pg_sleep(0.2)');
    assert.ok(!(await kept()).includes(99));
    proxy.behave('cut');
    await assert.rejects(asked);
  });
});
