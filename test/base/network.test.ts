import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { clientKey, parseNetworks, plainAddress } from '#replyd/base/network.js';

test('a client is an IPv4 address or a /64', () => {
  const table: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1::5:6:7:192.0.2.1', '1:0:0:5::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    // No address: a client of its own.
    ['', ''],
    ['unknown', 'unknown'],
  ];
  for (const [address, key] of table) assert.equal(clientKey(address), key, address);
});

test('plain addresses', () => {
  assert.equal(plainAddress('::ffff:192.0.2.1%lo'), '192.0.2.1');
  assert.equal(plainAddress('::ffff:999.0.2.1'), '::ffff:999.0.2.1');
  assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
});

test('networks hold what is in them, in any form of an address', () => {
  const inside = parseNetworks(['10.1.2.3/8', '192.0.2.7', ' 2001:db8::/32', '::1/128', '::ffff:198.51.100.0/24']);
  const table: [string, boolean][] = [
    ['10.255.0.1', true],
    ['::ffff:10.0.0.1', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', false],
    ['::1', true],
    ['198.51.100.200', true],
    ['', false],
    ['localhost', false],
  ];
  for (const [address, expected] of table) assert.equal(inside(address), expected, address);
  assert.equal(parseNetworks([])('127.0.0.1'), false);
  assert.equal(parseNetworks(['0.0.0.0/0'])('203.0.113.9'), true);
});

test('a wrong network is named', () => {
  for (const entry of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    '::1/129',
    '10.0.0.0/8/8',
    '1.2.3.4/-1',
  ]) {
    assert.throws(
      () => parseNetworks(['127.0.0.0/8', entry]),
      error => isReplydError(error, 'invalid') && error.message.includes(`"${entry}"`),
      entry,
    );
  }
});
