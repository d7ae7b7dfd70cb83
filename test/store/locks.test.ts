/**
 * Every writing verb holds the rows that it changes before it works (store/locks.ts): the store's whole contract on an
 * engine that watches. Triggers note each row that a call changes; whatever is changed without the row that stands for it
 * fails the test, and so does a row that is asked for late by a verb that should have known it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { LockedKeys } from '#replyd/conversation/ports.js';
import { all } from '#replyd/store/all.js';
import { assembled, type Engine } from '#replyd/store/assembled.js';
import { placeContent, smallContent } from '#replyd/store/blobs/blobs.js';
import { VERBS, type VerbName, type WritingName } from '#replyd/store/calls.js';
import { encodeId, keyMaker } from '#replyd/store/ids.js';
import { type Locks, locksOf } from '#replyd/store/locks.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { sqliteSearch } from '#replyd/store/sqlite/search-calls.js';
import { type SqliteTx, sqliteTx } from '#replyd/store/sqlite/tx.js';
import { agentsContract } from './agents-contract.js';
import { applicationContract, continuityContract } from './application-contract.js';
import { boundsContract } from './bounds-contract.js';
import { ccContract } from './cc-contract.js';
import { type Open, storeContract } from './contract.js';
import { quotingContract } from './quoting-contract.js';
import { RULES } from './rules.js';
import { understandingContract } from './understanding-contract.js';

/** Found out while they work, and seldom: a call that asks for one works twice. */
const LATE: readonly string[] = [
  // A report is filed elsewhere than the mail that it is about; a contact who was suspended writes again; a loop.
  'file',
  'refile',
  'releaseMessage',
  // Its contact is known by the other system's id, and has a new address.
  'startConversation',
  'importConversations',
];

/** What a row that changed belongs to: `what` and key or name. */
const NOTES: Readonly<Record<string, string>> = {
  'update on conversation': "select 'conversation', new.key",
  'delete on conversation': "select 'conversation', old.key",
  'insert on participant': "select 'conversation', new.conversation_key",
  'update of email, email_key on participant': "select 'conversation', new.conversation_key",
  'insert on token': "select 'conversation', new.conversation_key",
  'update on token': "select 'conversation', new.conversation_key",
  'delete on token': "select 'conversation', old.conversation_key",
  'insert on message': "select 'conversation', new.conversation_key",
  'update on message': "select 'conversation', new.conversation_key",
  'delete on message': "select 'conversation', old.conversation_key",
  'insert on attachment': "select 'conversation', new.conversation_key",
  'insert on thread_id': "select 'conversation', new.conversation_key",
  'insert on outgoing_mail': "select 'conversation', new.conversation_key where new.conversation_key is not null",
  'update on mail':
    "select 'conversation', conversation_key from message where mail_key = new.key and new.raw_gone_at is old.raw_gone_at",
  'update on account': "select 'account', new.key",
  'insert on domain': "select 'account', new.account_key",
  'delete on domain': "select 'account', old.account_key",
  'insert on contact': "select 'account', new.account_key",
  'update of email, email_key, source_id, name on contact': "select 'account', new.account_key",
  'insert on hook': "select 'account', new.account_key",
  'update on hook': "select 'hook', new.key",
  'insert on destination': "select 'destination', new.name",
  'update on destination': "select 'destination', new.name",
  'delete on destination': "select 'destination', old.name",
  'insert on delivery': "select 'delivery', coalesce(new.conversation_key, 0), new.destination where new.kind = 'mail'",
  // What is leased belongs to whoever leased it.
  'update on delivery':
    "select 'delivery', coalesce(new.conversation_key, 0), new.destination where old.state <> 'leased'",
};

function openWatched(options: { readonly clock?: () => number } = {}): Open {
  return async (context: TestContext) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-locks-'));
    const db = openDatabase(dataDir, { create: true });
    migrate(db);
    db.raw.exec('create temp table touched (what text, key, destination text)');
    for (const [index, [when, note]] of Object.entries(NOTES).entries()) {
      const columns = note.includes(', new.destination') ? '' : ', null';
      const [, head, rest = ''] = /^(select \S+, (?:coalesce\([^)]*\)|\S+))(.*)$/.exec(note)!;
      db.raw.exec(`create temp trigger note_${index} after ${when.replace(' on ', ' on main.')} begin
        insert into touched (what, key, destination) ${head}${columns}${rest}; end`);
    }
    const clock = options.clock ?? Date.now;
    const tx = sqliteTx(db, {
      clock,
      random: count => randomBytes(count),
      keys: keyMaker(clock, 0),
      rules: RULES,
      dataDir,
    });
    const faults: string[] = [];
    const perform = (of: SqliteTx, name: VerbName, values: readonly unknown[]) =>
      (all[name] as unknown as (tx: SqliteTx, ...values: readonly unknown[]) => Promise<unknown>)(of, ...values);

    const write = async (name: WritingName, values: readonly unknown[]): Promise<unknown> => {
      const held = heldRows(await locksOf(tx, name, values));
      const watched: SqliteTx = Object.create(tx, {
        rules: { get: () => tx.rules, set: rules => Object.assign(tx, { rules }) },
        lock: {
          async value(table: string, keys: LockedKeys) {
            for (const key of typeof keys === 'function' ? await keys() : keys) {
              if (!held.alone && !held.has(table, key) && !LATE.includes(inner(name, values)))
                faults.push(`${name} asks late for ${table} ${key}`);
              held.add(table, key);
            }
          },
        },
        insert: {
          value(table: string, row: { readonly key?: number }, more: undefined) {
            if (row.key !== undefined) held.add(table, row.key);
            return tx.insert(table, row, more);
          },
        },
      });
      db.run('begin immediate');
      try {
        db.raw.exec('delete from touched');
        const value = await perform(watched, name, values);
        await tx.flush();
        for (const row of db.all<{ what: string; key: number | string; destination: string }>(
          'select distinct * from touched',
        )) {
          const { what, key, destination } = row;
          const isHeld =
            what === 'delivery'
              ? held.has('conversation', key) || held.has('destination', destination)
              : what === 'hook'
                ? held.has('destination', encodeId('hook', key as number)) || held.has('hook', key)
                : held.has(what, key);
          if (!isHeld && !held.alone) faults.push(`${name} changes ${what} ${key} ${destination ?? ''}`);
        }
        db.run('commit');
        return value;
      } catch (error) {
        tx.forget();
        db.run('rollback');
        throw error;
      }
    };

    let last: Promise<unknown> = Promise.resolve();
    const run: Engine['run'] = (name, values) => {
      const done = last.then(() =>
        VERBS[name] === 'reads' ? db.reading(() => perform(tx, name, values)) : write(name as WritingName, values),
      );
      last = done.catch(() => undefined);
      return done;
    };
    const store = assembled({
      run,
      search: sqliteSearch({ dataDir, rules: tx.rules, thread: false }, rows => run('lookedAgain', [rows])),
      setRules(rules) {
        tx.rules = rules;
      },
      newKey: () => tx.key(),
      afterRemoval() {},
      databaseBytes: () => 0,
      version: () => db.raw.pragma('data_version', { simple: true }),
      place: (content, facts, how) => placeContent(dataDir, content, how === undefined ? facts : { ...facts, ...how }),
      content: async ref => ({ bytes: await smallContent(tx, ref) }),
      async *placedBefore() {},
      async close() {
        db.close();
      },
    });
    context.after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
      assert.deepEqual([...new Set(faults)], []);
    });
    return { store };
  };
}

/** The verb that works. */
function inner(name: WritingName, values: readonly unknown[]): string {
  return name === 'once' ? (values[1] as string) : name;
}

function heldRows(locks: Locks | null) {
  const rows = new Set<string>();
  const held = {
    alone: locks === null,
    has: (table: string, key: number | string) => rows.has(`${table} ${key}`),
    add: (table: string, key: number | string) => rows.add(`${table} ${key}`),
  };
  for (const key of locks?.accounts ?? []) held.add('account', key);
  for (const key of locks?.conversations ?? []) held.add('conversation', key);
  for (const name of locks?.destinations ?? []) held.add('destination', name);
  return held;
}

storeContract('watched', openWatched());
applicationContract('watched', openWatched());
quotingContract('watched', openWatched());
ccContract('watched', openWatched());
understandingContract('watched', openWatched());
boundsContract('watched', openWatched());
agentsContract('watched', openWatched());
continuityContract('watched', async context => {
  let time = Date.UTC(2026, 0, 5, 12);
  const { store } = await openWatched({ clock: () => time })(context);
  const later = (milliseconds: number) => {
    time += milliseconds;
  };
  return { store, later, now: () => time };
});
