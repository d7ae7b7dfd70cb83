/** The piece of a text that shows why it was found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOf } from '#replyd/conversation/search/query.js';
import { snippetOf } from '#replyd/conversation/search/snippet.js';

/** The snippet with its hits in brackets. */
function shown(text: string, query: string): string {
  const snippet = snippetOf(text, planOf(query).marks);
  let marked = '';
  let after = 0;
  for (const { at, length } of snippet.hits) {
    marked += `${snippet.text.slice(after, at)}[${snippet.text.slice(at, at + length)}]`;
    after = at + length;
  }
  return marked + snippet.text.slice(after);
}

const filler = 'Lorem ipsum dolor sit amet. '.repeat(400);

const TABLE: readonly (readonly [text: string, query: string, expected: string | RegExp])[] = [
  ['Where is my parcel?\n\nThanks', 'my parc', 'Where is [my] [parcel]? Thanks'],
  ['Größe: STRASSE und Straße', 'strasse', 'Größe: [STRASSE] und [Straße]'],
  ['ﬁne e\u0301te\u0301', 'ete', 'ﬁne [e\u0301te\u0301]'],
  ['注文番号は12345です', '番号', '注文[番号]は12345です'],
  ['Mail ada@example.com please', 'ada@example.com x', 'Mail [ada@example.com] please'],
  ['Nothing of it', 'absent', 'Nothing of it'],
  ['', 'absent', ''],
  [`${filler}the needle here ${filler}`, 'needle', /^….{0,45}the \[needle\] here Lorem .*…$/],
  [`${'ß'.repeat(30)} ${filler}the needle`, 'needle', /the \[needle\]$/],
  ['<b>bold</b> & "x"', 'bold', '<b>[bold]</b> & "x"'],
  [`${'😀'.repeat(200)} end`, 'end', /^….*\[end\]$/u],
];

test('snippets', () => {
  for (const [text, query, expected] of TABLE) {
    const found = shown(text, query);
    if (typeof expected === 'string') assert.equal(found, expected);
    else assert.match(found, expected);
    assert.ok(found.isWellFormed());
  }
});

test('a long text takes time by its length, and gives a short snippet', () => {
  for (const text of ['x'.repeat(1e7), 'ß '.repeat(1e6), 'a@'.repeat(1e6), '\ufdfa'.repeat(1e5)]) {
    const { text: short, hits } = snippetOf(text, planOf('needle').marks);
    assert.ok(short.length <= 165);
    assert.deepEqual(hits, []);
  }
  assert.ok(snippetOf('a '.repeat(500), planOf('a b').marks).hits.length <= 20);
});
