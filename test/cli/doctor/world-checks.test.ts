import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Finding } from '#replyd/cli/doctor/checks.js';
import { type Trial, trySmarthost } from '#replyd/cli/doctor/smarthost.js';
import {
  checkCertificate,
  checkClients,
  checkClock,
  checkInboundDomain,
  checkProviders,
  checkSupportAddress,
  isReserved,
  type Resolver,
} from '#replyd/cli/doctor/world-checks.js';
import { loadConfig } from '#replyd/config/load.js';
import type { MailRecord } from '#replyd/conversation/model.js';

const PEM = readFileSync(path.resolve('test/outbound/localhost.pem'));
const first = path.resolve('test/ingress/tls/first.cert.pem');
const firstKey = path.resolve('test/ingress/tls/first.key.pem');
const second = path.resolve('test/ingress/tls/second.key.pem');

const made = new X509Certificate(readFileSync(first));
const CERTIFICATE = {
  name: /DNS:([^,]+)/.exec(made.subjectAltName ?? '')?.[1] ?? made.subject.replace(/^.*CN=/s, ''),
  from: Date.parse(made.validFrom),
  to: Date.parse(made.validTo),
  middle: Date.parse(made.validTo) - 100 * 86_400_000,
};

function config(env: Readonly<Record<string, string>>) {
  return loadConfig({ env, cwd: '/srv', readFile: () => null }).config;
}

/** Answers from a table `TYPE name`; ENODATA for the rest, and no answer at all for `'broken'`. */
function resolver(zone: Readonly<Record<string, readonly unknown[] | 'broken'>>): Resolver {
  const look = (type: string) => async (name: string) => {
    const found = zone[`${type} ${name}`];
    if (found === undefined) throw Object.assign(new Error('no data'), { code: 'ENODATA' });
    if (found === 'broken') throw Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });
    return found as never;
  };
  return { resolveMx: look('MX'), resolveTxt: look('TXT'), resolve4: look('A'), resolve6: look('AAAA') };
}

test('where the MX of an inbound domain leads', async () => {
  const mx = (exchange: string) => [{ exchange, priority: 10 }];
  const table: readonly (readonly [string, Parameters<typeof resolver>[0], Finding['state'], RegExp])[] = [
    ['our name', { 'MX in.acme.example': mx('MX.acme.example') }, 'ok', /its MX is MX\.acme\.example/],
    ['our address', { 'MX in.acme.example': mx('a.example'), 'A a.example': ['192.0.2.7'] }, 'ok', /leads here/],
    ['our IPv6', { 'MX in.acme.example': mx('a.example'), 'AAAA a.example': ['2001:db8::7'] }, 'ok', /leads here/],
    ['no MX but an address', { 'A in.acme.example': ['192.0.2.7'] }, 'ok', /no MX/],
    [
      'a front MTA',
      { 'MX in.acme.example': mx('f.example'), 'A f.example': ['192.0.2.9'] },
      'warning',
      /not this machine/,
    ],
    ['nothing', {}, 'failed', /no MX that leads anywhere/],
    ['a dead MX', { 'MX in.acme.example': mx('gone.example') }, 'failed', /no MX that leads anywhere/],
    ['null MX', { 'MX in.acme.example': mx('') }, 'failed', /takes no mail/],
    ['no answer', { 'MX in.acme.example': 'broken' }, 'warning', /gives no answer/],
  ];
  for (const [name, zone, state, text] of table) {
    const at = { resolver: resolver(zone), name: 'mx.acme.example', addresses: ['192.0.2.7', '2001:db8::7'] };
    const finding = await checkInboundDomain('in.acme.example', at);
    assert.equal(finding.state, state, name);
    assert.match(finding.text, text, name);
    assert.equal(finding.advice === null, state === 'ok', name);
  }
});

test('what DNS says of answers from a support address', async () => {
  const spf = { 'TXT in.acme.example': [['v=spf1 a:mail.acme.example -all']] };
  const reject = { 'TXT _dmarc.acme.example': [['v=DMARC1; p=', 'reject']] };
  const strict = { 'TXT _dmarc.acme.example': [['v=DMARC1; p=reject; aspf=s']] };
  const account = { slug: 'acme', support_email: 'help@acme.example', domains: ['in.acme.example'] };
  const foreign = { ...account, domains: ['in.other.example'] };
  const table: readonly (readonly [string, typeof account, Parameters<typeof resolver>[0], string, string])[] = [
    ['all is well', account, { ...spf, ...reject }, 'bounce', 'ok ok ok'],
    ['no DMARC', account, spf, 'bounce', 'warning ok ok'],
    ['no SPF, policy reject', account, reject, 'bounce', 'ok warning warning'],
    [
      'two SPF records',
      account,
      { ...reject, 'TXT in.acme.example': [['v=spf1 -all'], ['v=spf1 ~all']] },
      'bounce',
      'ok failed warning',
    ],
    ['strict alignment', account, { ...spf, ...strict }, 'bounce', 'ok ok warning'],
    [
      'a foreign inbound domain',
      foreign,
      { ...reject, 'TXT in.other.example': [['v=spf1 -all']] },
      'bounce',
      'ok ok warning',
    ],
    [
      'the support address as sender',
      foreign,
      { ...reject, 'TXT acme.example': [['v=spf1 -all']] },
      'support',
      'ok ok ok',
    ],
    [
      'text that only looks like SPF',
      account,
      { ...reject, 'TXT in.acme.example': [['v=spf10 x']] },
      'bounce',
      'ok warning warning',
    ],
    ['no answer', account, { 'TXT _dmarc.acme.example': 'broken' }, 'bounce', 'warning'],
    ['no answer for SPF', account, { ...reject, 'TXT in.acme.example': 'broken' }, 'bounce', 'ok warning'],
  ];
  for (const [name, who, zone, envelopeSender, states] of table) {
    const findings = await checkSupportAddress(who, { resolver: resolver(zone), envelopeSender });
    assert.equal(findings.map(finding => finding.state).join(' '), states, name);
  }
});

test('names that no zone holds are not asked for', () => {
  for (const name of ['in.acme.example', 'example.com', 'reply.example.org', 'x.test', 'localhost'])
    assert.ok(isReserved(name), name);
  for (const name of ['acme-example.de', 'myexample.com', 'testing.io']) assert.ok(!isReserved(name), name);
});

test('a certificate that fits, and four that do not', () => {
  const at = (certificate: string, key: string, hostname: string) =>
    config({ REPLYD_TLS_CERTIFICATE: certificate, REPLYD_TLS_KEY: key, REPLYD_SMTP_HOSTNAME: hostname });
  const states = (findings: readonly Finding[]) => findings.map(({ state, text }) => `${state}: ${text}`).join('\n');
  assert.match(states(checkCertificate(at(first, firstKey, CERTIFICATE.name), CERTIFICATE.middle)), /^ok: /);
  assert.match(
    states(checkCertificate(at(first, second, CERTIFICATE.name), CERTIFICATE.middle)),
    /^failed: .* is not the key of/,
  );
  assert.match(
    states(checkCertificate(at(first, firstKey, 'mx.other.example'), CERTIFICATE.middle)),
    /^warning: is not for/,
  );
  assert.match(
    states(checkCertificate(at(first, firstKey, CERTIFICATE.name), CERTIFICATE.to + 1_000)),
    /^failed: ran out/,
  );
  assert.match(
    states(checkCertificate(at(first, firstKey, CERTIFICATE.name), CERTIFICATE.to - 86_400_000 * 3)),
    /^warning: runs out in 3 days/,
  );
  assert.match(
    states(checkCertificate(at(first, firstKey, CERTIFICATE.name), CERTIFICATE.from - 1_000)),
    /^failed: valid only from/,
  );
  assert.match(states(checkCertificate(at('/nonexistent', firstKey, 'x.example'), CERTIFICATE.middle)), /^failed: /);
  assert.match(states(checkCertificate(config({}), CERTIFICATE.middle)), /^warning: none/);
});

function mail(change: Partial<MailRecord>): MailRecord {
  return {
    id: 'mail_1',
    state: 'filed',
    envelope: { mail_from: 'a@example.org', rcpt_to: [] },
    size: 1,
    sha256: '',
    door: 'smtp',
    client: '192.0.2.1',
    received_at: '2026-03-01T10:00:00.000Z',
    reason: null,
    results: [],
    ...change,
  };
}

test('a stranger who brings most mail', () => {
  const many = (client: string, count: number) => Array.from({ length: count }, () => mail({ client }));
  const trusting = config({ REPLYD_SMTP_TRUSTED_NETWORKS: '192.0.2.0/24' });
  assert.equal(checkClients(config({}), [...many('192.0.2.1', 30), ...many('198.51.100.1', 5)]).state, 'warning');
  assert.equal(checkClients(trusting, many('192.0.2.1', 30)).state, 'ok');
  assert.equal(checkClients(config({}), [...many('192.0.2.1', 15), ...many('198.51.100.1', 15)]).state, 'ok');
  assert.equal(checkClients(config({}), many('192.0.2.1', 5)).state, 'ok');
  assert.equal(
    checkClients(
      config({}),
      Array.from({ length: 30 }, () => mail({ door: 'mailgun' })),
    ).state,
    'ok',
  );
});

test('providers: settings and recent refusals', () => {
  const now = Date.parse('2026-03-02T10:00:00Z');
  const open = config({
    REPLYD_INGRESS_POSTMARK_PASSWORD: 'a-much-longer-secret',
    REPLYD_HTTP_PUBLIC_URL: 'https://mail.example.com',
  });
  const refused = mail({ door: 'postmark', state: 'refused', reason: 'unknown recipient' });
  assert.deepEqual(checkProviders(config({}), [refused], now), []);
  const [fine] = checkProviders(open, [], now);
  assert.match(`${fine?.state} ${fine?.text}`, /^ok https:\/\/mail\.example\.com\/ingress\/postmark,/);
  assert.equal(checkProviders(open, [refused], now)[0]?.state, 'warning');
  assert.equal(checkProviders(open, [refused], now + 8 * 86_400_000)[0]?.state, 'ok');
  assert.equal(checkProviders(open, [{ ...refused, door: 'mailgun' }], now)[0]?.state, 'ok');
  assert.doesNotMatch(JSON.stringify(checkProviders(open, [refused], now)), /a-long-secret/);
});

test('a clock that stands behind the store', () => {
  const at = Date.parse('2026-03-01T10:00:00Z');
  assert.equal(checkClock(undefined, at).state, 'ok');
  assert.equal(checkClock(mail({}), at - 30_000).state, 'ok');
  assert.equal(checkClock(mail({}), at - 120_000).state, 'failed');
});

async function server(t: TestContext, options: SMTPServerOptions): Promise<number> {
  const smtp = new SMTPServer({
    key: PEM,
    cert: PEM,
    logger: false,
    authOptional: true,
    disableReverseLookup: true,
    ...options,
  });
  smtp.on('error', () => {});
  const port = await new Promise<number>(resolve => {
    const listening = smtp.listen(0, '127.0.0.1', () => resolve((listening.address() as { port: number }).port));
  });
  t.after(() => new Promise<void>(resolve => smtp.close(() => resolve())));
  return port;
}

test('the smarthost: each step that can go wrong is named', async t => {
  const auth: SMTPServerOptions = {
    authOptional: false,
    onAuth: ({ username, password }, _session, done) =>
      username === 'replyd' && password === 'right' ? done(null, { user: 'replyd' }) : done(new Error('no')),
  };
  const picky: SMTPServerOptions = {
    onMailFrom: ({ address }, _session, done) =>
      address.startsWith('bounce+') ? done(new Error('not your address')) : done(),
  };
  const plain = await server(t, { disabledCommands: ['STARTTLS'] });
  const offers = await server(t, {});
  const logins = await server(t, auth);
  const refuses = await server(t, picky);
  const silent = createServer(() => {});
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  const mute = (silent.address() as { port: number }).port;
  const base = { host: '127.0.0.1', username: null, password: null } as const;
  const sender = 'bounce+00@in.acme.example';
  const table: readonly (readonly [string, number, object, string, string | null, boolean])[] = [
    ['without TLS', plain, { tls: 'opportunistic' }, sender, null, false],
    ['STARTTLS when it is offered', offers, { tls: 'opportunistic' }, sender, null, true],
    ['null sender', offers, { tls: 'none' }, '', null, false],
    ['no STARTTLS though required', plain, { tls: 'required' }, sender, 'tls', false],
    ['a certificate nobody signed', offers, { tls: 'required' }, sender, 'tls', false],
    ['implicit TLS at a plain port', plain, { tls: 'implicit' }, sender, 'tls', false],
    ['login', logins, { tls: 'opportunistic', username: 'replyd', password: 'right' }, sender, null, true],
    [
      'wrong password',
      logins,
      { tls: 'opportunistic', username: 'replyd', password: 'hunter2' },
      sender,
      'login',
      true,
    ],
    ['login where there is none', plain, { tls: 'none', username: 'replyd', password: 'x' }, sender, 'login', false],
    ['our sender is refused', refuses, { tls: 'none' }, sender, 'sender', false],
    ['nobody listens', 1, { tls: 'none' }, sender, 'connection', false],
    ['no answer', mute, { tls: 'none' }, sender, 'connection', false],
  ];
  for (const [name, port, settings, mailFrom, step, secure] of table) {
    const outbound = { ...base, tls: 'none', ...settings, port } as Parameters<typeof trySmarthost>[0];
    const options = { hostname: 'replyd.example', timeout: port === mute ? 300 : 10_000 };
    const trial: Trial = await trySmarthost(outbound, mailFrom, options);
    assert.equal(trial.fault?.step ?? null, step, `${name}: ${trial.fault?.text}`);
    assert.equal(trial.tls !== null, secure, name);
    assert.doesNotMatch(trial.fault?.text ?? '', /hunter2|AHJlcGx5ZAA/, name);
  }
  await new Promise<void>(resolve => silent.close(() => resolve()));
});
