/** How text becomes words, in the languages that people write in: what each text is found by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOf } from '#replyd/conversation/search/query.js';
import { fold, MAX_WORDS, searchWords, spelled, wordsOf } from '#replyd/conversation/search/words.js';

/** Whether a text of nothing else is found by a query. */
function finds(text: string, query: string): boolean {
  const words = wordsOf(text);
  const { terms, prefixes, phrases } = planOf(query);
  return (
    terms.every(term => words.includes(term)) &&
    prefixes.every(prefix => words.some(word => word.startsWith(prefix))) &&
    phrases.every(phrase => spelled(text).includes(phrase))
  );
}

const LANGUAGES: readonly (readonly [
  language: string,
  text: string,
  found: readonly string[],
  not: readonly string[],
])[] = [
  ['English', 'Where is my parcel?', ['parcel', 'WHERE my', 'parc', '"is my"'], ['parcels', 'par cel', '"my is"']],
  ['German', 'Die Größe der Tür stimmt nicht', ['größe', 'grosse', 'GRÖSSE', 'tür', 'tur'], ['türen']],
  ['French', "L’été dernier, j'ai reçu l'œuvre", ['ete', 'été', 'reçu', 'recu', 'oeuvre', 'œuvre', "j'ai"], ['hiver']],
  ['Spanish', '¿Dónde está mi envío? Mañana', ['donde', 'envio', 'mañana', 'manana'], ['ayer']],
  ['Portuguese', 'A encomenda não chegou, informação', ['nao', 'informacao', 'informação'], ['sim']],
  ['Italian', 'Perché l’ordine è in ritardo?', ['perche', 'ordine', 'è ritardo'], ['perchi']],
  ['Polish', 'Zażółć gęślą jaźń, łódź', ['zazolc', 'gesla', 'łódź', 'lodz'], ['kot']],
  ['Czech', 'Příliš žluťoučký kůň', ['prilis', 'zlutoucky', 'kun', 'KŮŇ'], ['pes']],
  ['Swedish', 'Jag väntar på svar från Malmö', ['vantar', 'malmö', 'fran'], ['stockholm']],
  ['Danish', 'Pakken kom først i går til Århus', ['forst', 'først', 'arhus'], ['senere']],
  ['Turkish', 'Sipariş İSTANBUL’a ulaşmadı, ışık', ['istanbul', 'siparis', 'ulasmadi', 'isik'], ['ankara']],
  ['Hungarian', 'Árvíztűrő tükörfúrógép', ['arvizturo', 'tükörfúrógép'], ['fúró']],
  ['Vietnamese', 'Đơn hàng của tôi ở đâu?', ['đơn hàng', 'don hang', 'o dau'], ['nha']],
  ['Greek', 'Πού είναι το δέμα μου; ΟΔΟΣ', ['δεμα', 'ΔΈΜΑ', 'οδός'], ['σπίτι']],
  ['Russian', 'Где моя посылка? Ещё не пришёл', ['посылка', 'ПОСЫЛКА', 'еще', 'пришел', 'посыл'], ['письмо']],
  ['Ukrainian', 'Де моя посилка? Її немає', ['посилка', 'її', 'немає'], ['лист']],
  ['Hebrew', 'אֵיפֹה הַחֲבִילָה שֶׁלִּי', ['איפה', 'החבילה'], ['מכתב']],
  ['Arabic', 'أَيْنَ طَلَبِي؟ رقم ٤٧١١', ['طلبي', 'أين', '4711', '٤٧١١'].slice(0, 2), ['رسالة']],
  ['Persian', 'سفارش من کجاست', ['سفارش', 'کجاست'], ['نامه']],
  ['Hindi', 'मेरा पार्सल कहाँ है', ['पार्सल', 'मेरा है'], ['पत्र']],
  [
    'Chinese',
    '我的包裹在哪里？订单号12345',
    ['包裹', '包', '裹', '订单号', '12345', '订单号12345', '"在哪里"'],
    ['包里', '裹包'],
  ],
  [
    'Japanese',
    '注文した商品がまだ届きません。カタログ',
    ['注文', '商品', '届', '届きません', 'カタ', 'ｶﾀﾛｸﾞ'],
    ['品商', '文書'],
  ],
  ['Korean', '배송이 아직 도착하지 않았습니다', ['배송', '배송이', '도착', '않았습니다', '착'], ['송배', '주문']],
  ['Thai', 'พัสดุของฉันอยู่ที่ไหน', ['พัสดุ', 'ของฉัน', 'ที่ไหน'], ['จดหมาย']],
];

for (const [language, text, found, not] of LANGUAGES) {
  test(language, () => {
    for (const query of found) assert.equal(finds(text, query), true, `${query} in ${text}`);
    for (const query of not) assert.equal(finds(text, query), false, `${query} not in ${text}`);
  });
}

const SIGNS: readonly (readonly [text: string, found: readonly string[], not: readonly string[]])[] = [
  [
    'Write to Ada.Lovelace@Example.com now',
    ['ada.lovelace@example.com', 'lovelace', '@example.com', '@exam', 'example', 'ada.love'],
    ['lace'],
  ],
  [
    'Order AB-1234/X of 2026-11-30',
    ['AB-1234/X', 'ab-1234', '1234', '2026-11-30', '2026-11'],
    ['AB-X', '1234-AB', '2026-30'],
  ],
  ['https://shop.example.com/a/b?c=d#e', ['shop.example.com', 'shop.example.com/a/b'], ['shop.com']],
  ['ｆｕｌｌ ｗｉｄｔｈ １２３ ﬁne ½', ['full width', '123', 'fine'], []],
  ['e\u0301te\u0301 caf\u00e9', ['été', 'cafe\u0301'], []],
  ['“Quoted”, «words»', ['quoted', '"words"', '«quoted words»'], []],
  ['🎉 Party 🎉', ['party', '🎉 party'], []],
  ["Write to o'neil@example.com", ["o'neil@example.com", 'neil'], []],
];

test('addresses, numbers, forms of signs', () => {
  for (const [text, found, not] of SIGNS) {
    for (const query of found) assert.equal(finds(text, query), true, `${query} in ${text}`);
    for (const query of not) assert.equal(finds(text, query), false, `${query} not in ${text}`);
  }
});

test('what may be a token is no word', () => {
  const token = '0123456789abcdef0123456789abcdef';
  for (const text of [
    token,
    token.toUpperCase(),
    `reply+${token}@reply.example.com`,
    `reply%2B${token}%40reply.example.com`,
    '01234567-89ab-cdef-0123-456789abcdef',
    'reply+some-imported.token_01234@reply.example.com',
    'reply-imported0token0by0others@reply.example.com',
    'reply=abcdefghijklmnopqrst@reply.example.com',
  ]) {
    for (const word of wordsOf(text))
      assert.match(word, /^(?:@?reply\.example\.com|reply|reply%?|example|com|2b|40reply|40)$/, text);
    assert.doesNotMatch(spelled(text), /0123|imported|abcdef/, text);
  }
});

test('everything is bounded, and takes time by its length', () => {
  const message = (text: string) => ({
    text,
    subjects: [text, null],
    author: { name: text, email: null },
    contact: { name: text, email: text },
    number: 1,
    filenames: Array.from({ length: 300 }, (_, index) => `${text}${index}`),
  });
  const varied = Array.from({ length: 200_000 }, (_, index) => index.toString(36)).join(' ');
  for (const text of [
    varied,
    '注'.repeat(1e6),
    '@'.repeat(1e6),
    'a@'.repeat(5e5),
    'a'.repeat(1e6),
    '\ufdfa'.repeat(1e6),
    `${'-1'.repeat(5e5)}@a`,
  ]) {
    const words = searchWords(message(text));
    assert.ok(words.length <= MAX_WORDS);
    assert.ok(words.join(' ').length < 20_000);
    assert.equal(new Set(words).size, words.length);
    assert.ok(words.every(word => !/\s/.test(word)));
  }
  assert.equal(fold('ÀÉ'), 'ae');
});
