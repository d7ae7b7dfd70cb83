import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDoor } from '../../ingress/open-door.js';
import { type RunResult, run } from '../../run.js';

const PROGRAM = path.resolve('bin/replyd');
const MAIL = 'From: Maria <customer@customer.example>\nSubject: Hi\n\nGrüße\n.\n..\n';
const WIRE = Buffer.from(MAIL.replaceAll('\n', '\r\n'));
const TOKEN = 'reply+0123456789abcdef0123456789abcdef@in.example';

interface Given {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly input?: string | Uint8Array;
  readonly program?: string;
}

function deliver({ args = [], env = {}, input = MAIL, program = PROGRAM }: Given): Promise<RunResult> {
  const bare = { PATH: process.env.PATH, HOME: tmpdir(), ...env };
  return run(program, ['deliver', ...args], { cwd: tmpdir(), env: bare, input });
}

/** Exit code, and the one line, which begins with the enhanced code at the first byte. */
function ended(result: RunResult): [code: number | null, enhanced: string] {
  assert.match(result.stdout, /^\d\.\d\.\d [\x20-\x7e]*\n$/);
  assert.equal(result.stderr, '');
  return [result.code, result.stdout.split(' ')[0]!];
}

async function lmtp(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-pipe-'));
  const socket = path.join(folder, 'lmtp.sock');
  const door = await openDoor(t, { kind: 'lmtp', listen: [`unix:${socket}`] });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { ...door, socket, folder };
}

test('each MTA hands its mail over', async t => {
  const { socket, reception } = await lmtp(t);
  const cases: readonly (readonly [string, Given, string])[] = [
    ['postfix', { args: ['--sender', 'a@b.example', TOKEN] }, 'a@b.example'],
    ['postfix', { args: ['--sender', '', TOKEN] }, ''],
    ['postfix', { args: ['--sender', 'MAILER-DAEMON', '--', TOKEN] }, ''],
    ['exim', { env: { RECIPIENT: TOKEN, SENDER: 'a@b.example', LOCAL_PART: 'reply' } }, 'a@b.example'],
    [
      'exim',
      { env: { RECIPIENT: TOKEN, SENDER: '' }, input: `From MAILER-DAEMON Tue Mar  3 10:00:00 2026\n${MAIL}` },
      '',
    ],
    ['qmail', { env: { RECIPIENT: `replyd-${TOKEN}`, SENDER: '#@[]', USER: 'alias' } }, ''],
    ['qmail', { env: { RECIPIENT: TOKEN, SENDER: 'a@b.example' } }, 'a@b.example'],
  ];
  for (const [name, given, sender] of cases) {
    reception.mails.length = 0;
    const result = await deliver({ ...given, args: ['--door', name, '--socket', socket, ...(given.args ?? [])] });
    assert.deepEqual(ended(result), [0, '2.0.0']);
    const [stored] = reception.mails;
    assert.deepEqual(stored?.bytes, WIRE);
    assert.deepEqual([stored?.via, stored?.mailFrom, stored?.trusted], [name, sender, true]);
    assert.deepEqual(
      stored?.destinations.map(one => one.address),
      [TOKEN],
    );
  }
});

test('the daemon refuses: exit codes by its word about this recipient', async t => {
  const { socket } = await lmtp(t);
  const cases: readonly (readonly [string, number, number, string])[] = [
    ['reply-nobody@in.example', 67, 100, '5.1.1'],
    ['off@in.example', 69, 100, '5.2.1'],
    ['somebody@elsewhere.example', 69, 100, '5.7.1'],
    ['reply+hops@in.example', 69, 100, '5.4.6'],
    ['busy@in.example', 75, 111, '4.3.0'],
    ['throws@in.example', 75, 111, '4.3.0'],
    ['reply+changed@in.example', 75, 111, '4.3.0'],
    ['reply+full@in.example', 75, 111, '4.3.1'],
    ['reply+throws@in.example', 75, 111, '4.3.0'],
  ];
  for (const [recipient, sysexit, qmail, enhanced] of cases) {
    const args = ['--socket', socket, recipient];
    const [postfix, other] = await Promise.all([
      deliver({ args: ['--door', 'postfix', ...args] }),
      deliver({ args: ['--door=qmail', ...args] }),
    ]);
    assert.deepEqual(ended(postfix), [sysexit, enhanced], recipient);
    assert.deepEqual(ended(other), [qmail, enhanced], recipient);
  }
  const large = await deliver({
    args: ['--door', 'postfix', '--socket', socket, TOKEN],
    input: Buffer.alloc(150_000, 'x\n'),
  });
  assert.deepEqual(ended(large), [69, '5.3.4']);
});

test('qmail: the word about the address that is there counts', async t => {
  const { socket, reception } = await lmtp(t);
  const result = await deliver({
    args: ['--door', 'qmail', '--socket', socket],
    env: { RECIPIENT: 'replyd-off@in.example' },
  });
  assert.deepEqual(ended(result), [100, '5.2.1']);
  assert.deepEqual(reception.asked, ['replyd-off@in.example', 'off@in.example']);
});

test('everything else is "later"', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-pipe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const nowhere = ['--socket', path.join(folder, 'nowhere.sock')];
  const silent = config('silent', 'x');
  const cases: Readonly<Record<string, Given>> = {
    'no daemon': { args: ['--door', 'postfix', ...nowhere, TOKEN] },
    'no daemon, large mail': { args: ['--door', 'postfix', ...nowhere, TOKEN], input: Buffer.alloc(5_000_000, 'x') },
    'no daemon, by variable': { args: ['--door', 'postfix', TOKEN], env: { REPLYD_SOCKET: '127.0.0.1:1' } },
    'a socket that is a file': { args: ['--door', 'postfix', '--socket', silent, TOKEN] },
    'no recipient': { args: ['--door', 'postfix', ...nowhere] },
    'an empty recipient': { args: ['--door', 'postfix', ...nowhere, ''] },
    'two recipients': { args: ['--door', 'postfix', ...nowhere, TOKEN, TOKEN] },
    'no door': { args: [...nowhere, TOKEN] },
    'an unknown door': { args: ['--door', 'sendmail', ...nowhere, TOKEN] },
    'an unknown option': { args: ['--door', 'postfix', '--fast', ...nowhere, TOKEN] },
    'an unknown short option': { args: ['--door', 'postfix', '-x', ...nowhere, TOKEN] },
    'an option without its value': { args: ['--door', 'postfix', TOKEN, '--socket'] },
    'no such configuration': { args: ['--door', 'postfix', '-c', path.join(folder, 'none.toml'), TOKEN] },
    'a wrong configuration': { args: ['--door', 'postfix', '-c', config('bad.toml', 'nonsense = 1\n'), TOKEN] },
    'a configuration without LMTP': { args: ['--door', 'postfix', '-c', config('empty.toml', ''), TOKEN] },
    'a configuration that is a folder': { args: ['--door', 'postfix', '--config', folder, TOKEN] },
  };
  for (const [name, given] of Object.entries(cases)) {
    assert.deepEqual(ended(await deliver(given)), [75, '4.3.0'], name);
    const args = (given.args ?? []).map(word => (word === 'postfix' ? 'qmail' : word));
    if (args.includes('qmail'))
      assert.deepEqual(ended(await deliver({ ...given, args })), [111, '4.3.0'], `qmail: ${name}`);
  }
});

test('a daemon that answers nonsense, or nothing and goes away', async t => {
  const scripts: readonly (readonly string[])[] = [
    [''],
    ['220 hi', ''],
    ['554 go away'],
    ['SSH-2.0-x'],
    ['220 hi', '500 what', ''],
    ['220 hi', '250-a\r\n250 b', '421 4.3.2 Service is restarting'],
    ['220 hi', '250 a', '250 2.1.0 ok', '250 2.1.5 ok', '554 5.5.1 no'],
    ['220 hi', '250 a', '250 2.1.0 ok', '250 2.1.5 ok', '354 go', ''],
    ['220 hi', '250 a', '250 2.1.0 ok', '550 no such user'],
  ];
  for (const script of scripts) {
    const sockets = new Set<Socket>();
    const server = createServer(socket => {
      sockets.add(socket);
      const lines = [...script];
      const next = () => {
        const line = lines.shift();
        if (line === undefined || line === '') socket.end();
        else socket.write(`${line}\r\n`);
      };
      socket.on('error', () => {});
      socket.on('data', next);
      next();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const result = await deliver({ args: ['--door', 'postfix', '--socket', `127.0.0.1:${port}`, TOKEN] });
    for (const socket of sockets) socket.destroy();
    server.close();
    const [code, enhanced] = ended(result);
    assert.equal(code, 75, script.join(' | '));
    assert.match(enhanced, /^4\./);
  }
  t.diagnostic(`${scripts.length} scripts`);
});

test('the socket of the configuration is used when none is told', async t => {
  const { socket, folder, reception } = await lmtp(t);
  const config = path.join(folder, 'replyd.toml');
  writeFileSync(config, `lmtp.listen = ["unix:${socket}"]\n`);
  const args = ['--door', 'postfix', TOKEN];
  assert.deepEqual(ended(await deliver({ args: ['-c', config, ...args] })), [0, '2.0.0']);
  assert.deepEqual(ended(await deliver({ args, env: { REPLYD_CONFIG: config } })), [0, '2.0.0']);
  const before = await run(PROGRAM, ['-c', config, 'deliver', ...args], { input: MAIL });
  assert.deepEqual(ended(before), [0, '2.0.0']);
  assert.deepEqual(ended(await deliver({ args, env: { REPLYD_SOCKET: socket, REPLYD_CONFIG: '/none' } })), [
    0,
    '2.0.0',
  ]);
  assert.equal(reception.mails.length, 4);
});

test('standard input may be a file, as qmail-local gives it, rewound for each command', async t => {
  const { socket, folder, reception } = await lmtp(t);
  const file = path.join(folder, 'mail');
  writeFileSync(file, MAIL);
  for (let round = 0; round < 2; round++) {
    const child = spawn(PROGRAM, ['deliver', '--door', 'qmail', '--socket', socket, TOKEN], {
      stdio: [openSync(file, 'r'), 'ignore', 'ignore'],
    });
    assert.equal(await new Promise(resolve => child.once('exit', resolve)), 0);
  }
  assert.deepEqual(
    reception.mails.map(mail => mail.bytes),
    [WIRE, WIRE],
  );
});

test('ended from outside it still says "later"', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-pipe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const connected = Promise.race([
    new Promise<void>(resolve => {
      const server = createServer(() => resolve());
      server.listen(path.join(folder, 'silent.sock'));
      t.after(() => server.close());
    }),
  ]);
  const child = spawn(PROGRAM, ['deliver', '--door', 'qmail', '--socket', path.join(folder, 'silent.sock'), TOKEN], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', chunk => {
    said += String(chunk);
  });
  const exit = new Promise(resolve => child.once('close', resolve));
  await connected;
  child.kill('SIGTERM');
  assert.equal(await exit, 111);
  assert.equal(said, '4.3.0 ended by SIGTERM\n');
});

test('a program that is not built, or was built badly, bounces nothing', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-pipe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('bin', path.join(folder, 'bin'), { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
  const program = path.join(folder, 'bin/replyd');
  const both = async () => {
    assert.deepEqual(ended(await deliver({ program, args: ['--door', 'postfix', TOKEN] })), [75, '4.3.0']);
    assert.deepEqual(ended(await deliver({ program, args: ['--door', 'qmail'] })), [111, '4.3.0']);
  };
  await both();
  const other = await run(program, ['stats'], { cwd: folder });
  assert.deepEqual([other.code, other.stdout], [1, '']);
  mkdirSync(path.join(folder, 'dist/cli/verbs'), { recursive: true });
  writeFileSync(path.join(folder, 'dist/cli/main.js'), 'syntax error here');
  await both();
  symlinkSync('/nonexistent', path.join(folder, 'dist/cli/verbs/deliver.js'));
  writeFileSync(path.join(folder, 'dist/cli/main.js'), "await import('./verbs/deliver.js');");
  await both();
});

test('it loads next to nothing before it knows that it must', () => {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, target] of text.matchAll(/^import (?:[^'";]+ from )?'([^']+)'/gm)) {
      if (target!.startsWith('.')) load(path.join(path.dirname(file), target!));
      else assert.match(target!, /^node:/, `${file} imports ${target}`);
    }
  };
  load(path.resolve('dist/cli/main.js'));
  load(path.resolve('dist/cli/verbs/deliver.js'));
  assert.deepEqual([...loaded].map(file => path.relative(path.resolve('dist'), file)).sort(), [
    'base/errors.js',
    'cli/main.js',
    'cli/verbs/deliver.js',
    'ingress/pipe/lmtp-client.js',
    'ingress/pipe/pipe.js',
    'mail/status.js',
  ]);
});
