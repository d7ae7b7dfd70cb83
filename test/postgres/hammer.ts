/**
 * A process that works on a store as hard as it can, beside others that do the same: `hammer <work as JSON>`. It writes into
 * a few hot conversations, leases and settles what is due, composes, and reads the stream with a place that it remembers.
 * What it was told (acknowledged, heard, delivered) it writes into a journal before it goes on: one line of JSON each, so
 * that it counts when the process is killed. Whoever started it compares the journals with the store (`hammered.ts`).
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isReplydError } from '#replyd/base/errors.js';
import type { Destination } from '#replyd/conversation/filing.js';
import type { Outcome, Parcel } from '#replyd/conversation/ports.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { destinationOf, filing, reading, sha256 } from '../store/contract.js';
import { RULES } from '../store/rules.js';

export interface Work {
  readonly at: { readonly url: string } | { readonly dataDir: string };
  /** Its own, for the journal. */
  readonly folder: string;
  /** Its number among the processes. */
  readonly place: number;
  readonly milliseconds: number;
  /** Calls at a time. */
  readonly writers: number;
  readonly account: string;
  readonly inbox: string;
  readonly hook: string;
  readonly conversations: readonly { readonly id: string; readonly contact: string; readonly address: string }[];
}

/** What stands in a journal. `at`: milliseconds since 1970. */
export type Entry =
  /** `text` was filed or added there, or it was there already. */
  | { readonly kind: 'said'; readonly conversation: string; readonly text: string; readonly message: string }
  | { readonly kind: 'opened'; readonly conversation: string; readonly number: number }
  | { readonly kind: 'heard'; readonly events: readonly string[] }
  | { readonly kind: 'once'; readonly name: string; readonly message: string }
  /** Brought to the receiver, in this moment. */
  | {
      readonly kind: 'brought';
      readonly delivery: string;
      readonly order: string;
      readonly what: string;
      readonly attempt: number;
    }
  | { readonly kind: 'settled'; readonly delivery: string; readonly as: Outcome['kind'] }
  | { readonly kind: 'fault'; readonly call: string; readonly error: string };

export const RULES_OF_HAMMER = { ...RULES, delay: 0, operator: 'ops@example.com', unfiledMails: 40 };

/** For all processes: what is brought, in the order in which it is. */
export const RECEIVED = 'received';
const LIMITS = { loopMessages: 10_000, loopWindow: 600_000 };
/** Different words that are said into a conversation more than once, by whoever comes. */
const SHARED = 40;

export function openAt(at: Work['at'], folder: string, place: number): Promise<OpenStore> {
  return 'url' in at
    ? openPostgres({
        servers: [{ connectionString: at.url }],
        dataDir: folder,
        rules: RULES_OF_HAMMER,
        migrate: false,
        // A process that was killed and starts anew is the same node.
        node: { facts: () => ({ id: `node ${place}`, name: `node ${place}`, version: '0', configuration: '' }) },
        patience: 60_000,
      })
    : openStore({ dataDir: at.dataDir, writer: 'direct', rules: RULES_OF_HAMMER, migrate: false });
}

async function hammer(work: Work): Promise<void> {
  const { folder, place, conversations, account, hook } = work;
  mkdirSync(folder, { recursive: true });
  const store = await openAt(work.at, folder, place);
  const journal = path.join(folder, 'journal');
  const note = (entry: Entry) => appendFileSync(journal, `${JSON.stringify(entry)}\n`);
  const until = Date.now() + work.milliseconds;
  const working = () => Date.now() < until;
  let count = 0;
  // Pseudo-random and its own, so that a round can be told from the next.
  let seed = (place + 1) * 7919 + (Date.now() % 100_000);
  const chance = (of: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * of);
  };
  const any = <T>(list: readonly T[]) => list[chance(list.length)]!;
  const word = () => {
    count += 1;
    return `${place}.${process.pid}.${count}`;
  };

  const tried = async (call: string, run: () => Promise<void>) => {
    try {
      await run();
    } catch (error) {
      // What the verbs refuse is an answer too.
      if (isReplydError(error) && error.code !== 'unavailable') return;
      note({ kind: 'fault', call, error: String((error as Error).message) });
    }
  };

  const inbox = await destinationOf(store, work.inbox);
  const places = await Promise.all(conversations.map(each => destinationOf(store, each.address)));

  const file = async (destinations: readonly Destination[], ids: readonly string[], text: string, from: string) => {
    const mail = reading({ text, from: { name: 'C', email: from } });
    const results = await store.file(
      filing(destinations, mail, {
        limits: LIMITS,
        envelope: { mailFrom: from, rcptTo: destinations.map(each => each.address) },
      }),
    );
    for (const [index, result] of results.entries()) {
      if (result.kind === 'filed' && result.messageId !== null && ids[index] !== undefined)
        note({ kind: 'said', conversation: ids[index], text, message: result.messageId });
    }
  };

  const start = (more: object) => store.startConversation({ account, channel: 'api', via: 'api', ...more } as never);

  /** What one writer does next, each as often as it stands here. */
  const acts: readonly (readonly [string, () => Promise<void>])[] = [
    ...repeated(6, 'file', async () => {
      const index = chance(places.length);
      const { id, contact } = conversations[index]!;
      await file([places[index]!], [id], word(), contact);
    }),
    // The same mail by several ways at once is one message.
    ...repeated(2, 'file shared', async () => {
      const index = chance(places.length);
      const { id, contact } = conversations[index]!;
      await file([places[index]!], [id], `shared ${chance(SHARED)} for ${id}`, contact);
    }),
    ...repeated(2, 'file to two', async () => {
      const [one, other] = [chance(places.length), chance(places.length)];
      if (one === other) return;
      const { contact } = conversations[one]!;
      await file([places[one]!, places[other]!], [conversations[one]!.id, conversations[other]!.id], word(), contact);
    }),
    ...repeated(5, 'addMessage', async () => {
      const { id } = any(conversations);
      const text = word();
      const message = await store.addMessage({ id }, { direction: 'outgoing', text, mail: 'now', via: 'api' });
      note({ kind: 'said', conversation: id, text, message: message.id });
    }),
    ...repeated(2, 'note', async () => {
      const { id } = any(conversations);
      const text = word();
      const message = await store.addMessage({ id }, { direction: 'note', text, via: 'api' });
      note({ kind: 'said', conversation: id, text, message: message.id });
    }),
    ...repeated(2, 'once', async () => {
      const { id } = any(conversations);
      const name = `shared ${chance(SHARED)} for ${id}`;
      const [key] = await store.keys();
      const request = { caller: key!.id, name, fingerprint: sha256(name) };
      const { value } = await store.once(request, 'addMessage', [
        { id },
        { direction: 'note', text: name, via: 'api' },
      ]);
      note({ kind: 'once', name, message: value.id });
    }),
    ...repeated(2, 'seen', async () => {
      await store.seen({ id: any(conversations).id });
    }),
    [
      'set',
      async () => {
        await store.setConversation({ id: any(conversations).id }, { status: any(['open', 'resolved']) });
      },
    ],
    [
      'rotate',
      async () => {
        // A token of nobody whom a mail is for.
        const { id } = any(conversations);
        await store.addMessage(
          { id },
          {
            direction: 'outgoing',
            text: word(),
            mail: 'now',
            via: 'api',
            cc: [{ name: 'D', email: `d${chance(5)}@customer.example` }],
          },
        );
        await store.rotateToken({ id }, `d${chance(5)}@customer.example`);
      },
    ],
    ...repeated(2, 'start', async () => {
      const { id, number } = await start({ contact: { source_id: `person ${chance(30)}` }, text: word() });
      note({ kind: 'opened', conversation: id, number });
    }),
    [
      'start with an address',
      async () => {
        const person = chance(30);
        const { id, number } = await start({
          contact: { source_id: `person ${person}`, email: `p${person}.${chance(3)}@customer.example` },
          text: word(),
        });
        note({ kind: 'opened', conversation: id, number });
      },
    ],
    ...repeated(2, 'open by mail', async () => {
      await file([inbox], [], word(), `stranger${chance(20)}@customer.example`);
    }),
    [
      'thread by mail',
      async () => {
        // The answer may come before what it answers.
        const id = `${chance(SHARED)}.${Math.floor(count / 100)}@customer.example`;
        const from = { name: 'C', email: `stranger${chance(20)}@customer.example` };
        const mail = reading({
          text: word(),
          from,
          inReplyTo: [id],
          messageId: chance(2) === 0 ? id : `${word()}@customer.example`,
        });
        await store.file(filing([inbox], mail, { limits: LIMITS }));
      },
    ],
    [
      'postmaster',
      async () => {
        const operator: Destination = {
          kind: 'operator',
          address: 'postmaster@reply.example.com',
          localPart: 'postmaster',
        };
        await store.file(filing([operator], reading({ text: `${chance(SHARED)} ${place}` }), { limits: LIMITS }));
      },
    ],
    [
      'refuse',
      async () => {
        const { facts, raw } = filing([], reading({ text: word() }));
        await store.refuse({
          envelope: { mailFrom: '', rcptTo: ['x@reply.example.com'] },
          facts,
          raw,
          via: 'mailgun',
          client: null,
          reason: 'x',
        });
      },
    ],
    [
      'contact',
      async () => {
        const found = any(await store.contacts({ account, limit: 50 }));
        if (found === undefined || conversations.some(each => each.contact === found.email)) return;
        if (chance(2) === 0)
          await store.setContact(found.id, { email: `n${chance(60)}@customer.example`, name: word() });
        else await store.clearContact(found.id);
      },
    ],
    [
      'remove',
      async () => {
        const { id } = await start({ contact: { source_id: `gone ${chance(5)}` }, text: word() });
        await file([...places.slice(0, 1)], [], word(), `gone@customer.example`);
        await store.removeConversation({ id });
      },
    ],
    [
      'hook',
      async () => {
        await store.setDestination({ name: hook, paused: null, reason: null, nextProbeAt: null, failures: 0 }, 'queue');
      },
    ],
    [
      'retry',
      async () => {
        const [found] = await store.deliveries({ state: any(['waiting', 'deferred']), limit: 1 });
        if (found !== undefined)
          await (chance(4) === 0 ? store.cancelDelivery(found.id) : store.retryDelivery(found.id));
      },
    ],
    [
      'import',
      async () => {
        const token = sha256(`import ${chance(SHARED)} ${Math.floor(count / 200)}`).slice(0, 32);
        await store.importConversations([
          { account, channel: 'api', contact: { source_id: `person ${chance(30)}` }, token, status: 'open' },
        ]);
      },
    ],
    [
      'housekeeping',
      async () => {
        const old = Date.now() - 86_400_000;
        await store.clearOld({ raw: old, resolved: old, deliveries: old, unfiled: old });
        await store.clearEvents({ before: old, answersBefore: old, limit: 100 });
      },
    ],
  ];

  const write = async () => {
    while (working()) {
      const [name, act] = any(acts);
      await tried(name, act);
    }
  };

  const compose = async () => {
    while (working()) {
      await tried('compose', async () => {
        for (const id of await store.dueConversations({ now: Date.now(), limit: 5 })) {
          const found = await store.composeSnapshot(id, { now: Date.now(), context: 0 });
          if (found === null) continue;
          const mailId = store.mintMailId();
          const raw = Buffer.from(`mail ${mailId}`);
          await store.saveComposed({
            mailId,
            conversationId: id,
            messageId: `${mailId}@reply.example.com`,
            subject: 'Re',
            messageIds: found.unmailed.map(message => message.id),
            inReplyTo: null,
            references: [],
            raw: { sha256: sha256(String(raw)), size: raw.length, bytes: raw },
            copies: found.copies.map(copy => ({
              deliveryId: copy.deliveryId,
              head: 'X: y\r\n',
              mailFrom: 'b@reply.example.com',
            })),
          });
        }
        for (const { deliveryId } of await store.dueForwards({ now: Date.now(), limit: 5 })) {
          const mailId = store.mintMailId();
          const raw = Buffer.from(`copy ${mailId}`);
          await store.saveForward({
            deliveryId,
            mailId,
            messageId: `${mailId}@reply.example.com`,
            raw: { sha256: sha256(String(raw)), size: raw.length, bytes: raw },
          });
        }
      });
      await sleep(5);
    }
  };

  const received = path.join(path.dirname(folder), RECEIVED);
  const bring = (parcel: Parcel) => {
    const entry: Entry = {
      kind: 'brought',
      delivery: parcel.deliveryId,
      attempt: parcel.attempt,
      ...(parcel.kind === 'webhook'
        ? { order: `hook ${conversationIn(parcel.body)}`, what: parcel.eventId }
        : { order: `mail ${parcel.rcptTo}`, what: parcel.messageId }),
    };
    appendFileSync(received, `${JSON.stringify(entry)}\n`);
  };
  const outcomeOf = (parcel: Parcel): Outcome => {
    const fate = chance(20);
    if (fate === 0) return { kind: 'retry', response: '450 later' };
    if (fate === 1 && parcel.kind === 'mail')
      return { kind: 'failed', response: '550 no', suspend: chance(2) === 0, refusedByPolicy: false };
    return {
      kind: 'sent',
      response: '250 ok',
      ...(chance(10) === 0 && parcel.kind === 'mail' ? { alias: `alias.${word()}@smarthost.example` } : {}),
    };
  };
  const deliver = async (destination: string) => {
    while (working()) {
      let found = 0;
      await tried(`lease ${destination}`, async () => {
        const parcels = await store.lease(destination, { now: Date.now(), limit: 8 });
        found = parcels.length;
        if (found > 0 && chance(10) === 0) return store.release(parcels);
        await Promise.all(
          parcels.map(async parcel => {
            const outcome = outcomeOf(parcel);
            if (outcome.kind !== 'retry') bring(parcel);
            const { lease } = parcel;
            const options = { now: Date.now(), retryAt: outcome.kind === 'retry' ? Date.now() : null, lease };
            if (!(await store.settle(parcel.deliveryId, outcome, options))) throw new Error('the lease is lost');
            note({ kind: 'settled', delivery: parcel.deliveryId, as: outcome.kind });
          }),
        );
      });
      if (found === 0) await sleep(5);
    }
  };

  const read = async () => {
    let after = 'ev_00000000000';
    while (working()) {
      await tried('events', async () => {
        const events = await store.events({ after, limit: 50 });
        if (events.length === 0) return sleep(2);
        note({ kind: 'heard', events: events.map(event => event.id) });
        after = events.at(-1)!.id;
      });
    }
  };

  await Promise.all([
    ...Array.from({ length: work.writers }, write),
    compose(),
    deliver('smarthost'),
    deliver(hook),
    ...(place < 2 ? [read()] : []),
  ]);
  await store.close();
}

function repeated(times: number, name: string, act: () => Promise<void>): (readonly [string, () => Promise<void>])[] {
  return Array.from({ length: times }, () => [name, act] as const);
}

function conversationIn(body: string): string {
  return (JSON.parse(body) as { conversation: { id: string } | null }).conversation?.id ?? 'none';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await hammer(JSON.parse(process.argv[2]!) as Work);
