/**
 * Private PostgreSQL servers for tests: each a real one, in a temporary folder, on a loopback port of its own, with fsync
 * and synchronous_commit on. What the machine has installed is used (`.ci/install-postgres`), never what runs on it.
 *
 * A server ends with the test, also when that is killed: the kernel tells the server that its parent is gone
 * (`setpriv --pdeathsig`). Root runs it as the user postgres. A server that does not come up throws with its log.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate } from '#replyd/store/postgres/migrate.js';
import { eventually, freePorts, runOk } from '../run.js';

const OLDEST = 14;

export interface Cluster {
  /** Where it answers while it runs: TCP on loopback, no password. */
  readonly port: number;
  /** The folder of its unix socket and its log. */
  readonly folder: string;
  /** Of the postmaster; null: it does not run. */
  readonly pid: number | null;
  url(database: string): string;
  /** Runs statements in a database, as superuser, and gives the rows of the last one. */
  sql(database: string, text: string): Promise<readonly Record<string, unknown>[]>;
  /** Gives the name. Default: a new name, an empty database. */
  createDatabase(name?: string, options?: { template?: string }): Promise<string>;
  /** A database with the program's schema, copied from one that was migrated once. Gives the name. */
  createStore(name?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Ends it. `immediate` is a crash: nothing is written any more, and the next start recovers. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again, on the same port, and waits until it answers. */
  start(): Promise<void>;
  /** A standby of this server that follows it by streaming, under a name that `synchronous_standby_names` may say. */
  addStandby(name: string, options?: StandbyOptions): Promise<Cluster>;
  /** Makes a standby a server that can be written to. */
  promote(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

export interface StandbyOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Where it finds this server, if not directly. */
  readonly from?: number;
}

/** The folder of the newest server's programs that is new enough; null: there is none. */
function programs(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = listed(debian)
    .filter(name => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a))
    .map(name => path.join(debian, name, 'bin'));
  const folders = [...versions, ...(process.env.PATH ?? '').split(path.delimiter)];
  return folders.find(folder => isProgram(path.join(folder, 'postgres')) && versionIn(folder) >= OLDEST) ?? null;
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionIn(folder: string): number {
  const said = execFileSync(path.join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number(/ (\d+)/.exec(said)?.[1] ?? 0);
}

const isRoot = process.getuid?.() === 0;

/** Null when a cluster can be started here; else why not, for `skip`. */
export function postgresMissing(): string | null {
  missing ??= [whyMissing()];
  return missing[0];
}
let missing: [string | null] | undefined;

function whyMissing(): string | null {
  if (programs() === null) return `PostgreSQL ${OLDEST} or newer is not installed (.ci/install-postgres does it)`;
  if (!(process.env.PATH ?? '').split(path.delimiter).some(folder => isProgram(path.join(folder, 'setpriv')))) {
    return 'setpriv (util-linux) is not installed';
  }
  if (isRoot && owner() === null) return 'root needs the user postgres to run PostgreSQL';
  return null;
}

/** Who owns a server's files. Null: this process itself, or nobody is there. */
function owner(): { readonly uid: number; readonly gid: number } | null {
  if (!isRoot) return null;
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'))
    .find(fields => fields[0] === 'postgres');
  return entry === undefined ? null : { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** A program of PostgreSQL, or an absolute path, and its arguments, as the user it needs, ended when this process ends. */
export function asPostgres(program: string, args: readonly string[]): [program: string, args: string[]] {
  const who = isRoot ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
  return ['setpriv', [...who, '--pdeathsig=QUIT', '--', path.resolve(programs() ?? '', program), ...args]];
}

/** A folder that servers can write to. */
export function postgresFolder(): string {
  // Short: a socket stands in it.
  const folder = mkdtempSync(path.join(tmpdir(), 'pg-'));
  const who = owner();
  if (who !== null) chownSync(folder, who.uid, who.gid);
  chmodSync(folder, 0o755);
  return folder;
}

/** What every server of the tests has; small, and nothing that a production server would not have. */
const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  listen_addresses: '127.0.0.1',
  shared_buffers: '64MB',
  max_connections: '200',
  // After a crash it would sync each of its files, a thousand for a few databases.
  recovery_init_sync_method: 'syncfs',
  huge_pages: 'off',
  log_line_prefix: '%m [%p] ',
};

/** Makes a cluster and starts it. `settings` are those of postgresql.conf. */
export async function startCluster(options: { settings?: Readonly<Record<string, string>> } = {}): Promise<Cluster> {
  const reason = postgresMissing();
  if (reason !== null) throw new Error(reason);
  const folder = postgresFolder();
  try {
    const [program, args] = asPostgres('initdb', [
      ...['--pgdata', path.join(folder, 'data'), '--username', 'replyd', '--auth', 'trust'],
      // Whatever the machine's locale is. Nothing here outlives the machine.
      ...['--encoding', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'],
    ]);
    await runOk(program, args, { timeout: 120_000 });
    return await runCluster(folder, { settings: { ...SETTINGS, ...options.settings } });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Starts a server on the data in a folder. */
async function runCluster(
  folder: string,
  {
    settings,
    port: given,
  }: { readonly settings: Readonly<Record<string, string>>; readonly port?: number | undefined },
): Promise<Cluster> {
  const port = given ?? (await freePorts(1))[0]!;
  const data = path.join(folder, 'data');
  const log = path.join(folder, 'log');
  let server: Server | null = null;
  let names = 0;
  let template: Promise<string> | undefined;

  const start = async () => {
    const set = Object.entries({ ...settings, port: String(port), unix_socket_directories: folder });
    const [program, args] = asPostgres('postgres', [
      '-D',
      data,
      ...set.flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ]);
    const running = launch(program, args, log);
    server = running;
    void running.ended.then(() => {
      if (server === running) server = null;
    });
    const state = await eventually(
      `PostgreSQL in ${folder} answers`,
      () => (server === running ? isReady(data, running.pid) && 'ready' : 'ended'),
      { every: 10 },
    );
    if (state === 'ended') throw new Error(`PostgreSQL ended at its start:\n${readFileSync(log, 'utf8').slice(-4000)}`);
  };

  const cluster: Cluster = {
    port,
    folder,
    get pid() {
      return server?.pid ?? null;
    },
    url: database => `postgres://replyd@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async sql(database, text) {
      const client = new pg.Client({ connectionString: cluster.url(database) });
      await client.connect();
      try {
        const result = await client.query<Record<string, unknown>>(text);
        return (Array.isArray(result) ? result.at(-1) : result).rows;
      } finally {
        await client.end();
      }
    },
    async createDatabase(name = `test_${++names}`, { template } = {}) {
      await cluster.sql(
        'postgres',
        `create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template ?? 'template1')}`,
      );
      return name;
    },
    async createStore(name) {
      template ??= migrated(cluster);
      return cluster.createDatabase(name, { template: await template });
    },
    async dropDatabase(name) {
      await cluster.sql('postgres', `drop database ${pg.escapeIdentifier(name)} with (force)`);
    },
    async stop(mode) {
      if (server === null) return;
      const { pid, ended } = server;
      process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await ended;
    },
    start,
    async addStandby(standby, options = {}) {
      const place = postgresFolder();
      try {
        const from = options.from ?? port;
        const [program, args] = asPostgres('pg_basebackup', [
          ...['--pgdata', path.join(place, 'data'), '--dbname', `host=127.0.0.1 port=${from} user=replyd`],
          ...['--wal-method=stream', '--checkpoint=fast', '--write-recovery-conf', '--no-sync'],
        ]);
        await runOk(program, args, { timeout: 120_000, cwd: '/' });
        // What it calls itself to the server it follows.
        return await runCluster(place, { settings: { ...settings, cluster_name: standby }, port: options.port });
      } catch (error) {
        rmSync(place, { recursive: true, force: true });
        throw error;
      }
    },
    async promote() {
      const [row] = await cluster.sql('postgres', 'select pg_promote() as done');
      if (row?.done !== true) throw new Error(`the standby in ${folder} was not promoted`);
    },
    async close() {
      await cluster.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await start();
  return cluster;
}

export interface Server {
  readonly pid: number;
  readonly ended: Promise<void>;
}

/** A program that ends by itself when this process does (`asPostgres`); `log` takes what it says. */
export function launch(program: string, args: readonly string[], log: string): Server {
  const out = openSync(log, 'a');
  // In a session of its own: an interrupt on the terminal is the test's, which ends it.
  const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', out, out] });
  closeSync(out);
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  child.once('error', () => {});
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  return { pid: child.pid, ended };
}

/** As pg_ctl asks it: the server writes its state into the eighth line of its file. */
function isReady(data: string, pid: number): boolean {
  const lines = readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n');
  return Number(lines[0]) === pid && ['ready', 'standby'].includes((lines[7] ?? '').trim());
}

async function migrated(cluster: Cluster): Promise<string> {
  const name = await cluster.createDatabase('template_store');
  const client = new pg.Client({ connectionString: cluster.url(name) });
  await client.connect();
  try {
    await migrate(client);
  } finally {
    await client.end();
  }
  return name;
}
