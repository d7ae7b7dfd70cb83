/** `key`, `hook` and `tail` as people use them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { ApiKey, Event, Hook } from '#replyd/conversation/model.js';
import { eventually } from '../run.js';
import { makeShop, PROGRAM, unfitLines } from './program.js';

test('a key is shown once, listed without itself, and revoked', async context => {
  const shop = await makeShop(context);
  const made = await shop.run(['key', 'add', 'acme', '--name', 'web widget']);
  assert.equal(made.code, 0);
  const secret = /rpk_[\w-]{32}/.exec(made.stdout)![0];
  assert.match(made.stderr, /cannot be shown again/);
  const [operator] = await shop.json<ApiKey & { key: string }>(['key', 'add', '--operator']);
  assert.match(operator!.key, /^rpk_/);
  assert.equal(operator!.account, null);
  const listed = await shop.text(['key', 'list']);
  assert.ok(!listed.includes(secret) && listed.includes(secret.slice(0, 10)));
  assert.deepEqual(unfitLines(listed), []);
  const [, mine] = await shop.json<ApiKey>(['key', 'list']);
  assert.deepEqual([mine!.account, mine!.name, mine!.last_used_at], ['acme', 'web widget', null]);
  assert.match(await shop.text(['key', 'revoke', mine!.id]), /^revoked key_\w+ of acme\n$/);
  assert.match(await shop.text(['key', 'list']), /web widget +revoked/);
});

test('what is wrong with keys and hooks is said', async context => {
  const shop = await makeShop(context);
  const cases: [string[], number, RegExp][] = [
    [['key', 'add'], 2, /an account or --operator, one of both/],
    [['key', 'add', 'acme', '--operator'], 2, /one of both/],
    [['key', 'add', 'nobody'], 1, /no account "nobody"/],
    [['key', 'revoke', 'key_00000000000'], 1, /no key key_0/],
    [['hook', 'add', 'acme', 'app.example'], 2, /no address for a webhook/],
    [['hook', 'test', 'hook_00000000000'], 1, /no hook hook_0/],
    [['hook', 'remove', 'cv_00000000000'], 1, /the id of a conversation, not of a hook/],
    [['tail', '--account', 'nobody'], 1, /no account "nobody"/],
    [['tail', '--after', 'yesterday'], 1, /not all there any more/],
  ];
  for (const [args, code, words] of cases) {
    const result = await shop.run(args);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.stderr, words);
    assert.equal(result.stdout, '');
  }
});

test('a hook is tested, rotated, listed and removed', async context => {
  const shop = await makeShop(context, 'hooks.allow_private = true\n');
  let status = 500;
  const got: { body: string; headers: Record<string, string> }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ body, headers: request.headers as Record<string, string> });
    response.writeHead(status).end('not today');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/replyd`;
  const [hook] = await shop.json<Hook & { secret: string }>(['hook', 'add', 'acme', url]);
  const refused = await shop.run(['hook', 'test', hook!.id]);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /not taken: 500 Internal Server Error: not today/);
  status = 204;
  assert.match(await shop.text(['hook', 'test', hook!.id]), /^taken: 204/);
  const [rotated] = await shop.json<Hook & { secret: string }>(['hook', 'rotate', hook!.id]);
  const [tested] = await shop.json<{ ok: boolean }>(['hook', 'test', hook!.id]);
  assert.equal(tested!.ok, true);
  for (const { secret } of [hook!, rotated!]) {
    const event = new Webhook(secret).verify(got.at(-1)!.body, got.at(-1)!.headers) as unknown as Event;
    assert.deepEqual([event.type, event.account], ['hook.test', 'acme']);
  }
  const listed = await shop.text(['hook', 'list']);
  assert.match(listed, /acme +on +http:/);
  assert.deepEqual(unfitLines(listed), []);
  assert.match(await shop.text(['hook', 'remove', hook!.id, '--yes']), /^removed hook_/);
  assert.equal((await shop.run(['hook', 'list'])).stdout, '');
});

test('a hook on this machine is refused unless it is allowed', async context => {
  const shop = await makeShop(context);
  const added = await shop.run(['hook', 'add', 'acme', 'http://localhost:1/', '--json']);
  const hook = JSON.parse(added.stdout) as Hook;
  assert.match(added.stderr, /localhost is a private address, and hooks.allow_private is off/);
  const elsewhere = await shop.run(['hook', 'add', 'acme', 'https://app.acme.example/']);
  assert.doesNotMatch(elsewhere.stderr, /private/);
  const result = await shop.run(['hook', 'test', hook.id]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /private address: hooks.allow_private is off/);
});

test('tail prints what happens, as lines or as JSON, and ends with Ctrl-C', async context => {
  const shop = await makeShop(context);
  const lines = tail(context, shop.configFile, []);
  const json = tail(context, shop.configFile, ['--json', '--account', 'acme', '--after', 'ev_00000000000']);
  await eventually('the second has read what was before', () => json.text().includes('conversation.created'));
  let count = 0;
  // The first begins when it begins; what is written afterwards it prints.
  await eventually('the first prints', async () => {
    count += 1;
    await shop.text(['conversation', 'note', 'acme#1', '--text', `note ${count} \u001b[2J`]);
    return lines.text().includes('note');
  });
  await eventually('the second prints all', () => json.text().includes(`note ${count} `));
  assert.match(lines.text(), /message\.created +acme#1 note: note \d+ \u241b\[2J/);
  for (const line of json.text().split('\n').filter(Boolean)) assert.equal((JSON.parse(line) as Event).account, 'acme');
  assert.equal(await lines.end('SIGINT'), 0);
  assert.equal(await json.end('SIGTERM'), 0);
});

function tail(context: TestContext, configFile: string, args: readonly string[]) {
  const child = spawn(PROGRAM, ['-c', configFile, 'tail', ...args], {
    env: { PATH: process.env.PATH },
  });
  context.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', chunk => {
    text += chunk;
  });
  const exit = new Promise<number | null>(resolve => child.once('exit', resolve));
  return {
    text: () => text,
    end(signal: NodeJS.Signals) {
      child.kill(signal);
      return exit;
    },
  };
}
