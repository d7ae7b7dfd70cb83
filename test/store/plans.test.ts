/**
 * No verb reads a whole table that grows. Every statement that the store prepares in a day's work is asked for its plan;
 * one that scans has to be on the list here, with its reason.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openStore } from '#replyd/store/sqlite/open.js';
import { destinationOf, filing, reading } from './contract.js';

const GROWING =
  /^(?:SCAN) (?:d |older |delivery|message|m |mail|event|conversation|c |contact|participant|token|t |attachment|a |blob|b |thread_id|outgoing_mail|o |delivery_message|dm |proof)/;

/** A listing that ends after its page walks the table in order; these are the only ones. */
const WALKS = [
  /^select \* from (?:mail|contact|delivery) .*order by key desc limit/s,
  /^select \* from (?:mail|contact|delivery)\s+order by key desc limit/s,
  /^select \* from event where key > \+?\?/s,
  // Counts to a million once a minute, in the index, and ends where the table does.
  /^select expires_at from proof order by expires_at desc limit 1 offset/,
];
/** Counting is what `stats` is for; nobody waits for it. */
const COUNTS = /^select count\(\*\) from/;

test('every statement finds its rows by an index', async context => {
  const statements = new Set<string>();
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function recording(this: Database.Database, text: string) {
    statements.add(text.trim());
    return prepare.call(this, text);
  } as typeof prepare;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-plans-'));
  const store = await openStore({
    dataDir,
    writer: 'direct',
    rules: { prefixes: ['reply'], separator: '+', delay: 0, maxSize: 1e6, responseBytes: 8_388_608 },
    migrate: true,
  });
  context.after(async () => {
    Database.prototype.prepare = prepare;
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  await store.setFeature('acme', 'new_conversations', true);
  await store.voidLeases();
  const { key, secret } = await store.addKey({ account: 'acme' });
  await store.verifyKey(secret);
  await store.keyUsed(key.id);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://app.example/' });
  const { id, contact, reply_to } = await store.startConversation({
    account: 'acme',
    channel: 'line',
    contact: { source_id: 'u1' },
    text: 'Hi',
    via: 'api',
  });
  const named = { account: 'acme', channel: 'line', source_id: 'c', via: 'api' } as const;
  for (const name of ['', 'U']) await store.startConversation({ ...named, contact: { source_id: 'u1', name } });
  const add = { direction: 'outgoing', text: 'Hello', source_id: 's', via: 'api' } as const;
  await store.once({ caller: key.id, name: 'n', fingerprint: '00' }, 'addMessage', [{ id }, add]);
  await store.addMessage({ id }, { ...add, source_id: 't', mail: 'now', cc: [{ name: '', email: 'c@d.example' }] });
  await store.messages({ id }, { before: null, limit: 5 });
  await store.conversationsOf(contact.id, { after: id, limit: 5 });
  await store.setContact(contact.id, { email: 'a@b.example', source_id: 'u2', name: 'A' });
  await store.setContact(contact.id, { email: 'x@b.example' });
  const to = await destinationOf(store, reply_to!);
  const [filed] = await store.file(filing([to], reading()));
  await store.file(
    filing([to], null, { facts: { size: 1, sha256: '11'.repeat(32), contentKey: '22'.repeat(32), hops: 0 } }),
  );
  const inbox = await destinationOf(store, (await store.account('acme')).inbox!);
  await store.file(filing([inbox], reading({ text: 'new', inReplyTo: ['z@z.example'] })));
  assert.ok(filed?.kind === 'filed');
  const now = Date.now() + 1000;
  assert.deepEqual(await store.dueConversations({ now, limit: 9 }), [id]);
  await store.nextComposeAt();
  const snapshot = (await store.composeSnapshot(id, { now, context: 10 }))!;
  await store.saveComposed({
    mailId: store.mintMailId(),
    conversationId: id,
    messageId: 'm@reply.example.com',
    subject: 's',
    messageIds: snapshot.unmailed.map(each => each.id),
    inReplyTo: null,
    references: [],
    raw: { sha256: '33'.repeat(32), size: 1, bytes: Buffer.from('x') },
    copies: snapshot.copies.map(each => ({ deliveryId: each.deliveryId, head: '', mailFrom: '' })),
  });
  for (const name of ['smarthost', hook.id]) {
    await store.nextDueAt(name);
    const [parcel, second] = await store.lease(name, { now, limit: 9 });
    const outcome = { kind: 'failed', response: '550', suspend: true, refusedByPolicy: false } as const;
    await store.settle(parcel!.deliveryId, outcome, { now, retryAt: null });
    if (second) await store.release([second]);
  }
  await store.clearContact(contact.id);
  const bounce = await destinationOf(store, snapshot.copies[0]!.bounceAddress!);
  const report = { recipient: 'a@b.example', action: 'failed' as const, status: '5.1.1', diagnostic: '' };
  await store.file(filing([bounce], { ...reading({ kind: 'bounce', text: 'no' }), report: [report] }));
  await store.pendingHooks();
  await store.seen({ id });
  await store.rotateToken({ id });
  await store.quotable([id]);
  const filters = [
    {},
    { account: 'acme' },
    { conversation: id },
    { state: 'failed' },
    { account: 'acme', state: 'waiting' },
    { hook: hook.id },
    { account: 'acme', hook: hook.id, state: 'failed' },
  ] as const;
  for (const filter of filters) await store.deliveries({ ...filter, limit: 9 });
  for (const account of [undefined, 'acme']) {
    const of = account === undefined ? {} : { account };
    await store.contacts({ ...of, limit: 9 });
    await store.contacts({ ...of, email: 'a@b.example', limit: 9 });
    await store.mails({ ...of, limit: 9 });
    await store.mails({ ...of, state: 'quarantined', limit: 9 });
    await store.events({ ...of, after: 'ev_00000000000', limit: 9 });
    await store.conversations({ ...of, limit: 9, preview: 80 });
    await store.conversations({ ...of, limit: 9, order: 'oldest', before: id, updated_before: '2099-01-01T00:00:00Z' });
    await store.conversations({
      ...of,
      limit: 9,
      channel: 'line',
      contact: contact.id,
      updated_since: '2024-01-01T00:00:00Z',
    });
  }
  await store.conversation({ account: 'acme', number: 1 }, { messages: 1 });
  await store.messages({ id }, { after: 0, limit: 9 });
  await store.latestEvent();
  await store.canResume('ev_00000000000', 'acme');
  for (const each of [id, contact.id, filed.messageId!, hook.id]) await store.accountOf(each);
  await store.singleTenant('acme');
  await store.redacted(`reply+${'0'.repeat(32)}@reply.example.com`, { account: 'acme' });
  await store.retryDeliveries('failed');
  const proof = { key: '55'.repeat(32), recipients: '66'.repeat(32), expiresAt: now };
  await store.file(filing([inbox], reading({ text: 'proven' }), { proof }));
  await store.clearEvents({ before: now, answersBefore: now, limit: 9 });
  await store.disableHook(hook.id, 'x');
  await store.removeHook(hook.id);
  await store.stats();
  await store.filesWithoutRow(['44'.repeat(32)]);
  await store.file(filing([await destinationOf(store, 'postmaster@reply.example.com')], reading()));
  await store.removeConversation({ id });
  await store.removeAccount('acme');

  Database.prototype.prepare = prepare;
  const raw = new Database(path.join(dataDir, 'replyd.db'), { readonly: true });
  context.after(() => raw.close());
  const wrong: string[] = [];
  for (const text of statements) {
    if (!/^(?:select|insert|update|delete|with)/.test(text) || COUNTS.test(text)) continue;
    if (WALKS.some(each => each.test(text))) continue;
    const plan = raw.prepare(`explain query plan ${text}`).all(...Array(text.split('?').length - 1).fill(null));
    for (const { detail } of plan as { detail: string }[]) {
      if (GROWING.test(`${detail} `) && !/USING (?:COVERING )?INDEX/.test(detail))
        wrong.push(`${detail}: ${text.replaceAll(/\s+/g, ' ')}`);
    }
  }
  assert.ok(statements.size > 100, `${statements.size} statements`);
  assert.deepEqual(wrong, []);
});
