import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBody } from '#replyd/api/body-parse.js';
import { isReplydError } from '#replyd/base/errors.js';

const KIB = 1024;

function parse(text: string) {
  const { value, parts } = parseBody(Buffer.from(text), bytes => ({ bytes }));
  const contents = parts.map(({ content }) => ('bytes' in content ? Buffer.from(content.bytes) : null));
  return { value, contents };
}

function messageOf(...contents: readonly string[]): string {
  return `{"attachments":[${contents.map(content => `{"content":"${content}"}`)}]}`;
}

test('long base64 in every spelling, wherever it is cut', () => {
  // Every digit, and some 64 KiB pieces.
  const bytes = Buffer.from(Array.from({ length: 100 * KIB }, (_, at) => (at * 7 + (at >> 8)) & 255));
  const base64 = bytes.toString('base64');
  const spellings: readonly ((from: string) => string)[] = [
    from => from,
    from => from.replaceAll('/', '\\/'),
    from => from.replaceAll('+', '\\u002B').replaceAll('/', '\\u002f'),
    from => from.replaceAll(/.{76}/g, '$&\\r\\n'),
    from => from.replaceAll('=', ''),
    from => from.replaceAll('+', '-').replaceAll('/', '_'),
    from => from.replaceAll(/./g, digit => `\\u00${digit.charCodeAt(0).toString(16)}`),
  ];
  for (const [index, spell] of spellings.entries()) {
    for (let less = 0; less < 13; less++) {
      const whole = bytes.subarray(less);
      const { value, contents } = parse(messageOf(spell(whole.toString('base64')), spell('QUI='), ''));
      assert.deepEqual(value, { attachments: [{ content: '0' }, { content: '1' }, { content: '2' }] });
      assert.ok(contents[0]!.equals(whole), `${index}, ${less}`);
      assert.deepEqual(contents.slice(1), [Buffer.from('AB'), Buffer.alloc(0)]);
    }
  }
  const { contents } = parse(`{"messages":[${messageOf(base64)},${messageOf('QQ==', base64)}]}`);
  assert.deepEqual(
    contents.map(content => content!.length),
    [bytes.length, 1, bytes.length],
  );
});

test('long base64 that is no attachment stays where it is', () => {
  const long = 'abcd'.repeat(KIB);
  const other = 'wxyz'.repeat(KIB);
  const body = {
    text: long,
    [other]: { list: [long, other] },
    content: long,
    attachments: [{ content: other, filename: long }, { content: 7 }, long],
  };
  const { value, contents } = parse(JSON.stringify(body));
  assert.deepEqual(value, { ...body, attachments: [{ content: '0', filename: long }, { content: 7 }, long] });
  assert.deepEqual(contents, [Buffer.from(other, 'base64')]);
  // Of two fields of one name the last counts, as always.
  const twice = parse(`{"attachments":[{"content":"${long}","content":"${other}"}]}`);
  assert.deepEqual(twice.contents, [Buffer.from(other, 'base64')]);
  const much = 'abcd'.repeat(600 * KIB);
  assert.throws(() => parse(`{"text":"${much}"}`), /more than 2097152 bytes of JSON/);
  assert.throws(() => parse(`{"attachments":[{"content":"${much}","content":"QQ=="}]}`), /more than 2097152 bytes/);
  assert.equal(parse(messageOf(much)).contents[0]!.length, 1800 * KIB);
});

test('what is no base64, and what is no JSON, leaves nothing behind', () => {
  const long = 'abcd'.repeat(50 * KIB);
  for (const [content, code] of [
    ['***', 'invalid'],
    ['QQ==QQ==', 'invalid'],
    ['Q', 'invalid'],
    [`${long}Q`, 'invalid'],
    [`${long}QQ==${long}`, 'invalid'],
    [`${long}=`, null],
    [`${long}\\\\`, 'invalid'],
    ['\\\\'.repeat(100 * KIB), 'invalid'],
    [`\\\\a${'\\\\'.repeat(100 * KIB)}`, 'invalid'],
    [`${long}\\q`, 'invalid_json'],
    [`${long}\\u00`, 'invalid_json'],
    [`${long}"`, 'invalid_json'],
  ] as const) {
    const kept: number[] = [];
    const keep = (bytes: Uint8Array) => {
      kept.push(bytes.length);
      return { bytes };
    };
    const body = Buffer.from(messageOf(long, content));
    if (code === null) parseBody(body, keep);
    else {
      assert.throws(
        () => parseBody(body, keep),
        error => isReplydError(error, code),
        content.slice(-20),
      );
      assert.deepEqual(kept, []);
    }
  }
});

test('a body has no more levels than the deepest metadata needs', () => {
  const deep = (levels: number) => `{"metadata":${'['.repeat(levels)}"[[[["${']'.repeat(levels)}}`;
  assert.ok('metadata' in (parse(deep(2000)).value as object));
  for (const text of [deep(5000), '['.repeat(1_000_000), '{"a":'.repeat(5000)])
    assert.throws(
      () => parse(text),
      error => isReplydError(error, 'too_large') && /deeper than 4096/.test(error.message),
    );
});
