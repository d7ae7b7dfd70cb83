import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueuedDelivery } from '#replyd/conversation/model.js';
import { makeShop } from '../program.js';

test('one delivery, or all in a state, are made due now', async t => {
  const program = await makeShop(t);
  await program.text(['conversation', 'reply', 'acme#1', '--text=It is on its way']);
  const [waiting] = await program.json<QueuedDelivery>(['queue', 'list']);
  const [retried] = await program.json<QueuedDelivery>(['queue', 'retry', waiting!.id]);
  assert.deepEqual([retried?.id, retried?.state], [waiting!.id, 'waiting']);
  assert.deepEqual(await program.json(['queue', 'retry', '--state=waiting']), [{ state: 'waiting', retried: 1 }]);
  assert.equal(await program.text(['queue', 'retry', '--state=waiting']), '1 waiting delivery due now\n');
  assert.equal(await program.text(['queue', 'retry', '--state=failed']), '0 failed deliveries due now\n');
  const { code, stderr } = await program.run(['queue', 'retry', waiting!.id, '--state=failed']);
  assert.equal(code, 2);
  assert.match(stderr, /give a delivery or --state, one of both/);
});
