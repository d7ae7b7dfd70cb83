import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ANSWER_TIMEOUT } from '#replyd/ingress/smtp/limits.js';
import { maskRecipient, maskSender } from '#replyd/ingress/smtp/transaction.js';
import { connectTalk, type SmtpTalk } from '../../interop/smtp-talk.js';
import { openDoor, until } from '../open-door.js';

const TRUST_ALL = { trustedNetworks: ['127.0.0.0/8'] };

/** As far as 354, for one recipient. */
async function begin(talk: SmtpTalk, recipient = 'reply+1@in.example'): Promise<void> {
  await talk.command('MAIL FROM:<anna@customer.example>', 250);
  await talk.command(`RCPT TO:<${recipient}>`, 250);
  await talk.command('DATA', 354);
}

test('too many connections, all together and from one address', async t => {
  const { connect, log, sweep } = await openDoor(t, { maxConnections: 3, maxConnectionsPerIp: 2 });
  const [first, second] = [await connect(), await connect()];
  await first.expect(220);
  await second.expect(220);
  const third = await connect();
  await third.expect('421 4.7.0 Too many connections, try again later');
  assert.deepEqual(await third.untilEnd(), []);
  sweep();
  assert.deepEqual(
    log.filter(line => line.event === 'rejected').map(({ at, connections }) => ({ at, connections })),
    [{ at: 'connect', connections: 1 }],
  );
  await first.quit();
  // The place is given back when the socket is closed on this side too, a moment later.
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const talk = await connect();
    if ((await talk.reply()).code === 220) return;
  }
  assert.fail('the place was not given back');
});

test('another address is another client', { skip: process.platform !== 'linux' }, async t => {
  const { connect, address } = await openDoor(t, { maxConnections: 3, maxConnectionsPerIp: 1 });
  await (await connect()).expect(220);
  await (await connect()).expect(421);
  const other = await connectTalk(address, { localAddress: '127.0.0.2' });
  await other.expect(220);
  const third = await connectTalk(address, { localAddress: '127.0.0.3' });
  await third.expect('421 4.7.0');
  for (const talk of [other, third]) talk.close();
});

test('trusted networks: no limit per address, no greeting delay', async t => {
  const { connect, reception } = await openDoor(t, { ...TRUST_ALL, maxConnectionsPerIp: 1, greetingDelay: 3_600_000 });
  const talks = [await connect(), await connect(), await connect()];
  for (const talk of talks) await talk.expect(220);
  await talks[0]!.command('EHLO front.example', 250);
  await begin(talks[0]!);
  talks[0]!.sendMail('x');
  await talks[0]!.expect(250);
  assert.equal(reception.mails[0]!.trusted, true);
});

test('a stranger who talks before the greeting gives himself away', async t => {
  const { connect } = await openDoor(t, { greetingDelay: 3_600_000 });
  const talk = await connect();
  talk.send('EHLO client.example');
  await talk.expect('421 4.7.0 Protocol error');
  assert.deepEqual(await talk.untilEnd(), []);
});

test('clients behind XCLIENT are counted by their own address', async t => {
  const { connect } = await openDoor(t, { ...TRUST_ALL, maxConnectionsPerIp: 1 });
  const become = async (address: string) => {
    const talk = await connect();
    await talk.expect(220);
    await talk.command('EHLO proxy.example', 250);
    await talk.command(`XCLIENT ADDR=${address}`, 220);
    return talk;
  };
  const first = await become('IPV6:2001:db8::1');
  const second = await become('IPV6:2001:db8::2');
  assert.match((await second.untilEnd())[0]!.raw, /^421 4\.7\.0 Too many connections/);
  await (await become('192.0.2.1')).command('EHLO c.example', 250);
  await first.quit();
  // The place was given back although the connection had changed hands.
  const third = await become('IPV6:2001:db8::3');
  await third.command('EHLO c.example', 250);
});

test('a client its proxy does not know is a stranger too', async t => {
  const { greeted, reception } = await openDoor(t, TRUST_ALL);
  const talk = await greeted();
  await talk.command('XCLIENT NAME=front.example', 220);
  await talk.command('XCLIENT ADDR=[UNAVAILABLE]', 220);
  const { texts } = await talk.command('EHLO client.example', 250);
  assert.ok(!texts.some(text => text.startsWith('XCLIENT')));
  await begin(talk);
  talk.sendMail('x');
  await talk.expect(250);
  assert.equal(reception.mails[0]!.trusted, false);
});

test('a disk that fills while the mail is spooled: 452, and full service when there is room', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder]).status === 0;
  t.after(() => {
    if (mounted) spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  if (!mounted) return t.skip('no permission to mount a small file system');
  const { greeted, reception } = await openDoor(t, { spoolFolder: folder, memoryLimit: 8_000, maxSize: 1_000_000 });
  const talk = await greeted();
  for (const size of [120_000, 500_000, 120_000]) {
    await begin(talk);
    talk.sendMail(`${'x'.repeat(98)}\r\n`.repeat(size / 100));
    await talk.expect(size > 128 * 1024 ? '452 4.3.1 No space' : '250 2.0.0');
    assert.deepEqual(readdirSync(folder), []);
  }
  assert.equal(reception.mails.length, 2);
});

test('no room in the store: 452 at MAIL, and at once again when there is', async t => {
  const { greeted, reception } = await openDoor(t);
  const talk = await greeted();
  reception.lowSpace = true;
  await talk.command('MAIL FROM:<a@c.example>', '452 4.3.1 No space');
  reception.lowSpace = false;
  await talk.command('MAIL FROM:<a@c.example>', 250);
});

test('an idle client is sent away; one that talks is not', async t => {
  const { greeted, clock, sweep } = await openDoor(t);
  const talk = await greeted();
  sweep();
  for (let round = 0; round < 3; round++) {
    clock.now += 50_000;
    await talk.command('NOOP', 250);
    sweep();
  }
  clock.now += 60_001;
  sweep();
  await talk.expect('421 4.4.2 Time limit exceeded');
  assert.deepEqual(await talk.untilEnd(), []);
});

test('a session has an end even when it is never idle', async t => {
  const { greeted, clock, sweep } = await openDoor(t, { idleTimeout: 1e9 });
  const talk = await greeted();
  clock.now += 600_001;
  sweep();
  await talk.expect('421 4.4.2');
});

test('data that trickles in is cut by its own clock, not by that of the session, and leaves nothing', async t => {
  const open = await openDoor(t, { idleTimeout: 1e9, sessionTimeout: 1_000, memoryLimit: 1_000 });
  const talk = await open.greeted();
  await begin(talk);
  talk.sendBytes('x'.repeat(5_000));
  await until('the mail is in its file', () => open.spoolFiles().length === 1);
  assert.equal(statSync(path.join(open.settings.spoolFolder, open.spoolFiles()[0]!)).mode & 0o777, 0o600);
  open.clock.now += 300_000;
  open.sweep();
  assert.equal(open.spoolFiles().length, 1);
  open.clock.now += 1;
  open.sweep();
  await talk.expect('421 4.4.2');
  await until('the file is gone', () => open.spoolFiles().length === 0);
  assert.deepEqual(open.reception.mails, []);
});

test('a reception that never answers costs a 451, not the session', async t => {
  const { greeted, clock, sweep, reception, log } = await openDoor(t);
  const talk = await greeted();
  await talk.command('MAIL FROM:<a@c.example>', 250);
  talk.send('RCPT TO:<hangs@in.example>');
  await until('the reception is asked', () => reception.asked.length === 1);
  // Our own slowness is not the client's idle time.
  clock.now += ANSWER_TIMEOUT;
  sweep();
  clock.now += 1;
  sweep();
  await talk.expect('451 4.3.0');
  await talk.command('RCPT TO:<reply+hangs@in.example>', 250);
  await talk.command('DATA', 354);
  let asked = false;
  reception.onAccept = () => {
    asked = true;
  };
  talk.sendMail('x');
  await until('the reception is asked', () => asked);
  clock.now += ANSWER_TIMEOUT + 1;
  sweep();
  await talk.expect('451 4.3.0');
  await talk.command('NOOP', 250);
  assert.equal(log.filter(line => line.detail === 'no answer in time').length, 2);
});

test('an answer that comes too late is said to nobody', async t => {
  const { greeted, clock, sweep, reception } = await openDoor(t);
  const talk = await greeted();
  await begin(talk);
  let release: (() => void) | null = null;
  reception.onAccept = () =>
    new Promise(resolve => {
      release = resolve;
    });
  talk.sendMail('x');
  await until('the reception is asked', () => release !== null);
  clock.now += ANSWER_TIMEOUT + 1;
  sweep();
  await talk.expect('451 4.3.0');
  (release as unknown as () => void)();
  await until('the mail is stored', () => reception.mails.length === 1);
  await talk.command('NOOP', '250 2.0.0 OK');
});

for (const memoryLimit of [1_000, 100_000]) {
  for (const how of ['reset', 'close', 'endWriting'] as const) {
    test(`a client that goes in the middle of the data (${how}, ${memoryLimit} in memory) leaves nothing`, async t => {
      const open = await openDoor(t, { memoryLimit });
      const talk = await open.greeted();
      await begin(talk);
      talk.sendBytes(`${'x'.repeat(5_000)}\r\n.`);
      if (memoryLimit === 1_000) await until('the mail is in its file', () => open.spoolFiles().length === 1);
      talk[how]();
      await until('it is noticed', () => open.log.some(line => line.event === 'deferred'));
      await until('the file is gone', () => open.spoolFiles().length === 0);
      assert.deepEqual(open.reception.mails, []);
      await (await open.greeted()).quit();
    });
  }
}

test('a client that goes while its mail is stored changes nothing', async t => {
  const { greeted, reception } = await openDoor(t);
  const talk = await greeted();
  await begin(talk);
  let stored = () => {};
  let asked = false;
  reception.onAccept = () => {
    asked = true;
    return new Promise(resolve => {
      stored = resolve;
    });
  };
  talk.sendMail('x');
  await until('the reception is asked', () => asked);
  talk.reset();
  stored();
  await until('the mail is stored', () => reception.mails.length === 1);
  await (await greeted()).quit();
});

test('a stored mail clears what the client had on its account', async t => {
  const { greeted } = await openDoor(t);
  const talk = await greeted();
  for (let round = 0; round < 5; round++) {
    await talk.command('MAIL FROM:<a@c.example>', 250);
    for (let index = 0; index < 8; index++) await talk.command(`RCPT TO:<nobody${index}@in.example>`, '550 5.1.1');
    for (let index = 0; index < 40; index++) await talk.command('NOOP', 250);
    await talk.command('RCPT TO:<reply+1@in.example>', 250);
    await talk.command('DATA', 354);
    talk.sendMail('x');
    await talk.expect(250);
  }
});

test('a large mail with dots everywhere arrives byte for byte', async t => {
  const { greeted, reception, spoolFiles } = await openDoor(t, { maxSize: 5_000_000, ...TRUST_ALL });
  const talk = await greeted();
  for (const mail of [
    '.\r\n'.repeat(20_000),
    `${'.'.repeat(500)}\r\n`.repeat(4_000),
    `${'\x00\xff.'.repeat(300)}\r\n`.repeat(3_000),
  ]) {
    await begin(talk);
    talk.sendMail(Buffer.from(mail, 'latin1'));
    await talk.expect(250);
    const stored = reception.mails.at(-1)!;
    assert.ok(stored.bytes.equals(Buffer.from(mail, 'latin1')));
    assert.equal(stored.spooled, mail.length > 256 * 1024);
  }
  assert.deepEqual(spoolFiles(), []);
});

test('the log says what happened and holds no whole token', async t => {
  const token = '00112233445566778899aabbccddeeff';
  const { greeted, log } = await openDoor(t);
  const talk = await greeted();
  await talk.command(`MAIL FROM:<bounce+${token}@in.example>`, 250);
  await talk.command(`RCPT TO:<replies+${token}@in.example>`, 550);
  await talk.command('RCPT TO:<busy@in.example>', 451);
  await talk.command(`RCPT TO:<reply+${token}@in.example>`, 250);
  await talk.command('DATA', 354);
  talk.sendMail('Subject: secret words\r\n');
  await talk.expect(250);
  await talk.command('MAIL FROM:<a@c.example> SIZE=999999999', 552);
  const lines = log.map(({ event, at, code, to, mail, from, client }) => ({ event, at, code, to, mail, from, client }));
  const client = '127.0.0.1';
  assert.deepEqual(lines, [
    {
      event: 'rejected',
      at: 'RCPT',
      code: '550 5.1.1',
      to: 'replies+001122…@in.example',
      client,
      mail: undefined,
      from: undefined,
    },
    {
      event: 'deferred',
      at: 'RCPT',
      code: '451 4.3.0',
      to: 'busy@in.example',
      client,
      mail: undefined,
      from: undefined,
    },
    {
      event: 'accepted',
      at: 'DATA',
      code: '250 2.0.0',
      to: ['reply+001122…@in.example'],
      client,
      mail: 'ml_1',
      from: 'bounce+001122…@in.example',
    },
    { event: 'rejected', at: 'MAIL', code: '552 5.3.4', to: undefined, client, mail: undefined, from: undefined },
  ]);
  assert.doesNotMatch(JSON.stringify(log), /secret|00112233/);
});

test('masks', () => {
  const table: [string, string][] = [
    ['reply+0011223344556677@in.example', 'reply+001122…@in.example'],
    ['reply-00112233-4455-6677-8899-aabbccddeeff@in.example', 'reply-001122…@in.example'],
    ['reply=custom.token_9@in.example', 'reply=custom…@in.example'],
    ['reply.00112233445566778899aabbccddeeff@in.example', 'reply.001122…@in.example'],
    ['postmaster', 'postmaster'],
    ['anna@c.example', 'anna@c.example'],
  ];
  for (const [address, masked] of table) assert.equal(maskRecipient(address), masked);
  assert.equal(maskRecipient(`${'x'.repeat(5_000)}@c.example`).length, 200);
  assert.equal(maskSender('jean-claude.vandamme@c.example'), 'jean-claude.vandamme@c.example');
});

test('who asks for unknown addresses over many connections is not let in for a while', async t => {
  const { connect, greeted, clock } = await openDoor(t, { maxRefused: 2 });
  // Two on each connection are borne, ten in an hour are not.
  for (let round = 0; round < 5; round++) {
    const talk = await greeted();
    await talk.command('MAIL FROM:<guess@customer.example>', 250);
    await talk.command('RCPT TO:<unknown1@in.example>', '550 5.1.1');
    const last = round === 4;
    await talk.command('RCPT TO:<unknown2@in.example>', last ? '421 4.7.0' : '550 5.1.1');
    talk.close();
  }
  const shut = await connect();
  await shut.expect('421 4.7.0');
  clock.now += 3_600_000;
  const later = await connect();
  await later.expect(220);
});

test('recipient probes of a trusted MTA never count', async t => {
  const { greeted } = await openDoor(t, { ...TRUST_ALL, maxRefused: 1, mailsPerHour: 1 });
  for (let round = 0; round < 8; round++) {
    const talk = await greeted();
    await talk.command('MAIL FROM:<>', 250);
    await talk.command('RCPT TO:<unknown1@in.example>', '550 5.1.1');
    await talk.command('RCPT TO:<unknown2@in.example>', '550 5.1.1');
    await talk.quit();
  }
});

test('a stranger has so many mails an hour', async t => {
  const { greeted, clock } = await openDoor(t, { mailsPerHour: 2 });
  const talk = await greeted();
  for (let mail = 0; mail < 2; mail++) {
    await begin(talk);
    talk.sendMail(`Subject: ${mail}\r\n\r\nx`);
    await talk.expect(250);
  }
  await talk.command('MAIL FROM:<anna@customer.example>', '421 4.7.0');
  clock.now += 3_600_000;
  const later = await greeted();
  await later.command('MAIL FROM:<anna@customer.example>', 250);
});

test('a mail for postmaster alone has at most 1 MiB, also where others may be larger', async t => {
  const { greeted, reception, spoolFiles } = await openDoor(t, { maxSize: 5_000_000, ...TRUST_ALL });
  const send = async (to: readonly string[], size: number, code: string) => {
    const talk = await greeted();
    await talk.command(`MAIL FROM:<c@customer.example> SIZE=${size}`, 250);
    for (const address of to) await talk.command(`RCPT TO:<${address}>`, 250);
    await talk.command('DATA', 354);
    talk.sendMail(`${'x'.repeat(76)}\r\n`.repeat(Math.ceil(size / 78)));
    await talk.expect(code);
    await talk.command('QUIT', 221);
  };
  const mib = 1024 * 1024;
  await send(['postmaster@in.example'], mib - 200, '250 2.0.0');
  await send(['postmaster@in.example'], mib + 200, '552 5.3.4');
  await send(['postmaster@in.example', 'reply+ok@in.example'], mib + 200, '250 2.0.0');
  assert.deepEqual(
    reception.mails.map(mail => mail.destinations.length),
    [1, 2],
  );
  assert.deepEqual(spoolFiles(), []);
});
