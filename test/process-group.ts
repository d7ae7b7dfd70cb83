/**
 * Process groups of programs that start others (an MTA, the daemon). Ending one ends all: SIGTERM to the leader,
 * SIGKILL to whoever is left in the group after a while. Groups still open when the test process ends are killed
 * then.
 */

import type { ChildProcess } from 'node:child_process';
import { eventually } from './run.js';

const open = new Set<number>();

process.on('exit', () => {
  for (const group of open) signal(-group, 'SIGKILL');
});

/** The group of a child that was spawned `detached`, and so leads it. */
export function ownProcessGroup(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the program could not be started');
  open.add(child.pid);
  return child.pid;
}

/** True when somebody was left after `patience` milliseconds (default 10,000) and had to be killed. */
export async function endGroup(group: number, options: { patience?: number } = {}): Promise<boolean> {
  if (!open.has(group)) return false;
  const gone = () => !signal(-group, 0);
  signal(group, 'SIGTERM');
  let left = false;
  try {
    await eventually(`process group ${group} ends`, gone, { within: options.patience ?? 10_000, every: 20 });
  } catch {
    left = true;
    signal(-group, 'SIGKILL');
    await eventually(`process group ${group} is killed`, gone);
  }
  open.delete(group);
  return left;
}

/** False when nobody is there. */
function signal(to: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(to, name);
  } catch {
    return false;
  }
}
