import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticationOf } from '#replyd/mail/authentication.js';

const IDS = ['mx.example.com'];

function fields(...lines: string[]) {
  return lines.map(line => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon).toLowerCase(), value: line.slice(colon + 1).trim() };
  });
}

const AR = 'Authentication-Results:';

/** spf, dkim, dmarc. */
const RIGHT: [string, string[], (string | null)[]][] = [
  [
    'all in one field',
    [
      `${AR} mx.example.com; spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass header.from=a.example`,
    ],
    ['pass', 'pass', 'pass'],
  ],
  [
    'one field a method',
    [
      `${AR} mx.example.com; dmarc=fail (p=reject dis=none) header.from=a.example`,
      `${AR} mx.example.com; spf=softfail`,
    ],
    ['softfail', null, 'fail'],
  ],
  ['none', [`${AR} mx.example.com; none`], [null, null, null]],
  ['version numbers', [`${AR} mx.example.com 1; spf/1=pass; dmarc / 2 = fail`], ['pass', null, 'fail']],
  ['case and a quoted id', [`${AR} "MX.Example.COM"; SPF=Pass; DMARC=FAIL`], ['pass', null, 'fail']],
  [
    'comments everywhere',
    [`${AR} (a;b) mx.example.com (c; dmarc=fail); (d) dmarc (e) = (f) pass (g; dmarc=fail)`],
    [null, null, 'pass'],
  ],
  [
    'a semicolon in quotes',
    [`${AR} mx.example.com; dmarc=pass reason="x; dmarc=fail; \\"; spf=fail"`],
    [null, null, 'pass'],
  ],
  [
    'several signatures, one holds',
    [`${AR} mx.example.com; dkim=fail header.d=a.example; dkim=pass header.d=b.example`],
    [null, 'pass', null],
  ],
  [
    'several signatures, none holds',
    [`${AR} mx.example.com; dkim=none; dkim=fail; dkim=neutral`],
    [null, 'fail', null],
  ],
  ['a verdict that nobody knows', [`${AR} mx.example.com; dmarc=bestguesspass`], [null, null, 'bestguesspass']],
  [
    'above and below our own Received',
    [`${AR} mx.example.com; dmarc=fail`, 'Received: by mx.example.com', `${AR} mx.example.com; spf=pass`],
    [null, null, 'fail'],
  ],
  [
    'below the Received of the front',
    ['Received: by mx.example.com', `${AR} mx.example.com; dmarc=fail`],
    [null, null, 'fail'],
  ],
  [
    'a forged field below never replaces a verdict',
    [`${AR} mx.example.com; dmarc=fail`, `${AR} mx.example.com; dmarc=pass; spf=none`],
    ['none', null, 'fail'],
  ],
];

for (const [what, lines, [spf, dkim, dmarc]] of RIGHT) {
  test(`Authentication-Results, ${what}`, () => {
    const found = authenticationOf(fields(...lines), IDS);
    assert.deepEqual([found.spf, found.dkim, found.dmarc], [spf, dkim, dmarc]);
    assert.ok(found.evidence.length > 0);
  });
}

const WRONG: [string, string[]][] = [
  ['another id', [`${AR} mx.other.example; dmarc=fail`]],
  ['an id that only begins like ours', [`${AR} mx.example.com.evil.example; dmarc=pass`]],
  ['no id', [`${AR} dmarc=pass`]],
  ['an id behind the results', [`${AR} dmarc=pass; mx.example.com`]],
  [
    'another field',
    [
      'ARC-Authentication-Results: i=1; mx.example.com; dmarc=pass',
      'X-Authentication-Results: mx.example.com; dmarc=pass',
    ],
  ],
  ['nothing', []],
];

for (const [what, lines] of WRONG) {
  test(`Authentication-Results, ${what}: does not count`, () => {
    assert.deepEqual(authenticationOf(fields(...lines), IDS), { spf: null, dkim: null, dmarc: null, evidence: [] });
  });
}

test('a broken verdict is left out and the rest of the field counts', () => {
  const found = authenticationOf(fields(`${AR} mx.example.com; =pass; dmarc; dkim==pass; dmarc=p@ss; spf=pass;;`), IDS);
  assert.deepEqual([found.spf, found.dkim, found.dmarc], ['pass', null, null]);
});

test('without an id of ours nothing counts, and with several each does', () => {
  const header = fields(`${AR} b.example; dmarc=fail`);
  assert.equal(authenticationOf(header, []).dmarc, null);
  assert.equal(authenticationOf(header, ['a.example', 'B.example']).dmarc, 'fail');
});

test('a hostile field is read in linear time and its evidence is short', () => {
  const nasty = [`${AR} mx.example.com; ${'dmarc=('.repeat(20_000)}`, `${AR} mx.example.com${' ;'.repeat(50_000)}`];
  const started = process.cpuUsage();
  const found = authenticationOf(fields(...nasty, ...Array.from({ length: 400 }, () => nasty[0]!)), IDS);
  const used = process.cpuUsage(started);
  assert.ok(used.user + used.system < 500_000, `${used.user + used.system} µs`);
  assert.ok(found.evidence.length <= 20);
  for (const line of found.evidence) assert.ok(line.length <= 201);
});

test('whom SMTP AUTH proved, and which domain in From the DMARC verdict is about', () => {
  const told = (...results: string[]) => {
    const { login, dmarcFrom } = authenticationOf(fields(...results.map(each => `${AR} ${each}`)), IDS);
    return [login, dmarcFrom];
  };
  assert.deepEqual(told('mx.example.com; auth=pass smtp.auth=anna@a.example; dmarc=pass header.from=A.example'), [
    'anna@a.example',
    'a.example',
  ]);
  assert.deepEqual(told('mx.example.com; auth=pass (login) smtp.auth="anna b@a.example"'), [
    'anna b@a.example',
    undefined,
  ]);
  assert.deepEqual(told('mx.example.com; dmarc=pass header.from=anna@a.example'), [undefined, 'a.example']);
  for (const none of [
    'mx.example.com; auth=fail smtp.auth=anna@a.example',
    'mx.example.com; auth=pass smtp.mailfrom=anna@a.example',
    'mx.example.com; auth=pass (smtp.auth=anna@a.example)',
    'mx.example.com; spf=pass smtp.auth=anna@a.example header.from=a.example',
    'mx.other.example; auth=pass smtp.auth=anna@a.example; dmarc=pass header.from=a.example',
  ]) {
    assert.deepEqual(told(none), [undefined, undefined], none);
  }
  // A lower field replaces nothing of a higher one.
  const two = told('mx.example.com; dmarc=fail', 'mx.example.com; dmarc=pass header.from=a.example');
  assert.deepEqual(two, [undefined, undefined]);
});
