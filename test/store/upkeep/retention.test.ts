/** What is old goes, what is young or unfinished stays, and what is removed leaves nothing behind. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { keepSince } from '#replyd/store/upkeep/housekeeping.js';
import { idHash } from '#replyd/store/verbs/thread-ids.js';
import { destinationOf, filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 5, 12);
const ALWAYS = { raw: null, resolved: null, deliveries: null, unfiled: null };

async function makeStore(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-retention-'));
  let time = START;
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => time });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const start = (email: string) =>
    store.startConversation({ account: 'acme', channel: 'api', contact: { email }, text: `from ${email}`, via: 'cli' });
  const file = async (addresses: readonly string[], text: string) => {
    const destinations = [];
    for (const address of addresses) destinations.push(await destinationOf(store, address));
    const results = await store.file(filing(destinations, reading({ text })));
    return results.map(result => result as { mailId: string; messageId: string });
  };
  /** An answer, composed and on its way. */
  const answer = async (id: string, text: string) => {
    const message = await store.addMessage({ id }, { direction: 'outgoing', text, mail: 'now', via: 'cli' });
    const snapshot = (await store.composeSnapshot(id, { now: time, context: 0 }))!;
    const raw = `composed ${text}`;
    const saved = await store.saveComposed({
      mailId: store.mintMailId(),
      conversationId: id,
      messageId: `${sha256(text).slice(0, 10)}@reply.example.com`,
      subject: 'Hello',
      messageIds: snapshot.unmailed.map(each => each.id),
      inReplyTo: null,
      references: [],
      raw: { sha256: sha256(raw), size: raw.length, bytes: Buffer.from(raw) },
      copies: snapshot.copies.map(copy => ({ deliveryId: copy.deliveryId, head: 'Reply-To: x\r\n', mailFrom: '' })),
    });
    assert.ok(saved);
    return message.id;
  };
  const settle = async (outcome: Parameters<typeof store.settle>[1]) => {
    const [parcel] = await store.lease('smarthost', { now: time, limit: 1 });
    await store.settle(parcel!.deliveryId, outcome, { now: time, retryAt: null });
    return parcel!.deliveryId;
  };
  /** Clears until nothing is left to clear; what went, by its word. */
  const clear = async (days: Partial<Record<keyof typeof ALWAYS, number>>) => {
    const keep = Object.fromEntries(Object.entries(days).map(([word, count]) => [word, count * DAY]));
    const gone: Record<string, number> = {};
    for (;;) {
      const piece = Object.entries(await store.clearOld(keepSince({ ...ALWAYS, ...keep }, time)));
      if (piece.length === 0) break;
      for (const [what, count] of piece) gone[what] = (gone[what] ?? 0) + count;
    }
    return gone;
  };
  const whole = async () => {
    const db = openDatabase(dataDir);
    const faults = [];
    for await (const result of checkStore(db, dataDir, { now: Date.now() })) faults.push(...result.faults);
    db.close();
    assert.deepEqual(faults, []);
  };
  const later = (days: number) => {
    time += days * DAY;
  };
  return { store, dataDir, start, file, answer, settle, clear, whole, later };
}

test('raw mails go, their rows and messages stay; reading them is not_found', async context => {
  const { store, start, file, clear, whole, later } = await makeStore(context);
  const { reply_to } = await start('carla@customer.example');
  const [old] = await file([reply_to!], 'the old one');
  later(20);
  const [young] = await file([reply_to!], 'the young one');
  later(15);
  assert.deepEqual(await clear({}), {});
  assert.deepEqual(await clear({ raw: 40 }), {});
  assert.deepEqual(await clear({ raw: 30 }), { raw_mails: 1 });
  assert.deepEqual(await clear({ raw: 30 }), {});
  const { mail, raw } = await store.mail(old!.mailId);
  assert.deepEqual([mail.state, mail.sha256, mail.size], ['filed', '', 'raw of the old one'.length]);
  await assert.rejects(store.read(raw), error => isReplydError(error, 'not_found'));
  assert.equal((await store.message(old!.messageId)).text, 'the old one');
  const kept = await store.read((await store.mail(young!.mailId)).raw);
  assert.equal(Buffer.from(kept).toString(), 'raw of the young one');
  await whole();
  later(30);
  assert.deepEqual(await clear({ raw: 30 }), { raw_mails: 1 });
  await whole();
});

test('what was sent goes too, but not while it is still to be sent; a retry of it is refused', async context => {
  const { store, start, answer, settle, clear, whole, later } = await makeStore(context);
  const { id } = await start('carla@customer.example');
  const sent = await answer(id, 'first');
  await settle({ kind: 'sent', response: '250 ok' });
  await answer(id, 'second');
  const failed = await settle({ kind: 'failed', response: '550 no', suspend: false, refusedByPolicy: false });
  await answer(id, 'third');
  later(40);
  assert.deepEqual(await clear({ raw: 30 }), { raw_sent_mails: 2 });
  assert.deepEqual(await clear({ raw: 30 }), {});
  await assert.rejects(
    store.retryDelivery(failed),
    error => isReplydError(error, 'conflict') && /no longer kept/.test(error.message),
  );
  assert.equal(await store.retryDeliveries('failed'), 0);
  assert.equal((await store.delivery(failed)).state, 'failed');
  assert.equal((await store.message(sent)).mail.state, 'sent');
  const [third] = await store.lease('smarthost', { now: START + 41 * DAY, limit: 10 });
  assert.equal(Buffer.from((third as { content: { bytes: Uint8Array } }).content.bytes).toString(), 'composed third');
  await whole();
});

test('logs of finished deliveries go, their state and bounce address stay', async context => {
  const { store, start, answer, settle, clear, whole, later } = await makeStore(context);
  const { id } = await start('carla@customer.example');
  const message = await answer(id, 'first');
  const delivery = await settle({ kind: 'sent', response: '250 queued as 4711' });
  await answer(id, 'second');
  later(10);
  assert.deepEqual(await clear({ deliveries: 11 }), {});
  assert.deepEqual(await clear({ deliveries: 9 }), { delivery_logs: 1 });
  assert.deepEqual(await clear({ deliveries: 9 }), {});
  const shown = await store.delivery(delivery);
  assert.deepEqual([shown.state, shown.smtp_response], ['sent', null]);
  assert.equal((await store.message(message)).deliveries.length, 1);
  await whole();
});

test('resolved conversations go after their last activity, open ones never', async context => {
  const { store, start, file, clear, whole, later } = await makeStore(context);
  const resolved = await start('carla@customer.example');
  const open = await start('bo@customer.example');
  await file([resolved.reply_to!, open.reply_to!], 'to both');
  await store.setConversation({ id: resolved.id }, { status: 'resolved' });
  later(29);
  assert.deepEqual(await clear({ resolved: 30 }), {});
  later(2);
  assert.deepEqual(await clear({ resolved: 30 }), { conversations: 1 });
  await assert.rejects(store.conversation({ id: resolved.id }), error => isReplydError(error, 'not_found'));
  assert.equal((await store.conversation({ id: open.id })).messages!.length, 2);
  await whole();
});

test('mails that stand in no conversation go', async context => {
  const { store, clear, whole, later } = await makeStore(context);
  const raw = (text: string) => ({ sha256: sha256(text), size: text.length, bytes: Buffer.from(text) });
  const facts = (text: string) => ({ size: text.length, sha256: sha256(text), contentKey: sha256(text), hops: 0 });
  const envelope = { mailFrom: 'spam@example.net', rcptTo: ['reply+0@reply.example.com'] };
  const refuse = (text: string) =>
    store.refuse({ envelope, facts: facts(text), raw: raw(text), via: 'relay', client: null, reason: 'unknown' });
  await refuse('one');
  await store.file(filing([await destinationOf(store, 'postmaster@reply.example.com')], reading({ text: 'kept' })));
  later(100);
  await refuse('two');
  assert.deepEqual(await clear({ raw: 1 }), {});
  assert.equal(
    (await store.mails({ limit: 10 })).every(mail => mail.sha256 !== ''),
    true,
  );
  assert.deepEqual(await clear({ unfiled: 90 }), { unfiled_mails: 2 });
  assert.deepEqual(
    (await store.mails({ limit: 10 })).map(mail => mail.state),
    ['refused'],
  );
  await whole();
});

test("a kept mail's copy for the operator goes with it, but not before it is sent", async context => {
  const { store, clear, whole, later } = await makeStore(context);
  await store.setRules({ ...RULES, operator: 'ops@example.net' });
  await store.file(filing([await destinationOf(store, 'postmaster@reply.example.com')], reading({ text: 'kept' })));
  const [forward] = await store.dueForwards({ now: START, limit: 1 });
  const raw = 'the copy';
  const content = { sha256: sha256(raw), size: raw.length, bytes: Buffer.from(raw) };
  const mailId = store.mintMailId();
  assert.ok(await store.saveForward({ ...forward!, mailId, messageId: 'copy@reply.example.com', raw: content }));
  later(100);
  assert.deepEqual(await clear({ unfiled: 90 }), {});
  const [parcel] = await store.lease('smarthost', { now: START + 100 * DAY, limit: 1 });
  await store.settle(parcel!.deliveryId, { kind: 'sent', response: '250 ok' }, { now: START, retryAt: null });
  assert.deepEqual(await clear({ unfiled: 90 }), { unfiled_mails: 1 });
  assert.equal((await store.stats()).contents, 0);
  await whole();
});

/** Everything under the folder, as one text. */
function bytesOf(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'))
    .join('');
}

for (const [what, remove] of [
  ['conversation', (store, made) => store.removeConversation({ id: made.id })],
  ['contact', (store, made) => store.removeContact(made.contact.id)],
  ['account', store => store.removeAccount('acme')],
] as readonly [
  string,
  (
    store: Awaited<ReturnType<typeof makeStore>>['store'],
    made: Awaited<ReturnType<Awaited<ReturnType<typeof makeStore>>['start']>>,
  ) => Promise<void>,
][]) {
  test(`removing a ${what} leaves nothing of it in the store's files`, async context => {
    const { store, dataDir, start, file, answer, settle, whole } = await makeStore(context);
    const made = await start('zacharias@customer.example');
    const other = await start('bo@customer.example');
    const token = /\+([0-9a-f]{32})@/.exec(made.reply_to!)![1]!;
    await file([made.reply_to!], 'incomingsecret');
    const shared = await file([made.reply_to!, other.reply_to!], 'shared words');
    await answer(made.id, 'outgoingsecret');
    await settle({ kind: 'sent', response: '250 responsesecret' });
    await store.addMessage({ id: made.id }, { direction: 'note', text: 'notesecret', via: 'cli' });
    const { key } = await store.addKey({ account: null });
    const request = { caller: key.id, name: 'asked', fingerprint: '00' };
    const said = { direction: 'note', text: 'askedsecret', via: 'api' } as const;
    await store.once(request, 'addMessage', [{ id: made.id }, said]);
    await store.once({ ...request, name: 'seen' }, 'seen', [{ id: made.id }]);
    await store.once({ ...request, name: 'cleared' }, 'clearContact', [made.contact.id]);
    assert.notEqual(await store.keptAnswer(request), null);
    const secrets = ['incomingsecret', 'outgoingsecret', 'responsesecret', 'notesecret', 'askedsecret', token];
    for (const secret of secrets) assert.ok(bytesOf(dataDir).includes(secret), secret);
    await remove(store, made);
    const left = bytesOf(dataDir);
    for (const secret of secrets) assert.ok(!left.includes(secret), `${secret} is left`);
    if (what !== 'conversation') assert.ok(!left.includes('zacharias'), 'his address is left');
    await assert.rejects(
      store.once(request, 'addMessage', [{ id: other.id }, said]),
      error => isReplydError(error, 'conflict') && /has been removed/.test(error.message),
      'it is not done again either',
    );
    if (what !== 'account') {
      const { mail } = await store.mail(shared[0]!.mailId);
      assert.deepEqual(mail.envelope.rcpt_to, ['removed', other.reply_to]);
      assert.deepEqual(
        mail.results.map(result => result.message_id),
        [null, shared[1]!.messageId],
      );
    }
    await whole();
  });
}

test('the answers about a hook go with it', async context => {
  const { store, dataDir } = await makeStore(context);
  const { key } = await store.addKey({ account: null });
  for (const remove of [(id: string) => store.removeHook(id), () => store.removeAccount('acme')]) {
    const request = { caller: key.id, name: String(remove), fingerprint: '00' };
    const { value } = await store.once(request, 'addHook', [{ account: 'acme', url: 'https://app.example/' }]);
    const turned = await store.once({ ...request, name: `${remove}, rotated` }, 'rotateHook', [value.hook.id]);
    await remove(value.hook.id);
    const left = bytesOf(dataDir);
    for (const { secret } of [value, turned.value]) assert.ok(!left.includes(secret));
  }
});

test('a removal that is cut off takes nothing in any more and is finished by the housekeeping', async context => {
  const { store, dataDir, start, file, clear, whole } = await makeStore(context);
  const made = await start('carla@customer.example');
  for (let i = 0; i < 3; i += 1) await file([made.reply_to!], `mail ${i}`);
  const db = openDatabase(dataDir);
  db.run('update conversation set removing_at = 1');
  db.run('delete from token');
  db.run('delete from message where seq = 1');
  db.close();
  assert.equal((await store.resolve(made.reply_to!)).kind, 'unknown');
  await whole();
  assert.deepEqual(await clear({}), { removals: 1 });
  await assert.rejects(store.conversation({ id: made.id }), error => isReplydError(error, 'not_found'));
  await whole();
});

test('a transaction overwrites a few megabytes at most', async context => {
  const { store, start, file, clear, whole, later } = await makeStore(context);
  const { id, reply_to } = await start('carla@customer.example');
  const large = 'x'.repeat(125_000);
  for (let i = 0; i < 90; i += 1) await file([reply_to!], `${i} ${large}`);
  later(40);
  const piece = await store.clearOld(keepSince({ ...ALWAYS, raw: 30 * DAY }, START + 40 * DAY));
  assert.ok(piece.raw_mails! > 10 && piece.raw_mails! < 60, JSON.stringify(piece));
  assert.equal((await clear({ raw: 30 })).raw_mails, 90 - piece.raw_mails!);
  await whole();
  await store.removeConversation({ id });
  await whole();
  assert.equal((await store.stats()).contents, 0);
});

test('the ids of its mails go with a conversation, however it came to know them', async context => {
  const { store, dataDir, start, answer, settle, whole } = await makeStore(context);
  const made = await start('carla@customer.example');
  const other = await start('bo@customer.example');
  const to = await destinationOf(store, made.reply_to!);
  const also = await destinationOf(store, other.reply_to!);
  const keyed = (text: string) => ({ facts: { size: 1, sha256: sha256(text), contentKey: sha256(text), hops: 0 } });
  await store.file(filing([to, also], reading({ text: 'to both', messageId: 'both@customer.example' })));
  await store.file(filing([to], reading({ text: 'without an id', messageId: null })));
  await store.file(filing([to], reading({ text: 'ours?', messageId: 'x@without-message-id.invalid' })));
  const [unread] = await store.file(filing([to], null, keyed('read later')));
  await store.file(filing([to], null, keyed('never read')));
  assert.ok(unread?.kind === 'filed');
  await store.refile(unread.mailId, reading({ text: 'read after all' }), []);
  await answer(made.id, 'an answer');
  await settle({ kind: 'sent', response: '250 ok', alias: 'alias@smarthost.example' });
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  const remembered = () => db.all<{ hash: number; of_message: number }>('select hash, of_message from thread_id');
  assert.equal(remembered().length, 8);
  await store.removeConversation({ id: made.id });
  assert.deepEqual(remembered(), [{ hash: idHash('both@customer.example'), of_message: 1 }]);
  await whole();
});

test('a transaction removes some hundreds of events at most', async context => {
  const { store, dataDir, start, file, whole } = await makeStore(context);
  const { id, reply_to } = await start('carla@customer.example');
  await file([reply_to!], 'one');
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  // As many deliveries as it has, a message was told of.
  db.run(
    `insert into event (account_key, conversation_key, seq, type, message_key, created_at)
     with recursive n (n) as (select 1 union all select n + 1 from n where n < 1200)
     select account_key, conversation_key, seq + n, type, message_key, created_at from event, n
     where event.key = (select max(key) from event)`,
  );
  db.run('update conversation set next_event_seq = (select max(seq) + 1 from event)');
  db.run('update sequencer set v = (select max(key) from event)');
  await whole();
  db.run('update conversation set removing_at = 1');
  const left = () => db.value<number>('select count(*) from event')!;
  const counts = [left()];
  while (Object.keys(await store.clearOld(keepSince(ALWAYS, START))).length > 0) counts.push(left());
  assert.ok(
    counts.slice(1).every((count, index) => counts[index]! - count <= 1000),
    counts.join(', '),
  );
  assert.equal(left(), 0);
  await assert.rejects(store.conversation({ id }), error => isReplydError(error, 'not_found'));
  await whole();
});

test('the searches of the housekeeping use their indexes', async context => {
  const { dataDir } = await makeStore(context);
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  const plans: readonly [sql: string, index: string][] = [
    [
      `select key, kind from delivery where settled_at is not null and (head <> '' or kind = 'webhook') and settled_at < 5
         and state in ('sent', 'failed', 'cancelled') order by settled_at limit 5`,
      'delivery_with_log',
    ],
    [
      'select key from outgoing_mail where raw_gone_at is null and created_at < 5 order by created_at',
      'outgoing_mail_with_raw',
    ],
    [
      `select key from mail where state = 'kept' and state <> 'filed' and key < 5 order by key limit 5`,
      'mail_not_filed',
    ],
    ['select key from conversation where removing_at is not null limit 1', 'conversation_removing'],
    [
      `select c.key from account a join conversation c on c.account_key = a.key
         where c.status = 'resolved' and c.last_activity_at < 5 limit 1`,
      'conversation_by_activity',
    ],
  ];
  for (const [sql, index] of plans) {
    const plan = db
      .all<{ detail: string }>(`explain query plan ${sql}`)
      .map(row => row.detail)
      .join('; ');
    assert.match(plan, new RegExp(`INDEX ${index}`), plan);
  }
});

test('answers that an older program kept are found by what they tell of', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-retention-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const older = path.join(dataDir, 'migrations');
  mkdirSync(older);
  for (const name of readdirSync('migrations/sqlite')) {
    if (name < '0005') copyFileSync(path.join('migrations/sqlite', name), path.join(older, name));
  }
  const db = openDatabase(dataDir, { create: true });
  context.after(() => db.close());
  migrate(db, older);
  db.run("insert into api_key (key, hash, hint, name, created_at) values (1, x'00', '', '', 1)");
  const answers: readonly [answer: unknown, about: string | null][] = [
    [{ id: 'cv_1', messages: [] }, 'cv_1'],
    [{ id: 'msg_1', conversation_id: 'cv_2' }, 'cv_2'],
    [{ id: 'ct_1' }, 'ct_1'],
    [[{ id: 'dlv_1', conversation_id: 'cv_3' }], 'cv_3'],
    [[], null],
    [{ hook: { id: 'hook_1' }, secret: 's' }, 'hook_1'],
  ];
  for (const [index, [answer]] of answers.entries()) {
    db.run(
      "insert into idempotency (caller, name, fingerprint, answer, created_at) values (1, ?, x'00', ?, 1)",
      String(index),
      JSON.stringify(answer),
    );
  }
  migrate(db);
  assert.deepEqual(
    db.all<{ about: string | null }>('select about from idempotency order by name').map(row => row.about),
    answers.map(([, about]) => about),
  );
});

test('links and sessions that are over go, and what an agent left behind', async context => {
  const { store, dataDir, start, clear, whole, later } = await makeStore(context);
  const { id } = await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna' });
  await store.newSignInLink(id, { knownTo: 'nobody' });
  const { secret } = await store.newSignInLink(id, { knownTo: 'nobody' });
  const session = (await store.useSignInLink(secret, 'correct horse battery'))!;
  await store.newSignInLink(id, { knownTo: 'nobody' });
  const count = (table: string) => {
    const db = openDatabase(dataDir);
    const rows = db.value(`select count(*) from ${table}`);
    db.close();
    return rows;
  };
  later(0.4);
  assert.deepEqual(await clear({}), {});
  assert.notEqual(await store.session(session.secret), null);
  later(0.4);
  assert.deepEqual(await clear({}), {}, 'its use was noted');
  later(0.4);
  assert.deepEqual(await clear({}), { sign_ins: 2 });
  assert.deepEqual([count('sign_in_link'), count('agent_session')], [0, 0]);

  const conversation = await start('carla@customer.example');
  await store.assignConversation({ id: conversation.id }, id);
  await store.readConversation({ id: conversation.id }, { agent: id });
  const db = openDatabase(dataDir);
  db.run('update agent_account set leaving_at = 1');
  db.close();
  await assert.rejects(store.agent(id), error => isReplydError(error, 'agent_not_found'));
  assert.deepEqual(await clear({}), { agents_left: 1 });
  assert.deepEqual([count('agent'), count('agent_account'), count('agent_seen')], [0, 0, 0]);
  assert.equal((await store.conversations({ account: 'acme', assignee: 'none', limit: 9 })).length, 1);
  await whole();
});

test('an answer that tells of an agent is emptied when he goes', async context => {
  const { store, dataDir } = await makeStore(context);
  const { key } = await store.addKey({ account: 'acme' });
  const request = { caller: key.id, name: 'n', fingerprint: 'ab' };
  const wanted = { account: 'acme', email: 'anna@acme.example', name: 'Anna' };
  const { value } = await store.once(request, 'addAgent', [wanted]);
  assert.equal((await store.once(request, 'addAgent', [wanted])).repeated, true);
  const of = { caller: value.id, name: 'n', fingerprint: 'cd' };
  await store.once(of, 'answer', ['his own']);
  await store.removeAgent(value.id, null);
  await assert.rejects(store.once(request, 'addAgent', [wanted]), error => isReplydError(error, 'removed_since'));
  const db = openDatabase(dataDir);
  assert.deepEqual(db.all('select answer from idempotency'), [{ answer: '' }]);
  db.close();
});
