/** The daemon as monitoring sees it: health, readiness and figures that tell what really happened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth } from '#replyd/api/health.js';
import type { Exchange } from '#replyd/base/http.js';
import { addAccount, startConversation, withDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';

type Figures = ReadonlyMap<string, number>;

async function scrape(address: string | null): Promise<Figures> {
  const response = await fetch(`http://${address}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const figures = new Map<string, number>();
  const declared = new Set<string>();
  for (const line of (await response.text()).trim().split('\n')) {
    const about = /^# (?:HELP|TYPE) (\w+) /.exec(line);
    if (about) {
      declared.add(about[1]!);
      continue;
    }
    const sample = /^(\w+)(\{(?:\w+="[^"]*",?)+\})? (-?[\d.e+-]+)$/.exec(line);
    assert.ok(sample, `no sample: ${line}`);
    assert.ok(declared.has(sample[1]!) || declared.has(sample[1]!.replace(/_(?:bucket|sum|count)$/, '')), line);
    figures.set(sample[1]! + (sample[2] ?? ''), Number(sample[3]));
  }
  return figures;
}

function mail(to: string): Buffer {
  return Buffer.from(
    `From: Carla <customer@customer.example>\nTo: ${to}\nSubject: Re: Question\nMessage-ID: <one@customer.example>\n\nThanks!\n`,
  );
}

test('healthz, readyz and metrics of a daemon with mail', () =>
  withDaemon({}, async daemon => {
    await addAccount(daemon);
    const { reply_to } = await startConversation(daemon);
    const { http } = daemon.listening;
    assert.deepEqual(await (await fetch(`http://${http}/healthz`)).json(), { status: 'ok' });
    const ready = await fetch(`http://${http}/readyz`);
    assert.equal(ready.status, 200);
    assert.deepEqual(await ready.json(), { status: 'ready', reasons: [] });
    assert.equal((await fetch(`http://${http}/metrics`, { method: 'POST' })).status, 404);

    const send = (to: string) =>
      sendMail(daemon.smtp, { from: 'customer@customer.example', to: [to], data: mail(reply_to) });
    const { data } = await send(reply_to);
    assert.equal(data[0]!.code, 250);
    await send(reply_to);
    const refused = await send(reply_to.replace(/\+[0-9a-f]+/, `+${'0'.repeat(32)}`));
    assert.equal(refused.recipients[0]!.code, 550);
    const figures = await scrape(http);
    for (const [name, value] of [
      ['replyd_mails_total{door="smtp",verdict="accepted"}', 2],
      ['replyd_mails_repeated_total{door="smtp"}', 1],
      ['replyd_recipients_refused_total{door="smtp",code="550"}', 1],
      ['replyd_connections_total{door="smtp"}', 3],
      ['replyd_parse_seconds_count{lane="small"}', 2],
      ['replyd_store_up', 1],
      ['replyd_queue_deliveries{kind="mail"}', 0],
      ['replyd_queue_overdue_seconds{kind="mail"}', 0],
    ] as const) {
      assert.equal(figures.get(name), value, name);
    }
    const atLeast = (name: string, value: number) => assert.ok((figures.get(name) ?? -1) >= value, name);
    atLeast('replyd_mail_bytes_total{door="smtp"}', 100);
    atLeast('replyd_commit_seconds_count', 2);
    atLeast('replyd_commit_batch_writes_count', 2);
    atLeast('replyd_free_bytes', 1);
    atLeast('process_resident_memory_bytes', 10_000_000);
    atLeast('process_start_time_seconds', 1_700_000_000);
  }));

test('with less free space than wanted it is not ready', () =>
  withDaemon({ settings: { 'limits.min_free': '100000GiB' } }, async daemon => {
    const response = await fetch(`http://${daemon.listening.http}/readyz`);
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), {
      status: 'not ready',
      reasons: ['less free space than limits.min_free'],
    });
  }));

test('whoever asks again soon whether it is ready hears the last answer', async context => {
  let now = 1_000_000;
  context.mock.method(performance, 'now', () => now);
  const asked: number[] = [];
  const watch = createHealth({
    version: '0',
    store: {
      queueDepth: async () => [],
      unfiledSums: async () => null,
      canStore: async () => {
        asked.push(now);
        if (asked.length === 2) throw new Error('disk full');
      },
    },
    space: { low: () => false, free: () => 1 },
    closing: () => false,
    now: Date.now,
  });
  const ready = async (after: number) => {
    now += after;
    let status = 0;
    const json = async (code: number) => {
      status = code;
    };
    assert.ok(await watch({ method: 'GET', path: '/readyz', json, take() {} } as unknown as Exchange));
    return status;
  };
  assert.deepEqual([await ready(0), await ready(0), await ready(999)], [200, 200, 200]);
  assert.deepEqual([await ready(1), await ready(10), await ready(1_000)], [503, 503, 200]);
  assert.deepEqual(asked, [1_000_000, 1_001_000, 1_002_010]);
});

test('while the store is away the figures say so, and none of before is shown', async context => {
  let now = 1_000_000;
  context.mock.method(performance, 'now', () => now);
  let away = false;
  const found = async <T>(value: T): Promise<T> => {
    if (away) throw new Error('away');
    return value;
  };
  let standbys = true;
  const watch = createHealth({
    version: '0',
    store: {
      queueDepth: () => found([{ kind: 'mail', count: 3, dueSince: null }]),
      unfiledSums: () => found(null),
      canStore: () => found(undefined),
    },
    onStandbys: async () => standbys,
    space: { low: () => false, free: () => 1 },
    closing: () => false,
    now: Date.now,
  });
  const shown = async () => {
    now += 10_000;
    let text = '';
    const send = async (_status: number, body: Buffer) => {
      text = body.toString();
    };
    assert.ok(await watch({ method: 'GET', path: '/metrics', send, take() {} } as unknown as Exchange));
    return text.split('\n').filter(line => /^replyd_(?:store_up|queue_deliveries\{kind="mail"\}|unfiled_)/.test(line));
  };
  const all = [
    'replyd_queue_deliveries{kind="mail"} 3',
    'replyd_store_up 1',
    'replyd_unfiled_bytes 0',
    'replyd_unfiled_mails 0',
    'replyd_unfiled_removed_total 0',
  ];
  assert.deepEqual(await shown(), all);
  away = true;
  assert.deepEqual(await shown(), ['replyd_store_up 0']);
  away = false;
  assert.deepEqual(await shown(), all);
  standbys = false;
  assert.deepEqual((await shown())[1], 'replyd_store_up 0', 'as /readyz says it');
});
