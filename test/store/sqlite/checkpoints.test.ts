/** The log that a thread copies into the file while the writer goes on, and what becomes of it when that can't be. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoints } from '#replyd/store/sqlite/checkpoints.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { eventually } from '../../run.js';

const LOG_PAGES = 40;

/** `elsewhere`: the thread is sent to a folder without a store. */
function open(context: TestContext, { elsewhere = false } = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-checkpoints-'));
  const db = openDatabase(dataDir, { create: true });
  const checkpoints = openCheckpoints(db, elsewhere ? path.join(dataDir, 'none') : dataDir, LOG_PAGES);
  context.after(async () => {
    await checkpoints.close();
    db.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  db.run('create table word (key integer primary key, text text not null)');
  let written = 0;
  const write = () => {
    written += 1;
    db.insert('word', { text: `${written}`.padEnd(2000) });
    checkpoints.committed();
  };
  /** Writes until the log has begun anew. */
  const writeOn = () =>
    eventually(
      'the log begins anew',
      () => {
        const before = db.logPages();
        write();
        return db.logPages() < before;
      },
      { every: 1 },
    );
  const fill = () => {
    for (let rows = 0; rows < LOG_PAGES; rows += 1) write();
  };
  const allThere = (reader = db) =>
    assert.equal(reader.value('select count(*) from word where trim(text) = key'), written);
  return { dataDir, db, checkpoints, write, writeOn, fill, allThere };
}

test('the log begins anew while the writer goes on', async context => {
  const { db, writeOn, fill, allThere } = open(context);
  for (let round = 0; round < 3; round += 1) {
    fill();
    await writeOn();
  }
  allThere();
  assert.equal(db.value('pragma integrity_check'), 'ok');
});

test('a short log is left alone', context => {
  const { db, write } = open(context);
  const before = db.logPages();
  while (db.logPages() < LOG_PAGES - 2) write();
  assert.ok(db.logPages() > before);
  assert.deepEqual(db.get('pragma wal_checkpoint(noop)'), { busy: 0, log: db.logPages(), checkpointed: 0 });
});

test('without a thread the writer copies by itself', async context => {
  const { fill, writeOn, allThere } = open(context, { elsewhere: true });
  fill();
  await writeOn();
  allThere();
});

test('what somebody still reads is kept, and the log begins anew after him', async context => {
  const { dataDir, db, write, writeOn, fill, allThere } = open(context);
  write();
  const reader = openDatabase(dataDir);
  context.after(() => reader.close());
  reader.run('begin');
  const seen = () => reader.value<number>('select count(*) from word');
  assert.equal(seen(), 1);
  fill();
  const longest = db.logPages();
  for (let more = 0; more < LOG_PAGES; more += 1) {
    write();
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.ok(db.logPages() > longest);
  assert.equal(seen(), 1);
  reader.run('commit');
  await writeOn();
  allThere();
});

test('closing waits for the thread, and empties the log', async context => {
  const { dataDir, db, checkpoints, fill, allThere } = open(context);
  fill();
  await checkpoints.close();
  await checkpoints.close();
  db.close();
  const again = openDatabase(dataDir);
  context.after(() => again.close());
  assert.equal(again.logPages(), 0);
  allThere(again);
});
