/**
 * Broken SMTP and LMTP dialogues with a whole daemon over TCP: one process, many connections at a time, several
 * dialogues on each. Every reply is held against the model of its dialogue, and after each round the store against what
 * was acknowledged. A fault is told with the dialogue's number, by which it can be played again alone.
 *
 * Nothing here throws for what the daemon does; a world that can't be made does.
 */
import type { Connection } from '#replyd/store/sqlite/database.js';
import { type DaemonProcess, hostPort } from '../daemon-process.js';
import { Client } from './client.js';
import { CHAIN, chainOf, type Dialogue, type Door, type World } from './grammar.js';
import { createLedger, type Ledger, storedTwice } from './ledger.js';
import { answersEhlo, descriptors, faultsOfStore, leftBehind, logReader, residentMiB } from './watch.js';
import { aliveIn, HOSTNAME, inWorld, MAX_SIZE } from './world.js';

export interface DialogueResult {
  readonly dialogues: number;
  readonly faults: readonly string[];
  readonly acknowledged: number;
  readonly stored: number;
  /** Resident memory of the daemon in MiB, after the first round and at its highest. */
  readonly memory: { readonly first: number; readonly highest: number };
  /** Each reply that was heard, with ids and names left out, and how often. */
  readonly replies: ReadonlyMap<string, number>;
}

export interface DialogueOptions {
  readonly count: number;
  readonly seed: number;
  /** Plays only the chain of this dialogue, up to it. */
  readonly only?: number | undefined;
  /** Told after each round. */
  readonly progress?: (done: number) => void;
}

const AT_A_TIME = 32;
/** Chains between two looks at the store. */
const ROUND = 250;
/** No reply takes a hundredth of it while everybody is busy. */
const HANG_MS = 20_000;
/** Of resident memory over the first round's. */
const MAX_GROWTH_MIB = 200;
const FAULTS_KEPT = 50;

export function runDialogues(options: DialogueOptions): Promise<DialogueResult> {
  return inWorld({}, (daemon, db, world) => playAll(daemon, db, { world, options }));
}

async function playAll(
  daemon: DaemonProcess,
  db: Connection,
  { world, options }: { world: World; options: DialogueOptions },
): Promise<DialogueResult> {
  const { seed, count, only } = options;
  const faults: string[] = [];
  const alive = aliveIn(world);
  const ledger = createLedger(alive, daemon.dataFolder);
  const replies = new Map<string, number>();
  const clients = new Set<Client>();
  const at: Stage = { daemon, world, seed, alive, ledger, replies, clients, faults };
  const sweeper = setInterval(() => {
    for (const client of clients) {
      if (client.waitingFor(performance.now()) > HANG_MS)
        client.giveUp(`waited ${HANG_MS} ms for ${client.model.owed()}`);
    }
  }, 1_000);
  const log = logReader(daemon);
  const first = only === undefined ? 0 : Math.floor(only / CHAIN);
  const behind = only === undefined ? Math.ceil(count / CHAIN) : first + 1;
  const files = descriptors(daemon);
  let memory = { first: 0, highest: 0 };
  try {
    for (let next = first; next < behind && faults.length < FAULTS_KEPT; ) {
      const end = Math.min(behind, next + ROUND);
      const playNext = async () => {
        while (next < end) {
          const index = next;
          next += 1;
          await playChain(at, index, only ?? Number.POSITIVE_INFINITY);
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, playNext));
      faults.push(...ledger.compare(db), ...log(), ...(await answersEhlo(daemon)));
      const resident = residentMiB(daemon);
      memory = { first: memory.first || resident, highest: Math.max(memory.highest, resident) };
      options.progress?.(Math.min(count, next * CHAIN));
    }
  } finally {
    clearInterval(sweeper);
  }
  if (memory.highest > memory.first + MAX_GROWTH_MIB)
    faults.push(`memory grew from ${memory.first} to ${memory.highest} MiB`);
  faults.push(...(await leftBehind(daemon, files)), ...storedTwice(db));
  const { code } = await daemon.stop();
  if (code !== 0) faults.push(`the daemon ended with exit ${code}`);
  faults.push(...ledger.compare(db), ...log(), ...(await faultsOfStore(db, daemon.dataFolder)));
  const dialogues = only === undefined ? behind * CHAIN : 1;
  return { dialogues, faults, acknowledged: ledger.acknowledged, stored: ledger.standing, memory, replies };
}

interface Stage {
  readonly daemon: DaemonProcess;
  readonly world: World;
  readonly seed: number;
  readonly alive: ReadonlySet<string>;
  readonly ledger: Ledger;
  readonly replies: Map<string, number>;
  readonly clients: Set<Client>;
  readonly faults: string[];
}

/** One client's dialogues, on as few connections as the door allows. */
async function playChain(stage: Stage, index: number, upTo: number): Promise<void> {
  const { door, dialogues } = chainOf(stage.seed, index, stage.world);
  let client: Client | null = null;
  for (const dialogue of dialogues) {
    if (dialogue.number > upTo) break;
    if (client === null || client.model.state() === 'closed') {
      if (client !== null) await gone(stage, client);
      client = connect(stage, door, { index, dialogue });
    }
    current.set(client, dialogue);
    await play(client, dialogue);
  }
  if (client === null) return;
  client.leave('close');
  await gone(stage, client);
}

/** Which dialogue a client is at, for its faults. */
const current = new WeakMap<Client, Dialogue>();

function connect(stage: Stage, door: Door, { index, dialogue }: { index: number; dialogue: Dialogue }): Client {
  const { daemon, ledger, replies, seed } = stage;
  const kind = door === 'lmtp' ? 'lmtp' : 'smtp';
  const at = () => (current.get(client) ?? dialogue).number;
  const client: Client = new Client({
    ...hostPort(daemon.listening[kind][0]),
    localAddress: door === 'stranger' ? `127.1.${(index >> 8) & 255}.${index & 255}` : '127.0.0.1',
    model: {
      kind,
      hostname: HOSTNAME,
      maxSize: MAX_SIZE,
      alive: stage.alive,
      stored: (mailId, mail) => ledger.stored(mailId, mail, `dialogue ${at()}`),
      unsure: bytes => ledger.unsure(bytes),
    },
    fault(what, transcript) {
      const again = `again: node dist-test/fuzz/main.js --seed ${seed} --only ${at()}`;
      stage.faults.push([`${door}, dialogue ${at()}: ${what}`, ...transcript.slice(-40), again].join('\n  '));
    },
    heard(line) {
      const name = line.replace(/mail_[0-9a-z]{11}/, 'mail_*');
      replies.set(name, (replies.get(name) ?? 0) + 1);
    },
    tls: () => (current.get(client) ?? dialogue).tls,
  });
  stage.clients.add(client);
  return client;
}

async function gone({ clients }: Stage, client: Client): Promise<void> {
  await client.left;
  clients.delete(client);
}

async function play(client: Client, { pieces, end }: Dialogue): Promise<void> {
  for (const { bytes, next } of pieces) {
    if (client.model.state() === 'closed') return;
    client.write(bytes);
    if (next === 'wait') await client.settled();
    else if (next === 'turn') await new Promise(resolve => setImmediate(resolve));
  }
  if (end === 'reset' || end === 'close') {
    client.leave(end);
    return;
  }
  if (end !== 'half' || client.model.state() === 'handshake') await client.settled();
  if (end === 'half') {
    client.endHalf();
    await client.left;
  } else if (end === 'tidy') {
    if (client.model.state() === 'data') client.write(Buffer.from('\r\n.\r\n'));
    else if (client.model.state() === 'line') client.write(Buffer.from('\r\n'));
    await client.settled();
    client.write(Buffer.from('RSET\r\n'));
    await client.settled();
  }
}
