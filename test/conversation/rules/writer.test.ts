import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writerOf } from '#replyd/conversation/rules/writer.js';
import type { MailKind } from '#replyd/mail/mail.js';

const CARLA = { key: 1, name: 'Carla', email: 'carla@customer.example', role: 'contact' } as const;
const BEN = { key: 2, name: '', email: 'ben@customer.example', role: 'participant' } as const;
type Known = typeof CARLA | typeof BEN;

const from = (email: string, name = '', kind: MailKind = 'reply') => ({ from: { email, name }, kind });

function written(mail: Parameters<typeof writerOf>[0], named: Known | null, owner: Known | null) {
  const { author, participant, standing, sender } = writerOf(mail, named, owner);
  return [author.name, author.email, author.role, participant?.key ?? null, standing, sender.token_of];
}

test('the writer is the person in From, whose token it came to is told beside it', () => {
  const eve = 'eve@other.example';
  const table: readonly (readonly [string, ReturnType<typeof written>, readonly unknown[]])[] = [
    [
      'the owner of the token',
      written(from(CARLA.email), CARLA, CARLA),
      ['Carla', CARLA.email, 'contact', 1, 'participant', null],
    ],
    [
      'with the name of this mail',
      written(from(CARLA.email, 'C. Smith'), CARLA, CARLA),
      ['C. Smith', CARLA.email, 'contact', 1, 'participant', null],
    ],
    [
      'another participant, with her copy',
      written(from(BEN.email, 'Ben'), BEN, CARLA),
      ['Ben', BEN.email, 'participant', 2, 'participant', 'Carla'],
    ],
    [
      'the copy of somebody without a name',
      written(from(CARLA.email), CARLA, BEN),
      ['Carla', CARLA.email, 'contact', 1, 'participant', BEN.email],
    ],
    ['a stranger', written(from(eve, 'Eve'), null, CARLA), ['Eve', eve, 'participant', null, 'stranger', 'Carla']],
    [
      'a machine that nobody knows',
      written(from('mailer-daemon@mx.example', '', 'bounce'), null, CARLA),
      ['', 'mailer-daemon@mx.example', 'system', null, 'stranger', 'Carla'],
    ],
    [
      'an autoresponder is its owner’s',
      written(from(CARLA.email, '', 'auto_reply'), CARLA, CARLA),
      ['Carla', CARLA.email, 'contact', 1, 'participant', null],
    ],
    [
      'no From: the owner',
      written({ from: null, kind: 'reply' }, null, CARLA),
      ['Carla', CARLA.email, 'contact', 1, 'participant', null],
    ],
    ['unreadable: the owner', written(null, null, CARLA), ['Carla', CARLA.email, 'contact', 1, 'participant', null]],
    [
      'to the forwarding address, no From',
      written({ from: null, kind: 'reply' }, null, null),
      ['', null, 'system', null, 'unnamed', null],
    ],
    [
      'to the forwarding address',
      written(from(eve, 'Eve'), null, null),
      ['Eve', eve, 'participant', null, 'stranger', null],
    ],
  ];
  for (const [what, found, expected] of table) assert.deepEqual(found, expected, what);
});

test('a mail without From says so, one that cannot be read says nothing of it', () => {
  const missing = ['no From field: taken for the owner of the token'];
  assert.deepEqual(writerOf({ from: null, kind: 'reply' }, null, CARLA).sender.evidence, missing);
  assert.deepEqual(writerOf(null, null, CARLA).sender.evidence, []);
  assert.deepEqual(writerOf(from(CARLA.email), CARLA, CARLA).sender.evidence, []);
});
