/**
 * Runs what the documents tell people to type: the way to a threaded reply as it stands in docs/quick-start.md (that of
 * the package is typed by test/packaging/deb.package.ts); looks at every other `replyd …` of theirs by the command line's own tables; and holds the
 * pictures against what they show.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram, loadGroups } from '#replyd/cli/program.js';
import { makeProgram } from './cli/program.js';
import { sectionOf, shellLines } from './documents.js';
import { eventually, run } from './run.js';

const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
  .concat(readdirSync('docs').map(name => `docs/${name}`))
  .filter(name => name.endsWith('.md'));

/** A folder, and a function that runs lines in it: builds, the demo and the doctor's name servers are left out. */
function reader(context: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'rd-docs-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    TZ: 'UTC',
    REPLYD_SMTP_LISTEN: '127.0.0.1:0',
    REPLYD_HTTP_LISTEN: '127.0.0.1:0',
  };
  const place = (line: string) => line.replaceAll('/tmp/replyd', folder);
  return {
    folder,
    env,
    async type(lines: readonly string[], smtp = '') {
      const typed = lines.filter(line => !/^npm |^replyd doctor/.test(line)).map(place);
      const script = ['set -eu', ...typed].join('\n').replaceAll('127.0.0.1:2525', smtp);
      return run('bash', ['-c', script], { env });
    },
  };
}

test('docs/quick-start.md: what is typed leads to a threaded reply', async t => {
  const lines = shellLines(sectionOf('docs/quick-start.md', null));
  const serve = lines.indexOf('replyd serve');
  assert.ok(serve > 0 && lines.length - serve > 5, lines.join('\n'));
  const { folder, env, type } = reader(t);
  const before = await type(lines.slice(0, serve));
  assert.equal(before.code, 0, before.stderr);

  const daemon = spawn(path.resolve('bin/replyd'), ['serve'], {
    env: { ...env, REPLYD_CONFIG: path.join(folder, 'config.toml') },
    stdio: 'ignore',
  });
  const ended = new Promise(resolve => daemon.on('exit', resolve));
  try {
    const [smtp] = await eventually('the daemon listens', () => {
      const text = readFileSync(path.join(folder, 'data', 'listening.json'), 'utf8');
      return (JSON.parse(text) as { smtp: string[] }).smtp;
    });
    const after = await type(lines.slice(serve + 1), smtp);
    assert.equal(after.code, 0, after.stderr);
    const last = after.stdout.slice(after.stdout.lastIndexOf('\n3. '));
    assert.match(last, /^\n3\. maria@example\.org\n {2}incoming, .* by smtp .*\n\n {2}Thank you!\n/);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
});

/** The verb that a line names, with what is wrong about its options; null when it is none. */
function faultOf(program: Command, words: readonly string[]): string | null {
  let command = program;
  let at = 0;
  for (; at < words.length; at++) {
    const next: Command | undefined = command.commands.find(each => each.name() === words[at]);
    if (next === undefined) break;
    command = next;
  }
  if (command.commands.length > 0 && !words.slice(at).some(word => word.startsWith('-'))) return 'no such verb';
  const known = [...command.options, ...program.options].flatMap(option => [option.long, option.short]);
  // Of every verb; and `replyd --version --json`, which the command line reads by itself.
  known.push('--help', ...(command === program ? ['--json'] : []));
  const unknown = words.slice(at).filter(word => /^--?[a-z]/.test(word) && !known.includes(word.split('=')[0]));
  return unknown.length > 0 ? `no such option: ${unknown.join(' ')}` : null;
}

test('every command of the documents is one of the command line', async () => {
  const program = buildProgram();
  await loadGroups(program);
  const faults: string[] = [];
  let seen = 0;
  for (const page of PAGES) {
    const text = readFileSync(page, 'utf8');
    const inShell = shellLines(text).flatMap(line => [
      ...line.matchAll(/(?:^|&& |\$\(|\|)(?:sudo (?:-u \w+ )?)?(?:\/\S*\/)?replyd (.+?)(?= && | \||' >|$)/g),
    ]);
    const inText = [...text.replaceAll(/^```.*?^```$/gms, '').matchAll(/`replyd ([^`]+)`/g)];
    for (const [, found] of [...inShell, ...inText]) {
      seen++;
      const words = found!.replaceAll(/"[^"]*"|'[^']*'/g, 'text').split(/\s+/);
      const fault = faultOf(program, words);
      if (fault !== null) faults.push(`${page}: replyd ${found}: ${fault}`);
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(seen > 60, String(seen));
});

test('the picture of the whole is drawn from its text', async () => {
  const check = await run(process.execPath, ['docs/pictures/overview.js', '--check']);
  assert.equal(check.code, 0, check.stderr);
});

/** The lines of a terminal's picture: each piece at its column, a rule as the signs that it is drawn for. */
function linesOf(svg: string): string[] {
  const lines = new Map<number, string>();
  const put = (x: number, y: number, text: string) => {
    lines.set(y, `${(lines.get(y) ?? '').padEnd((x - 16) / 8)}${text}`);
  };
  for (const [, x, y, length] of svg.matchAll(/<path d="M(\d+) (\d+)h(\d+)"/g)) {
    put(Number(x), Number(y) + 4, '─'.repeat(Number(length) / 8));
  }
  for (const [, x, y, text] of svg.matchAll(/<text x="(\d+)" y="(\d+)"[^>]*>([^<]*)<\/text>/g)) {
    put(Number(x), Number(y), text!.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'));
  }
  return [...lines].sort(([a], [b]) => a - b).map(([, text]) => text);
}

test('the picture of the demo shows what the demo prints', async t => {
  const demo = await makeProgram(t).run(['demo'], { bare: true });
  assert.equal(demo.code, 0, demo.stderr);
  const plain = (lines: readonly string[]) =>
    lines
      .map(line =>
        line
          .replaceAll(/\b(cv|ct|msg)_\w+/g, '$1_…')
          .replaceAll(/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'then')
          .replaceAll(/reply\+[0-9a-f]{32}/g, 'reply+…')
          .trimEnd(),
      )
      .filter(line => line !== '');
  const printed = demo.stdout.split('\n');
  const from = printed.findIndex(line => line.includes('$ replyd conversation show shop#1'));
  assert.ok(from > 0);
  assert.deepEqual(plain(linesOf(readFileSync('docs/pictures/demo.svg', 'utf8'))), plain(printed.slice(from)));
});
