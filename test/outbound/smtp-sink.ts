/**
 * A scripted smarthost on a loopback port: every stage can answer what a test wants, say nothing, or hang up. It keeps
 * what it took, envelope and data, so that a test can say what the other side really saw.
 */
import net, { type AddressInfo, type Socket } from 'node:net';

export type Stage = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'dot' | 'RSET';

/**
 * An answer without its CRLF; `hangup` closes the connection instead, `silence` says nothing. `hold` says nothing until
 * `release`, and then what is usual.
 */
export type Answer = string | 'hangup' | 'silence' | 'hold';

/** An answer, or one for each time the stage comes, the last one for all later times. May be changed while it runs. */
export type Script = Partial<Record<Stage, Answer | readonly Answer[]>>;

export interface TakenMail {
  readonly mailFrom: string;
  readonly rcptTo: string;
  /** As sent, dots unstuffed, without the final dot. */
  readonly data: string;
}

export interface SmtpSink {
  readonly port: number;
  /** Mails whose final dot came, whatever was answered. */
  readonly mails: TakenMail[];
  /** Those of them that were answered 2xx. */
  readonly accepted: TakenMail[];
  /** Bytes of mails that never came to their final dot. */
  readonly fragments: string[];
  readonly commands: string[];
  connections(): number;
  /** Answers that are held back. */
  holding(): number;
  release(): void;
  /** Closes connections that wait between two mails, as a server does with idle ones. */
  dropConnections(): void;
  close(): Promise<void>;
}

const USUAL: Record<Stage, string> = {
  greeting: '220 sink.example ESMTP',
  EHLO: '250-sink.example\r\n250-PIPELINING\r\n250 SIZE 1000000',
  MAIL: '250 2.1.0 ok',
  RCPT: '250 2.1.5 ok',
  DATA: '354 go on',
  dot: '250 2.0.0 queued as 1',
  RSET: '250 2.0.0 ok',
};

/** On a port that is free, or on this one. */
export async function startSink(script: Script = {}, options: { port?: number } = {}): Promise<SmtpSink> {
  const sockets = new Set<Socket>();
  const seen: Partial<Record<Stage, number>> = {};
  const accepted: TakenMail[] = [];
  const held: (() => void)[] = [];
  const sink = { mails: [] as TakenMail[], fragments: [] as string[], commands: [] as string[], count: 0 };

  function answer(stage: Stage): Answer {
    const scripted = script[stage] ?? USUAL[stage];
    if (typeof scripted === 'string') return scripted;
    const index = seen[stage] ?? 0;
    seen[stage] = index + 1;
    return scripted[Math.min(index, scripted.length - 1)]!;
  }

  const server = net.createServer(socket => {
    sockets.add(socket);
    sink.count += 1;
    socket.setNoDelay(true);
    let buffer = '';
    let inData = false;
    let mailFrom = '';
    let rcptTo = '';
    const say = (stage: Stage, mail?: TakenMail): Answer => {
      const text = answer(stage);
      if (text === 'hold') {
        held.push(() => {
          if (mail !== undefined && !socket.destroyed) accepted.push(mail);
          socket.write(`${USUAL[stage]}\r\n`, 'latin1');
        });
        return text;
      }
      if (text === 'hangup') socket.destroy();
      else if (text !== 'silence') socket.write(`${text}\r\n`, 'latin1');
      return text;
    };
    const take = () => {
      for (;;) {
        if (socket.destroyed) return;
        if (inData) {
          const end = buffer.startsWith('.\r\n') ? 0 : buffer.indexOf('\r\n.\r\n') + 2;
          if (end === 1) return;
          const data = buffer.slice(0, end).replaceAll('\r\n..', '\r\n.').replace(/^\.\./, '.');
          const mail = { mailFrom, rcptTo, data };
          sink.mails.push(mail);
          buffer = buffer.slice(end + 3);
          inData = false;
          if (say('dot', mail).startsWith('2')) accepted.push(mail);
          continue;
        }
        const end = buffer.indexOf('\r\n');
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        sink.commands.push(line);
        const verb = line.split(/[ :]/)[0]!.toUpperCase();
        if (verb === 'QUIT') socket.end('221 bye\r\n');
        else if (verb === 'EHLO') say('EHLO');
        else if (verb === 'RSET') say('RSET');
        else if (verb === 'DATA') {
          if (rcptTo === '' && script.DATA === undefined) socket.write('554 5.5.1 no valid recipients\r\n');
          else inData = say('DATA').startsWith('354');
        } else if (verb === 'MAIL') {
          mailFrom = /<(.*?)>/.exec(line)![1]!;
          say('MAIL');
        } else if (verb === 'RCPT') {
          rcptTo = say('RCPT').startsWith('2') ? /<(.*?)>/.exec(line)![1]! : '';
        } else socket.write('502 5.5.1 what\r\n');
      }
    };
    socket.setEncoding('latin1');
    socket.on('data', chunk => {
      buffer += chunk;
      take();
    });
    socket.on('close', () => {
      sockets.delete(socket);
      if (inData && buffer !== '') sink.fragments.push(buffer);
    });
    socket.on('error', () => {});
    say('greeting');
  });
  await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails: sink.mails,
    accepted,
    fragments: sink.fragments,
    commands: sink.commands,
    connections: () => sink.count,
    holding: () => held.length,
    release: () => {
      for (const each of held.splice(0)) each();
    },
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
