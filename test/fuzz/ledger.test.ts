/** The ledger notices a 250 without its mail, and a mail without its 250. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { RULES } from '../store/rules.js';
import { createLedger, type Ledger } from './ledger.js';

const TO = 'postmaster@reply.example.com';

test('what is said and what is stored are held against each other', async t => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-ledger-'));
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  const db = openDatabase(dataDir);
  t.after(async () => {
    db.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const operator = await destinationOf(store, TO);
  const [result] = await store.file(filing([operator], reading({ text: 'one' })));
  assert.ok(result?.kind === 'filed');
  const { mailId } = result;
  const mail = (text: string, recipients = [TO]) => ({ bytes: Buffer.from(`raw of ${text}`), recipients });
  const table: readonly [string, (ledger: Ledger) => void, RegExp | null][] = [
    ['acknowledged', ledger => ledger.stored(mailId, mail('one'), 'it'), null],
    ['the client had left', ledger => ledger.unsure(mail('one').bytes), null],
    ['nobody sent it', () => {}, /nobody sent it/],
    [
      'another mail',
      ledger => {
        ledger.unsure(mail('one').bytes);
        ledger.stored(mailId, mail('two'), 'it');
      },
      /another mail/,
    ],
    ['for more people', ledger => ledger.stored(mailId, mail('one', [TO, 'x@y.example']), 'it'), /without x@y/],
    ['no mail', ledger => ledger.stored('mail_00000000000', mail('one'), 'it'), /not in the store/],
  ];
  for (const [name, say, fault] of table) {
    const ledger = createLedger(new Set([TO]), dataDir);
    say(ledger);
    const faults = ledger.compare(db);
    if (fault === null) assert.deepEqual(faults, [], name);
    else assert.match(faults.join('\n'), fault, name);
    assert.deepEqual(ledger.compare(db), [], `${name}, looked at again`);
  }
  const narrow = createLedger(new Set(), dataDir);
  narrow.stored(mailId, mail('one'), 'it');
  assert.match(narrow.compare(db).join('\n'), /is for postmaster/);
});
