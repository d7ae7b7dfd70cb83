/**
 * `npm run test:move [-- --conversations N]`: a large store (a million conversations) is moved from SQLite to PostgreSQL and
 * back by `replyd migrate-store`, as an operator does it. A daemon filled a part of it, under load; the rest are copied rows.
 *
 * `replyd check` must find the store in order before, on PostgreSQL and behind the way back; every table must have the same
 * rows then, compared by SQLite itself; the old places must refuse to be opened; and a daemon on the last one takes mail for
 * tokens of the first. Says the minutes of each step. Ends with 1 when something is not as it must be, and with 0 where
 * PostgreSQL is not installed.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { addOlderConversations, seedConversations } from '../bench/seed.js';
import { runLoad } from '../bench/smtp-client.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { postgresMissing, startCluster } from '../postgres/cluster.js';

const { values } = parseArgs({ options: { conversations: { type: 'string', default: '1000000' } } });
const count = Number(values.conversations);
/** Conversations that the store's own verbs make, and that get mails. */
const LIVING = 500;
const LONG = { timeout: 3_600_000 };
/** Written by the move itself. */
const OF_THE_MOVE = new Set(['moved']);
const say = (text: string) => process.stdout.write(`${text}\n`);

const missing = postgresMissing();
if (missing !== null) {
  say(`skipped: ${missing}`);
  process.exit(0);
}
const cluster = await startCluster();
const closing: (() => Promise<unknown>)[] = [() => cluster.close()];
try {
  const [first, there, last] = [
    await place({}),
    await place({ 'store.url': cluster.url(await cluster.createDatabase()) }),
    await place({}),
  ];
  const url = String(there.url);
  const recipients = path.join(first.daemon.folder, 'recipients');
  const [address = ''] = await seedConversations(first.daemon.dataFolder, LIVING, recipients);
  await timed(`${count.toLocaleString('en')} conversations made`, async () => {
    addOlderConversations(first.daemon.dataFolder, count - LIVING);
  });
  await first.daemon.start();
  const load = {
    ...first.daemon.smtp,
    recipients,
    connections: 10,
    connection: 'kept',
    warmUp: 0,
    seconds: 2,
  } as const;
  say(`${(await runLoad(load)).accepted} mails came in`);
  await first.daemon.stop();
  await check('on SQLite', first.daemon);
  await move(first.daemon.dataFolder, url, 'to PostgreSQL');
  await check('on PostgreSQL', there.daemon);
  await move(url, last.daemon.dataFolder, 'back to SQLite');
  await check('back on SQLite', last.daemon);
  const { rows, tables } = sameRows(first.daemon.dataFolder, last.daemon.dataFolder);
  say(`the same ${rows.toLocaleString('en')} rows in ${tables} tables as at first`);
  for (const { daemon } of [first, there]) {
    const { code, stderr } = await daemon.cli(['stats']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /this store was moved to /);
  }
  await last.daemon.start();
  const mail = 'From: customer0@customer.example\r\nSubject: Re: parcel\r\n\r\nIt is here.\r\n';
  const sent = await sendMail(last.daemon.smtp, { from: 'customer0@customer.example', to: [address], data: mail });
  assert.deepEqual(
    [...sent.recipients, ...sent.data].map(reply => reply.code),
    [250, 250],
  );
  say('both old places say where the store went; the last one takes mail for a token of the first');
} finally {
  for (const close of closing.reverse()) await close();
}

async function place(settings: { 'store.url'?: string }) {
  const daemon = await makeDaemon({ settings });
  closing.push(() => daemon.close());
  return { daemon, url: settings['store.url'] };
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const done = await work();
  say(`${what} (${((performance.now() - begun) / 60_000).toFixed(2)} minutes)`);
  return done;
}

async function check(where: string, daemon: DaemonProcess): Promise<void> {
  await timed(`replyd check ${where}: in order`, async () => {
    const { code, stdout, stderr } = await daemon.cli(['check'], LONG);
    assert.equal(code, 0, stdout + stderr);
  });
}

async function move(from: string, to: string, way: string): Promise<void> {
  await timed(`moved ${way}`, async () => {
    const { code, stdout, stderr } = await migrateStore(from, to);
    assert.equal(code, 0, stdout + stderr);
    for (const line of stderr.split('\n')) if (line !== '') say(`  ${line}`);
    say(`  ${stdout.trim().split('\n')[0]}`);
  });
}

/** By a configuration that names neither. */
async function migrateStore(from: string, to: string) {
  const other = await makeDaemon();
  try {
    return await other.cli(['migrate-store', from, to], LONG);
  } finally {
    await other.close();
  }
}

/** Throws where a row of one is not in the other. */
function sameRows(before: string, after: string): { rows: number; tables: number } {
  const db = new Database(path.join(before, 'replyd.db'), { readonly: true });
  try {
    db.prepare('attach ? as other').run(path.join(after, 'replyd.db'));
    const names = db
      .prepare(`select name from main.sqlite_schema where type = 'table' and name not like 'sqlite!_%' escape '!'`)
      .pluck()
      .all() as string[];
    const tables = names.filter(name => !OF_THE_MOVE.has(name));
    let rows = 0;
    const number = (text: string) => db.prepare(text).pluck().get() as number;
    for (const name of tables) {
      const [here, behind] = [
        number(`select count(*) from main.${name}`),
        number(`select count(*) from other.${name}`),
      ];
      assert.equal(behind, here, `${name}: as many rows`);
      const differing = `select count(*) from (select * from main.${name} except select * from other.${name})`;
      assert.equal(number(differing), 0, `${name}: the same rows`);
      rows += here;
    }
    return { rows, tables: tables.length };
  } finally {
    db.close();
  }
}
