/** A store on PostgreSQL beside others that change tables under it, or hold rows and say nothing any more. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { connect } from '#replyd/store/postgres/connection.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { eventually } from '../../run.js';
import { PATIENT, RULES } from '../rules.js';

const missing = postgresMissing();

describe('a store on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  async function open(context: TestContext) {
    const database = await cluster.createStore();
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-beside-'));
    const servers = [{ connectionString: cluster.url(database) }];
    const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: false, patience: PATIENT });
    context.after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const contact = { email: 'carla@customer.example' };
    const { id } = await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'api' });
    return { store, servers, id, sql: (text: string) => cluster.sql(database, text) };
  }

  test('goes on when a newer program adds columns to tables that it reads and writes', async context => {
    const { store, id, sql } = await open(context);
    const work = async (text: string) => {
      await store.addMessage({ id }, { direction: 'outgoing', text, mail: 'now', agent: { name: 'Ann' }, via: 'api' });
      await store.setConversation({ id }, { subject: text });
      await store.setConversation({ id }, { status: 'open' });
      const { messages } = await store.conversation({ id });
      return messages!.map(message => message.text);
    };
    await work('one');
    await work('two');
    for (const table of ['account', 'contact', 'conversation', 'participant', 'message', 'delivery', 'event'])
      await sql(`alter table ${table} add column of_a_newer_program bigint`);
    assert.deepEqual(await work('three'), ['one', 'two', 'three']);
    assert.deepEqual(await work('four'), ['one', 'two', 'three', 'four']);
  });

  test('gets rows that a process holds which says nothing any more', async context => {
    const { store, servers, id } = await open(context);
    const silent = await connect(servers, 500);
    context.after(() => silent.close());
    await silent.query('begin');
    await silent.query('select * from conversation for update');
    await store.setConversation({ id }, { subject: 'Changed' });
    assert.equal((await store.conversation({ id })).subject, 'Changed');
  });

  test('waits behind nobody who waits for rows himself and whom nobody hears any more', async context => {
    const { servers, sql } = await open(context);
    const holder = new pg.Client(servers[0]);
    await holder.connect();
    context.after(() => holder.end());
    await holder.query('begin');
    await holder.query('select * from conversation for update');
    const silent = await connect(servers, 500);
    context.after(() => silent.close());
    const { backend } = silent;
    await assert.rejects(silent.query('select * from conversation for update'), /the database is away/);
    await eventually('the server waits no more for him', async () => {
      const [waiting] = await sql(`select from pg_stat_activity where pid = ${backend} and wait_event_type = 'Lock'`);
      return waiting === undefined;
    });
  });
});
