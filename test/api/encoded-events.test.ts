import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, createLately, encoded } from '#replyd/api/encoded-events.js';
import type { Event } from '#replyd/conversation/model.js';

const event = (number: number, text = '') =>
  encoded({
    ...{ id: `ev_${number}`, type: 'message.created', seq: number, account: 'acme', created_at: '' },
    ...{ conversation: null, message: null, data: { text } },
  } as unknown as Event);

test('what agents may not read is taken out of all events of a piece at once, and once for all agents', async () => {
  const asked: string[] = [];
  const redact = (text: string) => {
    asked.push(text);
    return Promise.resolve(text.replaceAll('secret', 'x'));
  };
  const events = [event(1, 'secret\n\nsecret'), event(2, 'nothing'), event(3, 'secret')];
  const forAgents = String(await bytesOf({ redact }, events));
  assert.equal(forAgents, events.map(each => String(each.bytes).replaceAll('secret', 'x')).join(''));
  assert.equal(asked.length, 1);
  assert.equal(String(await bytesOf({ redact }, events.slice(1))), forAgents.slice(forAgents.indexOf('id: ev_2')));
  assert.equal(asked.length, 1);
  assert.equal(String(await bytesOf({ redact: null }, events)), events.map(each => String(each.bytes)).join(''));
});

test('a store that failed is asked again', async () => {
  const events = [event(1), event(2)];
  const failing = () => Promise.reject(new Error('away'));
  await assert.rejects(bytesOf({ redact: failing }, events), /away/);
  assert.equal(String(await bytesOf({ redact: text => Promise.resolve(text) }, events)).includes('ev_2'), true);
});

test('what was taken lately is kept up to a bound, the newest', () => {
  const [first, second] = [[event(1, 'x'.repeat(600))], [event(2, 'x'.repeat(600))]];
  const lately = createLately(1_000);
  lately.add('a', first);
  assert.equal(lately.get('a'), first);
  lately.add('b', second);
  assert.equal(lately.get('a'), undefined);
  assert.equal(lately.get('b'), second);
  lately.add('c', [event(3, 'x'.repeat(5_000))]);
  assert.equal(lately.get('c'), undefined, 'longer than all that may be kept');
});
