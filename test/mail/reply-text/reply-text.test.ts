import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KnownTexts } from '#replyd/mail/mail.js';
import { type ReplyTextOptions, splitReply } from '#replyd/mail/reply-text/reply-text.js';

const NOTHING: KnownTexts = { replyAddresses: [], texts: [] };

interface Case {
  readonly why: string;
  readonly plain: string | readonly string[];
  readonly text: string | readonly string[];
  readonly quoted?: string | readonly string[];
  readonly signature?: string | readonly string[];
  readonly knownTexts?: Partial<KnownTexts>;
  readonly options?: ReplyTextOptions;
}

function lines(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value.join('\n');
}

function check(title: string, cases: readonly Case[]): void {
  for (const item of cases) {
    test(`${title}: ${item.why}`, () => {
      const plain = lines(item.plain);
      const found = splitReply({ plain, html: null }, { ...NOTHING, ...item.knownTexts }, item.options);
      assert.equal(found.text, lines(item.text));
      if (item.quoted !== undefined) assert.equal(found.quotedText, lines(item.quoted));
      if (item.signature !== undefined) assert.equal(found.signature, lines(item.signature));
      assertEveryWord(plain, [found.text, found.quotedText, found.signature]);
    });
  }
}

/** Every word of the body stands in one of the parts, as often as in the body. */
function assertEveryWord(body: string, parts: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const part of parts)
    for (const word of part.match(/[\p{L}\p{N}]+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const word of body.match(/[\p{L}\p{N}]+/gu) ?? []) {
    const left = (counts.get(word) ?? 0) - 1;
    assert.ok(left >= 0, `word lost: ${word}`);
    counts.set(word, left);
  }
}

const ATTRIBUTION = 'On Mon, May 3, 2027 at 10:02 AM Ann Lee <support@shop.example> wrote:';

check('history', [
  {
    why: 'attribution and quoted lines below the text',
    plain: ['Yes, that works.', '', ATTRIBUTION, '', '> Does it work?', '> Ann'],
    text: 'Yes, that works.',
    quoted: [ATTRIBUTION, '', '> Does it work?', '> Ann'],
  },
  {
    why: 'attribution wrapped over four lines',
    plain: [
      'Yes.',
      '',
      'On Mon, May 3, 2027 at',
      '10:02 AM Ann Lee from the',
      'support team <support@shop.example>',
      'wrote:',
      '> Hi',
    ],
    text: 'Yes.',
  },
  {
    why: 'attribution on the line of the reply',
    plain: ['Yes, that works. On Mon, May 3, 2027 at 10:02 AM Ann Lee <support@shop.example> wrote:', '> Hi'],
    text: 'Yes, that works.',
    quoted: ['On Mon, May 3, 2027 at 10:02 AM Ann Lee <support@shop.example> wrote:', '> Hi'],
  },
  {
    why: 'Outlook header block with its rule',
    plain: [
      'Fine.',
      '',
      '________________________________',
      'From: Ann Lee <support@shop.example>',
      'Sent: Monday, May 3, 2027 10:02 AM',
      'To: Bob',
      'Subject: Your order',
      '',
      'Hello Bob',
    ],
    text: 'Fine.',
  },
  {
    why: 'header block of two fields',
    plain: ['Fine.', '', 'Von: Ann Lee', 'Gesendet: Montag, 3. Mai 2027 10:02', '', 'Hallo'],
    text: 'Fine.',
  },
  {
    why: 'quote without a named writer that only trails',
    plain: ['Fine.', '', '> Does it work?', '> Ann'],
    text: 'Fine.',
    quoted: ['> Does it work?', '> Ann'],
  },
  { why: 'a quote alone stays', plain: ['> Does it work?'], text: '> Does it work?', quoted: '' },
  {
    why: 'nothing but history: everything is quoted text',
    plain: [ATTRIBUTION, '> Does it work?'],
    text: '',
    quoted: [ATTRIBUTION, '> Does it work?'],
  },
]);

check('below and between', [
  {
    why: 'the only new text below one named quote',
    plain: [ATTRIBUTION, '> Does it work?', '', 'Yes.', 'Bob'],
    text: ['Yes.', 'Bob'],
  },
  {
    why: 'text, quote, a few lines',
    plain: ['Hello,', 'see below.', '', ATTRIBUTION, '> Does it work?', '', 'Yes.'],
    text: ['Hello,', 'see below.', '', 'Yes.'],
  },
  {
    why: 'answers between quoted lines keep their context',
    plain: [
      ATTRIBUTION,
      '> Which size?',
      '',
      'Size 4.',
      '',
      '> And the colour?',
      '',
      'Red.',
      '',
      '> Kind regards',
      '> Ann',
    ],
    text: ['> Which size?', '', 'Size 4.', '', '> And the colour?', '', 'Red.'],
    quoted: [ATTRIBUTION, '', '> Kind regards', '> Ann'],
  },
]);

check('forward', [
  {
    why: 'new words above',
    plain: [
      'FYI',
      '',
      '---------- Forwarded message ---------',
      'From: Ann <a@shop.example>',
      'Subject: x',
      '',
      'Body',
    ],
    text: 'FYI',
  },
  {
    why: 'bare',
    plain: ['---------- Forwarded message ---------', 'From: Ann <a@shop.example>', 'Subject: x', '', 'Body'],
    text: ['---------- Forwarded message ---------', 'From: Ann <a@shop.example>', 'Subject: x', '', 'Body'],
  },
]);

check('signature', [
  {
    why: 'delimiter',
    plain: ['Thanks', '-- ', 'Bob', 'Example Ltd'],
    text: 'Thanks',
    signature: ['-- ', 'Bob', 'Example Ltd'],
  },
  {
    why: 'delimiter above the quote',
    plain: ['Thanks', '', '--', 'Bob', '', ATTRIBUTION, '> Hi'],
    text: 'Thanks',
    quoted: [ATTRIBUTION, '> Hi'],
    signature: ['--', 'Bob'],
  },
  {
    why: 'device line',
    plain: ['Thanks', '', 'Sent from my iPhone'],
    text: 'Thanks',
    signature: 'Sent from my iPhone',
  },
  {
    why: 'a sentence that begins like a device line',
    plain: ['Sent from my iPhone, the picture is blurred.'],
    text: 'Sent from my iPhone, the picture is blurred.',
    signature: '',
  },
  {
    why: 'table rule',
    plain: ['Name  Qty', '---------', 'Bolt  4'],
    text: ['Name  Qty', '---------', 'Bolt  4'],
    signature: '',
  },
  {
    why: 'code fence',
    plain: ['Log:', '```', '---', '> x', '-- ', '```', 'end'],
    text: ['Log:', '```', '---', '> x', '-- ', '```', 'end'],
  },
]);

check("a person's own words", [
  {
    why: 'a travel plan is no header block',
    plain: ['From: Berlin', 'To: Hamburg', 'Date: 3 May', '', 'please'],
    text: ['From: Berlin', 'To: Hamburg', 'Date: 3 May', '', 'please'],
  },
  {
    why: 'a sentence with wrote',
    plain: ['On 3 May 2027 you wrote:', 'it comes tomorrow.', 'It did not.'],
    text: ['On 3 May 2027 you wrote:', 'it comes tomorrow.', 'It did not.'],
  },
]);
