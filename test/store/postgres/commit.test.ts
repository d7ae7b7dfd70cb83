/**
 * What a commit is worth: a refused call takes nothing of its batch with it; a commit that a standby did not confirm is no
 * commit, and nobody does its work again.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { eventually } from '../../run.js';
import { PATIENT, RULES } from '../rules.js';

describe('a commit on PostgreSQL', { skip: postgresMissing() ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster?.close());

  async function open(context: TestContext) {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-commit-'));
    const database = await cluster.createStore();
    const servers = [{ connectionString: cluster.url(database) }];
    // Nobody here waits so long: a server that waits for a standby is silent.
    const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: false, patience: PATIENT });
    context.after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const { id } = await store.startConversation({ account: 'acme', channel: 'line', contact: {}, via: 'api' });
    const say = (conversation: string, text: string) =>
      store.addMessage({ id: conversation }, { direction: 'note', text, via: 'api' });
    const texts = async () => (await store.messages({ id }, { after: 0, limit: 100 })).map(({ text }) => text);
    return { store, database, id, say, texts };
  }

  test('of many calls at once the refused are refused, all others are kept', async context => {
    const { id, say, texts } = await open(context);
    const missing = 'cv_0000000000z';
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, number) => say(number % 3 === 0 ? missing : id, `note ${number}`)),
    );
    for (const [number, result] of results.entries()) {
      if (number % 3 !== 0) assert.equal(result.status, 'fulfilled');
      else assert.ok(result.status === 'rejected' && isReplydError(result.reason, 'conversation_not_found'));
    }
    const kept = await texts();
    assert.equal(kept.length, 40);
    assert.equal(new Set(kept).size, 40);
  });

  for (const end of ['pg_cancel_backend', 'pg_terminate_backend'])
    test(`a commit that waits for its standby and is ended by ${end} is refused, and not done twice`, async context => {
      const { database, id, say, texts } = await open(context);
      const configure = async (text: string) => {
        await cluster.sql(database, text);
        await cluster.sql(database, 'select pg_reload_conf()');
      };
      await configure(`alter system set synchronous_standby_names = 'FIRST 1 (nobody)'`);
      try {
        await eventually('the setting is in force', async () => {
          const [row] = await cluster.sql(database, 'show synchronous_standby_names');
          return row?.synchronous_standby_names !== '';
        });
        const said = Promise.allSettled([say(id, 'one'), say(id, 'two')]);
        const ended = await eventually('the commit waits', async () => {
          const rows = await cluster.sql(
            database,
            `select ${end}(pid) from pg_stat_activity where wait_event = 'SyncRep' and datname = current_database()`,
          );
          return rows.length > 0;
        });
        assert.ok(ended);
        for (const result of await said)
          assert.ok(result.status === 'rejected' && isReplydError(result.reason, 'unavailable'));
      } finally {
        await configure('alter system reset synchronous_standby_names');
      }
      // It stands on this server all the same: whoever asks again finds it, or says it again.
      assert.deepEqual(await texts(), ['one', 'two']);
      await say(id, 'three');
      assert.deepEqual(await texts(), ['one', 'two', 'three']);
    });
});
