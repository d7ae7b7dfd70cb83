/**
 * A conversation that a customer filled with large mails is read in pieces: no verb holds all its texts at once. The heap
 * of daemon and commands is a quarter of what the texts take.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { addAccount, makeDaemon, startConversation } from '../daemon-process.js';
import { highestMemory } from '../process-figures.js';
import { eventually } from '../run.js';
import { destinationOf, filing, reading } from '../store/contract.js';
import { RULES } from '../store/rules.js';

const MIB = 1024 * 1024;
const MAILS = 100;
const TEXT = 4 * MIB;
const HEAP = 100;
const MEMORY = 400 * MIB;

test('100 mails of 4 MiB in one conversation are read in pieces', async context => {
  const daemon = await makeDaemon({
    settings: { 'log.level': 'warn', 'continuity.context': 100, 'continuity.delay': 0 },
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP}` },
  });
  context.after(() => daemon.close());
  await addAccount(daemon);
  const { id, reply_to } = await startConversation(daemon, {});
  const store = await openStore({ dataDir: daemon.dataFolder, writer: 'direct', rules: RULES, migrate: true });
  const beginning = await store.latestEvent();
  for (let number = 0; number < MAILS; number += 1) {
    const text = `${number}: ${'word '.repeat(TEXT / 5)}`;
    const mail = filing([await destinationOf(store, reply_to)], reading({ text: `number ${number}` }));
    const whole = { ...mail.reading!, text: { ...mail.reading!.text, text } };
    await store.file({ ...mail, reading: whole, limits: { loopMessages: 10_000, loopWindow: 1 } });
  }
  await store.close();

  await daemon.start();
  const { pid } = daemon;
  const { key } = await daemon.json<{ key: string }>(['key', 'add', 'acme']);
  const get = async <T>(place: string) => {
    const response = await fetch(`http://${daemon.listening.http}${place}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const text = await response.text();
    assert.equal(response.status, 200, text.slice(0, 300));
    assert.ok(text.length < 10 * MIB, `${text.length} bytes`);
    return JSON.parse(text) as T;
  };
  const shown = await get<Conversation>(`/v1/conversations/${id}`);
  assert.equal(shown.messages!.length + shown.earlier_messages!, MAILS + 1);
  // Several readers at a time, each with its page.
  await Promise.all(Array.from({ length: 4 }, () => get(`/v1/conversations/${id}`)));
  let cursor: string | null = null;
  let seen = 0;
  do {
    const page: { data: readonly Message[]; next_cursor: string | null } = await get(
      `/v1/conversations/${id}/messages?limit=100${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    seen += page.data.length;
    cursor = page.next_cursor;
  } while (cursor !== null && seen < 20);
  assert.ok(seen >= 20);
  const stream = await fetch(`http://${daemon.listening.http}/v1/events`, {
    headers: { authorization: `Bearer ${key}`, 'last-event-id': beginning },
  });
  let received = 0;
  for await (const chunk of stream.body!) {
    received += Buffer.from(chunk).toString('latin1').split('\nevent: ').length - 1;
    if (received >= MAILS) break;
  }
  await get('/v1/conversations?limit=100');

  const printed = await daemon.json<Conversation>(['conversation', 'show', id]);
  assert.equal(printed.messages!.length + printed.earlier_messages!, MAILS + 1);
  // An answer quotes earlier mails: its composing reads of each only what it shows.
  await daemon.json(['conversation', 'reply', id, '--text', 'We are on it.']);
  await eventually('it is sent', async () => {
    const last = (await daemon.json<Conversation>(['conversation', 'show', id])).messages!.at(-1)!;
    return last.deliveries[0]?.state === 'sent';
  });
  assert.ok(highestMemory(pid) < MEMORY, `${highestMemory(pid)} bytes`);
});
