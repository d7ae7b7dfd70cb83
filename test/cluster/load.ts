/**
 * The mixed load on a site: mails by SMTP and LMTP straight to the nodes and through both Postfix, channel messages and
 * answers by the API. Whoever gets no answer, or a temporary one, brings the same again to the next node, as MTAs and
 * applications do; what is refused for good is a fault. What was acknowledged goes into the ledger.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { mailBytes } from '../durability/load.js';
import { connectTalk, type SmtpTalk } from '../interop/smtp-talk.js';
import type { Node, Site } from './site.js';

export interface Load {
  /** How often something had to be brought again. */
  readonly again: number;
  /** What was refused for good. */
  readonly refused: readonly string[];
  /** Fulfilled when nothing is on its way any more. */
  stop(): Promise<void>;
}

/** Milliseconds that a client waits for an answer, and before it tries again. */
const PATIENCE = 10_000;
const AGAIN = 100;
/** Mails on one connection: the next one goes to the next node. */
const ON_ONE = 20;
/** Between two things that one client brings, milliseconds. */
const PAUSE = { direct: 5, front: 30, api: 15 };
const CLIENTS = { smtp: 4, lmtp: 2, front: 1, api: 3 };

interface Course {
  readonly stopped: () => boolean;
  /** Counts one more try. */
  readonly again: () => void;
  readonly refuse: (text: string) => void;
}

export function startLoad(site: Site): Load {
  let stopped = false;
  let again = 0;
  const refused: string[] = [];
  const course: Course = {
    stopped: () => stopped,
    again: () => {
      again += 1;
    },
    refuse: text => refused.push(text),
  };
  const { nodes, fronts } = site;
  const each = (count: number, work: (index: number) => Promise<void>) =>
    Array.from({ length: count }, (_, i) => work(i));
  const done = Promise.all([
    ...each(CLIENTS.smtp, index => {
      const doors = turns(nodes, index, node => node.smtp);
      return sendMails(site, course, { name: `s${index}`, way: 'smtp', doors, pause: PAUSE.direct });
    }),
    ...each(CLIENTS.lmtp, index => {
      const doors = turns(nodes, index, node => node.lmtp);
      return sendMails(site, course, { name: `l${index}`, way: 'lmtp', doors, pause: PAUSE.direct });
    }),
    ...fronts.flatMap((front, number) =>
      each(CLIENTS.front, index => {
        const doors = () => front.address;
        return sendMails(site, course, { name: `p${number}${index}`, way: 'postfix', doors, pause: PAUSE.front });
      }),
    ),
    ...each(CLIENTS.api, index => postMessages(site, course, { name: `a${index}`, index, of: CLIENTS.api })),
  ]);
  done.catch(() => {});
  return {
    get again() {
      return again;
    },
    refused,
    async stop() {
      stopped = true;
      await done;
    },
  };
}

function turns<T>(nodes: readonly Node[], first: number, place: (node: Node) => T): () => T {
  let next = first;
  return () => place(nodes[next++ % nodes.length]!);
}

interface Mailer {
  readonly name: string;
  readonly way: 'smtp' | 'lmtp' | 'postfix';
  readonly doors: () => { readonly host: string; readonly port: number };
  readonly pause: number;
}

/** `again`: nobody knows whether it was taken, or it was refused for now. Anything else is the text of a refusal for good. */
type Outcome = 'taken' | 'again' | { readonly refused: string };

async function sendMails(site: Site, course: Course, { name, way, doors, pause }: Mailer): Promise<void> {
  let talk: SmtpTalk | null = null;
  let carried = 0;
  const hangUp = () => {
    talk?.close();
    talk = null;
  };
  const offer = async (bytes: Buffer, to: string): Promise<Outcome> => {
    try {
      if (talk === null || carried === ON_ONE) {
        hangUp();
        carried = 0;
        talk = await connectTalk(doors(), { timeout: PATIENCE });
        await talk.expect(220);
        await talk.command(`${way === 'lmtp' ? 'LHLO' : 'EHLO'} client.example.net`, 250);
      }
      carried += 1;
      for (const [line, code] of [
        ['MAIL FROM:<carla@customer.example>', 250],
        [`RCPT TO:<${to}>`, 250],
        ['DATA', 354],
      ] as const) {
        const reply = await talk.command(line);
        if (reply.code !== code) return reply.code >= 500 ? { refused: reply.raw } : 'again';
      }
      talk.sendMail(bytes);
      const reply = await talk.reply();
      if (reply.code === 250) return 'taken';
      return reply.code >= 500 ? { refused: reply.raw } : 'again';
    } catch {
      return 'again';
    }
  };
  for (let number = 0; !course.stopped(); number += 1) {
    const conversation = (number * 7 + name.charCodeAt(1)) % site.conversations.length;
    const to = site.conversations[conversation]!.reply_to;
    const word = `${name}n${number}`;
    const bytes = mailBytes(word, to, number % 50 === 49 ? 40_000 : 1_500);
    await untilTaken(course, word, async () => {
      const outcome = await offer(bytes, to);
      if (outcome === 'taken') site.ledger.add({ way, word: `${word}@customer.example`, conversation, mailed: false });
      // The next node.
      else hangUp();
      return outcome;
    });
    await sleep(pause);
  }
  hangUp();
}

/** Brings one thing again and again until it is taken, refused for good, or the load is over. */
async function untilTaken(course: Course, word: string, offer: () => Promise<Outcome>): Promise<void> {
  for (;;) {
    const outcome = await offer();
    if (outcome === 'taken') return;
    if (outcome !== 'again') return course.refuse(`${word}: ${outcome.refused}`);
    course.again();
    if (course.stopped()) return;
    await sleep(AGAIN);
  }
}

interface Poster {
  readonly name: string;
  /** Its conversations are every `of`th one: nobody else writes there by the API, so that their order is known. */
  readonly index: number;
  readonly of: number;
}

async function postMessages(site: Site, course: Course, { name, index, of }: Poster): Promise<void> {
  const addresses = turns(site.nodes, index, node => node.http);
  const own = site.conversations.flatMap((_, place) => (place % of === index ? [place] : []));
  for (let number = 0; !course.stopped(); number += 1) {
    const conversation = own[number % own.length]!;
    const mailed = Math.floor(number / own.length) % 2 === 0;
    const word = `${name}n${number}.`;
    await untilTaken(course, word, () => postMessage(site, addresses(), { word, conversation, mailed }));
    await sleep(PAUSE.api);
  }
}

/** One try; what was taken stands in the ledger. */
export async function postMessage(
  site: Site,
  address: string,
  { word, conversation, mailed }: { word: string; conversation: number; mailed: boolean },
): Promise<Outcome> {
  try {
    const { id } = site.conversations[conversation]!;
    const response = await fetch(`http://${address}/v1/conversations/${id}/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${site.key}`,
        'idempotency-key': word,
      },
      body: JSON.stringify({
        text: word,
        ...(mailed ? { direction: 'outgoing', mail: 'now', agent: { name: 'Anna' } } : { direction: 'incoming' }),
      }),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const text = await response.text();
    if (response.status === 201) {
      site.ledger.add({ way: 'api', word, conversation, mailed });
      return 'taken';
    }
    return response.status >= 500 || response.status === 429 ? 'again' : { refused: `${response.status} ${text}` };
  } catch {
    return 'again';
  }
}
