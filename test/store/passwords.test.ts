import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { createPasswords, passwordFault } from '#replyd/store/passwords.js';

const PASSWORD = 'correct horse battery';

test('a password has 12 to 1,000 characters, as people count them', () => {
  const cases: readonly [string, boolean][] = [
    ['', false],
    ['x'.repeat(11), false],
    ['x'.repeat(12), true],
    ['x'.repeat(1000), true],
    ['x'.repeat(1001), false],
    ['e\u0301'.repeat(11), false],
    ['e\u0301'.repeat(12), true],
    ['\u{1f600}'.repeat(11), false],
    ['\u{1f600}'.repeat(1000), true],
    ['x'.repeat(10_000_000), false],
  ];
  for (const [password, isGood] of cases)
    assert.equal(passwordFault(password) === null, isGood, String(password.length));
});

test('it is kept with a salt and its cost, and compared as it was kept', async () => {
  const passwords = createPasswords();
  const [one, other] = [await passwords.encode(PASSWORD), await passwords.encode(PASSWORD)];
  assert.match(one, /^\$scrypt\$ln=17,r=8,p=1\$[\w-]{22}\$[\w-]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await passwords.matches(PASSWORD, one), true);
  assert.equal(await passwords.matches(`${PASSWORD} `, one), false);
  assert.equal(await passwords.matches(PASSWORD, null), false, 'nobody’s');
  // Of RFC 7914 section 12, with another cost; its password is shorter than ours may be.
  const cheap = await passwords.matches('pleaseletmein', pleaseLetMeIn());
  assert.equal(cheap, true);
  await assert.rejects(passwords.matches(PASSWORD, 'plain'), /does not know/);
  await assert.rejects(passwords.encode('short'), error => isReplydError(error, 'invalid_password'));
});

/** N = 2^14, r = 8, p = 1, salt "SodiumChloride". */
function pleaseLetMeIn(): string {
  const hash =
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
  const text = (bytes: Buffer) => bytes.toString('base64url');
  return `$scrypt$ln=14,r=8,p=1$${text(Buffer.from('SodiumChloride'))}$${text(Buffer.from(hash, 'hex'))}`;
}

test('two are hashed at once, some wait, and whoever comes then is told to come again', async () => {
  const passwords = createPasswords({ most: 1 });
  const asked = Array.from({ length: 5 }, () => passwords.matches(PASSWORD, null));
  for (const late of asked.slice(3)) {
    await assert.rejects(late, error => isReplydError(error, 'too_many_requests') && error.details.retry_after === 5);
  }
  assert.deepEqual(await Promise.all(asked.slice(0, 3)), [false, false, false]);
  assert.equal(await passwords.matches(PASSWORD, null), false, 'there is room again');
});
