/**
 * Who owns the files. Everything under `data_dir` belongs to its owner, whoever runs the command: root acts as that
 * owner while it works in the store. Another user gets an error that names the command that has the permission.
 *
 * POSIX only; where there are no user ids nothing is done and everything is allowed.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { ReplydError } from '../base/errors.js';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The owner of a file or folder, or null when it is not there (or can't be seen). */
export function ownerOf(file: string): Owner | null {
  try {
    const { uid, gid } = statSync(file);
    return { uid, gid };
  } catch {
    return null;
  }
}

/** True when both the real and the effective user are root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0 && process.geteuid?.() === 0;
}

/**
 * Runs `work`. Root acts as the owner of `folder` meanwhile, in all threads, unless root owns it; everybody else stays
 * who he is.
 */
export async function asOwnerOf<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const owner = ownerOf(folder);
  if (!isRoot() || owner === null || owner.uid === 0) return work();
  process.setegid!(owner.gid);
  process.seteuid!(owner.uid);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
  }
}

/** Throws unauthorized, with `runAsHint`, unless this process may read and write in `folder`. */
export function checkAccess(folder: string): void {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EROFS')
      throw new ReplydError('unavailable', `${folder} is on a read-only file system`, { cause: error });
    if (code === 'EACCES' || code === 'EPERM')
      throw new ReplydError('unauthorized', runAsHint(folder), { cause: error });
    throw error;
  }
}

/** Why there is no permission, and as which user the command works. */
export function runAsHint(folder: string): string {
  const owner = ownerOf(folder);
  if (owner === null) return `no permission to look into ${folder}; become root, or the user that runs replyd`;
  const name = userName(owner.uid);
  const again = owner.uid === 0 ? 'sudo replyd …' : `sudo -u ${name} replyd …`;
  return `no permission for ${folder}, which belongs to ${name}: run \`${again}\``;
}

/** The user's name from /etc/passwd, or `#uid`, which sudo understands too. */
export function userName(uid: number): string {
  return passwd().find(entry => entry.uid === uid)?.name ?? `#${uid}`;
}

/** The user of this name or number; null when there is none. */
export function findUser(name: string): Owner | null {
  const found = passwd().find(entry => entry.name === name || String(entry.uid) === name);
  return found ? { uid: found.uid, gid: found.gid } : null;
}

function passwd(): readonly { name: string; uid: number; gid: number }[] {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap(line => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
