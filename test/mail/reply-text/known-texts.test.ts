import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLine } from '#replyd/mail/reply-text/lines.js';
import { isReplyLine, isWrapperClass, REPLY_LINES, wrapHtml } from '#replyd/mail/reply-text/marker.js';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

const TOKEN = 'reply+5f1e0c9a7b3d42868e21aa04c7d9b6f0@in.shop.example';
const OURS = [
  'Hello Bob,',
  '',
  'your order 4711 left our warehouse this morning. Does the new address still fit, or shall we hold the parcel for you at the depot until Friday?',
  '',
  'Which colour do you prefer for the second chair, red or blue?',
  '',
  'Kind regards',
  'Ann',
];
const OUR = OURS.join('\n');
const HIS = 'Where is my order? I paid two weeks ago and have heard nothing since then.';
const KNOWN_TEXTS = { replyAddresses: [TOKEN], texts: [OUR, HIS] };

function wrapped(text: string, width: number): string {
  const lines = text.split('\n').map(line => {
    const out: string[] = [''];
    for (const word of line.split(' ')) {
      const last = out.at(-1)!;
      if (last !== '' && last.length + 1 + word.length > width) out.push(word);
      else out[out.length - 1] = last === '' ? word : `${last} ${word}`;
    }
    return out.join('\n');
  });
  return lines.join('\n');
}

const prefixed = (sign: string): string => OURS.map(line => sign + line).join('\n');

const FORMS: readonly (readonly [string, string])[] = [
  ['no sign', OUR],
  ['wrapped again', wrapped(OUR, 40)],
  ['quote signs', prefixed('> ')],
  ['quote signs, then wrapped', wrapped(prefixed('> '), 50)],
  ['bars', prefixed('| ')],
  ['colons', prefixed(': ')],
  ['indentation', prefixed('    ')],
  ['bars and indentation, wrapped before', wrapped(OUR, 30).replaceAll(/^/gm, '  | ')],
  ['capitals', OUR.toUpperCase()],
  ['all in one line', OUR.replaceAll(/\n+/g, ' ')],
  ['an unknown line with a colon above', `Xolo zem Ann Lee qoru:\n\n${OUR}`],
  ['an unknown line with our address above', `Xolo ${TOKEN} qoru:\n\nsomething else we wrote`],
  ['his own earlier words below ours', `${OUR}\n\n${HIS}`],
];

for (const [name, quote] of FORMS) {
  test(`our words are found: ${name}`, () => {
    const found = splitReply({ plain: `It fits.\nBob\n\n${quote}`, html: null }, KNOWN_TEXTS);
    assert.deepEqual([found.text, found.quotedText.trim()], ['It fits.\nBob', quote.trim()]);
  });
}

test('an answer below our unmarked words', () => {
  const found = splitReply({ plain: `${OUR}\n\nIt fits.`, html: null }, KNOWN_TEXTS);
  assert.deepEqual([found.text, found.quotedText], ['It fits.', OUR]);
});

test('answers inside an unmarked quote', () => {
  const answered = [
    ...OURS.slice(0, 3),
    '',
    'It fits.',
    '',
    OURS[4],
    '',
    'Blue,',
    'like the first.',
    '',
    ...OURS.slice(6),
  ];
  const plain = [
    'See below.',
    '',
    'From: Ann Lee <a@shop.example>',
    'Sent: Monday, May 3, 2027',
    'To: Bob',
    '',
    ...answered,
  ];
  const found = splitReply({ plain: plain.join('\n'), html: null }, KNOWN_TEXTS);
  assert.equal(found.text, 'See below.\n\nIt fits.\n\nBlue,\nlike the first.');
  assert.ok(found.quotedText.includes('Kind regards\nAnn'));
});

const BLOCK = 'From: Ann Lee <a@shop.example>\nSent: Monday, May 3, 2027\nTo: Bob\n';
const LINE = 'On Mon, May 3, 2027 at 10:02 AM Ann Lee <a@shop.example> wrote:';
const ASKED = 'Hello Jane,\n\nwhich lamp did you order?\n\nAnd which shade do you need?\n\nBest regards\nAnn';
const answered = (first: string, second: string): string =>
  ASKED.replace('order?', `order?${first}`).replace('need?', `need?${second}`);
const marked = (text: string): string => text.replaceAll(/^/gm, '> ');

const ANSWERS: readonly (readonly [string, string, string])[] = [
  ['one word each', `${LINE}\n${marked(answered('\nBlue', '\nRed'))}`, 'Blue\n\nRed'],
  ['deeper signs', `Hi\n\n${LINE}\n${marked(answered('\n>> Blue', '\n>> Red'))}`, 'Hi\n\nBlue\n\nRed'],
  ['arrows', `${BLOCK}\n${answered('\n--> Blue', '\n==> Red')}`, '--> Blue\n\n==> Red'],
  ['initials', `${BLOCK}\n${answered('\nBL: Blue', '\nBL> Red')}`, 'BL: Blue\n\nBL> Red'],
  ['rows of signs', `${BLOCK}\n${answered('\n-----\nBlue\n-----', '\n***\nRed\n***')}`, 'Blue\n\nRed'],
  [
    'on the line of the question',
    `${BLOCK}\n${answered(' The blue', ' ***Red***')}`,
    'which lamp did you order? The blue\n\nAnd which shade do you need? ***Red***',
  ],
  ['above the first line', `${BLOCK}\nThe blue one.\n\n${ASKED}`, 'The blue one.'],
  ['before the first word', `${LINE}\n${marked(`The blue one.${ASKED}`)}`, 'The blue one.Hello Jane,'],
  ['below the last line', `${LINE}\n${marked(`${ASKED}\n\nThe blue one.`)}`, 'The blue one.'],
  ['where the rest was cut off', `${LINE}\n${marked('Hello Jane,\n\nwhich lamp did you order?\nBlue')}`, 'Blue'],
  [
    'over a question',
    `Hi\n\n${BLOCK}\n${ASKED.replace('And which shade do you need?', 'Red, as I said.')}`,
    'Hi\n\nRed, as I said.',
  ],
  ['an address', `${BLOCK}\n${answered('\nhttps://shop.example/blue', '')}`, 'https://shop.example/blue'],
  ['between the attribution and an unquoted rest', `${LINE}\n\nThe blue one.\n\n${marked(ASKED)}`, 'The blue one.'],
  ['nothing', `${LINE}\n${marked(ASKED)}`, ''],
  ['nothing, below a gateway', `${BLOCK}\nCAUTION: This mail is from outside.\n\n${ASKED}`, ''],
  ['nothing, above a footer', `${LINE}\n${marked(`${ASKED}\n\nEarlier:\n\n> Hi\n\n-- \nShop`)}`, ''],
];

for (const [name, plain, text] of ANSWERS) {
  test(`an answer inside our words: ${name}`, () => {
    assert.equal(splitReply({ plain, html: null }, { replyAddresses: [], texts: [HIS, ASKED] }).text, text);
  });
}

test('the addresses of links in a quote are no answers', () => {
  const answered = [...OURS.slice(0, 3), '<https://shop.example/depot>', '', ...OURS.slice(4)];
  const plain = ['Ok', '', 'From: Ann Lee <a@shop.example>', 'Sent: Monday, May 3, 2027', '', ...answered];
  assert.equal(splitReply({ plain: plain.join('\n'), html: null }, KNOWN_TEXTS).text, 'Ok');
});

const OWN: readonly string[] = [
  HIS,
  OUR,
  'Again: where is my order? I paid two weeks ago.',
  `Mails to ${TOKEN} come back. Why?`,
  'You wrote "Does the new address still fit, or shall we hold the parcel for you at the depot" and I say: hold it.\n\nBob',
  'your order 4711 left our warehouse\nis what you say. It did not.',
];

for (const words of OWN) {
  test(`his own words stay: ${JSON.stringify(words.slice(0, 60))}`, () => {
    const found = splitReply({ plain: words, html: null }, KNOWN_TEXTS);
    assert.deepEqual([found.text, found.quotedText], [words, '']);
  });
}

test('our wrapper and our line come back', () => {
  const html = `<p>It fits.</p>${wrapHtml('<p>Hello Bob</p>').replace('replyd', 'x_m_-7replyd')}<p>Bob</p>`;
  assert.deepEqual(splitReply({ plain: null, html }, KNOWN_TEXTS).text, 'It fits.\n\nBob');
  assert.equal(
    splitReply({ plain: `It fits.\n> ${REPLY_LINES.en}\n> Hello`, html: null }, KNOWN_TEXTS).text,
    'It fits.',
  );
});

test('marks of others are not ours', () => {
  for (const classes of ['', 'replyd', 'replyd-mail-list', 'mail']) assert.equal(isWrapperClass(classes), false);
  for (const line of ['please look above this line', 'I reply above this line of yours', ''])
    assert.equal(isReplyLine(plainLine(line)), false);
});
