/**
 * Several processes that hammer one store (`hammer.ts`), and what must hold of it afterwards: numbers without a gap and
 * none twice, everything that was acknowledged, readers of the stream who missed nothing, webhooks and mails brought once
 * and in their order, no lease that is lost, and no fault that reached a caller.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OpenStore } from '#replyd/store/assembled.js';
import { decodeId } from '#replyd/store/ids.js';
import { type Entry, openAt, RECEIVED, type Work } from './hammer.js';

const HAMMER = fileURLToPath(new URL('./hammer.js', import.meta.url));
const HOT = 5;
const PROCESSES = 3;

export interface Round {
  readonly at: Work['at'];
  readonly folder: string;
  readonly seconds: number;
  /** Processes that are killed and started anew meanwhile. */
  readonly kills?: number;
  /** Rows of a statement. */
  readonly rows: (text: string) => Promise<readonly Record<string, unknown>[]>;
}

export interface Figures {
  readonly said: number;
  readonly opened: number;
  readonly events: number;
  readonly brought: number;
}

/** Hammers, looks at everything, and says how much was done. Throws what is wrong. */
export async function hammered(round: Round): Promise<Figures> {
  const { at, folder, kills = 0 } = round;
  const store = await openAt(at, path.join(folder, 'own'), PROCESSES);
  const work = await prepare(store, round);
  await store.close();
  const folders: string[] = [];
  const start = (place: number): ChildProcess => {
    const own = path.join(folder, `process-${place}-${folders.length}`);
    folders.push(own);
    const given: Work = { ...work, folder: own, place, milliseconds: round.seconds * 1000 };
    return spawn(process.execPath, [HAMMER, JSON.stringify(given)], { stdio: ['ignore', 'inherit', 'inherit'] });
  };
  const children = Array.from({ length: PROCESSES }, (_, place) => start(place));
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep((round.seconds * 1000) / (kills + 1));
      const place = kill % PROCESSES;
      children[place]!.kill('SIGKILL');
      children[place] = start(place);
    }
    const ends = await Promise.all(
      children.map(async child => (child.exitCode === null ? await once(child, 'exit') : [child.exitCode])),
    );
    assert.deepEqual(
      ends.map(([code]) => code),
      children.map(() => 0),
    );
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
  const entries = folders.flatMap(own => entriesOf(path.join(own, 'journal')));
  const faults = entries.flatMap(each => (each.kind === 'fault' ? [`${each.call}: ${each.error}`] : []));
  assert.deepEqual([...new Set(faults)], [], 'no fault reaches a caller');
  await drain(at, path.join(folder, 'own'), work.hook);
  await numbersHold(round);
  await acknowledgedHolds(round, entries);
  await readersHeard(round, folders);
  const brought = entriesOf(path.join(folder, RECEIVED)).flatMap(each => (each.kind === 'brought' ? [each] : []));
  broughtInOrder(brought, { contacts: work.conversations.map(each => each.contact), twice: kills > 0 });
  await queueHolds(round);
  return {
    said: entries.filter(each => each.kind === 'said').length,
    opened: entries.filter(each => each.kind === 'opened').length,
    events: Number((await round.rows('select count(*) as n from event'))[0]!.n),
    brought: brought.length,
  };
}

async function prepare(store: OpenStore, { at }: Round): Promise<Omit<Work, 'folder' | 'place' | 'milliseconds'>> {
  const account = 'acme';
  const { inbox } = await store.addAccount({
    slug: account,
    domains: ['reply.example.com'],
    support_email: 'support@example.com',
  });
  await store.setFeature(account, 'new_conversations', true);
  const { hook } = await store.addHook({ account, url: 'https://hooks.example.com/' });
  await store.addKey({ account });
  const conversations = [];
  for (let index = 0; index < HOT; index += 1) {
    const contact = `hot${index}@customer.example`;
    const started = await store.startConversation({ account, channel: 'api', contact: { email: contact }, via: 'api' });
    conversations.push({ id: started.id, contact, address: started.reply_to! });
  }
  return { at, writers: 6, account, inbox: inbox!, hook: hook.id, conversations };
}

function entriesOf(file: string): Entry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last line of a process that was killed may be cut.
  return lines.filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Entry);
}

/** What is still due goes, so that only what is stuck stays. */
async function drain(at: Work['at'], folder: string, hook: string): Promise<void> {
  const store = await openAt(at, folder, PROCESSES);
  await store.voidLeases();
  for (const destination of ['smarthost', hook]) {
    for (;;) {
      const parcels = await store.lease(destination, { now: Date.now() + 1000, limit: 100 });
      if (parcels.length === 0) break;
      for (const { deliveryId } of parcels)
        await store.settle(deliveryId, { kind: 'sent', response: '250' }, { now: Date.now(), retryAt: null });
    }
  }
  await store.close();
}

type Rows = Pick<Round, 'rows'>;

/** Every number once, from 1 on without a gap, and the next one stands in the row that gives them out. */
async function numbersHold({ rows }: Rows): Promise<void> {
  const wrong = async (what: string, text: string) => assert.deepEqual(await rows(text), [], what);
  const series = (table: string, next: string) => `
    select c.key, c.${next} as next, count(x.key) as found, count(distinct x.seq) as distinct_found, max(x.seq) as last
    from conversation c join ${table} x on x.conversation_key = c.key group by c.key, c.${next}
    having count(x.key) <> c.${next} - 1 or count(distinct x.seq) <> count(x.key) or max(x.seq) <> count(x.key)`;
  await wrong('messages are numbered', series('message', 'next_seq'));
  await wrong('events are numbered', series('event', 'next_event_seq'));
  await wrong(
    'an event of a conversation stands behind that with the number before it',
    `select one.key from event one join event other
       on other.conversation_key = one.conversation_key and other.seq = one.seq + 1 where other.key < one.key`,
  );
  await wrong(
    'a conversation has its own number in the account',
    'select number from conversation group by account_key, number having count(*) > 1',
  );
  await wrong(
    'the account knows its next number',
    'select a.key from account a where a.next_number <= (select max(number) from conversation where account_key = a.key)',
  );
  await wrong(
    'an address is one contact',
    'select email_key from contact where email_key is not null group by account_key, email_key having count(*) > 1',
  );
  await wrong(
    'no mail is filed without a message',
    "select key from mail m where state = 'filed' and not exists (select 1 from message where mail_key = m.key)",
  );
  const sums = await rows(
    "select count(*) as mails, coalesce(sum(size), 0) as bytes from mail where state in ('kept', 'refused')",
  );
  const kept = new Map((await rows('select what, key from cleared_to')).map(row => [row.what, Number(row.key)]));
  assert.deepEqual(
    { mails: kept.get('unfiled_mails'), bytes: kept.get('unfiled_bytes') },
    { mails: Number(sums[0]!.mails), bytes: Number(sums[0]!.bytes) },
  );
}

async function acknowledgedHolds({ rows }: Rows, entries: readonly Entry[]): Promise<void> {
  const messages = new Map(
    (await rows('select key, conversation_key, text from message')).map(row => [Number(row.key), row]),
  );
  const inConversation = new Map<string, string>();
  const named = new Map<string, string>();
  for (const entry of entries) {
    if (entry.kind === 'once') {
      assert.equal(entry.message, named.get(entry.name) ?? entry.message, `${entry.name} was done once`);
      named.set(entry.name, entry.message);
    }
    if (entry.kind !== 'said') continue;
    const found = messages.get(decodeId('message', entry.message)!);
    assert.equal(found?.text, entry.text, 'what was acknowledged is there');
    assert.equal(Number(found?.conversation_key), decodeId('conversation', entry.conversation));
    const said = `${entry.conversation} ${entry.text}`;
    assert.equal(entry.message, inConversation.get(said) ?? entry.message, `${said} stands there once`);
    inConversation.set(said, entry.message);
  }
  const numbers = new Map((await rows('select key, number from conversation')).map(row => [Number(row.key), row]));
  const opened = entries.flatMap(entry => (entry.kind === 'opened' ? [entry] : []));
  assert.equal(new Set(opened.map(entry => entry.number)).size, opened.length, 'no number was told twice');
  for (const { conversation, number } of opened)
    assert.equal(Number(numbers.get(decodeId('conversation', conversation)!)?.number), number);
}

/** Each reader's list is that of the store, as far as he came. Events of what was removed since he may have heard. */
async function readersHeard({ rows }: Rows, folders: readonly string[]): Promise<void> {
  const stored = (await rows('select key from event order by key')).map(row => Number(row.key));
  let readers = 0;
  for (const folder of folders) {
    const entries = entriesOf(path.join(folder, 'journal'));
    const heard = entries.flatMap(each => (each.kind === 'heard' ? each.events : [])).map(id => decodeId('event', id)!);
    if (heard.length === 0) continue;
    readers += 1;
    heard.forEach((key, index) => {
      assert.ok(index === 0 || key > heard[index - 1]!, 'a reader hears each event once, and in their order');
    });
    const has = new Set(heard);
    const missed = stored.filter(key => key <= heard.at(-1)! && !has.has(key));
    assert.deepEqual(missed, [], 'a reader misses nothing');
  }
  assert.ok(readers > 1);
}

type Brought = Extract<Entry, { kind: 'brought' }>;

/** Of one order each delivery comes once, behind those that are older. `twice`: of a process that was killed it may come again. */
function broughtInOrder(
  brought: readonly Brought[],
  { contacts, twice }: { readonly contacts: readonly string[]; readonly twice: boolean },
): void {
  const orders = new Map<string, number[]>();
  const seen = new Set<string>();
  for (const { delivery, order } of brought) {
    if (seen.has(delivery)) {
      assert.ok(twice, `${delivery} is brought once`);
      continue;
    }
    seen.add(delivery);
    // Others have several conversations.
    if (order.startsWith('mail') && !contacts.some(contact => order === `mail ${contact}`)) continue;
    const list = orders.get(order) ?? [];
    orders.set(order, [...list, decodeId('delivery', delivery)!]);
  }
  for (const [order, keys] of orders) {
    keys.forEach((key, index) => {
      assert.ok(index === 0 || key > keys[index - 1]!, `${order} is brought in its order`);
    });
  }
}

async function queueHolds({ rows }: Rows): Promise<void> {
  const wrong = async (what: string, text: string) => assert.deepEqual(await rows(text), [], what);
  await wrong('no lease is lost', "select key from delivery where state = 'leased'");
  await wrong(
    'what is composed and due has gone',
    `select key from delivery where state in ('waiting', 'deferred') and next_attempt_at is not null
       and (outgoing_mail_key is not null or kind = 'webhook')`,
  );
  await wrong(
    'a webhook for each event',
    `select e.key from event e left join delivery d on d.event_key = e.key group by e.key having count(d.key) <> 1`,
  );
  await wrong(
    'who is not suspended has nothing that waits for the end of it',
    `select d.key from delivery d join participant p on p.key = d.participant_key join contact c on c.key = p.contact_key
      where d.reason = 'suspended' and d.state = 'waiting' and c.suspended_at is null`,
  );
  await wrong(
    'nothing goes to somebody who is suspended',
    `select d.key, d.state, d.reason from delivery d join participant p on p.key = d.participant_key
       join contact c on c.key = p.contact_key
      where d.state in ('waiting', 'deferred') and d.next_attempt_at is not null and c.suspended_at is not null`,
  );
  await wrong(
    'a message is mailed to each once',
    `select dm.message_key, d.participant_key from delivery_message dm join delivery d on d.key = dm.delivery_key
      group by dm.message_key, d.participant_key having count(*) > 1`,
  );
}
