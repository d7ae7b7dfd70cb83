/**
 * What every fault is tried on: a real daemon with a smarthost and a webhook receiver that can be made to go wrong, and
 * a ledger of all that was offered to it. Each word is offered until it is taken, as an MTA or an application does.
 *
 * `expectService` is what "full service" means: every door takes a mail, small and large, the API an answer, the
 * smarthost gets it and the receiver hears of all of it. `expectWhole` holds the ledger against store, smarthost and
 * receiver: nothing that was acknowledged is missing, nothing stands or went out twice, and the check finds nothing.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { Conversation, QueuedDelivery } from '#replyd/conversation/model.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { addAccount, type DaemonOptions, type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { mailBytes } from '../durability/load.js';
import { connectTalk, type SmtpTalk } from '../interop/smtp-talk.js';
import { type Script, type SmtpSink, startSink } from '../outbound/smtp-sink.js';
import { eventually } from '../run.js';
import { withLogs } from '../with-logs.js';
import { type BooksOptions, type Entry, expectWhole } from './books.js';
import { type Receiver, startReceiver } from './receiver.js';

const PASSWORD = 'relay password of the test';
const CONVERSATIONS = 4;
export const SMALL = 3_000;
/** More than is kept in memory: it comes into a file, is read by a child process and stands in a file. */
export const LARGE = 400_000;

export interface Smarthost {
  readonly script: Script;
  /** Mails it took so far, over all its lives. */
  taken(): readonly { readonly data: string }[];
  /** Mails whose last byte came, taken or not. */
  seen(): readonly { readonly data: string }[];
  /** Over when it holds an answer back (`hold` in the script). */
  holding(): Promise<void>;
  release(): void;
  /** Connections that were kept for the next mail are gone. */
  drop(): void;
  /** Nobody listens on its port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface Bench {
  readonly daemon: DaemonProcess;
  readonly store: OpenStore;
  readonly conversations: readonly (Conversation & { readonly reply_to: string })[];
  readonly hook: string;
  readonly smarthost: Smarthost;
  readonly receiver: Receiver;
  /** A word that was not there before; it names its mail or answer. */
  word(): string;
  /** Offers a mail over SMTP and gives code and enhanced code of the answer, or `cut`. `on`: an open session. */
  mail(word: string, options?: { size?: number; on?: SmtpTalk; body?: string }): Promise<string>;
  /** Through `replyd deliver` as a Postfix pipe: its exit code. */
  pipe(word: string): Promise<string>;
  /** By the generic HTTP door: its status, or `cut`. */
  relay(word: string, size?: number): Promise<string>;
  /** An answer by the API, to be mailed at once unless `mail` says otherwise: its status, or `cut`. */
  answer(word: string, options?: { conversation?: number; mail?: 'now' | 'auto' }): Promise<string>;
  /** A session behind its EHLO. */
  session(): Promise<SmtpTalk>;
  /** The delivery of an answer. */
  deliveryOf(word: string): Promise<QueuedDelivery>;
  /** This mail stands in its conversation, but without its words: they are not looked for in the books. */
  unreadable(word: string): void;
  /** Other settings while it runs, over those it was opened with. */
  reload(settings: Settings): Promise<void>;
  /** Offers again what has not been taken yet, which must be taken now. */
  offerAgain(): Promise<void>;
  /** As `eventually`, every 20 ms. */
  eventually(what: string, probe: () => Promise<boolean> | boolean, within?: number): Promise<void>;
  /** An answer is with the smarthost, within `within` ms. */
  expectSent(word: string, within?: number): Promise<void>;
  expectService(): Promise<void>;
  expectWhole(options?: BooksOptions): Promise<void>;
  close(): Promise<void>;
}

export interface BenchOptions extends Omit<DaemonOptions, 'settings'> {
  readonly settings?: Settings;
  /** Before the start. */
  readonly prepare?: (daemon: DaemonProcess) => void;
  /** Before the folder is removed, when the daemon has ended. */
  readonly tidy?: (daemon: DaemonProcess) => void;
}

const SETTINGS: Settings = {
  'limits.min_free': 0,
  'limits.loop_messages': 10_000,
  'continuity.context': 0,
  'continuity.history': 0,
  'limits.api_requests': 1_000_000,
  'ingress.relay.password': PASSWORD,
  'outbound.transport': 'smtp',
  'outbound.host': '127.0.0.1',
  'outbound.tls': 'none',
  'outbound.retry': ['1s'],
  'hooks.allow_private': true,
  'log.level': 'info',
};

async function startSmarthost(): Promise<Smarthost & { readonly port: number }> {
  const script: Script = {};
  const lives: SmtpSink[] = [await startSink(script)];
  const { port } = lives[0]!;
  const living = () => lives.at(-1)!;
  return {
    port,
    script,
    taken: () => lives.flatMap(each => each.accepted),
    seen: () => lives.flatMap(each => each.mails),
    async holding() {
      await eventually('the smarthost has it', () => living().holding() > 0, { every: 10 });
    },
    release: () => living().release(),
    drop: () => living().dropConnections(),
    stop: () => living().close(),
    async start() {
      lives.push(await startSink(script, { port }));
    },
  };
}

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const { prepare, tidy, settings, ...rest } = options;
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    return await open();
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }

  async function open(): Promise<Bench> {
    const smarthost = await startSmarthost();
    closers.push(() => smarthost.stop());
    const receiver = await startReceiver();
    closers.push(() => receiver.close());
    const daemon = await makeDaemon({
      ...rest,
      settings: { ...SETTINGS, 'outbound.port': smarthost.port, ...settings },
    });
    const socket = path.join(daemon.folder, 'lmtp.sock');
    await daemon.configure({ 'lmtp.listen': `unix:${socket}` });
    closers.push(async () => {
      try {
        if (daemon.running) await daemon.stop();
      } finally {
        tidy?.(daemon);
        await daemon.close();
      }
    });
    prepare?.(daemon);
    await withLogs({ replyd: () => daemon.log() }, () => daemon.start());
    await addAccount(daemon);
    const { config } = loadConfig({ file: daemon.configFile, env: {}, cwd: daemon.folder });
    const store = await openStore({
      dataDir: config.dataDir,
      writer: 'direct',
      // Many rounds make conversations of more than one answer's bytes.
      rules: { ...storeRules(config), responseBytes: Number.MAX_SAFE_INTEGER },
      migrate: false,
    });
    closers.push(() => store.close());
    const { hook } = await store.addHook({ account: 'acme', url: receiver.url });
    const { secret: key } = await store.addKey({ account: 'acme' });
    const conversations: (Conversation & { reply_to: string })[] = [];
    for (let index = 0; index < CONVERSATIONS; index += 1) {
      const contact = { email: `carla${index}@customer.example`, name: 'Carla' };
      const made = await store.startConversation({ account: 'acme', channel: 'line', contact, via: 'cli' });
      conversations.push({ ...made, reply_to: made.reply_to! });
    }
    return makeBench({ daemon, store, conversations, hook: hook.id, smarthost, receiver, key, socket, close });
  }
}

interface Parts
  extends Pick<Bench, 'daemon' | 'store' | 'conversations' | 'hook' | 'smarthost' | 'receiver' | 'close'> {
  readonly key: string;
  readonly socket: string;
}

function makeBench(parts: Parts): Bench {
  const { daemon, store, conversations, smarthost, receiver, key, socket } = parts;
  const ledger = new Map<string, Entry>();
  const ids = new Map<string, string>();
  let count = 0;

  const enter = (word: string, kind: Entry['kind'], more: Partial<Entry> = {}): Entry => {
    const known = ledger.get(word);
    if (known !== undefined) return known;
    const conversation = ledger.size % CONVERSATIONS;
    const entry = { word, kind, conversation, size: SMALL, body: '', acknowledged: false, ...more };
    ledger.set(word, entry);
    return entry;
  };
  const to = (entry: Entry) => conversations[entry.conversation]!.reply_to;
  const mailOf = (entry: Entry) =>
    Buffer.concat([mailBytes(entry.word, to(entry), entry.size), Buffer.from(entry.body)]);
  const bench: Bench = {
    ...parts,
    word() {
      count += 1;
      return `word${count}.`;
    },

    async session() {
      const talk = await connectTalk(daemon.smtp, { timeout: 60_000 });
      await talk.expect(220);
      await talk.command('EHLO client.example.net', 250);
      return talk;
    },

    async mail(word, { on, ...shape } = {}) {
      const entry = enter(word, 'mail', shape);
      let talk = on ?? null;
      try {
        talk ??= await bench.session();
        for (const line of ['MAIL FROM:<carla@customer.example>', `RCPT TO:<${to(entry)}>`, 'DATA']) {
          const { code, enhanced } = await talk.command(line);
          if (code >= 400) return `${code} ${enhanced}`;
        }
        talk.sendMail(mailOf(entry));
        const { code, enhanced } = await talk.reply();
        entry.acknowledged ||= code === 250;
        return `${code} ${enhanced}`;
      } catch {
        return 'cut';
      } finally {
        if (on === undefined) talk?.close();
      }
    },

    async pipe(word) {
      const entry = enter(word, 'mail');
      const words = [
        'deliver',
        '--door',
        'postfix',
        '--socket',
        socket,
        '--sender',
        'carla@customer.example',
        to(entry),
      ];
      const { code } = await daemon.cli(words, { input: mailOf(entry).toString(), timeout: 60_000 });
      entry.acknowledged ||= code === 0;
      return `${code}`;
    },

    async relay(word, size = SMALL) {
      const entry = enter(word, 'mail', { size });
      const query = new URLSearchParams({ recipient: to(entry), sender: 'carla@customer.example' });
      const authorization = `Basic ${Buffer.from(`actionmailbox:${PASSWORD}`).toString('base64')}`;
      const { status } = await ask(daemon, `/ingress/relay?${query}`, {
        headers: { 'content-type': 'message/rfc822', authorization },
        body: mailOf(entry),
      });
      entry.acknowledged ||= status === '204';
      return status;
    },

    async answer(word, { conversation, mail = 'now' } = {}) {
      const entry = enter(word, 'answer', conversation === undefined ? {} : { conversation });
      const { status, body } = await ask(
        daemon,
        `/v1/conversations/${conversations[entry.conversation]!.id}/messages`,
        {
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify({ direction: 'outgoing', text: word, source_id: word, mail, agent: { name: 'Anna' } }),
        },
      );
      // 200: it stood there already.
      if (status === '201' || status === '200') {
        entry.acknowledged = true;
        ids.set(word, (JSON.parse(body) as { id: string }).id);
      }
      return status;
    },

    async deliveryOf(word) {
      const { deliveries } = await store.message(ids.get(word)!);
      return store.delivery(deliveries[0]!.id);
    },

    async reload(more) {
      const before = daemon.events('reloaded').length;
      await daemon.configure({ 'lmtp.listen': `unix:${socket}`, ...more });
      daemon.signal('SIGHUP');
      await eventually('it has reloaded', () => daemon.events('reloaded').length > before, { every: 20 });
    },

    unreadable(word) {
      ledger.delete(word);
    },

    async offerAgain() {
      for (const entry of ledger.values()) {
        if (entry.acknowledged) continue;
        const answer = entry.kind === 'mail' ? await bench.mail(entry.word) : await bench.answer(entry.word);
        assert.ok(entry.acknowledged, `${entry.word}: ${answer}`);
      }
    },

    async eventually(what, probe, within = 20_000) {
      await eventually(what, probe, { within, every: 20 });
    },

    async expectSent(word, within = 10_000) {
      await eventually(`${word} is sent`, async () => (await bench.deliveryOf(word)).state === 'sent', { within });
    },

    async expectService() {
      const [answer, ...mails] = Array.from({ length: 5 }, () => bench.word());
      assert.equal(await bench.answer(answer!), '201');
      assert.equal(await bench.mail(mails[0]!), '250 2.0.0');
      assert.equal(await bench.mail(mails[1]!, { size: LARGE }), '250 2.0.0');
      assert.equal(await bench.relay(mails[2]!), '204');
      assert.equal(await bench.pipe(mails[3]!), '0');
      await bench.offerAgain();
      await bench.expectSent(answer!);
      const heard = new Set<string>();
      await eventually(
        'the receiver hears of it',
        () => {
          for (const word of receiver.words) heard.add(word);
          return [answer!, ...mails].every(word => heard.has(word));
        },
        { within: 15_000 },
      );
    },

    expectWhole: options => expectWhole({ daemon, store, conversations, smarthost, receiver }, ledger, options),
  };
  return bench;
}

/** One request on a connection of its own; `cut` instead of a status. (`fetch` connects again and again.) */
function ask(
  daemon: DaemonProcess,
  place: string,
  post: { headers: Readonly<Record<string, string>>; body: string | Uint8Array },
): Promise<{ status: string; body: string }> {
  return new Promise(resolve => {
    const cut = () => resolve({ status: 'cut', body: '' });
    const request = http.request(
      `http://${daemon.listening.http}${place}`,
      { method: 'POST', agent: false, timeout: 60_000, headers: post.headers },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', cut);
        response.on('end', () =>
          resolve({ status: `${response.statusCode}`, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', cut);
    request.end(post.body);
  });
}
