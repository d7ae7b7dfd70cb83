/**
 * Who acts. Everything under `data_dir` belongs to its owner, and he may put there what he likes: links, pipes, another
 * database. So root never touches it as root: a verb that root runs becomes the owner first, for good (`becomeOwner`), or
 * as long as it works in there (`asOwnerOf`) where root has a file to finish afterwards. Another user gets an error that
 * names the command that has the permission.
 *
 * Root stays root where root owns the folder and nobody else can write there. A data_dir in whose place a third user could
 * put another folder is refused (unauthorized). POSIX only; where there are no user ids nothing is done.
 */
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
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

/** Whom root has to become before he works in `dataDir`; null when nobody has to become anybody. Throws unauthorized. */
export function ownerForRoot(dataDir: string): Owner | null {
  if (!isRoot()) return null;
  const owner = ownerOf(dataDir);
  refuseThirdUsers(dataDir, owner?.uid ?? 0);
  return owner === null || owner.uid === 0 ? null : owner;
}

/** From now on this process is the owner of `dataDir`, with his groups and with no way back, if it was root's. */
export function becomeOwner(dataDir: string): void {
  const owner = ownerForRoot(dataDir);
  if (owner !== null) becomeUser(owner);
}

function becomeUser(user: Owner): void {
  process.setgid!(takeGroups(user));
  process.setuid!(user.uid);
}

/**
 * Makes the data directory (0700) and becomes its owner: `user` when it is made, who need not be given. Throws a conflict
 * when the folder that is there belongs to another user.
 */
export function makeDataDirectory(dataDir: string, user: Owner | null): void {
  const has = ownerOf(dataDir);
  if (has !== null && user !== null && has.uid !== user.uid) {
    throw new ReplydError(
      'conflict',
      `${dataDir} belongs to ${userName(has.uid)}, not to ${userName(user.uid)}: ` +
        `\`chown -R ${userName(user.uid)}: ${dataDir}\` gives it to him`,
    );
  }
  if (has === null) {
    // Where the folder above is his already, he makes it himself.
    if (isRoot() && user !== null && rulersOf(dataDir).has(user.uid)) becomeUser(user);
    const isForAnother = isRoot() && user !== null && user.uid !== 0;
    if (isRoot()) refuseThirdUsers(dataDir, 0);
    const first = mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (isForAnother) {
      for (let up = path.dirname(dataDir); up.startsWith(first!); up = path.dirname(up)) chmodSync(up, 0o755);
      chownSync(dataDir, user.uid, user.gid);
    }
  }
  becomeOwner(dataDir);
  if (ownerOf(dataDir)?.uid === process.getuid?.()) chmodSync(dataDir, 0o700);
}

/** Runs `work`, in which root acts as the owner of `dataDir`, in all threads, and is root again afterwards. */
export async function asOwnerOf<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const owner = ownerForRoot(dataDir);
  if (owner === null) return work();
  const groups = process.getgroups!();
  process.setegid!(takeGroups(owner));
  process.seteuid!(owner.uid);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}

/**
 * Takes the user's groups (that of the LMTP socket may be one of them) and returns his first. The folder's own group counts
 * only for a user whom nobody knows: it may be root's.
 */
function takeGroups({ uid, gid }: Owner): number {
  const first = passwd().find(entry => entry.uid === uid)?.gid ?? (gid === 0 ? uid : gid);
  try {
    process.initgroups!(uid, first);
  } catch {
    // No user of this machine: he has no other groups.
    process.setgroups!([]);
  }
  return first;
}

/** Somebody else: a folder on the way in which everybody may write, or one like /tmp, where he may make new files only. */
export const ANYBODY = -1;
export const SHARED = -2;

/**
 * The users but root who could put another thing in the place of this path: they own it, or a folder or a link on its way.
 * A group that may write in a folder of root's is trusted.
 */
export function rulersOf(file: string): Set<number> {
  const rulers = new Set<number>();
  let parts = path.resolve(file).split('/');
  let at = '/';
  for (let links = 0; parts.length > 0 && links < MAX_LINKS; ) {
    const next = path.join(at, parts.shift()!);
    const entry = lstatSync(next, { throwIfNoEntry: false });
    if (entry === undefined) break;
    rulers.add(entry.uid);
    if (entry.isSymbolicLink()) {
      const target = readlinkSync(next);
      parts = [...target.split('/'), ...parts];
      if (target.startsWith('/')) at = '/';
      links += 1;
      continue;
    }
    if (entry.isDirectory() && (entry.mode & 0o002) !== 0) rulers.add((entry.mode & 0o1000) === 0 ? ANYBODY : SHARED);
    at = next;
  }
  rulers.delete(0);
  return rulers;
}

const MAX_LINKS = 40;

/** Root may not work as `owner` where a third user decides what folder that is. */
function refuseThirdUsers(dataDir: string, owner: number): void {
  const open = owner === 0 && isForEverybody(dataDir);
  const rulers = rulersOf(dataDir);
  rulers.delete(SHARED);
  rulers.delete(owner);
  // To lead root, as another user, into a folder of that user is no gain to anybody.
  if (owner !== 0) rulers.delete(ANYBODY);
  else if (open) rulers.add(ANYBODY);
  for (const third of rulers) {
    throw new ReplydError(
      'unauthorized',
      `root does not work in ${dataDir}: ${third === ANYBODY ? 'everybody' : userName(third)} may put files into it, ` +
        'or another folder in its place; let it lie where only root and the user that runs replyd may write',
    );
  }
}

/** A folder of root's in which everybody may write. An empty one is closed: containers get such volumes. */
function isForEverybody(folder: string): boolean {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o002) === 0) return false;
  if (readdirSync(folder).length > 0 || rulersOf(path.dirname(folder)).has(ANYBODY)) return true;
  chmodSync(folder, 0o700);
  return readdirSync(folder).length > 0;
}

/** Throws unauthorized, with `runAsHint`, unless this process may read and write in `folder`. */
export function checkAccess(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new ReplydError('unavailable', `${folder} is no folder: name another one (data_dir)`);
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
  const whom = owner.uid === 0 ? 'root' : `root or ${name}`;
  return `no permission for ${folder}, which belongs to ${name}: run it as ${whom}`;
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
