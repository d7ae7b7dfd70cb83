/** What the API counts: each request once, under words of its own, whatever was asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMetrics } from '#replyd/base/metrics.js';
import { eventually } from '../run.js';
import { serve, startConversation } from './served.js';

function figure(name: string): number | undefined {
  const line = renderMetrics()
    .split('\n')
    .find(each => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

function requests(route: string, method: string, status: string): number | undefined {
  return figure(`replyd_api_requests_total{route="${route}",method="${method}",status="${status}"}`);
}

test('requests are counted by route, method and class of the answer', async context => {
  let left = 100;
  let now = 1_000_000;
  const { call, acme, store } = await serve(context, {
    limits: () => ({ requests: left, body: 1000, response: 1_000_000 }),
    clock: () => now,
  });
  const { id } = await startConversation(store);
  const note = { direction: 'note', text: 'n' };
  const asked: [string | null, string, string, unknown?][] = [
    [acme, 'GET', `/v1/conversations/${id}`],
    [acme, 'HEAD', '/v1/conversations/1'],
    [acme, 'GET', '/v1/conversations/2'],
    [null, 'GET', '/v1/conversations/1'],
    [acme, 'POST', '/v1/conversations/1/messages', note],
    [acme, 'POST', '/v1/conversations/1/messages', { ...note, direction: 'up' }],
    [acme, 'POST', '/v1/conversations/1/messages', '{'],
    [acme, 'POST', '/v1/conversations/1/messages', { ...note, text: 'x'.repeat(1000) }],
    [acme, 'PUT', '/v1/conversations/1', {}],
    [acme, 'GET', '/v1/secret-of-somebody'],
    [null, 'GET', '/v1/secret-of-somebody'],
  ];
  for (const [key, method, place, body] of asked) await call(key, method, place, body);
  const shown = '/v1/conversations/{ref}';
  const added = `${shown}/messages`;
  assert.deepEqual([requests(shown, 'GET', '2xx'), requests(shown, 'GET', '4xx')], [2, 2]);
  assert.deepEqual([requests(added, 'POST', '2xx'), requests(added, 'POST', '4xx')], [1, 3]);
  assert.equal(requests('none', 'none', '4xx'), 3);
  assert.equal(figure(`replyd_api_request_seconds_count{route="${added}",method="POST"}`), 4);
  assert.ok(!renderMetrics().includes('secret-of-somebody'));

  assert.equal(figure('replyd_api_limited_total'), 0);
  left = 0;
  assert.equal((await call(acme, 'GET', '/v1/hooks')).status, 429);
  assert.equal(figure('replyd_api_limited_total'), 1);
  assert.equal(requests('/v1/hooks', 'GET', '4xx'), 1);

  left = 100;
  now += 60_000;
  context.mock.method(store, 'hooks', async () => Promise.reject(new Error('broken')));
  assert.equal((await call(acme, 'GET', '/v1/hooks')).status, 503);
  assert.equal(requests('/v1/hooks', 'GET', '5xx'), 1);
});

test('readers of the stream are counted while they read', async context => {
  const { url, acme } = await serve(context);
  assert.equal(figure('replyd_stream_readers'), 0);
  const readers = await Promise.all(
    [1, 2].map(async () => {
      const ending = new AbortController();
      await fetch(`${url}/v1/events`, { headers: { authorization: `Bearer ${acme}` }, signal: ending.signal });
      return ending;
    }),
  );
  assert.equal(figure('replyd_stream_readers'), 2);
  readers[0]!.abort();
  await eventually('one is left', () => figure('replyd_stream_readers') === 1);
  readers[1]!.abort();
  await eventually('none is left', () => figure('replyd_stream_readers') === 0);
  assert.equal(requests('/v1/events', 'GET', '2xx'), 2);
  assert.ok(!renderMetrics().includes('request_seconds_count{route="/v1/events"'));
});
