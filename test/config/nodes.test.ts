/** Which keys nodes on one store share, and that no secret is among them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY_NAMES } from '#replyd/config/keys.js';
import { loadConfig } from '#replyd/config/load.js';
import { differingKeys, nodeConfiguration } from '#replyd/config/nodes.js';

function configured(text: string): string {
  const readFile = () => ({ text, mode: 0o600 });
  return nodeConfiguration(loadConfig({ env: {}, cwd: '/', file: '/etc/replyd/config.toml', readFile }).config);
}

test('nodes that say the same differ in nothing, whatever is of one machine', () => {
  const one = configured('data_dir = "/var/lib/replyd"\n[smtp]\nlisten = ["10.0.0.1:25"]\n[log]\nlevel = "debug"\n');
  assert.deepEqual(differingKeys(one, configured('data_dir = "/srv/replyd"\n')), []);
});

test('what they say otherwise is named', () => {
  const [one, other] = [
    configured('[retention]\nraw = "30d"\n[reply]\nprefix = ["answer"]\n'),
    configured('[retention]\nraw = "60d"\n[smtp]\nmax_size = "1MB"\n'),
  ];
  assert.deepEqual([...differingKeys(one, other)!].sort(), ['reply.prefix', 'retention.raw', 'smtp.max_size']);
  assert.equal(differingKeys(one, 'something else'), null);
  assert.deepEqual(differingKeys(one, '{}'), [], 'another version');
});

test('no secret stands in it, not as a hash either', () => {
  const [one, other] = [
    configured('[outbound]\nusername = "u"\npassword = "first"\n'),
    configured('[outbound]\nusername = "u"\npassword = "second"\n'),
  ];
  assert.equal(one, other);
  const keys = Object.keys(JSON.parse(one) as object);
  assert.ok(keys.every(key => (KEY_NAMES as readonly string[]).includes(key)));
  assert.ok(!keys.some(key => /password|secret|store.url|tls/.test(key.replace('outbound.tls', ''))), keys.join());
});
