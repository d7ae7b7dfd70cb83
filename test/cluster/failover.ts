/**
 * A primary is stopped at once and thrown away, its standby takes its place, and a new standby is made where the old
 * primary was. The nodes are told of both places from the beginning.
 *
 * Where each commit waits for the standby nothing that was acknowledged is lost. Where it does not wait, what the standby
 * had not got is lost: here its network is slow, and the loss is counted.
 */
import { eventually } from '../run.js';
import type { ClusterKind } from './kind.js';
import { type Network, startProxy } from './proxy.js';
import type { Site } from './site.js';

const NAME = 'standby';
/** How far the standby is behind, milliseconds. */
const BEHIND = 1_000;

export const failover: ClusterKind = {
  name: 'failover',
  about: 'the primary is lost, a synchronous standby takes its place',
  site: { standby: 'waited for' },
  faults: { short: 1, long: 5 },
  async prepare(site) {
    await addStandby(site, site.places[1]!);
  },
  fault: fail,
};

export const failoverAsync: ClusterKind = {
  name: 'async',
  about: 'the primary is lost, an asynchronous standby takes its place: what it lacked is lost',
  site: { standby: 'behind' },
  faults: { short: 1, long: 5 },
  mayLose: true,
  async prepare(site) {
    await addStandby(site, site.places[1]!);
  },
  fault: fail,
};

async function fail(site: Site): Promise<void> {
  const { server, standby } = site;
  if (standby === null) throw new Error('there is no standby');
  const { port } = server;
  // What is still on its slow way goes with the primary.
  networks.get(site)?.behave('cut');
  await server.close();
  await standby.promote();
  site.server = standby;
  site.standby = null;
  await addStandby(site, port);
}

const networks = new WeakMap<Site, Network>();

async function addStandby(site: Site, port: number): Promise<void> {
  const { server } = site;
  const waited = site.options.standby === 'waited for';
  await networks.get(site)?.close();
  networks.delete(site);
  if (waited) {
    site.standby = await server.addStandby(NAME, { port });
    await server.sql('postgres', `alter system set synchronous_standby_names = '${NAME}'`);
    await server.sql('postgres', 'select pg_reload_conf()');
  } else {
    const proxy = await startProxy(server.port, { delay: BEHIND, commits: false });
    site.atEnd(() => proxy.close());
    networks.set(site, proxy);
    site.standby = await server.addStandby(NAME, { port, from: proxy.port });
    proxy.behave('slow');
  }
  const state = waited ? 'sync' : 'async';
  await eventually(`the standby follows (${state})`, async () => {
    const rows = await server.sql('postgres', 'select sync_state, state from pg_stat_replication');
    return rows.some(row => row.sync_state === state && row.state === 'streaming');
  });
}
