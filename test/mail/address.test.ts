import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  envelopeAddress,
  formatReplyAddress,
  normalizeAddress,
  normalizeDomain,
  normalizeToken,
  type OurAddress,
  parseOurAddress,
  reasonNotMailable,
  sameAddress,
  splitAddress,
} from '#replyd/mail/address.js';

const HEX = '0123456789abcdef0123456789abcdef';
const UUID = '01234567-89ab-cdef-0123-456789abcdef';

test('addresses in one form', () => {
  const table: [string, string][] = [
    ['ann@example.com', 'ann@example.com'],
    ['  <Ann.Lee@Example.COM> ', 'Ann.Lee@example.com'],
    ['ann@example.com.', 'ann@example.com'],
    ['a.@docomo.ne.jp', 'a.@docomo.ne.jp'],
    ['.a..b@x', '.a..b@x'],
    ['ann@my_host.example', 'ann@my_host.example'],
    ['ann@müller.example', 'ann@xn--mller-kva.example'],
    ['ann@MÜLLER。example', 'ann@xn--mller-kva.example'],
    ['ann@XN--MLLER-KVA.example', 'ann@xn--mller-kva.example'],
    ['用户@例子.example', '用户@xn--fsqu00a.example'],
    ['jürgen@example.com', 'jürgen@example.com'],
    ["o'neil+tag/x=y!#$%&*?^_`{|}~@example.com", "o'neil+tag/x=y!#$%&*?^_`{|}~@example.com"],
    ['"ann lee"@example.com', '"ann lee"@example.com'],
    ['"a@b"@example.com', '"a@b"@example.com'],
    ['"a\\"b"@example.com', '"a\\"b"@example.com'],
    ['ann@[192.0.2.1]', 'ann@[192.0.2.1]'],
    ['ann@[IPv6:2001:DB8::1]', 'ann@[ipv6:2001:db8::1]'],
    ['ann@1.2', 'ann@1.2'],
    ['ann@localhost', 'ann@localhost'],
    [`${'v'.repeat(100)}@example.com`, `${'v'.repeat(100)}@example.com`],
  ];
  for (const [text, expected] of table) assert.equal(normalizeAddress(text), expected, text);
});

test('addresses that can never be mailed', () => {
  const label = 'l'.repeat(63);
  const table: [string, RegExp | null][] = [
    ['ann@example.com', null],
    [`${'v'.repeat(64)}@example.com`, null],
    [`ann@${label}.example`, null],
    ['ann@my_host.example', null],
    ['ann@xn--mller-kva.example', null],
    ['ann@localhost', /no dot/],
    ['ann@[192.0.2.1]', /IP address/],
    ['ann@[ipv6:2001:db8::1]', /IP address/],
    ['ann@192.0.2.1', /IP address/],
    [`${'v'.repeat(65)}@example.com`, /longer than 64 octets/],
    [`${'ü'.repeat(33)}@example.com`, /longer than 64 octets/],
    [`ann@${label}l.example`, /longer than 63/],
    [`ann@${`${label}.`.repeat(3)}${'m'.repeat(59)}.example`, /longer than 254/],
    ['ann@-host.example', /hyphen/],
    ['ann@host-.example', /hyphen/],
  ];
  for (const [address, reason] of table) {
    const given = reasonNotMailable(address);
    if (reason === null) assert.equal(given, null, address);
    else assert.match(given ?? 'it can', reason, address);
  }
});

test('what is no address', () => {
  const table = [
    '',
    '<>',
    'ann',
    '@example.com',
    'ann@',
    'ann@@example.com',
    'ann lee@example.com',
    'ann@exa mple.com',
    'ann@.example.com',
    'ann@example..com',
    'ann@example.com..',
    'ann@example.com/x',
    'ann@exa%6dple.com',
    'ann@example.com:25',
    'ann@example,com',
    'ann@[1.2.3.4',
    'ann@[]',
    'ann@müller/x.example',
    'a\0b@example.com',
    'ann@exam\0ple.com',
    'a\r\nb@example.com',
    'ann@example.com\nRCPT TO:<x>',
    'a\ud800b@example.com',
    'a\u0085b@example.com',
    'a\u00a0b@example.com',
    'a<b@example.com',
    'a,b@example.com',
    'a;b@example.com',
    'a(b)@example.com',
    '"ann@example.com',
    'ann"@example.com',
    '"a"b"@example.com',
    '""@example.com',
    '"a\\"@example.com',
    'back\\slash@example.com',
    `a@${'b'.repeat(254)}`,
    `${'a'.repeat(320)}@example.com`,
    `${'ü'.repeat(160)}@example.com`,
  ];
  for (const text of table) assert.equal(normalizeAddress(text), null, JSON.stringify(text));
});

test('domains', () => {
  assert.equal(normalizeDomain('Reply.Example.COM'), 'reply.example.com');
  for (const text of ['', '.', 'a b', 'ex%61mple', 'a/b', '[a b]', `${'a'.repeat(300)}`]) {
    assert.equal(normalizeDomain(text), null, text);
  }
});

test('one mailbox, whatever the case', () => {
  assert.equal(sameAddress('Ann@Example.com', '<ann@EXAMPLE.COM>'), true);
  assert.equal(sameAddress('JÜRGEN@example.com', 'jürgen@example.com'), true);
  assert.equal(sameAddress('ju\u0308rgen@example.com', 'jürgen@example.com'), true);
  assert.equal(sameAddress('ann@example.com', 'ann@example.org'), false);
  assert.equal(sameAddress('ann', 'ann'), false);
});

test('an address splits at its last @', () => {
  assert.deepEqual(splitAddress('"a@b"@example.com'), { localPart: '"a@b"', domain: 'example.com' });
  assert.equal(splitAddress('ann'), null);
});

test('tokens in one form', () => {
  assert.equal(normalizeToken(HEX.toUpperCase()), HEX);
  assert.equal(normalizeToken(UUID), HEX);
  assert.equal(normalizeToken(UUID.toUpperCase()), HEX);
  assert.equal(normalizeToken('Ticket_42.abc-x'), 'ticket_42.abc-x');
  assert.equal(normalizeToken('01234567-89ab-cdef-0123-456789abcdeg'), '01234567-89ab-cdef-0123-456789abcdeg');
  const invalid = [
    '',
    'short12',
    'a'.repeat(65),
    'abcdefgh ',
    'abcd/efgh',
    'abcdefgh\n',
    'äbcdefgh',
    'abc+defgh',
    'a'.repeat(1e6),
  ];
  for (const token of invalid) assert.equal(normalizeToken(token), null, token.slice(0, 40));
});

const PREFIXES = ['reply', 'Support-Reply', 'r', 'reply-to', 're+ply'];

test('addresses of ours', () => {
  const reply = (token: string, domain = 'in.example.com'): OurAddress => ({ kind: 'reply', token, domain });
  const table: [string, OurAddress][] = [
    [`reply+${HEX}@in.example.com`, reply(HEX)],
    [`<REPLY+${HEX.toUpperCase()}@IN.EXAMPLE.COM>`, reply(HEX)],
    [`reply-${HEX}@in.example.com`, reply(HEX)],
    [`reply=${HEX}@in.example.com`, reply(HEX)],
    [`reply+${UUID}@in.example.com`, reply(HEX)],
    [`reply-${UUID}@in.example.com.`, reply(HEX)],
    [`support-reply-${HEX}@in.example.com`, reply(HEX)],
    [`reply-to-${HEX}@in.example.com`, reply(HEX)],
    [`reply-to-go-abcdefgh@in.example.com`, reply('go-abcdefgh')],
    [`reply-toabcdefgh@in.example.com`, reply('toabcdefgh')],
    [`re+ply=${HEX}@in.example.com`, reply(HEX)],
    [`r+${HEX}@in.example.com`, reply(HEX)],
    ['reply+ticket_42.abc@in.example.com', reply('ticket_42.abc')],
    ['"reply+ticket_42.abc"@in.example.com', reply('ticket_42.abc')],
    ['"re\\ply+ticket_42.abc"@in.example.com', reply('ticket_42.abc')],
    [`reply+${HEX}@müller.example`, reply(HEX, 'xn--mller-kva.example')],
    [`bounce+${HEX}@in.example.com`, { kind: 'bounce', token: HEX, domain: 'in.example.com' }],
    [`Bounce=${HEX}@in.example.com`, { kind: 'bounce', token: HEX, domain: 'in.example.com' }],
    [`inbox-${HEX}@in.example.com`, { kind: 'inbox', token: HEX, domain: 'in.example.com' }],
    ['postmaster', { kind: 'operator', localPart: 'postmaster', domain: '' }],
    ['<Postmaster>', { kind: 'operator', localPart: 'postmaster', domain: '' }],
    ['PostMaster@In.Example.com', { kind: 'operator', localPart: 'postmaster', domain: 'in.example.com' }],
    ['abuse@in.example.com', { kind: 'operator', localPart: 'abuse', domain: 'in.example.com' }],
  ];
  for (const [text, expected] of table) assert.deepEqual(parseOurAddress(text, PREFIXES), expected, text);
});

test('addresses that are none of ours keep their domain where they have one', () => {
  const table: [string, string][] = [
    ['', ''],
    ['abuse', ''],
    [`reply+${HEX}`, ''],
    [`reply+${HEX}@`, ''],
    [`reply+${HEX}@bad domain`, ''],
    ['ann@in.example.com', 'in.example.com'],
    ['@in.example.com', 'in.example.com'],
    ['reply@in.example.com', 'in.example.com'],
    ['reply+@in.example.com', 'in.example.com'],
    ['reply+1234567@in.example.com', 'in.example.com'],
    [`reply${HEX}@in.example.com`, 'in.example.com'],
    [`reply++${HEX}@in.example.com`, 'in.example.com'],
    [`reply+${HEX}+x@in.example.com`, 'in.example.com'],
    [`reply+${HEX} @in.example.com`, 'in.example.com'],
    [`reply+${HEX}\0@in.example.com`, 'in.example.com'],
    [`reply+${HEX}\n@in.example.com`, 'in.example.com'],
    [`xreply+${HEX}@in.example.com`, 'in.example.com'],
    [`reply+${HEX}"@in.example.com`, 'in.example.com'],
    [`reply+${HEX};rm@in.example.com`, 'in.example.com'],
    [`reply+$(id)${HEX}@in.example.com`, 'in.example.com'],
    [`reply+\`id\`abcdef@in.example.com`, 'in.example.com'],
    [`reply+|cat${HEX}@in.example.com`, 'in.example.com'],
    [`reply+../../etc/passwd@in.example.com`, 'in.example.com'],
    [`reply+${'a'.repeat(59)}@in.example.com`, 'in.example.com'],
    [`reply+${'ａ'.repeat(32)}@in.example.com`, 'in.example.com'],
    [`bounces+${HEX}@in.example.com`, 'in.example.com'],
    ['postmaster+x@in.example.com', 'in.example.com'],
    ['bounce@in.example.com', 'in.example.com'],
    [`reply+${HEX}@${'a'.repeat(230)}.com`, `${'a'.repeat(230)}.com`],
    [`reply+${HEX}@in.example.com@evil.example`, 'evil.example'],
    [`${'x'.repeat(5000)}@in.example.com`, ''],
  ];
  for (const [text, domain] of table) {
    assert.deepEqual(parseOurAddress(text, PREFIXES), { kind: 'unknown', domain }, JSON.stringify(text).slice(0, 80));
  }
});

test('a formatted reply address is read back', () => {
  for (const separator of ['+', '-', '='] as const) {
    const address = formatReplyAddress('reply', separator, HEX, 'in.example.com');
    assert.deepEqual(parseOurAddress(address, ['reply']), { kind: 'reply', token: HEX, domain: 'in.example.com' });
  }
});

test('an envelope address has one form, with quotes only where they say something', () => {
  const table: readonly (readonly [string, string])[] = [
    ['', ''],
    ['<Ann@Example.COM.>', 'Ann@example.com'],
    ['"reply+0a"@reply.example', 'reply+0a@reply.example'],
    ['"a\\.b"@reply.example', 'a.b@reply.example'],
    ['"a b"@reply.example', '"a b"@reply.example'],
    ['"a..b"@reply.example', '"a..b"@reply.example'],
    ['"a@b"@reply.example', '"a@b"@reply.example'],
    ['""@reply.example', '""@reply.example'],
    ['root', 'root'],
    ['"root"', '"root"'],
  ];
  for (const [written, form] of table) assert.equal(envelopeAddress(written), form, written);
});
