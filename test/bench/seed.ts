/** Filling a store before a daemon opens it: by the store's own verbs, and by copying where a million are wanted. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import Database from 'better-sqlite3';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import { openStore } from '#replyd/store/sqlite/open.js';

/**
 * Makes the account `acme` with `count` conversations in the store of `dataDir`. Writes their reply addresses into
 * `file`, one a line, oldest first, and gives them.
 */
export async function seedConversations(dataDir: string, count: number, file: string): Promise<readonly string[]> {
  const store = await openStore({
    dataDir,
    writer: 'thread',
    rules: storeRules(loadConfig({ env: {}, cwd: dataDir }).config),
    migrate: true,
  });
  try {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const addresses: string[] = [];
    // As many at a time as the writer commits together.
    const together = 200;
    for (let first = 0; first < count; first += together) {
      const numbers = Array.from({ length: Math.min(together, count - first) }, (_, index) => first + index);
      const made = await Promise.all(
        numbers.map(number =>
          store.startConversation({
            account: 'acme',
            channel: 'web_widget',
            contact: { email: `customer${number}@customer.example` },
            text: 'Where is my parcel?',
            via: 'cli',
          }),
        ),
      );
      for (const { reply_to } of made) addresses.push(reply_to!);
    }
    await writeFile(file, `${addresses.join('\n')}\n`);
    return addresses;
  } finally {
    await store.close();
  }
}

/**
 * Adds `count` conversations that are older than all others, each a copy of the account's first with a contact, a
 * token and the rest of its own. Gives some of their reply addresses. Columns are copied whatever they are.
 */
export function addOlderConversations(dataDir: string, count: number): readonly string[] {
  const db = new Database(path.join(dataDir, 'replyd.db'));
  try {
    db.pragma('synchronous = off');
    const first = db.prepare('select * from conversation order by key limit 1').get() as Row;
    const number = db.prepare('select max(number) from conversation').pluck().get() as number;
    const all = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})`;
    const copy = (table: string, where: string, change: Readonly<Record<string, string>>) => {
      const columns = (db.pragma(`table_info(${table})`) as { name: string }[]).map(column => column.name);
      const values = columns.map(column => change[column] ?? `t.${column}`);
      db.exec(
        `${all} insert into ${table} (${columns.join()}) select ${values.join()} from n, (select * from ${table} where ${where}) t`,
      );
    };
    // Keys rise with time, and the smallest are the oldest; two rows of one table get two of them.
    const key = 'i * 2';
    const email = `'older' || i || '@customer.example'`;
    const ofFirst = `conversation_key = ${String(first.key)}`;
    db.transaction(() => {
      copy('contact', `key = ${String(first.contact_key)}`, { key, email, email_key: email });
      copy('conversation', `key = ${String(first.key)}`, { key, contact_key: key, number: `${number} + i` });
      copy('participant', ofFirst, { key, conversation_key: key, contact_key: key, email, email_key: email });
      const token = `lower(printf('%08x', i) || hex(randomblob(12)))`;
      copy('token', ofFirst, { token, written: token, participant_key: key, conversation_key: key });
      db.exec('update token set written = token where conversation_key < 1e9');
      copy('message', ofFirst, { key, conversation_key: key });
      copy('event', ofFirst, { key: `${key} + t.seq % 2`, conversation_key: key, message_key: key });
      db.prepare('update account set next_number = next_number + ?').run(count);
    })();
    db.pragma('wal_checkpoint(truncate)');
    const some = db.prepare('select written from token where conversation_key < 1e9 order by random() limit 20000');
    return some
      .pluck()
      .all()
      .map(token => `reply+${String(token)}@reply.example.com`);
  } finally {
    db.close();
  }
}

type Row = Readonly<Record<string, unknown>>;
