/**
 * SMTP smuggling. An attacker writes a mail through an honest MTA that passes wrong line ends on, and hopes that the next
 * server takes one of them for the end of the data: what follows would be commands, and a second mail with a forged
 * sender. What must hold: only CRLF.CRLF ends the data (RFC 5321 4.1.1.4), at both doors, wherever the wrong end stands and
 * however the bytes are cut into segments. One mail is filed or refused, one answer is given, and nothing is ever on record
 * from the forged sender.
 */
import { type AttackKind, eachOf, newTally } from './attack.js';
import { type Door, type Target, TRUSTED } from './target.js';

/** None of them is CRLF.CRLF, whatever stands in front. */
const ENDS: readonly string[] = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\n.\r',
  '\r.\n',
  '\n\r.\n\r',
  '\r\n.\n\r',
  '\n\r\n.\n',
  '\r\n\r.\r',
  '\r\r\n.\r\r\n',
  '\r\n.\r\r\n',
  '\r\r.\r\r',
  '\n\n.\n\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n.\r\0\n',
  '\r\0\n.\r\0\n',
  '\r\n. \r\n',
  '\r\n .\r\n',
  '\r\n.\t\r\n',
  '\r\n..\r\n',
  '\r\n.\x0b\r\n',
  '\r\n.\b\r\n',
  '\x0b.\x0b',
  '\x0c.\x0c',
  '\x1e.\x1e',
  '\x85.\x85',
  '\xc2\x85.\xc2\x85',
  '\xe2\x80\xa8.\xe2\x80\xa8',
  '\xe2\x80\xa9.\xe2\x80\xa9',
  '\r\n\xef\xbc\x8e\r\n',
  '\r\n\xef\xbb\xbf.\r\n',
  '\x8d\x8a.\x8d\x8a',
  '\r\n=2E\r\n',
  '\\r\\n.\\r\\n',
];

interface Place {
  readonly name: string;
  /** What stands before and behind the wrong end. */
  readonly around: (word: string) => readonly [string, string];
}

const FIELDS = 'From: Carla <carla@customer.example>\r\nSubject: Re: parcel\r\n';
const PLACES: readonly Place[] = [
  { name: 'behind text', around: word => [`${head(word)}\r\nWords ${word}`, ''] },
  { name: 'behind a line', around: word => [`${head(word)}\r\nWords ${word}\r\n`, ''] },
  { name: 'in the header', around: word => [head(word).slice(0, -2), ''] },
  { name: 'behind the header', around: word => [head(word), ''] },
  { name: 'at the start', around: word => ['', `\r\n${head(word)}\r\n`] },
  { name: 'behind a lone CR', around: word => [`${head(word)}\r\nWords ${word}\r`, ''] },
];

function head(word: string): string {
  return `${FIELDS}Message-ID: <${word}@customer.example>\r\n`;
}

const FORGED = 'ceo@bank.example';

/** What would be commands, with the same wrong end for its own data as well. */
function smuggled(recipient: string, word: string, end: string): string {
  return (
    `MAIL FROM:<${FORGED}>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n` +
    `From: <${FORGED}>\r\nSubject: urgent\r\nMessage-ID: <forged-${word}@bank.example>\r\n\r\nPay ${word}.${end}`
  );
}

interface Try {
  readonly door: Door;
  readonly end: string;
  readonly place: Place;
  readonly from: string;
  /** Where the wrong end is cut into two segments; null: all at once. */
  readonly cut: number | null;
}

function allTries(target: Target, short: boolean): Try[] {
  const tries: Try[] = [];
  for (const door of ['smtp', 'lmtp'] as const) {
    for (const end of ENDS) {
      for (const place of PLACES) {
        // A dot behind a lone CR completes an end that begins with LF.
        if (place.name === 'behind a lone CR' && end.startsWith('\n')) continue;
        tries.push({ door, end, place, from: TRUSTED, cut: null });
      }
      const cuts = short ? [1] : Array.from({ length: end.length - 1 }, (_, index) => index + 1);
      for (const cut of cuts) tries.push({ door, end, place: PLACES[0]!, from: TRUSTED, cut });
      if (door === 'smtp') tries.push({ door, end, place: PLACES[0]!, from: target.stranger(), cut: null });
    }
  }
  return tries;
}

export const smuggling: AttackKind = {
  name: 'smuggling',
  about: 'wrong line ends as the end of the data, with a second mail behind them',
  async run(target, { short }) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    await eachOf(allTries(target, short), 8, async (one, index) => {
      const word = `word${index}`;
      const name = `${one.door}, ${JSON.stringify(one.end)} ${one.place.name}${one.cut === null ? '' : `, cut at ${one.cut}`}`;
      tally.count(name, await tryOne(target, one, { recipient: reply_to, word }));
    });
    const forged = target.db.value<number>('select count(*) from mail where mail_from = $1', FORGED) ?? 0;
    tally.count('nothing is on record from the forged sender', forged === 0 ? null : `${forged} mails are`);
    return tally.result();
  },
};

async function tryOne(
  target: Target,
  { door, end, place, from, cut }: Try,
  { recipient, word }: { recipient: string; word: string },
): Promise<string | null> {
  const sender = `${word}@honest.example`;
  const talk = await target.session(door, { from });
  try {
    await talk.command(`MAIL FROM:<${sender}>`, 250);
    await talk.command(`RCPT TO:<${recipient}>`, 250);
    await talk.command('DATA', 354);
    const [before, behind] = place.around(word);
    // Behind a wrong end that stands first comes the honest mail, so that there is one to file.
    const rest = `${smuggled(recipient, word, end)}${behind}\r\n.\r\nQUIT\r\n`;
    if (cut === null) talk.sendBytes(before + end + rest);
    else {
      talk.sendBytes(before + end.slice(0, cut));
      await new Promise(resolve => setTimeout(resolve, 5));
      talk.sendBytes(end.slice(cut) + rest);
    }
    const replies = await talk.untilEnd();
    const said = replies.map(reply => reply.raw).join(' | ');
    if (replies.length !== 2 || replies[1]!.code !== 221) return `answered ${said}`;
    const filed = target.db.value<number>('select count(*) from mail where mail_from = $1', sender);
    const due = replies[0]!.code === 250 ? 1 : 0;
    return filed === due ? null : `answered ${said}, and ${filed} mails are on record`;
  } catch (error) {
    return String(error);
  } finally {
    talk.close();
  }
}
