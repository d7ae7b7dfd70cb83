import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  carriesAnyLoopMark,
  carriesLoopMark,
  isContactLooping,
  loopOf,
  type RecentMails,
} from '#replyd/conversation/rules/loop.js';

test('our mark tells our own mail, to the account that sent it', () => {
  const headers = [{ name: 'x-replyd-loop', value: ' acc_1 ' }];
  assert.deepEqual(
    [carriesLoopMark(headers, 'acc_1'), carriesLoopMark(headers, 'acc_2'), carriesAnyLoopMark(headers)],
    [true, false, true],
  );
  assert.equal(carriesAnyLoopMark([{ name: 'x-loop', value: 'acc_1' }]), false);
});

test('a loop is known by count, in a conversation or through all of a contact’s, and told once', () => {
  const here = 'looping: 3 mails before it within the window';
  const around = "looping: 3 mails in this contact's conversations before it within the window";
  const table: readonly (readonly [RecentMails, string | null, boolean?])[] = [
    [{ ofConversation: 0, ofContact: 0, looping: null }, null],
    [{ ofConversation: 2, ofContact: 2, looping: null }, null],
    [{ ofConversation: 3, ofContact: 3, looping: null }, here, true],
    [{ ofConversation: 3, ofContact: 3, looping: 'here' }, here, false],
    [{ ofConversation: 1, ofContact: 3, looping: null }, around, true],
    // One loop through many conversations.
    [{ ofConversation: 0, ofContact: 3, looping: 'elsewhere' }, around, false],
    // A loop of its own.
    [{ ofConversation: 3, ofContact: 6, looping: 'elsewhere' }, here, true],
  ];
  for (const [recent, evidence, isNews] of table) {
    const loop = loopOf({ ownMail: false, recent, limit: 3 });
    assert.deepEqual(loop, evidence === null ? null : { evidence, isNews }, JSON.stringify(recent));
  }
});

test('our own mail is a loop at once', () => {
  const recent = { ofConversation: 0, ofContact: 0, looping: null } as const;
  assert.deepEqual(loopOf({ ownMail: true, recent, limit: 3 }), { evidence: 'loop', isNews: true });
  assert.deepEqual(loopOf({ ownMail: true, recent: { ...recent, looping: 'here' }, limit: 3 }), {
    evidence: 'loop',
    isNews: false,
  });
});

test('who is in a loop opens no conversation', () => {
  assert.equal(isContactLooping({ ofContact: 2 }, 3), false);
  assert.equal(isContactLooping({ ofContact: 3 }, 3), true);
});
