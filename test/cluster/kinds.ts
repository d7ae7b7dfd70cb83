/** Every kind of fault, in the order in which they run. */
import { commitLost } from './commit-lost.js';
import { failover, failoverAsync } from './failover.js';
import { frozen } from './frozen.js';
import type { ClusterKind } from './kind.js';
import { network } from './network.js';
import { nodes } from './nodes.js';
import { server } from './server.js';
import { upgrade } from './upgrade.js';

export const KINDS: readonly ClusterKind[] = [
  nodes,
  server,
  network,
  commitLost,
  frozen,
  failover,
  failoverAsync,
  upgrade,
];
