import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isReplydError } from '#replyd/base/errors.js';
import { connectTalk, sendMail } from '../../interop/smtp-talk.js';
import { openDoor, talkAddress, until } from '../open-door.js';

const certificate = (name: string) => ({
  key: readFileSync(path.resolve(`test/ingress/tls/${name}.key.pem`)),
  cert: readFileSync(path.resolve(`test/ingress/tls/${name}.cert.pem`)),
});
const [FIRST, SECOND] = [certificate('first'), certificate('second')];

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-lifecycle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('shutdown: the idle go at once, a mail in flight is finished, nobody new comes in', async t => {
  const { door, greeted, address, reception } = await openDoor(t);
  const [idle, busy, between] = [await greeted(), await greeted(), await greeted()];
  await busy.command('MAIL FROM:<a@c.example>', 250);
  await between.command('MAIL FROM:<a@c.example>', 250);
  let closed = false;
  const closing = door.close({ graceMs: 3_600_000 }).then(() => {
    closed = true;
  });
  await idle.expect('421 4.3.2 Service is restarting');
  assert.deepEqual(await idle.untilEnd(), []);
  idle.close();
  await assert.rejects(connectTalk(address));
  await busy.command('RCPT TO:<reply+1@in.example>', 250);
  await busy.command('DATA', 354);
  busy.sendMail('x');
  await busy.expect('250 2.0.0 ml_1');
  await busy.expect('421 4.3.2');
  busy.close();
  assert.equal(closed, false);
  // RSET ends the transaction, and with it the session.
  await between.command('RSET', 250);
  await between.expect('421 4.3.2');
  between.close();
  await closing;
  await door.close({ graceMs: 0 });
  assert.equal(reception.mails.length, 1);
});

test('shutdown: what is not done within the grace period is cut, also when the client does not close', async t => {
  const { door, greeted, reception, spoolFiles } = await openDoor(t, { memoryLimit: 1_000 });
  const talk = await greeted();
  await talk.command('MAIL FROM:<a@c.example>', 250);
  await talk.command('RCPT TO:<reply+1@in.example>', 250);
  await talk.command('DATA', 354);
  talk.sendBytes('x'.repeat(5_000));
  await until('the mail is in its file', () => spoolFiles().length === 1);
  await door.close({ graceMs: 0 });
  await talk.expect('421 4.3.2');
  await until('the file is gone', () => spoolFiles().length === 0);
  assert.deepEqual(reception.mails, []);
});

test('stopListening leaves the sessions alone', async t => {
  const { door, greeted, address } = await openDoor(t);
  const talk = await greeted();
  door.stopListening();
  door.stopListening();
  await assert.rejects(connectTalk(address));
  await talk.command('NOOP', 250);
});

test('a closed door leaves no handle and no timer', async t => {
  const before = process.getActiveResourcesInfo().sort();
  const { door, address, connect } = await openDoor(t, {
    everySecond: undefined as never,
    listen: ['127.0.0.1:0', '127.0.0.1:0'],
  });
  for (let index = 0; index < 20; index++) {
    await sendMail(address, { from: 'a@c.example', to: ['reply+1@in.example'], data: 'x' });
  }
  const silent = await connect();
  await silent.expect(220);
  const closing = door.close({ graceMs: 1_000 });
  await silent.expect(421);
  silent.close();
  await closing;
  await until('all handles are closed', () => {
    return process.getActiveResourcesInfo().filter(name => name !== 'Immediate').length <= before.length;
  });
  assert.deepEqual(
    process.getActiveResourcesInfo().filter(name => name.startsWith('TCP') || name === 'Timeout'),
    before.filter(name => name.startsWith('TCP') || name === 'Timeout'),
  );
});

test('STARTTLS: offered with a certificate only, nothing said before it counts after it', async t => {
  const { connect, reception } = await openDoor(t, { tls: FIRST, trustedNetworks: ['127.0.0.0/8'] });
  const talk = await connect();
  await talk.expect(220);
  const before = await talk.command('EHLO client.example', 250);
  assert.ok(before.texts.includes('STARTTLS'));
  // The NOOP behind it came in plain text (CVE-2011-0411) and must not be answered inside TLS.
  talk.sendTogether(['STARTTLS', 'NOOP']);
  await talk.expect('220 2.0.0');
  await talk.startTls({ rejectUnauthorized: true, ca: FIRST.cert, servername: 'mx.in.example' });
  await talk.command('MAIL FROM:<a@c.example>', '503 5.5.1');
  const after = await talk.command('EHLO client.example', 250);
  assert.ok(!after.texts.includes('STARTTLS'));
  await talk.command('MAIL FROM:<a@c.example>', 250);
  await talk.command('RCPT TO:<reply+1@in.example>', 250);
  await talk.command('DATA', 354);
  talk.sendMail('x');
  await talk.expect(250);
  assert.equal(reception.mails[0]!.bytes.toString(), 'x\r\n');
});

test('the clocks run inside TLS and during the handshake', async t => {
  const { greeted, clock, sweep } = await openDoor(t, { tls: FIRST });
  const talk = await greeted();
  await talk.command('STARTTLS', 220);
  await talk.startTls();
  sweep();
  for (let round = 0; round < 3; round++) {
    clock.now += 50_000;
    await talk.command('NOOP', 250);
    sweep();
  }
  clock.now += 60_001;
  sweep();
  await talk.expect('421 4.4.2');
  const silent = await greeted();
  await silent.command('STARTTLS', 220);
  sweep();
  clock.now += 60_001;
  sweep();
  assert.deepEqual(await silent.untilEnd(), []);
});

test('TLS 1.1 is too old', async t => {
  const { greeted } = await openDoor(t, { tls: FIRST });
  const talk = await greeted();
  await talk.command('STARTTLS', 220);
  await assert.rejects(
    talk.startTls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    /protocol version|unsupported protocol|ECONNRESET|socket disconnected/i,
  );
  await (await greeted()).quit();
});

test('reload: a bad certificate is refused and the old one kept, a good one counts at once', async t => {
  const { door, greeted, settings } = await openDoor(t, { tls: FIRST });
  const speaks = async (cert: Buffer) => {
    const talk = await greeted();
    await talk.command('STARTTLS', 220);
    await talk.startTls({ rejectUnauthorized: true, ca: cert, servername: 'mx.in.example' });
    await talk.command('EHLO client.example', 250);
    await talk.quit();
  };
  await speaks(FIRST.cert);
  const bad = [
    { key: SECOND.key, cert: FIRST.cert },
    { key: 'no key', cert: FIRST.cert },
    { key: FIRST.key, cert: '' },
  ];
  for (const tls of bad) {
    assert.throws(
      () => door.reload({ ...settings, tls, maxSize: 1 }),
      error => isReplydError(error, 'invalid') && error.message.includes('tls.certificate'),
    );
  }
  assert.throws(
    () => door.reload({ ...settings, maxSize: 1, trustedNetworks: ['nonsense'] }),
    error => isReplydError(error, 'invalid'),
  );
  await speaks(FIRST.cert);
  door.reload({ ...settings, tls: SECOND });
  await speaks(SECOND.cert);
  const talk = await greeted();
  assert.match((await talk.command('EHLO client.example', 250)).raw, /SIZE 100000/);
});

test('reload: limits, networks, and a certificate that comes or goes', async t => {
  const { door, greeted, connect, settings } = await openDoor(t);
  const features = async () => (await (await greeted()).command('EHLO client.example', 250)).texts;
  assert.ok(!(await features()).includes('STARTTLS'));
  door.reload({ ...settings, tls: FIRST, maxSize: 5_000, trustedNetworks: ['127.0.0.1'], hostname: 'new.in.example' });
  const after = await features();
  assert.ok(after.includes('STARTTLS') && after.includes('SIZE 5000') && after[0] === 'new.in.example');
  assert.ok(after.some(feature => feature.startsWith('XCLIENT')));
  door.reload({ ...settings, maxConnections: 1 });
  await (await connect()).expect('421 4.7.0');
  door.reload({ ...settings, maxRecipients: 1 });
  const talk = await greeted();
  assert.ok(!(await talk.command('EHLO client.example', 250)).texts.includes('STARTTLS'));
  await talk.command('STARTTLS', 500);
  await talk.command('MAIL FROM:<a@c.example>', 250);
  await talk.command('RCPT TO:<reply+1@in.example>', 250);
  await talk.command('RCPT TO:<reply+2@in.example>', 452);
});

test('a text that is no place is named', async t => {
  for (const text of ['', 'a:99999', 'unix:relative']) {
    await assert.rejects(
      openDoor(t, { listen: [text] }),
      error => isReplydError(error, 'invalid') && error.message.includes(`"${text}"`),
      text,
    );
  }
});

test('a place that can’t be had is named, and what was already taken is given back', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const freePort = (free.address() as { port: number }).port;
  await new Promise(resolve => free.close(resolve));
  const table: [string, string, RegExp][] = [
    [`127.0.0.1:${port}`, 'conflict', /port taken/],
    ['203.0.113.77:0', 'invalid', /no address of this machine/],
    ['unix:/no/such/folder/socket', 'invalid', /folder does not exist/],
  ];
  for (const [place, code, message] of table) {
    await assert.rejects(openDoor(t, { listen: [`127.0.0.1:${freePort}`, place] }), error => {
      assert.ok(isReplydError(error) && error.code === code, String(error));
      assert.ok(error.message.startsWith(`${place}: `) && message.test(error.message), error.message);
      return true;
    });
  }
  const { door } = await openDoor(t, { listen: [`127.0.0.1:${freePort}`] });
  assert.deepEqual(door.addresses(), [`127.0.0.1:${freePort}`]);
});

test('a low port without permission', { skip: process.getuid?.() === 0 && 'root may' }, async t => {
  await assert.rejects(
    openDoor(t, { listen: ['127.0.0.1:1'] }),
    error => isReplydError(error, 'unauthorized') && error.message.includes('CAP_NET_BIND_SERVICE'),
  );
});

test('LMTP on a unix socket: mode and group, always trusted, gone after close', async t => {
  const socket = path.join(folderFor(t), 'lmtp');
  const group = process.getgid!();
  const { door, reception } = await openDoor(t, {
    kind: 'lmtp',
    listen: [`unix:${socket}`],
    socketMode: 0o620,
    socketGroup: String(group),
    greetingDelay: 3_600_000,
    maxConnectionsPerIp: 0,
  });
  assert.deepEqual(door.addresses(), [`unix:${socket}`]);
  const stat = statSync(socket);
  assert.equal(stat.mode & 0o777, 0o620);
  assert.equal(stat.gid, group);
  const { data } = await sendMail(talkAddress(`unix:${socket}`), {
    from: '',
    to: ['reply+1@in.example', 'reply+hops@in.example'],
    data: 'x',
    protocol: 'lmtp',
  });
  assert.deepEqual(
    data.map(reply => reply.code),
    [250, 554],
  );
  assert.equal(reception.mails[0]!.client, null);
  assert.equal(reception.mails[0]!.trusted, true);
  await door.close({ graceMs: 0 });
  assert.equal(existsSync(socket), false);
});

test('a unix socket in use is left alone, a stale one is replaced, anything else is reported', async t => {
  const folder = folderFor(t);
  const [used, stale, file] = ['used', 'stale', 'file'].map(name => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const other = createServer().listen(used);
  await once(other, 'listening');
  t.after(() => other.close());
  const gone = createServer().listen(path.join(folder, 'gone'));
  await once(gone, 'listening');
  linkSync(path.join(folder, 'gone'), stale);
  await new Promise(resolve => gone.close(resolve));
  writeFileSync(file, 'precious');
  await assert.rejects(
    openDoor(t, { listen: [`unix:${used}`] }),
    error => isReplydError(error, 'conflict') && error.message.startsWith(`unix:${used}: port taken`),
  );
  assert.ok(existsSync(used));
  await assert.rejects(
    openDoor(t, { listen: [`unix:${file}`] }),
    error => isReplydError(error, 'conflict') && error.message.includes('no socket'),
  );
  assert.equal(readFileSync(file, 'utf8'), 'precious');
  const { greeted } = await openDoor(t, { listen: [`unix:${stale}`] });
  await (await greeted()).quit();
});

test('an unknown group is named, and no socket stays behind', async t => {
  const folder = folderFor(t);
  chmodSync(folder, 0o700);
  const socket = path.join(folder, 'lmtp');
  await assert.rejects(
    openDoor(t, { listen: [`unix:${socket}`], socketGroup: 'no-such-group' }),
    error => isReplydError(error, 'invalid') && error.message.includes('"no-such-group"'),
  );
  assert.equal(existsSync(socket), false);
});

test('sockets handed over by systemd, TCP and unix', async t => {
  const folder = folderFor(t);
  const program = fileURLToPath(new URL('./handed-over.js', import.meta.url));
  const socket = path.join(folder, 'lmtp');
  // Stands in for systemd: opens the sockets as 3 and 4 and becomes the daemon.
  const python = [
    'import os, socket, sys',
    'a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen(5)',
    'b = socket.socket(socket.AF_UNIX); b.bind(sys.argv[3]); b.listen(5)',
    'a, b = os.dup(a.fileno()), os.dup(b.fileno())',
    'os.dup2(a, 3); os.dup2(b, 4)',
    'os.set_inheritable(3, True); os.set_inheritable(4, True)',
    'os.execv(sys.argv[1], [sys.argv[1], sys.argv[2], sys.argv[4]])',
  ].join('\n');
  const child = spawn('python3', ['-c', python, process.execPath, program, socket, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const addresses = JSON.parse(String(line.value)) as string[];
  assert.match(addresses[0]!, /^127\.0\.0\.1:\d+$/);
  for (const address of [talkAddress(addresses[0]!), { path: socket }]) {
    const { data } = await sendMail(address, { from: '', to: ['reply+1@in.example'], data: 'x' });
    assert.equal(data[0]!.code, 250);
  }
  child.stdin.end();
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0);
});
