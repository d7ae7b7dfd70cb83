/** No account ever reads the reply address of another one, wherever it stands and whatever way it would go. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Change, changeRows } from '../engine.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { ask, requests } from './every-route.js';
import { type Served, serve, startConversation } from './served.js';

/** Every column of text that somebody from outside can have written, and those of JSON with a place in them. */
const COLUMNS: readonly [string, readonly string[]][] = [
  ['contact', ['name', 'source_id']],
  ['participant', ['name']],
  ['conversation', ['subject', 'source_id']],
  ['message', ['text', 'quoted_text', 'signature', 'html', 'subject', 'message_id', 'in_reply_to', 'author_name']],
  ['attachment', ['filename', 'content_id']],
  ['delivery', ['last_error', 'smtp_response']],
  ['hook', ['reason']],
];
const JSON_COLUMNS: readonly [string, string, (foreign: string) => unknown][] = [
  ['conversation', 'metadata', foreign => ({ [foreign]: foreign })],
  ['message', 'metadata', foreign => ({ deep: [{ [foreign]: `mailto:${foreign}` }] })],
  ['message', 'refs', foreign => [foreign]],
  ['message', 'recipients_to', foreign => [{ name: foreign, email: foreign }]],
  ['message', 'recipients_cc', foreign => [{ name: foreign, email: foreign }]],
  ['message', 'evidence', foreign => [`said: ${foreign}`]],
  ['message', 'report', foreign => [{ recipient: foreign, action: 'failed', diagnostic: foreign }]],
  ['event', 'data', foreign => ({ subject: foreign })],
];

interface Planted {
  /** The other account's, as they stand in the texts: none may be read. */
  readonly foreign: readonly string[];
  readonly written: string;
}

/** An address of the other account in all of acme's data, in several forms. */
async function plant(served: Served): Promise<Planted> {
  const { store } = served;
  const imported = 'other-system.4711_abcdef';
  const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const tokens: string[] = [];
  for (const token of [undefined, imported, uuid]) {
    const { reply_to } = await store.startConversation({
      account: 'other',
      channel: 'api',
      contact: {},
      via: 'api',
      ...(token === undefined ? {} : { token }),
    });
    tokens.push(/\+(.+)@/.exec(reply_to!)![1]!);
  }
  const [hex] = tokens as [string];
  const { inbox } = await store.account('other');
  const written = [
    ...tokens.map(token => `<reply+${token}@reply.example.com>`),
    `REPLY=${hex.toUpperCase()}@REPLY.EXAMPLE.COM`,
    `mailto:reply%2B${hex}%40reply.example.com`,
    `\n${hex}\n${inbox}`,
  ].join(' ');
  const texts = COLUMNS.flatMap(([table, columns]) =>
    columns.map((column): Change => {
      const unique = column === 'source_id' ? "|| ' ' || key" : '';
      return [`update ${table} set ${column} = coalesce(${column}, '') || $1 ${unique}`, written];
    }),
  );
  const jsons = JSON_COLUMNS.map(
    ([table, column, value]): Change => [`update ${table} set ${column} = $1`, JSON.stringify(value(written))],
  );
  await changeRows(served.folder, [...texts, ...jsons]);
  return { foreign: [...tokens, /\+(.+)@/.exec(inbox!)![1]!, uuid.replaceAll('-', '')], written };
}

function assertNone(text: string, { foreign }: Planted, where: string): void {
  for (const token of foreign) assert.ok(!text.toLowerCase().includes(token), `${where} shows ${token}: ${text}`);
}

test('no route shows a reply address of another account, every route its own', async context => {
  const served = await serve(context);
  const all = { ...(await requests(served)), 'GET /v1/deliveries': { place: '/v1/deliveries' } };
  const planted = await plant(served);
  const masked: string[] = [];
  const own = (await served.store.conversation({ account: 'acme', number: 1 })).reply_to!;
  for (const [route, request] of Object.entries(all)) {
    const answer = await ask(served, served.acme, route, request);
    assert.ok(answer.status < 300, `${route}: ${answer.text}`);
    assertNone(`${answer.text}${JSON.stringify([...answer.headers])}`, planted, route);
    if (answer.text.includes('reply+\u2026@')) masked.push(route);
    if (route === 'GET /v1/conversations/{ref}') assert.ok(answer.text.includes(own));
    const operator = await ask(served, served.operator, route, request);
    if (route === 'GET /v1/messages/{id}')
      assert.ok(operator.text.includes(planted.foreign[0]!), 'an operator reads all');
  }
  const shows = /conversations|messages\/\{id\}(?!\/raw)|contacts|deliveries|hooks\/\{id\}/;
  const silent = Object.keys(all).filter(route => shows.test(route) && !masked.includes(route));
  // What was just made holds nothing that was planted; a removed hook answers nothing.
  assert.deepEqual(silent.sort(), [
    'DELETE /v1/contacts/{id}',
    'DELETE /v1/conversations/{ref}',
    'DELETE /v1/hooks/{id}',
    'POST /v1/conversations',
    'POST /v1/conversations/{ref}/messages',
  ]);
});

test('no event shows a reply address of another account, on neither way', async context => {
  const served = await serve(context);
  const { store } = served;
  const first = await store.latestEvent();
  const hook = (await store.addHook({ account: 'acme', url: 'https://app.example/' })).hook.id;
  await requests(served);
  const planted = await plant(served);

  const parcels = await store.lease(hook, { now: Date.now() + 1000, limit: 100 });
  const posted = parcels.map(parcel => (parcel.kind === 'webhook' ? parcel.body : ''));
  assert.ok(posted.some(body => body.includes('reply+\u2026@')));
  for (const body of posted) assertNone(body, planted, 'a webhook');

  const ending = new AbortController();
  const stream = await fetch(`${served.url}/v1/events`, {
    headers: { authorization: `Bearer ${served.acme}`, 'last-event-id': first },
    signal: ending.signal,
  });
  let text = '';
  for await (const chunk of stream.body!) {
    text += Buffer.from(chunk).toString();
    if (text.split('\nevent: ').length > posted.length) break;
  }
  ending.abort();
  assert.ok(text.includes('reply+\u2026@'));
  assertNone(text, planted, 'the stream');
});

test('raw mails and attachments are as they came, but for the tokens of others', async context => {
  const served = await serve(context);
  const { store } = served;
  const { reply_to } = await startConversation(store);
  const planted = await plant(served);
  const pad = (length: number) => 'All work and no play. '.repeat(length / 22 + 1).slice(0, length);
  // Small in a row, large in a file; in the latter tokens stand across the ends of what is read at once.
  for (const size of [100, 64 * 1024 - 300, 64 * 1024 - 60, 128 * 1024 - 20, 300_000]) {
    const text = `To: ${reply_to}\r\n\r\n${pad(size)}${planted.written}${pad(size)}${planted.written}`;
    const bytes = Buffer.from(text);
    const facts = { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
    const content = await store.place({ bytes }, facts);
    const attachment = {
      filename: `${planted.foreign[0]}.txt`,
      contentType: 'text/plain',
      ...facts,
      contentId: null,
      inline: false,
      content: { bytes },
    };
    const [filed] = await store.file(
      filing([await destinationOf(store, reply_to!)], reading({ text: String(size), attachments: [attachment] }), {
        raw: content,
        attachments: [content],
      }),
    );
    assert.ok(filed?.kind === 'filed' && filed.messageId);
    const { attachments } = await store.message(filed.messageId);
    for (const place of [`/v1/messages/${filed.messageId}/raw`, `/v1/attachments/${attachments[0]!.id}`]) {
      const shown = await served.call(served.acme, 'GET', place);
      assert.equal(shown.headers.get('content-length'), String(bytes.length));
      assertNone(shown.text + JSON.stringify([...shown.headers]), planted, `${place} of ${size}`);
      assert.equal(shown.text.replaceAll(/x{16,}/g, ''), withoutTokens(text, planted), `${place} of ${size}`);
      assert.equal((await served.call(served.operator, 'GET', place)).text, text);
    }
  }
});

function withoutTokens(text: string, { foreign }: Planted): string {
  let rest = text;
  for (const token of foreign) rest = rest.replaceAll(new RegExp(token.replaceAll('.', '\\.'), 'gi'), '');
  return rest;
}
