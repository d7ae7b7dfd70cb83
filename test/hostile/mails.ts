/**
 * Hostile mails by their names, made by code for any size: every place of the reader where a stranger may bring thousands
 * of something. `test/mail/hostile.test.ts` reads them small, `npm run bench -- hostile` at 1 MB with a clock.
 *
 * A new rule that looks at something a mail may have many of gets its shape here.
 */
import { MIDDLE_VERBS } from '#replyd/mail/reply-text/languages.js';
import { HTML_PIECES, LINE_PIECES, type Pieces, TEXT_PIECES, WORD_LISTS } from './pieces.js';
import {
  attached, ber, body, encoded, filled, HTML, inFields, inLines, listed, manyParts, nestedParts, numbered, packedRtf,
  report, rtfProperty, signedData, tnef, tnefAttribute,
} from './words.js'; // biome-ignore format: the builders

export interface HostileMail {
  readonly name: string;
  readonly bytes: (size: number) => Buffer;
  /** It came from `<>` to the bounce address of a delivery. */
  readonly isBounce: boolean;
  /** Texts of the conversation; default: `OUR_TEXTS`. */
  readonly texts?: readonly string[];
}

type Make = (size: number) => string | Buffer;
type Table = Readonly<Record<string, Make>>;

const OURS =
  'Dear Ann,\n\nyour order left our warehouse this morning and will arrive in three days.\nPlease tell us when it has not come by then.\n\nKind regards\nBob';
export const OUR_TEXTS: readonly string[] = [
  OURS,
  ...Array.from({ length: 9 }, (_, text) => numbered(word => `w${(word * 31 + text * 7) % 997} `, 4_000)),
];

/** At 1 MB a header may hold all of it; a value counts up to 100,000 characters, a list of addresses up to 50,000. */
const VALUE = 100_000;
const LIST = 50_000;
const SHORT = 2_000;

const ENCODED_WORDS: Pieces = {
  'in each other': '=?utf-8?q?',
  'never finished': '=?utf-8?q?a',
  'never finished, long': '=?a?q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ',
  'side by side': '=?utf-8?q?a?= ',
  'glued together': '=?utf-8?b?YQ==?==?utf-8?q?a?=',
  'of many charsets': '=?utf-8?q?a?= =?iso-2022-jp?b?GyRC?= =?utf-7?q?+ADw-?= =?x-a?q?=FF?= ',
  'of question marks': '=?a?q????????????????????????????????',
  'beginnings of': '=?',
  'with broken codes': '=?utf-8?q?=?= =?utf-8?b?=?= ',
  'encoded twice': '=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?= ',
};

const IN_LISTS: Pieces = {
  addresses: 'a@b.example,',
  'addresses of 7 bits more': 'ä@bücher.example,',
  'names and addresses': '"Ann Lee" <a@b.example>, ',
  'opened brackets': '<a@b.example ',
  brackets: '<>',
  'opened comments': 'a@b.example (',
  comments: '(a) a@b.example (b), ',
  'nested comments': '((((((((a',
  'opened quotes': 'a@b.example "',
  'escaped quotes': '"\\"\\" @',
  backslashes: '\\',
  groups: 'g: a@b.example;',
  'opened groups': 'g: a@b.example, ',
  'groups in groups': 'g:',
  'ends of groups': ';a@b.example',
  'links of Outlook': 'Ann [mailto:a@b.example] ',
  'opened links of Outlook': '[mailto:a@',
  literals: 'a@[127.0.0.1], ',
  'opened literals': 'a@[',
  'at signs': '@',
  'words without address': 'ann lee ',
  'dots of a domain': 'a@b . c . d ',
  'encoded words around addresses': '=?utf-8?q?a@b.example?= <a@b.example>, ',
  'encoded lists': '=?utf-8?q?Ann_<a=40b.example>,?= ',
  'quotes of others': "'a@b.example' <'a@b.example'>, ",
  commas: ',',
};

const IN_IDS: Pieces = {
  ids: '<a@b.example>',
  'opened ids': '<a',
  'opened ids with words': '<a b c d e f ',
  'ids with blanks': '< a b @ c >',
  'opened comments': '(',
  'comments in comments': '(a (b) ',
  quotes: '"a',
  'ids without brackets': 'a@b.example ',
  'ends of ids': '>',
  commas: ',;',
  'encoded words': '=?utf-8?q?<a=40b>?= ',
};

const IN_TYPES: Pieces = {
  parameters: '; a=b',
  'parameters in pieces': '; name*0=a',
  'pieces of a charset': "; name*0*=utf-8'de'%41; name*1*=%42",
  'pieces of large numbers': '; name*99999999=a',
  'pieces without percent signs': "; filename*=utf-8''%",
  'charsets in a name': "; filename*=x-a'",
  'opened quotes': '; name="',
  'quotes in quotes': '; name="a"b"',
  'backslashes in quotes': '; name="\\',
  comments: '; (a) a=b',
  'opened comments': '; (',
  'names without semicolon': ' name=a',
  'colons for equals': '; name: a',
  'encoded names': '; name="=?utf-8?q?a',
  semicolons: ';',
  'equals signs': '=',
  apostrophes: "*0*='",
  'blanks before names': ';          name',
  charsets: '; charset=a',
  boundaries: '; boundary=a',
};

const READ_FIELDS =
  'Subject From Sender Date Message-ID List-Id Auto-Submitted Precedence Received Authentication-Results X-Mailer'.split(
    ' ',
  );

function escaped(sign: string): string {
  return sign.replace('<', '&lt;').replace('&', '&amp;');
}

/** Rows of one sign with words behind them. */
const SIGNS: Pieces = Object.fromEntries([...'<>()[]{},;:.\'"/\\-=_*+&%#!?@ \t'].map(sign => [sign, sign]));

const MANY_FIELDS: Pieces = {
  Received: 'Received: from a by b for <c@d.example>; Mon, 3 May 2027 10:02:00 +0000\r\n',
  References: 'References: <a@b.example>\r\n',
  'Authentication-Results': 'Authentication-Results: mx.example.com; spf=pass; dkim=pass (a(b)); dmarc=fail\r\n',
  'Authentication-Results of others': 'Authentication-Results: mx.other.example; spf=pass\r\n',
  'DKIM-Signature': 'DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=b; h=from:to; bh=YQ==; b=YQ==\r\n',
  'Auto-Submitted': 'Auto-Submitted: (((((( no\r\n',
  Precedence: 'Precedence: bulk (a) list\r\n',
  'List-Id': 'List-Id: =?utf-8?q?a?= <a.b.example>\r\n',
  'X-Failed-Recipients': 'X-Failed-Recipients: a@b.example, c@d.example\r\n',
  'Delivered-To': 'Delivered-To: a@b.example\r\n',
  'ticket fields': 'X-OTRS-a: b\r\nX-Mailer: Zendesk\r\n',
  'fields of no name': ': a\r\n',
  'lines without colon': 'a\r\n',
  'folded lines': ' a\r\n',
  'folded lines of blanks': '\t \t \r\n',
  'lines of CR': 'A: b\r',
  'empty fields': 'A:\r\n',
  'Content-Type': 'Content-Type: text/plain; charset="a"\r\n',
  Subject: 'Subject: Re: Re: Re: Re: a\r\n',
  'bytes above ASCII': 'Subject: \xe4\xff\xfe\x1b$B\r\n',
};

const HEADERS: Table = {
  ...each(ENCODED_WORDS, 'encoded words', {
    'one Subject': piece => size => inFields('Subject', piece, { size, most: VALUE }),
    'long To': piece => size => inFields('To', piece, { size, most: LIST }),
    'many Cc': piece => size => inFields('Cc', `${piece}<a@b.example>, `, { size, most: SHORT }),
    'many References': piece => size => inFields('References', piece, { size, most: SHORT }),
    'long In-Reply-To': piece => size => inFields('In-Reply-To', piece, { size, most: VALUE }),
    'names of files': piece => size =>
      manyParts(() => `Content-Disposition: attachment; filename="${filled(piece, 900)}"\r\n\r\nx`, {
        size,
        type: 'multipart/mixed',
      }),
    'descriptions of files': piece => size =>
      manyParts(() => `Content-Type: a/b\r\nContent-Description: ${filled(piece, 900)}\r\n\r\nx`, {
        size,
        type: 'multipart/mixed',
      }),
    'places of files': piece => size =>
      manyParts(() => `Content-Type: image/png\r\nContent-Location: ${filled(piece, 900)}\r\n\r\nx`, {
        size,
        type: 'multipart/related',
      }),
  }),
  ...each(IN_LISTS, 'addresses', {
    'long To': piece => size => inFields('To', piece, { size, most: LIST }),
    'many Cc': piece => size => inFields('Cc', piece, { size, most: SHORT }),
    'one From': piece => size => inFields('From', piece, { size, most: LIST }),
  }),
  ...each(IN_IDS, 'ids', {
    'long References': piece => size => inFields('References', piece, { size, most: VALUE }),
    'many In-Reply-To': piece => size => inFields('In-Reply-To', piece, { size, most: SHORT }),
    'one Message-ID': piece => size => inFields('Message-ID', piece, { size, most: VALUE }),
  }),
  ...each(IN_TYPES, 'type', {
    'one Content-Type': piece => size =>
      inFields('Content-Type', `text/plain${filled(piece, VALUE - 40)}`, { size, most: VALUE }),
    'types of parts': piece => size =>
      manyParts(() => `Content-Type: a/b${filled(piece, 900)}\r\n\r\nx`, { size, type: 'multipart/mixed' }),
    'dispositions of parts': piece => size =>
      manyParts(() => `Content-Disposition: attachment${filled(piece, 900)}\r\n\r\nx`, {
        size,
        type: 'multipart/mixed',
      }),
  }),
  ...each(MANY_FIELDS, 'fields', {
    thousands: piece => size => `From: a@b.example\r\n${filled(piece, size - 50)}\r\n\r\nx`,
  }),
  ...each(SIGNS, 'rows of', {
    'one Content-Type': sign => size =>
      `Content-Type: text/plain${filled(sign, Math.min(VALUE, size) - 100)}x y\r\n\r\nx`,
    'names and ids of parts': sign => size =>
      manyParts(
        () => {
          const row = `${filled(sign, Math.min(VALUE, size / 4) - 100)}x y`;
          return [
            'Content-ID',
            'Content-Location',
            'Content-Description',
            'Content-Disposition',
            'Content-Transfer-Encoding',
          ]
            .map(name => `${name}: a${row}\r\n`)
            .join('');
        },
        { size, type: 'multipart/mixed' },
      ),
    'one Content-ID': sign => size =>
      `Content-Type: image/png\r\nContent-ID: ${filled(sign, Math.min(VALUE, size) - 100)}x y\r\n\r\nx`,
    'fields that are read': sign => size => {
      const row = `${filled(sign, Math.min(VALUE, size / 12) - 100)}x y`;
      return `${READ_FIELDS.map(name => `${name}: a${row}\r\n`).join('')}\r\nx`;
    },
    'many names of people': sign => size =>
      `From: a@b.example\r\n${filled(`Cc: x${filled(sign, 900)}x y <a@b.example>\r\n`, size - 50)}\r\nx`,
    'words of a link': sign => size =>
      body(`<a href="https://x.example/">${filled(escaped(sign), size / 2)}x</a>`, HTML),
    'address of a link': sign => size =>
      body(filled(`<a href="https://x.example/${filled(sign === '"' ? "'" : sign, 480)}x">a</a>\n`, size / 2), HTML),
    'text above a quote': sign => size =>
      body(`${filled(sign, size / 2)}x\n\nAnn wrote:\n> ${filled(sign, size / 2)}x\n`),
  }),
  'encoded words of unknown charsets, many To': size =>
    `From: a@b.example\r\n${numbered(n => `To: ${numbered(m => `=?x${n}-${m}?q?=FF?= `, 1_900)}<a@b.example>\r\n`, size - 50)}\r\nx`,
  'type, numbered pieces of a name': size =>
    `Content-Type: text/plain${numbered(n => `; name*${n}=a`, Math.min(VALUE, size) - 100)}\r\n\r\nx`,
  'type, numbered pieces of a name, backwards': size =>
    `Content-Type: text/plain${numbered(n => `; name*${99_999 - n}*=%41`, Math.min(VALUE, size) - 100)}\r\n\r\nx`,
  'type, many names in pieces': size =>
    `Content-Type: text/plain${numbered(n => `; a${n}*0*=utf-8''%41; a${n}*1=b`, Math.min(VALUE, size) - 100)}\r\n\r\nx`,
  'type, many names': size =>
    `Content-Type: text/plain${numbered(n => `; a${n}=b`, Math.min(VALUE, size) - 100)}\r\n\r\nx`,
  'ids, all different': size => `References: ${numbered(n => `<${n}@b.example>`, size - 200)}\r\n\r\nx`,
  'addresses, all different': size =>
    `From: a@b.example\r\n${numbered(n => `To: ${n}@b.example\r\n`, size - 200)}\r\nx`,
  'fields, all different': size => `From: a@b.example\r\n${numbered(n => `X-${n}: a\r\n`, size - 200)}\r\nx`,
  'fields, one of all': size => `X-A: ${filled('a ', size - 200)}\r\n\r\nx`,
  'fields, one name of all': size => `${filled('A', size - 200)}: a\r\n\r\nx`,
  'fields, a header without end': size => filled('Subject: a\r\n', size),
  'fields, a date of figures': size => inFields('Date', '1 Jan 1', { size, most: VALUE }),
  'fields, a date of comments': size => inFields('Date', '(a) ', { size, most: VALUE }),
  'fields, a subject of prefixes': size => inFields('Subject', 'Re[2]: ', { size, most: VALUE }),
  'fields, a subject of tickets': size => inFields('Subject', 'ticket [#12345] ', { size, most: VALUE }),
  'fields, a subject of controls': size => inFields('Subject', '\x01\x02\x7f ', { size, most: VALUE }),
};

const PARTS: Table = {
  'deep, as deep as may be': size => nestedParts(50, level => `b${level}`, `\r\n${filled('x\r\n', size - 4_000)}`),
  'deeper than may be': size => nestedParts(Math.ceil(size / 70), level => `b${level}`, 'x'),
  'deep, lines of dashes': size => nestedParts(50, level => `b${level}`, `\r\n${filled('--\r\n', size - 4_000)}`),
  'deep, one boundary': size => nestedParts(50, () => 'b', `\r\n${filled('--bx\n', size - 4_000)}`),
  'deep, one boundary and blanks': size =>
    nestedParts(50, () => 'b', `\r\n${filled(`--b${' '.repeat(900)}x\n`, size - 4_000)}`),
  'deep, boundaries that begin alike': size =>
    nestedParts(50, level => 'b'.repeat(level + 1), `\r\n${filled(`--${'b'.repeat(50)}x\n`, size - 6_000)}`),
  'deep, boundaries of dashes': size =>
    nestedParts(50, level => '-'.repeat(level + 1), `\r\n${filled('-----\n', size - 6_000)}`),
  'deep, all of them opened again': size =>
    nestedParts(49, level => `b${level}`, `\r\n${numbered(n => `--b${n % 49}\r\n\r\nx\r\n`, size - 5_000)}`),
  'deep, ends of ends': size => nestedParts(49, level => `b${level}`, `\r\n${filled('--b0--\r\n', size - 5_000)}`),
  wide: size => manyParts(() => '\r\nx', { size, type: 'multipart/mixed' }),
  'wide, as wide as may be': size =>
    manyParts(() => `\r\n${filled('x\r\n', size / 990)}`, { size, type: 'multipart/mixed' }),
  'wide, alternatives': size =>
    manyParts(n => `Content-Type: text/${n % 2 === 0 ? 'html' : 'plain'}\r\n\r\n${filled('<b>x', size / 990)}`, {
      size,
      type: 'multipart/alternative',
    }),
  'wide, other forms': size =>
    manyParts(n => `Content-Type: text/x-form-${n}\r\n\r\n${filled('x', size / 990)}`, {
      size,
      type: 'multipart/alternative',
    }),
  'wide, HTML': size =>
    manyParts(() => `Content-Type: text/html\r\n\r\n${filled('<p>x', size / 990)}`, { size, type: 'multipart/mixed' }),
  'wide, files': size =>
    manyParts(n => `Content-Disposition: attachment; filename="${n}.txt"\r\n\r\n${filled('x', size / 990)}`, {
      size,
      type: 'multipart/mixed',
    }),
  'wide, pictures and their names': size =>
    manyParts(
      n =>
        n === 0
          ? `Content-Type: text/html\r\n\r\n${numbered(m => `<img src="cid:${m % 900}@b"><img src="a/${m}.png">`, size / 2)}`
          : `Content-Type: image/png\r\nContent-ID: <${n}@b>\r\nContent-Location: a/${n}.png\r\n\r\nx${filled('x', size / 2_200)}`,
      { size, type: 'multipart/related' },
    ),
  'wide, boundaries without parts': size =>
    manyParts(n => `Content-Type: multipart/mixed; boundary="a${n}"\r\n\r\n--z\r\nContent-Type: text/plain\r\n\r\nx`, {
      size: Math.min(size, 90_000),
      type: 'multipart/mixed',
    }),
  'wide, digests': size => manyParts(() => '\r\nSubject: x\r\n\r\nx', { size, type: 'multipart/digest' }),
  'wide, headers cut off': size => manyParts(() => 'Content-Type: text/plain', { size, type: 'multipart/mixed' }),
  'messages in messages': size => filled('Content-Type: message/rfc822\r\n\r\n', size),
  'messages beside messages': size =>
    manyParts(() => `Content-Type: message/rfc822\r\n\r\n${filled('Subject: x\r\n', size / 990)}`, {
      size,
      type: 'multipart/mixed',
    }),
  'messages with a large header': size =>
    body(
      `--b\r\nContent-Type: message/rfc822\r\n\r\n${filled('X-A: a\r\n', size - 300)}`,
      'Content-Type: multipart/report; boundary=b',
    ),
  'never finished': size =>
    body(filled('--b\r\n\r\n', size / 4) + filled('x\r\n', size / 2), 'Content-Type: multipart/mixed; boundary=b'),
  'lines nearly boundaries': size =>
    body(filled('--bbbbbbb\r\n', size), 'Content-Type: multipart/mixed; boundary=bbbbbbbb'),
  'boundaries with blanks': size =>
    body(filled(`--b${' '.repeat(900)}\r\n\r\n`, size), 'Content-Type: multipart/mixed; boundary=b'),
  'a row of dashes': size => body(filled('-', size), 'Content-Type: multipart/mixed; boundary="---"'),
  'dashes behind words': size => body(filled('x--', size), 'Content-Type: multipart/mixed; boundary=b'),
  'no boundary': size =>
    body(filled('--b\r\nContent-Type: text/plain\r\n\r\nx\r\n', size), 'Content-Type: multipart/mixed'),
  'an empty boundary': size => body(filled('--\r\n\r\nx\r\n', size), 'Content-Type: multipart/mixed; boundary=""'),
  'a boundary of another name': size =>
    body(filled('--c\r\n\r\nx\r\n', size), 'Content-Type: multipart/mixed; boundary=b'),
  'the end first': size => body(filled('--b--\r\n', size), 'Content-Type: multipart/mixed; boundary=b'),
  'words before the first part': size =>
    body(`${filled('words\r\n', size)}--b\r\n\r\nx`, 'Content-Type: multipart/mixed; boundary=b'),
  'lines ended by CR': size => body(filled('x\r', size)),
  'lines of all ends': size => body(filled('x\ry\nz\r\n\r\r\n', size)),
  'NUL bytes': size => body(filled('\0', size)),
  'a file of nothing': size => attached('application/octet-stream', 'x.bin', Buffer.alloc((size * 2) / 3)),
  'a mail of one line': size => body(filled('x', size)),
  'no header': size => filled('\r\n', size),
};

const FULL_BASE64 = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB';

const ENCODINGS: Table = {
  ...each(
    {
      'of equals signs': '=',
      'of soft ends': '=\n',
      'of soft ends and blanks': `=${' '.repeat(78)}\n`,
      'of half codes': '=4',
      'of codes': '=41',
      'of blanks': ' ',
      'of equals and blanks': '= ',
    },
    'quoted-printable',
    { '': piece => size => encoded('quoted-printable', filled(piece, size)) },
  ),
  ...each(
    {
      'of full lines': `${FULL_BASE64}\n`,
      'of short lines': 'QUFB\n',
      'of words': 'words and more\n',
      'of letters': 'A\n',
      'of padding': '====',
      'of blocks and words': `${FULL_BASE64}\nQQ==\nwords\n`,
      'of blocks and blank lines': `${FULL_BASE64}\n\n`,
      'of damaged lines': `${FULL_BASE64.slice(0, 60)}!${FULL_BASE64.slice(0, 11)}\n`,
      'of lines of many widths': `${FULL_BASE64}\n${FULL_BASE64.slice(0, 40)}\n${FULL_BASE64.slice(0, 20)}\n`,
      'of dashes': '---\n',
      'of one line': 'QUFB',
      'of noise': '!*\x80\xff',
      'of blanks': ' \n',
      'of unconvincing lines': 'abcdefgh\nabcdefg\n',
    },
    'base64',
    { '': piece => size => encoded('base64', filled(piece, size)) },
  ),
  ...each(
    { 'of lines': 'M'.padEnd(61, 'A'), 'of short lines': '#0000', 'of beginnings': 'begin 644 a', 'of noise': '\x80!' },
    'uuencode',
    { '': piece => size => encoded('x-uuencode', filled(`${piece}\n`, size)) },
  ),
  'uuencode of one line': size => encoded('x-uuencode', filled('M', size)),
  'uuencode in a text': size => body(`begin 644 a\n${filled(`${'M'.padEnd(61, 'A')}\n`, size)}`),
  'yEnc in a text': size => body(filled('=ybegin line=128 size=1 name=a\n=J=}=M\n=yend size=1\n', size)),
  'an encoding that nobody knows': size => encoded(filled('x-', 900), filled('x\n', size)),
  'base64 of HTML': size =>
    body(
      Buffer.from(filled('<p>x', (size * 3) / 4)).toString('base64'),
      `${HTML}\r\nContent-Transfer-Encoding: base64`,
    ),
};

const CHARSETS: Table = each(
  {
    'utf-7': '+ADw-',
    'utf-7, opened': '+AAA',
    'utf-7, plus signs': '+',
    'iso-2022-jp': '\x1b$B$"\x1b(B',
    'iso-2022-jp, escapes': '\x1b$B',
    'iso-2022-jp, broken': '\x1b$B\xff\x80\x1b',
    'iso-2022-kr': '\x1b$)C\x0ea\x0f',
    'iso-2022-kr, above ASCII': '\x0e\xb0\xa1\x0f',
    'iso-2022-cn': '\x1b$)A\x0e!!\x0f',
    'hz-gb-2312': '~{!!~}~~~\n',
    'utf-16': 'a\0\xd8\0',
    'utf-16le': '\0\xd8\0\xd8',
    'utf-32': '\xff\xff\xff\xff',
    'utf-16, ASCII': 'a',
    'windows-1252': '\xc3\xa4\xe4\n',
    'utf-8': '\xf0\x9f\x98',
    'utf-8, surrogates': '\xed\xa0\x80',
    'us-ascii': '\xe4\xc3\xa4\n',
    shift_jis: '\x82\xa0\x81',
    'euc-jp': '\xa4\xa2\x8f\xa4',
    gb18030: '\x810\x810',
    big5: '\xa4\xa4\xff',
    'koi8-r': '\xc1\xd0',
    'x-mac-roman': '\x80\x81',
    'cesu-8': '\xed\xa0\x80\xed\xb0\x80',
    ibm850: '\x80\xff',
    'x-user-defined': '\xff',
  },
  'charset',
  {
    '': (piece, name) => size => body(filled(piece, size), `Content-Type: text/plain; charset=${name.split(',')[0]}`),
    'in HTML': (piece, name) => size =>
      body(`<meta charset=${name.split(',')[0]}>${filled(piece, size)}`, 'Content-Type: text/html'),
  },
);

const VERBS = MIDDLE_VERBS.slice(0, 16).join(' ');

const FLOWED = 'Content-Type: text/plain; charset=utf-8; format=flowed';

const TEXTS: Table = {
  ...each(TEXT_PIECES, 'text', {
    '': piece => size => body(filled(piece, size)),
    'in a quote': piece => size =>
      body(filled(`> ${piece.replaceAll('\n', '\n> ').slice(0, piece.endsWith('\n') ? -2 : undefined)}`, size)),
  }),
  ...each(LINE_PIECES, 'line', {
    'of 340, with a colon': piece => size => body(inLines(piece, size, { width: 340, end: 'a@b.example x:' })),
    'of 590, 2027 10:02 in front': piece => size =>
      body(filled(`a@bc 2027 10:02 ${filled(piece, 570)}x:\n> a\n`, size)),
    'of 590, ending in x': piece => size =>
      body(inLines(`a@bc ${filled(piece, 570)}`, size, { width: 590, end: 'x(:' })),
    'behind verbs': piece => size => body(filled(`a@bc 2027 10:02 ${VERBS} ${filled(piece, 430)}x:\n`, size)),
    'in fields': piece => size => body(filled(`To: ${filled(piece, 290)}x\n`, size)),
    'in a bracket, before a time': piece => size => body(filled(`a <${filled(piece, 980)} 10:02\n`, size)),
    'of 240': piece => size => body(inLines(piece, size, { width: 240, end: 'x' })),
    'of 1990 below our words': piece => size =>
      body(
        filled(
          `> your order left our warehouse this morning and will\n${filled(piece, 1_990)}\n> arrive in three days.\n`,
          size,
        ),
      ),
    'of all': piece => size => body(filled(piece, size)),
  }),
  ...Object.fromEntries(
    Object.entries(WORD_LISTS).flatMap(([name, lines]): [string, Make][] => [
      [`text, ${name}`, size => body(listed(lines, size))],
      [
        `text, ${name}, above a quote`,
        size =>
          body(
            listed(
              lines.map(line => `${line}\n> a\n`),
              size,
            ),
          ),
      ],
      [`one line, ${name}`, size => body(listed(lines, size).replaceAll('\n', ' '))],
      [
        `HTML, ${name}`,
        size =>
          body(
            listed(
              lines.map(line => `<div>${line}</div>`),
              size,
            ),
            HTML,
          ),
      ],
    ]),
  ),
  'flowed, paragraphs': size => body(filled('a \n', size), FLOWED),
  'flowed, quotes': size => body(filled('> a \n>> b \n>>> c \n', size), FLOWED),
  'flowed, deep quotes': size => body(filled(`${'>'.repeat(70)} a \n`, size), FLOWED),
  'flowed, deeper and deeper': size =>
    body(
      numbered(n => `${'>'.repeat(n % 900)}a \n`, size),
      FLOWED,
    ),
  'flowed, one line of quote signs': size => body(filled('>', size), `${FLOWED}; delsp=yes`),
  'flowed, blanks': size => body(filled(' \n', size), `${FLOWED}; delsp=yes`),
  'text, deeper and deeper': size => body(numbered(n => `${'> '.repeat(n % 300)}a\n`, size)),
  'text, answers in a copy of ours': size => body(filled(`${OURS.replaceAll('\n', '\n> ')}\nno\n`, size)),
  'text, our words in another order': size => body(filled(`${OURS.split(/\s/).reverse().join(' ')}\n`, size)),
  'text, our words broken anew': size => body(filled(OURS.replaceAll(' ', '\n> '), size)),
  'text, rows of one word each': size => body(numbered(n => `w${n % 997}\n`, size)),
  'text, plain and HTML': size =>
    body(
      `--b\r\nContent-Type: text/plain\r\n\r\n${filled('On 3 May 2027 Ann <a@b.example> wrote:\nx\n', size / 2)}\r\n--b\r\n${HTML}\r\n\r\n` +
        `${filled('<div class="gmail_quote">a<blockquote>your order left our warehouse</blockquote></div>', size / 2)}\r\n--b--`,
      'Content-Type: multipart/alternative; boundary=b',
    ),
};

const STYLES: Pieces = {
  borders: 'border:',
  'margins and borders': 'border-left:a ',
  fonts: 'font:',
  'fonts with sizes': 'font: 1px/1 ',
  'fonts of one word': '-font:1px/1',
  displays: 'display: ',
  zeros: 'height:0.',
  blanks: 'font-size      ',
  colours: 'color:rgb(1',
  functions: 'width:rgb(1)rgb(',
  declarations: 'a:b;',
  semicolons: ';',
  numbers: 'margin:1.1.1 ',
  'top borders': 'border-top: solid ',
  important: 'opacity:0 ! ',
};

const HTMLS: Table = {
  ...each(HTML_PIECES, 'HTML', {
    '': piece => size => body(filled(piece, size), HTML),
    'under half of its size': piece => size => body(filled(piece, size * 0.45), HTML),
    'in a thousand closed parts': piece => size => body(filled(`<div>${filled(piece, 960)}</div>\n`, size), HTML),
  }),
  ...each(LINE_PIECES, 'HTML line', {
    'of 590': piece => size =>
      body(filled(`<p>a@bc 2027 10:02 ${filled(piece, 570).replaceAll('<', '&lt;')}x(:</p>`, size), HTML),
    'above a quote of Gmail': piece => size =>
      body(
        filled(
          `<div class="gmail_quote">a@bc ${filled(piece, 560).replaceAll('<', '&lt;')}:<blockquote>b</blockquote></div>`,
          size,
        ),
        HTML,
      ),
  }),
  ...each(STYLES, 'HTML styles of', {
    quotes: piece => size =>
      body(filled(`<blockquote style="margin:0;${filled(piece, 3_900)}">x</blockquote>`, size), HTML),
    blocks: piece => size => body(filled(`<div style="border:none;${filled(piece, 3_900)}">x</div>`, size), HTML),
    'many blocks': piece => size =>
      body(
        numbered(n => `<div style="${filled(piece, 190)}${n}">x</div>`, size),
        HTML,
      ),
    'a small mail of blocks': piece => size =>
      body(
        numbered(n => `<p style="${filled(piece, 190)}${n}">x</p>`, size * 0.45),
        HTML,
      ),
  }),
  'HTML, signatures on one long line': size =>
    body(`${filled('x', size / 2)}${filled('<b class=signature>x</b>', size / 2)}`, HTML),
  'HTML, links on one long line': size =>
    body(`${filled('x', size / 2)}${filled('<a href="https://x.example/">y</a>', size / 2)}`, HTML),
  'HTML, cells on one long line': size => body(`${filled('x', size / 2)}${filled('<td>y</td>', size / 2)}`, HTML),
  'HTML, pictures on one long line': size => body(`${filled('x', size / 2)}${filled('<img alt=y>', size / 2)}`, HTML),
  'HTML, line ends in one pre': size => body(`<pre>${filled('x\n', size)}`, HTML),
  'HTML, bullets of one item': size => body(`<ul>${filled('<li><ul>', size / 2)}${filled('<li>x', size / 2)}`, HTML),
  'HTML, one attribute of all': size => body(`<div title="${filled('x', size)}">x</div>`, HTML),
  'HTML, one style of all': size => body(`<div style="${filled('color:red;', size)}">x</div>`, HTML),
  'HTML, one class of all': size => body(`<div class="${filled('gmail_quote ', size)}">x</div>`, HTML),
  'HTML, one address of all': size => body(`<a href="https://a.example/${filled('a', size)}">x</a>`, HTML),
  'HTML, one address of half a small mail': size =>
    body(`<a href="https://a.example/${filled('&#1;', size * 0.4)}">x</a>`, HTML),
  'HTML, one picture of all': size => body(`<img src="data:image/png;base64,${filled('QUFB', size)}">`, HTML),
  'HTML, one picture of percent signs': size => body(`<img src="data:image/png,${filled('%41', size)}">`, HTML),
  'HTML, one picture of parameters': size => body(`<img src="data:image/png${filled(';a=b', size)},x">`, HTML),
  'HTML, one element without end': size => body(`<div ${filled('a ', size)}`, HTML),
  'HTML, one name of all': size => body(`<${filled('a', size)}>x`, HTML),
  'HTML, one word of all': size => body(filled('x', size), HTML),
  'HTML, one comment of all': size => body(`<!--${filled('-', size)}`, HTML),
  'HTML, attributes of other names': size => body(`<div ${numbered(n => `a${n}=b `, size)}>x</div>`, HTML),
  'HTML, elements of other names': size =>
    body(
      numbered(n => `<x${n}>y`, size),
      HTML,
    ),
  'HTML, all ends in wrong order': size =>
    body(`${filled('<b><i><u><p><td>', size / 2)}${filled('</b></p></td></u></i>', size / 2)}`, HTML),
  'HTML, deep with answers': size =>
    body(
      numbered(n => `${'<blockquote>'.repeat(50)}${n}${'</blockquote>'.repeat(50)}no<br>`, size),
      HTML,
    ),
  'HTML, pictures of other data': size =>
    body(
      numbered(n => `<img src="data:image/png;base64,${Buffer.from(`${n}`).toString('base64')}">`, size),
      HTML,
    ),
};

const RECIPIENT =
  'Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n\r\n';

const DAEMON = 'From: mailer-daemon@b.example';

const BOUNCES: Table = {
  'thousands of recipients': size => report('failed', filled(RECIPIENT, size)),
  'recipients of nothing': size => report('failed', filled('\r\n', size)),
  'one group of all': size => report('failed', filled('Final-Recipient: rfc822; a@b.example\r\n', size)),
  'one field of all': size => report('failed', `Diagnostic-Code: smtp; ${filled('5.1.1 ', size)}`),
  'blanks between groups': size => report('failed', filled('A: b\r\n \t \t \t \r\n', size)),
  'addresses of plus signs': size =>
    report('failed', filled(`Final-Recipient: rfc822; ${filled('+41', 900)}@b.example\r\n\r\n`, size)),
  'reports by the thousand': size =>
    manyParts(() => `Content-Type: message/delivery-status\r\n\r\nReporting-MTA: a\r\n\r\n${filled(RECIPIENT, 300)}`, {
      size,
      type: 'multipart/report; report-type=delivery-status',
    }),
  'reports of complaints': size =>
    manyParts(
      () => `Content-Type: message/feedback-report\r\n\r\n${filled('Original-Rcpt-To: a@b.example\r\n', 900)}`,
      { size, type: 'multipart/report; report-type=feedback-report' },
    ),
  'returned headers': size =>
    manyParts(() => `Content-Type: text/rfc822-headers\r\n\r\n${filled('To: a@b.example\r\n', 900)}`, {
      size,
      type: 'multipart/report; report-type=delivery-status',
    }),
  receipts: size =>
    manyParts(() => `Content-Type: message/disposition-notification\r\n\r\nDisposition: ${filled('a;', 900)}`, {
      size,
      type: 'multipart/report; report-type=disposition-notification',
    }),
  ...each(
    {
      recipients: '<a@b.example>: 550 5.1.1 user unknown\n',
      'recipients all the same line': '<a@b.example>: ',
      marks: '--- Below this line is a copy of the message.\n',
      'fields of programs': 'X-Mailer: a\n',
      'fields of programs and words': 'X-Mailer: a\nwords\n',
      'fields and blanks': 'Received: a\n\n',
      'codes of servers': '550 5.1.1 no\n',
      'codes of versions': 'version 5.1.1 ',
      'labels and addresses': 'Unknown user: a@b.example\n',
      'quoted lines': '>>> RCPT TO:<a@b.example>\n',
      'names of addresses': '"Ann Lee" (a@b.example)\n',
    },
    'a notice of',
    {
      '': piece => size => body(filled(piece, size), 'From: mailer-daemon@b.example\r\nSubject: Undelivered'),
      'in HTML': piece => size =>
        body(
          filled(piece.replaceAll('<', '&lt;').replaceAll('\n', '<br>'), size),
          `From: mailer-daemon@b.example\r\n${HTML}`,
        ),
    },
  ),
  ...Object.fromEntries(
    Object.entries(WORD_LISTS).flatMap(([name, lines]): [string, Make][] => [
      [`a notice, ${name}`, size => body(listed(lines, size), DAEMON)],
      [`a notice of one line, ${name}`, size => body(listed(lines, size).replaceAll('\n', ' '), DAEMON)],
    ]),
  ),
  ...each(LINE_PIECES, 'a notice with lines of', {
    '500': piece => size =>
      body(inLines(piece, size, { width: 499, end: 'a@b.example' }), 'From: mailer-daemon@b.example'),
    all: piece => size => body(filled(piece, size), 'From: mailer-daemon@b.example'),
    'all, in the subject': piece => size =>
      `From: mailer-daemon@b.example\r\nSubject: ${filled(piece, Math.min(size, VALUE))}\r\n\r\n${filled(piece, size - VALUE)}`,
  }),
};

const TITLE = 0x8010;
const DATA = 0x800f;
const START = 0x9002;
const FILE_PROPERTIES = 0x9005;
const PROPERTIES = 0x9003;

const RTF_FONTS = '{\\rtf1{\\fonttbl{\\f0\\fcharset0 a;}{\\f1\\fcharset204 b;}}';
const RTF_OF_HTML = '{\\rtf1\\fromhtml1 ';

const winmail = (bytes: Buffer) => attached('application/ms-tnef', 'winmail.dat', bytes);
const room = (size: number) => Math.floor((size - 2_000) * 0.73);

function tnefFiles(count: number): Buffer[] {
  return Array.from({ length: count }, () => [
    tnefAttribute(2, START, Buffer.alloc(14)),
    tnefAttribute(2, TITLE, Buffer.from('a.txt\0')),
    tnefAttribute(2, DATA, Buffer.from('x')),
  ]).flat();
}

/** Properties of no length, or of these bytes. */
function manyProperties(count: number, data: Buffer): Buffer {
  const one = Buffer.alloc(12 + Math.ceil(data.length / 4) * 4);
  one.writeUInt32LE(0x30010102, 0);
  one.writeUInt32LE(1, 4);
  one.writeUInt32LE(data.length, 8);
  data.copy(one, 12);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(count, 0);
  return Buffer.concat([head, ...Array.from({ length: count }, () => one)]);
}

const CONTAINERS: Table = {
  ...each(
    {
      groups: '{a}\n\n\n\n\n',
      'opened groups': '{{{{{{{{',
      'ends of groups': '}}}}}}}}',
      'control words': '\\a\\a\\a\\a',
      paragraphs: '\\par\\par',
      codes: "\\'e4\\'e4",
      Unicode: '\\u228 ? ',
      'codes and Unicode': "\\'e4\\u228 ?\\'e4a",
      fonts: '\\f0 a\\f1',
      'fonts and codes': "\\f0\\'e4a\\f1\\'e4a",
      stars: '{\\*\\a}ab',
      'code pages': '\\ansicpg',
      'hidden HTML': '\\htmlrtf',
      letters: 'abcdefgh',
      'line ends': '\r\n\r\n\r\n\r\n',
    },
    'winmail, RTF of',
    {
      'packed, with fonts': piece => size =>
        winmail(tnef([tnefAttribute(1, PROPERTIES, rtfProperty(packedRtf(piece, room(size), RTF_FONTS)))])),
      'packed, of HTML': piece => size =>
        winmail(tnef([tnefAttribute(1, PROPERTIES, rtfProperty(packedRtf(piece, room(size), RTF_OF_HTML)))])),
      'packed, in eight files': piece => size => {
        const each = winmailPart(tnef([tnefAttribute(1, PROPERTIES, rtfProperty(packedRtf(piece, room(size / 8))))]));
        return body(`${`--b\r\n${each}`.repeat(8)}--b--`, 'Content-Type: multipart/mixed; boundary=b');
      },
    },
  ),
  'winmail, files': size => winmail(tnef(tnefFiles(Math.floor(room(size) / 60)))),
  'winmail, attributes': size =>
    winmail(tnef(Array.from({ length: room(size) / 11 }, () => tnefAttribute(1, 0x8004, Buffer.alloc(0))))),
  'winmail, properties of nothing': size =>
    winmail(tnef([tnefAttribute(1, PROPERTIES, manyProperties(Math.floor(room(size) / 12), Buffer.alloc(0)))])),
  'winmail, properties again and again': size => {
    const one = tnefAttribute(1, PROPERTIES, manyProperties(20, Buffer.alloc(0)));
    return winmail(tnef(Array.from({ length: Math.floor(room(size) / one.length) }, () => one)));
  },
  'winmail, values that never end': size => {
    const properties = Buffer.alloc(room(size));
    properties.writeUInt32LE(0xffffffff, 0);
    properties.writeUInt32LE(0x3001101e, 4);
    properties.writeUInt32LE(0xffffffff, 8);
    return winmail(tnef([tnefAttribute(1, PROPERTIES, properties)]));
  },
  'winmail, a body of NUL': size => winmail(tnef([tnefAttribute(1, 0x800c, Buffer.alloc(room(size)))])),
  'winmail, a body': size =>
    winmail(
      tnef([tnefAttribute(1, 0x800c, Buffer.from(filled('On 3 May 2027 Ann <a@b.example> wrote:\n', room(size))))]),
    ),
  'winmail, names': size =>
    winmail(tnef([tnefAttribute(2, START, Buffer.alloc(14)), tnefAttribute(2, TITLE, Buffer.alloc(room(size), 0x2f))])),
  'winmail in winmail': size => {
    let inside = tnef(tnefFiles(200));
    while (inside.length < room(size) / 2) {
      const object = Buffer.concat([Buffer.alloc(16), inside]);
      const property = manyProperties(1, object);
      property.writeUInt32LE(0x3701000d, 4);
      inside = tnef([
        tnefAttribute(2, START, Buffer.alloc(14)),
        tnefAttribute(2, FILE_PROPERTIES, property),
        ...tnefFiles(1_000),
      ]);
    }
    return winmail(inside);
  },
  'winmail of noise': size => winmail(tnef([Buffer.alloc(room(size), 0x7f)])),
  'signed, pieces': size =>
    signed(signedData(Buffer.alloc(0), ber(0x24, Buffer.alloc(room(size), Buffer.from('0400', 'hex'))))),
  'signed, pieces of a letter': size =>
    signed(signedData(Buffer.alloc(0), ber(0x24, Buffer.alloc(room(size), Buffer.from('040141', 'hex'))))),
  'signed, pieces in pieces': size =>
    signed(signedData(Buffer.alloc(0), ber(0x24, Buffer.alloc(room(size), Buffer.from('2480', 'hex'))))),
  'signed, algorithms without end': size =>
    signed(signedData(Buffer.alloc(room(size), Buffer.from('3080', 'hex')), ber(0x04, Buffer.from('x')))),
  'signed, algorithms of no length': size => signed(ber(0x30, Buffer.alloc(room(size), Buffer.from('0500', 'hex')))),
  'signed, a text': size =>
    signed(signedData(Buffer.alloc(0), ber(0x04, Buffer.from(`\r\n${filled('wrote:\n', room(size))}`)))),
  'signed, parts': size =>
    signed(
      signedData(
        Buffer.alloc(0),
        ber(
          0x04,
          Buffer.from(manyParts(() => '\r\nx', { size: Math.min(room(size), 9_000), type: 'multipart/mixed' })),
        ),
      ),
    ),
  'signed in signed': size => {
    let inside = Buffer.from('\r\nx');
    for (let level = 0; level < 9; level += 1) {
      const mail = signed(signedData(Buffer.alloc(0), ber(0x04, inside)));
      if (mail.length > size / 2) break;
      inside = Buffer.from(`${mail}${filled('x\r\n', size / 40)}`);
    }
    return inside.toString('latin1');
  },
  'signed, of noise': size => signed(Buffer.alloc(room(size), 0x30)),
};

function signed(bytes: Buffer): string {
  return `From: a@b.example\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString('base64')}`;
}

function winmailPart(bytes: Buffer): string {
  return `Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString('base64')}\r\n`;
}

const THREE = ['a', 'b', 'c'].map(letter => numbered(n => `${letter}${n.toString(36)} `, 43_000));

/** Five words of each of the three, then the next five. */
function inTurns(between: string): string {
  const words = THREE.map(text => text.split(' '));
  return numbered(n => words.map(each => `${each.slice(n * 5, n * 5 + 5).join(' ')}${between}`).join(''), 129_000);
}

/** Known texts that a customer may have written into a chat, and mails that are dear beside them. */
const CHATS: readonly Omit<HostileMail, 'isBounce'>[] = [
  {
    name: 'known texts, a long word nearly repeated',
    texts: [`b${filled('a', 60_000)}`],
    bytes: size => bytesOf(body(`no\n\nAnn wrote:\n${filled(`> ${filled('a', 200_000)}\n`, size)}`)),
  },
  {
    name: 'known texts, long words nearly repeated in a quote',
    texts: Array.from({ length: 10 }, (_, n) => `${n}${filled('a', 200)} `.repeat(60)),
    bytes: size => bytesOf(body(`no\n\nAnn wrote:\n${filled(`> ${filled('a', 5_000)}\n`, size)}`)),
  },
  {
    name: 'known texts, three in turns',
    texts: THREE,
    bytes: size => bytesOf(body(`no\n\nAnn wrote:\n${filled(inTurns('\n> '), size)}`)),
  },
  {
    name: 'known texts, three in turns on few lines',
    texts: THREE,
    bytes: size => bytesOf(body(`no\n\nAnn wrote:\n${filled(inTurns(' no ').replaceAll(/.{330} /g, '$&\n> '), size)}`)),
  },
  {
    name: 'known texts, lines of one word',
    texts: [filled('a\nb\n', 131_000)],
    bytes: size => bytesOf(body(filled('> a\nb\nc\n', size))),
  },
  {
    name: 'known texts, one word',
    texts: [filled('a ', 131_000)],
    bytes: size => bytesOf(body(filled('> a a a a a a a\n', size))),
  },
  {
    name: 'known texts, a thousand of short lines',
    texts: Array.from({ length: 1_000 }, (_, n) => `a${n}\nb\nc${n}\nd\n`.repeat(8)),
    bytes: size => bytesOf(body(numbered(n => `> a${n}\n> b\n> no\n`, size))),
  },
  {
    name: 'known texts, ten long ones',
    texts: Array.from({ length: 10 }, (_, n) => filled(`z${n} ${'q'.repeat(n)}xyzzy `, 256 * 1024)),
    bytes: size => bytesOf(body(`no\n\nAnn wrote:\n${filled('> words of a quote that is not there\n', size)}`)),
  },
];

/** All of them; each name once. */
export const HOSTILE_MAILS: readonly HostileMail[] = [
  ...mailsOf('', HEADERS),
  ...mailsOf('parts: ', PARTS),
  ...mailsOf('', ENCODINGS),
  ...mailsOf('', CHARSETS),
  ...mailsOf('', TEXTS),
  ...mailsOf('', HTMLS),
  ...mailsOf('report: ', BOUNCES, true),
  ...mailsOf('', CONTAINERS),
  ...CHATS.map(mail => ({ ...mail, isBounce: false })),
];

function mailsOf(before: string, table: Table, isBounce = false): HostileMail[] {
  return Object.entries(table).map(([name, make]) => ({
    name: before + name,
    bytes: size => bytesOf(make(size)).subarray(0, size),
    isBounce,
  }));
}

/** Texts that have characters beyond latin1 are UTF-8; the others are bytes. */
function bytesOf(mail: string | Buffer): Buffer {
  if (typeof mail !== 'string') return mail;
  return Buffer.from(mail, /[\u0100-\uffff]/.test(mail) ? 'utf8' : 'latin1');
}

/** Every piece in every form. */
function each(
  pieces: Pieces,
  what: string,
  forms: Readonly<Record<string, (piece: string, name: string) => Make>>,
): Table {
  return Object.fromEntries(
    Object.entries(pieces).flatMap(([name, piece]) =>
      Object.entries(forms).map(([form, make]): [string, Make] => [
        `${what} ${name}${form === '' ? '' : `, ${form}`}`,
        make(piece, name),
      ]),
    ),
  );
}
