/**
 * The whole program as operators run it: `bin/replyd` as a process of its own, in a temporary folder, on free
 * loopback ports, spoken to by its command line and its doors.
 *
 * `withDaemon` starts it, waits until it says that it is ready (`listening.json`), and puts everything away again.
 * When the body throws, the end of the daemon's log is part of the error. A daemon that leaves a process behind
 * fails the test that started it. Standard error is the log, one JSON object a line.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { newDatabase } from './engine.js';
import { endGroup, ownProcessGroup } from './process-group.js';
import { eventually, type RunResult, run } from './run.js';
import { withLogs } from './with-logs.js';

/** Configuration keys as the documentation names them, e.g. `'smtp.listen': ['127.0.0.1:0']`. */
export type Settings = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface Listening {
  readonly smtp: readonly string[];
  readonly lmtp: readonly string[];
  readonly http: string | null;
  readonly web?: string;
}

export interface DaemonOptions {
  /** Beside the defaults here: a data folder of its own, SMTP and HTTP on free ports, LMTP off. */
  readonly settings?: Settings;
  /** Added to an environment that holds PATH and HOME only. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words in front of the program, e.g. `['strace', '-f', '-o', FILE]`. */
  readonly wrapper?: readonly string[];
  /** The `bin/replyd` of another checkout. */
  readonly program?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

const PROGRAM = path.resolve('bin/replyd');
const START_TIME = 30_000;
const STOP_TIME = 20_000;

export class DaemonProcess {
  readonly folder: string;
  readonly dataFolder: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly #options: DaemonOptions;
  readonly #program: string;
  #child: ChildProcess | null = null;
  #group = 0;
  #database: string | null = null;
  #exit: Promise<Exit> = Promise.resolve({ code: null, signal: null });
  #listening: Listening | null = null;

  constructor(folder: string, options: DaemonOptions) {
    this.folder = folder;
    this.dataFolder = path.join(folder, 'data');
    this.configFile = path.join(folder, 'replyd.toml');
    this.logFile = path.join(folder, 'replyd.log');
    this.#options = options;
    this.#program = options.program ?? PROGRAM;
  }

  /** Where it really listens, since it is ready. */
  get listening(): Listening {
    if (this.#listening === null) throw new Error('the daemon does not run');
    return this.#listening;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the daemon does not run');
    return this.#child.pid;
  }

  /** The first SMTP listener. */
  get smtp(): { host: string; port: number } {
    return hostPort(this.listening.smtp[0]);
  }

  /** Writes the configuration file, with `more` over the settings it was made with. */
  async configure(more: Settings = {}): Promise<void> {
    // Other versions of the program know no other engine.
    if (this.#options.program === undefined) this.#database ??= await newDatabase(this.dataFolder);
    const database = this.#database === null ? {} : { 'store.url': this.#database, 'store.patience': '60s' };
    const settings = { ...defaults(this.dataFolder), ...database, ...this.#options.settings, ...more };
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    await writeFile(this.configFile, lines.join(''), { mode: 0o600 });
  }

  /** Starts it and waits until it is ready. Throws with its log when it ends instead. */
  async start(): Promise<void> {
    if (this.#child !== null) throw new Error('the daemon runs already');
    const ready = path.join(this.dataFolder, 'listening.json');
    // After a kill -9 the old one still lies there.
    await rm(ready, { force: true });
    const words = [...(this.#options.wrapper ?? []), this.#program, '-c', this.configFile, 'serve'];
    const [program = this.#program, ...args] = words;
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, args, {
      cwd: this.folder,
      env: this.#env(),
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    let ended = false;
    this.#exit = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        ended = true;
        resolve({ code, signal });
      });
    });
    this.#exit.catch(() => {});
    this.#group = ownProcessGroup(child);
    const text = await eventually(
      'the daemon is ready, or ends',
      async () => (ended ? 'ended' : await readFile(ready, 'utf8')),
      { within: START_TIME, every: 20 },
    );
    if (text === 'ended') {
      const { code, signal } = await this.#exit;
      this.#child = null;
      throw new Error(`the daemon ended at its start: ${signal ?? `exit ${code}`}`);
    }
    this.#listening = JSON.parse(text) as Listening;
  }

  /** Over when it has ended by itself; then it can be started again. */
  async ended(): Promise<Exit> {
    const exit = await this.#exit;
    this.#child = null;
    this.#listening = null;
    await endGroup(this.#group, { patience: 5_000 });
    return exit;
  }

  /** SIGTERM, and waits for the end. Throws when it does not come within 20 s. */
  stop(): Promise<Exit> {
    return this.#end('SIGTERM');
  }

  /** kill -9. */
  kill(): Promise<Exit> {
    return this.#end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** Runs a verb of the command line. */
  cli(args: readonly string[], options: { input?: string; timeout?: number } = {}): Promise<RunResult> {
    return run(this.#program, ['-c', this.configFile, ...args], {
      cwd: this.folder,
      env: this.#env(),
      ...options,
    });
  }

  /** Runs a verb with `--json`, which must end with 0, and gives what it printed. */
  async json<T>(args: readonly string[], options: { input?: string } = {}): Promise<T> {
    const lines = await this.jsonLines<T>(args, options);
    if (lines.length !== 1) throw new Error(`replyd ${args.join(' ')}: ${lines.length} objects instead of one`);
    return lines[0]!;
  }

  /** The same for listings: one object a line. */
  async jsonLines<T>(args: readonly string[], options: { input?: string } = {}): Promise<T[]> {
    const result = await this.cli([...args, '--json'], options);
    if (result.code !== 0) {
      throw new Error(`replyd ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
    }
    return result.stdout
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as T);
  }

  /** What it wrote so far, over all starts. */
  log(): string {
    try {
      return readFileSync(this.logFile, 'utf8');
    } catch {
      return '';
    }
  }

  /** Log lines of one event. */
  events(name: string): LogLine[] {
    return this.log()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as LogLine)
      .filter(line => line.event === name);
  }

  /** Ends it if it runs, and removes its folder. Throws when it left processes behind. */
  async close(): Promise<void> {
    try {
      if (this.#child !== null) await this.stop();
    } finally {
      await rm(this.folder, { recursive: true, force: true });
    }
  }

  async #end(signal: NodeJS.Signals): Promise<Exit> {
    const child = this.#child;
    if (child === null) throw new Error('the daemon does not run');
    // A wrapper is the leader then, and need not pass signals on.
    if (this.#options.wrapper === undefined) child.kill(signal);
    else process.kill(-this.#group, signal);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(() => resolve('late'), STOP_TIME);
    });
    const exit = await Promise.race([this.#exit, late]);
    clearTimeout(timer);
    this.#child = null;
    this.#listening = null;
    const left = await endGroup(this.#group, { patience: 5_000 });
    if (exit === 'late') throw new Error(`the daemon did not end within ${STOP_TIME} ms of ${signal}`);
    if (left) throw new Error(`the daemon ended and left processes behind`);
    return exit;
  }

  #env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.folder, NODE_ENV: 'test', ...this.#options.env };
  }
}

/** Runs the body with a daemon that is ready, in a folder that is gone afterwards. */
export async function withDaemon<T>(
  options: DaemonOptions,
  body: (daemon: DaemonProcess) => Promise<T> | T,
): Promise<T> {
  const daemon = await makeDaemon(options);
  let result: T;
  try {
    result = await withLogs({ replyd: () => daemon.log() }, async () => {
      await daemon.start();
      return body(daemon);
    });
  } catch (error) {
    // What it says of its end is less than why.
    await daemon.close().catch(() => {});
    throw error;
  }
  await daemon.close();
  return result;
}

/** A daemon with its folder and configuration that does not run yet. Whoever takes it closes it. */
export async function makeDaemon(options: DaemonOptions = {}): Promise<DaemonProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'replyd-test-'));
  const daemon = new DaemonProcess(folder, options);
  await mkdir(daemon.dataFolder, { mode: 0o700 });
  await daemon.configure();
  return daemon;
}

/** Makes the account most tests use: `acme` with reply.example.com. */
export function addAccount(daemon: DaemonProcess): Promise<Account> {
  return daemon.json([
    'account',
    'add',
    'acme',
    '--domain',
    'reply.example.com',
    '--support-email',
    'support@example.com',
    '--name',
    'Acme',
  ]);
}

/** Starts a conversation of `acme` in which the customer asked something in a web widget. */
export async function startConversation(
  daemon: DaemonProcess,
  options: { contact?: string; text?: string } = {},
): Promise<Conversation & { readonly reply_to: string }> {
  const made = await daemon.json<Conversation>([
    'conversation',
    'start',
    '--account',
    'acme',
    '--contact',
    options.contact ?? 'customer@customer.example',
    '--channel',
    'web_widget',
    '--text',
    options.text ?? 'Where is my parcel?',
  ]);
  if (made.reply_to === null) throw new Error('the conversation has no reply address');
  return { ...made, reply_to: made.reply_to };
}

/** The messages of a conversation, in their order. */
export async function messagesOf(daemon: DaemonProcess, id: string): Promise<readonly Message[]> {
  const conversation = await daemon.json<Conversation>(['conversation', 'show', id]);
  if (conversation.messages === undefined) throw new Error('conversation show printed no messages');
  return conversation.messages;
}

/** `127.0.0.1:2525` as host and port. */
export function hostPort(text: string | null | undefined): { host: string; port: number } {
  const found = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text ?? '');
  if (found === null) throw new Error(`no host:port: ${String(text)}`);
  return { host: found[1]!, port: Number(found[2]) };
}

function defaults(dataFolder: string): Settings {
  return {
    data_dir: dataFolder,
    'log.level': 'debug',
    'log.format': 'json',
    'smtp.listen': ['127.0.0.1:0'],
    'smtp.hostname': 'replyd.example.com',
    'http.listen': '127.0.0.1:0',
  };
}
