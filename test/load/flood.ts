/**
 * Far more connections than are allowed, from many loopback addresses (127.0.0.0/8 needs no set-up). Those that find
 * a place are served to the end, the others hear the table's 421 and are closed, and when all have gone the daemon
 * holds what it held before. Half of the visitors are rude: they keep their half open after they were sent away.
 *
 * Then the limits of one address and of its network, with the rest let in. 127.0.0.1 is trusted and has neither; the
 * limit of all connections counts for it too. What was seen is returned, not judged.
 */
import { readFileSync } from 'node:fs';
import { replyLine, STATUS } from '#replyd/mail/status.js';
import { type ReplydTarget, replyd } from '../bench/targets.js';
import { mailBytes } from '../durability/load.js';
import { connectTalk, type SmtpTalk, sendMail } from '../interop/smtp-talk.js';
import { descriptorLimit, descriptors, residentMemory } from '../process-figures.js';
import { eventually } from '../run.js';

export interface FloodOptions {
  readonly connections: number;
  /** `smtp.max_connections` and `smtp.max_connections_per_ip`. */
  readonly limit: number;
  readonly perAddress: number;
  /** Of the served, how many send a mail while the place is full. */
  readonly senders: number;
}

export interface FloodResult {
  /** First replies: 220, the table's 421, and any other with its number. */
  readonly served: number;
  readonly refused: number;
  readonly others: Readonly<Record<string, number>>;
  /** Refused ones whose connection the daemon ended. */
  readonly closed: number;
  /** Mails of served ones that got their 250 while the place was full, and what /healthz answered. */
  readonly stored: number;
  readonly health: number;
  /** First replies to 127.0.0.1 while the place is full, and when one has left. */
  readonly trusted: { readonly full: number; readonly room: number };
  /** Served, of more than may be, from one address and then from its network; and whether another network is. */
  readonly ofAddress: number;
  readonly ofNetwork: number;
  readonly elsewhere: boolean;
  /** 127.0.0.1, which may have more than one stranger's address. */
  readonly ofTrusted: number;
  /** Open descriptors; `full`: when those sent away are gone; `after`: when all are, and a mail was taken again. */
  readonly descriptors: { before: number; most: number; full: number; after: number };
  /** Resident bytes. */
  readonly memory: { before: number; full: number; most: number; after: number };
}

/** Fewer than the listener's backlog, so that nobody waits for a second SYN. */
const AT_ONCE = 400;
const NETWORK_SHARES = 4;
const TOO_MANY = replyLine(STATUS.tooManyConnections);

/** Throws when this process or the daemon may not open enough descriptors. */
export async function flood(options: FloodOptions): Promise<FloodResult> {
  const target = await replyd(10, {
    settings: {
      'log.level': 'info',
      'smtp.max_connections': options.limit,
      'smtp.max_connections_per_ip': options.perAddress,
      'smtp.trusted_networks': ['127.0.0.1/32'],
    },
  });
  try {
    // A refused one holds a descriptor for some seconds when it is rude: at worst all of them are there.
    const needed = options.connections + 200;
    for (const [who, limit] of [
      ['the test', descriptorLimit('self')],
      ['the daemon', descriptorLimit(target.daemon.pid)],
    ] as const) {
      if (limit < needed) throw new Error(`${who} may open ${limit} files and needs ${needed}: raise ulimit -n`);
    }
    return await run(target, options);
  } finally {
    await target.close();
  }
}

async function run(target: ReplydTarget, options: FloodOptions): Promise<FloodResult> {
  const { daemon } = target;
  const recipients = readFileSync(target.recipients, 'utf8').trim().split('\n');
  const open: SmtpTalk[] = [];
  const knock = async (localAddress: string, rude = false) => {
    const talk = await connectTalk(target, { localAddress, allowHalfOpen: rude, timeout: 60_000 });
    open.push(talk);
    return { talk, first: (await talk.reply()).raw };
  };
  const leave = (talks: readonly SmtpTalk[]) => {
    for (const talk of talks) talk.close();
  };
  const count = () => Object.values(descriptors(daemon.pid)).reduce((sum, kind) => sum + kind, 0);
  /** The number of open descriptors when it is what it should be, else whatever it is in the end. */
  const settled = async (expected: number) => {
    await eventually('those who left are forgotten', () => count() === expected, { within: 30_000 }).catch(() => {});
    return count();
  };

  // Starts what is started with the first mail.
  await deliver(target, '127.9.0.1', recipients[0]!, 'first');
  const before = await eventually('the daemon is at rest', () => {
    const { socket } = descriptors(daemon.pid);
    return socket === 2 && { descriptors: count(), memory: residentMemory(daemon.pid) };
  });
  const most = { ...before };
  const watching = setInterval(() => {
    most.descriptors = Math.max(most.descriptors, count());
    most.memory = Math.max(most.memory, residentMemory(daemon.pid));
  }, 50);

  try {
    const inside: SmtpTalk[] = [];
    const others: Record<string, number> = {};
    let refused = 0;
    let closed = 0;
    let next = 0;
    const pump = async () => {
      for (let index = next++; index < options.connections; index = next++) {
        const { talk, first } = await knock(strangerAddress(index, options.perAddress * 2), index % 2 === 1);
        if (first.startsWith('220 ')) inside.push(talk);
        else if (first === TOO_MANY) {
          refused += 1;
          await talk.untilEnd();
          closed += 1;
        } else others[first] = (others[first] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, pump));
    const full = { descriptors: await settled(before.descriptors + inside.length), memory: 0 };
    full.memory = residentMemory(daemon.pid);

    let stored = 0;
    for (const [index, talk] of inside.slice(-options.senders).entries()) {
      const to = recipients[index % recipients.length]!;
      await talk.command('EHLO client.example.net', 250);
      await talk.command('MAIL FROM:<carla@customer.example>', 250);
      await talk.command(`RCPT TO:<${to}>`, 250);
      await talk.command('DATA', 354);
      talk.sendMail(mailBytes(`inside${index}`, to, 1000));
      if ((await talk.reply()).raw.startsWith('250 2.0.0 ')) stored += 1;
    }
    const health = (await fetch(`http://${daemon.listening.http}/healthz`, { headers: { connection: 'close' } }))
      .status;
    const whileFull = codeOf((await knock('127.0.0.1')).first);
    leave(inside.splice(0, 1));
    const withRoom = await eventually('a place is free', async () => {
      const { talk, first } = await knock('127.0.0.1');
      talk.close();
      return codeOf(first) !== 421 && codeOf(first);
    });
    leave(open.splice(0));
    await settled(before.descriptors);

    const admitted = async (addresses: readonly string[]) => {
      let served = 0;
      for (const address of addresses) if ((await knock(address)).first.startsWith('220 ')) served += 1;
      return served;
    };
    const { perAddress } = options;
    const ofAddress = await admitted(new Array<string>(perAddress + 10).fill('127.20.0.1'));
    // Each of the others in the network stays below what one address may have.
    const neighbours = Array.from(
      { length: perAddress * NETWORK_SHARES },
      (_, index) => `127.20.0.${2 + (index % (NETWORK_SHARES * 2))}`,
    );
    const ofNetwork = ofAddress + (await admitted(neighbours));
    const elsewhere = (await admitted(['127.20.1.1'])) === 1;
    const ofTrusted = await admitted(new Array<string>(perAddress + 10).fill('127.0.0.1'));
    leave(open.splice(0));
    await settled(before.descriptors);

    await deliver(target, '127.9.0.1', recipients[0]!, 'last');
    const after = { descriptors: await settled(before.descriptors), memory: residentMemory(daemon.pid) };
    const both = (pick: (at: { descriptors: number; memory: number }) => number) => ({
      before: pick(before),
      most: pick(most),
      full: pick(full),
      after: pick(after),
    });
    return {
      served: options.connections - refused - Object.values(others).reduce((sum, number) => sum + number, 0),
      refused,
      others,
      closed,
      stored,
      health,
      trusted: { full: whileFull, room: withRoom },
      ofAddress,
      ofNetwork,
      elsewhere,
      ofTrusted,
      descriptors: both(at => at.descriptors),
      memory: both(at => at.memory),
    };
  } finally {
    clearInterval(watching);
    leave(open);
  }
}

async function deliver(target: ReplydTarget, localAddress: string, to: string, word: string): Promise<void> {
  const data = mailBytes(word, to, 1000);
  const sent = await sendMail(target, { from: 'carla@customer.example', to: [to], data }, { localAddress });
  if (sent.data[0]?.code !== 250) throw new Error(`a mail was refused: ${JSON.stringify(sent)}`);
}

/** One of many loopback addresses, so many in each /24. */
export function strangerAddress(index: number, perNetwork: number): string {
  return `127.10.${Math.floor(index / perNetwork)}.${1 + (index % perNetwork)}`;
}

function codeOf(reply: string): number {
  return Number(reply.slice(0, 3));
}
