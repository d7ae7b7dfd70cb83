import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryView, timeText } from '#replyd/cli/terminal/render.js';
import type { QueuedDelivery } from '#replyd/conversation/model.js';

test('times have seconds and a zone, in one format', t => {
  const before = process.env.TZ;
  t.after(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  const TIMES: readonly [zone: string, iso: string, text: string][] = [
    ['UTC', '2026-11-22T08:05:17.999Z', '2026-11-22 08:05:17Z'],
    ['Europe/Berlin', '2026-11-22T08:05:17.000Z', '2026-11-22 09:05:17+01:00'],
    ['Europe/Berlin', '2026-07-31T22:30:00.000Z', '2026-08-01 00:30:00+02:00'],
    ['Asia/Kolkata', '2026-11-22T20:05:17.000Z', '2026-11-23 01:35:17+05:30'],
    ['America/St_Johns', '2026-11-22T02:05:17.000Z', '2026-11-21 22:35:17-03:30'],
    ['UTC', 'yesterday\u001b', 'yesterday\u241b'],
  ];
  for (const [zone, iso, text] of TIMES) {
    process.env.TZ = zone;
    assert.equal(timeText(iso), text, `${iso} in ${zone}`);
    if (text.startsWith('2026')) assert.equal(Date.parse(text), Math.floor(Date.parse(iso) / 1000) * 1000);
  }
});

test('a delivery without an attempt says none, whatever keeps it', () => {
  const delivery = { state: 'waiting', reason: 'paused', attempts: 0, last_error: '421 come back', message_ids: [] };
  const view = deliveryView(delivery as unknown as QueuedDelivery);
  assert.match(view, /^last error +421 come back$/m);
  assert.doesNotMatch(view, /^attempts/m);
  assert.match(deliveryView({ ...delivery, attempts: 2 } as unknown as QueuedDelivery), /^attempts +2$/m);
});
