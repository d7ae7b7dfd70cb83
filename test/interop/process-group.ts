/**
 * Process groups of programs that start others (an MTA). Ending one ends all: SIGTERM to the leader, SIGKILL to
 * whoever is left in the group after 10 s. Groups still open when the test process ends are killed then.
 */

import type { ChildProcess } from 'node:child_process';
import { eventually } from '../run.js';

const open = new Set<number>();

process.on('exit', () => {
  for (const group of open) signal(-group, 'SIGKILL');
});

/** The group of a child that was spawned `detached`, and so leads it. */
export function ownProcessGroup(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the program could not be started');
  open.add(child.pid);
  // It must not keep the test process alive when a test forgets it.
  child.unref();
  return child.pid;
}

export async function endGroup(group: number): Promise<void> {
  if (!open.has(group)) return;
  signal(group, 'SIGTERM');
  try {
    await eventually(`process group ${group} ends`, () => !signal(-group, 0), { within: 10_000 });
  } catch {
    signal(-group, 'SIGKILL');
    await eventually(`process group ${group} is killed`, () => !signal(-group, 0), { within: 10_000 });
  }
  open.delete(group);
}

/** False when nobody is there. */
function signal(to: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(to, name);
  } catch {
    return false;
  }
}
