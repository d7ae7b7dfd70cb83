/**
 * One connection to PostgreSQL, opened the one way it may be opened: a server of version 14 or newer that is not in
 * recovery, where what is committed is on disk (`fsync`, `synchronous_commit`). Statements are sent as soon as they are
 * given, without waiting for those before (pipelined), and what is given in one turn leaves in one write.
 *
 * A connection that is lost fails everything in flight, and everything later; nobody waits for it. Whether a COMMIT in
 * flight counted is unknown then.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { isAway, ReplydError, reasonText } from '../../base/errors.js';
import { awayFault } from '../fault.js';
import type { MigratingClient } from './migrate.js';

/** `instead`: the same server as the one before, in another way, when it is that way that it refused. */
export type ServerConfig = pg.ClientConfig & { readonly instead?: boolean };

/** A warning that comes with a COMMIT that a standby did not confirm (`Connection.takeNotices`). */
export const NOT_ON_STANDBY = '01000';
/** Oldest version of PostgreSQL that is used: `server_version_num`. */
const OLDEST_SERVER = 140_000;

/** What `synchronous_commit` may say: a commit is on disk here, and on every standby that the server waits for. */
const DURABLE = new Set(['on', 'remote_apply']);

/** Milliseconds: of opening a connection, at all hosts together, and at least at each. */
const LONGEST_OPENING = 60_000;
const SHORTEST_SHARE = 50;

/** Errors of the server by which a pooler shows that it shares its connections between transactions. */
const NO_SUCH_STATEMENT = '26000';
const STATEMENT_IS_THERE = '42P05';
/** A newer program of another node has changed a table (`cached plan must not change result type`). */
const PLAN_IS_STALE = '0A000';

export interface Rows {
  readonly rows: readonly unknown[];
  /** Rows that were changed or given. */
  readonly count: number;
  /** `COMMIT`, `ROLLBACK`, `SELECT`, … */
  readonly tag: string;
}

const INT8 = 20;
const NUMERIC = 1700;
const BOOL = 16;

/** Keys, times and sums are numbers: all are below 2^53. A truth is 1 or 0, as the other engine gives it. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8 || oid === NUMERIC) return Number;
    if (oid === BOOL) return (text: string) => (text === 't' ? 1 : 0);
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

const names = new Map<string, string>();

/** The same text has the same name, in every process: a pooler may give us a connection on which another one named it. */
function nameOfText(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 24);
    names.set(text, name);
  }
  return name;
}

/** PostgreSQL takes no NUL in a text. */
function bound(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
}

export class Connection {
  readonly #client: pg.Client;
  /** Statements are planned once, and known to the server by a name. */
  #named = false;
  /** How often statements that the server knew were made anew. */
  #generation = 0;
  #corked = false;
  #pooled = true;
  #lost: Error | null = null;
  #fault: Error | null = null;
  #inFlight = 0;
  /** Codes of notices and warnings since the last look. */
  #notices: string[] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #patience: number;
  readonly #gone: Promise<void>;

  constructor(client: pg.Client, patience: number) {
    this.#client = client;
    this.#patience = patience;
    client.on('error', error => {
      this.#lost ??= error;
    });
    this.#gone = new Promise(resolve => {
      client.on('end', () => {
        this.#lost ??= new Error('the connection was closed');
        resolve();
      });
    });
    client.on('notice', notice => {
      if (notice.code !== undefined) this.#notices.push(notice.code);
    });
  }

  /**
   * To be called once. Behind a pooler that shares connections between transactions no name is good for the next one, and
   * no setting; a pooler shows in that we talk with another process of the server than it had told us.
   */
  async prepare(): Promise<void> {
    const { rows } = await this.query('select pg_backend_pid() as pid');
    if ((rows[0] as { pid: number }).pid !== this.backend) return;
    await this.query('set plan_cache_mode = force_generic_plan');
    // A process that stands still, or that no network reaches, does not keep its rows from all others. Nor does it wait for
    // a row until it has it: those that were cut off together would each keep it in turn. We ourselves give up before.
    await this.query(`set idle_in_transaction_session_timeout = ${2 * this.#patience}`);
    await this.query(`set lock_timeout = ${Math.round(1.5 * this.#patience)}`);
    this.#named = true;
    this.#pooled = false;
  }

  /** It can't be used any more. */
  get lost(): Error | null {
    return this.#lost;
  }

  /** Fulfilled when it is closed or lost. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /** A pooler stands between, as far as it shows: no setting is good for the next transaction. */
  get pooled(): boolean {
    return this.#pooled;
  }

  /** Calls back for each notification of others. What it says is not told: anybody may send one. */
  onNotification(heard: () => void): void {
    this.#client.on('notification', ({ processId }) => {
      if (processId !== this.backend) heard();
    });
  }

  /** host:port. */
  get server(): string {
    return `${this.#client.host}:${this.#client.port}`;
  }

  /** As far as the next server, which may be a pooler. */
  get encrypted(): boolean {
    const { stream } = (this.#client as unknown as { connection: { stream: { encrypted?: boolean } } }).connection;
    return stream.encrypted === true;
  }

  /** The server's process as it introduced itself: a pooler makes up a number. */
  get backend(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  /** The first error since the last call: those behind it only say that the transaction is over. */
  takeFault(): Error | null {
    const fault = this.#fault;
    this.#fault = null;
    return fault;
  }

  /** What the server said beside its answers since the last call: SQLSTATEs. */
  takeNotices(): readonly string[] {
    return this.#notices.splice(0);
  }

  /** Sends a statement at once. Rejects with the server's error, or when the connection is lost. */
  query(text: string, values: readonly unknown[] = [], as: 'objects' | 'arrays' = 'objects'): Promise<Rows> {
    this.#cork();
    return new Promise((resolve, reject) => {
      this.#began();
      const config = {
        ...(this.#named ? { name: `${nameOfText(text)}${this.#generation}` } : {}),
        text,
        values: values.map(bound),
        ...(as === 'arrays' ? { rowMode: 'array' as const } : {}),
      };
      // With a callback the library spares itself a stack for each error.
      this.#client.query(config as pg.QueryConfig, (error: Error | undefined, result: pg.QueryResult) => {
        this.#ended();
        if (error) reject(this.#seen(error));
        else resolve({ rows: result.rows, count: result.rowCount ?? 0, tag: result.command });
      });
    });
  }

  /** As the library gives it, for migrations: statements without names, values in their own types, and as long as they take. */
  get plain(): MigratingClient {
    return { query: (text, values) => this.#client.query({ text, values, types: pg.types } as pg.QueryConfig) };
  }

  /** The same, but no answer may take longer than the patience. */
  get asked(): MigratingClient {
    return {
      query: async (text, values) => {
        this.#began();
        try {
          return await this.plain.query(text, values);
        } finally {
          this.#ended();
        }
      },
    };
  }

  #seen(error: Error): Error {
    this.#fault ??= error;
    const { code } = error as { code?: string };
    if (code === NO_SUCH_STATEMENT || code === STATEMENT_IS_THERE) this.#named = false;
    if (code === PLAN_IS_STALE) this.#generation += 1;
    return this.#lost === null ? error : awayFault(error);
  }

  /** What is given in this turn leaves in one write. */
  #cork(): void {
    if (this.#corked) return;
    const { stream } = (this.#client as unknown as { connection: { stream: { cork(): void; uncork(): void } } })
      .connection;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  #began(): void {
    this.#inFlight += 1;
    this.#timer ??= this.#startTimer();
  }

  #ended(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0) this.#timer?.refresh();
    else if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  /** A server that says nothing for so long is away: a network that was cut tells nobody. */
  #startTimer(): NodeJS.Timeout {
    return setTimeout(
      () => this.destroy(new Error(`the server gave no answer for ${this.#patience / 1000} s`)),
      this.#patience,
    );
  }

  /** At once; what is in flight fails. */
  destroy(reason: Error): void {
    this.#lost ??= reason;
    const { stream } = (this.#client as unknown as { connection: { stream: { destroy(error?: Error): void } } })
      .connection;
    stream.destroy(reason);
  }

  async close(): Promise<void> {
    if (this.#lost !== null) return;
    await this.#client.end().catch(() => undefined);
  }
}

/**
 * Connects to the first server that can be written to. Throws unavailable with what was wrong at each of them.
 * `patience`: milliseconds that connecting, and later each answer, may take. Each host has its share of what the others
 * left, so that one which swallows packets keeps nobody from the next.
 */
export async function connect(servers: readonly ServerConfig[], patience: number): Promise<Connection> {
  const faults: string[] = [];
  let last: unknown;
  let away = false;
  const end = performance.now() + Math.min(patience, LONGEST_OPENING);
  let hosts = servers.filter(server => server.instead !== true).length;
  let hostEnd = end;
  for (const server of servers) {
    const now = performance.now();
    if (server.instead === true) {
      if (!isAboutTls(last)) continue;
      faults.pop();
    } else {
      hostEnd = now + (end - now) / hosts;
      hosts -= 1;
    }
    const share = Math.max(SHORTEST_SHARE, Math.round(hostEnd - now));
    const client = new pg.Client({
      application_name: 'replyd',
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      ...server,
      connectionTimeoutMillis: share,
      pipeline: true,
      types,
    } as pg.ClientConfig);
    const connection = new Connection(client, patience);
    const late = setTimeout(() => connection.destroy(new Error('timeout before it could be used')), share);
    try {
      await client.connect();
      await refuseUnsafe(connection);
      await connection.prepare();
      return connection;
    } catch (error) {
      last = error;
      away ||= isAwayForNow(error);
      connection.destroy(error as Error);
      faults.push(`${nameOf(server)}: ${reasonText(error)}`);
    } finally {
      clearTimeout(late);
    }
  }
  const { reason } = last instanceof ReplydError ? last.details : { reason: (last as { code?: string }).code };
  const fault = new ReplydError('unavailable', `cannot use PostgreSQL at ${faults.join('; ')}`, {
    cause: last,
    details: { reason: reason ?? 'connection' },
  });
  throw away ? awayFault(fault) : fault;
}

/** Of PostgreSQL: it ends, starts, has no connection free, or the connection broke. */
const AWAY_STATES = /^(?:08...|57P0[1235]|53300)$/;
const AWAY_CODES = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);

/** Reasons of ours that end when a server is promoted, or may write again. */
const WAITS = new Set(['recovery', 'read_only']);

/** Whether another try may go well by itself. */
function isAwayForNow(error: unknown): boolean {
  if (error instanceof ReplydError) return isAway(error) || WAITS.has(String(error.details.reason));
  const { code, syscall, message } = error as { code?: string; syscall?: string; message: string };
  // The library has no codes for what it finds itself.
  if (code === undefined) return /timeout|terminated/i.test(message);
  return AWAY_STATES.test(code) || AWAY_CODES.has(code) || syscall === 'connect' || syscall === 'getaddrinfo';
}

/** It takes this user only with TLS, or only without (pg_hba.conf), or has none. */
function isAboutTls(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  return code === undefined ? message.includes('SSL') : code === '28000' || /^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code);
}

/** Without user and password. */
function nameOf({ host, port, database }: ServerConfig): string {
  return `${host ?? 'localhost'}:${port ?? 5432}/${database ?? ''}`;
}

/** Throws unavailable where a commit would not be durable, or nothing could be written. */
async function refuseUnsafe(connection: Connection): Promise<void> {
  const { rows } = await connection.query(
    `select current_setting('server_version_num')::integer as version, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as commits, pg_is_in_recovery() as recovering,
       current_setting('server_encoding') as encoding, current_setting('transaction_read_only') as reads`,
  );
  const found = rows[0] as Readonly<Record<'fsync' | 'commits' | 'encoding' | 'reads', string>> & {
    readonly version: number;
    readonly recovering: number;
  };
  const refuse = (reason: string, text: string) => {
    throw new ReplydError('unavailable', text, { details: { reason } });
  };
  if (found.version < OLDEST_SERVER)
    refuse('version', `PostgreSQL ${Math.floor(found.version / 10_000)} is too old: install 14 or newer`);
  if (found.recovering === 1) refuse('recovery', 'this server is a standby (in recovery): name the primary, or both');
  if (found.reads === 'on')
    refuse('read_only', 'this server takes no writes (default_transaction_read_only is on): its disk may be full');
  if (found.fsync !== 'on') refuse('fsync', 'fsync is off: what is committed could be lost; set fsync = on');
  if (!DURABLE.has(found.commits))
    refuse(
      'synchronous_commit',
      `synchronous_commit is ${found.commits}: what is committed could be lost; set it to on or remote_apply for this user and database`,
    );
  if (found.encoding !== 'UTF8')
    refuse('encoding', `the database has the encoding ${found.encoding}: create it with encoding 'UTF8'`);
}
