/**
 * STARTTLS injection. Somebody on the way writes commands behind a client's STARTTLS, in plain text, and hopes that the
 * server runs them when the line is encrypted, as if the client had said them (CVE-2011-0411); or goes on in plain text.
 * What must hold: nothing that was said before the handshake is run, answered or remembered behind it (RFC 3207 4.2), a half
 * line does not become the head of the client's first one, and nothing is filed.
 */
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SmtpTalk } from '../interop/smtp-talk.js';
import { type AttackKind, eachOf, newTally, type Tally } from './attack.js';
import type { Door, Target } from './target.js';

const DOORS: readonly Door[] = ['smtp', 'lmtp'];
const FORGED = 'injected@evil.example';

/** In plain text, behind STARTTLS. */
function injections(recipient: string): Readonly<Record<string, string>> {
  const envelope = `MAIL FROM:<${FORGED}>\r\nRCPT TO:<${recipient}>\r\n`;
  return {
    'a mail': `${envelope}DATA\r\nFrom: <${FORGED}>\r\n\r\nInjected.\r\n.\r\n`,
    'a greeting and a mail': `EHLO evil.example\r\n${envelope}DATA\r\nFrom: <${FORGED}>\r\n\r\nInjected.\r\n.\r\n`,
    'an LMTP greeting and a mail': `LHLO evil.example\r\n${envelope}DATA\r\nInjected.\r\n.\r\n`,
    'an envelope': envelope,
    'an envelope and DATA': `${envelope}DATA\r\n`,
    'a sender': `MAIL FROM:<${FORGED}>\r\n`,
    NOOP: 'NOOP\r\n',
    RSET: 'RSET\r\n',
    'a second STARTTLS': 'STARTTLS\r\n',
    XCLIENT: 'XCLIENT ADDR=192.0.2.1\r\n',
    QUIT: 'QUIT\r\n',
    'half a line': `MAIL FROM:<${FORGED}> AUTH=`,
    'half a recipient': `${envelope}RCPT TO:<`,
    'one byte': 'E',
    'a bare CR': '\r',
    'a line end': '\r\n',
    zeros: '\0'.repeat(100),
    'long text': `${'NOOP\r\n'.repeat(2_000)}`,
    'a long line': 'A'.repeat(100_000),
    'what looks like TLS': '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00',
    'what looks like an alert': '\x15\x03\x03\x00\x02\x01\x00',
  };
}

/** When the plain text is sent. */
const MOMENTS = ['in the same segment', 'in the next segment', 'behind the 220'] as const;

export const starttls: AttackKind = {
  name: 'starttls',
  about: 'commands in plain text behind STARTTLS, before the handshake and behind it',
  async run(target) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    const all = DOORS.flatMap(door =>
      Object.entries(injections(reply_to)).flatMap(([name, text]) =>
        MOMENTS.map(moment => ({ door, name, text, moment })),
      ),
    );
    const before = target.mails();
    await eachOf(all, 8, async ({ door, name, text, moment }) => {
      const fault = await inject(target, door, { text, moment, recipient: reply_to }).catch(String);
      tally.count(`${door}, ${name} ${moment}`, fault);
    });
    for (const door of DOORS) {
      await forgetWhatWasSaid(target, door, { tally, recipient: reply_to });
      tally.count(`${door}, plain text behind the handshake`, await plainAgain(target, door).catch(String));
    }
    const found = target.db.value<number>('select count(*) from mail where mail_from = $1', FORGED) ?? 0;
    tally.count(
      'nothing injected is on record',
      found === 0 ? null : `${found} of ${target.mails() - before} mails are`,
    );
    return tally.result();
  },
};

async function inject(
  target: Target,
  door: Door,
  { text, moment, recipient }: { text: string; moment: (typeof MOMENTS)[number]; recipient: string },
): Promise<string | null> {
  const talk = await target.session(door, { timeout: 3_000 });
  try {
    talk.sendBytes(moment === 'in the same segment' ? `STARTTLS\r\n${text}` : 'STARTTLS\r\n');
    if (moment === 'in the next segment') {
      await new Promise(resolve => setImmediate(resolve));
      talk.sendBytes(text);
    }
    const reply = await talk.reply();
    if (reply.code !== 220) return reply.code >= 400 ? null : `STARTTLS got ${reply.raw}`;
    if (moment === 'behind the 220') talk.sendBytes(text);
    try {
      await talk.startTls();
    } catch {
      // The line is broken, and the client knows it.
      return null;
    }
    return await afterHandshake(talk, door, recipient);
  } finally {
    talk.close();
  }
}

/** The client's own words must be the first that are answered, in a session that knows nothing yet. */
async function afterHandshake(talk: SmtpTalk, door: Door, recipient: string): Promise<string | null> {
  const lines = [`RCPT TO:<${recipient}>`, 'NOOP', `${door === 'lmtp' ? 'LHLO' : 'EHLO'} client.example.net`];
  lines.push(`RCPT TO:<${recipient}>`, 'QUIT');
  const said: number[] = [];
  try {
    for (const line of lines) said.push((await talk.command(line)).code);
    const rest = await talk.untilEnd();
    said.push(...rest.map(reply => reply.code));
  } catch (error) {
    // Cut off is as good as refused, if nothing else was said.
    if (said.length > 0) return `answered ${said.join()} and then ${String(error)}`;
    return null;
  }
  return said.join() === '503,250,250,503,221' ? null : `answered ${said.join()} to ${lines.join(', ')}`;
}

/** Envelope and greeting of before are gone. */
async function forgetWhatWasSaid(
  target: Target,
  door: Door,
  { tally, recipient }: { tally: Tally; recipient: string },
): Promise<void> {
  const orders: Readonly<Record<string, readonly string[]>> = {
    'an envelope said before': [`MAIL FROM:<${FORGED}>`, `RCPT TO:<${recipient}>`],
    'a sender said before': [`MAIL FROM:<${FORGED}>`],
    'only the greeting said before': [],
  };
  for (const [name, lines] of Object.entries(orders)) {
    const talk = await target.session(door);
    try {
      for (const line of lines) await talk.command(line, 250);
      await talk.command('STARTTLS', 220);
      await talk.startTls();
      const data = await talk.command('DATA');
      const mail = await talk.command(`MAIL FROM:<${FORGED}>`);
      const isHeld = data.code >= 500 && mail.code >= 500;
      tally.count(`${door}, ${name}`, isHeld ? null : `DATA got ${data.raw}, MAIL without a greeting ${mail.raw}`);
    } catch (error) {
      tally.count(`${door}, ${name}`, String(error));
    } finally {
      talk.close();
    }
  }
}

/** Plain bytes on the socket below the encrypted session end it, and are not run. */
async function plainAgain(target: Target, door: Door): Promise<string | null> {
  const socket = connectTcp(target.at(door));
  const greeting = door === 'lmtp' ? 'LHLO' : 'EHLO';
  await new Promise<void>((resolve, reject) => {
    let text = '';
    const got = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (/^220 [^\n]*\n$/.test(text)) socket.write(`${greeting} client.example.net\r\nSTARTTLS\r\n`);
      if (!/\n220 [^\n]*\n$/.test(text)) return;
      socket.removeListener('data', got);
      resolve();
    };
    socket.on('data', got);
    socket.once('error', reject);
    socket.setTimeout(5_000, () => reject(new Error(`no STARTTLS: ${text}`)));
  });
  const secure = connectTls({ socket, rejectUnauthorized: false });
  secure.on('error', () => {});
  await new Promise(resolve => secure.once('secureConnect', resolve));
  let heard = '';
  secure.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  const closed = new Promise(resolve => socket.once('close', resolve));
  socket.write(`${greeting} evil.example\r\nMAIL FROM:<${FORGED}>\r\n`);
  const late = new Promise(resolve => setTimeout(resolve, 3_000, 'late'));
  const end = await Promise.race([closed, late]);
  socket.destroy();
  if (/250/.test(heard)) return `answered ${heard}`;
  return end === 'late' ? 'the connection stayed open' : null;
}
