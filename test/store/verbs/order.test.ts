/** The order of deliveries, as the lease carries it out on a real store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Outcome } from '#replyd/conversation/ports.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from '../rules.js';

test('of each order key the oldest goes, and the next only when it is finished', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-order-'));
  let now = Date.UTC(2026, 0, 5, 12);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => now });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const { hook } = await store.addHook({ account: 'acme', url: 'https://hooks.example.com/' });
  const start = () => store.startConversation({ account: 'acme', channel: 'api', contact: {}, text: 'Hi', via: 'api' });
  const [first, second] = [await start(), await start()];

  /** What is leased, as conversation and event. */
  const lease = async () => {
    const parcels = await store.lease(hook.id, { now, limit: 50 });
    return parcels.map(parcel => {
      assert.ok(parcel.kind === 'webhook');
      const event = JSON.parse(parcel.body) as { type: string; conversation: { id: string } };
      return { id: parcel.deliveryId, what: [event.conversation.id, event.type] };
    });
  };
  const settle = (id: string, outcome: Outcome) =>
    store.settle(id, outcome, { now, retryAt: outcome.kind === 'retry' ? now + 5_000 : null });

  const oldest = await lease();
  assert.deepEqual(
    oldest.map(each => each.what),
    [
      [first.id, 'conversation.created'],
      [second.id, 'conversation.created'],
    ],
  );
  assert.deepEqual(await lease(), [], 'what is leased keeps the others of its key back');
  await settle(oldest[0]!.id, { kind: 'retry', response: 'later' });
  await settle(oldest[1]!.id, { kind: 'sent', response: '200' });
  const next = await lease();
  assert.deepEqual(
    next.map(each => each.what),
    [[second.id, 'message.created']],
    'so does what is deferred, but no other conversation',
  );
  now += 5_000;
  const [again] = await lease();
  assert.deepEqual(again!.what, [first.id, 'conversation.created']);
  await settle(again!.id, { kind: 'failed', response: '410', suspend: false, refusedByPolicy: false });
  assert.deepEqual(
    (await lease()).map(each => each.what),
    [[first.id, 'message.created']],
    'what failed is finished',
  );
});
