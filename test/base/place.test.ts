/** The one grammar of places to listen, and that no other file has one of its own. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  connectOptions,
  type Listen,
  listenConflict,
  parseListen,
  printBound,
  printListen,
} from '#replyd/base/place.js';

const PLACES: readonly (readonly [string, Listen])[] = [
  ['127.0.0.1:25', { kind: 'tcp', host: '127.0.0.1', port: 25 }],
  ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
  ['[::1]:2525', { kind: 'tcp', host: '::1', port: 2525 }],
  ['[::]:65535', { kind: 'tcp', host: '::', port: 65_535 }],
  ['xn--bcher-kva.example:25', { kind: 'tcp', host: 'xn--bcher-kva.example', port: 25 }],
  ['unix:/run/replyd/lmtp', { kind: 'unix', path: '/run/replyd/lmtp' }],
];

test('places are read, and printed as they are read', () => {
  for (const [text, listen] of PLACES) {
    assert.deepEqual(parseListen(text), listen, text);
    assert.equal(printListen(listen), text);
  }
  const others: readonly (readonly [string, string])[] = [
    [' [2001:DB8::1]:25 ', '[2001:db8::1]:25'],
    ['Bücher.Example.:25', 'xn--bcher-kva.example:25'],
    ['/run//replyd/lmtp', 'unix:/run/replyd/lmtp'],
  ];
  for (const [text, printed] of others) {
    const listen = parseListen(text);
    assert.ok(listen.kind !== 'none' && printListen(listen) === printed, text);
  }
});

test('what is no place says what is wanted', () => {
  const table: readonly (readonly [string, 'tcp' | 'unix', RegExp])[] = [
    ['', 'tcp', /host:port/],
    ['25', 'tcp', /"127\.0\.0\.1:25" or, for all addresses, "\[::\]:25"/],
    [':25', 'tcp', /"127\.0\.0\.1:25"/],
    ['::1:25', 'tcp', /host:port/],
    ['[127.0.0.1]:25', 'tcp', /host:port/],
    ['300.1.1.1:25', 'tcp', /host:port/],
    ['a:99999', 'tcp', /host:port/],
    ['a:', 'tcp', /host:port/],
    ['a b:25', 'tcp', /host:port/],
    ['unix:relative', 'unix', /begins with \//],
    [`unix:/${'x'.repeat(107)}`, 'unix', /108 bytes/],
  ];
  for (const [text, meant, wanted] of table) {
    const read = parseListen(text);
    assert.ok(read.kind === 'none' && read.meant === meant && wanted.test(read.wanted), text);
  }
});

test('bound places, and where to connect', () => {
  assert.equal(printBound({ address: '::1', family: 'IPv6', port: 25 }), '[::1]:25');
  assert.equal(printBound({ address: '127.0.0.1', family: 'IPv4', port: 25 }), '127.0.0.1:25');
  assert.equal(printBound('/run/x'), 'unix:/run/x');
  assert.equal(printBound(null), null);
  assert.deepEqual(
    PLACES.slice(-2).map(([, listen]) => connectOptions(listen)),
    [{ host: 'xn--bcher-kva.example', port: 25 }, { path: '/run/replyd/lmtp' }],
  );
});

test('two listeners on one port', () => {
  const conflict = (one: string, other: string) => {
    const [first, second] = [parseListen(one), parseListen(other)];
    assert.ok(first.kind === 'tcp' && second.kind === 'tcp');
    return listenConflict(first, second);
  };
  assert.match(conflict('127.0.0.1:25', '127.0.0.1:25')!, /is taken/);
  assert.match(conflict('[::]:25', '0.0.0.0:25')!, /leave 0\.0\.0\.0 out/);
  assert.match(conflict('[::]:25', '127.0.0.1:25')!, /takes all addresses/);
  assert.match(conflict('[::1]:25', '[::]:25')!, /takes all addresses/);
  for (const [one, other] of [
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['127.0.0.1:25', '127.0.0.1:26'],
    ['0.0.0.0:25', '[::1]:25'],
    ['localhost:25', '127.0.0.1:25'],
  ] as const) {
    assert.equal(conflict(one, other), null, `${one} ${other}`);
  }
});

test('no other file reads or prints such a place by itself', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'));
  const own = /startsWith\('unix:'|=== 'IPv6' \? `\[|lastIndexOf\(':'\)|`\[\$\{[a-z.]*host\}\]/;
  const found = files.filter(file => own.test(readFileSync(path.join('src', file), 'utf8')));
  assert.deepEqual(found, ['base/place.ts']);
});
