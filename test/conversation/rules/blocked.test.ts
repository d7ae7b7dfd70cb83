import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockEntry, blockingEntry, isFlaggedAsSpam } from '#replyd/conversation/rules/blocked.js';

test('entries of a block list are addresses and domains', () => {
  const table: readonly (readonly [string, string | null])[] = [
    ['spam@example.net', 'spam@example.net'],
    [' Spam@Example.NET ', 'spam@example.net'],
    ['example.net', 'example.net'],
    ['@Example.net', 'example.net'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['', null],
    ['@', null],
    // A whole top-level domain, or the machine: nobody means it.
    ['net', null],
    ['localhost', null],
    ['a b@example.net', null],
    ['*.example.net', null],
  ];
  for (const [text, expected] of table) assert.equal(blockEntry(text), expected, text);
});

test('who is blocked, and who is not', () => {
  const list = ['spam@example.net', 'offers.example'];
  for (const address of ['spam@example.net', 'SPAM@EXAMPLE.NET', 'a@offers.example', 'a@mail.offers.example.']) {
    assert.ok(list.includes(blockingEntry(list, [address])!), address);
  }
  for (const address of [
    'ham@example.net',
    'a@notoffers.example',
    'a@offers.example.com',
    '',
    null,
    'offers.example',
  ]) {
    assert.equal(blockingEntry(list, [address]), null, String(address));
  }
  assert.equal(blockingEntry(list, ['maria@example.org', 'bounce@mail.offers.example']), 'offers.example');
  assert.equal(blockingEntry(['offers.example', 'a@offers.example'], ['A@offers.example']), 'a@offers.example');
  assert.equal(blockingEntry([], ['spam@example.net']), null);
});

test('the flag of a spam filter', () => {
  const flagged = (value: string, name = 'x-spam-flag') => isFlaggedAsSpam([{ name, value }]);
  for (const value of ['YES', ' yes', 'Yes, score=9']) assert.equal(flagged(value), true, value);
  for (const value of ['NO', '', 'yesterday', 'no yes']) assert.equal(flagged(value), false, value);
  assert.equal(flagged('YES', 'x-spam-status'), false);
});
