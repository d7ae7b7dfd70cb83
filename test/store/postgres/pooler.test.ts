/** Behind pgbouncer, which gives each transaction another connection of the server: nothing is lost, and nobody notices. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { postgresMissing, startCluster } from '../../postgres/cluster.js';
import { poolerMissing, startPooler } from '../../postgres/pooler.js';
import { destinationOf, filing, reading } from '../contract.js';
import { PATIENT, RULES } from '../rules.js';

const missing = postgresMissing() ?? poolerMissing();
const MAILS = 300;

for (const mode of ['session', 'transaction'] as const)
  test(`two nodes behind pgbouncer, pooling by ${mode}`, { skip: missing ?? false }, async (context: TestContext) => {
    const cluster = await startCluster();
    context.after(() => cluster.close());
    const database = await cluster.createStore();
    const pooler = await startPooler(cluster, mode);
    context.after(() => pooler.close());
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-pooler-'));
    context.after(() => rmSync(dataDir, { recursive: true, force: true }));
    const servers = [{ host: '127.0.0.1', port: pooler.port, user: 'replyd', database }];
    const open = async () => {
      const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: true, patience: PATIENT });
      context.after(() => store.close());
      return store;
    };
    // Both together open no more connections than the pooler has in its session mode.
    const nodes = mode === 'session' ? [await open()] : [await open(), await open()];
    const [first] = nodes as [Awaited<ReturnType<typeof open>>];
    await first.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const { id, reply_to } = await first.startConversation({
      account: 'acme',
      channel: 'web_widget',
      contact: { email: 'carla@customer.example' },
      text: 'Hi',
      via: 'api',
    });
    await Promise.all(
      Array.from({ length: MAILS }, async (_, number) => {
        const store = nodes[number % nodes.length]!;
        const destination = await destinationOf(store, reply_to!);
        const [filed] = await store.file(filing([destination], reading({ text: `mail ${number}` })));
        assert.equal(filed?.kind, 'filed');
      }),
    );
    const seqs: number[] = [];
    for (let after = 0; ; ) {
      const page = await first.messages({ id }, { after, limit: 100 });
      if (page.length === 0) break;
      seqs.push(...page.map(message => message.seq));
      after = seqs.at(-1)!;
    }
    assert.deepEqual(
      seqs,
      Array.from({ length: MAILS + 1 }, (_, index) => index + 1),
    );
  });
