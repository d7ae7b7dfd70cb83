import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run } from '../../run.js';
import { makeShop, PROGRAM, type Program, unfitLines } from '../program.js';

// Python is there where better-sqlite3 could be compiled; Node itself can't make a pseudo-terminal.
const skip = spawnSync('python3', ['-c', 'import pty']).status === 0 ? false : 'needs python3';

/** Runs argv[2:] on a terminal of 80 columns; types argv[1]'s [wait, keys] pairs, each as soon as its text was seen. */
const ON_TERMINAL = `
import fcntl, json, os, pty, select, struct, sys, termios, time
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 80, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
end = time.monotonic() + 60
while time.monotonic() < end:
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    if steps and steps[0][0].encode() in seen:
        os.write(terminal, steps.pop(0)[1].encode())
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
`;

async function onTerminal(
  program: Program,
  args: readonly string[],
  options: { steps?: readonly (readonly [wait: string, keys: string])[]; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; screen: string }> {
  const command = [PROGRAM, '-c', program.configFile, ...args];
  const { code, stdout } = await run('python3', ['-c', ON_TERMINAL, JSON.stringify(options.steps ?? []), ...command], {
    cwd: program.folder,
    env: { PATH: process.env.PATH, HOME: program.folder, TZ: 'UTC', TERM: 'xterm', ...options.env },
    timeout: 90_000,
  });
  return { code, screen: stdout.replaceAll('\r\n', '\n') };
}

test('views are styled on a terminal, unless it does not want that', { skip }, async t => {
  const program = await makeShop(t);
  const styled = await onTerminal(program, ['conversation', 'show', 'acme#1']);
  assert.match(styled.screen, /\x1b\[1m1\. Maria/);
  const shown = styled.screen.replace(/\x1b\[\d+m/g, '');
  assert.deepEqual(unfitLines(shown), []);
  assert.equal(shown, await program.text(['conversation', 'show', 'acme#1']));
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    const plain = await onTerminal(program, ['conversation', 'show', 'acme#1'], { env });
    assert.ok(!plain.screen.includes('\x1b'), JSON.stringify(env));
  }
});

test('a long command draws how far it is, and nothing of it stays', { skip }, async t => {
  const program = await makeShop(t);
  for (const [args, drawn, last] of [
    [['backup', 'all.tar'], /copying the database: 0/, /^wrote all\.tar: /],
    [['check'], null, /^✔ search +.*in order$/],
    [['restore', 'all.tar', '--replace'], /\[=* *\] +\d+ % {2}reading the backup, MiB: \d/, /^restored the store of /],
  ] as const) {
    const { code, screen } = await onTerminal(program, args, { env: { NO_COLOR: '1' } });
    assert.equal(code, 0, screen);
    if (drawn !== null) assert.match(screen, drawn);
    const left = screen.replaceAll(/\r\x1b\[2K[^\r\n]*(?=\r\x1b\[2K)/g, '').replaceAll('\r\x1b[2K', '');
    assert.match(left.trimEnd().split('\n').at(-1)!, last);
    assert.doesNotMatch(left, /copying|reading the backup|checking contents/);
  }
});

test('removing asks on a terminal', { skip }, async t => {
  const program = await makeShop(t);
  const question = 'Remove conversation acme#1 with 1 message for good? [y/N]';
  const no = await onTerminal(program, ['conversation', 'remove', 'acme#1'], { steps: [['[y/N]', '\r']] });
  assert.equal(no.code, 1);
  assert.ok(no.screen.includes(question), no.screen);
  assert.ok(no.screen.includes('replyd: nothing was removed'));
  const yes = await onTerminal(program, ['conversation', 'remove', 'acme#1'], { steps: [['[y/N]', 'y\r']] });
  assert.equal(yes.code, 0);
  assert.deepEqual(await program.json(['conversation', 'list']), []);
});

test('the text of an answer can be typed', { skip }, async t => {
  const program = await makeShop(t);
  const typed = await onTerminal(program, ['conversation', 'note', 'acme#1', '--text=-'], {
    steps: [['end it with Ctrl-D', 'typed by hand\r\x04']],
  });
  assert.equal(typed.code, 0, typed.screen);
  assert.match(await program.text(['conversation', 'show', 'acme#1']), /\n {2}typed by hand\n/);
});

test('who answers while no daemon runs is told that the mail waits', { skip }, async t => {
  const program = await makeShop(t);
  const told = /^no daemon runs: mails wait until `replyd serve` does$/m;
  for (const args of [
    ['conversation', 'reply', 'acme#1', '--text', 'hello'],
    ['queue', 'list'],
  ]) {
    const { code, screen } = await onTerminal(program, args);
    assert.equal(code, 0, screen);
    assert.match(screen, told);
    assert.equal((await program.run(args)).stderr, '', 'a program is not told');
  }
});

test('the demo stays up on a terminal until Ctrl-C', { skip }, async t => {
  const program = await makeShop(t);
  const folder = path.join(program.folder, 'tmp');
  mkdirSync(folder);
  const demo = await onTerminal(program, ['demo'], { steps: [[' doctor\r\n', '\x03']], env: { TMPDIR: folder } });
  assert.equal(demo.code, 0, demo.screen);
  assert.match(demo.screen, /\n {2}http:\/\/127\.0\.0\.1:\d+\/sign-in#rpl_[\w-]{32}\n/);
  const commands = demo.screen.split('Or go on by hand in another terminal:\n\n')[1]!.split('^C')[0]!;
  const [configuration, ...others] = commands.trimEnd().split('\n');
  assert.match(configuration!, /^ {2}export REPLYD_CONFIG=\/\S+$/);
  assert.match(others[0]!, / conversation show shop#1$/);
  assert.deepEqual(unfitLines(others.join('\n')), []);
  // Pasted, no line of them is half a command.
  const stand = 'replyd() { :; }; curl() { cat > /dev/null; echo "$@"; }';
  const pasted = await run('bash', ['-c', `${stand}\n${commands}`]);
  assert.match(pasted.stdout, /^-s smtp:\S+ --crlf -T - --mail-from \S+ --mail-rcpt reply\+[0-9a-f]{32}@\S+$/m);
  assert.deepEqual(readdirSync(folder), []);
});
