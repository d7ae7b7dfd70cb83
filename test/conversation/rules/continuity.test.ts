import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel, DeliveryState, MailReason, WaitingReason } from '#replyd/conversation/model.js';
import {
  answerOf,
  attachmentRoom,
  CHAIN_END,
  chainOf,
  copiesDue,
  type Earlier,
  encodedSize,
  firstWait,
  HISTORY_BYTES,
  hasRoom,
  historyRoom,
  type Load,
  MAIL_MESSAGES,
  MAIL_TEXT,
  type Mailing,
  mailingOf,
  mailStateOf,
  mayBeQuoted,
  NOTHING,
  quotesAll,
  quotingOf,
  readersOf,
  type Waiting,
  waitAfterObstacle,
  waitWithMore,
} from '#replyd/conversation/rules/continuity.js';

const NOW = 1_000_000;
const DELAY = 120_000;
const OLD = '2026-01-05T12:00:00Z';

test('which messages are mailed, and after which time', () => {
  const at = { channel: 'whatsapp' as Channel, channelsOff: ['line'] as const, delay: DELAY };
  const no = (intent: Mailing['intent'], reason: Mailing['reason']) => ({ intent, reason, delay: null });
  const yes = (intent: Mailing['intent'], delay: number) => ({ intent, reason: null, delay });
  const table: readonly (readonly [Parameters<typeof mailingOf>[0], Partial<typeof at>, Mailing])[] = [
    [{ direction: 'outgoing' }, {}, yes('auto', DELAY)],
    [{ direction: 'outgoing', mail: 'auto' }, {}, yes('auto', DELAY)],
    [{ direction: 'outgoing', mail: 'now' }, {}, yes('now', 0)],
    [{ direction: 'outgoing', mail: 'never' }, {}, no('never', 'never')],
    [{ direction: 'outgoing' }, { channel: 'email' }, yes('auto', 0)],
    [{ direction: 'outgoing', delay: 5_000 }, { channel: 'email' }, yes('auto', 5_000)],
    [{ direction: 'outgoing', mail: 'now', delay: 5_000 }, {}, yes('now', 5_000)],
    // A channel that the account keeps out of mail; an agent who says now is obeyed.
    [{ direction: 'outgoing' }, { channel: 'line' }, no('auto', 'channel_off')],
    [{ direction: 'outgoing', mail: 'now' }, { channel: 'line' }, yes('now', 0)],
    // History is mailed only when somebody says so.
    [{ direction: 'outgoing', created_at: OLD }, {}, no('never', 'never')],
    [{ direction: 'outgoing', created_at: OLD, mail: 'auto' }, {}, yes('auto', DELAY)],
    [{ direction: 'incoming' }, {}, no(null, null)],
    [{ direction: 'note', mail: 'now' }, {}, no(null, null)],
  ];
  for (const [message, where, expected] of table) {
    assert.deepEqual(mailingOf(message, { ...at, ...where }), expected, JSON.stringify([message, where]));
  }
});

test('an answer in the channel, or "seen", ends what waits; what an agent sent with now still goes', () => {
  const nothing = { answers: false, reopens: false };
  assert.deepEqual(answerOf({ direction: 'incoming' }, 'resolved'), { answers: true, reopens: true });
  assert.deepEqual(answerOf({ direction: 'incoming' }, 'open'), { answers: true, reopens: false });
  assert.deepEqual(
    answerOf({ direction: 'incoming', created_at: OLD }, 'resolved'),
    nothing,
    'history answers nothing',
  );
  assert.deepEqual(answerOf({ direction: 'outgoing' }, 'resolved'), nothing);
  assert.deepEqual(answerOf({ direction: 'note' }, 'resolved'), nothing);
});

test('the contact gets a copy as To, everybody else who is named one as Cc, nobody two', () => {
  const [carla, ben, dora] = [{ key: 1 }, { key: 2 }, { key: 3 }];
  const readers = (cc: readonly { key: number }[]) =>
    readersOf(carla, cc).map(({ participant, role }) => `${role} ${participant.key}`);
  assert.deepEqual(readers([]), ['to 1']);
  assert.deepEqual(readers([dora, ben, carla, dora]), ['to 1', 'cc 3', 'cc 2']);
});

test('a mail is due after its delay, once there is an address and mailing is not suspended', () => {
  const carla = { email: 'carla@customer.example', suspended: false };
  const dueAt = NOW + DELAY;
  const table: readonly (readonly [typeof carla | { email: null; suspended: boolean }, number, Waiting])[] = [
    [carla, dueAt, { dueAt, nextAttemptAt: dueAt, reason: 'delay' }],
    [carla, NOW, { dueAt: NOW, nextAttemptAt: NOW, reason: null }],
    [{ ...carla, suspended: true }, NOW, { dueAt: NOW, nextAttemptAt: null, reason: 'suspended' }],
    [{ email: null, suspended: false }, dueAt, { dueAt, nextAttemptAt: null, reason: 'no_address' }],
    [{ email: null, suspended: true }, dueAt, { dueAt, nextAttemptAt: null, reason: 'no_address' }],
  ];
  for (const [recipient, due, expected] of table) {
    assert.deepEqual(firstWait(recipient, { dueAt: due, now: NOW }), expected, JSON.stringify([recipient, due]));
  }
});

test('the first unmailed word sets the time; only one that is due earlier brings it forward', () => {
  const dueAt = NOW + DELAY;
  const delayed: Waiting = { dueAt, nextAttemptAt: dueAt, reason: 'delay' };
  assert.equal(waitWithMore(delayed, { dueAt: dueAt + 1, now: NOW }), delayed);
  assert.deepEqual(waitWithMore(delayed, { dueAt: NOW, now: NOW }), { dueAt: NOW, nextAttemptAt: NOW, reason: null });
  const sooner = NOW + 5_000;
  assert.deepEqual(waitWithMore(delayed, { dueAt: sooner, now: NOW }), {
    dueAt: sooner,
    nextAttemptAt: sooner,
    reason: 'delay',
  });
  // It keeps waiting for what else it waits for.
  for (const reason of ['no_address', 'suspended'] as const) {
    assert.deepEqual(waitWithMore({ dueAt, nextAttemptAt: null, reason }, { dueAt: NOW, now: NOW }), {
      dueAt: NOW,
      nextAttemptAt: null,
      reason,
    });
  }
});

test('what waited for an address or a contact goes when it would have gone, or now', () => {
  const table: readonly (readonly [number | null, Waiting])[] = [
    [NOW + 1, { dueAt: NOW + 1, nextAttemptAt: NOW + 1, reason: 'delay' }],
    [NOW, { dueAt: NOW, nextAttemptAt: NOW, reason: null }],
    [NOW - 1, { dueAt: NOW - 1, nextAttemptAt: NOW, reason: null }],
    [null, { dueAt: NOW, nextAttemptAt: NOW, reason: null }],
  ];
  for (const [dueAt, expected] of table) assert.deepEqual(waitAfterObstacle(dueAt, NOW), expected, String(dueAt));
});

test('one mail goes to everybody whom only time keeps back, as soon as one copy is due', () => {
  const copy = (next_attempt_at: number | null, order_key: string) => ({ next_attempt_at, order_key });
  const [due, later, suspended] = [copy(NOW, 'ann'), copy(NOW + 1, 'ben'), copy(null, 'carla')];
  assert.deepEqual(copiesDue([due, later, suspended], NOW), [due, later]);
  assert.deepEqual(copiesDue([later, suspended], NOW), []);
  assert.deepEqual(copiesDue([suspended], NOW), []);
  const [first, second] = [copy(NOW + 1, 'ann'), copy(NOW, 'ann')];
  assert.deepEqual(copiesDue([first, second, later], NOW), [first, later], 'the oldest of each recipient');
});

test('a mail has room for 100 messages, 512 KiB of text and what outbound.max_size lets through', () => {
  const load = (messages: number, textBytes = 0, attachmentBytes = 0): Load => ({
    messages,
    textBytes,
    attachmentBytes,
  });
  const size = 100 * 1024 * 1024;
  const table: readonly (readonly [Load, Load, number, boolean])[] = [
    [load(MAIL_MESSAGES - 1), load(1), size, true],
    [load(MAIL_MESSAGES), load(1), size, false],
    [load(1, MAIL_TEXT - 1), load(1, 1), size, true],
    [load(1, MAIL_TEXT), load(1, 1), size, false],
    [load(1, 0, 500), load(1, 0, 200), 1_000, true],
    [load(1, 0, 500), load(1, 0, 300), 1_000, false],
    [NOTHING, load(1, MAIL_TEXT + 1, size), size, true],
  ];
  for (const [held, more, most, expected] of table)
    assert.equal(hasRoom(held, more, most), expected, JSON.stringify([held, more]));
});

test('the first mail of a conversation carries its context, later ones quote; never both', () => {
  const sizes = { context: 10, history: 3 };
  assert.deepEqual(quotingOf({ first: true, ...sizes }), { as: 'context', most: 10 });
  assert.deepEqual(quotingOf({ first: false, ...sizes }), { as: 'history', most: 3 });
  assert.deepEqual(quotingOf({ first: false, context: 10, history: 0 }), { as: 'history', most: 0 });
});

test('whom all is quoted, and what the others are quoted', () => {
  assert.deepEqual(
    (['contact', 'named', 'carried'] as const).map(who => [quotesAll(who, 'context'), quotesAll(who, 'history')]),
    [
      [true, true],
      [true, false],
      [false, false],
    ],
  );
  const none = { sentToHim: false, namesHim: false, isHis: false, isDoubted: false };
  const table: readonly (readonly [Partial<Earlier> & Pick<Earlier, 'direction'>, boolean])[] = [
    [{ direction: 'outgoing' }, false],
    [{ direction: 'outgoing', sentToHim: true }, true],
    [{ direction: 'outgoing', namesHim: true, isHis: true }, false],
    [{ direction: 'incoming' }, false],
    [{ direction: 'incoming', isHis: true }, true],
    [{ direction: 'incoming', namesHim: true }, true],
    [{ direction: 'incoming', sentToHim: true }, false],
    [{ direction: 'incoming', isHis: true, isDoubted: true }, false],
    [{ direction: 'incoming', namesHim: true, isDoubted: true }, false],
    [{ direction: 'note', sentToHim: true, namesHim: true, isHis: true }, false],
  ];
  for (const [message, expected] of table)
    assert.equal(mayBeQuoted({ ...none, ...message }), expected, JSON.stringify(message));
});

test('a mail quotes at most 20 KB, less where it has no room for them', () => {
  const table: readonly (readonly [number, number, number, number])[] = [
    [0, 0, 26_214_400, HISTORY_BYTES],
    [100_000, 0, 26_214_400, HISTORY_BYTES],
    [1_000, 0, 12_000, 1_000],
    [2_000, 0, 12_000, 0],
    [3_000, 0, 12_000, 0],
    [0, 9_000, 26_214_400, HISTORY_BYTES],
    [0, 9_000, 12_361, 5],
  ];
  for (const [textBytes, attachmentBytes, maxSize, expected] of table)
    assert.equal(historyRoom({ messages: 1, textBytes, attachmentBytes }, maxSize), expected);
});

test('of a long chain of References the first and the last 20', () => {
  const ids = Array.from({ length: 50 }, (_, index) => `n${index}`);
  const chain = chainOf(ids);
  assert.deepEqual([chain.length, chain[CHAIN_END - 1], chain[CHAIN_END]], [40, 'n19', 'n30']);
  assert.deepEqual(chainOf(ids.slice(0, 40)), ids.slice(0, 40));
  assert.deepEqual(chainOf(['a', 'b', 'a']), ['a', 'b']);
});

test('what is said of a message’s mail', () => {
  const outgoing = { direction: 'outgoing', reason: null, deliveries: [] } as const;
  const deliveries = (...states: readonly (DeliveryState | WaitingReason)[]) =>
    states.map(each =>
      each === 'no_address' || each === 'delay' || each === 'suspended' || each === 'paused'
        ? ({ state: 'waiting', reason: each } as const)
        : { state: each, reason: null },
    );
  const table: readonly (readonly [Partial<Parameters<typeof mailStateOf>[0]>, string, MailReason | null])[] = [
    [{ direction: 'incoming' }, 'none', null],
    [{ direction: 'note' }, 'none', null],
    [{ reason: 'seen' }, 'not_mailed', 'seen'],
    [{ reason: 'channel_off' }, 'not_mailed', 'channel_off'],
    [{ deliveries: [] }, 'not_mailed', 'never'],
    [{ deliveries: deliveries('delay') }, 'waiting', 'delay'],
    [{ deliveries: deliveries('sent', 'suspended') }, 'waiting', 'suspended'],
    [{ deliveries: deliveries('waiting') }, 'queued', null],
    [{ deliveries: deliveries('sent', 'deferred') }, 'queued', null],
    [{ deliveries: deliveries('leased') }, 'queued', null],
    [{ deliveries: deliveries('failed', 'sent') }, 'sent', null],
    [{ deliveries: deliveries('failed', 'cancelled') }, 'failed', null],
    [{ deliveries: deliveries('cancelled') }, 'not_mailed', 'cancelled'],
  ];
  for (const [message, state, reason] of table) {
    assert.deepEqual(mailStateOf({ ...outgoing, ...message }), { state, reason }, JSON.stringify(message));
  }
});

test('the size of a mail is foreseen at its largest', () => {
  assert.equal(encodedSize({ textBytes: 0, attachmentBytes: 1_000 }), 1_370);
  assert.equal(encodedSize({ textBytes: 10, attachmentBytes: 0 }), 60);
  for (const most of [1_400, 26_214_400]) {
    const attachmentBytes = attachmentRoom(most);
    assert.ok(encodedSize({ textBytes: 0, attachmentBytes }) <= most);
    assert.ok(encodedSize({ textBytes: 0, attachmentBytes: attachmentBytes + 1 }) > most);
  }
});
