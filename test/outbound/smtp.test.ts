import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Courier, MailParcel, Outcome } from '#replyd/conversation/ports.js';
import { createSmtpCourier, type SmtpCourierOptions } from '#replyd/outbound/smtp.js';
import { type Script, type SmtpSink, startSink } from './smtp-sink.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'replyd-smtp-'));
after(() => rmSync(folder, { recursive: true }));
const pem = readFileSync(path.resolve('test/outbound/localhost.pem'), 'utf8');

const HEAD = 'Reply-To: <reply+aa@reply.example.com>\r\n';
const BODY = 'Subject: x\r\n\r\n.dot\r\nbody\r\n';

function parcel(changes: Partial<MailParcel> = {}): MailParcel {
  return {
    kind: 'mail',
    deliveryId: 'dl_1',
    lease: 1,
    attempt: 1,
    mailFrom: 'bounce+ab@reply.example.com',
    rcptTo: 'anna@customer.example',
    head: HEAD,
    content: { bytes: Buffer.from(BODY) },
    messageId: '<m@reply.example.com>',
    signature: null,
    ...changes,
  };
}

function courierTo(t: TestContext, port: number, changes: Partial<SmtpCourierOptions> = {}): Courier {
  const courier = createSmtpCourier({ host: '127.0.0.1', port, tls: 'none', ...changes });
  t.after(() => courier.close());
  return courier;
}

async function scripted(t: TestContext, script: Script): Promise<SmtpSink> {
  const sink = await startSink(script);
  t.after(() => sink.close());
  return sink;
}

async function outcomeAgainst(t: TestContext, script: Script, changes: Partial<SmtpCourierOptions> = {}) {
  const sink = await scripted(t, script);
  const outcome = await courierTo(t, sink.port, changes).deliver(parcel());
  return { outcome, sink };
}

async function realServer(t: TestContext, options: SMTPServerOptions): Promise<number> {
  const server = new SMTPServer({ disableReverseLookup: true, closeTimeout: 100, ...options });
  server.on('error', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise<void>(resolve => server.close(resolve)));
  return (server.server.address() as AddressInfo).port;
}

test('hands over the stored bytes behind the copy’s head, with its envelope', async t => {
  const sink = await scripted(t, {});
  const courier = courierTo(t, sink.port, { hostname: 'replyd.example.com' });
  assert.deepEqual(await courier.deliver(parcel()), { kind: 'sent', response: '250 2.0.0 queued as 1' });
  assert.deepEqual(sink.mails, [
    { mailFrom: 'bounce+ab@reply.example.com', rcptTo: 'anna@customer.example', data: HEAD + BODY },
  ]);
  assert.equal(sink.commands[0], 'EHLO replyd.example.com');
  assert.equal(sink.commands[1], `MAIL FROM:<bounce+ab@reply.example.com> SIZE=${HEAD.length + BODY.length}`);
});

test('streams a stored file, and sends the null sender', async t => {
  const sink = await scripted(t, { EHLO: '250 sink.example' });
  const file = path.join(folder, 'large.eml');
  writeFileSync(file, `Subject: x\r\n\r\n${'0123456789\r\n'.repeat(200_000)}`);
  const outcome = await courierTo(t, sink.port).deliver(parcel({ mailFrom: '', content: { file } }));
  assert.equal(outcome.kind, 'sent');
  assert.equal(sink.mails[0]!.mailFrom, '');
  assert.ok(sink.mails[0]!.data === HEAD + readFileSync(file, 'latin1'));
});

test('keeps the connection from mail to mail', async t => {
  const sink = await scripted(t, { RCPT: ['250 ok', '550 5.1.1 unknown', '250 ok'] });
  const courier = courierTo(t, sink.port, { connections: 1 });
  const results: string[] = [];
  for (let index = 0; index < 3; index += 1) results.push((await courier.deliver(parcel())).kind);
  assert.deepEqual(results, ['sent', 'failed', 'sent']);
  assert.equal(sink.connections(), 1);
  assert.equal(sink.mails.length, 2);
});

test('a kept connection that was closed meanwhile costs nothing', async t => {
  const sink = await scripted(t, {});
  const courier = courierTo(t, sink.port, { connections: 3 });
  const first = await Promise.all([1, 2, 3].map(() => courier.deliver(parcel())));
  assert.deepEqual(
    first.map(outcome => outcome.kind),
    ['sent', 'sent', 'sent'],
  );
  sink.dropConnections();
  const second = await Promise.all([1, 2, 3].map(() => courier.deliver(parcel())));
  assert.deepEqual(
    second.map(outcome => outcome.kind),
    ['sent', 'sent', 'sent'],
  );
  assert.equal(sink.mails.length, 6);
});

test('a kept connection that says 421 at MAIL is replaced, a fresh one is believed', async t => {
  const kept = await scripted(t, { MAIL: ['250 ok', '421 4.4.2 idle too long', '250 ok'] });
  const courier = courierTo(t, kept.port);
  assert.equal((await courier.deliver(parcel())).kind, 'sent');
  assert.equal((await courier.deliver(parcel())).kind, 'sent');
  assert.equal(kept.connections(), 2);
  const { outcome, sink } = await outcomeAgainst(t, { MAIL: '421 4.3.2 shutting down' });
  assert.equal(outcome.kind, 'retry');
  assert.equal(sink.connections(), 1);
});

const POLICY = { kind: 'failed', suspend: false, refusedByPolicy: true } as const;
const STAGES: readonly (readonly [string, Script, Partial<Outcome>])[] = [
  ['5xx at the greeting', { greeting: '554 5.3.2 no' }, { kind: 'trouble' }],
  ['4xx at the greeting', { greeting: '421 4.7.0 busy' }, { kind: 'retry' }],
  ['garbage for a greeting', { greeting: 'SSH-2.0-OpenSSH_9.2' }, { kind: 'trouble' }],
  ['hung up instead of a greeting', { greeting: 'hangup' }, { kind: 'trouble' }],
  ['hung up at EHLO', { EHLO: 'hangup' }, { kind: 'trouble' }],
  ['5xx at MAIL', { MAIL: '550 5.7.1 sender refused' }, { kind: 'trouble' }],
  ['5xx at MAIL, no pipelining', { EHLO: '250 sink', MAIL: '550 5.7.1 no' }, { kind: 'trouble' }],
  ['too large at MAIL', { MAIL: '552 5.3.4 too large' }, { kind: 'failed', suspend: false }],
  ['too large by what EHLO says', { EHLO: '250-sink\r\n250 SIZE 20' }, { kind: 'failed', suspend: false }],
  ['hung up at MAIL', { MAIL: 'hangup' }, { kind: 'retry' }],
  ['garbage at MAIL', { MAIL: 'hello' }, { kind: 'retry' }],
  ['5.1.1 at RCPT', { RCPT: '550 5.1.1 unknown' }, { kind: 'failed', suspend: true, refusedByPolicy: false }],
  ['5.7.1 at RCPT', { RCPT: '554 5.7.1 Relay access denied' }, POLICY],
  ['5.7.1 at RCPT, no pipelining', { EHLO: '250 sink', RCPT: '554 5.7.1 Relay access denied' }, POLICY],
  ['5.7.1 at RCPT, but 354', { RCPT: '554 5.7.1 denied', DATA: '354 go on', dot: '554 5.5.1 nobody' }, POLICY],
  ['4xx at RCPT', { RCPT: '450 4.2.0 greylisted' }, { kind: 'retry' }],
  ['hung up at RCPT', { RCPT: 'hangup' }, { kind: 'retry' }],
  ['5xx at DATA', { DATA: '554 5.6.0 no' }, { kind: 'failed', suspend: false }],
  ['hung up at DATA', { DATA: 'hangup' }, { kind: 'retry' }],
  ['5xx after the dot', { dot: '554 5.7.1 spam' }, { kind: 'failed', suspend: false, refusedByPolicy: false }],
  ['4xx after the dot', { dot: '451 4.3.0 later' }, { kind: 'retry' }],
  ['hung up after the dot', { dot: 'hangup' }, { kind: 'retry' }],
  ['garbage after the dot', { dot: 'perhaps' }, { kind: 'retry' }],
];

for (const [name, script, expected] of STAGES) {
  test(`smarthost: ${name}`, async t => {
    const { outcome } = await outcomeAgainst(t, script);
    const picked = Object.fromEntries(Object.keys(expected).map(key => [key, outcome[key as keyof Outcome]]));
    assert.deepEqual(picked, expected, JSON.stringify(outcome));
  });
}

test('silence is borne for a while, before the mail as trouble, within it as a retry', async t => {
  const impatient = { connectTimeout: 300, replyTimeout: 100 };
  const cases: [Script, string][] = [
    [{ greeting: 'silence' }, 'trouble'],
    [{ EHLO: 'silence' }, 'trouble'],
    [{ MAIL: 'silence' }, 'retry'],
    [{ dot: 'silence' }, 'retry'],
  ];
  for (const [script, expected] of cases) {
    assert.equal((await outcomeAgainst(t, script, impatient)).outcome.kind, expected, JSON.stringify(script));
  }
});

test('an attempt is bounded as a whole', async t => {
  const { outcome } = await outcomeAgainst(t, { dot: 'silence' }, { attemptTimeout: 100 });
  assert.equal(outcome.kind, 'retry');
});

test('nobody listening is trouble', async t => {
  const sink = await startSink();
  await sink.close();
  const outcome = await courierTo(t, sink.port).deliver(parcel());
  assert.equal(outcome.kind, 'trouble');
  assert.match(outcome.response, /ECONNREFUSED/);
});

test('a mail that can’t be read is retried and its beginning is never taken for a mail', async t => {
  const sink = await scripted(t, {});
  const courier = courierTo(t, sink.port);
  const gone = await courier.deliver(parcel({ content: { file: path.join(folder, 'gone.eml') } }));
  assert.equal(gone.kind, 'retry');
  // Reading a folder fails after it was opened: the head has gone out by then.
  const broken = await courier.deliver(parcel({ content: { file: folder } }));
  assert.equal(broken.kind, 'retry');
  assert.deepEqual(sink.mails, []);
  assert.equal((await courier.deliver(parcel())).kind, 'sent');
});

test('the id that a provider gives the mail is kept as an alias', async t => {
  const outlook = '250 2.0.0 OK <AM0PR01@eurprd01.prod.outlook.com> [Hostname=X.eurprd01.prod.outlook.com]';
  const { outcome } = await outcomeAgainst(t, { dot: outlook });
  assert.deepEqual(outcome, {
    kind: 'sent',
    response: outlook,
    alias: 'AM0PR01@eurprd01.prod.outlook.com',
  });
});

test('an address can’t smuggle a command', async t => {
  const sink = await scripted(t, {});
  const courier = courierTo(t, sink.port);
  for (const rcptTo of ['a@x.example>\r\nRSET', 'a@x.example> NOTIFY=NEVER', '']) {
    assert.equal((await courier.deliver(parcel({ rcptTo }))).kind, 'failed', rcptTo);
  }
  assert.equal((await courier.deliver(parcel({ mailFrom: 'a@x.example> SIZE=1' }))).kind, 'retry');
  assert.deepEqual(sink.mails, []);
  assert.equal(
    sink.commands.some(line => /NOTIFY|a@x/.test(line)),
    false,
  );
});

test('what is no mail is handed back', async t => {
  const courier = courierTo(t, 9);
  const hook = {
    kind: 'webhook',
    deliveryId: 'dl_1',
    lease: 1,
    attempt: 1,
    url: 'x',
    eventId: 'ev_1',
    body: '',
    secrets: [],
  } as const;
  assert.equal((await courier.deliver(hook)).kind, 'retry');
});

test('closing ends the waiting mails as retries', async t => {
  const sink = await scripted(t, { dot: 'silence' });
  const courier = createSmtpCourier({
    host: '127.0.0.1',
    port: sink.port,
    tls: 'none',
    connections: 1,
    replyTimeout: 300,
  });
  const all = [1, 2, 3].map(() => courier.deliver(parcel()));
  await courier.close();
  assert.deepEqual(
    (await Promise.all(all)).map(outcome => outcome.kind),
    ['retry', 'retry', 'retry'],
  );
});

// ---------------------------------------------------------------- TLS and login, against a real server

interface Seen {
  secure: boolean;
  user: string | undefined;
}

function takes(seen: Seen[], options: SMTPServerOptions = {}): SMTPServerOptions {
  return {
    key: pem,
    cert: pem,
    authOptional: true,
    onAuth: (auth, _session, done) =>
      auth.username === 'replyd' && auth.password === 'secret' ? done(null, { user: 'replyd' }) : done(new Error('no')),
    onData: (stream, session, done) => {
      seen.push({ secure: session.secure, user: session.user as string | undefined });
      stream.resume().on('end', () => done());
    },
    ...options,
  };
}

test('a kept connection that falls silent costs one time limit, not one for each that is kept', async t => {
  const script: Script = {};
  const sink = await scripted(t, script);
  const courier = courierTo(t, sink.port, { replyTimeout: 300 });
  for (const outcome of await Promise.all([1, 2, 3].map(() => courier.deliver(parcel())))) {
    assert.equal(outcome.kind, 'sent');
  }
  const before = sink.commands.length;
  script.MAIL = 'silence';
  assert.equal((await courier.deliver(parcel())).kind, 'retry');
  assert.equal(sink.commands.slice(before).filter(line => line.startsWith('MAIL')).length, 1);
});

test('TLS as configured: never, when offered, always with a valid certificate, from the first byte', async t => {
  const seen: Seen[] = [];
  const port = await realServer(t, takes(seen));
  const bare = await realServer(t, takes(seen, { disabledCommands: ['STARTTLS'] }));
  const implicit = await realServer(t, takes(seen, { secure: true }));
  const trusted = { ca: pem };
  const cases: [number, Partial<SmtpCourierOptions>, string, boolean | undefined][] = [
    [port, { tls: 'none' }, 'sent', false],
    [port, { tls: 'opportunistic' }, 'sent', true],
    [bare, { tls: 'opportunistic' }, 'sent', false],
    [port, { tls: 'required', ...trusted }, 'sent', true],
    [port, { tls: 'required' }, 'trouble', undefined],
    [bare, { tls: 'required', ...trusted }, 'trouble', undefined],
    [implicit, { tls: 'implicit', ...trusted }, 'sent', true],
    [implicit, { tls: 'implicit' }, 'trouble', undefined],
    [port, { tls: 'implicit', ...trusted }, 'trouble', undefined],
  ];
  for (const [to, options, result, secure] of cases) {
    seen.length = 0;
    const outcome = await courierTo(t, to, { ...options, connectTimeout: 5000 }).deliver(parcel());
    assert.equal(outcome.kind, result, `${JSON.stringify(options.tls)} ${outcome.response}`);
    assert.equal(seen[0]?.secure, secure);
  }
});

test('login, and a wrong password is trouble that names no secret', async t => {
  const seen: Seen[] = [];
  const port = await realServer(t, takes(seen, { authOptional: false }));
  const login = { tls: 'required', ca: pem, username: 'replyd' } as const;
  assert.equal((await courierTo(t, port, { ...login, password: 'secret' }).deliver(parcel())).kind, 'sent');
  assert.deepEqual(seen, [{ secure: true, user: 'replyd' }]);
  const wrong = await courierTo(t, port, { ...login, password: 'hunter2' }).deliver(parcel());
  assert.equal(wrong.kind, 'trouble');
  assert.match(wrong.response, /535/);
  assert.doesNotMatch(wrong.response, /hunter2|aHVudGVyMg/);
  const none = await courierTo(t, port, { tls: 'required', ca: pem }).deliver(parcel());
  assert.equal(none.kind, 'trouble');
});
