/**
 * Several nodes on one store: each has a place, a frozen one loses its leases and never what another did meanwhile, and
 * housekeeping is done by one of them. A node is frozen by moving its row back in time: nobody waits for a clock.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { createLog } from '#replyd/base/log.js';
import { NODE_PLACES } from '#replyd/store/ids.js';
import { nodeId } from '#replyd/store/postgres/node.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { eventually } from '../../run.js';
import { sha256 } from '../contract.js';
import { PATIENT, RULES } from '../rules.js';

const missing = postgresMissing();

describe('nodes on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  /** `every`: so often a node says that it is alive, milliseconds; without it never again by itself. */
  async function world(context: TestContext) {
    const database = await cluster.createStore();
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-nodes-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const sql = (text: string) => cluster.sql(database, text);
    let configuration: string | null = null;
    const reload = (now: string) => {
      configuration = now;
    };
    const open = async (name: string, { every = 3_600_000, judgesAfter = 0 } = {}) => {
      const lines: string[] = [];
      const log = createLog('info', 'json', { write: line => lines.push(line) });
      const facts = () => ({ id: name, name, version: '1', configuration: configuration ?? `of ${name}` });
      const store = await openPostgres({
        servers: [{ connectionString: cluster.url(database) }],
        dataDir: folder,
        rules: { ...RULES, delay: 0 },
        migrate: false,
        patience: PATIENT,
        node: { facts, log, every, judgesAfter },
      });
      context.after(() => store.close());
      return { store, lines };
    };
    const freeze = (name: string) => sql(`update node set seen_at = seen_at - 91000 where name = '${name}'`);
    return { open, sql, freeze, reload };
  }

  type Node = Awaited<ReturnType<Awaited<ReturnType<typeof world>>['open']>>['store'];

  /** So many mails wait, composed, each for somebody else. */
  async function mails(store: Node, count: number): Promise<void> {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    for (let index = 0; index < count; index += 1) {
      const contact = { email: `c${index}@customer.example` };
      const { id } = await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'api' });
      await store.addMessage({ id }, { direction: 'outgoing', text: 'Hi', mail: 'now', via: 'api' });
      const now = Date.now() + 1000;
      const found = (await store.composeSnapshot(id, { now, context: 0 }))!;
      const mailId = store.mintMailId();
      const raw = Buffer.from(`mail ${index}`);
      const composed = await store.saveComposed({
        mailId,
        conversationId: id,
        messageId: `${mailId}@reply.example.com`,
        subject: 'Hi',
        messageIds: found.unmailed.map(message => message.id),
        inReplyTo: null,
        references: [],
        raw: { sha256: sha256(String(raw)), size: raw.length, bytes: raw },
        copies: found.copies.map(({ deliveryId }) => ({ deliveryId, head: '', mailFrom: 'b@reply.example.com' })),
      });
      assert.ok(composed);
    }
  }

  const lease = (store: Node, limit = 10) => store.lease('smarthost', { now: Date.now() + 1000, limit });
  const SENT = { kind: 'sent', response: '250 ok' } as const;
  const options = () => ({ now: Date.now(), retryAt: null });

  test('one understands the cursors of the other', async context => {
    const { open } = await world(context);
    const keys = await Promise.all((await Promise.all([open('a'), open('b')])).map(({ store }) => store.cursorKey()));
    assert.equal(keys[0]!.length, 32);
    assert.deepEqual(keys[0], keys[1]);
  });

  test('each has a place of its own, and the same again after a restart', async context => {
    const { open, sql } = await world(context);
    const [a, b] = [await open('a'), await open('b')];
    const states = await a.store.nodes();
    assert.deepEqual(
      states.map(({ place, name, alive, configuration }) => ({ place, name, alive, configuration })),
      [
        { place: 0, name: 'a', alive: true, configuration: 'of a' },
        { place: 1, name: 'b', alive: true, configuration: 'of b' },
      ],
    );
    await a.store.close();
    assert.deepEqual(
      (await b.store.nodes()).map(({ name, alive }) => [name, alive]),
      [
        ['a', false],
        ['b', true],
      ],
    );
    const c = await open('c');
    const again = await open('a');
    assert.deepEqual(
      (await again.store.nodes()).map(({ place, name, alive }) => [place, name, alive]),
      [
        [0, 'a', true],
        [1, 'b', true],
        [2, 'c', true],
      ],
    );
    await sql(`insert into node (place, id, run, name, version, configuration, started_at, seen_at)
      select place, 'x' || place, 0, 'x', '', '', 0, 9e15 from generate_series(3, ${NODE_PLACES - 1}) as place`);
    await assert.rejects(open('d'), error => isReplydError(error, 'unavailable') && /64 nodes/.test(error.message));
    await c.store.close();
    await open('d');
    assert.equal((await b.store.nodes()).find(each => each.name === 'd')?.place, 2, 'that of one that went away');
  });

  test('nodes that start at the same moment have places of their own', async context => {
    const { open, freeze, sql } = await world(context);
    const stores = await Promise.all(['a', 'b', 'c', 'd'].map(async name => (await open(name)).store));
    const places = async () => (await stores[0]!.nodes()).map(({ place, name }) => `${place} ${name}`);
    assert.deepEqual((await places()).map(each => each[0]).sort(), ['0', '1', '2', '3']);
    await sql(`insert into node (place, id, run, name, version, configuration, started_at, seen_at)
      select place, 'x' || place, 0, 'x', '', '', 0, 9e15 from generate_series(4, ${NODE_PLACES - 1}) as place`);
    await freeze('a');
    const next = await Promise.allSettled(['e', 'f'].map(name => open(name)));
    assert.deepEqual(next.map(each => each.status).sort(), ['fulfilled', 'rejected'], 'one place was free');
  });

  test('a restart frees what the node itself had leased, and nothing of others', async context => {
    const { open, sql } = await world(context);
    const [a, b] = [(await open('a')).store, (await open('b')).store];
    await mails(a, 3);
    const [ofA, ofB] = [await lease(a, 1), await lease(b, 1)];
    assert.deepEqual([ofA.length, ofB.length], [1, 1]);
    assert.equal(await a.voidLost('smarthost', ofA), 0, 'it holds its own, and the other is not its own');
    // It was killed: nobody said that it leaves.
    const again = (await open('a')).store;
    assert.equal(await again.voidLeases(), 0, 'free already');
    const rows = await sql("select leased_by, count(*) as n from delivery where state = 'leased' group by leased_by");
    assert.deepEqual(rows, [{ leased_by: '1', n: '1' }]);
    assert.equal(await b.settle(ofB[0]!.deliveryId, SENT, { ...options(), lease: ofB[0]!.lease }), true);
    // What the old process still says counts until another has it.
    assert.deepEqual(
      (await lease(again)).map(parcel => parcel.attempt),
      [2, 1],
    );
    assert.equal(await a.settle(ofA[0]!.deliveryId, SENT, { ...options(), lease: ofA[0]!.lease }), false);
  });

  test('a node that is frozen beyond its leases: others go on with them, and what it says then does not count', async context => {
    const { open, freeze, sql } = await world(context);
    const frozen = await open('frozen');
    const other = await open('other', { every: 20 });
    await mails(other.store, 3);
    const [one, two, three] = await lease(frozen.store);
    assert.deepEqual(await lease(other.store), [], 'they are leased');
    await freeze('frozen');
    await eventually(
      'its leases end',
      async () => (await sql("select 1 from delivery where state = 'leased'")).length === 0,
    );
    assert.match(other.lines.join(), /"leases_ended".*"count":3/);
    const again = await lease(other.store, 2);
    assert.deepEqual(
      again.map(parcel => [parcel.deliveryId, parcel.attempt]),
      [
        [one!.deliveryId, 2],
        [two!.deliveryId, 2],
      ],
    );
    assert.equal(await other.store.settle(one!.deliveryId, SENT, { ...options(), lease: again[0]!.lease }), true);
    // It wakes.
    const failed = { kind: 'failed', response: '550 no', suspend: true, refusedByPolicy: false } as const;
    for (const { deliveryId, lease: had } of [one!, two!, three!])
      assert.equal(await frozen.store.settle(deliveryId, failed, { ...options(), lease: had }), false);
    await frozen.store.release([two!]);
    assert.deepEqual(
      (await sql('select state, attempts from delivery order by key')).map(row => [row.state, Number(row.attempts)]),
      [
        ['sent', 1 + 1],
        ['leased', 2],
        ['deferred', 1],
      ],
    );
    assert.deepEqual(await lease(frozen.store), [], 'nothing before it is alive again');
    assert.equal(await other.store.settle(two!.deliveryId, SENT, { ...options(), lease: again[1]!.lease }), true);
  });

  test('a node that was not heard itself for a while takes nobody for dead', async context => {
    const { open, freeze, sql } = await world(context);
    const silent = await open('silent');
    await mails(silent.store, 1);
    const [parcel] = await lease(silent.store);
    await freeze('silent');
    const seen = async () => (await sql("select seen_at from node where name = 'back'"))[0]?.seen_at;
    const back = await open('back', { every: 20, judgesAfter: 3_600_000 });
    for (let beats = 0; beats < 3; beats += 1) {
      const before = await seen();
      await eventually('a heartbeat', async () => (await seen()) !== before, { every: 5 });
    }
    assert.deepEqual(await lease(back.store), []);
    const options = { now: Date.now(), retryAt: null, lease: parcel!.lease };
    assert.equal(await silent.store.settle(parcel!.deliveryId, SENT, options), true);
  });

  test('a node that is told from dead in time goes on where it was; one whose place is gone joins again', async context => {
    const { open, freeze, sql, reload } = await world(context);
    const woken = await open('woken', { every: 20 });
    await mails(woken.store, 1);
    await freeze('woken');
    await eventually('it is seen again', async () => (await woken.store.nodes())[0]!.alive);
    assert.equal((await lease(woken.store)).length, 1);
    reload('another');
    await eventually('what it was told since', async () => (await woken.store.nodes())[0]!.configuration === 'another');
    // Another one had its place meanwhile, and went away.
    await sql("update node set id = 'thief', run = 1, name = 'thief'");
    await eventually('it has joined again', async () =>
      (await woken.store.nodes()).some(each => each.name === 'woken'),
    );
    assert.match(woken.lines.join(), /"node_rejoined".*"place":1/);
    assert.deepEqual(
      (await woken.store.nodes()).map(({ place, name }) => [place, name]),
      [
        [0, 'thief'],
        [1, 'woken'],
      ],
    );
  });

  test('one node keeps house, and another one when it is gone', async context => {
    const { open, sql } = await world(context);
    const [a, b] = [(await open('a')).store, (await open('b')).store];
    await a.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    for (let index = 0; index < 4; index += 1)
      await a.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' });
    const later = Date.now() + 60_000;
    const clear = (of: Node, limit: number) => of.clearEvents({ before: later, answersBefore: 0, limit });
    const since = { raw: null, resolved: null, deliveries: null, unfiled: null };
    assert.equal(await clear(a, 1), 1);
    assert.equal(await clear(b, 1), 0, 'the other one does');
    assert.deepEqual(await b.clearOld(since), {});
    assert.equal(await clear(a, 1), 1);
    await sql('update leader set until = until - 61000');
    assert.equal(await clear(b, 1), 1, 'the other one did nothing for a minute');
    assert.equal(await clear(a, 1), 0);
    await b.close();
    assert.equal(await clear(a, 10), 1, 'the other one left');
  });

  test('the id of a node stands in its folder', context => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-node-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const id = nodeId(folder);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(nodeId(folder), id);
  });
});
