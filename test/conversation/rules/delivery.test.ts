import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryReport } from '#replyd/conversation/model.js';
import { reportEffect, reportedCopy } from '#replyd/conversation/rules/delivery.js';
import type { ReportEntry } from '#replyd/mail/mail.js';

function entry(action: ReportEntry['action'], status: string | null = null, diagnostic: string | null = null) {
  return { recipient: 'carla@customer.example', action, status, diagnostic };
}

const FULL = entry('failed', '5.2.2', 'mailbox full');
const DEAD = entry('failed', '5.1.1', 'no such user');
const LATE = entry('delayed', '4.4.1', 'timed out');

test('what a report does to a delivery', () => {
  const table: readonly (readonly [DeliveryReport | null, ReportEntry, ReturnType<typeof reportEffect>])[] = [
    [null, LATE, { report: 'delayed', error: '4.4.1 timed out', failure: null, suspends: false }],
    [null, entry('displayed'), { report: 'delivered', error: null, failure: null, suspends: false }],
    ['delayed', entry('delivered', '2.0.0'), { report: 'delivered', error: null, failure: null, suspends: false }],
    // A full mailbox may be emptied.
    [null, FULL, { report: 'bounced', error: '5.2.2 mailbox full', failure: '5.2.2 mailbox full', suspends: false }],
    [
      'delayed',
      DEAD,
      { report: 'bounced', error: '5.1.1 no such user', failure: '5.1.1 no such user', suspends: true },
    ],
    // A mail that bounced is not delivered after all.
    [
      'delivered',
      DEAD,
      { report: 'bounced', error: '5.1.1 no such user', failure: '5.1.1 no such user', suspends: true },
    ],
    [null, entry('failed'), { report: 'bounced', error: 'failed', failure: 'failed', suspends: false }],
    // Told once, and "delayed" hides nothing.
    ['delayed', LATE, null],
    ['delivered', LATE, null],
    ['bounced', LATE, null],
    ['bounced', DEAD, null],
    ['bounced', entry('delivered'), null],
    ['delivered', entry('complaint'), { report: null, error: null, failure: 'complaint', suspends: true }],
  ];
  for (const [known, reported, expected] of table) {
    assert.deepEqual(reportEffect(known, reported), expected, `${known}, then ${JSON.stringify(reported)}`);
  }
});

test('mailing stops at the codes that say an address is dead, and at no other', () => {
  const suspends = (status: string | null) => reportEffect(null, entry('failed', status))!.suspends;
  for (const dead of ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1']) assert.ok(suspends(dead), dead);
  for (const other of [null, '5.0.0', '5.2.2', '5.4.1', '5.7.1', '4.1.1']) assert.ok(!suspends(other), String(other));
});

test('a report is about the copy to its recipient, or about the only one, in its own conversation', () => {
  const carla = { recipient: 'carla@customer.example', conversation_key: 1 };
  const ben = { recipient: 'ben@customer.example', conversation_key: 1 };
  const about = (copies: readonly (typeof carla)[], recipient: string, conversation = 1) =>
    reportedCopy(copies, { recipient, conversation });
  assert.equal(about([carla, ben], 'BEN@Customer.example'), ben);
  assert.equal(about([carla, ben], 'ben@customer.example', 2), ben, 'wherever the report came in');
  assert.equal(about([carla], 'ben@forwarded.example'), carla, 'he forwards his mail');
  assert.equal(about([carla], 'ben@forwarded.example', 2), null, 'anybody can write a report');
  assert.equal(about([carla, ben], 'somebody@else.example'), null);
  assert.equal(about([], 'carla@customer.example'), null);
});
