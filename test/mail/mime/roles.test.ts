import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolesOf } from '#replyd/mail/mime/roles.js';
import { splitMail } from '#replyd/mail/mime/split.js';

/** `alternative(plain, html)`: the parts of a mail, each by its header. */
function mail(kind: string, ...parts: readonly string[]): Buffer {
  const bodies = parts.map(header => `--b\n${header}\n\nx\n`).join('');
  return Buffer.from(`Content-Type: multipart/${kind}; boundary=b\n\n${bodies}--b--\n`);
}

const PLAIN = 'Content-Type: text/plain';
const HTML = 'Content-Type: text/html';
const named = (header: string, name: string, disposition = 'inline') =>
  `${header}\nContent-Disposition: ${disposition}; filename="${name}"`;
const PDF = named('Content-Type: application/pdf', 'a.pdf', 'attachment');

const TABLE: readonly (readonly [string, Buffer, readonly string[]])[] = [
  ['a text and a file', mail('mixed', PLAIN, PDF), ['text', 'file']],
  ['alternatives', mail('alternative', PLAIN, HTML), ['text', 'text']],
  ['named alternatives', mail('alternative', named(PLAIN, 'a.txt'), named(HTML, 'a.html', 'attachment')), ['text', 'text']],
  ['a file among alternatives', mail('alternative', PLAIN, named(PLAIN, 'a.txt', 'attachment'), HTML), ['text', 'file', 'text']],
  ['an inline text with a name, alone', mail('mixed', named(PLAIN, 'a.txt'), PDF), ['text', 'file']],
  ['one that is data', mail('mixed', named(PLAIN, 'a.csv'), PDF), ['text file', 'file']],
  ['two of them', mail('mixed', named(PLAIN, 'a.txt'), named(PLAIN, 'b.txt')), ['text', 'file']],
  ['beside a body', mail('mixed', named(PLAIN, 'a.txt'), PLAIN), ['file', 'text']],
  ['a text attachment alone', mail('mixed', named(PLAIN, 'log.txt', 'attachment'), PDF), ['file', 'file']],
  ['a body that is called one', mail('mixed', named(PLAIN, 'body.txt', 'attachment'), PDF), ['text', 'file']],
  ['without a name', mail('mixed', `${PLAIN}\nContent-Disposition: attachment`, PDF), ['text', 'file']],
  ['without a name, beside a body', mail('mixed', PLAIN, `${PLAIN}\nContent-Disposition: attachment`), ['text', 'file']],
  ['the root of a related', mail('related', named(HTML, 'a.html'), PDF), ['text', 'file']],
  ['forms nobody shows', mail('alternative', PLAIN, 'Content-Type: text/x-amp-html', HTML), ['text', 'form', 'text']],
  ['a form alone', mail('alternative', 'Content-Type: text/watch-html'), ['text']],
  ['data among alternatives', mail('alternative', PLAIN, 'Content-Type: text/calendar'), ['text', 'file']],
  ['a type that is none', mail('mixed', PLAIN, named('Content-Type: pdf', 'a.pdf')), ['text', 'file']],
]; // biome-ignore format: a table

test('what the parts of a mail are', () => {
  for (const [what, bytes, expected] of TABLE) {
    const parts = [...splitMail(bytes)].map(each => each.part);
    assert.deepEqual(rolesOf(parts, false), ['container', ...expected], what);
  }
  const single = [...splitMail(Buffer.from(`${named(PLAIN, 'body.txt', 'attachment')}\n\nx`))].map(each => each.part);
  assert.deepEqual(rolesOf(single, false), ['text file']);
  assert.deepEqual(rolesOf(single, true), ['file']);
});
