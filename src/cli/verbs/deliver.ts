/**
 * `replyd deliver`: the pipe door. It takes one mail on standard input from Postfix, Exim or qmail and gives it to the
 * daemon over its LMTP socket. MTAs start it for every mail, so it loads only this file and a few small ones. It reads the
 * configuration only when neither an option nor a variable names the socket.
 *
 * It prints one line, which begins with the enhanced status code. It ends with 0, with 67 (5.1.x) or 69 (another 5xx of
 * the daemon for this recipient), or with 75 for everything else: wrong usage, no permission, no daemon, a crash. For
 * qmail: 0, 100, 111. It always reads standard input to its end, because an MTA takes a broken pipe for a failure.
 */
import { writeSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { deliverMail } from '../../ingress/pipe/lmtp-client.js';
import {
  type Ending,
  endingOf,
  later,
  PIPE_DOORS,
  type PipeDoor,
  recipientsOf,
  senderOf,
} from '../../ingress/pipe/pipe.js';

type DeliverOptions = ReturnType<typeof readDeliverWords>;

/** Milliseconds without a byte in either direction. The daemon answers a mail within five minutes. */
const TIMEOUTS = { step: 60_000, stored: 330_000 };

/** Runs one delivery with the words of the command line and ends the process. Never throws, never returns. */
export async function runDeliver(words: readonly string[]): Promise<never> {
  const door = doorIn(words);
  let said = false;
  const finish = ({ line, exitCode }: Ending): never => {
    if (!said) {
      said = true;
      try {
        writeSync(1, `${line}\n`);
      } catch {
        // Nobody reads it; the exit code is what counts.
      }
    }
    process.exit(exitCode);
  };
  process.on('uncaughtException', error => finish(later(String(error), door)));
  process.on('unhandledRejection', error => finish(later(String(error), door)));
  // An MTA that stops its pipes means "not now".
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => finish(later(`ended by ${signal}`, door)));
  }
  const input = process.stdin as AsyncIterable<Buffer>;
  let ending: Ending;
  try {
    ending = await deliver(readDeliverWords(words), input);
  } catch (error) {
    ending = later(error instanceof Error ? error.message : String(error), door);
  }
  await drain();
  return finish(ending);
}

async function deliver(options: DeliverOptions, mail: AsyncIterable<Buffer>): Promise<Ending> {
  const { door } = options;
  const recipients = recipientsOf(door, options.recipient, process.env);
  if (recipients.length === 0) return later(`no recipient: ${HOW[door]}`, door);
  const place = await findPlace(options);
  const reply = await deliverMail({
    place,
    door,
    sender: senderOf(door, options.sender, process.env),
    recipients,
    mail,
    timeout: TIMEOUTS,
  });
  return endingOf(reply, door);
}

const HOW: Readonly<Record<PipeDoor, string>> = {
  postfix: 'give the recipient as the argument, in master.cf',
  exim: 'RECIPIENT is not set; is this an Exim pipe transport?',
  qmail: 'RECIPIENT is not set; is this started by qmail-local?',
};

/** Throws with what is wrong. */
function readDeliverWords(words: readonly string[]) {
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') {
      rest.push(...words.slice(at + 1));
      break;
    }
    const found = /^(--[a-z]+)(?:=(.*))?$/s.exec(word === '-c' ? '--config' : word);
    if (found === null) {
      if (word.startsWith('-') && word !== '-') throw new Error(`unknown option ${word}`);
      rest.push(word);
      continue;
    }
    const [, name = '', inline] = found;
    if (!['--door', '--socket', '--sender', '--config'].includes(name)) throw new Error(`unknown option ${name}`);
    const value = inline ?? words[++at];
    if (value === undefined) throw new Error(`${name} needs a value`);
    options.set(name.slice(2), value);
  }
  const [verb, recipient, ...more] = rest;
  if (verb !== 'deliver') throw new Error('wrong usage');
  if (more.length > 0) throw new Error('more than one recipient: with Postfix, replyd_destination_recipient_limit = 1');
  const door = options.get('door');
  if (!isDoor(door)) throw new Error(`--door must be one of ${PIPE_DOORS.join(', ')}`);
  const of = (name: string) => options.get(name);
  return { door, socket: of('socket'), sender: of('sender'), config: of('config'), recipient };
}

function isDoor(word: string | undefined): word is PipeDoor {
  return PIPE_DOORS.some(door => door === word);
}

/** The door, even when the other words are wrong: the exit code depends on it. */
function doorIn(words: readonly string[]): PipeDoor | null {
  try {
    return readDeliverWords(words).door;
  } catch {
    return words.some(word => /^(?:--door=)?qmail$/.test(word)) ? 'qmail' : null;
  }
}

type Place = Parameters<typeof deliverMail>[0]['place'];

async function findPlace({ socket, config }: DeliverOptions): Promise<Place> {
  const { connectOptions, parseListen } = await import('../../base/place.js');
  const named = socket ?? process.env.REPLYD_SOCKET;
  if (named) {
    const listen = parseListen(named);
    // A path that does not begin with / stands for itself.
    return listen.kind === 'none' ? { path: named.replace(/^unix:/, '') } : connectOptions(listen);
  }
  const { loadConfig } = await import('../../config/load.js');
  const loaded = loadConfig({
    ...(config === undefined ? {} : { file: config }),
    env: process.env,
    cwd: process.cwd(),
  });
  const [first] = loaded.config.lmtp.listen;
  if (first === undefined) throw new Error('lmtp.listen is not set: the daemon has no socket for pipes');
  return connectOptions(first);
}

async function drain(): Promise<void> {
  process.stdin.resume();
  await finished(process.stdin).catch(() => undefined);
}
