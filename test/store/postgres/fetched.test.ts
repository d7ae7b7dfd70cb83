/** A node's files of large contents: made once, whole or not at all, and bounded. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { clearFetched, fetched, fetchedFolder } from '#replyd/store/postgres/large.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { postgresMissing, startCluster } from '../../postgres/cluster.js';
import { PATIENT, RULES } from '../rules.js';

const PARTS = [Buffer.alloc(1000, 'a'), Buffer.alloc(500, 'b')];

function folder(context: TestContext): string {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-fetched-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

test('a content is fetched once, also by several at the same time', async context => {
  const dataDir = folder(context);
  let asked = 0;
  const part = async (position: number) => {
    asked += 1;
    return PARTS[position];
  };
  const files = await Promise.all([fetched(dataDir, 'aa', part), fetched(dataDir, 'aa', part)]);
  assert.equal(new Set(files).size, 1);
  assert.equal(readFileSync(files[0]!, 'latin1'), 'a'.repeat(1000) + 'b'.repeat(500));
  const before = asked;
  await fetched(dataDir, 'aa', part);
  assert.equal(asked, before);
  assert.deepEqual(readdirSync(fetchedFolder(dataDir)), ['aa']);
});

test('one that breaks off leaves nothing, and is asked for again', async context => {
  const dataDir = folder(context);
  const broken = async (position: number) => {
    if (position === 1) throw new Error('away');
    return PARTS[position];
  };
  await assert.rejects(fetched(dataDir, 'aa', broken), /away/);
  await assert.rejects(
    fetched(dataDir, 'aa', async () => undefined),
    error => isReplydError(error, 'not_kept'),
  );
  assert.deepEqual(readdirSync(fetchedFolder(dataDir)), []);
  assert.equal(readFileSync(await fetched(dataDir, 'aa', async position => PARTS[position])).length, 1500);
});

test('old ones go, and those asked for longest ago when all are too many bytes', async context => {
  const dataDir = folder(context);
  const now = Date.now();
  for (const [name, minutes] of Object.entries({ aa: 50, bb: 40, cc: 30, dd: 200 })) {
    const file = await fetched(dataDir, name, async position => PARTS[position]);
    const asked = new Date(now - minutes * 60_000);
    utimesSync(file, asked, asked);
  }
  await clearFetched(dataDir, { before: now - 120 * 60_000, most: 3500 });
  assert.deepEqual(readdirSync(fetchedFolder(dataDir)).sort(), ['bb', 'cc']);
});

const missing = postgresMissing();

test('a large content goes over in parts, no matter how slowly they are taken', {
  skip: missing ?? false,
}, async context => {
  const cluster = await startCluster();
  context.after(() => cluster.close());
  const dataDir = folder(context);
  const servers = [{ connectionString: cluster.url(await cluster.createStore()) }];
  const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: false, patience: PATIENT });
  context.after(() => store.close());
  const size = 64 * 2 ** 20;
  const bytes = Buffer.alloc(size, 'word ');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = path.join(dataDir, 'large');
  writeFileSync(file, bytes);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 5);
  await store.place({ file }, { sha256, size });
  clearInterval(look);
  assert.ok(most < (size * 3) / 4, `${Math.round(most / 2 ** 20)} MiB were in memory`);
  const parts = await cluster.sql(servers[0]!.connectionString.split('/').at(-1)!, 'select count(*) from large_part');
  assert.equal(Number(parts[0]!.count), 64);
});
