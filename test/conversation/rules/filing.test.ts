import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AccountSwitches,
  type Addressed,
  addressRefusal,
  deliveryAddresses,
  inboundAfter,
  planFiling,
  refusalAt,
  refusalOfAll,
  threadIds,
  unthreadedMail,
} from '#replyd/conversation/rules/filing.js';

const ON: AccountSwitches = { inbound: true, opens: false, blocked: ['offers.example'] };
const OFF: AccountSwitches = { ...ON, inbound: false };
const SPAMMER = [undefined, 'a@offers.example'];

test('at RCPT an address takes mail while its token lives and its account’s inbound mail is on', () => {
  const kinds = ['reply', 'inbox', 'bounce'] as const;
  const answers = (account: { inbound: boolean } | null) => kinds.map(kind => addressRefusal(kind, account));
  assert.deepEqual(answers({ inbound: true }), [null, null, null]);
  assert.deepEqual(answers(null), ['unknown', 'unknown', 'unknown']);
  assert.deepEqual(answers({ inbound: false }), ['switched_off', 'switched_off', null]);
});

test('at the end of its data a mail is taken while the address lives, its account is on, and its writer is not blocked', () => {
  const table: readonly (readonly [
    'reply' | 'bounce' | 'inbox',
    AccountSwitches | null,
    readonly (string | undefined)[],
    string | null,
  ])[] = [
    ['reply', ON, ['carla@customer.example'], null],
    ['inbox', ON, ['carla@customer.example'], null],
    ['bounce', ON, [''], null],
    // Revoked, removed.
    ['reply', null, [], 'changed'],
    ['inbox', null, [], 'changed'],
    ['bounce', null, [], 'changed'],
    // Switched off: what bounces was mailed before.
    ['reply', OFF, [], 'changed'],
    ['inbox', OFF, [], 'changed'],
    ['bounce', OFF, [], null],
    ['reply', ON, SPAMMER, 'blocked'],
    ['inbox', ON, ['a@mail.offers.example', ''], 'blocked'],
    ['reply', OFF, SPAMMER, 'changed'],
    // The report of a blocked domain's MTA.
    ['bounce', ON, SPAMMER, null],
  ];
  for (const [kind, account, writers, expected] of table) {
    assert.equal(refusalAt(kind, account, writers), expected, `${kind} ${JSON.stringify(account)} ${writers}`);
  }
});

test('inbound mail is on from the first domain on, off without any, and else as somebody switched it', () => {
  assert.equal(inboundAfter({ inbound: false, had: false, has: true }), true);
  assert.equal(inboundAfter({ inbound: true, had: true, has: false }), false);
  for (const inbound of [true, false]) assert.equal(inboundAfter({ inbound, had: true, has: true }), inbound);
  assert.equal(inboundAfter({ inbound: false, had: false, has: false }), false);
});

test('mail for a forwarding address that belongs nowhere opens a conversation where the account wants that', () => {
  assert.equal(unthreadedMail({ ...ON, opens: true }), 'new');
  assert.equal(unthreadedMail(ON), 'unthreaded');
});

test('all or none: one refused recipient refuses all, and what may pass is tried again', () => {
  assert.equal(refusalOfAll([]), null);
  assert.equal(refusalOfAll([null, null]), null);
  assert.equal(refusalOfAll([null, 'unthreaded']), 'unthreaded');
  assert.equal(refusalOfAll(['unthreaded', 'blocked']), 'blocked');
  assert.equal(refusalOfAll(['blocked', null, 'changed']), 'changed');
});

test('what is written for a mail: one message a conversation, and nothing for a mail that came before', () => {
  const operator: Addressed<string> = { kind: 'operator' };
  const refused: Addressed<string> = { kind: 'refused', refusal: 'changed' };
  const to = (conversation: string): Addressed<string> => ({ kind: 'conversation', conversation });
  const nothing = { mail: null, conversations: [], keeps: false };
  interface Row {
    readonly of: readonly Addressed<string>[];
    readonly before?: readonly string[];
    readonly isKept?: boolean;
    readonly unreadable?: boolean;
    readonly plan: ReturnType<typeof planFiling<string>>;
  }
  const table: Readonly<Record<string, Row>> = {
    'one recipient': { of: [to('a')], plan: { mail: 'filed', conversations: ['a'], keeps: false } },
    'two tokens of one conversation': {
      of: [to('a'), to('a')],
      plan: { mail: 'filed', conversations: ['a'], keeps: false },
    },
    'two conversations': { of: [to('a'), to('b')], plan: { mail: 'filed', conversations: ['a', 'b'], keeps: false } },
    'the same mail again': { of: [to('a')], before: ['a'], plan: nothing },
    'the same mail to one more conversation': {
      of: [to('a'), to('b')],
      before: ['a'],
      plan: { mail: 'filed', conversations: ['b'], keeps: false },
    },
    'a mail that cannot be read': {
      of: [to('a'), operator],
      unreadable: true,
      plan: { mail: 'quarantined', conversations: ['a'], keeps: true },
    },
    'for the operator alone': { of: [operator], plan: { mail: 'kept', conversations: [], keeps: true } },
    'unreadable, for the operator alone': {
      of: [operator],
      unreadable: true,
      plan: { mail: 'kept', conversations: [], keeps: true },
    },
    'the operator has it': { of: [operator], isKept: true, plan: nothing },
    'the operator has it, a conversation has it not': {
      of: [operator, to('a')],
      isKept: true,
      plan: { mail: 'filed', conversations: ['a'], keeps: false },
    },
    'refused everywhere': { of: [refused, refused], plan: nothing },
    'refused in one place (LMTP)': {
      of: [refused, to('b')],
      plan: { mail: 'filed', conversations: ['b'], keeps: false },
    },
  };
  for (const [what, row] of Object.entries(table)) {
    const plan = planFiling({
      addressed: row.of,
      readable: row.unreadable !== true,
      isFiled: conversation => row.before?.includes(conversation) ?? false,
      isKept: row.isKept === true,
    });
    assert.deepEqual(plan, row.plan, what);
  }
});

test('addresses in the header: what MTAs wrote on delivery first, then To and Cc, then what else names one', () => {
  const box = (email: string) => ({ name: '', email });
  const found = deliveryAddresses({
    headers: [
      { name: 'received', value: 'from a by b\r\n for <received@x.example>; Mon' },
      { name: 'x-original-to', value: 'original@x.example' },
      { name: 'delivered-to', value: 'first@x.example, second@x.example' },
      { name: 'resent-to', value: 'resent@x.example' },
      { name: 'x-other', value: 'other@x.example' },
    ],
    to: [box('to@x.example'), box('first@x.example')],
    cc: [box('cc@x.example')],
  });
  assert.deepEqual(
    found.map(each => `${each.field} ${each.address}`),
    [
      'delivered-to first@x.example',
      'delivered-to second@x.example',
      'x-original-to original@x.example',
      'to to@x.example',
      'cc cc@x.example',
      'received received@x.example',
      'resent-to resent@x.example',
    ],
  );
  const named = [
    { name: 'x-real-to', value: '<real@x.example>' },
    { name: 'x-rcpt-to', value: "'rcpt@x.example'" },
    { name: 'apparently-to', value: 'apparently@x.example' },
    { name: 'original-recipient', value: 'rfc822;recipient@x.example' },
    { name: 'x-forwarded-for', value: 'ann@x.example forwarded@x.example' },
    { name: 'resent-to', value: '"Shop, Support" <resent@x.example>' },
    { name: 'received', value: 'from a by b with esmtp (Exim) for exim@x.example; Mon' },
    { name: 'x-mailer', value: 'mailer@x.example' },
  ];
  assert.deepEqual(
    deliveryAddresses({ headers: named, to: [], cc: [] }).map(each => each.address.split('@')[0]),
    ['real', 'rcpt', 'apparently', 'recipient', 'ann', 'forwarded', 'resent', 'exim'],
  );
  const many = Array.from({ length: 300 }, (_, index) => box(`n${index}@x.example`));
  assert.equal(deliveryAddresses({ headers: [], to: many, cc: [] }).length, 100);
});

test('ids in the header: In-Reply-To, References from the latest back, the returned mail, its own', () => {
  const mail = { inReplyTo: ['b@x', 'a@x'], references: ['root@x', 'a@x', 'late@x'] };
  assert.deepEqual(
    threadIds({ mail, reportedIds: ['returned@x'] }, 'own@x').map(each => `${each.field} ${each.id}`),
    [
      'In-Reply-To b@x',
      'In-Reply-To a@x',
      'References late@x',
      'References root@x',
      'the returned mail returned@x',
      'Message-ID own@x',
    ],
  );
  assert.deepEqual(threadIds(null, 'made@x'), [{ field: 'Message-ID', id: 'made@x' }]);
  assert.deepEqual(threadIds({ mail: { inReplyTo: [], references: [] }, reportedIds: [] }, null), []);
  const references = Array.from({ length: 300 }, (_, index) => `n${index}@x`);
  const ids = threadIds({ mail: { inReplyTo: [], references }, reportedIds: [] }, 'own@x');
  assert.deepEqual([ids.length, ids[0]!.id, ids.at(-1)!.id], [201, 'n299@x', 'own@x']);
});
