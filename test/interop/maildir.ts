/**
 * Reading a maildir that an MTA delivers into. A mail appears there by one rename, so what is seen is whole.
 * A maildir that is not there yet is empty.
 */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from '../run.js';

/** The mails of a maildir, oldest delivery first. */
export async function readMaildir(folder: string): Promise<Buffer[]> {
  const found: { name: string; file: string }[] = [];
  for (const part of ['new', 'cur']) {
    const names = await readdir(path.join(folder, part)).catch(() => []);
    found.push(...names.map(name => ({ name, file: path.join(folder, part, name) })));
  }
  // File names begin with the time of delivery in seconds, then microseconds or a counter.
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(found.map(({ file }) => readFile(file)));
}

/** Waits until at least `count` mails lie there and gives them all. */
export function waitForMails(folder: string, count: number, options: { within?: number } = {}): Promise<Buffer[]> {
  return eventually(
    `${count} mail(s) in ${folder}`,
    async () => {
      const mails = await readMaildir(folder);
      return mails.length >= count ? mails : undefined;
    },
    options,
  );
}

/** The value of a header field, unfolded, or null. `name` without regard to case. */
export function headerField(mail: Uint8Array, name: string): string | null {
  const text = Buffer.from(mail).toString('latin1').replaceAll('\r\n', '\n');
  const end = text.indexOf('\n\n');
  const header = (end === -1 ? text : text.slice(0, end)).replaceAll(/\n[ \t]+/g, ' ');
  const prefix = `${name.toLowerCase()}:`;
  const line = header.split('\n').find(candidate => candidate.toLowerCase().startsWith(prefix));
  return line === undefined ? null : line.slice(prefix.length).trim();
}

/** How many mails a maildir holds. */
export async function readMaildirSize(folder: string): Promise<number> {
  const parts = await Promise.all(['new', 'cur'].map(part => readdir(path.join(folder, part)).catch(() => [])));
  return parts.flat().length;
}
