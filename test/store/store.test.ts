import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openStore } from '#replyd/store/sqlite/open.js';
import { agentMailContract } from './agent-mail-contract.js';
import { agentsContract, sessionsContract } from './agents-contract.js';
import { applicationContract, continuityContract } from './application-contract.js';
import { boundsContract } from './bounds-contract.js';
import { ccContract } from './cc-contract.js';
import { storeContract } from './contract.js';
import { quotingContract } from './quoting-contract.js';
import { RULES } from './rules.js';
import { understandingContract } from './understanding-contract.js';
import { withStore } from './upkeep/rich-store.js';

function open(writer: 'direct' | 'thread') {
  return async (context: TestContext) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
    const store = await openStore({ dataDir, writer, rules: RULES, migrate: true });
    context.after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    const destinations = async () =>
      withStore(dataDir, db => db.all<{ name: string }>('select name from destination').map(row => row.name));
    return { store, destinations };
  };
}

/** A clock that a test moves on; the writer thread has none. */
async function openWithClock(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
  let time = Date.UTC(2026, 0, 5, 12);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => time });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const later = (milliseconds: number) => {
    time += milliseconds;
  };
  return { store, later, now: () => time };
}

boundsContract('sqlite', open('direct'));
storeContract('sqlite, direct', open('direct'));
storeContract('sqlite, writer thread', open('thread'));
applicationContract('sqlite, direct', open('direct'));
applicationContract('sqlite, writer thread', open('thread'));
quotingContract('sqlite', open('direct'));
ccContract('sqlite', open('direct'));
understandingContract('sqlite, direct', open('direct'));
understandingContract('sqlite, writer thread', open('thread'));
continuityContract('sqlite', openWithClock);
agentsContract('sqlite, direct', open('direct'));
agentsContract('sqlite, writer thread', open('thread'));
sessionsContract('sqlite', openWithClock);
agentMailContract('sqlite, direct', open('direct'));
agentMailContract('sqlite, writer thread', open('thread'));

test('a clock that was put back: what waits goes when it was meant to', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
  let time = Date.UTC(2026, 0, 5, 12);
  const store = await openStore({
    dataDir,
    writer: 'direct',
    rules: { ...RULES, delay: 120_000 },
    migrate: true,
    clock: () => time,
  });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const start = (contact: object) =>
    store.startConversation({ account: 'acme', channel: 'line', contact, text: 'Hi', via: 'api' });
  const say = (id: string) => store.addMessage({ id }, { direction: 'outgoing', text: 'Hello', via: 'api' });
  const [known, unknown] = [await start({ email: 'a@b.example' }), await start({ source_id: 'u1' })];
  await say(known.id);
  await say(unknown.id);
  const state = {
    name: 'smarthost',
    paused: 'trouble',
    reason: 'away',
    nextProbeAt: time + 15_000,
    failures: 1,
  } as const;
  await store.setDestination(state, 'queue');
  const back = 2 * 86_400_000;
  time -= back - 30_000;
  assert.equal(await store.pullForward(back), 2);
  assert.equal(await store.nextComposeAt(), time + 90_000);
  assert.equal((await store.destination('smarthost')).nextProbeAt, time, 'long due');
  await store.setContact(unknown.contact.id, { email: 'c@d.example' });
  const { deliveries } = (await store.conversation({ id: unknown.id })).messages!.at(-1)!;
  assert.equal(deliveries[0]!.next_attempt_at, new Date(time + 90_000).toISOString());
  assert.equal(await store.pullForward(back), 2, 'never before now');
  assert.equal(await store.nextComposeAt(), time);
});

test('one connection for both: what is read beside a write is from before it or from after it', async context => {
  const { store } = await open('direct')(context);
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const start = (text: string) =>
    store.startConversation({ account: 'acme', channel: 'api', contact: { source_id: text }, text, via: 'api' });
  const events = async () => (await store.events({ after: 'ev_00000000000', limit: 99 })).length;
  const seen = await Promise.all([
    start('one').then(() => 0),
    events(),
    start('two').then(() => 0),
    start('two').then(() => 0),
    events(),
  ]);
  assert.deepEqual(seen, [0, 2, 0, 0, 6], 'two events for each');
});
