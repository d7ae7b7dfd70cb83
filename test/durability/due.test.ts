/** What is due survives: an answer that waits when the daemon is killed is mailed after the restart, once, at its time. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { ApiKey, Conversation, Message } from '#replyd/conversation/model.js';
import { addAccount, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';

test('an answer that waits outlives kill -9 with its time, and a word said meanwhile goes with it', async () => {
  await withDaemon({ settings: { 'continuity.delay': '4s', 'log.level': 'info' } }, async daemon => {
    await addAccount(daemon);
    const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
    const ask = async <T>(method: string, place: string, body?: unknown): Promise<T> => {
      const response = await fetch(`http://${daemon.listening.http}${place}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      assert.ok(response.ok, `${place}: ${response.status}`);
      return (await response.json()) as T;
    };
    const answer = (text: string) => ({ direction: 'outgoing', text, agent: { name: 'Ann' } });
    const { id } = await ask<Conversation>('POST', '/v1/conversations', {
      channel: 'line',
      contact: { email: 'carla@customer.example' },
    });
    const place = `/v1/conversations/${id}/messages`;
    const first = await ask<Message>('POST', place, answer('one'));
    const due = first.deliveries[0]!.next_attempt_at;
    assert.deepEqual(first.mail, { state: 'waiting', reason: 'delay' });
    await daemon.kill();
    await daemon.start();
    const second = await ask<Message>('POST', place, answer('two'));
    assert.deepEqual([second.deliveries[0]!.id, second.deliveries[0]!.next_attempt_at], [first.deliveries[0]!.id, due]);
    const sent = await eventually('it is mailed', async () => {
      const shown = await ask<Message>('GET', `/v1/messages/${second.id}`);
      return shown.mail.state === 'sent' ? shown : null;
    });
    assert.equal(
      sent.message_id,
      (await ask<Message>('GET', `/v1/messages/${first.id}`)).message_id,
      'one mail for both',
    );
    const files = (await readdir(path.join(daemon.dataFolder, 'sent'))).filter(name => name.endsWith('.eml'));
    assert.equal(files.length, 1);
    const composed = daemon.events('queued').map(line => Date.parse(String(line.time)));
    assert.ok(composed.length === 1 && composed[0]! >= Date.parse(due!), 'not before its time');
  });
});
