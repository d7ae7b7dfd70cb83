/**
 * The ledger held against everything that is there when the faults are over: the store, the smarthost, the receiver of
 * webhooks, the readers of the stream. First everything that waits goes out; nobody helps it.
 *
 *   - Everything acknowledged stands in its conversation, once; no Message-ID and no message stands twice.
 *   - The numbers of messages and of events in a conversation have no gap and none is there twice.
 *   - Answers reach their recipient in their order, with one Message-ID each. Webhooks come in the order of their
 *     conversation, and all of them. Both may come twice: an attempt whose end nobody noted is made again.
 *   - Readers of the stream have every event, in order, once.
 *   - `replyd check` finds the store in order, and a mail and a message go through every node.
 */

import { decodeId, encodeId } from '#replyd/store/ids.js';
import { mailBytes } from '../durability/load.js';
import { firstHeard } from '../durability/stream-reader.js';
import { sendMail } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import type { Entry } from './ledger.js';
import { postMessage } from './load.js';
import type { Site } from './site.js';

export interface Findings {
  readonly acknowledged: number;
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /** Whatever else is not as it must be in the store. */
  readonly faults: readonly string[];
  /** Whatever is not as it must be with those who were told of it. */
  readonly outside: readonly string[];
  /** Answers and webhooks that came more than once. */
  readonly again: { readonly mails: number; readonly webhooks: number };
}

/** Time for what waits to go out, milliseconds: leases of a node that is gone end only after a while. */
const DRAIN = 240_000;

/** A mail and a message through every node, by themselves again. */
export async function expectService(site: Site): Promise<void> {
  const { nodes, conversations, ledger } = site;
  for (const [index, node] of nodes.entries()) {
    const to = conversations[index]!.reply_to;
    const word = `after${index}`;
    await eventually(`node ${index} takes a mail`, async () => {
      const mail = { from: 'carla@customer.example', to: [to], data: mailBytes(word, to, 1_500) };
      return (await sendMail(node.smtp, mail)).data[0]?.code === 250;
    });
    ledger.add({ way: 'smtp', word: `${word}@customer.example`, conversation: index, mailed: false });
    const message = { word: `${word}.`, conversation: index, mailed: true };
    await eventually(`node ${index} takes a message`, async () => {
      return (await postMessage(site, node.http, message)) === 'taken';
    });
  }
}

/** Waits until nothing is on its way any more. Throws with what still is. */
export async function drained(site: Site): Promise<void> {
  for (const front of site.fronts) {
    await eventually(
      'Postfix has handed everything over',
      async () => {
        await front.flush();
        return (await front.queue()).length === 0;
      },
      { within: DRAIN, every: 500 },
    );
  }
  await eventually('everything is sent', async () => (await unsent(site)) === 0, { within: DRAIN, every: 250 });
}

async function unsent(site: Site): Promise<number> {
  const [row] = await site.sql<{ count: string }>(
    "select count(*) from delivery where state in ('waiting', 'leased', 'deferred')",
  );
  return Number(row?.count);
}

interface StoredMessage {
  readonly conversation: number;
  readonly seq: number;
  readonly message_id: string | null;
  readonly word: string;
  readonly direction: string;
}

export async function lookUp(site: Site): Promise<Findings> {
  const faults: string[] = [];
  const messages = await storedMessages(site);
  const entries = site.ledger.entries();
  const lost = entries.filter(entry => !placesOf(messages, entry).includes(entry.conversation)).map(nameOf);
  const twice = repeated(
    messages.flatMap(({ direction, message_id, word }) =>
      // Answers that go out in one mail have its Message-ID.
      message_id !== null && direction === 'incoming' ? message_id : word.endsWith('.') ? word : [],
    ),
  );
  const misplaced = entries.filter(entry => placesOf(messages, entry).some(place => place !== entry.conversation));
  faults.push(...misplaced.map(entry => `${nameOf(entry)} stands in another conversation`));

  const events = await storedEvents(site);
  for (const [what, rows] of [
    ['message', messages],
    ['event', events],
  ] as const) {
    for (const [index] of site.conversations.entries()) {
      const gap = firstGap(rows.filter(row => row.conversation === index).map(row => row.seq));
      if (gap !== null) faults.push(`conversation ${index}: the ${what} number ${gap} is missing or there twice`);
    }
  }
  const { faults: ofAnswers, again } = sentFaults(site, messages);
  const outside = [...heardFaults(site, events), ...toldFaults(site, events), ...ofAnswers];
  for (const front of site.fronts) faults.push(...(await front.bounces()));
  const check = await site.nodes[0]!.daemon.cli(['check'], { timeout: 300_000 });
  if (check.code !== 0) faults.push(`replyd check: exit ${check.code}\n${check.stdout}${check.stderr}`);
  const webhooks = site.receiver.taken.length - new Set(site.receiver.taken).size;
  return { acknowledged: entries.length, lost, twice, faults, outside, again: { mails: again, webhooks } };
}

function nameOf({ way, word }: Entry): string {
  return `${word} (${way})`;
}

const indexes = new WeakMap<readonly StoredMessage[], Map<string, number[]>>();

/** The conversations in which it stands. */
function placesOf(messages: readonly StoredMessage[], { way, word }: Entry): readonly number[] {
  let index = indexes.get(messages);
  if (index === undefined) {
    index = new Map();
    for (const message of messages) {
      for (const name of [message.message_id ?? '', message.word]) {
        index.set(name, [...(index.get(name) ?? []), message.conversation]);
      }
    }
    indexes.set(messages, index);
  }
  return index.get(way === 'api' ? word : word.replaceAll(/[<>]/g, '')) ?? [];
}

async function storedMessages(site: Site): Promise<readonly StoredMessage[]> {
  const places = placesByKey(site);
  const rows = await site.sql<Record<'conversation_key' | 'seq' | 'message_id' | 'text' | 'direction', string>>(
    'select conversation_key, seq, message_id, text, direction from message order by conversation_key, seq',
  );
  return rows.map(row => ({
    conversation: places.get(row.conversation_key) ?? -1,
    seq: Number(row.seq),
    message_id: row.message_id?.replaceAll(/[<>]/g, '') ?? null,
    word: row.text.split('\n')[0]!,
    direction: row.direction,
  }));
}

function placesByKey(site: Site): ReadonlyMap<string, number> {
  return new Map(site.conversations.map(({ id }, index) => [String(decodeId('conversation', id)), index]));
}

interface StoredEvent {
  readonly id: string;
  readonly conversation: number;
  readonly seq: number;
}

/** In the stream's order. */
async function storedEvents(site: Site): Promise<readonly StoredEvent[]> {
  const places = placesByKey(site);
  const rows = await site.sql<{ key: string; conversation_key: string; seq: string }>(
    'select key, conversation_key, seq from event where conversation_key is not null order by key',
  );
  return rows.map(row => ({
    id: encodeId('event', Number(row.key)),
    conversation: places.get(row.conversation_key) ?? -1,
    seq: Number(row.seq),
  }));
}

/** The first number that does not follow the one before; null: they are 1, 2, 3, … */
function firstGap(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = sorted.findIndex((number, index) => number !== index + 1);
  return at === -1 ? null : at + 1;
}

/** Each reader has all events, in the order of the store, once. */
function heardFaults(site: Site, events: readonly StoredEvent[]): string[] {
  const expected = events.map(event => event.id);
  return site.readers.flatMap(({ heard }, reader) => {
    const ids = heard.map(event => event.id);
    const wrong = expected.findIndex((id, index) => ids[index] !== id);
    if (wrong === -1 && ids.length === expected.length) return [];
    return [
      `reader ${reader} heard ${ids.length} of ${expected.length} events; the first difference is number ${wrong}: ` +
        `${ids[wrong]} instead of ${expected[wrong]}`,
    ];
  });
}

/** The receiver has all events, and those of a conversation in their order, looking at the first time of each. */
function toldFaults(site: Site, events: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  const taken = new Set(site.receiver.taken);
  const untold = events.filter(event => !taken.has(event.id));
  if (untold.length > 0) faults.push(`${untold.length} events were not posted, such as ${untold[0]!.id}`);
  for (const [id, order] of firstHeard(site.receiver.events)) {
    const wrong = order.findIndex((seq, index) => seq !== index + 1);
    if (wrong !== -1) faults.push(`webhooks of ${id}: event ${order[wrong]} came in place of ${wrong + 1}`);
  }
  return faults;
}

/** Every answer is with the smarthost, by its first copy in order, all its copies with one Message-ID. */
function sentFaults(site: Site, messages: readonly StoredMessage[]): { faults: string[]; again: number } {
  const faults: string[] = [];
  const ids = new Map<string, string>();
  const order = new Map<number, string[]>();
  let again = 0;
  for (const { rcptTo, data } of site.smarthost.accepted) {
    const id = /^Message-ID: *(<[^>]+>)/im.exec(data)?.[1] ?? '';
    const place = Number(/^carla(\d+)@/.exec(rcptTo)?.[1] ?? -1);
    // Several that were due together are one mail.
    for (const word of new Set(data.match(/^(?:a\d+n\d+|after\d+)\.(?=\r?$)/gm) ?? [])) {
      const known = ids.get(word);
      if (known !== undefined) {
        again += 1;
        if (known !== id) faults.push(`${word} was mailed with two Message-IDs: ${known} and ${id}`);
        continue;
      }
      ids.set(word, id);
      order.set(place, [...(order.get(place) ?? []), word]);
    }
  }
  for (const [index] of site.conversations.entries()) {
    const said = messages.filter(each => each.conversation === index && each.direction === 'outgoing');
    const expected = said.map(message => message.word);
    const sent = order.get(index) ?? [];
    const wrong = expected.findIndex((word, at) => sent[at] !== word);
    if (wrong !== -1) {
      faults.push(
        `answers to carla${index}: ${sent[wrong] ?? 'nothing'} was sent in place of ${expected[wrong]} ` +
          `(${sent.length} of ${expected.length} sent)`,
      );
    }
  }
  return { faults, again };
}

function repeated(all: readonly string[]): string[] {
  const seen = new Set<string>();
  return all.filter(each => seen.has(each) || !seen.add(each));
}

/** Waits until every reader has as many events as there are, or none hears more. What is missing then the books show. */
export async function streamed(site: Site): Promise<void> {
  const [row] = await site.sql<{ count: string }>('select count(*) from event where conversation_key is not null');
  const { readers } = site;
  const allHeard = () => readers.every(reader => reader.heard.length >= Number(row?.count));
  const count = () => readers.reduce((sum, reader) => sum + reader.heard.length, 0);
  for (let goesOn = true; goesOn && !allHeard(); ) {
    const before = count();
    goesOn = await eventually('a reader hears more', () => count() > before).catch(() => false);
  }
}
