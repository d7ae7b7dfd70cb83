import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryReport, DeliveryState, WaitingReason } from '#replyd/conversation/model.js';
import type { Outcome } from '#replyd/conversation/ports.js';
import {
  canCancel,
  hookOrder,
  isTold,
  mailOrder,
  maySetPause,
  operatorOrder,
  reportEffect,
  reportedCopy,
  retried,
  retryRefusal,
  type Settlement,
  settlementOf,
  shownWait,
} from '#replyd/conversation/rules/delivery.js';
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

test('mails to one person in one conversation keep their order, and so do webhooks of one conversation to one hook', () => {
  const keys = [
    mailOrder(1, 2),
    mailOrder(1, 3),
    mailOrder(2, 2),
    hookOrder(1, 2),
    hookOrder(1, null),
    operatorOrder(1),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(mailOrder(1, 2), mailOrder(1, 2));
});

test('what an attempt makes of a delivery', () => {
  const response = 'what the smarthost said';
  const base = { error: response, response: null, retryAt: null, failure: null, suspends: false };
  const refused = { kind: 'failed', response, refusedByPolicy: false } as const;
  const table: readonly (readonly [Outcome, number | null, Settlement])[] = [
    [{ kind: 'sent', response }, null, { ...base, state: 'sent', error: null, response }],
    [{ kind: 'retry', response }, 5_000, { ...base, state: 'deferred', retryAt: 5_000 }],
    [{ kind: 'trouble', response }, 5_000, { ...base, state: 'deferred', retryAt: 5_000 }],
    [{ kind: 'retry', response }, null, { ...base, state: 'failed', failure: `given up: ${response}` }],
    [{ ...refused, suspend: false }, 5_000, { ...base, state: 'failed', response, failure: response }],
    [{ ...refused, suspend: true }, null, { ...base, state: 'failed', response, failure: response, suspends: true }],
  ];
  for (const [outcome, retryAt, expected] of table) {
    assert.deepEqual(settlementOf(outcome, retryAt), expected, `${outcome.kind} ${retryAt}`);
  }
});

test('tried again is what waits, is deferred or failed, and whose mail is still there', () => {
  const refusal = (state: DeliveryState, reason: WaitingReason | null = null, kept = true) =>
    retryRefusal({ state, reason, kept });
  for (const state of ['waiting', 'deferred', 'failed'] as const) assert.equal(refusal(state), null, state);
  for (const state of ['leased', 'sent', 'cancelled'] as const) assert.equal(refusal(state), 'state', state);
  assert.equal(refusal('waiting', 'delay'), null);
  assert.equal(refusal('waiting', 'no_address'), 'no_address');
  assert.equal(refusal('waiting', 'suspended'), 'suspended');
  assert.equal(refusal('failed', null, false), 'gone');
  assert.deepEqual(retried({ state: 'failed', attempts: 9 }), { state: 'deferred', attempts: 0 });
  assert.deepEqual(retried({ state: 'deferred', attempts: 9 }), { state: 'deferred', attempts: 9 });
  assert.deepEqual(retried({ state: 'waiting', attempts: 0 }), { state: 'waiting', attempts: 0 });
});

test('events tell of mails in a conversation, not of webhooks and copies for the operator', () => {
  assert.equal(isTold({ kind: 'mail', conversation_key: 1, agent_key: null }), true);
  assert.equal(isTold({ kind: 'mail', conversation_key: null, agent_key: null }), false);
  assert.equal(isTold({ kind: 'webhook', conversation_key: 1, agent_key: null }), false);
});

test('cancelled is what waits or is deferred', () => {
  for (const state of ['waiting', 'deferred']) assert.ok(canCancel(state), state);
  for (const state of ['leased', 'sent', 'failed', 'cancelled']) assert.ok(!canCancel(state), state);
});

test('what an operator has paused only an operator resumes', () => {
  for (const paused of ['operator', 'trouble', null] as const) assert.ok(maySetPause('operator', paused));
  assert.deepEqual(
    [maySetPause('queue', 'operator'), maySetPause('queue', 'trouble'), maySetPause('queue', null)],
    [false, true, true],
  );
});

test('a pause is shown at what it keeps back, with the next probe', () => {
  const show = (state: DeliveryState, reason: WaitingReason | null, nextProbeAt: number | null | undefined) =>
    Object.values(shownWait({ state, reason, nextAttemptAt: 100 }, nextProbeAt === undefined ? null : { nextProbeAt }));
  assert.deepEqual(show('waiting', null, undefined), [null, 100]);
  assert.deepEqual(show('waiting', null, 500), ['paused', 500]);
  assert.deepEqual(show('waiting', null, 50), ['paused', 100]);
  assert.deepEqual(show('waiting', null, null), ['paused', 100], 'an operator paused it');
  assert.deepEqual(show('deferred', null, 500), [null, 500]);
  assert.deepEqual(show('waiting', 'delay', 500), ['delay', 100]);
  assert.deepEqual(show('failed', null, 500), [null, 100]);
});
