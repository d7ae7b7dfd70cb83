/** Mails outside conversations end by number and by bytes, the oldest first, and are removed by state when somebody asks. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { destinationOf, filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const MIB = 1024 * 1024;
const START = Date.UTC(2026, 0, 5, 12);
const KEEP_ALL = { raw: null, resolved: null, deliveries: null, unfiled: null };

async function makeStore(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-unfiled-'));
  let time = START;
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => time });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const stored = (text: string) => ({ sha256: sha256(text), size: text.length, bytes: Buffer.from(text) });
  const refuse = async (text: string, kept = true) => {
    time += 1;
    const recorded = await store.refuse({
      envelope: { mailFrom: 'spam@example.net', rcptTo: ['reply+0@reply.example.com'] },
      facts: { size: text.length, sha256: sha256(text), contentKey: sha256(text), hops: 0 },
      raw: kept ? stored(text) : null,
      via: 'relay',
      client: null,
      reason: 'unknown',
    });
    return (recorded as { id: string }).id;
  };
  const keep = async (text: string) => {
    time += 1;
    const [result] = await store.file(
      filing([await destinationOf(store, 'postmaster@reply.example.com')], reading({ text })),
    );
    return (result as { mailId: string }).mailId;
  };
  const left = async () => (await store.mails({ limit: 1000 })).map(mail => mail.id).reverse();
  /** What the sums say is what is there. */
  const counted = async () => {
    const all = await store.mails({ limit: 1000 });
    const { mails, bytes } = (await store.unfiledSums()) ?? { mails: 0, bytes: 0 };
    const sizes = all.filter(mail => mail.sha256 !== '').map(mail => mail.size);
    assert.deepEqual({ mails, bytes }, { mails: all.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
  };
  const whole = async () => {
    const db = openDatabase(dataDir);
    const faults = [];
    for await (const result of checkStore(db, dataDir, { now: Date.now() })) faults.push(...result.faults);
    db.close();
    assert.deepEqual(faults, []);
  };
  return { store, dataDir, refuse, keep, left, counted, whole, now: () => time };
}

test('more mails than limits.unfiled_mails: the oldest go, of either state', async context => {
  const { store, refuse, keep, left, counted, whole } = await makeStore(context);
  await store.setRules({ ...RULES, unfiledMails: 4 });
  const ids: string[] = [];
  for (const word of ['a', 'b', 'c', 'd', 'e']) ids.push(await refuse(`refused ${word}`), await keep(`kept ${word}`));
  assert.deepEqual(await left(), ids.slice(-4));
  await counted();
  assert.equal((await store.unfiledSums())?.removed, 6);
  await whole();
});

test('more bytes than limits.unfiled: the oldest go; what has no bytes counts as none', async context => {
  const { store, refuse, left, counted, whole } = await makeStore(context);
  await store.setRules({ ...RULES, unfiledBytes: 3 * MIB });
  const ids: string[] = [];
  for (const word of ['a', 'b', 'c', 'd', 'e']) ids.push(await refuse(word.repeat(MIB)));
  ids.push(await refuse('f'.repeat(2 * MIB), false));
  assert.deepEqual(await left(), ids.slice(2));
  const { mail } = await store.mail(ids.at(-1)!);
  assert.deepEqual([mail.state, mail.size, mail.sha256], ['refused', 2 * MIB, '']);
  await counted();
  await whole();
});

test('a limit that was lowered is reached by housekeeping, a batch at a time; customers keep theirs', async context => {
  const { store, refuse, left, counted } = await makeStore(context);
  const { reply_to } = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'carla@customer.example' },
    via: 'cli',
  });
  const [filed] = await store.file(filing([await destinationOf(store, reply_to!)], reading({ text: 'mine' })));
  const ids: string[] = [];
  for (let number = 0; number < 250; number += 1) ids.push(await refuse(`number ${number}`));
  await store.setRules({ ...RULES, unfiledMails: 100 });
  assert.deepEqual(await store.clearOld(KEEP_ALL), { unfiled_mails_over_limit: 100 });
  assert.deepEqual(await store.clearOld(KEEP_ALL), { unfiled_mails_over_limit: 50 });
  assert.deepEqual(await store.clearOld(KEEP_ALL), {});
  assert.deepEqual(await left(), [(filed as { mailId: string }).mailId, ...ids.slice(-100)]);
  await store.clearUnfiled({ state: 'refused' });
  await store.removeAccount('acme');
  await counted();
});

test('a mail whose copy is on its way to the operator stays, and the newest always does', async context => {
  const { store, keep, left, counted } = await makeStore(context);
  await store.setRules({ ...RULES, operator: 'ops@example.net', unfiledMails: 2 });
  const ids: string[] = [];
  for (const word of ['a', 'b', 'c', 'd']) ids.push(await keep(word));
  assert.deepEqual(await left(), ids);
  await counted();
});

test('clearUnfiled removes those of a state, and from before a moment', async context => {
  const { store, refuse, keep, left, counted, whole, now } = await makeStore(context);
  for (let number = 0; number < 150; number += 1) await refuse(`number ${number}`);
  const kept = await keep('kept');
  const moment = now() + 1;
  const late = await refuse('late');
  assert.equal(await store.clearUnfiled({ state: 'refused', before: moment }), 150);
  assert.deepEqual(await left(), [kept, late]);
  assert.equal(await store.clearUnfiled({ state: 'refused' }), 1);
  assert.equal(await store.clearUnfiled({ state: 'kept' }), 1);
  assert.equal(await store.clearUnfiled({ state: 'kept' }), 0);
  await counted();
  await whole();
});

test('a store from before is counted once', async context => {
  const { store, dataDir, refuse, counted } = await makeStore(context);
  for (const word of ['a', 'b']) await refuse(word);
  const db = openDatabase(dataDir);
  db.run("delete from cleared_to where what like 'unfiled%'");
  db.close();
  assert.equal(await store.unfiledSums(), null);
  await store.clearOld(KEEP_ALL);
  await counted();
  await refuse('c');
  await counted();
});
