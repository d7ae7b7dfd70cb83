/**
 * Hostile mails. Depth, number and length where a reader may not expect them, archives that unpack to a world, structures that
 * mean two things, names that are paths. The attacker wants a dead or a busy daemon, or a file elsewhere. What must hold:
 * each mail is filed, as far as it can be read, or refused with a 5xx, within a bounded time; the daemon lives; the names of
 * attachments that the API gives out are bare names; nothing is written outside of the data folder, nothing fetched.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { type AttackKind, memorySteps, newTally } from './attack.js';
import { ask } from './http-client.js';
import type { Target } from './target.js';

/** `limits.parse_time`, three readers in a row, and some more. */
const ANSWER_TIME = 90_000;
const MIB = 1024 * 1024;

const PATHS: readonly string[] = [
  '../../../../tmp/replyd-attack-escaped',
  '/tmp/replyd-attack-escaped',
  '..\\..\\replyd-attack-escaped.exe',
  'C:\\Windows\\replyd-attack-escaped.exe',
  '....//....//tmp/replyd-attack-escaped',
  '%2e%2e%2f%2e%2e%2ftmp%2freplyd-attack-escaped',
  'a\0b.txt',
  '..',
  '.',
  '',
  ' ',
  '/',
  '~/.ssh/authorized_keys',
  'CON',
  'a:stream',
  '\u202ecod.exe',
  'a\u2215b\uff0fc\u29f5d',
  `${'a'.repeat(5000)}.txt`,
  'a\r\nSet-Cookie: x=y',
  '"; filename="b',
  "a'; drop table mail; --",
  '$(id)`id`|id',
  '-rf',
];

function named(filename: string): string {
  const quoted = filename.replaceAll(/["\\]/g, '\\$&').replaceAll(/[\r\n]+/g, '\n ');
  const coded = encodeURIComponent(filename).replaceAll(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`);
  const word = `=?utf-8?B?${Buffer.from(filename).toString('base64')}?=`;
  const forms = [
    `filename="${quoted}"`,
    `filename*=utf-8''${coded}`,
    `filename="${word}"`,
    `filename*0*=utf-8''${coded}; filename*1=.txt`,
  ];
  const part = (form: string) =>
    `--b\nContent-Type: application/octet-stream; name="${quoted}"\nContent-Disposition: attachment; ${form}\n\nx\n`;
  return `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the files.\n${forms.map(part).join('')}--b--\n`;
}

/** Each level within the one before. */
function nested(levels: number, kind: 'multipart' | 'message'): string {
  if (kind === 'message') return `${'Content-Type: message/rfc822\n\n'.repeat(levels)}Subject: inside\n\nx\n`;
  const heads = Array.from({ length: levels }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`);
  return `${heads.join('')}\nx\n`;
}

function attachment(type: string, filename: string, bytes: Buffer): string {
  const coded = bytes.toString('base64').replaceAll(/(.{76})/g, '$1\n');
  return (
    `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the file.\n--b\nContent-Type: ${type}\n` +
    `Content-Disposition: attachment; filename="${filename}"\nContent-Transfer-Encoding: base64\n\n${coded}\n--b--\n`
  );
}

/** A ZIP (APPNOTE 4.3) with entries that overlap: each names the same compressed gigabyte. */
function zipBomb(entries: number): Buffer {
  const data = deflateRawSync(Buffer.alloc(64 * MIB));
  const name = Buffer.from('../../zeros');
  const local = Buffer.alloc(30);
  local.write('PK\x03\x04', 'latin1');
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(data.length, 18);
  local.writeUInt32LE(64 * MIB, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.write('PK\x01\x02', 'latin1');
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(data.length, 20);
  central.writeUInt32LE(64 * MIB, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries, 8);
  end.writeUInt16LE(entries, 10);
  const directory = Buffer.concat(Array.from({ length: entries }, () => Buffer.concat([central, name])));
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(30 + name.length + data.length, 16);
  return Buffer.concat([local, name, data, directory, end]);
}

/** TNEF (MS-OXTNEF): signature, key, then attributes of level, id, length, data, checksum. */
function tnef(attributes: readonly (readonly [level: number, id: number, length: number, data: Buffer])[]): Buffer {
  const head = Buffer.from([0x78, 0x9f, 0x3e, 0x22, 0x01, 0x00]);
  const coded = attributes.map(([level, id, length, data]) => {
    const prefix = Buffer.alloc(9);
    prefix.writeUInt8(level, 0);
    prefix.writeUInt32LE(id, 1);
    prefix.writeUInt32LE(length, 5);
    const sum = Buffer.alloc(2);
    sum.writeUInt16LE(data.reduce((total, byte) => total + byte, 0) % 65_536);
    return Buffer.concat([prefix, data, sum]);
  });
  return Buffer.concat([head, ...coded]);
}

const ATTACH_TITLE = 0x00018010;
const ATTACH_DATA = 0x0006800f;
const ATTACH_START = 0x00069002;
const MESSAGE_PROPS = 0x00069003;

/** A compressed RTF body (MS-OXRTFCP) that claims to unpack to 4 GB. */
function rtfBomb(): Buffer {
  const rtf = Buffer.alloc(64 * 1024, 0xff);
  rtf.writeUInt32LE(rtf.length, 0);
  rtf.writeUInt32LE(0xffffffff, 4);
  rtf.writeUInt32LE(0x75465a4c, 8);
  const props = Buffer.alloc(16);
  props.writeUInt32LE(1, 0);
  props.writeUInt32LE(0x10090102, 4);
  props.writeUInt32LE(1, 8);
  props.writeUInt32LE(rtf.length, 12);
  const data = Buffer.concat([props, rtf]);
  return tnef([[1, MESSAGE_PROPS, data.length, data]]);
}

function mails(short: boolean): Readonly<Record<string, () => string>> {
  const k = short ? 1_000 : 10_000;
  const big = (short ? 2 : 25) * MIB;
  const winmail = (bytes: Buffer) => attachment('application/ms-tnef', 'winmail.dat', bytes);
  const small = Buffer.from('x');
  const files = (count: number): Parameters<typeof tnef>[0] =>
    Array.from({ length: count }, () => [
      [2, ATTACH_START, 14, Buffer.alloc(14)] as const,
      [2, ATTACH_TITLE, 14, Buffer.from('../../etc/abc\0')] as const,
      [2, ATTACH_DATA, 1, small] as const,
    ]).flat();
  return {
    // Depth
    'multipart 10,000 deep': () => nested(10_000, 'multipart'),
    'messages 10,000 deep': () => nested(10_000, 'message'),
    'brackets deep in a type': () => `Content-Type: text/plain; x="${'('.repeat(big / 10)}"\n\nx\n`,
    'comments deep in From': () => `Reply-To: ${'('.repeat(100_000)}a@b.example${')'.repeat(100_000)}\n\nx\n`,
    'groups in groups': () => `Cc: ${'a:'.repeat(100_000)}b@c.example${';'.repeat(100_000)}\n\nx\n`,
    'quotes of quotes': () => `Content-Type: text/plain\n\n${'>'.repeat(100_000)} x\n`,
    'HTML 100,000 deep': () => `Content-Type: text/html\n\n${'<div><blockquote>'.repeat(100_000)}x\n`,
    // Number
    '100,000 header lines': () => `${Array.from({ length: 100_000 }, (_, n) => `X-F${n}: v\n`).join('')}\nx\n`,
    '100,000 of one field': () => `${'Subject: x\n'.repeat(100_000)}\nx\n`,
    'a field in 100,000 lines': () => `X-Long: a\n${' b\n'.repeat(100_000)}\nx\n`,
    '100,000 recipients': () =>
      `Cc: ${Array.from({ length: 100_000 }, (_, n) => `a${n}@b.example`).join(',\n ')}\n\nx\n`,
    '100,000 references': () =>
      `References: ${Array.from({ length: 100_000 }, (_, n) => `<${n}@b.example>`).join('\n ')}\n\nx\n`,
    '100,000 encoded words': () => `X-Words: ${'=?utf-8?B?YQ==?=\n '.repeat(100_000)}\n\nx\n`,
    'a subject of encoded words': () => `Subject: ${'=?utf-8?Q?=41?= '.repeat(50_000)}\n\nx\n`,
    '10,000 parameters': () =>
      `Content-Type: text/plain${Array.from({ length: 10_000 }, (_, n) => `;\n p${n}=v`).join('')}\n\nx\n`,
    '10,000 continuations': () =>
      `Content-Type: text/plain${Array.from({ length: 10_000 }, (_, n) => `;\n name*${n}*=%41`).join('')}\n\nx\n`,
    'continuations with a gap': () =>
      `Content-Type: text/plain; name*0=a; name*4294967295=b; name*999999999999=c; name*-1=d\n\nx\n`,
    '100,000 parts': () => `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(100_000)}--b--\n`,
    'many files': () =>
      `Content-Type: multipart/mixed; boundary=b\n\n${`--b\nContent-Disposition: attachment; filename=a\n\nx\n`.repeat(k)}--b--\n`,
    'many alternatives': () =>
      `Content-Type: multipart/alternative; boundary=b\n\n${'--b\nContent-Type: text/html\n\n<b>x</b>\n'.repeat(k)}--b--\n`,
    'many reports': () =>
      `Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n${'Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n'.repeat(k)}--b--\n`,
    // Length
    'a line of megabytes': () => `Content-Type: text/plain\n\n${'x'.repeat(big)}\n`,
    'a field of megabytes': () => `X-Long: ${'x'.repeat(big / 2)}\n\nx\n`,
    'a field name of megabytes': () => `${'X'.repeat(big / 4)}: a\n\nx\n`,
    'a subject of megabytes': () => `Subject: ${'x '.repeat(big / 8)}\n\nx\n`,
    'empty lines': () => `Content-Type: text/plain\n\n${'\n'.repeat(big)}x\n`,
    blanks: () => `Content-Type: text/plain\n\n${`x${' '.repeat(200)}\n`.repeat(big / 202)}`,
    zeros: () => `Content-Type: text/plain\n\n${'\0'.repeat(big)}\n`,
    'bare CRs': () => `Content-Type: text/plain\n\n${'x\r'.repeat(big / 4)}\n`,
    'no header': () => `\n\n${'x\n'.repeat(1000)}`,
    'a header alone': () => 'X-Nothing: x',
    'HTML of brackets': () => `Content-Type: text/html\n\n${'<'.repeat(big / 4)}\n`,
    'HTML of tags': () => `Content-Type: text/html\n\n${'<b>x</b>'.repeat(big / 8)}\n`,
    'HTML of entities': () => `Content-Type: text/html\n\n${'&amp;'.repeat(big / 8)}\n`,
    'HTML of one attribute': () => `Content-Type: text/html\n\n<b title="${'x'.repeat(big / 4)}">x</b>\n`,
    'HTML of many attributes': () =>
      `Content-Type: text/html\n\n<b ${Array.from({ length: 100_000 }, (_, n) => `a${n}=b`).join(' ')}>x</b>\n`,
    'HTML of comments': () => `Content-Type: text/html\n\n${'<!-- -'.repeat(big / 12)}\n`,
    'words that look like attributions': () =>
      `Content-Type: text/plain\n\n${'On Monday, a@b.example wrote:\n'.repeat(big / 120)}`,
    'dashes and dots': () =>
      `Content-Type: text/plain\n\n${'-- \n__________\n-----Original Message-----\nFrom: a\n'.repeat(big / 200)}`,
    'links without end': () => `Content-Type: text/plain\n\n${'https://a.example/'.repeat(big / 72)}\n`,
    // Boundaries
    'no boundary': () => 'Content-Type: multipart/mixed\n\n--\n\nx\n----\n',
    'an empty boundary': () => `Content-Type: multipart/mixed; boundary=""\n\n${'--\n\nx\n'.repeat(k)}`,
    'a boundary of megabytes': () =>
      `Content-Type: multipart/mixed; boundary="${'b'.repeat(MIB)}"\n\n--${'b'.repeat(MIB)}\n\nx\n`,
    'a boundary in a boundary': () =>
      `Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nx\n--b\n\ny\n--bb--\n--b--\n`,
    'the same boundary inside': () =>
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\nContent-Type: multipart/mixed; boundary=b\n\n'.repeat(k)}`,
    'half boundaries': () => `Content-Type: multipart/mixed; boundary=bbbbbbbbb\n\n${'--bbbbbbbb\n'.repeat(big / 44)}`,
    'dashes as a boundary': () => `Content-Type: multipart/mixed; boundary="--------"\n\n${'-'.repeat(big / 4)}\n`,
    'a boundary of signs': () => `Content-Type: multipart/mixed; boundary="(.*)+[a-z]{9}$"\n\n--(.*)+[a-z]{9}$\n\nx\n`,
    'two boundaries': () =>
      'Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n--b\n\ny\n--a--\n--b--\n',
    'never closed': () => `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'x\n'.repeat(100_000)}`,
    // Codings and charsets
    'base64 that is none': () =>
      `Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${'!*='.repeat(big / 12)}\n`,
    'quoted-printable that is none': () =>
      `Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n${'=='.repeat(big / 8)}=\n`,
    'soft line ends alone': () =>
      `Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n${'=\n'.repeat(big / 8)}\n`,
    'base64 of a multipart': () =>
      `Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n`,
    'uuencode without end': () =>
      `Content-Type: text/plain\n\nbegin 4755 ../../tmp/replyd-attack-escaped\n${'M'.repeat(big / 4)}\n`,
    'shifting charset': () => `Content-Type: text/plain; charset=iso-2022-jp\n\n${'\x1b$B\x1b(B'.repeat(big / 24)}\n`,
    'UTF-7': () => `Content-Type: text/html; charset=utf-7\n\n${'+ADw-script+AD4-'.repeat(10_000)}\n`,
    'a charset of megabytes': () => `Content-Type: text/plain; charset="${'x'.repeat(MIB)}"\n\nx\n`,
    'charsets by the thousand': () =>
      `Content-Type: multipart/mixed; boundary=b\n\n${Array.from({ length: k }, (_, n) => `--b\nContent-Type: text/plain; charset=x-${n}\n\n\xff\n`).join('')}`,
    'UTF-16 and UTF-32': () => `Content-Type: text/plain; charset=utf-32\n\n${'\xff\xfe'.repeat(big / 8)}\n`,
    // Archives and the like
    'a ZIP that overlaps': () => attachment('application/zip', 'x.zip', zipBomb(k)),
    'gzip of zeros': () => attachment('application/gzip', 'x.gz', gzipSync(Buffer.alloc(256 * MIB))),
    'a picture of 65,535 by 65,535': () =>
      attachment('image/png', 'x.png', Buffer.from('iVBORw0KGgoAAAANSUhEUgAA//8AAP//CAYAAAAAAAAA', 'base64')),
    'winmail, the length a lie': () => winmail(tnef([[1, MESSAGE_PROPS, 0xffffffff, small]])),
    'winmail of nothing': () => winmail(Buffer.from([0x78, 0x9f, 0x3e, 0x22])),
    'winmail with many files': () => winmail(tnef(files(k))),
    'winmail with a long name': () =>
      winmail(
        tnef([
          [2, ATTACH_START, 14, Buffer.alloc(14)],
          [2, ATTACH_TITLE, MIB, Buffer.alloc(MIB, 0x2f)],
        ]),
      ),
    'winmail with compressed text': () => winmail(rtfBomb()),
    'winmail in winmail': () => winmail(Buffer.concat(Array.from({ length: k }, () => tnef(files(1))))),
    'winmail of noise': () => winmail(Buffer.concat([tnef([]), Buffer.alloc(MIB, 0x7f)])),
    'a part of a mail': () => 'Content-Type: message/partial; id="a"; number=1; total=1000000\n\nx\n',
    'a body elsewhere': () =>
      'Content-Type: message/external-body; access-type=URL; URL="http://127.0.0.1:1/x"\n\nContent-Type: text/plain\n\n\nContent-Type: message/external-body; access-type=local-file; name="/etc/passwd"\n\n',
    'a file of the system': () =>
      'Content-Type: message/external-body; access-type=local-file; name="/etc/passwd"\n\nContent-Type: text/plain\n\n',
    'XML of entities': () =>
      `Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/xml\n\n<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>\n--b--\n`,
    // Fields that steer
    'a date of nowhere': () => `Date: ${'9'.repeat(100_000)} Foo 99999 99:99:99 +9999999\n\nx\n`,
    '51 hops': () => `${'Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n'.repeat(51)}\nx\n`,
    'many results of checks': () =>
      `${`Authentication-Results: mx.example.com; ${'dkim=pass '.repeat(1000)}\n`.repeat(100)}\nx\n`,
    'an answer to everything': () => `In-Reply-To: ${'<a@b.example> '.repeat(100_000)}\n\nx\n`,
    'names in From': () => `Sender: ${'"a" <b@c.example>, '.repeat(50_000)}\n\nx\n`,
    ...Object.fromEntries(PATHS.map(name => [`a file named ${JSON.stringify(name.slice(0, 50))}`, () => named(name)])),
  };
}

export const mime: AttackKind = {
  name: 'mime',
  about: 'mails of great depth, number and length, archive bombs, boundary games, file names that are paths',
  settings: () => ({ 'limits.parse_time': '10s' }),
  async run(target, { short }) {
    const tally = newTally();
    const { id, reply_to } = await target.converse();
    const step = memorySteps(target.daemon.pid, tally);
    let number = 0;
    for (const [name, content] of Object.entries(mails(short))) {
      number += 1;
      tally.count(name, await send(target, { recipient: reply_to, content: content(), number }).catch(String));
      step(name);
    }
    const escaped = [
      '/tmp/replyd-attack-escaped',
      path.join(path.dirname(target.daemon.dataFolder), 'replyd-attack-escaped'),
    ];
    const outside = [
      ...escaped.filter(existsSync),
      ...readdirSync(target.daemon.folder).filter(name => !OWN.includes(name)),
    ];
    tally.count('nothing was written elsewhere', outside.length === 0 ? null : outside.join());
    for (const fault of await namesOf(target, id)) tally.count('a name of an attachment', fault);
    return tally.result();
  },
};

/** What stands in the daemon's folder beside its data. */
const OWN: readonly string[] = ['data', 'replyd.toml', 'replyd.log'];

async function send(
  target: Target,
  { recipient, content, number }: { recipient: string; content: string; number: number },
): Promise<string | null> {
  const talk = await target.session('smtp', { timeout: ANSWER_TIME });
  try {
    await talk.command('MAIL FROM:<carla@customer.example>', 250);
    await talk.command(`RCPT TO:<${recipient}>`, 250);
    await talk.command('DATA', 354);
    const head = `From: Carla <carla@customer.example>\nMessage-ID: <bomb-${number}@customer.example>\nMIME-Version: 1.0\n`;
    talk.sendMail(Buffer.from(head + content, 'latin1'));
    const reply = await talk.reply();
    if (reply.code >= 500) return null;
    if (reply.code !== 250) return `answered ${reply.raw}`;
    const { mail } = await target.store.mail(reply.texts[0]!.split(' ').at(-1)!);
    if (mail.state !== 'filed' && mail.state !== 'quarantined') return `on record as ${mail.state}`;
    const message = mail.results[0]?.message_id;
    if (message == null) return 'filed without a message';
    const { status, text } = await ask(target.url, { place: `/v1/messages/${message}`, key: target.acme.key });
    return status === 200 ? null : `its message: ${status} ${text.slice(0, 200)}`;
  } finally {
    talk.close();
  }
}

/** Each name that an application could take for a path, or that holds what is no letter; one null when there is none. */
async function namesOf(target: Target, conversation: string): Promise<(string | null)[]> {
  const faults: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const place = `/v1/conversations/${conversation}/messages?limit=50${more}`;
    const { text } = await ask(target.url, { place, key: target.acme.key });
    const page = JSON.parse(text) as {
      data: { attachments: { id: string; filename: string }[] }[];
      next_cursor: string | null;
    };
    for (const { id, filename } of page.data.flatMap(message => message.attachments)) {
      const isBare = !/[/\\\x00-\x1f\x7f]/.test(filename) && !/^\.*$/.test(filename) && filename.length <= 255;
      if (!isBare) faults.push(`${id} is ${JSON.stringify(filename.slice(0, 100))}`);
    }
    cursor = page.next_cursor;
  }
  return faults.length === 0 ? [null] : faults.slice(0, 20);
}
