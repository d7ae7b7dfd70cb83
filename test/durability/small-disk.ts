/** A small file system (tmpfs) for tests of disks that fill, and what is free on it. Needs root. */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';

/** Makes the folder a file system of `size` bytes; false where we may not mount one. */
export function mountSmallDisk(folder: string, size: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder]).status === 0;
}

/** Also while somebody uses it. */
export function unmount(folder: string): void {
  spawnSync('umount', ['-l', folder]);
}

export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Looks every few milliseconds until it is told to stop; then it says the least that was free. */
export function watchFree(folder: string): { stop(): number } {
  let least = freeBytes(folder);
  const look = () => {
    least = Math.min(least, freeBytes(folder));
  };
  const timer = setInterval(look, 2);
  return {
    stop() {
      clearInterval(timer);
      look();
      return least;
    },
  };
}
