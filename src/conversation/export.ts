/**
 * A person's export: one tar file, made piece by piece while it is read. A piece holds one page of messages or one part of
 * a file, so the memory it takes does not grow with what he has.
 *
 *   contact.json
 *   conversations/12/conversation.json
 *   conversations/12/messages-0001.jsonl      one message a line (`rules/export.ts`); so many files as there are pages
 *   conversations/12/mails/msg_….eml          his mails as they came
 *   conversations/12/attachments/att_….pdf    the names that they had stand in the message
 *   contents.json                             how many there are of each, and how many bytes are no longer kept; the last one
 *
 * What is removed while it is made is left out. An archive without contents.json was cut off.
 */
import { isReplydError } from '../base/errors.js';
import { TAR_END, tarEntry } from '../base/tar.js';
import type { StoredContentRef } from './filing.js';
import type { Contact, Message } from './model.js';
import { addressesOf, exportedConversation, exportedMessage, isHis } from './rules/export.js';
import type { Store } from './store.js';

const CONVERSATIONS = 100;
const MESSAGES = 100;

export interface ExportSource extends Pick<Store, 'conversationsOf' | 'messages' | 'attachment'> {
  readonly conversation: Store['conversation'];
  /** Of the mail that a message came in; null: it came in none. */
  rawOf(message: Message): Promise<StoredContentRef | null>;
  bytes(ref: StoredContentRef): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;
  /** JSON as the one who asks may read it. */
  shown(json: string): Promise<string>;
}

/** The bytes of the tar file. `now` in milliseconds is every entry's time. Throws before the first of them who may not have it. */
export async function* exportContact(
  source: ExportSource,
  { contact, now }: { readonly contact: Contact; readonly now: number },
): AsyncGenerator<Uint8Array> {
  const counts = { conversations: 0, messages: 0, mails: 0, attachments: 0, not_kept: 0 };

  async function* text(name: string, json: string): AsyncGenerator<Uint8Array> {
    const content = Buffer.from(await source.shown(json));
    yield* tarEntry({ name, size: content.length, now }, [content]);
  }

  /** Nothing when its bytes are no longer kept. */
  async function* file(name: string, what: 'mails' | 'attachments', ref: StoredContentRef): AsyncGenerator<Uint8Array> {
    const content = await ifThere(source.bytes(ref));
    counts[content === null ? 'not_kept' : what] += 1;
    if (content !== null) yield* tarEntry({ name, size: ref.size, now }, content);
  }

  async function* filesOf(message: Message, folder: string): AsyncGenerator<Uint8Array> {
    const isWritten = message.direction === 'incoming' && message.author.role === 'contact';
    if (isWritten && message.mail_id !== null) {
      const raw = await ifThere(source.rawOf(message));
      if (raw === null) counts.not_kept += 1;
      else yield* file(`${folder}/mails/${message.id}.eml`, 'mails', raw);
    }
    for (const { id, filename } of message.attachments) {
      const found = await ifThere(source.attachment(id));
      const ending = /\.[A-Za-z0-9]{1,10}$/.exec(filename)?.[0] ?? '';
      if (found === null) counts.not_kept += 1;
      else yield* file(`${folder}/attachments/${id}${ending}`, 'attachments', found.content);
    }
  }

  async function* conversation(id: string): AsyncGenerator<Uint8Array> {
    const found = await ifThere(source.conversation({ id }, { messages: 0 }));
    if (found === null) return;
    const folder = `conversations/${found.number}`;
    const addresses = addressesOf(found);
    counts.conversations += 1;
    yield* text(`${folder}/conversation.json`, line(exportedConversation(found)));
    let after = 0;
    for (let page = 1; ; page += 1) {
      const messages = await ifThere(source.messages({ id }, { after, limit: MESSAGES }));
      const last = messages?.at(-1);
      if (!messages || last === undefined) return;
      after = last.seq;
      const his = messages.filter(message => isHis(message, addresses));
      if (his.length === 0) continue;
      counts.messages += his.length;
      const name = `${folder}/messages-${String(page).padStart(4, '0')}.jsonl`;
      yield* text(name, his.map(message => line(exportedMessage(message))).join(''));
      for (const message of his) yield* filesOf(message, folder);
    }
  }

  const next = (after: string | null) => source.conversationsOf(contact.id, { after, limit: CONVERSATIONS });
  // Who may not have it gets nothing of it.
  let ids: readonly string[] | null = await next(null);
  yield* text('contact.json', line(contact));
  for (let last = ids.at(-1); ids !== null && last !== undefined; last = ids?.at(-1)) {
    for (const id of ids) yield* conversation(id);
    ids = await ifThere(next(last));
  }
  yield* text('contents.json', line({ made_at: new Date(now).toISOString(), ...counts }));
  yield TAR_END;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Null for what is gone, or whose bytes are no longer kept. */
async function ifThere<Value>(asked: Promise<Value>): Promise<Value | null> {
  try {
    return await asked;
  } catch (error) {
    if (isReplydError(error, 'not_found')) return null;
    throw error;
  }
}
