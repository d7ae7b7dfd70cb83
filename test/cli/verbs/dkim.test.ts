import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DkimKey } from '#replyd/conversation/model.js';
import { startDns } from '../../verifying/dns-server.js';
import { makeShop, unfitLines } from '../program.js';

test('a key is made, listed, changed when its record is there, and removed', async t => {
  const dns = await startDns({});
  t.after(() => dns.close());
  const program = await makeShop(t, `auth.resolvers = ["${dns.address}"]\n`);

  const added = await program.run(['dkim', 'add', 'Acme.Example', '--selector', 'One']);
  assert.equal(added.code, 0, added.stderr);
  assert.match(
    added.stdout,
    /^one\._domainkey\.acme\.example\. IN TXT \( "v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+"\n {2}"[A-Za-z0-9+/=]+" \)\n$/,
  );
  const again = await program.run(['dkim', 'add', 'acme.example']);
  assert.deepEqual([again.code, again.stdout], [1, '']);
  assert.match(again.stderr, /acme\.example has a key: `replyd dkim rotate acme\.example` makes the next one/);

  const [waiting] = await program.json<DkimKey>(['dkim', 'rotate', 'acme.example', '--selector', 'two']);
  assert.equal(waiting!.state, 'waiting');
  const states = async () => (await program.json<DkimKey>(['dkim', 'list'])).map(key => `${key.selector} ${key.state}`);
  assert.deepEqual(await states(), ['one signs', 'two waiting']);

  const early = await program.run(['dkim', 'rotate', 'acme.example']);
  assert.equal(early.code, 1);
  assert.match(
    early.stderr,
    /the DNS has no record two\._domainkey\.acme\.example .*the old key of acme\.example goes on signing/,
  );
  dns.zone['TXT two._domainkey.acme.example'] = ['v=DKIM1; k=rsa; p=other'];
  assert.match((await program.run(['dkim', 'rotate', 'acme.example'])).stderr, /in the DNS is another one/);
  assert.deepEqual(await states(), ['one signs', 'two waiting']);

  dns.zone['TXT two._domainkey.acme.example'] = [waiting!.record.value];
  const changed = await program.run(['dkim', 'rotate', 'acme.example']);
  assert.equal(changed.stdout, 'two signs for acme.example now\n', changed.stderr);
  assert.deepEqual(await states(), ['one retired', 'two signs']);

  const list = await program.text(['dkim', 'list']);
  assert.deepEqual(unfitLines(list), []);
  for (const text of [list, JSON.stringify(await program.json(['dkim', 'list']))]) assert.doesNotMatch(text, /PRIVATE/);
  assert.equal(await program.text(['dkim', 'remove', 'acme.example', 'one', '--yes']), 'removed one of acme.example\n');
  assert.deepEqual(await states(), ['two signs']);
  const gone = await program.run(['dkim', 'remove', 'acme.example', 'one']);
  assert.deepEqual([gone.code, /no key with the selector one/.test(gone.stderr)], [1, true]);
});

test('what is no domain or selector is said', async t => {
  const program = await makeShop(t);
  for (const [args, reason] of [
    [['dkim', 'add', 'not a domain'], /not a domain is no domain, such as acme\.example/],
    [['dkim', 'add', 'localhost'], /localhost is no domain/],
    [['dkim', 'add', 'acme.example', '--selector', 'a.b_c'], /a\.b_c is no selector/],
    [['dkim', 'rotate', 'acme.example'], /acme\.example has no key: `replyd dkim add acme\.example` makes one/],
  ] as const) {
    const { code, stdout, stderr } = await program.run(args);
    assert.deepEqual([code === 1 || code === 2, stdout], [true, ''], stderr);
    assert.match(stderr, reason);
  }
});
