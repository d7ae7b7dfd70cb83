/**
 * What Linux tells of a process from outside: memory, open descriptors, limits. All of it is read from /proc at the
 * moment of the call; a process that is gone throws.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Resident memory in bytes. */
export function residentMemory(pid: number | 'self'): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** The most resident memory that it ever had, in bytes. */
export function highestMemory(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** How many descriptors are open, by what they are: `socket`, `pipe`, `anon_inode:[eventpoll]`, or a file's path. */
export function descriptors(pid: number): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    let target: string;
    try {
      target = readlinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      // Closed meanwhile.
      continue;
    }
    const kind = target.replace(/^(socket|pipe):\[\d+\]$/, '$1').replace(/ \(deleted\)$/, '');
    found[kind] = (found[kind] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** How many descriptors it may open. */
export function descriptorLimit(pid: number | 'self'): number {
  const line = /^Max open files\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))?.[1];
  return line === undefined || line === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line);
}

/** CPU time of all its threads so far, seconds (proc(5): utime and stime, in ticks of 10 ms). */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
