/** A store is moved to PostgreSQL and back by the command; words that name no store are told so. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { makeProgram, makeShop } from '../program.js';

const missing = postgresMissing();

test('migrate-store: what names no store', async context => {
  const program = makeProgram(context);
  for (const [from, to, code, said] of [
    ['none', 'other', 1, /there is no store in .*none/],
    ['none', './none', 2, /FROM and TO are the same store/],
    ['postgres://user:secret@part@host/a', 'other', 2, /the URL of the database cannot be read/],
  ] as const) {
    const refused = await program.run(['migrate-store', from, to]);
    assert.equal(refused.code, code, refused.stderr);
    assert.match(refused.stderr, said);
    assert.ok(!refused.stderr.includes('secret'));
  }
  assert.equal((await program.run(['migrate-store', 'none'])).code, 2);
});

describe('migrate-store', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test('to PostgreSQL and back: the conversations are there again', async context => {
    const shop = await makeShop(context);
    const before = await shop.text(['conversation', 'show', 'acme#1', '--json']);
    const url = cluster.url(await cluster.createDatabase());
    const moved = await shop.run(['migrate-store', 'data', url]);
    assert.equal(moved.code, 0, moved.stderr);
    assert.match(moved.stdout, /^moved \d+ rows and 0 files \(.*\) to postgres:\/\/replyd@127\.0\.0\.1:\d+\/test_1\n$/);
    // It took no minute, and this is no terminal.
    assert.equal(moved.stderr, '');

    const gone = await shop.run(['conversation', 'list']);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /this store was moved to postgres:\/\/replyd@127\.0\.0\.1:\d+\/test_1 on /);
    const again = await shop.run(['migrate-store', 'data', url]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there is a store in this database already/);

    const [back] = await shop.json<{ to: string; tables: Record<string, number>; missing: string[] }>([
      'migrate-store',
      url,
      'back',
    ]);
    assert.deepEqual([back!.to, back!.missing], [path.join(shop.folder, 'back'), []]);
    assert.equal(back!.tables.account, 1);
    writeFileSync(shop.configFile, 'data_dir = "./back"\n');
    assert.equal(await shop.text(['conversation', 'show', 'acme#1', '--json']), before);
    assert.equal((await shop.run(['check'])).code, 0);
  });

  test('asks for an empty place', async context => {
    const shop = await makeShop(context);
    const other = await makeShop(context);
    const refused = await shop.run(['migrate-store', 'data', other.dataDir]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /there is a store in .* already: name an empty folder, or say --replace/);
    assert.match(await shop.text(['conversation', 'list']), /acme#1/);
    await shop.text(['migrate-store', 'data', other.dataDir, '--replace']);
    assert.ok(existsSync(path.join(other.dataDir, 'replyd.db.replaced')));
    assert.match(await other.text(['conversation', 'list']), /acme#1/);
  });

  test('says what an empty database is', async context => {
    const program = makeProgram(context);
    const refused = await program.run(['migrate-store', cluster.url(await cluster.createDatabase()), 'back']);
    assert.deepEqual([refused.code, refused.stderr], [1, 'replyd: there is no store in this database\n']);
    assert.ok(!existsSync(path.join(program.folder, 'back', 'replyd.db')));
  });
});

test('a password in a URL is not seen among the processes while it works', async context => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-move-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  // It takes the connection, and says nothing.
  const silent = createServer().listen(0, '127.0.0.1');
  context.after(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const url = `postgres://u:hunter22@127.0.0.1:${port}/d`;
  const child = spawn('bin/replyd', ['migrate-store', url, path.join(folder, 'to')], { stdio: 'ignore' });
  const ended = once(child, 'close');
  const [socket] = (await once(silent, 'connection')) as [Socket];
  const title = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
  child.kill('SIGKILL');
  socket.destroy();
  await ended;
  assert.match(title, /^replyd migrate-store/);
  assert.ok(!title.includes('hunter22'));
});
