/** What is typed, and what is looked up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { planOf } from '#replyd/conversation/search/query.js';

const QUERIES: readonly (readonly [
  query: string,
  terms: readonly string[],
  prefixes?: readonly string[],
  phrases?: readonly string[],
])[] = [
  ['parcel', [], ['parcel']],
  ['my parcel', ['my'], ['parcel']],
  ['pa', ['pa']],
  ['a', ['a']],
  ['"parcel"', ['parcel']],
  ['"my parcel"', ['my', 'parcel'], [], [' my parcel ']],
  ['"my parcel', ['my', 'parcel'], [], [' my parcel ']],
  ['„mein Paket“ da', ['mein', 'paket', 'da'], [], [' mein paket ']],
  ['AB-1234', ['ab'], ['1234'], [' ab 1234']],
  ['AB-1234 x', ['ab', '1234', 'x'], [], [' ab 1234 ']],
  ['from:ada', [], ['f:ada']],
  ['FROM:Ada order', ['f:ada'], ['order']],
  ['from:ada@example.com x', ['f:ada@example.com', 'x']],
  ['from:@example.com x', ['f:@example.com', 'x']],
  ['from: ada', ['from'], ['ada']],
  ['#12', ['#12']],
  ['#0012 hello', ['#12'], ['hello']],
  ['#12a', [], ['12a']],
  ['ada@example.com', [], ['ada@example.com']],
  ['ada@example.com x', ['ada@example.com', 'x']],
  ['注文', ['注文']],
  ['注文番', ['注文', '文番'], [], [' 注 文 番 ']],
  ['届', [], ['届']],
  ['word word WORD', ['word'], ['word']],
];

test('queries', () => {
  for (const [query, terms, prefixes = [], phrases = []] of QUERIES) {
    const plan = planOf(query);
    assert.deepEqual([plan.terms, plan.prefixes, plan.phrases], [terms, prefixes, phrases], query);
  }
});

test('what has no word, or too many, is refused with what to do', () => {
  for (const query of ['', ' ', '"" ""', '?!', '-', '#', '"'.repeat(400), 'w '.repeat(17)])
    assert.throws(
      () => planOf(query),
      error => isReplydError(error, 'invalid'),
      query,
    );
});

test('a plan is bounded whatever is typed', () => {
  for (const query of [
    '注'.repeat(400),
    '文字列'.repeat(100),
    'a-'.repeat(200),
    '届 '.repeat(16),
    `${'x.'.repeat(100)}@${'y.'.repeat(100)}`,
  ]) {
    const plan = planOf(query);
    assert.ok(plan.terms.length <= 24 && plan.prefixes.length <= 3, query);
    assert.ok(JSON.stringify(plan).length < 4_000);
  }
});
