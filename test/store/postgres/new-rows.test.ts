/** New rows on PostgreSQL go out together, before whatever could see them or refer to them. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Connection, connect } from '#replyd/store/postgres/connection.js';
import { COLLECTED, newRows, tablesNeeded } from '#replyd/store/postgres/new-rows.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';

const missing = postgresMissing();

test('a statement needs the tables that it names', () => {
  const needed = (text: string) => {
    const tables = tablesNeeded(text);
    return tables === 'all' ? tables : [...tables].sort();
  };
  assert.deepEqual(needed('select * from conversation c join message m on m.conversation_key = c.key'), [
    'conversation',
    'message',
  ]);
  assert.deepEqual(needed('select v from sequencer'), []);
  // Its foreign keys may name new rows.
  assert.deepEqual(needed('update mail set blob_key = $1 where key = $2'), ['blob', 'mail']);
  // Rows of other tables go along.
  assert.equal(needed('delete from account where key = $1'), 'all');
  assert.equal(needed('insert into hook (key) select 1'), 'all');
  assert.equal(needed('with gone as (delete from mail returning key) select * from gone'), 'all');
});

describe('new rows on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  /** A connection in a transaction, and the statements that went out on it. */
  async function open(context: TestContext) {
    const database = await cluster.createStore();
    const connection = await connect([{ connectionString: cluster.url(database) }], 5000);
    context.after(() => connection.close());
    await connection.query('begin');
    const sent: string[] = [];
    const query = connection.query.bind(connection);
    connection.query = (...asked: Parameters<Connection['query']>) => {
      sent.push(asked[0]);
      return query(...asked);
    };
    const hashes = async () => {
      const { rows } = await query('select hash from thread_id order by ctid');
      return rows.map(row => (row as { hash: number }).hash);
    };
    return { connection, sent, rows: newRows(connection), hashes };
  }

  test('tables stand behind those that they refer to', async () => {
    const database = await cluster.createStore();
    const found = await cluster.sql(
      database,
      `select conrelid::regclass::text as "table", confrelid::regclass::text as parent from pg_constraint
       where contype = 'f' and conrelid <> confrelid`,
    );
    const tables = Object.keys(COLLECTED);
    for (const table of tables) {
      const parents = found.filter(each => each.table === table).map(each => each.parent as string);
      const collected = [...new Set(parents)].filter(parent => tables.includes(parent)).sort();
      assert.deepEqual([...COLLECTED[table]!].sort(), collected, table);
      for (const parent of collected) assert.ok(tables.indexOf(parent) < tables.indexOf(table), `${table}: ${parent}`);
    }
  });

  test('go out in their order, in a few statements', async context => {
    const { sent, rows, hashes } = await open(context);
    const numbers = Array.from({ length: 71 }, (_, index) => index);
    for (const hash of numbers) rows.add('thread_id', { hash, conversation_key: 1, of_message: 0 }, true);
    assert.equal(sent.length, 0);
    rows.send();
    assert.equal(sent.length, 5, '32 + 32 + 4 + 2 + 1');
    rows.send();
    assert.equal(sent.length, 5);
    assert.deepEqual(await hashes(), numbers);
  });

  test('a row that is there is kept, in the same statement too', async context => {
    const { rows, hashes } = await open(context);
    for (const hash of [7, 8, 7]) rows.add('thread_id', { hash, conversation_key: 1, of_message: 0 }, true);
    rows.send();
    assert.deepEqual(await hashes(), [7, 8]);
    assert.equal(await rows.addNow('thread_id', { hash: 8, conversation_key: 1, of_message: 0 }, true), 0);
  });

  test('go out behind those that they refer to, whichever came first', async context => {
    const { connection, sent, rows } = await open(context);
    const mail = { state: 'filed', mail_from: '', rcpt_to: '[]', size: 1, door: 'smtp', received_at: 1 };
    const blob = { sha256: Buffer.from('00', 'hex'), size: 1, data: Buffer.from('x'), created_at: 1, shared: 0 };
    rows.add('blob', { key: 1, ...blob }, false);
    rows.add('mail', { key: 2, blob_key: 1, ...mail }, false);
    rows.add('blob', { key: 3, ...blob }, false);
    rows.add('mail', { key: 4, blob_key: 3, reason: 'other columns', ...mail }, false);
    rows.before('select v from sequencer');
    assert.equal(sent.length, 0);
    rows.before('select * from mail');
    assert.deepEqual(
      sent.map(text => text.split(' ')[2]),
      ['blob', 'mail', 'mail'],
    );
    const found = await connection.query('select key, blob_key from mail order by key', [], 'arrays');
    assert.deepEqual(found.rows, [
      [2, 1],
      [4, 3],
    ]);
  });

  test('do not wait when they are many bytes', async context => {
    const { sent, rows } = await open(context);
    const data = Buffer.alloc(100_000);
    const sha256 = Buffer.from('00', 'hex');
    for (let key = 1; key <= 25; key += 1)
      rows.add('blob', { key, sha256, size: 100_000, data, created_at: 1, shared: 0 }, false);
    assert.deepEqual(
      sent.map(text => text.match(/\(\$/g)!.length),
      [8, 2, 1, 8, 2, 1],
    );
  });

  test('a fault of one is known before the commit', async context => {
    const { connection, rows } = await open(context);
    rows.add('token', { token: 'a', written: 'a', participant_key: 1, conversation_key: 1, created_at: 1 }, false);
    rows.send();
    assert.equal((await connection.query('commit')).tag, 'ROLLBACK');
    assert.equal((connection.takeFault() as { code?: string }).code, '23503');
  });
});
