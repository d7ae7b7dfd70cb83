import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { PROVIDERS, type ProviderName } from '#replyd/ingress/providers/list.js';
import type { Answers, Ending } from '#replyd/ingress/providers/provider.js';
import { READ_AT_ONCE } from '#replyd/ingress/providers/unproven.js';
import { until } from '../open-door.js';
import { openHttpDoors } from '../open-http-doors.js';
import {
  basicAuth,
  mandrillPost,
  multipart,
  POST_TIME,
  type PostOptions,
  type ProviderPost,
  providerPost,
  RECIPIENT,
  SECRET,
  SENDER,
  urlencoded,
} from '../provider-posts.js';

const NAMES: readonly ProviderName[] = PROVIDERS.map(({ name }) => name);
const PATHS = PROVIDERS.flatMap(({ name, paths }) => paths.map(path => [path, name] as const));
const answersOf = (name: ProviderName): Answers => PROVIDERS.find(one => one.name === name)!.answers;

const MAIL = Buffer.from(
  [
    'From: Maria <customer@customer.example>',
    'To: Acme <else@elsewhere.example>',
    'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    'Message-ID: <one@customer.example>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Wo bleibt mein Päckchen? 100% + "quoted" & <tagged> = 日本',
    '--xYzZ is not the boundary',
    '',
  ].join('\r\n'),
);
/** Every byte there is, after a header. */
const BINARY = Buffer.concat([
  Buffer.from('From: a@b.example\r\n\r\n'),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('\r\n\n\r--\r\n'),
]);

/** docs/contract.md section 8, written down once more. */
const TABLE: Readonly<Record<Ending, readonly [number, number, number, number, number]>> = {
  //          relay mailgun mandrill postmark sendgrid
  stored: [204, 200, 200, 200, 200],
  refused: [404, 406, 200, 403, 200],
  unproven: [401, 401, 401, 401, 503],
  malformed: [422, 422, 422, 422, 503],
  too_large: [413, 413, 413, 413, 503],
  trouble: [503, 503, 503, 503, 503],
};

const CASES: Readonly<Record<Ending, readonly Partial<PostOptions>[]>> = {
  stored: [{}, { mailFrom: '' }],
  refused: [
    { rcptTo: ['reply-nobody@in.example'] },
    { rcptTo: ['off@in.example'] },
    { rcptTo: ['somebody@elsewhere.example'] },
    { rcptTo: ['reply+hops@in.example'] },
    { rcptTo: ['no address at all'] },
  ],
  unproven: [{ proof: 'wrong' }, { proof: 'none' }],
  malformed: [{ withRaw: false }],
  too_large: [{ mail: Buffer.concat([MAIL, Buffer.alloc(100_000, 'x')]) }],
  trouble: [
    { rcptTo: ['busy@in.example'] },
    { rcptTo: ['reply+changed@in.example'] },
    { rcptTo: ['reply+full@in.example'] },
    { rcptTo: ['throws@in.example'] },
    { rcptTo: ['reply+throws@in.example'] },
    { rcptTo: ['reply+few@in.example'] },
  ],
};

for (const ending of Object.keys(TABLE) as Ending[]) {
  for (const [column, provider] of NAMES.entries()) {
    const status = TABLE[ending][column]!;
    test(`${provider}: ${ending} is ${status}`, async t => {
      assert.equal(answersOf(provider)[ending], status);
      const doors = await openHttpDoors(t);
      for (const options of CASES[ending]) {
        const before = { mails: doors.reception.mails.length, refusals: doors.reception.refusals.length };
        const answer = await doors.post(providerPost(provider, { mail: MAIL, ...options }));
        assert.equal(answer.status, status, JSON.stringify(options));
        assert.equal(doors.reception.refusals.length - before.refusals, ending === 'refused' ? 1 : 0);
        if (ending !== 'stored') continue;
        const stored = doors.reception.mails.at(-1)!;
        assert.equal(doors.reception.mails.length - before.mails, 1);
        assert.deepEqual(
          [stored.mailFrom, stored.destinations.map(one => one.address), stored.via, stored.client],
          [options.mailFrom ?? SENDER, [RECIPIENT], provider, '127.0.0.1'].map((value, at) =>
            // These two do not tell the envelope's sender; From is the nearest thing to it.
            at === 0 && ['mandrill', 'postmark'].includes(provider) ? SENDER : value,
          ),
        );
        assert.deepEqual(stored.bytes, MAIL);
      }
      const errors = doors.log.filter(line => line.level === 'error' && line.event === 'rejected');
      const wanted = provider === 'sendgrid' && ['unproven', 'malformed', 'too_large'].includes(ending);
      assert.equal(errors.length > 0, wanted);
      assert.ok(!JSON.stringify(doors.log).includes(SECRET));
    });
  }
}

test('raw mails stay byte for byte, whatever a part says of its charset', async t => {
  const doors = await openHttpDoors(t);
  const posts: readonly ProviderPost[] = [
    providerPost('relay', { mail: BINARY }),
    providerPost('mailgun', { mail: BINARY }),
    providerPost('mailgun', { mail: BINARY, urlencoded: true }),
    providerPost('sendgrid', { mail: BINARY }),
    withFilename(BINARY),
  ];
  for (const post of posts) {
    assert.equal(Math.floor((await doors.post(post)).status / 100), 2);
    assert.deepEqual(doors.reception.mails.at(-1)!.bytes, BINARY);
  }
  // JSON is text; where it is none, its bytes are the mail's.
  const latin = Buffer.from('From: a@b.example\\r\\n\\r\\nGr\xfc\xdfe \x80\xff', 'latin1');
  const wanted = Buffer.from('From: a@b.example\r\n\r\nGr\xfc\xdfe \x80\xff', 'latin1');
  const json = (head: string, tail: string) => Buffer.concat([Buffer.from(head), latin, Buffer.from(tail)]);
  const postmark = {
    ...providerPost('postmark', { mail: MAIL }),
    body: json(`{"OriginalRecipient":"${RECIPIENT}","RawEmail":"`, '"}'),
  };
  const mandrill = mandrillPost(json(`[{"event":"inbound","msg":{"email":"${RECIPIENT}","raw_msg":"`, '"}}]'));
  for (const post of [postmark, mandrill]) {
    assert.equal((await doors.post(post)).status, 200);
    assert.deepEqual(doors.reception.mails.at(-1)!.bytes, wanted);
  }

  function withFilename(mail: Buffer): ProviderPost {
    const { type, body } = multipart([
      ['envelope', JSON.stringify({ to: [RECIPIENT], from: SENDER })],
      ['email"; filename="mail.eml', mail, 'Content-Type: application/octet-stream\r\n'],
    ]);
    return { path: '/ingress/sendgrid', headers: { authorization: basicAuth(SECRET), 'content-type': type }, body };
  }
});

test('20 MiB through every door, byte for byte, while others are answered', async t => {
  const doors = await openHttpDoors(t, { maxSize: 35 * 1024 * 1024 });
  const line = `${'0123456789äöü'.repeat(5)}\r\n`;
  const large = Buffer.concat([
    MAIL,
    Buffer.from(line.repeat(Math.ceil((20 * 1024 * 1024) / Buffer.byteLength(line)))),
  ]);
  const posts: readonly ProviderPost[] = [
    ...NAMES.map(provider => providerPost(provider, { mail: large })),
    providerPost('mailgun', { mail: large, urlencoded: true }),
  ];
  for (const post of posts) {
    let answered = false;
    const answer = doors.post(post).finally(() => {
      answered = true;
    });
    let probes = 0;
    while (!answered) {
      assert.equal((await fetch(`${doors.url}/ingress/mandrill`, { method: 'HEAD' })).status, 200);
      probes++;
      // Pace, not synchronisation: without it the probes are all that two cores do.
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    assert.equal(Math.floor((await answer).status / 100), 2, post.path);
    assert.ok(probes > 1, `${post.path}: ${probes} others answered meanwhile`);
    const stored = doors.reception.mails.at(-1)!;
    assert.ok(stored.bytes.equals(large), post.path);
    assert.ok(stored.spooled, post.path);
  }
});

test('several recipients are taken one by one', async t => {
  const doors = await openHttpDoors(t);
  const rcptTo = ['reply+aa@in.example', 'reply-nobody@in.example', 'REPLY+AA@in.example', 'reply+bb@in.example'];
  for (const provider of NAMES.filter(one => one !== 'postmark')) {
    doors.reception.mails.length = 0;
    doors.reception.refusals.length = 0;
    const answer = await doors.post(providerPost(provider, { mail: MAIL, rcptTo }));
    assert.equal(answer.status, answersOf(provider).stored);
    const stored = doors.reception.mails.map(mail => mail.destinations.map(one => one.address.toLowerCase()));
    assert.deepEqual(
      stored,
      // Mandrill has an event for each.
      provider === 'mandrill'
        ? [['reply+aa@in.example'], ['reply+aa@in.example'], ['reply+bb@in.example']]
        : [['reply+aa@in.example', 'reply+bb@in.example']],
    );
    assert.deepEqual(
      doors.reception.refusals.map(({ rcptTo: to, bytes }) => [to, bytes.equals(MAIL)]),
      [[['reply-nobody@in.example'], true]],
    );
  }
});

test('one of several that must come again makes the whole post come again', async t => {
  const doors = await openHttpDoors(t);
  for (const provider of NAMES.filter(one => one !== 'postmark')) {
    doors.reception.refusals.length = 0;
    const rcptTo = ['reply+aa@in.example', 'reply+full@in.example'];
    const answer = await doors.post(providerPost(provider, { mail: MAIL, rcptTo }));
    assert.equal(answer.status, 503);
    assert.equal(doors.reception.refusals.length, 0);
  }
});

test('a large refused mail is on record whole, beside a recipient who has it', async t => {
  const doors = await openHttpDoors(t, { maxSize: 1_000_000 });
  const mail = Buffer.concat([MAIL, Buffer.alloc(500_000, 'y')]);
  for (const rcptTo of [['reply-nobody@in.example'], ['reply+aa@in.example', 'reply-nobody@in.example']]) {
    const answer = await doors.post(providerPost('sendgrid', { mail, rcptTo }));
    assert.equal(answer.status, 200);
    assert.ok(doors.reception.refusals.at(-1)!.bytes.equals(mail));
  }
  assert.equal(doors.reception.mails.length, 1);
});

test('Mandrill: one broken event of a list does not keep the others out', async t => {
  const doors = await openHttpDoors(t);
  const good = { event: 'inbound', msg: { email: RECIPIENT, raw_msg: MAIL.toString() } };
  const cases: readonly (readonly [unknown, number, number])[] = [
    [[], 200, 0],
    [[good, { event: 'spam' }, null, 'x'], 200, 1],
    [[{ event: 'inbound', msg: { email: RECIPIENT } }, good], 422, 1],
    [[{ event: 'inbound' }], 422, 0],
    [[good, { event: 'inbound', msg: { email: RECIPIENT, raw_msg: 'x'.repeat(100_001) } }], 413, 1],
    [{}, 422, 0],
    [Array.from({ length: 1001 }, () => ({})), 422, 0],
  ];
  for (const [events, status, stored] of cases) {
    doors.reception.mails.length = 0;
    const answer = await doors.post(mandrillPost(JSON.stringify(events)));
    assert.deepEqual(
      [answer.status, doors.reception.mails.length],
      [status, stored],
      JSON.stringify(events).slice(0, 80),
    );
  }
  assert.equal((await doors.post(mandrillPost('{'))).status, 422);
});

test("Mandrill's test before a webhook has its key is taken, and nothing else with that key", async t => {
  const doors = await openHttpDoors(t);
  assert.equal((await doors.post(mandrillPost('[]', { secret: 'test-webhook' }))).status, 200);
  const event = JSON.stringify([{ event: 'inbound', msg: { email: RECIPIENT, raw_msg: MAIL.toString() } }]);
  assert.equal((await doors.post(mandrillPost(event, { secret: 'test-webhook' }))).status, 401);
  assert.equal(doors.reception.mails.length, 0);
});

test("Mailgun's stamp is good for 12 hours", async t => {
  const doors = await openHttpDoors(t);
  const hours = (count: number) => providerPost('mailgun', { mail: MAIL, timestamp: POST_TIME / 1000 - count * 3600 });
  for (const [count, status] of [
    [0, 200],
    [11.9, 200],
    [12.1, 401],
    [-12.1, 401],
    [10_000, 401],
  ] as const) {
    assert.equal((await doors.post(hours(count))).status, status, `${count} h`);
  }
  // Its retry comes with the same stamp and token.
  assert.equal((await doors.post(hours(0))).status, 200);
});

test("Mailgun's proof goes with its mail, and where it was another mail's the answer is 401", async t => {
  const doors = await openHttpDoors(t);
  await doors.post(providerPost('mailgun', { mail: MAIL, token: 'one' }));
  await doors.post(providerPost('mailgun', { mail: MAIL, token: 'one', rcptTo: ['reply+aa@in.example'] }));
  const [one, other] = doors.reception.mails.map(mail => mail.proof!);
  assert.match(one!.key, /^[0-9a-f]{64}$/);
  assert.equal(one!.key, other!.key);
  assert.notEqual(one!.recipients, other!.recipients);
  assert.equal(one!.expiresAt, POST_TIME + 12 * 3_600_000);
  for (const rcptTo of [['reply+used@in.example'], ['used@in.example']]) {
    assert.equal((await doors.post(providerPost('mailgun', { mail: MAIL, rcptTo }))).status, 401, rcptTo[0]);
  }
  for (const provider of NAMES.filter(name => name !== 'mailgun')) {
    await doors.post(providerPost(provider, { mail: MAIL }));
    assert.equal(doors.reception.mails.at(-1)!.proof, undefined);
  }
});

test('proofs that are nearly right', async t => {
  const doors = await openHttpDoors(t);
  const relay = providerPost('relay', { mail: MAIL });
  const mailgun = providerPost('mailgun', { mail: MAIL }).body.toString('latin1');
  const wrong: readonly ProviderPost[] = [
    { ...relay, headers: { ...relay.headers, authorization: basicAuth(SECRET, 'somebody') } },
    { ...relay, headers: { ...relay.headers, authorization: basicAuth('') } },
    { ...relay, headers: { ...relay.headers, authorization: `Bearer ${SECRET.replaceAll(' ', '')}` } },
    { ...mandrillPost('[]'), path: '/ingress/mandrill?x=1' },
    {
      ...providerPost('mailgun', { mail: MAIL }),
      body: Buffer.from(mailgun.replace(/(name="token"\r\n\r\n)c0/, '$1c1'), 'latin1'),
    },
  ];
  for (const post of wrong) assert.equal((await doors.post(post)).status, 401);
  assert.equal(doors.reception.asked.length, 0);
});

test('two secrets are good while one is being changed', async t => {
  const both = ['old secret', 'new secret'];
  const doors = await openHttpDoors(t, {
    secrets: { relay: both, mailgun: both, mandrill: both, postmark: both, sendgrid: both },
  });
  for (const provider of NAMES) {
    for (const secret of both) {
      const answer = await doors.post(providerPost(provider, { mail: MAIL, secret }));
      assert.equal(answer.status, answersOf(provider).stored);
    }
  }
});

test('every address, and those of Rails', async t => {
  const doors = await openHttpDoors(t);
  assert.deepEqual(
    PATHS.map(([path]) => path).filter(path => path.startsWith('/rails/')),
    ['relay', 'mailgun', 'mailgun', 'mandrill', 'postmark', 'sendgrid'].map(
      (name, at) => `/rails/action_mailbox/${name}/inbound_emails${at === 2 ? '/mime' : ''}`,
    ),
  );
  for (const [path, provider] of PATHS) {
    const post = provider === 'mandrill' ? mandrillPost('[]', { path }) : providerPost(provider, { mail: MAIL });
    const query = post.path.includes('?') ? post.path.slice(post.path.indexOf('?')) : '';
    assert.equal((await doors.post({ ...post, path: `${path}${query}` })).status, answersOf(provider).stored, path);
    const put = await fetch(doors.url + path, { method: 'PUT', body: 'x' });
    assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST']);
  }
  for (const path of ['/ingress', '/ingress/relay/x', '/ingress/__proto__', '/rails/action_mailbox/relay']) {
    assert.equal((await fetch(doors.url + path, { method: 'POST' })).status, 404);
  }
});

test('GET and HEAD tell nobody which doors there are', async t => {
  const open = await openHttpDoors(t);
  const closed = await openHttpDoors(t, {
    secrets: { relay: [], mailgun: [], mandrill: [], postmark: [], sendgrid: [] },
  });
  for (const { url } of [open, closed]) {
    for (const path of [
      ...PATHS.map(([one]) => one),
      '/ingress/unknown',
      '/ingress/',
      '/ingress/mailgun?x',
      '/ingress/a/b/',
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await fetch(url + path, { method });
        assert.deepEqual([answer.status, await answer.text()], [200, ''], path);
      }
    }
    for (const path of ['/ingress', '/rails/action_mailbox/unknown/inbound_emails', '/']) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  }
});

test('passwords are not guessed: after 20 in an hour no more are looked at', async t => {
  const doors = await openHttpDoors(t, { trustedNetworks: ['127.0.0.0/8'] });
  const from = (address: string, provider: ProviderName, secret: string) => {
    const post = providerPost(provider, { mail: MAIL, secret });
    return doors.post({ ...post, headers: { ...post.headers, 'x-forwarded-for': `192.0.2.77, ${address}` } });
  };
  for (const [index, provider] of (['relay', 'postmark', 'sendgrid'] as const).entries()) {
    const guesser = `203.0.${index}.1`;
    for (let count = 0; count < 20; count++) {
      assert.equal((await from(guesser, provider, `guess number ${count}`)).status, answersOf(provider).unproven);
    }
    const blocked = await from(guesser, provider, SECRET);
    assert.deepEqual([blocked.status, /wrong passwords/.test(blocked.body)], [503, true]);
    assert.equal(
      (await from(`203.0.${index}.2`, provider, SECRET)).status,
      answersOf(provider).stored,
      'others come in',
    );
  }
  doors.clock.now += 3_600_000;
  assert.equal((await from('203.0.0.1', 'relay', SECRET)).status, 204);
  for (let count = 0; count < 30; count++) await from('203.0.0.1', 'relay', `guess number ${count}`);
  assert.equal((await from('203.0.0.1', 'relay', SECRET)).status, 204, 'who has the password is let in');
});

test('a client without a proof is refused for a minute when it has sent too much, and others are not', async t => {
  const doors = await openHttpDoors(t, { trustedNetworks: ['127.0.0.1'], unprovenBytes: 1_000_000 });
  const from = (address: string, post: ProviderPost) =>
    doors.post({ ...post, headers: { ...post.headers, 'x-forwarded-for': address } });
  const mail = Buffer.concat([MAIL, Buffer.alloc(90_000, 'x')]);
  for (const provider of ['mailgun', 'mandrill'] as const) {
    const wrong = providerPost(provider, { mail, proof: 'wrong' });
    const statuses: number[] = [];
    for (let count = 0; count < 60; count++) statuses.push((await from('203.0.113.1', wrong)).status);
    assert.deepEqual([...new Set(statuses)], [401, 503], provider);
    const { headers } = await from('203.0.113.1', wrong);
    assert.deepEqual([headers.get('retry-after'), headers.get('connection')], ['60', 'close']);
    assert.equal((await from('203.0.113.2', providerPost(provider, { mail }))).status, 200, provider);
    doors.clock.now += 60_000;
    assert.equal((await from('203.0.113.1', providerPost(provider, { mail }))).status, 200, provider);
    doors.clock.now += 3_600_000;
  }
});

test('forms that never end keep a provider out for a moment only, and none that proved itself', async t => {
  const doors = await openHttpDoors(t, { trustedNetworks: ['127.0.0.1'], maxSize: 1_000_000 });
  const post = (address: string) => {
    const { path, headers, body } = providerPost('mailgun', { mail: MAIL });
    return doors.post({ path, headers: { ...headers, 'x-forwarded-for': address }, body });
  };
  const { headers, body } = providerPost('mailgun', { mail: Buffer.concat([MAIL, Buffer.alloc(500_000, 'x')]) });
  let cut = 0;
  for (let number = 0; number < READ_AT_ONCE; number += 1) {
    const socket = connect({ host: '127.0.0.1', port: doors.port });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      cut += 1;
    });
    t.after(() => socket.destroy());
    const head = { 'content-length': body.length, ...headers, 'x-forwarded-for': `10.0.${number}.1` };
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /ingress/mailgun/mime HTTP/1.1\r\nhost: x\r\n${lines.join('')}\r\n`);
    socket.write(body.subarray(0, 300_000));
  }
  await until('all are read', () => doors.spoolFiles().length === READ_AT_ONCE);
  for (;;) {
    const answer = await post('192.0.2.1');
    if (answer.status === 200) break;
    const { status, headers } = answer;
    assert.deepEqual([status, headers.get('retry-after'), headers.get('connection')], [503, '60', 'close']);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  await until('one is cut', () => cut === 1);
  await until('nothing is left of it', () => doors.spoolFiles().length === READ_AT_ONCE - 1);
  for (let number = 0; number < 3; number += 1) assert.equal((await post('192.0.2.1')).status, 200);
  assert.equal(cut, 1);
});

test('a door without a secret is closed, without losing what SendGrid would throw away', async t => {
  const doors = await openHttpDoors(t, {
    secrets: { relay: [], mailgun: [], mandrill: [], postmark: [], sendgrid: [] },
  });
  for (const provider of NAMES) {
    const answer = await doors.post(providerPost(provider, { mail: MAIL }));
    assert.equal(answer.status, provider === 'sendgrid' ? 503 : 404);
  }
  assert.equal(doors.reception.asked.length, 0);
});

test('without space nothing is read', async t => {
  const doors = await openHttpDoors(t);
  doors.reception.lowSpace = true;
  for (const provider of NAMES) {
    assert.equal((await doors.post(providerPost(provider, { mail: MAIL }))).status, 503);
  }
  assert.equal(doors.reception.asked.length, 0);
});

test('a provider that posts parsed fields is told which switch to set', async t => {
  const doors = await openHttpDoors(t);
  const words: Readonly<Partial<Record<ProviderName, RegExp>>> = {
    mailgun: /ends? in \\"mime\\"/,
    postmark: /Include raw email content/,
    sendgrid: /POST the raw, full MIME message/,
    mandrill: /raw mail/,
    relay: /message\/rfc822/,
  };
  for (const provider of NAMES) {
    const answer = await doors.post(providerPost(provider, { mail: MAIL, withRaw: false }));
    assert.match(answer.body, words[provider]!);
    assert.match(JSON.stringify(doors.log.at(-1)), words[provider]!);
  }
});

test('malformed posts', async t => {
  const doors = await openHttpDoors(t);
  const auth = { authorization: basicAuth(SECRET) };
  const sendgrid = providerPost('sendgrid', { mail: MAIL });
  const sendgridForm = (parts: Parameters<typeof multipart>[0]): ProviderPost => {
    const { type, body } = multipart(parts);
    return { path: '/ingress/sendgrid', headers: { ...auth, 'content-type': type }, body };
  };
  const cases: Readonly<Record<string, readonly [ProviderPost, number]>> = {
    'relay: empty': [{ ...providerPost('relay', { mail: Buffer.alloc(0) }) }, 422],
    'mailgun: no form': [
      { path: '/ingress/mailgun/mime', headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') },
      422,
    ],
    'mailgun: no boundary': [
      { path: '/ingress/mailgun/mime', headers: { 'content-type': 'multipart/form-data' }, body: MAIL },
      422,
    ],
    'mailgun: cut off': [
      {
        ...providerPost('mailgun', { mail: MAIL }),
        body: providerPost('mailgun', { mail: MAIL }).body.subarray(0, -60),
      },
      422,
    ],
    'mailgun: nothing': [
      {
        path: '/ingress/mailgun/mime',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.alloc(0),
      },
      401,
    ],
    'mailgun: no recipient': [providerPost('mailgun', { mail: MAIL, rcptTo: [''] }), 422],
    'mailgun: 1001 fields': [
      {
        path: '/ingress/mailgun/mime',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: urlencoded(Array.from({ length: 1001 }, (_, at) => [`f${at}`, 'x'] as const)),
      },
      422,
    ],
    'mandrill: no events': [{ ...mandrillPost('[]'), body: urlencoded([['events', '[]']]) }, 422],
    'postmark: no JSON': [{ ...providerPost('postmark', { mail: MAIL }), body: Buffer.from('RawEmail=x') }, 422],
    'postmark: null': [{ ...providerPost('postmark', { mail: MAIL }), body: Buffer.from('null') }, 422],
    'postmark: no recipient': [
      { ...providerPost('postmark', { mail: MAIL }), body: Buffer.from('{"RawEmail":"x"}') },
      422,
    ],
    'sendgrid: cut off': [{ ...sendgrid, body: sendgrid.body.subarray(0, 300) }, 503],
    'sendgrid: no envelope': [sendgridForm([['email', MAIL]]), 503],
    'sendgrid: broken envelope': [
      sendgridForm([
        ['email', MAIL],
        ['envelope', '{'],
      ]),
      503,
    ],
    'sendgrid: envelope without recipients': [
      sendgridForm([
        ['email', MAIL],
        ['envelope', '{"to":[]}'],
      ]),
      503,
    ],
    'sendgrid: empty mail': [
      sendgridForm([
        ['email', ''],
        ['envelope', '{"to":["a@b.example"]}'],
      ]),
      503,
    ],
  };
  for (const [name, [post, status]] of Object.entries(cases)) {
    assert.equal((await doors.post(post)).status, status, name);
  }
  assert.equal(doors.reception.mails.length, 0);
});

test('the relay without an envelope looks into the delivery fields', async t => {
  const doors = await openHttpDoors(t);
  const rails = '/rails/action_mailbox/relay/inbound_emails';
  const headers = { authorization: basicAuth(SECRET), 'content-type': 'message/rfc822' };
  const cases: readonly (readonly [string, number, string | null, readonly string[]])[] = [
    [
      `Return-Path: <bounces@list.example>\r\nX-Original-To: ${RECIPIENT}\r\n`,
      204,
      'bounces@list.example',
      [RECIPIENT],
    ],
    [`To: Acme <${RECIPIENT}>, other@elsewhere.example\r\nFrom: Maria <${SENDER}>\r\n`, 204, SENDER, [RECIPIENT]],
    [
      `Return-Path: <>\r\nCc: "A, B" <reply+bb@in.example>\r\nDelivered-To: reply+aa@in.example\r\n`,
      204,
      '',
      ['reply+aa@in.example', 'reply+bb@in.example'],
    ],
    ['To: other@elsewhere.example\r\n', 404, null, []],
    ['Subject: nobody\r\n', 404, null, []],
    ['To: busy@in.example\r\n', 503, null, []],
  ];
  for (const [header, status, mailFrom, to] of cases) {
    doors.reception.mails.length = 0;
    const refusals = doors.reception.refusals.length;
    const answer = await doors.post({ path: rails, headers, body: Buffer.from(`${header}\r\nHello\r\n`) });
    assert.equal(answer.status, status, header);
    const [stored] = doors.reception.mails;
    assert.deepEqual(stored?.destinations.map(one => one.address) ?? [], to);
    assert.equal(doors.reception.refusals.length - refusals, status === 404 ? 1 : 0);
    if (stored === undefined) continue;
    assert.equal(stored.mailFrom, mailFrom);
    assert.match(stored.evidence?.[0] ?? '', /delivery fields/);
    assert.equal(stored.trusted, true);
  }
});

test("the relay's envelope in header fields", async t => {
  const doors = await openHttpDoors(t);
  const headers = {
    authorization: basicAuth(SECRET),
    'content-type': 'message/rfc822; charset=x',
    'x-envelope-to': `${RECIPIENT}, <reply+bb@in.example>`,
    'x-envelope-from': '<>',
  };
  assert.equal((await doors.post({ path: '/ingress/relay', headers, body: MAIL })).status, 204);
  const [stored] = doors.reception.mails;
  assert.deepEqual([stored?.mailFrom, stored?.destinations.length, stored?.evidence], ['', 2, undefined]);
});

test('an upload that ends in the middle leaves nothing', async t => {
  const doors = await openHttpDoors(t, { maxSize: 2_000_000 });
  const mail = Buffer.concat([MAIL, Buffer.alloc(900_000, 'z')]);
  for (const provider of NAMES) {
    const post = providerPost(provider, { mail });
    const head = Object.entries(post.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect({ host: '127.0.0.1', port: doors.port });
    socket.on('error', () => {});
    socket.write(
      `POST ${post.path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${post.body.length}\r\n${head.join('')}\r\n`,
    );
    socket.write(post.body.subarray(0, 700_000));
    await until(`${provider} spools`, () => doors.spoolFiles().length > 0);
    socket.destroy();
    await until(`${provider} cleans up`, () => doors.spoolFiles().length === 0);
  }
  assert.equal(doors.reception.mails.length, 0);
});

test('a post that says it is far too large is answered before it is sent', async t => {
  const doors = await openHttpDoors(t);
  for (const provider of NAMES) {
    const post = providerPost(provider, { mail: MAIL });
    const head = Object.entries(post.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect({ host: '127.0.0.1', port: doors.port });
    socket.write(`POST ${post.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n${head.join('')}\r\n`);
    const answer = await new Promise<string>(resolve =>
      socket.once('data', chunk => resolve(chunk.toString('latin1'))),
    );
    socket.destroy();
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${answersOf(provider).too_large} `), provider);
  }
});

test('a wrong secret is answered before a large body is read, and the connection lives on', async t => {
  const doors = await openHttpDoors(t, { maxSize: 10_000_000 });
  const mail = Buffer.concat([MAIL, Buffer.alloc(5_000_000, 'x')]);
  for (const provider of ['relay', 'postmark', 'sendgrid'] as const) {
    const wrong = await doors.post(providerPost(provider, { mail, proof: 'wrong' }));
    assert.equal(wrong.status, answersOf(provider).unproven);
    assert.equal((await doors.post(providerPost(provider, { mail }))).status, answersOf(provider).stored);
  }
});

test('Mandrill signs the address byte for byte, with its query', async t => {
  const doors = await openHttpDoors(t);
  for (const query of ['?a=b%20c', '?a=b+c&x', '?%C3%A4=~']) {
    assert.equal((await doors.post(mandrillPost('[]', { path: `/ingress/mandrill${query}` }))).status, 200, query);
  }
});
