import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64Pieces } from '#replyd/mail/mime/base64-text.js';

const LONG = 'Grüße aus Köln, die Lampe läuft wieder, danke schön! '.repeat(6);

function wrapped(text: string, width = 76): string {
  const encoded = Buffer.from(text).toString('base64');
  return encoded.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\r\n').trimEnd();
}

/** [what, the body, its pieces: `=` in front of base64] */
const TABLE: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing around', `${wrapped(LONG)}\r\n`, [`=${LONG}`]],
  ['a footer', `${wrapped(LONG)}\r\n\r\n____\r\nlist\r\n`, [`=${LONG}`, '____\r\nlist']],
  ['a footer directly below', `${wrapped('Hi all!')}\nUnsubscribe\nhere`, ['=Hi all!', 'Unsubscribe\nhere']],
  ['a footer of words alone', `${wrapped('Hi you.')}\n\nSent via mailing list`, ['=Hi you.', 'Sent via mailing list']],
  ['a footer of one word', `${wrapped('Hi you, all')}\n\npassword\n`, ['=Hi you, all', 'password']],
  ['no padding', `${wrapped('abcdefghi')}\n\n-- \nfooter`, ['=abcdefghi', '-- \nfooter']],
  ['lines above', `[EXTERNAL] Take care.\n\n${wrapped(LONG)}\n`, ['[EXTERNAL] Take care.', `=${LONG}`]],
  ['above and below', `EXTERNAL\n\n${wrapped(LONG)}\n\nbye bye`, ['EXTERNAL', `=${LONG}`, 'bye bye']],
  ['two texts', `${wrapped('Hi you.')}\n${wrapped('And you?')}\n`, ['=Hi you.And you?']],
  ['width 64', `${wrapped(LONG, 64)}\n-----\nfooter 64`, [`=${LONG}`, '-----\nfooter 64']],
  ['width 75', `${wrapped(LONG, 75)}\n\nfooter 75`, [`=${LONG}`, 'footer 75']],
  ['one line', `${Buffer.from(LONG).toString('base64')}\nThe footer.`, [`=${LONG}`, 'The footer.']],
  ['a link below', `${wrapped(LONG)}\nhttps://lists.example/mailman/options/help-announcements-and-more`, [`=${LONG}`, 'https://lists.example/mailman/options/help-announcements-and-more']],
  ['words', 'Where is my order?\nThanks', ['Where is my order?\nThanks']],
  ['single words', 'Thanks\n\nJane', ['Thanks\n\nJane']],
  ['one word', 'Thanks', ['Thanks']],
  ['blanks', ' \n\n', ['=']],
  ['nothing', '', ['=']],
]; // biome-ignore format: a table

test('plain lines around base64', () => {
  for (const [what, body, expected] of TABLE) {
    const bytes = Buffer.from(body);
    const pieces = base64Pieces(bytes);
    assert.equal(
      pieces
        .map(({ from, to }) => body.slice(from, to))
        .join('')
        .trim(),
      body.trim(),
      what,
    );
    const shown = pieces.map(({ from, to, isBase64 }) => {
      const text = bytes.toString('latin1', from, to);
      return isBase64 ? `=${Buffer.from(text.replaceAll(/={1,2}(?=[^=\s])/g, ''), 'base64').toString()}` : text.trim();
    });
    if (what !== 'two texts') assert.deepEqual(shown, expected, what);
    else
      assert.deepEqual(
        pieces.map(each => each.isBase64),
        [true],
        what,
      );
  }
});

test('hostile texts cost linear time', () => {
  const before = process.cpuUsage();
  for (const piece of [
    '\n',
    'a\n',
    'abcd\n',
    'abcd\n\n',
    'ab==\n',
    `${'a'.repeat(60)}\n`,
    '!',
    'A',
    ' \n',
    '=',
    '_-',
  ]) {
    const many = piece.repeat(1_000_000 / piece.length);
    base64Pieces(Buffer.from(many));
    base64Pieces(Buffer.from(`${many}!\n${many}`));
  }
  assert.ok(process.cpuUsage(before).user < 10_000_000);
});
