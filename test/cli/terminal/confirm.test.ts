/** What is removed for good is asked about; where nobody can be asked, `--yes` has to say it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ApiKey, Contact, Conversation, Hook } from '#replyd/conversation/model.js';
import { makeShop } from '../program.js';

test('without a terminal nothing is removed unless --yes says so', async t => {
  const shop = await makeShop(t);
  const [contact] = await shop.json<Contact>(['contact', 'list']);
  const [hook] = await shop.json<Hook>(['hook', 'add', 'acme', 'https://example.org/hook']);
  await shop.text(['agent', 'add', 'anna@acme.example', '--account', 'acme', '--name', 'Anna']);
  await shop.text(['dkim', 'add', 'acme.example', '--selector', 'one']);
  // What is inside of others comes first.
  const removals: readonly (readonly [words: readonly string[], what: string])[] = [
    [['dkim', 'remove', 'acme.example', 'one'], 'the key one of acme.example'],
    [['hook', 'remove', hook!.id], `hook ${hook!.id} (https://example.org/hook) with what waits for it`],
    [['agent', 'remove', 'anna@acme.example'], 'agent anna@acme.example (Anna)'],
    [['conversation', 'remove', 'acme#1'], 'conversation acme#1 with 1 message'],
    [['contact', 'remove', contact!.id], `contact ${contact!.id} (maria@example.org) with all his conversations`],
    [['account', 'remove', 'acme'], 'account acme with all its conversations'],
    [['mail', 'clear', '--state', 'kept'], 'all kept mails'],
  ];
  for (const [words, what] of removals) {
    for (const input of ['n\n', 'y\n']) {
      const refused = await shop.run(words, { input });
      assert.deepEqual(refused, {
        code: 2,
        signal: null,
        stdout: '',
        stderr: `replyd: nobody can be asked here whether to remove ${what}: give --yes\n`,
      });
    }
    assert.match(await shop.text([...words, '--yes']), /^removed /);
  }
  assert.deepEqual(await shop.json<Conversation>(['conversation', 'list']), []);
  assert.deepEqual(await shop.json<ApiKey>(['hook', 'list']), []);
});
