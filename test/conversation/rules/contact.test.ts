import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learnedOf, participantOfAddress, suspendsContact } from '#replyd/conversation/rules/contact.js';

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
