/**
 * The network between nodes and server: connections that are reset, bytes that nobody carries any more and nobody is told
 * (longer than a node's patience), and pieces that come late. By turns at one node and at all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterKind } from './kind.js';
import type { Manner } from './proxy.js';

/** With how long it lasts, milliseconds. */
const MANNERS: readonly (readonly [Manner, number])[] = [
  ['cut', 500],
  ['hole', 7_000],
  ['slow', 3_000],
];

export const network: ClusterKind = {
  name: 'network',
  about: 'cut, silent and slow networks between nodes and PostgreSQL',
  site: { proxies: true },
  faults: { short: 4, long: 60 },
  async fault({ nodes }, number) {
    const [manner, time] = MANNERS[number % MANNERS.length]!;
    const one = nodes[Math.floor(Math.random() * nodes.length)]!;
    const hit = Math.floor(number / MANNERS.length) % 2 === 0 ? [one] : nodes;
    for (const { proxy } of hit) proxy!.behave(manner);
    await sleep(time);
    for (const { proxy } of hit) proxy!.behave('open');
  },
};
