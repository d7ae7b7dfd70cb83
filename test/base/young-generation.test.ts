import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { youngGenerationLimit } from '#replyd/base/young-generation.js';

const SAYS_ITS_SIZE = `
  const { getHeapSpaceStatistics } = require('node:v8');
  const { space_size } = getHeapSpaceStatistics().find(space => space.space_name === 'new_space');
  require('node:worker_threads').parentPort.postMessage(space_size);
`;

test('a thread begins with its whole young generation, whatever the default of Node is', async () => {
  const before = await newSpaceOf({});
  const after = await newSpaceOf(youngGenerationLimit());
  assert.ok(after >= 4 * 2 ** 20, `${after} bytes`);
  assert.ok(after >= before, `${after} bytes, ${before} before`);
});

async function newSpaceOf(resourceLimits: object): Promise<number> {
  const worker = new Worker(SAYS_ITS_SIZE, { eval: true, resourceLimits });
  const [size] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  return size;
}
