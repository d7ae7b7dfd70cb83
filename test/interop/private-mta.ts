/**
 * What the private MTAs of the tests share: a temporary folder, a process group of its own on 127.0.0.1, the wait for
 * its greeting, and the end of it all. An MTA that does not start throws with its own logs in the text and leaves no
 * process and no folder behind; one that a test forgets is ended with the test process.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endGroup, ownProcessGroup } from '../process-group.js';
import { eventually } from '../run.js';
import { connectTalk } from './smtp-talk.js';

export interface PrivateMta {
  readonly address: { readonly host: string; readonly port: number };
  /** Ends all its processes and removes its folder. */
  stop(): Promise<void>;
}

/** Runs `open` with a new folder; `logs` are the files in it that tell why the MTA `name` did not start. */
export async function inOwnFolder<T>(
  name: string,
  logs: readonly string[],
  open: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), `${name.toLowerCase()}-`));
  // Its processes drop root, and must still reach their folders.
  await chmod(folder, 0o755);
  try {
    return await open(folder);
  } catch (error) {
    const texts = await Promise.all(logs.map(log => readFile(path.join(folder, log), 'utf8').catch(() => '')));
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${name} did not start\n${texts.join('')}`, { cause: error });
  }
}

/** Starts a program that stays in the foreground, in `folder`; comes back when it greets at `port`. */
export async function startMta(
  program: string,
  args: readonly string[],
  { folder, port }: { readonly folder: string; readonly port: number },
): Promise<PrivateMta> {
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const group = ownProcessGroup(child);
  // A test that forgets to stop it must not hang for it.
  child.unref();
  const address = { host: '127.0.0.1', port };
  try {
    await eventually(`${program} greets`, async () => {
      const talk = await connectTalk(address);
      await talk.expect(220).finally(() => talk.close());
      return true;
    });
  } catch (error) {
    await endGroup(group);
    throw error;
  }
  return {
    address,
    async stop() {
      await endGroup(group);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
