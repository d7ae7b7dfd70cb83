import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanSubject, replySubject, stripReplyPrefixes } from '#replyd/mail/subject.js';

test('reply prefixes of all languages go, once and for all', () => {
  const table: [string, string][] = [
    ['Re: Order', 'Order'],
    ['RE:Order', 'Order'],
    ['re : Order', 'Order'],
    ['Re: Re: RE: Order', 'Order'],
    ['AW: Re: AW: Bestellung', 'Bestellung'],
    ['Antw: Bestelling', 'Bestelling'],
    ['SV: Ordre', 'Ordre'],
    ['VS: Tilaus', 'Tilaus'],
    ['RIF: Ordine', 'Ordine'],
    ['R: Ordine', 'Ordine'],
    ['RES: Pedido', 'Pedido'],
    ['Odp: Zamówienie', 'Zamówienie'],
    ['YNT: Sipariş', 'Sipariş'],
    ['Vá: Rendelés', 'Rendelés'],
    ['ΑΠ: Παραγγελία', 'Παραγγελία'],
    ['Отв: Заказ', 'Заказ'],
    ['Ответ: Заказ', 'Заказ'],
    ['回复：订单', '订单'],
    ['回覆: 訂單', '訂單'],
    ['答复: Re: 订单', '订单'],
    ['返信: 注文', '注文'],
    ['회신: 주문', '주문'],
    ['השב: הזמנה', 'הזמנה'],
    ['رد: طلب', 'طلب'],
    ['Trả lời: Đơn hàng', 'Đơn hàng'],
    ['Re[2]: Order', 'Order'],
    ['Re(3): Order', 'Order'],
    ['Re^2: Order', 'Order'],
    ['Re: Fwd: Order', 'Fwd: Order'],
    ['Re:', ''],
    ['', ''],
  ];
  for (const [subject, expected] of table) {
    assert.equal(stripReplyPrefixes(subject), expected, subject);
    assert.equal(replySubject(subject), `Re: ${expected}`.trim(), subject);
  }
});

test('what only looks like a prefix stays', () => {
  const table = [
    'Reorder: 5 boxes',
    'Request: help',
    'Ref 12: the invoice',
    'Fwd: Order',
    'WG: Bestellung',
    '[#12] Re: Order',
    'Re Order',
    'Rechnung: 12',
    'Order Re: 5',
    'Résumé: mine',
    '12: x',
    ': x',
    'Re[x]: y',
  ];
  for (const subject of table) {
    assert.equal(stripReplyPrefixes(subject), subject);
  }
});

test('one clean line', () => {
  const table: [string, string][] = [
    ['  a\r\n\tb \0 c\u0085d ', 'a b c d'],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
    ['evil \u202egpj.exe', 'evil gpj.exe'],
    ['smile 😀', 'smile 😀'],
    [`${'a'.repeat(997)}😀`, 'a'.repeat(997)],
  ];
  for (const [text, expected] of table) assert.equal(cleanSubject(text), expected);
  assert.equal(stripReplyPrefixes('Re: '.repeat(100_000)).length < 999, true);
});
