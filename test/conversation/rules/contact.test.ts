import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canBe,
  contactMeant,
  learnedOf,
  participantOfAddress,
  suspendsContact,
} from '#replyd/conversation/rules/contact.js';

test('mailing is suspended when the contact’s present address is dead', () => {
  const carla = { email: 'carla@customer.example' };
  assert.equal(suspendsContact(carla, 'Carla@CUSTOMER.example'), true);
  assert.equal(suspendsContact(carla, 'old@customer.example'), false, 'he has left it');
  assert.equal(suspendsContact({ email: null }, 'carla@customer.example'), false);
  assert.equal(suspendsContact(null, 'carla@customer.example'), false, 'a participant who is no contact');
});

test('of a contact that is known only what was not known is learned', () => {
  const email = 'carla@customer.example';
  const come = (contact: { email: string | null; name: string }, taken = false) =>
    learnedOf(contact, { email, name: 'Carla', taken });
  assert.deepEqual(come({ email: null, name: '' }), { email, name: 'Carla' });
  assert.deepEqual(come({ email: 'old@customer.example', name: 'C.' }), {});
  assert.deepEqual(come({ email: null, name: 'C.' }, true), {}, 'the address is another contact’s');
  assert.deepEqual(learnedOf({ email: null, name: '' }, { email: null, name: '', taken: false }), {});
});

test('a new address makes a new participant, unless he had none', () => {
  assert.equal(participantOfAddress({ email: 'old@customer.example' }), 'new');
  assert.equal(participantOfAddress({ email: null }), 'same');
  assert.equal(participantOfAddress(null), 'new');
});

test('a source id binds to the contact of the address, unless one of both has the other already', () => {
  const contact = (key: number, source_id: string | null) => ({ key, source_id });
  const [one, two] = [contact(1, 's'), contact(2, null)];
  const table = [
    ['nobody is known', 's', null, null, { kind: 'new' }],
    ['by his source id', 's', one, null, { kind: 'known', contact: one, binds: false }],
    ['by both', 's', one, one, { kind: 'known', contact: one, binds: false }],
    ['by his address', null, null, one, { kind: 'known', contact: one, binds: false }],
    ['by his address, who has no source id', 's', null, two, { kind: 'known', contact: two, binds: true }],
    ['the address of one with another source id', 't', null, one, { kind: 'taken', contact: one }],
    ['two people', 's', one, two, { kind: 'taken', contact: two }],
  ] as const;
  for (const [title, source_id, bySource, byAddress, meant] of table) {
    assert.deepEqual(contactMeant({ source_id }, { bySource, byAddress }), meant, title);
  }
});

test('somebody unknown can be the contact of a conversation when nothing known of the contact says otherwise', () => {
  const email = 'carla@customer.example';
  const table = [
    [{ email: null, source_id: null }, { email, source_id: 's' }, true],
    [{ email: null, source_id: 's' }, { email, source_id: null }, true],
    [{ email, source_id: null }, { email: null, source_id: 's' }, true],
    [{ email, source_id: 's' }, { email: null, source_id: null }, true],
    [{ email: null, source_id: 's' }, { email, source_id: 't' }, false],
    [{ email, source_id: null }, { email: 'bo@customer.example', source_id: 's' }, false],
  ] as const;
  for (const [contact, who, can] of table) assert.equal(canBe(contact, who), can, JSON.stringify([contact, who]));
});
