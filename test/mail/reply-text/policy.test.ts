import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KnownTexts } from '#replyd/mail/mail.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

// Cases at the edges of the policy. What stands in `text` is exact; nothing may be lost anywhere.

interface Case {
  readonly why: string;
  readonly plain?: readonly string[];
  readonly html?: string;
  readonly text: readonly string[];
  readonly quoted?: readonly string[];
  readonly signature?: readonly string[];
  readonly knownTexts?: Partial<KnownTexts>;
  readonly subject?: string;
}

const A = 'On Mon, May 3, 2027 at 10:02 AM Ann Lee <ann@shop.example> wrote:';

const CASES: readonly Case[] = [
  // Attributions as others wrap and spell them.
  {
    why: 'bracket at the end of the first line',
    plain: ['Ok', '', 'On Mon, May 3, 2027 at 10:02 AM, Ann Lee <', 'ann@shop.example> wrote:', '', '> Hi'],
    text: ['Ok'],
  },
  {
    why: 'no colon, date and address above a quote',
    plain: ['Ok', '2027/5/3 Ann Lee <ann@shop.example>', '', '>  Hi', '>  there'],
    text: ['Ok'],
  },
  {
    why: 'device line grown together with the attribution',
    plain: ['Ok', '', 'Sent from Samsung MobileAnn Lee <ann@shop.example> wrote:', '> Hi'],
    text: ['Ok'],
  },
  {
    why: 'verb and quote on the line of the attribution',
    plain: ['Ok', '', `${A} Hello Bob,`, 'does it fit?'],
    text: ['Ok'],
  },
  {
    why: 'short manual attribution above a quote',
    plain: ['Ann wrote:', '> Which size?', '', 'Size 4.'],
    text: ['Size 4.'],
  },
  { why: 'attribution directly below the text', plain: ['Ok', A, '> Hi'], text: ['Ok'], quoted: [A, '> Hi'] },
  { why: 'blank lines between attribution and quote', plain: ['Ok', '', A, '', '', '> Hi'], text: ['Ok'] },
  {
    why: 'attribution inside the quote, wrapped',
    plain: ['Ok', '', '> On Mon, May 3, 2027 at 10:02 AM Ann Lee <ann@shop.example>', '> wrote:', '>', '> Hi'],
    text: ['Ok'],
  },
  {
    why: 'bottom posting below a quoted header block',
    plain: [
      '> -----Original Message-----',
      '> From: Ann Lee <ann@shop.example>',
      '> Sent: Monday, May 3, 2027 10:02 AM',
      '> Subject: Hi',
      '>',
      '> Which size?',
      '',
      'Size 4.',
    ],
    text: ['Size 4.'],
  },
  {
    why: 'header block, then quoted lines, then text',
    plain: [
      '-----Original Message-----',
      'From: Ann Lee <ann@shop.example>',
      'Subject: Hi',
      '',
      '> Which size?',
      '',
      'Size 4.',
    ],
    text: ['Size 4.'],
  },
  {
    why: 'bars below an attribution',
    plain: ['Ok', '', A, '| Hello Bob,', '| which size?', '', 'Size 4.'],
    text: ['Ok', '', 'Size 4.'],
  },
  {
    why: 'initials below an attribution',
    plain: [A, 'AL> Hello Bob,', 'AL> which size?', '', 'Size 4.'],
    text: ['Size 4.'],
  },
  {
    why: 'another help desk’s line',
    plain: ['Ok', '', '##- Please type your reply above this line -##', '', 'Hello'],
    text: ['Ok'],
  },
  {
    why: 'two mails below one another',
    plain: ['Ok', '', A, '> Second', '', 'On Sun, May 2, 2027 at 9:00 AM Bob <bob@example.com> wrote:', '> First'],
    text: ['Ok'],
  },
  {
    why: 'bottom posting, then an older mail',
    plain: [A, '> Second', '', 'Ok', '', 'On Sun, May 2, 2027 at 9:00 AM Bob <bob@example.com> wrote:', '> First'],
    text: ['Ok'],
  },
  {
    why: 'answer typed between attribution and quote',
    plain: [A, '', 'Size 4.', '', '> Which size?'],
    text: ['Size 4.'],
  },
  {
    why: 'nested quotes',
    plain: [
      'Ok',
      '',
      A,
      '> Fine',
      '>',
      '> On Sun, May 2, 2027 at 9:00 AM Bob <bob@example.com> wrote:',
      '>> Which size?',
      '>>> Hi',
    ],
    text: ['Ok'],
  },
  // Interleaved.
  {
    why: 'answers without blank lines',
    plain: [A, '> Which size?', '4', '> Colour?', 'red', '> Ann'],
    text: ['> Which size?', '4', '> Colour?', 'red'],
  },
  {
    why: 'intro, then answers between quoted lines',
    plain: ['Hi, see below', '', A, '> One?', '', 'Yes', '', '> Two?', '', 'No', '', 'Bob'],
    text: ['Hi, see below', '', '> One?', '', 'Yes', '', '> Two?', '', 'No', '', 'Bob'],
  },
  {
    why: 'unattributed quote between two texts stays',
    plain: ['The manual says', '> press the red button', 'but there is none.'],
    text: ['The manual says', '> press the red button', 'but there is none.'],
  },
  {
    why: 'answers below a signature above the quote',
    plain: ['-- ', 'Bob', '', A, '> One?', '', 'Yes', '', '> Two?', '', 'No'],
    text: ['> One?', '', 'Yes', '', '> Two?', '', 'No'],
    signature: ['-- ', 'Bob'],
  },
  {
    why: 'a wrapped rest at the end of the quote',
    plain: ['Ok', '', A, '> your order 4711 left our warehouse this morning, may we send it to the', 'new address?'],
    text: ['Ok'],
  },
  {
    why: 'a short answer under a full quoted line is no rest',
    plain: [A, '> your order 4711 left our warehouse this morning; which address is right?', 'The new one', '> Ann'],
    text: ['> your order 4711 left our warehouse this morning; which address is right?', 'The new one'],
  },
  // The writer's own words.
  {
    why: 'a sentence about a mail',
    plain: [
      'On 3 May 2027 at 10:02 I wrote to Ann <ann@shop.example>:',
      '',
      'please cancel the order.',
      '',
      'Nothing happened.',
    ],
    text: [
      'On 3 May 2027 at 10:02 I wrote to Ann <ann@shop.example>:',
      '',
      'please cancel the order.',
      '',
      'Nothing happened.',
    ],
  },
  {
    why: 'log lines',
    plain: [
      'The log:',
      '',
      '2027-05-03 10:02:14 error for bob@example.com:',
      'refused',
      'May  3 10:02:14 mx smtpd[41]: reject: RCPT from x[192.0.2.25]: 550 <bob@example.com>:',
      'unknown',
      '',
      'What now?',
    ],
    text: [
      'The log:',
      '',
      '2027-05-03 10:02:14 error for bob@example.com:',
      'refused',
      'May  3 10:02:14 mx smtpd[41]: reject: RCPT from x[192.0.2.25]: 550 <bob@example.com>:',
      'unknown',
      '',
      'What now?',
    ],
  },
  {
    why: 'shell prompt and redirection',
    plain: ['I ran', '$ cat a > b', 'bob@web1:~$ ls', 'and it failed'],
    text: ['I ran', '$ cat a > b', 'bob@web1:~$ ls', 'and it failed'],
  },
  { why: 'a face', plain: ['No parcel again', '>:('], text: ['No parcel again', '>:('] },
  {
    why: 'an mbox quote sign',
    plain: ['Hello', '>From here on it fails', 'Bob'],
    text: ['Hello', '>From here on it fails', 'Bob'],
  },
  {
    why: 'a colon above a long quote is an introduction of the client or the writer, the quote trails',
    plain: ['Ok:', '> 1', '> 2', '> 3', '> 4', '> 5', '> 6', '> 7'],
    text: ['Ok:'],
  },
  {
    why: 'stars around a short footer',
    plain: ['It fits.', '', '*****', 'This mail is confidential.'],
    text: ['It fits.'],
    signature: ['*****', 'This mail is confidential.'],
  },
  {
    why: 'stars between long parts',
    plain: ['One', '', '***', ...Array.from({ length: 12 }, (_, n) => `line ${n}`)],
    text: ['One', '', '***', ...Array.from({ length: 12 }, (_, n) => `line ${n}`)],
  },
  {
    why: 'a row of dashes above everything delimits nothing',
    plain: ['-----', 'It fits.'],
    text: ['-----', 'It fits.'],
  },
  { why: 'an open fence hides nothing', plain: ['```', 'x', '', A, '> Hi'], text: ['```', 'x'] },
  {
    why: 'OpenPGP armour',
    plain: [
      '-----BEGIN PGP SIGNED MESSAGE-----',
      'Hash: SHA512',
      '',
      'It fits.',
      '-----BEGIN PGP SIGNATURE-----',
      '',
      'iQEzBAEBCgAdFiEE',
      '=abcd',
      '-----END PGP SIGNATURE-----',
    ],
    text: ['It fits.'],
  },
  // Signature.
  {
    why: 'delimiter below the answer below the quote',
    plain: [A, '> Hi', '', 'Size 4.', '', '-- ', 'Bob'],
    text: ['Size 4.'],
    signature: ['-- ', 'Bob'],
  },
  {
    why: 'device line above the delimiter',
    plain: ['Ok', '', 'Sent from my iPhone', '', '-- ', 'Bob'],
    text: ['Ok'],
    signature: ['Sent from my iPhone', '', '-- ', 'Bob'],
  },
  {
    why: 'device line between two lines',
    plain: ['Ok.', 'Sent from my iPhone', 'PS: call me'],
    text: ['Ok.', 'PS: call me'],
  },
  {
    why: 'device line between two paragraphs',
    plain: ['Ok.', '', 'Sent from my iPhone', '', 'PS: call me'],
    text: ['Ok.', '', 'PS: call me'],
  },
  {
    why: 'only a device line',
    plain: ['Sent from my iPhone'],
    text: [],
    quoted: ['Sent from my iPhone'],
    signature: ['Sent from my iPhone'],
  },
  { why: 'scanner footer', plain: ['Ok', '', 'Virus-free.www.avast.com'], text: ['Ok'] },
  // No text.
  {
    why: 'only a header block',
    plain: [
      'From: Ann Lee <ann@shop.example>',
      'Sent: Monday, May 3, 2027 10:02 AM',
      'To: Bob',
      'Subject: Hi',
      '',
      'Hello',
    ],
    text: [],
  },
  {
    why: 'the same in a forward',
    plain: [
      'From: Ann Lee <ann@shop.example>',
      'Sent: Monday, May 3, 2027 10:02 AM',
      'To: Bob',
      'Subject: Hi',
      '',
      'Hello',
    ],
    subject: 'Fwd: Hi',
    text: [
      'From: Ann Lee <ann@shop.example>',
      'Sent: Monday, May 3, 2027 10:02 AM',
      'To: Bob',
      'Subject: Hi',
      '',
      'Hello',
    ],
  },
  { why: 'an empty body', plain: ['', '  ', ''], text: [] },
  // HTML.
  {
    why: 'a whole mail in one pre',
    html: `<html><body><pre>It fits.\n\n${A.replace('<', '&lt;').replace('>', '&gt;')}\n&gt; Hi\n</pre></body></html>`,
    text: ['It fits.'],
  },
  {
    why: 'quote signs typed into HTML',
    html: '<div>It fits.<br><br>Ann wrote:<br>&gt; Does it fit?<br>&gt; Ann</div>',
    text: ['It fits.'],
  },
  {
    why: 'indentation is no quote',
    html: '<div>Hello</div><blockquote style="margin:0 0 0 40px;border:none;padding:0px"><div>one</div></blockquote><div>Bob</div>',
    text: ['Hello', 'one', 'Bob'],
  },
  {
    why: 'code in HTML',
    html: '<div>Log:</div><pre>&gt; x\n---\ny</pre><div>Bob</div>',
    text: ['Log:', '> x', '---', 'y', 'Bob'],
  },
  {
    why: 'text below an unmarked container',
    html: `<div class="yahoo_quoted"><div>${A.replace('<', '&lt;')}</div><div>Which size?</div></div><div>Size 4.</div>`,
    text: ['Size 4.'],
  },
  {
    why: 'more below the quote in HTML than the plain part can tell',
    plain: [
      'Hi',
      '',
      'On Mon, May 3, 2027 at 10:02 AM Ann Lee <ann@shop.example> wrote:',
      '',
      'Which size?',
      '',
      'Size 4.',
    ],
    html: `<div>Hi</div><div class="gmail_quote"><div class="gmail_attr">On Mon, May 3, 2027 at 10:02 AM Ann Lee &lt;ann@shop.example&gt; wrote:</div><blockquote class="gmail_quote">Which size?</blockquote></div><div>Size 4.</div>`,
    text: ['Hi', '', 'Size 4.'],
  },
  {
    why: 'a link to itself',
    html: '<p>see <a href="https://safe.example/?u=x">https://x.example/a</a></p>',
    text: ['see https://x.example/a'],
  },
  {
    why: 'only our own mail in its wrapper',
    html: '<div class="replyd-mail">Hello Bob</div>',
    text: [],
    quoted: ['Hello Bob'],
  },
];

for (const item of CASES) {
  test(`policy: ${item.why}`, () => {
    const plain = item.plain?.join('\n') ?? null;
    const knownTexts = { replyAddresses: [], texts: [], ...item.knownTexts };
    const found = splitReply({ plain, html: item.html ?? null }, knownTexts, { subject: item.subject ?? 'Re: Hi' });
    assert.equal(found.text, item.text.join('\n'));
    if (item.quoted !== undefined) assert.equal(found.quotedText, item.quoted.join('\n'));
    if (item.signature !== undefined) assert.equal(found.signature, item.signature.join('\n'));
    if (plain !== null && item.html === undefined) {
      const kept = `${found.text}\n${found.quotedText}\n${found.signature}`;
      for (const word of plain.match(/\S+/g) ?? []) assert.ok(kept.includes(word), `lost: ${word}`);
    }
  });
}
