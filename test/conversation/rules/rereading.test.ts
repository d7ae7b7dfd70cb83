import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rereadParts, type Understood } from '#replyd/conversation/rules/rereading.js';

const BEFORE: Understood = { text: 'Hello\nBo', kind: 'reply', writer: 'bo@customer.example', files: ['a.pdf 3'] };

const TABLE: readonly (readonly [string, Partial<Understood>, boolean, readonly string[]])[] = [
  ['nothing', {}, false, []],
  ['white space at line ends', { text: ' Hello  \nBo\n\n' }, false, []],
  ['a blank line between', { text: 'Hello\n\nBo' }, false, ['text']],
  ['the writer in other letters', { writer: 'Bo@Customer.Example' }, false, []],
  ['another writer', { writer: 'al@customer.example' }, false, ['writer']],
  ['no writer any more', { writer: null }, false, ['writer']],
  ['a file more', { files: ['a.pdf 3', 'b.pdf 4'] }, false, ['files']],
  [
    'all of it, elsewhere',
    { text: '', kind: 'bounce', writer: null, files: [] },
    true,
    ['text', 'kind', 'writer', 'files', 'thread'],
  ],
];

for (const [name, changes, elsewhere, parts] of TABLE) {
  test(`read again: ${name}`, () => assert.deepEqual(rereadParts(BEFORE, { ...BEFORE, ...changes }, elsewhere), parts));
}
