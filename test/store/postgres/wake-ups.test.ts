/**
 * Wake-ups between nodes: what one commits the other hears without polling, which here is never. The connection that
 * listens is killed; behind a pooler there is none; and what anybody else sends makes nobody look more often than allowed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { createLog } from '#replyd/base/log.js';
import { renderMetrics } from '#replyd/base/metrics.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { poolerMissing, startPooler } from '../../postgres/pooler.js';
import { eventually } from '../../run.js';
import { RULES } from '../rules.js';

const NEVER = 3_600_000;
/** Milliseconds between two looks for which wake-ups are the reason (`assembled.ts`), less what a timer may come early. */
const WOKEN_AT_MOST_EVERY = 49;

describe('wake-ups on PostgreSQL', { skip: postgresMissing() ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  /** `node` false: a command. */
  interface Opened {
    readonly port?: number;
    readonly pollEvery?: number;
    readonly node?: boolean;
  }

  async function world(context: TestContext) {
    const database = await cluster.createStore();
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-wake-ups-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const lines: string[] = [];
    const log = createLog('debug', 'json', { write: line => lines.push(line) });
    const open = async (name: string, { port = cluster.port, pollEvery = NEVER, node = true }: Opened = {}) => {
      const facts = () => ({ id: name, name, version: '1', configuration: '' });
      const store = await openPostgres({
        servers: [{ host: '127.0.0.1', port, user: 'replyd', database }],
        dataDir: folder,
        rules: RULES,
        migrate: false,
        pollEvery,
        ...(node ? { node: { facts, log, every: NEVER } } : {}),
      });
      context.after(() => store.close());
      return store;
    };
    /** Processes of the server that listen. */
    const listening = async () =>
      (
        await cluster.sql(
          'postgres',
          `select pid from pg_stat_activity
           where datname = '${database}' and state = 'idle' and query in ('listen replyd', 'notify replyd')`,
        )
      ).map(({ pid }) => Number(pid));
    return { database, open, listening, lines };
  }

  type Node = Awaited<ReturnType<Awaited<ReturnType<typeof world>>['open']>>;

  /** What a node has heard of: it looks only when it is told that something changed. */
  function hearing(node: Node) {
    const heard = new Set<string>();
    node.onChange(async () => {
      const events = await node.events({ after: 'ev_00000000000', limit: 999 }).catch(() => []);
      for (const { conversation } of events) if (conversation !== null) heard.add(conversation.id);
    });
    return heard;
  }

  const addAccount = (node: Node) =>
    node.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });

  /** The first commits may be found when it begins to listen; those behind them only by a wake-up. */
  async function hears(heard: ReadonlySet<string>, from: Node): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      const { id } = await from.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
      await eventually('the other node hears it', () => heard.has(id), { every: 2 });
    }
  }

  test('each node hears at once what another one committed', async context => {
    const { open, listening } = await world(context);
    const [a, b] = [await open('a'), await open('b')];
    const [byA, byB] = [hearing(a), hearing(b)];
    await eventually('both listen', async () => (await listening()).length === 2);
    await addAccount(a);
    await hears(byB, a);
    await hears(byA, b);
    assert.match(renderMetrics(), /replyd_database_connections\{lane="listen"\} 1/);
    await b.close();
    await eventually('one is gone', async () => (await listening()).length === 1);
  });

  test('a connection that was killed comes back, again and again', async context => {
    const { open, listening } = await world(context);
    const [a, b] = [await open('a'), await open('b')];
    const byB = hearing(b);
    await eventually('both listen', async () => (await listening()).length === 2);
    await addAccount(a);
    for (let turn = 0; turn < 2; turn += 1) {
      const before = await listening();
      await cluster.sql('postgres', `select pg_terminate_backend(pid) from unnest(array[${before}]) as one(pid)`);
      await eventually('both listen again', async () => {
        const now = await listening();
        return now.length === 2 && !now.some(pid => before.includes(pid));
      });
      await hears(byB, a);
    }
  });

  test('what was committed before anybody could be told is told when it can be', async context => {
    const { open, listening } = await world(context);
    const a = await open('a');
    const byA = hearing(a);
    await eventually('it listens', async () => (await listening()).length === 1);
    // Commits at once, most likely before it has its connection for wake-ups.
    const b = await open('b');
    await addAccount(b);
    const { id } = await b.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
    await eventually('the other node hears it', () => byA.has(id), { every: 2 });
  });

  test('a command does not listen', async context => {
    const { open, listening } = await world(context);
    const [a, command] = [await open('a'), await open('', { node: false })];
    await eventually('the node listens', async () => (await listening()).length === 1);
    await addAccount(command);
    await command.accounts();
    assert.equal((await listening()).length, 1);
    assert.deepEqual((await a.accounts()).length, 1);
  });

  for (const mode of ['transaction', 'session'] as const)
    test(`behind a pooler by ${mode} polling stays, and nobody complains`, {
      skip: poolerMissing() ?? false,
    }, async context => {
      const { open, listening, lines } = await world(context);
      const { port, close } = await startPooler(cluster, mode);
      context.after(close);
      const a = await open('a', { port, pollEvery: 20 });
      // Of sessions the pooler has no more.
      const b = mode === 'session' ? await open('b') : await open('b', { port });
      await addAccount(b);
      await hears(hearing(a), b);
      assert.equal((await listening()).length, mode === 'session' ? 1 : 0);
      assert.deepEqual(lines, []);
    });

  test('what strangers send makes nobody look more often than allowed', async context => {
    const { database, open, listening } = await world(context);
    /** A look is read, and what is read is rolled back: nothing else is here. */
    const looks = async () => {
      const text = `select xact_rollback as count from pg_stat_database where datname = '${database}'`;
      return Number((await cluster.sql('postgres', text))[0]!.count);
    };
    const before = await looks();
    const began = performance.now();
    const node = await open('a');
    let changes = 0;
    node.onChange(() => {
      changes += 1;
    });
    await eventually('it listens', async () => (await listening()).length === 1);
    await eventually('it has looked', () => changes > 0);
    const stranger = new pg.Client({ connectionString: cluster.url(database), pipeline: true } as pg.ClientConfig);
    await stranger.connect();
    const texts = ['', '{"v":9e15}', "'; drop table event; --", '\u{1f4e7}'.repeat(1900), 'x'.repeat(7999)];
    const SENT = 5_000;
    const sent = Array.from({ length: SENT }, (_, index) =>
      stranger.query('select pg_notify($1, $2)', ['replyd', texts[index % texts.length]]),
    );
    await Promise.all(sent);
    await stranger.end();
    // It hears its own kind behind all of that, so it has heard all of that.
    const other = await open('b');
    await addAccount(other);
    await hears(hearing(node), other);
    const took = performance.now() - began;
    await node.close();
    await other.close();
    let counted = 0;
    await eventually('the server has counted', async () => {
      const now = (await looks()) - before;
      const same = now === counted && now > 0;
      counted = now;
      return same;
    });
    // Those of both nodes, the events that `hearing` reads for each change, and a look of each at its start.
    assert.ok(counted <= 2 * (took / WOKEN_AT_MOST_EVERY) + 20, `${counted} looks in ${took} ms`);
    assert.ok(changes < 20, `${changes} changes were told`);
  });
});
