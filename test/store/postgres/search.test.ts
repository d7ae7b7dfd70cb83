/** The search on PostgreSQL: its contract, and several nodes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { RULES } from '../rules.js';
import { addAccount, filled, searchContract, start } from '../search-contract.js';

const missing = postgresMissing();
let cluster: Cluster;

async function open(context: TestContext, options: { readonly database?: string; readonly node?: string } = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-search-'));
  const database = options.database ?? (await cluster.createStore());
  const { node } = options;
  const store = await openPostgres({
    servers: [{ connectionString: cluster.url(database) }],
    dataDir,
    rules: RULES,
    migrate: false,
    ...(node === undefined
      ? {}
      : {
          node: { facts: () => ({ id: node.repeat(32).slice(0, 32), name: node, version: '1', configuration: '{}' }) },
        }),
  });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const wordsLike = async (...parts: readonly string[]) => {
    const rows = await cluster.sql(database, 'select distinct unnest(tsvector_to_array(words)) as word from search');
    const words = rows.map(row => row.word as string);
    return words.filter(word => parts.some(part => word.includes(part)) && !/\.f:/.test(word));
  };
  return { store, wordsLike, database };
}

if (missing !== null) test('the search on PostgreSQL', { skip: missing }, () => undefined);
else {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  searchContract('postgres', open);

  test('one of two nodes fills, both find, and the other goes on when it leaves', async context => {
    const { store: one, database } = await open(context, { node: 'a' });
    const { store: two } = await open(context, { node: 'b', database });
    await addAccount(one);
    await start(one, 'Palimpsest');
    await filled(one);
    assert.equal((await two.search({ text: 'palimpsest', limit: 5 })).hits.length, 1);
    await start(two, 'Quintessence');
    assert.equal((await two.fillSearch()).count, 0, 'the other one leads');
    await one.close();
    await filled(two);
    assert.equal((await two.search({ text: 'quintessence', limit: 5 })).hits.length, 1);
  });

  test('removing beside filling leaves no word', async context => {
    const { store, wordsLike } = await open(context);
    await addAccount(store);
    for (let round = 0; round < 5; round += 1) {
      const ids: string[] = [];
      for (let count = 0; count < 40; count += 1) ids.push((await start(store, `vanishing ${count}`)).id);
      await Promise.all([filled(store), ...ids.map(id => store.removeConversation({ id }))]);
    }
    await filled(store);
    assert.deepEqual(await wordsLike('vanishing'), []);
  });
}
