/** `replyd check` finds on PostgreSQL what it finds on SQLite: the same store, the same damages, the same faults. */
import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import type { PostgresAddress } from '#replyd/store/opener.js';
import { postgresOpener } from '#replyd/store/postgres/opener.js';
import { newPostgresStore } from '#replyd/store/postgres/rows.js';
import { sqliteOpener } from '#replyd/store/sqlite/opener.js';
import { sqliteSource } from '#replyd/store/sqlite/rows.js';
import { CHECKS, type CheckResult } from '#replyd/store/upkeep/check.js';
import { moveStore } from '#replyd/store/upkeep/move.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { contentsOf, richStore, withStore } from '../upkeep/rich-store.js';

const missing = postgresMissing();

/** Each breaks another rule; with foreign keys off. */
const DAMAGES = [
  'update conversation set next_seq = next_seq + 1 where number = 1',
  'update conversation set next_event_seq = next_event_seq + 1 where number = 2',
  'update account set next_number = 1',
  'update sequencer set v = 1',
  'update blob set size = size + 1 where key = (select min(key) from blob)',
  'update blob set data = sha256 where key = (select max(key) from blob where data is not null)',
  'update token set conversation_key = conversation_key + 1 where token = (select min(token) from token)',
  'insert into thread_id (hash, conversation_key, of_message) values (1, 5, 0)',
  `insert into event (key, account_key, seq, type, created_at) values (7, 5, 1, 'lost', 1)`,
  `insert into delivery (key, kind, destination, order_key, account_key, recipient, state, created_at)
     values (7, 'mail', 'smarthost', '', 5, '', 'sent', 1)`,
  'delete from participant where key = (select max(key) from participant)',
  'delete from attachment where key = (select max(key) from attachment)',
];

async function faults(results: AsyncIterable<CheckResult>) {
  const found: Record<string, readonly string[]> = {};
  for await (const result of results) {
    found[result.check] = result.faults.map(({ state, thing, text }) => `${state} ${thing}: ${text}`).sort();
  }
  return found;
}

describe('replyd check on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  function openerAt(database: string) {
    const address = { kind: 'postgres', name: database, servers: [{ connectionString: cluster.url(database) }] };
    return postgresOpener({ ...address, dataDir: '/nowhere', patience: 10_000 } as unknown as PostgresAddress);
  }

  test('finds nothing in a whole store, and what SQLite finds in a damaged one', async context => {
    const dataDir = await richStore(context);
    const database = await cluster.createDatabase();
    const [from, to] = [sqliteSource(dataDir), await newPostgresStore([{ connectionString: cluster.url(database) }])];
    await moveStore(from, to, { name: 'elsewhere' });
    await to.close();
    await from.close();
    const failed = (found: Readonly<Record<string, readonly string[]>>) =>
      Object.entries(found).map(([check, lines]) => [check, lines.filter(line => line.startsWith('failed'))]);
    assert.deepEqual(
      failed(await faults(openerAt(database).check())),
      [...CHECKS, 'search'].map(check => [check, []]),
    );

    withStore(dataDir, db => {
      db.raw.pragma('foreign_keys = off');
      for (const text of DAMAGES) db.raw.exec(text);
    });
    const [lost] = contentsOf(dataDir).keys();
    unlinkSync(blobFile(dataDir, lost!));
    await cluster.sql(
      database,
      ['set session_replication_role = replica', ...DAMAGES, `delete from large_part where sha256 = '\\x${lost}'`].join(
        ';',
      ),
    );
    const same = (found: Readonly<Record<string, readonly string[]>>) => ({ ...found, files: null });
    const wanted = await faults(sqliteOpener(dataDir).check());
    const found = await faults(openerAt(database).check());
    assert.deepEqual(same(found), JSON.parse(JSON.stringify(same(wanted)).replaceAll('its file is', 'its content is')));
    for (const check of ['references', 'rows', 'order', 'contents']) assert.notEqual(found[check]!.length, 0, check);
  });

  test('tells of contents that no row names, and of an index that is not whole', async () => {
    const database = await cluster.createStore();
    const before = Date.now() - 48 * 60 * 60_000;
    await cluster.sql(
      database,
      `insert into large_content (sha256, size, touched_at) values ('\\x01', 1, ${before}), ('\\x02', 1, ${Date.now()})`,
    );
    assert.deepEqual((await faults(openerAt(database).check())).files, ['note 01: no row names this content']);
    await cluster.sql(
      database,
      `update pg_index set indisvalid = false where indexrelid = 'event_of_account'::regclass`,
    );
    assert.deepEqual(await faults(openerAt(database).check()), {
      database: [
        `failed ${database}: index event_of_account is not whole: \`reindex index event_of_account\` makes it again`,
      ],
    });
  });
});
