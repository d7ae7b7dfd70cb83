/** The servers that are measured side by side. Each is a process (or several) of its own on loopback. */

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { readMaildirSize } from '../interop/maildir.js';
import { postfixMissing, startPostfix } from '../interop/postfix.js';
import { eventually } from '../run.js';
import { addOlderConversations, seedConversations } from './seed.js';

export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Waits until what was accepted has reached its place. */
  settle(): Promise<void>;
  /** Mails in their place, or null where they are thrown away. */
  stored(): Promise<number | null>;
  close(): Promise<void>;
}

export async function bareServer(): Promise<Target> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('bare-server.js', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the bare server did not start')));
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
  return {
    name: 'bare smtp-server',
    host: '127.0.0.1',
    port,
    settle: async () => {},
    stored: async () => null,
    close: () =>
      new Promise(resolve => {
        child.once('exit', () => resolve());
        child.stdin.end();
      }),
  };
}

/** Null, with a reason on standard error, where Postfix is not installed. */
export async function postfixMaildir(): Promise<Target | null> {
  const missing = postfixMissing();
  if (missing !== null) {
    process.stderr.write(`Postfix is left out: ${missing}\n`);
    return null;
  }
  const postfix = await startPostfix({
    relay: {},
    main: {
      virtual_mailbox_domains: 'reply.example.com',
      virtual_mailbox_maps: 'static:all/',
      queue_run_delay: '300s',
      minimal_backoff_time: '300s',
      maximal_backoff_time: '4000s',
    },
  });
  return {
    name: 'Postfix to a maildir',
    host: postfix.address.host,
    port: postfix.address.port,
    async settle() {
      await eventually('the queue of Postfix is empty', async () => (await postfix.queue()).length === 0, {
        within: 120_000,
      });
    },
    stored: () => readMaildirSize(postfix.mailbox('all')),
    close: () => postfix.stop(),
  };
}

export interface ReplydTarget extends Target {
  readonly daemon: DaemonProcess;
  /** A file with the reply addresses of its conversations. */
  readonly recipients: string;
}

/** replyd with its default settings and `conversations` in its store, `older` more of which get few mails. */
export async function replyd(
  conversations: number,
  options: { settings?: Settings; older?: number } = {},
): Promise<ReplydTarget> {
  const daemon = await makeDaemon({ settings: { 'log.level': 'info', ...options.settings } });
  const recipients = path.join(daemon.folder, 'recipients');
  const newest = await seedConversations(daemon.dataFolder, conversations, recipients);
  if (options.older !== undefined) {
    const older = addOlderConversations(daemon.dataFolder, options.older);
    await writeFile(recipients, `${mixed(newest, older).join('\n')}\n`);
  }
  await daemon.start();
  return {
    name: 'replyd',
    ...daemon.smtp,
    daemon,
    recipients,
    // Its 250 says that the mail stands in its conversation.
    settle: async () => {},
    stored: async () => (await daemon.json<{ readonly mails: number }>(['stats'])).mails,
    close: () => daemon.close(),
  };
}

/** 95 of 100 to the newest, in no order. */
function mixed(newest: readonly string[], older: readonly string[]): readonly string[] {
  const pick = (from: readonly string[]) => from[Math.floor(Math.random() * from.length)]!;
  return Array.from({ length: 200_000 }, (_, index) => pick(index % 20 === 0 ? older : newest));
}
