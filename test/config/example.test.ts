import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exampleConfig, initialConfig, redactedConfig } from '#replyd/config/example.js';
import { type Config, findKey, KEY_NAMES, readKey } from '#replyd/config/keys.js';
import { loadConfig } from '#replyd/config/load.js';

function load(text: string): Config {
  return loadConfig({ file: '/etc/mail/replyd.toml', env: {}, cwd: '/work', readFile: () => ({ text, mode: 0o640 }) })
    .config;
}

/** The example with every line in force. */
function uncommented(text: string): string {
  return text.replaceAll(/^#(?=[a-z_.]+ = )/gm, '');
}

test('config.example.toml is what exampleConfig() writes', () => {
  assert.equal(readFileSync('config.example.toml', 'utf8'), exampleConfig());
});

test('the example shows every key and changes nothing', () => {
  assert.deepEqual(load(exampleConfig()), load(''));
  const lines = exampleConfig().split('\n');
  assert.equal(lines.filter(line => /^#[a-z_.]+ = /.test(line)).length, KEY_NAMES.length);
  assert.ok(lines.every(line => line.length <= 100));
});

test('every default in the example is the default, and every example works', () => {
  const config = load(uncommented(exampleConfig()));
  for (const name of KEY_NAMES.filter(key => findKey(key)!.example === undefined)) {
    assert.deepEqual(readKey(config, name), readKey(load(''), name), name);
  }
});

test('values that print are read back the same', () => {
  const config = load(uncommented(exampleConfig()));
  const printed = Object.entries(redactedConfig(config)).map(([name, value]) => [
    name,
    value === '(set)' ? 'a password, never shown' : value,
  ]);
  const again = load(initialConfig(Object.fromEntries(printed)));
  for (const name of KEY_NAMES.filter(key => !findKey(key)!.secret)) {
    assert.deepEqual(readKey(again, name), readKey(config, name), name);
  }
});

test('the first configuration is short, sets what init asks for and refuses the rest', () => {
  assert.deepEqual(load(initialConfig()), load(''));
  const text = initialConfig({ data_dir: '/var/lib/replyd', 'smtp.listen': ['[::]:25'], 'reply.separator': '=' });
  assert.match(text, /^data_dir = "\/var\/lib\/replyd"$/m);
  assert.match(text, /^smtp\.listen = \["\[::\]:25"\]$/m);
  assert.match(text, /^#outbound\.transport = "file"$/m);
  assert.ok(text.split('\n').length < 60 && text.split('\n').every(line => line.length <= 100));
  const config = load(text);
  assert.deepEqual([config.dataDir, config.reply.separator], ['/var/lib/replyd', '=']);
  const { outbound } = load(initialConfig({ 'outbound.username': 'a"b\\\u007f', 'outbound.password': 'p' }));
  assert.equal(outbound.username, 'a"b\\\u007f');
  assert.throws(() => initialConfig({ colour: 1 }), /^ReplydError: colour: unknown key$/);
  assert.throws(() => initialConfig({ 'smtp.max_size': 'x' }), /^ReplydError: smtp\.max_size: "x" must be a size/);
});

test('neither file has a table: a dotted key can be added anywhere', () => {
  for (const text of [exampleConfig(), initialConfig({ data_dir: '/d' })]) assert.doesNotMatch(text, /^#?\[/m);
});

test('passwords and keys are secrets', () => {
  const secrets = KEY_NAMES.filter(name => findKey(name)!.secret);
  assert.equal(secrets.length, 7);
  assert.ok(secrets.every(name => /password|key$|^store\.url$/.test(name)));
});

test('secrets are not printed', () => {
  const shown = redactedConfig(
    load(
      'ingress.relay.password = ["hunter22 hunter22", "two passwords long"]\noutbound = { username = "u", password = "hunter22" }',
    ),
  );
  assert.ok(!JSON.stringify(shown).includes('hunter22'));
  assert.equal(shown['ingress.relay.password'], '(set)');
  assert.equal(shown['outbound.password'], '(set)');
  assert.deepEqual(shown['ingress.mandrill.key'], []);
  assert.equal(shown['smtp.max_size'], '35MiB');
  const url = load('store.url = "postgres://u:hunter22@db.example/d?sslmode=require"');
  assert.equal(redactedConfig(url)['store.url'], 'postgres://u:***@db.example/d?sslmode=require');
});
