/**
 * Dialogues to be played with the door: sentences of SMTP's grammar, honest and dishonest ones, then broken. All of a
 * dialogue follows from the seed, its number and the addresses of the world: bytes, the pieces they are sent in, where
 * the client waits, and how it leaves. Strings are latin1: one character is one byte.
 */
import { dotStuffed } from '../interop/smtp-talk.js';
import { mutatedMail } from './mails.js';
import { mutated } from './mutation.js';
import { pick, type Random, randomFrom, weighted } from './random.js';

export interface World {
  readonly domain: string;
  /** Reply addresses of living conversations. */
  readonly replies: readonly string[];
  readonly inbox: string;
  readonly revoked: string;
  /** At a domain whose account takes no mail. */
  readonly switchedOff: string;
  /** A sender on the block list. */
  readonly blocked: string;
  /** Mails to take bodies from. */
  readonly corpus: readonly Buffer[];
}

export interface Piece {
  readonly bytes: Buffer;
  /** Behind it the client waits for all it is owed, or lets a moment pass, or sends on at once. */
  readonly next: 'wait' | 'turn' | 'on';
}

export interface Dialogue {
  readonly number: number;
  readonly pieces: readonly Piece[];
  /**
   * stay: the next dialogue goes on where this one stopped; tidy: behind a RSET; half: the client ends its half and
   * waits; reset, close: it is gone (RST, FIN) without waiting for anything.
   */
  readonly end: 'stay' | 'tidy' | 'half' | 'reset' | 'close';
  /** What the client does when it is told to start TLS. */
  readonly tls: 'handshake' | 'garbage';
}

/** Where a chain of dialogues is played: one client, which comes back when it was sent away. */
export type Door = 'smtp' | 'stranger' | 'lmtp';

/** Dialogues that share a client and, while it lasts, its connection. */
export const CHAIN = 8;

/** Chain `index` (dialogues `index * CHAIN` and the following) and its door. */
export function chainOf(seed: number, index: number, world: World): { door: Door; dialogues: readonly Dialogue[] } {
  const random = randomFrom(Math.imul(seed, 0x85ebca6b) - index - 1);
  const door = weighted<Door>(random, [[6, 'smtp'], [3, 'lmtp'], [1, 'stranger']]); // biome-ignore format: a table
  const numbers = Array.from({ length: CHAIN }, (_, step) => index * CHAIN + step);
  return { door, dialogues: numbers.map(number => dialogue(seed, number, { door, world })) };
}

function dialogue(seed: number, number: number, { door, world }: { door: Door; world: World }): Dialogue {
  const random = randomFrom(Math.imul(seed, 0x85ebca6b) + number);
  const say = speaker(random, world, { door, mark: `${seed}.${number}` });
  let bytes: Buffer = Buffer.from(sentence(random, say), 'latin1');
  const changes = weighted(random, [[35, 0], [30, 1], [20, 2], [10, 4], [5, 12]]); // biome-ignore format: a table
  if (changes > 0) {
    const other = Buffer.from(sentence(random, say), 'latin1');
    bytes = mutated(bytes, other, random, { snippets: SNIPPETS, repeats: 40, lineEnds: 'one', count: changes });
  }
  const end = weighted<Dialogue['end']>(
    random,
    [[50, 'tidy'], [18, 'stay'], [14, 'half'], [9, 'reset'], [9, 'close']], // biome-ignore format: a table
  );
  return {
    number,
    pieces: cut(bytes, random),
    end,
    tls: weighted(random, [[9, 'handshake'], [1, 'garbage']]), // biome-ignore format: a table
  };
}

/** In one piece, line by line as a client without PIPELINING, or anywhere, down to single bytes. */
function cut(bytes: Buffer, random: Random): Piece[] {
  const manner = weighted<'whole' | 'lines' | 'anywhere' | 'bytes'>(
    random,
    [[40, 'whole'], [25, 'lines'], [32, 'anywhere'], [3, 'bytes']], // biome-ignore format: a table
  );
  if (manner === 'whole' || bytes.length === 0) return [{ bytes, next: 'on' }];
  const pieces: Piece[] = [];
  let from = 0;
  while (from < bytes.length) {
    const lineEnd = bytes.indexOf(0x0a, from);
    let to = bytes.length;
    if (manner === 'lines' && pieces.length < 60) to = lineEnd === -1 ? bytes.length : lineEnd + 1;
    else if (manner === 'bytes' && pieces.length < 200) to = from + 1;
    else if (manner === 'anywhere' && pieces.length < 12) to = from + 1 + random(bytes.length - from);
    const next = manner === 'lines' ? 'wait' : pick(random, ['on', 'turn', 'turn', 'wait'] as const);
    pieces.push({ bytes: bytes.subarray(from, to), next });
    from = to;
  }
  return pieces;
}

/** Everything a client may say, each time another way. */
interface Speaker {
  hello(): string;
  mail(): string;
  recipient(): string;
  data(): string;
  content(): string;
  other(): string;
}

function sentence(random: Random, say: Speaker): string {
  const letter = (recipients: number) =>
    say.mail() +
    Array.from({ length: recipients }, () => say.recipient()).join('') +
    (random(12) === 0 ? say.other() : '') +
    say.data() +
    say.content();
  const salad = () =>
    pick(random, [say.hello, say.mail, say.recipient, say.data, say.content, say.other, say.other] as const)();
  switch (
    weighted(random, [
      [60, 'letters'],
      [18, 'salad'],
      [10, 'orders'],
      [8, 'again'],
      [4, 'noise'],
    ] as const)
  ) {
    case 'letters':
      return say.hello() + Array.from({ length: 1 + random(3) }, () => letter(1 + random(3))).join('');
    case 'salad':
      return Array.from({ length: 1 + random(12) }, salad).join('');
    case 'orders':
      return say.hello() + Array.from({ length: 1 + random(8) }, say.other).join('') + letter(1);
    case 'again': {
      const whole = letter(1 + random(2));
      return say.hello() + whole + whole;
    }
    case 'noise':
      return pick(random, NOISE) + (random(2) === 0 ? say.hello() + letter(1) : '');
  }
}

function speaker(random: Random, world: World, { door, mark }: { door: Door; mark: string }): Speaker {
  let letters = 0;
  const line = (text: string) => text + weighted(random, [[60, '\r\n'], [1, '\n'], [1, ' \r\n']]); // biome-ignore format: a table
  const cased = (text: string) =>
    weighted(random, [[12, text], [2, text.toLowerCase()], [1, mixed(text, random)]]); // biome-ignore format: a table
  const live = () => pick(random, world.replies);
  return {
    hello() {
      const right = door === 'lmtp' ? 'LHLO' : 'EHLO';
      const verb = weighted(random, [[20, right], [2, 'HELO'], [1, 'EHLO'], [1, 'LHLO']]); // biome-ignore format: a table
      return line(
        `${cased(verb)} ${weighted(random, [
          [30, 'client.example'],
          [5, pick(random, NAMES)],
        ])}`,
      );
    },
    mail() {
      const from = weighted(random, [[20, 'carla@customer.example'], [4, ''], [4, pick(random, SENDERS)], [1, world.blocked]]); // biome-ignore format: a table
      const parameters =
        random(4) > 0 ? '' : Array.from({ length: 1 + random(3) }, () => pick(random, PARAMETERS)).join('');
      return line(
        `${cased('MAIL FROM:')}${weighted(random, [
          [20, ''],
          [1, ' '],
          [1, '\t'],
        ])}<${from}>${parameters}`,
      );
    },
    recipient() {
      const alike = lookAlike(live(), random, world);
      const to = weighted(random, [
        [60, live()], [4, world.inbox], [2, world.revoked], [2, world.switchedOff], [3, live().toUpperCase()],
        [3, mixed(live(), random)], [2, 'postmaster'], [1, `Abuse@${world.domain}`], [2, pick(random, STRANGE)], [6, alike],
      ]); // biome-ignore format: a table
      const route = random(40) === 0 ? '@hop.example,@hop2.example:' : '';
      const parameters = random(12) === 0 ? pick(random, RECIPIENT_PARAMETERS) : '';
      return line(`${cased('RCPT TO:')}${random(30) === 0 ? ' ' : ''}<${route}${to}>${parameters}`);
    },
    data: () => line(cased('DATA')),
    content() {
      letters += 1;
      return content(random, world, `${mark}.${letters}`);
    },
    other() {
      // Another stranger each time: what one of them may do wears off within an hour only.
      const address = `198.${18 + random(2)}.${random(256)}.${random(256)}`;
      const words = weighted(random, OTHER).replace('198.18.0.0', address);
      return line(cased(words) + (random(40) === 0 ? ' x' : ''));
    },
  };
}

function content(random: Random, world: World, mark: string): string {
  const fields = `From: Carla <carla@customer.example>\r\nSubject: ${mark}\r\nMessage-ID: <${mark}@customer.example>\r\n`;
  const small = `${fields}\r\nIt is about ${mark}.\r\n`;
  const end = weighted(random, [[80, '.\r\n'], [1, ''], [1, '.\n']]); // biome-ignore format: a table
  const large = (size: number) => `${small}${`${'lorem ipsum '.repeat(6)}\r\n`.repeat(Math.ceil(size / 74))}`;
  switch (
    weighted(random, [
      [560, 'small'], [60, 'same'], [40, 'tiny'], [160, 'smuggle'], [60, 'dots'], [100, 'corpus'], [10, 'hops'],
      [20, 'blocked'], [6, 'large'], [1, 'spooled'], [2, 'over'], [1, 'far over'],
    ] as const) // biome-ignore format: a table
  ) {
    case 'small':
      return small + end;
    case 'same':
      return `Message-ID: <same${random(3)}@customer.example>\r\n\r\nThe same words again.\r\n${end}`;
    case 'tiny':
      return pick(random, ['', '\r\n', 'x\r\n', ' \r\n', ':\r\n', '\0\r\n', '\xff\r\n', `${mark}\r\n`]) + end;
    case 'smuggle': {
      const hidden = `MAIL FROM:<carla@customer.example>\r\nRCPT TO:<${pick(random, world.replies)}>\r\nDATA\r\nSmuggled: ${mark}\r\n`;
      return `${small}${pick(random, ENDS)}${hidden}${pick(random, ENDS)}${end}`;
    }
    case 'dots':
      return small + Array.from({ length: 1 + random(6) }, () => pick(random, DOTS)).join('') + end;
    case 'corpus': {
      const mail = mutatedMail(pick(random, world.corpus), pick(random, world.corpus), random).subarray(0, 60_000);
      return random(4) > 0 ? dotStuffed(mail).toString('latin1') : mail.toString('latin1') + end;
    }
    case 'hops':
      return `${'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n'.repeat(49 + random(4))}${small}${end}`;
    case 'blocked':
      return `${small.replace('carla@customer.example', world.blocked)}${end}`;
    case 'large':
      return large(20_000 + random(60_000)) + end;
    case 'spooled':
      return large(270_000) + end;
    case 'over':
      return large(310_000) + end;
    case 'far over':
      return large(1_800_000) + end;
  }
}

/** An address that is nearly `address`, and nobody's. */
function lookAlike(address: string, random: Random, world: World): string {
  const [local = '', domain = ''] = address.split('@');
  const token = local.slice(local.search(/[+=-]/) + 1);
  const at = random(token.length);
  const digit = token[at] === 'a' ? 'b' : 'a';
  return pick(random, [
    `reply+${token.slice(0, at)}${digit}${token.slice(at + 1)}@${domain}`, `reply+${token.slice(1)}@${domain}`,
    `reply+${token}0@${domain}`, `reply+${token}@sub.${domain}`, `reply+${token}@${domain}.example`, `reply${token}@${domain}`,
    `bounce+${token}@${domain}`, `inbox+${token}@${domain}`, `"reply+${token}"@${domain}`, `reply+${token}@@${domain}`,
    `reply+${token}%${domain}@elsewhere.example`, `elsewhere.example!reply+${token}@${domain}`, `reply+@${domain}`,
    `reply+${token}\0@${domain}`, `reply+\xef\xbc\x90${token.slice(1)}@${domain}`, `reply+${token}@${domain.replace('e', '\xd0\xb5')}`,
    `reply+${token}@xn--${domain}`, `reply+ ${token}@${domain}`, `reply+${token}@${domain}\r`, `reply+${token}`, `@${domain}`,
    `reply+${token.slice(0, 16)}*@${domain}`, `reply+${'0'.repeat(32)}@${domain}`, `reply+${token}@[127.0.0.1]`,
    `reply+${token}'or'1'='1@${domain}`, `reply+${token}@${domain}/../${world.domain}`, `reply++${token}@${domain}`,
  ]); // biome-ignore format: a table
}

function mixed(text: string, random: Random): string {
  return [...text].map(letter => (random(2) === 0 ? letter.toLowerCase() : letter.toUpperCase())).join('');
}

const NAMES = [
  '[192.0.2.1]', '[IPv6:2001:db8::1]', 'b\xc3\xbccher.example', 'WIN-XP', '-', 'a b', '', '\0', 'x'.repeat(290), 'x'.repeat(320),
  'replyd-postfix', 'under_score.example', '<client.example>', '\t', '%s%s%n',
]; // biome-ignore format: a list

const SENDERS = [
  'a.@docomo.example', 'a..b@under_score.example', '"quoted part"@customer.example', '"a\\"b"@customer.example', 'no-domain',
  'd\xc3\xb6rte@b\xc3\xbccher.example', '@hop.example:carla@customer.example', `${'x'.repeat(300)}@customer.example`, '<>', ' ',
  'MAILER-DAEMON', 'carla@customer.example>', '<carla@customer.example', 'carla@[192.0.2.7]', 'carla@xn--', 'c\x01@customer.example',
  'carla@xn--zckzah.example', '"', '"@', 'a@b@c.example', '#@[]', '\xff@\xfe',
]; // biome-ignore format: a list

const PARAMETERS = [
  ' SIZE=100', ' SIZE=300001', ' SIZE=99999999999999999999', ' SIZE=999999999999999999999999', ' SIZE=-1', ' SIZE=', ' SIZE', ' size=1e3',
  ' BODY=8BITMIME', ' BODY=7bit', ' BODY=BINARYMIME', ' BODY', ' SMTPUTF8', ' SMTPUTF8=1', ' RET=FULL', ' RET=HDRS', ' RET=x', ' RET=',
  ' ENVID=abc+20def', ' ENVID=ab+0D+0Acd', ' ENVID', ' REQUIRETLS', ' REQUIRETLS=1', ' AUTH=<>', ' XYZ', ' XYZ=1 XYZ=2', ' =', ' =1',
  ' __proto__=1', ' constructor=x', ' \xc3\xa4=\xc3\xb6', '  ', '\t', ' BY=120;R', ' MT-PRIORITY=9', ' SIZE=1 SIZE=2', ' \x7f=\x1b',
]; // biome-ignore format: a list

const RECIPIENT_PARAMETERS = [
  ' NOTIFY=NEVER', ' NOTIFY=SUCCESS,FAILURE', ' NOTIFY=', ' NOTIFY', ' ORCPT=rfc822;carla@customer.example', ' ORCPT=', ' ORCPT=x',
  ' XYZ', ' XYZ=1 XYZ=2', ' NOTIFY=NEVER NOTIFY=NEVER', ' =', ' SIZE=1',
]; // biome-ignore format: a list

const OTHER = [
  [10, 'RSET'], [6, 'NOOP'], [2, 'NOOP some words'], [3, 'HELP'], [1, 'HELP MAIL'], [3, 'VRFY carla'], [1, 'VRFY'], [2, 'EXPN all'],
  [3, 'QUIT'], [4, 'STARTTLS'], [1, 'STARTTLS now'], [2, 'AUTH PLAIN AGEAYg=='], [1, 'AUTH LOGIN'], [1, 'AUTH'], [2, 'BDAT 5 LAST\r\nhello'],
  [1, 'BDAT 0 LAST'], [1, 'BDAT'], [1, 'ETRN reply.example.com'], [1, 'TURN'], [1, 'SEND FROM:<>'], [1, 'WIZ'], [1, 'KILL'], [1, 'SHELL'],
  [5, 'XCLIENT ADDR=198.18.0.0 NAME=other.example'], [2, 'XCLIENT ADDR=IPV6:2001:db8::9'], [1, 'XCLIENT ADDR=[UNAVAILABLE]'],
  [1, 'XCLIENT NAME=spike.example'], [1, 'XCLIENT ADDR=127.0.0.1'], [1, 'XCLIENT LOGIN=carla'], [1, 'XCLIENT LOGIN=[UNAVAILABLE]'], [1, 'XCLIENT'],
  [1, 'XCLIENT ADDR=x'], [1, 'XCLIENT ADDR=1.2.3.4 ADDR=127.0.0.1'], [1, 'XCLIENT NAME=a+0D+0Ab'], [1, 'XCLIENT FOO=1'], [1, 'XCLIENT NAME'],
  [1, 'XCLIENT PORT=99999999 PROTO=ESMTP HELO=x LOGIN='], [1, 'XFORWARD ADDR=192.0.2.1'], [1, 'MAIL'], [1, 'RCPT'], [1, 'MAIL FROM:'],
  [1, 'RCPT TO:'], [1, 'MAIL FROM carla@customer.example'], [1, 'DATA x'], [1, 'MAIL_FROM_OK'], [1, 'RCPT_TO_OK'], [1, 'DATA_OK x'],
  [1, 'AUTH_SUCCESS'], [1, 'constructor'], [1, '__proto__'], [1, ''], [1, '250 OK'], [1, 'R\xc5\xbfET'], [1, 'Ma\xc4\xb1l FROM:<>'], [1, '.'],
] as const; // biome-ignore format: a list

const STRANGE = [
  '', '<>', 'root', 'carla@customer.example', '@', 'a@b@c', '"" @x', 'postmaster@elsewhere.example', 'Postmaster', '|/bin/sh', '../../etc',
  '"postmaster"', `${'x'.repeat(400)}@reply.example.com`, 'inbox@reply.example.com', 'reply@reply.example.com', '*@reply.example.com',
]; // biome-ignore format: a list

const DOTS = [
  '..\r\n', '...\r\n', '.\n', '\n.\n', '..\n', '\n..\n', '\r.\r\n', '\r\n..\r\n', ' .\r\n', '. \r\n', '.\0\r\n', '\r\n.x\r\n', '..x\r\n', '\r',
  '.\r\r\n', '\r\n.\r\r\n',
]; // biome-ignore format: a list

/** What other servers took for the end of the data. */
const ENDS = [
  '\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\r\n', '\r\n.\r', '\n.\r', '\r\n.\r\r\n', '\r\r\n.\r\r\n', '\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n..\r\n',
  '\n\n.\r\n', '\r\n.\r\n', '\x85.\x85', '\r\n.\r\n\r\n', '\x0b.\x0b', '\r\n .\r\n',
]; // biome-ignore format: a list

/** What comes from clients that speak something else. */
const NOISE = [
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n', '\r\n\r\n\x00\r\nQUIT\n', '\r\n'.repeat(30), '\0'.repeat(100), 'SSH-2.0-x\r\n', '\xff\xf4\xff\xfd\x06',
  `EHLO ${'x'.repeat(5000)}`, `${'y'.repeat(4096)}\r\n`, `${'z'.repeat(4097)}\r\n`, 'NOOP\r\n'.repeat(150), 'QUIT\r\nQUIT\r\n', '{"a":1}\n',
  'STARTTLS\r\nMAIL FROM:<carla@customer.example>\r\n', 'EHLO x\r\nSTARTTLS\r\nEHLO y\r\nRSET\r\n', '\r'.repeat(50), '220 x\r\n250 y\r\n354 z\r\n',
]; // biome-ignore format: a list

const SNIPPETS = [
  '\r\n', '\n', '\r', '\0', '\xff', '\xc3\xa4', '\xe2\x80\x8b', ' ', '\t', '  ', ':', '<', '>', '<>', '"', '\\', '@', '=', '+', ',', ';', '.', '..',
  '\r\n.\r\n', '\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\nRSET\r\n', '\r\nQUIT\r\n', '\r\nNOOP\r\n', '\r\nDATA\r\n', 'MAIL FROM:<>\r\n',
  'RCPT TO:<postmaster>\r\n', '\r\nSTARTTLS\r\n', ' SIZE=1', ' BODY=8BITMIME', '\x1b[2J', '%s', 'x'.repeat(200), '250 2.0.0 ok\r\n', '\x04', '\x08',
]; // biome-ignore format: a list
