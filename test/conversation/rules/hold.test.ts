import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Circumstances,
  decideEffects,
  decideLateEffects,
  type Effects,
  participation,
  unreadKind,
} from '#replyd/conversation/rules/hold.js';
import { NO_RECENT_MAILS } from '#replyd/conversation/rules/loop.js';
import type { MailKind } from '#replyd/mail/mail.js';

/** A participant's answer in a resolved conversation. */
const ANSWER: Circumstances = {
  kind: 'reply',
  status: 'resolved',
  writer: 'participant',
  holdStrangers: false,
  dmarc: null,
  flaggedAsSpam: false,
  trusted: true,
  opens: false,
  recent: NO_RECENT_MAILS,
  loopMessages: 3,
  ownMail: false,
};
const IN_LOOP = { recent: { ofConversation: 3, ofContact: 3, looping: null } } as const;

const HEARD: Effects = {
  held: false,
  looping: false,
  joins: false,
  reopens: true,
  resumesMailing: true,
  event: 'message.created',
  evidence: [],
};
const FILED_ONLY: Effects = { ...HEARD, reopens: false, resumesMailing: false };
const held = (reason: string): Effects => ({
  ...FILED_ONLY,
  held: true,
  event: 'message.held',
  evidence: [`held: ${reason}`],
});

const TABLE: Readonly<Record<string, readonly [Partial<Circumstances>, Effects]>> = {
  'a participant answers': [{}, HEARD],
  'in an open conversation': [{ status: 'open' }, { ...HEARD, reopens: false }],
  'through a list': [{ kind: 'list' }, HEARD],
  'a stranger answers and takes part': [{ writer: 'stranger' }, { ...HEARD, joins: true }],
  'nobody is named in From': [{ writer: 'unnamed' }, HEARD],
  'a mail that cannot be read is a person’s': [{ kind: null }, { ...HEARD, resumesMailing: false }],

  'an autoresponder': [{ kind: 'auto_reply', writer: 'stranger' }, FILED_ONLY],
  'a bounce': [{ kind: 'bounce' }, FILED_ONLY],
  'a receipt': [{ kind: 'receipt' }, FILED_ONLY],
  'a complaint': [{ kind: 'complaint' }, FILED_ONLY],

  'a stranger is held': [{ holdStrangers: true, writer: 'stranger' }, held('unknown writer')],
  'so is who is not named': [{ holdStrangers: true, writer: 'unnamed' }, held('unknown writer')],
  'a participant is not': [{ holdStrangers: true }, HEARD],
  'a forged participant is': [{ holdStrangers: true, dmarc: 'fail' }, held('DMARC failed')],
  'so is one of whom the DNS said nothing': [
    { holdStrangers: true, dmarc: 'temperror' },
    held('DMARC could not be asked'),
  ],
  'no verdict never holds': [{ holdStrangers: true, dmarc: null }, HEARD],
  'nobody is held where the account does not hold': [
    { dmarc: 'fail', writer: 'stranger' },
    { ...HEARD, joins: true },
  ],
  'a robot is never held': [{ kind: 'auto_reply', holdStrangers: true, writer: 'stranger' }, FILED_ONLY],
  'spam that would open a conversation is held': [{ flaggedAsSpam: true, opens: true }, held('spam (X-Spam-Flag)')],
  'the mark of a filter that nobody trusts counts for nothing': [
    { flaggedAsSpam: true, opens: true, trusted: false },
    HEARD,
  ],
  'an answer is not kept out by a filter': [{ flaggedAsSpam: true }, HEARD],
  'an unreadable mail of a stranger is held': [
    { kind: null, holdStrangers: true, writer: 'stranger' },
    held('unknown writer'),
  ],

  'a loop has no effect, and nobody of it is held': [
    { ...IN_LOOP, holdStrangers: true, writer: 'stranger', flaggedAsSpam: true, opens: true },
    {
      ...FILED_ONLY,
      looping: true,
      event: 'conversation.looping',
      evidence: ['looping: 3 mails before it within the window'],
    },
  ],
  'a loop is told once': [
    { recent: { ofConversation: 4, ofContact: 4, looping: 'here' } },
    { ...FILED_ONLY, looping: true, event: null, evidence: ['looping: 4 mails before it within the window'] },
  ],
  'our own mail that came back': [
    { ownMail: true },
    { ...FILED_ONLY, looping: true, event: 'conversation.looping', evidence: ['loop'] },
  ],
};

for (const [what, [circumstances, expected]] of Object.entries(TABLE)) {
  test(`what a mail does: ${what}`, () => {
    assert.deepEqual(decideEffects({ ...ANSWER, ...circumstances }), expected);
  });
}

test('a held mail that is released does what it would have done', () => {
  assert.deepEqual(participation({ ...ANSWER, writer: 'stranger' }), {
    joins: true,
    reopens: true,
    resumesMailing: true,
  });
  assert.deepEqual(participation({ ...ANSWER, status: 'open' }), {
    joins: false,
    reopens: false,
    resumesMailing: true,
  });
});

test('a quarantined mail that is read after all: a stranger joins or is held, a machine does neither', () => {
  const late = (kind: MailKind, holdStrangers: boolean) => {
    const { held, joins, evidence } = decideLateEffects({ kind, status: 'open', writer: 'stranger', holdStrangers });
    return [held, joins, ...evidence];
  };
  assert.deepEqual(late('reply', false), [false, true]);
  assert.deepEqual(late('reply', true), [true, false, 'held: unknown writer']);
  assert.deepEqual(late('bounce', true), [false, false]);
});

test('what cannot be read is a person’s, except from <> to a bounce address', () => {
  assert.equal(unreadKind({ mailFrom: 'ann@example.org', toBounceAddress: true }), null);
  assert.equal(unreadKind({ mailFrom: '', toBounceAddress: false }), null);
  assert.equal(unreadKind({ mailFrom: '', toBounceAddress: true }), 'auto_reply');
});
