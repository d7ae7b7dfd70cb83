/** What the API does with what it is told: messages, repetition, limits, downloads, faults. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { disposition } from '#replyd/api/download.js';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { eventually } from '../run.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { type Answer, serve, startConversation } from './served.js';

test('a conversation is started with its history and found again', async context => {
  const { call, acme } = await serve(context);
  const made = await call(acme, 'POST', '/v1/conversations', {
    channel: 'twitter',
    source_id: 'tw-1',
    subject: 'Parcel',
    metadata: { thread: 5 },
    contact: { source_id: 'u-1', name: 'Bo' },
    messages: [
      { direction: 'incoming', text: 'Where is it?', source_id: 't1', created_at: '2024-01-02T03:04:05+01:00' },
      { direction: 'note', text: 'angry' },
    ],
  });
  assert.equal(made.status, 201);
  const conversation = made.body as unknown as Conversation;
  assert.deepEqual([conversation.number, conversation.source_id, conversation.metadata], [1, 'tw-1', { thread: 5 }]);
  const shown = (await call(acme, 'GET', '/v1/conversations/1')).body as unknown as Conversation;
  assert.deepEqual(
    shown.messages!.map(each => [each.kind, each.text, each.date, each.via]),
    [
      ['channel', 'Where is it?', '2024-01-02T02:04:05.000Z', 'api'],
      ['note', 'angry', null, 'api'],
    ],
  );
  const finds: [string, number][] = [
    ['', 1],
    ['?channel=twitter&source_id=tw-1', 1],
    ['?channel=facebook', 0],
    ['?status=resolved', 0],
    [`?contact=${conversation.contact.id}`, 1],
    ['?updated_since=2024-01-01T00:00:00Z', 1],
    ['?updated_since=2099-01-01T00:00:00Z', 0],
  ];
  for (const [query, count] of finds) {
    assert.equal((await call(acme, 'GET', `/v1/conversations${query}`)).body.data.length, count, query);
  }
});

test('a conversation posted again by its source_id is 200, and a contact of two people is 409', async context => {
  const { call, acme } = await serve(context);
  const post = (contact: object, rest: object = {}) =>
    call(acme, 'POST', '/v1/conversations', { channel: 'twitter', source_id: 'tw-1', contact, ...rest });
  const made = await post({ source_id: 'u-1', name: 'Bo' });
  const again = await post({ source_id: 'u-1', email: 'bo@customer.example' });
  assert.deepEqual([made.status, again.status, again.body.id], [201, 200, made.body.id]);
  assert.equal('known' in again.body, false);
  const contact = (again.body as unknown as Conversation).contact;
  assert.equal(contact.email, 'bo@customer.example', 'learned');
  const other = await post({ source_id: 'u-2' });
  assert.deepEqual([other.status, other.body.code, other.body.contact_id], [409, 'source_id_taken', contact.id]);
  const taken = await post({ source_id: 'u-2', email: 'bo@customer.example' }, { source_id: 'tw-2' });
  assert.deepEqual([taken.status, taken.body.code, taken.body.contact_id], [409, 'address_taken', contact.id]);
  const named = { 'idempotency-key': 'c-1' };
  const keyed = { channel: 'twitter', source_id: 'tw-1', contact: { source_id: 'u-1' } };
  const [first, replayed] = [1, 2].map(() => call(acme, 'POST', '/v1/conversations', keyed, named));
  assert.deepEqual([(await first!).status, (await replayed!).status], [200, 200]);
});

test('lists go both ways, page by page, and contacts are found by their source_id', async context => {
  const { call, acme, store } = await serve(context);
  const all: string[] = [];
  for (let count = 0; count < 5; count += 1) all.push((await startConversation(store)).id);
  await store.setConversation({ id: all[1]! }, { status: 'resolved' });
  const pages = async (place: string) => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await call(acme, 'GET', `${place}limit=2${more}`);
      seen.push(...body.data.map(each => each.id));
      cursor = body.next_cursor;
    }
    return seen;
  };
  assert.deepEqual(await pages('/v1/conversations?order=oldest&'), all);
  assert.deepEqual(await pages('/v1/conversations?order=newest&'), all.toReversed());
  assert.deepEqual(await pages('/v1/conversations?'), all.toReversed());
  const [, second] = (await store.conversations({ order: 'oldest', limit: 2 }))!;
  const since = second!.last_activity_at;
  const older = await store.conversations({ updated_before: since, order: 'oldest', limit: 9 });
  const newer = await store.conversations({ updated_since: since, order: 'oldest', limit: 9 });
  assert.deepEqual(
    [...older, ...newer].map(each => each.id),
    all,
    'each is on one side of a moment',
  );
  assert.ok(newer.some(({ id }) => id === second!.id) && !older.some(({ id }) => id === second!.id));

  const at = `/v1/conversations/${all[0]}/messages?`;
  for (let count = 0; count < 4; count += 1)
    await store.addMessage({ id: all[0]! }, { direction: 'note', text: `${count}`, via: 'api' });
  const messages = (await store.messages({ id: all[0]! }, { after: 0, limit: 9 })).map(each => each.id);
  assert.equal(messages.length, 5);
  assert.deepEqual(await pages(at), messages);
  assert.deepEqual(await pages(`${at}order=newest&`), messages.toReversed());
  assert.equal((await call(acme, 'GET', `${at}order=sideways`)).status, 422);

  const found = await call(acme, 'GET', '/v1/contacts?source_id=visitor-1');
  assert.deepEqual(
    found.body.data.map(each => each.id),
    [(await store.contacts({ limit: 9 }))[0]!.id],
  );
  assert.deepEqual((await call(acme, 'GET', '/v1/contacts?source_id=nobody')).body.data, []);
});

test('an operator adds accounts, makes and ends keys, and reads figures; nobody else does', async context => {
  const { call, acme, operator, store } = await serve(context);
  const account = { slug: 'new', name: 'New', domains: ['in.new.example'], support_email: 'help@new.example' };
  const named = { 'idempotency-key': 'a-1' };
  const made = [1, 2].map(() => call(operator, 'POST', '/v1/accounts', account, named));
  for (const answer of await Promise.all(made)) assert.deepEqual([answer.status, answer.body.name], [201, 'New']);
  const slugs = async (key: string) => (await call(key, 'GET', '/v1/accounts')).body.data.map(each => each.slug);
  assert.deepEqual([await slugs(operator), await slugs(acme)], [['acme', 'new', 'other'], ['acme']]);
  assert.equal((await call(operator, 'POST', '/v1/accounts', account)).body.code, 'account_exists');

  const wanted = { account: 'new', name: 'widget' };
  const key = (await call(operator, 'POST', '/v1/keys', wanted, named)).body.code;
  assert.equal(key, 'idempotency_key_reused');
  const first = (await call(operator, 'POST', '/v1/keys', wanted, { 'idempotency-key': 'k-1' })).body;
  const again = (await call(operator, 'POST', '/v1/keys', wanted, { 'idempotency-key': 'k-1' })).body;
  assert.match(first.key!, /^rpk_/);
  assert.deepEqual([again.id, again.key], [first.id, null], 'the secret is not kept');
  assert.deepEqual(await slugs(first.key!), ['new']);
  assert.ok((await call(operator, 'GET', '/v1/keys')).body.data.some(({ id }) => id === first.id));
  assert.equal((await call(operator, 'DELETE', `/v1/keys/${first.id}`)).status, 200);
  assert.equal((await call(first.key!, 'GET', '/v1/accounts')).status, 401);
  assert.equal((await call(operator, 'DELETE', '/v1/keys/key_00000000000')).body.code, 'api_key_not_found');
  const all = (await call(operator, 'POST', '/v1/keys', { account: null })).body;
  assert.equal((await call(all.key!, 'GET', '/v1/stats')).status, 200);
  const stats = (await call(operator, 'GET', '/v1/stats')).body as unknown as Record<string, number>;
  assert.deepEqual([stats.accounts, stats.contacts], [3, 0]);
  assert.ok(stats.database_bytes! > 0);

  const equipment = { support_email: 'b@new.example', domains: ['b.new.example'], features: { hold_strangers: true } };
  const equipped = (await call(operator, 'PATCH', '/v1/accounts/new', { ...equipment, name: 'B' })).body;
  const { support_email, domains, features, name } = equipped as unknown as Account;
  assert.deepEqual([support_email, domains, name], ['b@new.example', ['b.new.example'], 'B']);
  assert.deepEqual([features.hold_strangers, features.inbound_emails], [true, true]);
  const unknown = await call(operator, 'PATCH', '/v1/accounts/new', { features: { magic: true } });
  assert.equal(unknown.status, 422);

  const before = await store.keys();
  for (const [method, place, body] of [
    ...Object.entries(equipment).map(each => ['PATCH', '/v1/accounts/acme', Object.fromEntries([each])] as const),
    ['PATCH', '/v1/accounts/acme', { ...equipment, name: 'Not this either' }],
    ['POST', '/v1/accounts', { ...account, slug: 'eve' }],
    ['GET', '/v1/keys'],
    ['POST', '/v1/keys', { account: 'acme' }],
    ['POST', '/v1/keys', { account: null }],
    ['DELETE', `/v1/keys/${all.id}`],
    ['GET', '/v1/stats'],
  ] as const) {
    const refused = await call(acme, method, place, body);
    assert.deepEqual([refused.status, refused.body.code], [403, 'operator_required'], `${method} ${place}`);
  }
  assert.equal((await store.keys()).length, before.length);
  assert.notEqual((await store.account('acme')).name, 'Not this either');
});

test('an operator names the account', async context => {
  const { call, operator, store } = await serve(context);
  await startConversation(store);
  const body = { channel: 'api', contact: {} };
  assert.equal((await call(operator, 'POST', '/v1/conversations', body)).status, 422);
  assert.equal((await call(operator, 'POST', '/v1/conversations', { ...body, account: 'nobody' })).status, 404);
  const made = await call(operator, 'POST', '/v1/conversations', { ...body, account: 'other' });
  assert.deepEqual([made.status, made.body.account], [201, 'other']);
  assert.equal((await call(operator, 'GET', '/v1/conversations/acme:1')).status, 200);
  assert.equal((await call(operator, 'GET', '/v1/conversations/1')).status, 422);
  assert.equal((await call(operator, 'GET', '/v1/conversations')).body.data.length, 2);
  assert.equal((await call(operator, 'GET', '/v1/conversations?account=other')).body.data.length, 1);
});

test('a message with a source_id is added once, an Idempotency-Key does a thing once', async context => {
  const { call, acme, store } = await serve(context);
  const { id } = await startConversation(store);
  const place = `/v1/conversations/${id}/messages`;
  const synced = { direction: 'incoming', text: 'again', source_id: 's-1' };
  const [one, two] = [await call(acme, 'POST', place, synced), await call(acme, 'POST', place, synced)];
  assert.deepEqual([two.status, two.body.id], [201, one.body.id]);

  const note = { direction: 'note', text: 'n' };
  const named = { 'idempotency-key': 'n-1' };
  const answers = await Promise.all([1, 2, 3].map(() => call(acme, 'POST', place, note, named)));
  assert.equal(new Set(answers.map(each => each.text)).size, 1);
  assert.equal(answers.filter(each => each.headers.get('idempotency-replayed') === 'true').length, 2);
  assert.equal((await call(acme, 'POST', place, { ...note, text: 'other' }, named)).status, 422);
  assert.equal((await call(acme, 'POST', `/v1/conversations/${id}/seen`, undefined, named)).status, 422);
  assert.equal((await call(acme, 'POST', place, note, { 'idempotency-key': 'x'.repeat(256) })).status, 422);
  const failed = { 'idempotency-key': 'n-2' };
  assert.equal((await call(acme, 'POST', place, { direction: 'note' }, failed)).status, 422);
  assert.equal((await call(acme, 'POST', place, note, failed)).status, 201, 'a fault is not kept');
  assert.equal((await store.conversation({ id })).messages!.length, 4);
});

test('an answer is shown as it will be mailed, and a list with its newest words', async context => {
  const { call, acme, store } = await serve(context);
  const { id } = await startConversation(store);
  const shown = await call(acme, 'POST', '/v1/preview', { markdown: '**Hi** <script>x</script>' });
  const { html } = shown.body as unknown as { html: string };
  assert.deepEqual([shown.status, html], [200, '<p><strong>Hi</strong> &lt;script&gt;x&lt;/script&gt;</p>']);
  assert.equal((await call(acme, 'POST', '/v1/preview', { markdown: 'x'.repeat(64 * 1024 + 1) })).status, 422);
  const listed = (await call(acme, 'GET', '/v1/conversations?preview=8')).body.data as unknown as Conversation[];
  assert.deepEqual(
    listed.map(each => [each.id, each.preview]),
    [[id, { direction: 'incoming', author: 'Carla', text: 'Where is' }]],
  );
  assert.equal((await call(acme, 'GET', '/v1/conversations?preview=501')).status, 422);
});

test('an answer to what somebody has meanwhile answered is refused, with what is new', async context => {
  const { call, acme, store } = await serve(context);
  const { id } = await startConversation(store);
  const place = `/v1/conversations/${id}/messages`;
  const answer = { direction: 'outgoing', text: 'It is on its way.', after_seq: 1 };
  const named = { 'idempotency-key': 'a-1' };
  const first = await call(acme, 'POST', place, answer, named);
  assert.deepEqual([first.status, first.body.seq], [201, 2]);
  assert.deepEqual((await call(acme, 'POST', place, answer, named)).text, first.text, 'once more the same request');
  const moved = await call(acme, 'POST', place, answer);
  const { code, after_seq, messages } = moved.body as unknown as Record<string, unknown>;
  assert.deepEqual(
    [moved.status, code, after_seq, messages],
    [409, 'conversation_moved', 1, [{ id: first.body.id, seq: 2, direction: 'outgoing' }]],
  );
  await call(acme, 'POST', place, { direction: 'note', text: 'a note moves nothing' });
  const mine = { ...answer, text: 'And more.', after_seq: 2, source_id: 's-1' };
  const second = await call(acme, 'POST', place, mine);
  assert.deepEqual([second.status, second.body.seq], [201, 4]);
  assert.equal((await call(acme, 'POST', place, mine)).body.id, second.body.id, 'known by its source_id');
  await store.addMessage({ id }, { direction: 'incoming', text: 'Thanks', via: 'api' });
  const both = await Promise.all([5, 5].map(() => call(acme, 'POST', place, { ...answer, after_seq: 5 })));
  assert.deepEqual(both.map(each => each.status).sort(), [201, 409]);
  const started = { channel: 'api', contact: {}, messages: [answer] };
  assert.equal((await call(acme, 'POST', '/v1/conversations', started)).status, 422);
});

test('refuses what is wrong, and says where', async context => {
  const { call, acme, store } = await serve(context);
  const { id } = await startConversation(store);
  const place = `/v1/conversations/${id}/messages`;
  const text = { direction: 'outgoing', text: 'x' };
  const bad: [unknown, number, RegExp][] = [
    ['{', 422, /no JSON/],
    ['"text"', 422, /object/],
    [[], 422, /object/],
    [{ ...text, direction: 'sideways' }, 422, /direction: Expected one of incoming, outgoing, note/],
    [{ ...text, nonsense: 1 }, 422, /nonsense: There is no such field here, only direction, text, markdown, /],
    [{ text: 'x' }, 422, /direction: Is required: one of incoming, outgoing, note/],
    [{ ...text, cc: [{}] }, 422, /cc\/0\/email: Is required: string/],
    [{ ...text, text: ' \n' }, 422, /words or an attachment/],
    [{ direction: 'outgoing', markdown: '', attachments: [] }, 422, /words or an attachment/],
    ['', 422, /direction: Is required/],
    [{ direction: 'outgoing' }, 422, /`text` or `markdown`/],
    [{ ...text, markdown: 'y' }, 422, /`text` or `markdown`/],
    [{ ...text, text: 7 }, 422, /\/text/],
    [{ ...text, text: 'x'.repeat(262_145) }, 422, /\/text/],
    [{ ...text, mail: 'later' }, 422, /auto, now, never/],
    [{ ...text, direction: 'incoming', mail: 'now' }, 422, /outgoing/],
    [{ ...text, cc: [{ email: 'nobody' }] }, 422, /no e-mail address/],
    [{ ...text, created_at: 'yesterday' }, 422, /created_at: Expected a time/],
    [{ ...text, created_at: '2024-02-99T00:00:00Z' }, 422, /created_at/],
    [{ ...text, metadata: { a: 'x'.repeat(4096) } }, 413, /4096/],
    [{ ...text, metadata: [] }, 422, /metadata/],
    [`{"direction":"note","text":"x","metadata":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`, 413, /4096/],
    [`{"direction":"note","text":"x","__proto__":{"mail":"now"}}`, 422, /__proto__/],
    [{ ...text, agent: {} }, 422, /agent\/name/],
    [{ ...text, attachments: [{ filename: 'a', content_type: 'text/plain', content: '***' }] }, 422, /base64/],
    [{ ...text, attachments: [{ filename: 'a', content_type: 'text/plain', content: 7 }] }, 422, /content/],
    [{ ...text, attachments: [{ filename: 'a', content_type: 'text/plain' }] }, 422, /content/],
    [{ ...text, attachments: [{ filename: '', content_type: 'text/plain', content: '' }] }, 422, /filename/],
  ];
  for (const [body, status, words] of bad) {
    const answer = await call(acme, 'POST', place, body);
    assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 100)}: ${answer.text}`);
    assert.match(answer.body.detail, words);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(answer.body.status, status);
  }
  assert.equal((await call(acme, 'POST', place, 'direction=note', { 'content-type': 'text/plain' })).status, 415);
  const queries = ['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'nonsense=1', '__proto__=1', 'cursor=x'];
  for (const query of queries) {
    assert.equal((await call(acme, 'GET', `/v1/conversations?${query}`)).status, 422, query);
  }
  const { body } = await call(acme, 'GET', '/v1/conversations?state=open');
  assert.match(body.detail, /^\?state: There is no such field here, only account, status, /);
  for (const list of ['conversations', 'contacts', 'deliveries', `conversations/${id}/messages`]) {
    for (const cursor of ['x', id, 'ct_00000000000', '-1']) {
      const answer = await call(acme, 'GET', `/v1/${list}?cursor=${cursor}`);
      if (answer.status !== 200) assert.match(answer.body.detail, /This cursor is none of ours/, list);
      else assert.deepEqual(answer.body.data, [], `${list} after ${cursor}`);
    }
  }
  const gzip = { 'content-encoding': 'gzip' };
  assert.match((await call(acme, 'POST', place, '{}', gzip)).body.detail, /must not be compressed/);
  assert.equal((await call(acme, 'POST', `/v1/conversations/${id}/rotate-token`)).status, 200, 'no body, none needed');
  for (const harmless of [
    { direction: 'outgoing', text: '', mail: 'never' },
    { direction: 'outgoing', text: '', created_at: '2024-01-01T00:00:00Z' },
    { direction: 'incoming', text: '' },
  ]) {
    assert.equal((await call(acme, 'POST', place, harmless)).status, 201, JSON.stringify(harmless));
  }
  assert.equal((await call(acme, 'GET', `/v1/messages/${id}`)).status, 404, 'the id of something else');
  assert.equal((await store.conversation({ id })).messages!.length, 4);
});

test("another contact's address is a conflict that names him", async context => {
  const { call, acme, store } = await serve(context);
  const { contact } = await startConversation(store);
  const bo = await call(acme, 'POST', '/v1/conversations', {
    channel: 'line',
    contact: { email: 'bo@customer.example' },
  });
  const place = `/v1/contacts/${bo.body.contact.id}`;
  const answer = await call(acme, 'PATCH', place, { email: 'Carla@customer.example' });
  assert.deepEqual([answer.status, answer.body.contact_id], [409, contact.id]);
  const changed = await call(acme, 'PATCH', place, { email: 'bo@new.example', name: 'Bo B.', source_id: null });
  assert.deepEqual([changed.body.email, changed.body.name], ['bo@new.example', 'Bo B.']);
  assert.equal((await call(acme, 'PATCH', place, { source_id: 'visitor-1' })).status, 409);
  assert.equal((await call(acme, 'PATCH', place, { email: 'nobody' })).status, 422);
});

test('pages hold everything once, also while conversations move', async context => {
  const { call, acme, store } = await serve(context);
  const ids: string[] = [];
  for (let i = 0; i < 7; i += 1) {
    ids.push((await store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'api' })).id);
  }
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: Answer = await call(acme, 'GET', `/v1/conversations?limit=3${cursor && `&cursor=${cursor}`}`);
    seen.push(...body.data.map(each => each.id));
    cursor = body.next_cursor;
    // The last one shown moves to the head of the list: the next page goes on where it stood.
    await store.addMessage({ id: seen.at(-1)! }, { direction: 'note', text: 'moves', via: 'api' });
  }
  assert.deepEqual(seen.toSorted(), ids.toSorted());
  const messages: number[] = [];
  for (let i = 0; i < 5; i += 1) await store.addMessage({ id: ids[0]! }, { direction: 'note', text: 'n', via: 'api' });
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const { body }: Answer = await call(acme, 'GET', `/v1/conversations/${ids[0]}/messages?limit=2&cursor=${cursor}`);
    messages.push(...body.data.map(each => each.seq));
    cursor = body.next_cursor;
  }
  assert.deepEqual(
    messages,
    messages.toSorted((a, b) => a - b),
  );
  const { body } = await call(acme, 'GET', `/v1/conversations/${ids[0]}?messages=2`);
  assert.deepEqual(
    body.messages.map(each => each.seq),
    messages.slice(-2),
  );
});

test('attachments come back byte for byte, small and large, and no browser acts on them', async context => {
  const served = await serve(context);
  const { call, acme, store, url } = served;
  const { id } = await startConversation(store);
  const small = Buffer.from('<script>alert(1)</script>');
  const large = randomBytes(3_000_000);
  const attachment = (filename: string, content_type: string, bytes: Buffer) => ({
    filename,
    content_type,
    content: bytes.toString('base64'),
  });
  for (const [name, type, bytes] of [
    ['Größe "1".html', 'text/html', small],
    ['photo.jpg', 'image/jpeg', large],
    ['empty.txt', 'text/plain', Buffer.alloc(0)],
  ] as const) {
    const added = await call(acme, 'POST', `/v1/conversations/${id}/messages`, {
      direction: 'outgoing',
      text: 'see',
      attachments: [attachment(name, type, bytes), attachment('second', 'a/b', small)],
    });
    assert.equal(added.status, 201, added.text);
    const [first] = (added.body as unknown as Message).attachments;
    assert.deepEqual(
      [first!.filename, first!.size, first!.sha256],
      [name, bytes.length, createHash('sha256').update(bytes).digest('hex')],
    );
    const response = await fetch(`${url}/v1/attachments/${first!.id}`, {
      headers: { authorization: `Bearer ${acme}` },
    });
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes));
    assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/);
  }
  const broken = { direction: 'note', text: 'x', attachments: [attachment('a', 'a/b', large)] };
  assert.equal((await call(acme, 'POST', `/v1/conversations/${id}/messages`, { ...broken, nonsense: 1 })).status, 422);
  const huge = { ...broken, text: 'x'.repeat(9_000_000) };
  assert.equal((await call(acme, 'POST', `/v1/conversations/${id}/messages`, huge)).status, 413);
  // The last file goes when its request has ended, which may be after its answer.
  await eventually(
    'nothing is left behind',
    () => !readdirSync(served.folder).some(name => /\.(?:part|body)$/.test(name)),
  );
});

test('other requests are answered while a large body is read', async context => {
  const { call, acme, store } = await serve(context, {
    limits: () => ({ requests: 100_000, body: 60_000_000, response: 1_000_000 }),
  });
  const { id } = await startConversation(store);
  const content = Buffer.alloc(20_000_000, 7).toString('base64');
  const body = JSON.stringify({
    direction: 'note',
    text: 'x',
    attachments: [{ filename: 'f', content_type: 'a/b', content }],
  });
  let done = false;
  const upload = call(acme, 'POST', `/v1/conversations/${id}/messages`, body).finally(() => {
    done = true;
  });
  let answered = 0;
  while (!done) {
    assert.equal((await call(acme, 'GET', `/v1/conversations/${id}?messages=0`)).status, 200);
    answered += 1;
  }
  assert.equal((await upload).status, 201);
  assert.ok(answered > 5, `${answered} answers meanwhile`);
});

test('a key has its requests a minute, and no other pays for it', async context => {
  const { call, acme, other } = await serve(context, {
    limits: () => ({ requests: 3, body: 1000, response: 1_000_000 }),
    clock: () => 1_000_000,
  });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i += 1) statuses.push((await call(acme, 'GET', '/v1/hooks')).status);
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  assert.equal((await call(acme, 'GET', '/v1/hooks')).headers.get('retry-after'), '20');
  assert.equal((await call(other, 'GET', '/v1/hooks')).status, 200);
});

test("a mail to two accounts shows neither the other's reply address", async context => {
  const { call, acme, other, store, url } = await serve(context);
  const mine = await startConversation(store);
  const theirs = await store.startConversation({
    account: 'other',
    channel: 'api',
    contact: { email: 'carla@customer.example' },
    via: 'api',
  });
  const raw = `To: ${mine.reply_to}, ${theirs.reply_to!.toUpperCase()}\r\n\r\nHi`;
  const bytes = Buffer.from(raw);
  const mail = reading({
    text: 'Hi',
    to: [mine.reply_to!, theirs.reply_to!].map(email => ({ name: '', email })),
  });
  await store.file(
    filing([await destinationOf(store, mine.reply_to!), await destinationOf(store, theirs.reply_to!)], mail, {
      raw: { sha256: createHash('sha256').update(raw).digest('hex'), size: bytes.length, bytes },
    }),
  );
  const tokenOf = (address: string) => /\+([0-9a-f]{32})@/.exec(address)![1]!;
  for (const [key, own, foreign] of [
    [acme, mine, theirs],
    [other, theirs, mine],
  ] as const) {
    const shown = await call(key, 'GET', `/v1/conversations/${own.id}`);
    const message = (shown.body as unknown as Conversation).messages!.at(-1)!;
    const response = await fetch(`${url}/v1/messages/${message.id}/raw`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const original = await response.text();
    for (const text of [shown.text, original]) {
      assert.ok(text.toLowerCase().includes(tokenOf(own.reply_to!)));
      assert.ok(!text.toLowerCase().includes(tokenOf(foreign.reply_to!)), text);
    }
    assert.equal(original.length, raw.length);
    assert.equal(message.to.length, 2);
  }
});

test('file names in a header break neither it nor a disk', () => {
  const names: [string, string][] = [
    ['plain.txt', 'attachment; filename="plain.txt"'],
    ['a"b;c%d.txt', `attachment; filename="a_b_c_d.txt"; filename*=UTF-8''a%22b%3Bc%25d.txt`],
    ['../../etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
    ['x\r\nSet-Cookie: a=b', 'attachment; filename="x__Set-Cookie: a=b"'],
    ['Größe.pdf', `attachment; filename="Gr__e.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf`],
    ['\ud800', 'attachment; filename="_"'],
    ['', 'attachment; filename="file"'],
  ];
  for (const [name, header] of names) assert.equal(disposition(name), header);
  assert.ok(disposition('x'.repeat(10_000)).length < 1000);
});
