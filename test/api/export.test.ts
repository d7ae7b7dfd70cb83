/** A person's export: what is in it, for whom, and that it is made while it is read. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Message } from '#replyd/conversation/model.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { destinationOf, filing, reading, sha256 } from '../store/contract.js';
import { type Served, serve, signIn, startConversation } from './served.js';

/** Asks for it, and takes it apart with the machine's own tar. */
async function exported(served: Served, id: string, key = served.acme) {
  const answer = await fetch(`${served.url}/v1/contacts/${id}/export`, { headers: { authorization: `Bearer ${key}` } });
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/x-tar']);
  assert.equal(answer.headers.get('content-disposition'), `attachment; filename="${id}.tar"`);
  const folder = path.join(served.folder, `export-${id}`);
  mkdirSync(folder);
  writeFileSync(`${folder}.tar`, new Uint8Array(await answer.arrayBuffer()));
  execFileSync('tar', ['-xf', `${folder}.tar`, '-C', folder]);
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
  const read = (name: string) => readFileSync(path.join(folder, name));
  const messages = names
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => read(name).toString().trimEnd().split('\n'))
    .map(line => JSON.parse(line) as Message);
  return { names, read, messages, contents: JSON.parse(read('contents.json').toString()) };
}

/** A mail of this writer to the conversation's reply address, with a file. */
async function mail(served: Served, to: string, from: { name: string; email: string; text: string; file?: string }) {
  const { store } = served;
  const raw = Buffer.from(`From: ${from.email}\r\nTo: ${to}\r\n\r\n${from.text}\r\n`);
  const bytes = Buffer.from(from.file ?? '');
  const facts = { size: bytes.length, sha256: sha256(bytes.toString()) };
  const attachments = from.file === undefined ? [] : [await store.place({ bytes }, facts)];
  const attached = attachments.map(() => ({
    ...{ filename: '../Rechnung Mai.PDF', contentType: 'application/pdf', contentId: null, inline: false },
    ...facts,
    content: { bytes },
  }));
  const read = reading({ from, text: from.text, attachments: attached });
  const more = {
    raw: { ...factsOf(raw), bytes: raw },
    facts: { ...factsOf(raw), contentKey: sha256(from.text), hops: 1 },
  };
  const [filed] = await store.file(filing([await destinationOf(store, to)], read, { ...more, attachments }));
  assert.equal(filed?.kind, 'filed');
  return raw;
}

test('an export has what a person wrote and what went to him, with his files and mails', async context => {
  const served = await serve(context);
  const { store } = served;
  const { id, contact, reply_to } = await startConversation(store);
  const carla = { name: 'Carla', email: 'carla@customer.example' };
  const file = 'x'.repeat(200_000);
  const raw = await mail(served, reply_to!, { ...carla, text: 'My bill', file });
  await store.addMessage({ id }, { direction: 'note', text: 'a secret note', via: 'api' });
  await store.addMessage({ id }, { direction: 'outgoing', text: 'Our answer', via: 'api' });
  await mail(served, reply_to!, { name: 'Bo', email: 'bo@other.example', text: 'for the team alone' });
  const second = await store.startConversation({
    account: 'acme',
    channel: 'line',
    contact: { source_id: 'visitor-1' },
    text: 'In another channel',
    via: 'api',
  });
  const others = await store.startConversation({
    account: 'acme',
    channel: 'line',
    contact: { source_id: 'dora' },
    text: 'Of Dora',
    via: 'api',
  });

  const { names, read, messages, contents } = await exported(served, contact.id);
  assert.deepEqual(
    messages.map(({ text }) => text),
    ['Where is my parcel?', 'My bill', 'Our answer', 'In another channel'],
  );
  const [bill] = messages.filter(({ text }) => text === 'My bill');
  const [{ id: attachment, filename }] = bill!.attachments as unknown as [{ id: string; filename: string }];
  assert.equal(filename, '../Rechnung Mai.PDF');
  assert.deepEqual(names, [
    'contact.json',
    'contents.json',
    `conversations/1/attachments/${attachment}.PDF`,
    'conversations/1/conversation.json',
    `conversations/1/mails/${bill!.id}.eml`,
    'conversations/1/messages-0001.jsonl',
    'conversations/2/conversation.json',
    'conversations/2/messages-0001.jsonl',
  ]);
  assert.deepEqual(read(`conversations/1/mails/${bill!.id}.eml`), raw);
  assert.equal(read(`conversations/1/attachments/${attachment}.PDF`).toString(), file);
  const { made_at, ...counted } = contents;
  assert.ok(!Number.isNaN(Date.parse(made_at)));
  assert.deepEqual(counted, { conversations: 2, messages: 4, mails: 1, attachments: 1, not_kept: 0 });
  const all = names.map(name => read(name).toString('latin1')).join('\n');
  for (const word of ['secret note', 'for the team', 'bo@other.example', 'Of Dora', second.reply_to!, others.id]) {
    assert.ok(!all.includes(word), word);
  }
});

test('what is no longer kept is left out and counted', async context => {
  const served = await serve(context);
  const { store } = served;
  const { contact, reply_to } = await startConversation(store);
  await mail(served, reply_to!, { name: 'Carla', email: 'carla@customer.example', text: 'My bill' });
  const never = { resolved: null, deliveries: null, unfiled: null };
  const cleared = await store.clearOld({ ...never, raw: Date.now() + 86_400_000 });
  assert.equal(cleared.raw_mails, 1);
  const { names, contents } = await exported(served, contact.id);
  assert.deepEqual([contents.messages, contents.mails, contents.not_kept], [2, 0, 1]);
  assert.ok(!names.some(name => name.endsWith('.eml')));
});

test('only keys and admins of his account get it, and reply addresses of others are not in it', async context => {
  const served = await serve(context);
  const { store, call } = served;
  const { contact, reply_to } = await startConversation(store);
  const other = await store.startConversation({ account: 'other', channel: 'api', contact: {}, via: 'api' });
  const carla = { name: 'Carla', email: 'carla@customer.example' };
  await mail(served, reply_to!, { ...carla, text: `I was written from ${other.reply_to}` });
  const { names, read } = await exported(served, contact.id);
  const token = other.reply_to!.split('@')[0]!;
  for (const name of names) assert.ok(!read(name).includes(token), name);
  const place = `/v1/contacts/${contact.id}/export`;
  assert.equal((await call(served.other, 'GET', place)).body.code, 'contact_not_found');
  assert.equal((await call(served.acme, 'GET', place.replace(contact.id, 'ct_00000000000'))).status, 404);
  const { id } = await store.addAgent({ account: 'acme', email: 'a@acme.example', name: 'A', role: 'agent' });
  const session = { 'x-session': await signIn(store, id) };
  assert.equal((await call(null, 'GET', place, undefined, session)).body.code, 'admin_required');
  assert.equal(
    (await call(null, 'DELETE', `/v1/contacts/${contact.id}`, undefined, session)).body.code,
    'admin_required',
  );
});
