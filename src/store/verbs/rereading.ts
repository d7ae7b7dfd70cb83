/** A message whose mail is read again by a later version: what would change (`rules/rereading.ts`), and changing it. */
import { ReplydError } from '../../base/errors.js';
import { OTHER_WRITER } from '../../conversation/rules/opener.js';
import { rereadParts, type Understood } from '../../conversation/rules/rereading.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { byId, byKey } from '../by-key.js';
import type { MessageRow } from '../rows.js';
import { fromJson, type StoreTx, toJson, type Verb } from '../tx.js';
import { emitEvents } from './events.js';
import { insertAttachments } from './messages.js';
import { participantByAddress } from './participants.js';
import { attachmentsOf, columnsOf } from './reading-columns.js';
import { lookAgain } from './search-again.js';

const MARK = 'read again';

export const noteReader: Verb<'noteReader'> = async (tx, reader) => {
  const before = (await tx.value<number>("select key from cleared_to where what = 'reader'")) ?? 0;
  if (before >= reader) return false;
  await tx.run(
    "insert into cleared_to (what, key) values ('reader', $1) on conflict (what) do update set key = excluded.key where cleared_to.key < excluded.key",
    reader,
  );
  return (await tx.get("select 1 from mail where state = 'filed' limit 1")) !== undefined;
};

export const reread: Verb<'reread'> = async (tx, messageId, reading, { elsewhere, contents }) => {
  const message = await byId(tx, 'message', messageId);
  const conversation = (await byKey(tx, 'conversation', message.conversation_key))!;
  const owner = (await byKey(tx, 'participant', message.participant_key)) ?? null;
  const sender = message.sender === null ? null : fromJson(message.sender);
  // Who opened the conversation was decided then, and answers go there.
  const isOpener = sender?.evidence.some(line => line.startsWith(OTHER_WRITER)) === true;
  const from =
    isOpener && message.author_email !== null
      ? { name: message.author_name, email: message.author_email }
      : reading.mail.from;
  const named = await participantByAddress(tx, conversation.key, from?.email);
  const writer = writerOf({ from, kind: reading.kind }, named, owner);
  const before: Understood = {
    text: message.text,
    kind: message.kind,
    writer: message.author_email,
    files: await filesOf(tx, message),
  };
  const after: Understood = {
    text: reading.text.text,
    kind: reading.kind,
    writer: writer.author.email,
    files: reading.mail.attachments.map(({ filename, size }) => `${filename} ${size}`),
  };
  // Of what one of the team sent on the message holds a part alone: it stays as it is.
  if (sender?.forwarded_by !== undefined) return { parts: [], before, after: before };
  // An agent's own words were judged when they came, and may be on their way.
  if (message.direction !== 'incoming') return { parts: [], before, after: before };
  const parts = rereadParts(before, after, elsewhere);
  const written = parts.filter(part => part !== 'thread');
  if (contents !== null && written.length > 0) {
    if (written.includes('files') && contents.length !== reading.mail.attachments.length)
      throw new ReplydError('conflict', `message ${messageId} changed meanwhile: run it again`);
    await tx.update('message', message.key, {
      ...columnsOf(reading),
      ...(written.includes('writer')
        ? {
            author_name: writer.author.name,
            author_email: writer.author.email,
            author_role: writer.author.role,
            participant_key: writer.participant?.key ?? null,
            sender: toJson({
              ...sender,
              is_participant: writer.sender.is_participant,
              token_of: writer.sender.token_of,
            }),
          }
        : {}),
      evidence: toJson([...new Set([...fromJson(message.evidence), ...reading.evidence, MARK])]),
    });
    if (written.includes('files')) {
      await tx.run('delete from attachment where message_key = $1', message.key);
      await insertAttachments(tx, message, attachmentsOf(reading, contents));
    }
    await lookAgain(tx, [message.key]);
    await emitEvents(tx, conversation, [
      { type: 'message.updated', messageKey: message.key, data: { changed: written } },
    ]);
  }
  return { parts, before, after };
};

async function filesOf(tx: StoreTx, message: MessageRow): Promise<readonly string[]> {
  const rows = await tx.all<{ filename: string | null; size: number }>(
    `select a.filename, b.size from attachment a join blob b on b.key = a.blob_key
      where a.message_key = $1 order by a.position`,
    message.key,
  );
  return rows.map(({ filename, size }) => `${filename} ${size}`);
}
