import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '#replyd/conversation/model.js';
import { isHis } from '#replyd/conversation/rules/export.js';

test('a person’s are the words that he wrote and those that went to him', () => {
  const his = ['Carla@Customer.example', 'old@customer.example'];
  const to = (...emails: string[]) => emails.map(email => ({ name: '', email }));
  const table: readonly (readonly [string, Message['direction'], Message['author']['role'], string[], boolean])[] = [
    ['what he wrote', 'incoming', 'contact', [], true],
    ['an answer', 'outgoing', 'agent', [], true],
    ['a note of the team', 'note', 'agent', ['carla@customer.example'], false],
    ['what another wrote to the team', 'incoming', 'participant', ['support@example.com'], false],
    ['what another wrote to him too', 'incoming', 'participant', ['support@example.com', 'OLD@customer.example'], true],
    ['what a program reported to the team', 'incoming', 'system', ['carla@customer.example'], false],
  ];
  for (const [title, direction, role, emails, expected] of table) {
    const author = { id: null, name: '', email: null, role };
    assert.equal(isHis({ direction, author, to: [], cc: to(...emails) }, his), expected, title);
    assert.equal(isHis({ direction, author, to: to(...emails), cc: [] }, his), expected, title);
  }
});
