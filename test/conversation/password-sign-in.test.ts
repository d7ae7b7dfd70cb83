/** Signing in by password, on a real store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createAttempts, OF_PERSON } from '#replyd/base/attempts.js';
import { signInByPassword } from '#replyd/conversation/password-sign-in.js';
import { openTestStore } from '../engine.js';
import { RULES } from '../store/rules.js';

const PASSWORD = 'correct horse battery';

async function open(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-sign-in-'));
  const store = await openTestStore(dataDir, { writer: 'direct', rules: RULES });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: [], support_email: 'help@acme.example' });
  const { id } = await store.addAgent({ account: 'acme', email: 'anna@acme.example', name: 'Anna' });
  const { secret } = await store.newSignInLink(id, { knownTo: 'nobody' });
  await store.useSignInLink(secret, PASSWORD);
  let time = 0;
  const attempts = createAttempts(() => time);
  return {
    signIn: (email: string, password: string, client = '192.0.2.1') =>
      signInByPassword({ store, attempts }, { email, password, client }),
    store,
    later(milliseconds: number) {
      time += milliseconds;
    },
  };
}

test('whoever guesses waits, and behind the wait the right password works', async context => {
  const { signIn, later } = await open(context);
  // Too short to be anybody's: no hash is made of it.
  for (let count = 0; count < OF_PERSON.free; count += 1)
    assert.deepEqual(await signIn('anna@acme.example', 'wrong'), { kind: 'wrong' });
  const names = ['anna@acme.example', 'ANNA@acme.example', 'Anna@ACME.example.'];
  for (const name of names) assert.deepEqual(await signIn(name, PASSWORD), { kind: 'wait', seconds: 1 }, name);
  later(1000);
  assert.equal((await signIn('anna@acme.example', PASSWORD)).kind, 'signed_in');
  assert.deepEqual(await signIn('anna@acme.example', 'wrong', '192.0.2.2'), { kind: 'wrong' });
});

test('an unknown address looks like a wrong password', async context => {
  const { signIn } = await open(context);
  for (const name of ['nobody@acme.example', 'no address']) {
    for (let count = 0; count < OF_PERSON.free; count += 1)
      assert.deepEqual(await signIn(name, 'wrong', name), { kind: 'wrong' });
    assert.deepEqual(await signIn(name, 'wrong', 'x'), { kind: 'wait', seconds: 1 });
  }
});
