/**
 * What `replyd doctor` checks of a store's database: whether it can be used, what its commits promise, its clock, its
 * connections, and what stands between. A check never throws.
 */
import { insiderText } from '../../base/errors.js';
import { differingKeys } from '../../config/nodes.js';
import type { PostgresAddress } from '../../store/opener.js';
import type { DatabaseState } from '../../store/postgres/examine.js';
import type { NodeState } from '../../store/verbs/nodes.js';
import { type Finding, failed, ok, warning } from './checks.js';

/** Milliseconds: all goes by the database's clock, but logs, certificates and mails by this machine's. */
const SKEW = 5_000;

export async function checkDatabase(address: PostgresAddress): Promise<readonly Finding[]> {
  const { examineDatabase } = await import('../../store/postgres/examine.js');
  try {
    return databaseFindings(await examineDatabase(address), address);
  } catch (error) {
    return [failed('database', insiderText(error), `see store.url (${address.name})`)];
  }
}

/** Pure. */
export function databaseFindings(state: DatabaseState, address: PostgresAddress): readonly Finding[] {
  const { server, version, commits } = state;
  return [
    ok('database', `PostgreSQL ${version} at ${server}; fsync = on, synchronous_commit = ${commits}`),
    checkEncrypted(state, address),
    checkStandbys(state, address.standbys),
    checkDatabaseClock(state),
    checkConnections(state, address.pool),
    ...checkPooler(state),
  ];
}

function checkEncrypted({ server, encrypted }: DatabaseState, { servers }: PostgresAddress): Finding {
  const host = server.replace(/:\d+$/, '');
  if (/^(?:\/|localhost$|127\.|::1$)/.test(host)) return ok('connection', 'within this machine');
  const advice = 'add sslmode=verify-full and sslrootcert to store.url';
  if (!encrypted) return warning('connection', 'not encrypted: mails and the password can be read on the way', advice);
  const proven = servers.every(({ ssl }) => ssl !== false && ssl.rejectUnauthorized !== false);
  return proven
    ? ok('connection', 'encrypted, and the server proves who it is')
    : warning('connection', 'encrypted, but the server need not prove who it is', advice);
}

function checkStandbys({ standbys, standbysThere }: DatabaseState, wanted: number): Finding {
  if (standbys < wanted) {
    const text = `a commit waits for ${standbys}, store.standbys wants ${wanted}: mails that were taken could be lost`;
    return failed('standbys', text, `set synchronous_standby_names of PostgreSQL, such as 'ANY ${wanted} (*)'`);
  }
  if (standbysThere !== null && standbysThere < standbys) {
    const text = `a commit waits for ${standbys}, and ${standbysThere} are there: nothing can be stored`;
    return failed('standbys', text, 'start them, or change synchronous_standby_names');
  }
  if (standbys === 0) return ok('standbys', 'none: a mail is safe when it is on the disk of this one server');
  return ok('standbys', `a mail is on the disks of ${standbys} more before it is answered`);
}

function checkDatabaseClock({ ahead, within }: DatabaseState): Finding {
  const seconds = (Math.abs(ahead) / 1000).toFixed(1);
  if (Math.abs(ahead) - within <= SKEW) return ok('database clock', `differs from ours by ${seconds} s`);
  const text = `${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine's`;
  return failed('database clock', text, 'let chrony or systemd-timesyncd set both');
}

function checkConnections({ connections }: DatabaseState, pool: number): Finding {
  // The daemon has one more that listens. A command beside it has one or two.
  if (connections >= pool + 3)
    return ok('connections', `${pool + 1} of ${connections} for this node, and some for commands`);
  const text = `this user may have ${connections}, and store.pool is ${pool}, with one more that listens: others wait or fail`;
  return warning('connections', text, 'raise max_connections of PostgreSQL, or lower store.pool');
}

function checkPooler({ pooler }: DatabaseState): readonly Finding[] {
  if (pooler === 'none') return [];
  const text = `one is between, with a connection for each ${pooler}: it works, but each statement is planned anew, and nodes hear of each other later`;
  return [warning('pooler', text, 'name PostgreSQL itself in store.url: replyd has a pool of its own')];
}

/** Which nodes work on the store, and whether they were told the same as this one. `ours`: `nodeConfiguration`. */
export function checkNodes(nodes: readonly NodeState[], ours: string): readonly Finding[] {
  const alive = nodes.filter(node => node.alive);
  if (alive.length === 0) return [warning('nodes', 'none works on this store', 'start one: `replyd serve`')];
  const versions = [...new Set(alive.map(node => node.version))].sort();
  const found = alive.flatMap(({ name, configuration }) => {
    const keys = differingKeys(ours, configuration);
    if (keys === null || keys.length === 0) return [];
    return [
      warning('nodes', `${name} has other values: ${keys.join(', ')}`, 'set the same on all nodes, and reload them'),
    ];
  });
  const text = `${alive.map(node => node.name).join(', ')}; version ${versions.join(' and ')}`;
  return found.length === 0 ? [ok('nodes', text)] : found;
}
