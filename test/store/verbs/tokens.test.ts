/** Which words of a text are somebody else's reply address, and that looking for them costs what the text is long. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from '../rules.js';

const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const NAMED = 'ticket.4711_abc-def-ghi';

async function open(context: TestContext): Promise<OpenStore> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-tokens-'));
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return store;
}

async function start(store: OpenStore, account: string, token?: string): Promise<string> {
  const { reply_to } = await store.startConversation({
    account,
    channel: 'api',
    contact: {},
    via: 'api',
    ...(token === undefined ? {} : { token }),
  });
  return /\+(.+)@/.exec(reply_to!)![1]!;
}

test('tokens of others are left out, and nothing else', async context => {
  const store = await open(context);
  const account = { domains: ['reply.example.com'], support_email: 'support@example.com' };
  await store.addAccount({ slug: 'acme', ...account });
  const own = await start(store, 'acme');
  const alone = `reply+${'0'.repeat(32)}@reply.example.com`;
  assert.equal(await store.redacted(alone, { account: 'acme' }), alone);
  assert.equal(await store.singleTenant('acme'), true);
  await store.addAccount({ slug: 'other', ...account });
  assert.equal(await store.singleTenant('acme'), false);
  const hex = await start(store, 'other');
  await start(store, 'other', UUID);
  await start(store, 'other', NAMED);
  const conversation = await store.startConversation({ account: 'other', channel: 'api', contact: {}, via: 'api' });
  await store.rotateToken({ id: conversation.id });
  const revoked = /\+(.+)@/.exec(conversation.reply_to!)![1]!;
  const inbox = /\+(.+)@/.exec((await store.account('other')).inbox!)![1]!;

  const left: [string, string][] = [
    [`reply+${hex}@reply.example.com`, 'reply+\u2026@reply.example.com'],
    [`<REPLY-${hex.toUpperCase()}@ANY.EXAMPLE>`, '<REPLY-\u2026@ANY.EXAMPLE>'],
    [`reply%2B${hex}%40reply.example.com`, 'reply%2B\u2026%40reply.example.com'],
    [`reply=2B${hex}=40x`, 'reply=2B\u2026=40x'],
    [`{"text":"said:\\n${hex}\\nbye"}`, '{"text":"said:\\n\u2026\\nbye"}'],
    [`bounce+${revoked}@x inbox+${inbox}@x`, 'bounce+\u2026@x inbox+\u2026@x'],
    [`reply+${UUID}@x ${UUID.replaceAll('-', '')}`, 'reply+\u2026@x \u2026'],
    [`reply%2b${UUID.toUpperCase()}%40x`, 'reply%2b\u2026%40x'],
    [`nreply+${NAMED}@x Reply=${NAMED.toUpperCase()}@x`, 'nreply+\u2026@x Reply=\u2026@x'],
    [`${hex}${hex}`, `${hex}\u2026`],
    [`${hex} ${own} ${hex}`, `\u2026 ${own} \u2026`],
  ];
  for (const [text, shown] of left) {
    assert.equal(await store.redacted(text, { account: 'acme' }), shown, text);
    const same = await store.redacted(text, { account: 'acme', sameLength: true });
    assert.equal(same.length, text.length, text);
    assert.equal(same.replaceAll(/x{16,}/g, '\u2026'), shown, text);
  }
  const kept = [
    '',
    '@',
    'reply+@reply.example.com',
    `reply+${own}@reply.example.com`,
    `${'0123456789abcdef'.repeat(2)} d41d8cd98f00b204e9800998ecf8427e`,
    `sha256 ${'0123456789abcdef'.repeat(4)}`,
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    `${hex.slice(0, 31)} ${hex.slice(1)}`,
    `${NAMED} other+${NAMED}@x reply+x${NAMED}@x`,
    'carla+ticket-0123456789-abcdef@customer.example',
  ];
  for (const text of kept) assert.equal(await store.redacted(text, { account: 'acme' }), text);
});

test('hostile text costs no more than its length', async context => {
  const store = await open(context);
  for (const slug of ['acme', 'other']) {
    await store.addAccount({ slug, domains: ['reply.example.com'], support_email: 'support@example.com' });
  }
  const distinct = Array.from({ length: 30_000 }, (_, i) => `reply+${i.toString(16).padStart(32, 'f')}@x`).join(' ');
  const shapes = ['@', '+', 'reply+', 'reply+aaaaaaaaaaaaaaaa@', 'a-', `${'a'.repeat(31)} `, 'a', '01234567-89ab-'];
  for (const text of [...shapes.map(shape => shape.repeat(1_000_000 / shape.length)), distinct]) {
    const started = process.cpuUsage();
    assert.equal(await store.redacted(text, { account: 'acme' }), text);
    const { user, system } = process.cpuUsage(started);
    // Many times what the slowest took; what is not linear takes minutes.
    assert.ok(user + system < 3_000_000, `${text.slice(0, 40)}: ${(user + system) / 1000} ms`);
  }
});
