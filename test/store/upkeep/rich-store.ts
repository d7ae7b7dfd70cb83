/** A store with something of everything, in every table, and what stands in a store. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { rowsOf } from '#replyd/store/sqlite/rows.js';
import { lineOf } from '#replyd/store/upkeep/rows.js';
import { putOlderStore } from '../../upgrade/older-store.js';

/** What the older store has nothing of, and texts that an engine could change. */
const MORE = `
  insert into agent values (1, 'anna@acme.example', 'anna@acme.example', 'Anna', '$scrypt$', 1, 'on', 1, 7, '5.1.1');
  insert into agent_account select key, 1, 'admin', 'all', 1, null from account limit 1;
  insert into agent_session values (1, x'00ff30', 1, 1, 1);
  insert into sign_in_link values (1, x'00ff31', 1, 'nobody', 1);
  insert into agent_seen select key, 1, 1 from conversation limit 1;
  insert into agent_follow select key, 1, 1, 2, 1 from conversation limit 1;
  insert into agent_token select 'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0', key, 1, 'note', 3 from conversation limit 1;
  insert into held_commands select key, '{}' from message limit 1;
  insert into cc select 1, key, 'Cc@other.example', 'cc@other.example', 'Cc', 'suggested', null, 4 from conversation limit 1;
  insert into cleared_to values ('events', 7);
  insert into cursor_key values (1, x'00ff4711');
  insert into dkim_key values ('reply.example.com', 's1', 'signs', 'private', 'public', 1);
  insert into proof values (x'00ff27', x'5c78', 9007199254740991);
  insert into unverified select key, '192.0.2.1' from mail limit 1;
  update message set text = 'tab	, back\\slash, "quotes", ''apostrophe'', {braces}, ' || char(10, 13, 8232, 128512) || ', NULL, \\N',
    quoted_text = '', subject = 'null', author_name = '\\x00' where key = (select min(key) from message);
  update message set text = 'a' || char(0) || 'b' where key = (select max(key) from message);
`;

export function folder(context: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'replyd-move-'));
  context.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A store with something of everything. */
export async function richStore(context: TestContext): Promise<string> {
  const dataDir = path.join(folder(context), 'data');
  await putOlderStore('store', dataDir);
  withStore(dataDir, db => {
    migrate(db);
    db.raw.exec(MORE);
  });
  return dataDir;
}

export function withStore<T>(dataDir: string, work: (db: Connection) => T): T {
  const db = openDatabase(dataDir);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** All rows as lines, by table. */
export async function linesOf(dataDir: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const db = openDatabase(dataDir);
  try {
    const lines: Record<string, string[]> = {};
    const source = rowsOf(db, dataDir);
    for (const table of source.tables) {
      lines[table.name] = [];
      for await (const rows of source.rows(table)) lines[table.name]!.push(...rows.map(lineOf));
    }
    return lines;
  } finally {
    db.close();
  }
}

type Lines = Awaited<ReturnType<typeof linesOf>>;

/** PostgreSQL takes none, so that no copy has one. */
export function withoutNul(lines: Lines): Lines {
  return Object.fromEntries(
    Object.entries(lines).map(([name, rows]) => [name, rows.map(row => row.replaceAll('\\u0000', '\ufffd'))]),
  );
}

export function contentsOf(dataDir: string): ReadonlyMap<string, Buffer> {
  const hashes = withStore(dataDir, db =>
    db.all<{ sha256: Uint8Array }>('select sha256 from blob where data is null').map(row => Buffer.from(row.sha256)),
  );
  return new Map(hashes.map(hash => [hash.toString('hex'), readFileSync(blobFile(dataDir, hash.toString('hex')))]));
}
