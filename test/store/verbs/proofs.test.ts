/** A proof that says nothing of its mail is good for one mail, as often as that comes, and for no other. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Proof } from '#replyd/conversation/filing.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { destinationOf, filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const HOUR = 3_600_000;

async function world(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-proofs-'));
  const clock = { now: Date.UTC(2026, 0, 5, 12) };
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => clock.now });
  const db = openDatabase(dataDir);
  context.after(async () => {
    db.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const contact = { email: 'carla@customer.example' };
  const addresses = [1, 2].map(async () => {
    const { reply_to } = await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'cli' });
    return destinationOf(store, reply_to!);
  });
  const [one, other] = await Promise.all(addresses);
  const proof = (of: string, recipients = 'one'): Proof => ({
    key: sha256(of),
    recipients: sha256(recipients),
    expiresAt: clock.now + 12 * HOUR,
  });
  const file = async (text: string, given: Proof, to = one!) =>
    (await store.file(filing([to], reading({ text }), { proof: given, together: false })))[0]!.kind;
  const refuse = async (text: string, given: Proof) => {
    const { facts, raw } = filing([one!], reading({ text }));
    const envelope = { mailFrom: '', rcptTo: ['nobody@reply.example.com'] };
    const refused = { envelope, facts, raw, via: 'mailgun', client: null, reason: 'x', proof: given } as const;
    return (await store.refuse(refused)).kind;
  };
  const rows = () => db.value<number>('select count(*) from proof')!;
  const mails = () => db.value<number>('select count(*) from mail')!;
  return { store, clock, one: one!, other: other!, proof, file, refuse, rows, mails };
}

test('the same mail is taken as often as it comes, another one never', async context => {
  const { file, proof, other, mails, store } = await world(context);
  const first = proof('first');
  assert.equal(await store.proofUse(first, sha256('raw of A')), 'first');
  assert.deepEqual([await file('A', first), await file('A', first)], ['filed', 'filed']);
  assert.equal(await store.proofUse(first, sha256('raw of A')), 'again');
  assert.equal(await store.proofUse(first, sha256('raw of B')), 'other');
  assert.equal(await file('B', first), 'proof_used');
  assert.equal(await file('A', proof('first', 'other'), other), 'proof_used');
  assert.deepEqual([await file('B', proof('second')), await file('A', proof('third'))], ['filed', 'filed']);
  assert.equal(mails(), 2);
});

test('a refused mail uses its proof too, and is on record once', async context => {
  const { file, refuse, proof, mails } = await world(context);
  const used = proof('used');
  assert.deepEqual(
    [await refuse('A', used), await refuse('A', used), await refuse('B', used), await file('B', used)],
    ['recorded', 'again', 'other', 'proof_used'],
  );
  assert.equal(mails(), 1);
});

test('what was not filed remembers nothing', async context => {
  const { store, one, file, proof, rows } = await world(context);
  assert.ok(one.kind === 'reply');
  await store.rotateToken({ id: one.conversationId });
  assert.equal(await file('A', proof('first')), 'changed');
  assert.equal(rows(), 0);
});

test('rows go when the door refuses their proof anyway', async context => {
  const { store, clock, file, proof, rows } = await world(context);
  const clear = () => store.clearEvents({ before: 0, answersBefore: 0, limit: 2 });
  for (const text of ['A', 'B', 'C']) await file(text, proof(text));
  clock.now += 12 * HOUR;
  assert.deepEqual([await clear(), rows()], [0, 3]);
  clock.now += HOUR + 1;
  assert.deepEqual([await clear(), rows()], [2, 1]);
  assert.deepEqual([await clear(), await clear(), rows()], [1, 0, 0]);
});
