import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram, loadGroups } from '#replyd/cli/program.js';
import { width } from '#replyd/cli/terminal/text.js';
import { makeProgram } from './program.js';

/** The verbs of the public contract, as far as they are there: group → verbs, '' for a group that is one itself. */
const VERBS: Readonly<Record<string, string>> = {
  serve: '',
  demo: '',
  doctor: '',
  stats: '',
  init: '',
  'check-config': '',
  migrate: '',
  search: '',
  trace: '',
  check: '',
  backup: '',
  restore: '',
  'migrate-store': '',
  account: 'add list show set enable disable remove',
  conversation: 'start list show reply note resolve reopen seen rotate-token assign cc remove',
  agent: 'add list show set link disable enable remove',
  contact: 'list show set clear export remove',
  message: 'show release drop',
  attachment: 'get',
  mail: 'list show explain reprocess clear',
  queue: 'list show retry cancel pause resume',
  import: 'chatwoot',
  deliver: '',
  key: 'add list revoke',
  dkim: 'add list rotate remove',
  hook: 'add list test rotate remove',
  tail: '',
  systemd: '',
};

/** Options of the public contract. */
const OPTIONS: Readonly<Record<string, string>> = {
  init: '--user',
  'account add': '--domain --support-email --name',
  'account remove': '--yes',
  'conversation start': '--account --contact --contact-name --channel --source-id --subject --text --token',
  'conversation list': '--account --status --contact --assignee --held --channel --limit',
  'agent add': '--account --name --admin --notify',
  'agent list': '--account',
  'agent set': '--account',
  'agent remove': '--account --yes',
  'conversation reply': '--text --agent --agent-email --attach --cc --delay',
  'conversation note': '--text',
  'conversation rotate-token': '--participant',
  backup: '--replace',
  restore: '--replace',
  search: '--account --limit',
  'migrate-store': '--replace --user',
  'message show': '--raw',
  'attachment get': '-o',
  'mail list': '--state',
  'mail clear': '--state --older --yes',
  'queue list': '--state --hook',
  'queue retry': '--state',
  deliver: '--door --socket --sender',
  'key add': '--operator --name',
  systemd: '--sockets',
};

async function wholeProgram(): Promise<Command> {
  const program = buildProgram();
  await loadGroups(program);
  return program;
}

function leaves(command: Command, path = ''): [path: string, command: Command][] {
  return command.commands.flatMap(each => {
    const name = `${path} ${each.name()}`.trim();
    return each.commands.length === 0 ? [[name, each] as [string, Command]] : leaves(each, name);
  });
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: part => (text += part) });
  command.outputHelp();
  return text;
}

test('the verbs are those of the contract', async () => {
  const expected = Object.entries(VERBS).flatMap(([group, verbs]) =>
    verbs === '' ? [group] : verbs.split(' ').map(verb => `${group} ${verb}`),
  );
  const names = leaves(await wholeProgram()).map(([name]) => name);
  assert.deepEqual(names.sort(), expected.sort());
});

test('the options of the contract are there; listings and shows have --json', async () => {
  for (const [name, verb] of leaves(await wholeProgram())) {
    const flags = verb.options.flatMap(option => [option.short, option.long]);
    for (const flag of (OPTIONS[name] ?? '').split(' ').filter(Boolean))
      assert.ok(flags.includes(flag), `${name} ${flag}`);
    // What `contact export` prints is an archive.
    if (!['serve', 'demo', 'deliver', 'contact export'].includes(name))
      assert.ok(flags.includes('--json'), `${name} --json`);
    assert.ok(flags.includes('--config'), `${name} --config`);
  }
});

test('every help has examples of its own verb and fits 80 columns', async () => {
  for (const [name, verb] of leaves(await wholeProgram())) {
    const text = helpOf(verb);
    const examples = text.split('Examples:\n')[1] ?? '';
    assert.match(examples, new RegExp(`^  replyd (?:-c \\S+ )?${name}\\b`, 'm'), name);
    assert.deepEqual(
      text.split('\n').filter(line => width(line) > 80),
      [],
      name,
    );
  }
});

test('every example is a command line that is understood', async () => {
  for (const [name, verb] of leaves(await wholeProgram())) {
    const examples = helpOf(verb).split('Examples:\n')[1]!.replaceAll(' \\\n', ' ');
    for (const example of examples.split('\n').filter(line => line.startsWith('  replyd '))) {
      const words = (example.replace(/ (?:[<>|]|2>>).*$/, '').match(/(?:"[^"]*"|\S)+/g) ?? []).map(word =>
        word.replaceAll('"', ''),
      );
      const own = words.slice(words.indexOf(name.split(' ').at(-1)!) + 1);
      const { operands, unknown } = verb.parseOptions(own);
      assert.deepEqual(unknown, [], example);
      const most = verb.registeredArguments.some(argument => argument.variadic)
        ? Infinity
        : verb.registeredArguments.length;
      assert.ok(operands.length <= most, example);
    }
  }
});

test('wrong words: a suggestion on standard error and exit 2', async t => {
  const program = makeProgram(t);
  const MISTAKES: readonly [args: string[], stderr: string][] = [
    [['acount'], "replyd: unknown command 'acount' (Did you mean account?)\nsee `replyd --help`\n"],
    [['account', 'lst'], "replyd: unknown command 'lst' (Did you mean list?)\nsee `replyd account --help`\n"],
    [
      ['account', 'list', '--jsn'],
      "replyd: unknown option '--jsn' (Did you mean --json?)\nsee `replyd account list --help`\n",
    ],
    [['account', 'show'], "replyd: missing required argument 'slug'\nsee `replyd account show --help`\n"],
    [
      ['stats', 'now'],
      "replyd: too many arguments for 'stats'. Expected 0 arguments but got 1: now.\nsee `replyd stats --help`\n",
    ],
  ];
  for (const [args, stderr] of MISTAKES) {
    const result = await program.run(args);
    assert.deepEqual(
      { code: result.code, stdout: result.stdout, stderr: result.stderr },
      { code: 2, stdout: '', stderr },
      args.join(' '),
    );
  }
});

test('help goes to standard output with exit 0; a group without a verb is wrong usage', async t => {
  const program = makeProgram(t);
  for (const args of [
    [],
    ['--help'],
    ['help'],
    ['account', '--help'],
    ['help', 'account'],
    ['help', 'account', 'add'],
  ]) {
    const result = await program.run(args, { bare: true });
    assert.equal(result.code, 0, args.join(' '));
    assert.match(result.stdout, /^Usage: replyd/, args.join(' '));
    assert.equal(result.stderr, '', args.join(' '));
  }
  assert.match((await program.run(['help', 'account', 'add'], { bare: true })).stdout, /^Usage: replyd account add/);
  const bare = await program.run(['account']);
  assert.equal(bare.code, 2);
  assert.equal(bare.stdout, '');
  assert.match(bare.stderr, /^Usage: replyd account/);
  assert.match((await program.run(['--version'], { bare: true })).stdout, /^\d+\.\d+\.\d+\n$/);
  const versions = JSON.parse((await program.run(['--version', '--json'], { bare: true })).stdout);
  assert.deepEqual(Object.keys(versions), ['version', 'schema', 'node']);
  assert.equal(versions.node, process.versions.node);
  assert.ok(versions.schema >= 1);
});
