import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tokenizer } from 'htmlparser2';
import { SwiftTokenizer } from '#replyd/mail/html/tokens.js';
import { corpusMails } from '../corpus.js';

const PIECES: readonly string[] = [
  'a', ' b ', '<p>', '</p>', '<br/>', '<', '</', '< p>', '<p', '>', '&', '&amp', '&amp;', '&ampx', '&#60;', '&#x3c', '&#', '&nope;',
  '&notit;', '<p title="a&lt;b', '"', "'", '<p title=\'a"&quot;', "<p title='", '<p title=a&amp', '<p title=a', '<p title>',
  '<p title=""', '<!--', '-->', '--', '-', '--->', '<!-->', '<!doctype html>', '<![CDATA[', ']]>', ']', '<?x', '?>', '<//>',
  '<style>', '</style>', '<title>', '</title>', '<script>a<b&amp;', '</script', '<textarea>', '\0', '\u00e9\u{1f600}', '=',
]; // biome-ignore format: a table

function tokensOf(kind: typeof Tokenizer, chunks: readonly string[]): unknown[] {
  const tokens: unknown[] = [];
  const seen =
    (name: string) =>
    (...values: unknown[]) => {
      tokens.push([name, ...values]);
    };
  const tokenizer = new kind(
    { decodeEntities: true },
    {
      onattribdata: seen('onattribdata'),
      onattribentity: seen('onattribentity'),
      onattribend: seen('onattribend'),
      onattribname: seen('onattribname'),
      oncdata: seen('oncdata'),
      onclosetag: seen('onclosetag'),
      oncomment: seen('oncomment'),
      ondeclaration: seen('ondeclaration'),
      onend: seen('onend'),
      onopentagend: seen('onopentagend'),
      onopentagname: seen('onopentagname'),
      onprocessinginstruction: seen('onprocessinginstruction'),
      onselfclosingtag: seen('onselfclosingtag'),
      ontext: seen('ontext'),
      ontextentity: seen('ontextentity'),
    },
  );
  for (const chunk of chunks) tokenizer.write(chunk);
  tokenizer.end();
  return tokens;
}

test('the same tokens as the tokenizer that looks at every character', () => {
  const triples = PIECES.flatMap(a => PIECES.flatMap(b => PIECES.map(c => a + b + c)));
  const mails = corpusMails().map(mail => mail.bytes.toString('latin1'));
  for (const html of [...triples, ...mails]) {
    assert.deepEqual(tokensOf(SwiftTokenizer, [html]), tokensOf(Tokenizer, [html]), html);
  }
  // In pieces as well, wherever they are cut.
  for (const mail of mails) {
    const chunks = mail.match(/[\s\S]{1,997}/g)!;
    assert.deepEqual(tokensOf(SwiftTokenizer, chunks), tokensOf(Tokenizer, chunks));
  }
});
