/**
 * What was acknowledged, held against what stands in the store. Reads the database beside the running daemon and changes
 * nothing.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { Message } from '#replyd/conversation/model.js';
import { decodeId } from '#replyd/store/ids.js';

/** Mails of ours that are not sent yet. */
export function unsent(dataFolder: string): number {
  return reading(
    dataFolder,
    db => db.prepare("select count(*) from delivery where state <> 'sent'").pluck().get() as number,
  );
}

/** The lines of a file, none when nobody wrote to it. */
export function readLedger(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').trimEnd().split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

const SHOWN = 20;

/** Looks up every acknowledged mail (`<message id> <recipient> <mail id>`) and message. */
export function lookUp(
  dataFolder: string,
  ledger: readonly string[],
  posted: readonly Message[],
): { unexpected: number; misplaced: string[] } {
  return reading(dataFolder, db => {
    const misplaced: string[] = [];
    const conversationOf = db.prepare('select conversation_key from token where token = ?').pluck();
    const messagesOf = db.prepare(
      'select conversation_key, message_id from message where mail_key = ? and message_id is not null',
    );
    const keys = new Set<number>();
    for (const line of ledger) {
      const [messageId = '', recipient = '', mailId = ''] = line.split(' ');
      const key = decodeId('mail', mailId) ?? -1;
      const messages = messagesOf.all(key) as { conversation_key: number; message_id: string }[];
      const conversation = conversationOf.get(/\+([0-9a-f]{32})@/.exec(recipient)?.[1]);
      const [message] = messages;
      const right =
        messages.length === 1 &&
        message!.message_id.replaceAll(/[<>]/g, '') === messageId &&
        message!.conversation_key === conversation;
      if (!right || keys.has(key)) misplaced.push(`${line}: ${JSON.stringify(messages)}`);
      keys.add(key);
    }
    const there = db.prepare('select count(*) from message where key = ?').pluck();
    for (const { id } of posted) if (there.get(decodeId('message', id)) !== 1) misplaced.push(id);
    const mails = db.prepare('select count(*) from message where mail_key is not null').pluck().get() as number;
    return { unexpected: mails - keys.size, misplaced: misplaced.slice(0, SHOWN) };
  });
}

function reading<T>(dataFolder: string, look: (db: Database.Database) => T): T {
  const db = new Database(path.join(dataFolder, 'replyd.db'), { readonly: true, timeout: 10_000 });
  try {
    return look(db);
  } finally {
    db.close();
  }
}
