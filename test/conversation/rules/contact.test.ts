import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suspendsContact } from '#replyd/conversation/rules/contact.js';

test('mailing is suspended when the contact’s present address is dead', () => {
  const carla = { email: 'carla@customer.example' };
  assert.equal(suspendsContact(carla, 'Carla@CUSTOMER.example'), true);
  assert.equal(suspendsContact(carla, 'old@customer.example'), false, 'he has left it');
  assert.equal(suspendsContact({ email: null }, 'carla@customer.example'), false);
  assert.equal(suspendsContact(null, 'carla@customer.example'), false, 'a participant who is no contact');
});
