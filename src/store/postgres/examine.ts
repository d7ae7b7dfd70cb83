/** What a database is set to, as far as a store depends on it: for `replyd doctor`. Changes nothing. */
import type { PostgresAddress } from '../opener.js';
import { type Connection, connect } from './connection.js';
import { type PostgresSchema, schemaVersions } from './migrate.js';
import { standbysDemanded } from './standbys.js';

export interface DatabaseState {
  /** host:port of the server that was taken. */
  readonly server: string;
  readonly version: string;
  readonly commits: string;
  readonly encrypted: boolean;
  readonly schema: PostgresSchema;
  /** On how many standbys a commit has to be. */
  readonly standbys: number;
  /** How many of them are there; null: this user may not see them. */
  readonly standbysThere: number | null;
  /** Milliseconds that the database's clock is ahead of ours, and how exactly that is known. */
  readonly ahead: number;
  readonly within: number;
  /** Connections that this user may have, the server's and the user's limit. */
  readonly connections: number;
  /** What stands between us and the server: a pooler gives a connection for a session, or for each transaction. */
  readonly pooler: 'none' | 'session' | 'transaction';
}

const SETTINGS = `select current_setting('server_version') as version, current_setting('synchronous_commit') as commits,
  current_setting('synchronous_standby_names') as standbys, pg_backend_pid() as pid,
  least(
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
      - coalesce(current_setting('reserved_connections', true)::integer, 0),
    (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
    (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
  ) as connections`;

/** Null where this user does not see what it is about. */
const STANDBYS = `select case when bool_or(sync_state is null) then null
    else count(*) filter (where sync_state in ('sync', 'quorum')) end as there
  from pg_stat_replication`;

/** Throws unavailable when it can't be connected to, or may not be used. */
export async function examineDatabase({ servers, patience }: PostgresAddress): Promise<DatabaseState> {
  const connection = await connect(servers, patience);
  try {
    const { rows } = await connection.query(SETTINGS);
    const found = rows[0] as {
      readonly version: string;
      readonly commits: string;
      readonly standbys: string;
      readonly pid: number;
      readonly connections: number;
    };
    const { rows: standbys } = await connection.query(STANDBYS);
    const pooled = connection.backend !== found.pid;
    return {
      server: connection.server,
      version: found.version,
      commits: found.commits,
      encrypted: connection.encrypted,
      schema: await schemaVersions(connection.asked),
      standbys: standbysDemanded(found.standbys),
      standbysThere: (standbys[0] as { there: number | null }).there,
      ...(await clockOf(connection)),
      connections: found.connections,
      pooler: pooled ? await poolerOf(connection, { servers, patience }) : 'none',
    };
  } finally {
    await connection.close();
  }
}

async function clockOf(connection: Connection): Promise<{ ahead: number; within: number }> {
  const before = Date.now();
  const { rows } = await connection.query('select (extract(epoch from clock_timestamp()) * 1000)::bigint as now');
  const after = Date.now();
  const { now } = rows[0] as { now: number };
  return { ahead: Math.round(now - (before + after) / 2), within: Math.ceil((after - before) / 2) };
}

/** So often is asked: a daemon beside us takes what others leave, too. */
const QUESTIONS = 20;

/** A session has one process of the server for itself; transactions get one that another connection had, or now this and now that. */
async function poolerOf(
  connection: Connection,
  { servers, patience }: Pick<PostgresAddress, 'servers' | 'patience'>,
): Promise<'session' | 'transaction'> {
  const other = await connect(servers, patience);
  try {
    const ours = await processOf(connection);
    for (let asked = 0; asked < QUESTIONS; asked += 1) {
      if ((await processOf(other)) === ours || (await processOf(connection)) !== ours) return 'transaction';
    }
    return 'session';
  } finally {
    await other.close();
  }
}

async function processOf(connection: Connection): Promise<number> {
  const { rows } = await connection.query('select pg_backend_pid() as pid');
  return (rows[0] as { pid: number }).pid;
}
