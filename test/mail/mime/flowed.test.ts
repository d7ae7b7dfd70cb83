import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unflow } from '#replyd/mail/mime/flowed.js';

test('soft line ends go, everything else stays', () => {
  const table: [text: string, unflowed: string][] = [
    ['', ''],
    ['one \ntwo\n', 'one two\n'],
    ['one\ntwo', 'one\ntwo'],
    ['one \n\ntwo', 'one \n\ntwo'],
    ['> a \n> b\nc', '> a b\nc'],
    ['> a \n>> b', '> a \n>> b'],
    ['>> a\n>\n> b', '>> a\n>\n> b'],
    ['text \n-- \nAnn', 'text \n-- \nAnn'],
    ['> -- \n> Ann', '> -- \n> Ann'],
    [' >stuffed', '>stuffed'],
    [' From here', 'From here'],
    ['  two spaces', ' two spaces'],
    ['open ', 'open '],
  ];
  for (const [text, unflowed] of table) assert.equal(unflow(text, false), unflowed, JSON.stringify(text));
  assert.equal(unflow('ab \ncd  \nef', true), 'abcd ef');
});
