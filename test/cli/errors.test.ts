import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { type ErrorKind, faultText, ReplydError, reasonText, systemText } from '#replyd/base/errors.js';
import { EXIT_CODES, explain } from '#replyd/cli/errors.js';

const EXPECTED: readonly [code: ErrorKind, exitCode: number][] = [
  ['invalid', 2],
  ['not_found', 1],
  ['conflict', 1],
  ['unauthorized', 1],
  ['forbidden', 1],
  ['too_large', 1],
  ['unavailable', 1],
];

test('every code of an error has its exit code', () => {
  assert.deepEqual(Object.keys(EXIT_CODES).sort(), EXPECTED.map(([code]) => code).sort());
  for (const [code, exitCode] of EXPECTED) {
    assert.deepEqual(
      explain(new ReplydError(code, 'it went wrong')),
      { exitCode, text: 'replyd: it went wrong' },
      code,
    );
  }
});

test("commander's own errors are said already: help is fine, everything else is wrong usage", () => {
  assert.deepEqual(explain(new CommanderError(0, 'commander.helpDisplayed', '')), { exitCode: 0, text: '' });
  assert.deepEqual(explain(new CommanderError(0, 'commander.version', '')), { exitCode: 0, text: '' });
  assert.deepEqual(explain(new CommanderError(1, 'commander.help', '')), { exitCode: 2, text: '' });
  assert.deepEqual(explain(new CommanderError(1, 'commander.unknownOption', '')), { exitCode: 2, text: '' });
});

test('what the system says is said in words', async () => {
  const refused = await new Promise<Error>(resolve => connect(1, '127.0.0.1').once('error', resolve));
  assert.equal(systemText(refused), '127.0.0.1:1: connection refused');
  const missing = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open', path: '/a/b' });
  assert.deepEqual(explain(missing), { exitCode: 1, text: 'replyd: /a/b: no such file or directory' });
  assert.equal(systemText(Object.assign(new Error('x'), { code: 'EWEIRD', syscall: 'read' })), 'read: EWEIRD');
  assert.equal(reasonText(missing), 'no such file or directory');
  assert.equal(faultText(missing), '/a/b: no such file or directory');
  for (const words of [reasonText, faultText]) assert.equal(words(new Error('x\n y')), 'x y');
  assert.equal(systemText(new Error('x')), null);
  assert.equal(systemText(null), null);
});

test('a bug shows its stack, and nothing a terminal would act on', () => {
  const { exitCode, text } = explain(new TypeError('x is \x1b[31mundefined'));
  assert.equal(exitCode, 1);
  assert.match(text, /^replyd: internal error, please report it\nTypeError: x is ␛\[31mundefined\n {4}at /);
  assert.equal(explain(new ReplydError('conflict', 'name \x07')).text, 'replyd: name ␇');
});
