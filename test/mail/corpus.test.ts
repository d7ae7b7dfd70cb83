import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpusMails, understood } from './corpus.js';

const INPUT = new Set(['traces', 'mail_from']);

for (const mail of corpusMails()) {
  test(`corpus ${mail.name}`, async () => {
    assert.match(mail.why, /^\S.{10,300}$/, 'why.txt: one line');
    const fields = Object.keys(mail.expect).filter(field => !INPUT.has(field));
    assert.ok(fields.length > 0, 'expect.json: no field');
    const all = await understood(mail);
    const actual = Object.fromEntries(fields.map(field => [field, shaped(all[field], mail.expect[field])]));
    assert.deepEqual(actual, Object.fromEntries(fields.map(field => [field, mail.expect[field]])), mail.why);
  });
}

test('the corpus is there', () => {
  const names = corpusMails().map(mail => mail.name);
  assert.ok(names.length >= 80, `${names.length} mails`);
  for (const name of names) assert.match(name, /^\d{3}-[a-z0-9-]+$/);
});

/** Lists of objects may be expected by some of their fields; an address by its text alone. */
function shaped(value: unknown, expected: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(expected)) {
    return value.map((item, index) => shaped(item, expected[index] ?? item));
  }
  if (!isObject(value)) return value;
  if (typeof expected === 'string' && 'email' in value) return value.email;
  if (!isObject(expected)) return value;
  return Object.fromEntries(Object.keys(expected).map(key => [key, value[key]]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
