import { readFile } from 'node:fs/promises';

/** Ids of a user of this machine and of its main group, or null when there is none of that name. */
export async function findUserIds(name: string): Promise<{ uid: number; gid: number } | null> {
  const entry = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map(line => line.split(':'))
    .find(([user]) => user === name);
  return entry === undefined ? null : { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** The same for a user that must be there. */
export async function userIds(name: string): Promise<{ uid: number; gid: number }> {
  const ids = await findUserIds(name);
  if (ids === null) throw new Error(`there is no user ${name} on this machine`);
  return ids;
}
