/**
 * Held messages: released they have their effect, dropped they never have one.
 *
 * Of an agent's mail whoever releases it takes the responsibility; the author stays. What was held as a note becomes a note
 * and is never mailed; an answer goes to the customer like one that is written now. What the mail asked for beside its
 * words is done too, as far as it still can be.
 */
import { ReplydError } from '../../base/errors.js';
import type { Commands } from '../../conversation/rules/agent-commands.js';
import { mailingOf, readersOf } from '../../conversation/rules/continuity.js';
import { participation } from '../../conversation/rules/hold.js';
import { NO_FROM } from '../../conversation/rules/writer.js';
import type { MailKind } from '../../mail/mail.js';
import { byId, byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { ConversationRow, MessageRow } from '../rows.js';
import { fromJson, type StoreTx, toJson, type Verb } from '../tx.js';
import { messageView } from '../views/messages.js';
import { assigneeNamed, doCommands } from './agent-commands.js';
import { broughtBy, writeCc } from './cc.js';
import { CC_CHANGED } from './cc-rows.js';
import { emitEvents, type NewEvent } from './events.js';
import { notifyFollowers } from './followers.js';
import { carriedParticipants, DROPPED, HELD, NOT_HELD, refuseLarge } from './messages.js';
import { clearSuspension, joinWriter, participantByAddress, presentContact } from './participants.js';
import { gather } from './waiting.js';

export const releaseMessage: Verb<'releaseMessage'> = async (tx, id) => {
  const row = await heldRow(tx, id);
  const conversation = (await byKey(tx, 'conversation', row.conversation_key))!;
  if (row.direction !== 'incoming') {
    await releaseAgentMail(tx, row, conversation);
    return messageView(tx, await byId(tx, 'message', id));
  }
  const email = row.author_email;
  const known = await participantByAddress(tx, conversation.key, email);
  const effects = participation({
    kind: row.kind as MailKind,
    status: conversation.status,
    writer: known !== null ? 'participant' : email !== null ? 'stranger' : 'unnamed',
  });
  const joined =
    effects.joins && email !== null ? await joinWriter(tx, conversation.key, { email, name: row.author_name }) : null;
  const writer = joined === null ? known : joined.participant;
  await tx.update('message', row.key, {
    held: NOT_HELD,
    participant_key: writer?.key ?? null,
    evidence: joined?.evidence.length ? toJson([...fromJson(row.evidence), ...joined.evidence]) : undefined,
  });
  if (effects.resumesMailing && writer?.contact_key) await clearSuspension(tx, writer.contact_key);
  const account = (await byKey(tx, 'account', conversation.account_key))!;
  await notifyFollowers(tx, { ...conversation, account }, { key: row.key, direction: 'incoming', writer: null });
  const events: NewEvent[] = [{ type: 'message.updated', messageKey: row.key, data: { changed: ['held'] } }];
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  const sender = row.sender === null ? null : fromJson(row.sender);
  const changes = await broughtBy(
    tx,
    { account, conversation },
    {
      kind: row.kind as MailKind,
      hasNoEffect: row.looping === 1,
      dmarc: sender?.dmarc ?? null,
      owner: null,
      addressed: [],
      isForward: sender?.forwarded_by !== undefined,
      to: fromJson(row.recipients_to),
      cc: fromJson(row.recipients_cc),
      participant: sender?.evidence.includes(NO_FROM) ? null : writer,
    },
  );
  await writeCc(tx, conversation, { changes, messageKey: row.key });
  if (changes.length > 0) events.push(CC_CHANGED);
  await emitEvents(tx, conversation, events, effects.reopens ? { status: 'open' } : {});
  return messageView(tx, await byId(tx, 'message', id));
};

export const dropMessage: Verb<'dropMessage'> = async (tx, id) => {
  const row = await heldRow(tx, id);
  const evidence = toJson([...fromJson(row.evidence), 'dropped']);
  await tx.update('message', row.key, { held: DROPPED, evidence });
  await emitEvents(tx, (await byKey(tx, 'conversation', row.conversation_key))!, [
    { type: 'message.updated', messageKey: row.key, data: { changed: ['held'] } },
  ]);
  return messageView(tx, await byId(tx, 'message', id));
};

async function heldRow(tx: StoreTx, id: string): Promise<MessageRow> {
  const row = await byId(tx, 'message', id);
  if (row.held !== HELD)
    throw new ReplydError('message_not_held', `message ${encodeId('message', row.key)} is not held`);
  return row;
}

/** Throws mail_too_large for an answer. */
async function releaseAgentMail(tx: StoreTx, row: MessageRow, conversation: ConversationRow): Promise<void> {
  const commands = await heldCommands(tx, row.key);
  if (commands?.assign != null) await tx.lock('account', [conversation.account_key]);
  if (row.direction === 'outgoing') await mailNow(tx, row, conversation);
  else {
    await tx.update('message', row.key, { held: NOT_HELD });
    const account = (await byKey(tx, 'account', conversation.account_key))!;
    const message = { key: row.key, direction: 'note', writer: row.agent_key } as const;
    await notifyFollowers(tx, { ...conversation, account }, message);
  }
  await emitEvents(tx, conversation, [
    { type: 'message.updated', messageKey: row.key, data: { changed: ['held'] } },
    { type: 'message.created', messageKey: row.key },
  ]);
  if (commands === null || row.agent_key === null) return;
  await tx.run('delete from held_commands where message_key = $1', row.key);
  const agent = { key: row.agent_key };
  const { assign } = commands;
  const found = assign === null ? null : await assigneeNamed(tx, conversation.account_key, { wanted: assign, agent });
  // He whom it named may be gone since.
  const left = found === null || found.kind === 'one' ? commands : { ...commands, assign: null };
  const assignee = found?.kind === 'one' ? found.id : null;
  await doCommands(tx, conversation.key, { agentKey: agent.key, commands: left, assignee });
}

async function heldCommands(tx: StoreTx, key: number): Promise<Commands | null> {
  const text = await tx.value<string>('select commands from held_commands where message_key = $1', key);
  return text === undefined ? null : (JSON.parse(text) as Commands);
}

async function mailNow(tx: StoreTx, row: MessageRow, conversation: ConversationRow): Promise<void> {
  const attachmentBytes = (await tx.value<number>(
    `select cast(coalesce(sum(b.size), 0) as bigint) from attachment a join blob b on b.key = a.blob_key
     where a.message_key = $1`,
    row.key,
  ))!;
  const load = { messages: 1, textBytes: Buffer.byteLength(row.text), attachmentBytes };
  refuseLarge(tx, load);
  const { contact, account, isSuspended, carried } = await presentContact(tx, conversation);
  const settings = fromJson(account.settings);
  const mailing = mailingOf(
    { direction: 'outgoing', mail: 'auto' },
    {
      channel: conversation.channel,
      channelsOff: settings.channels_off ?? [],
      delay: settings.delay ?? tx.rules.delay,
    },
  );
  await tx.update('message', row.key, { held: NOT_HELD, mail_reason: mailing.reason });
  if (mailing.delay === null) return;
  const dueAt = tx.now() + mailing.delay;
  const others = carried === 0 ? [] : await carriedParticipants(tx, conversation, settings.blocked ?? []);
  for (const reader of readersOf(contact, others)) {
    const place = { ...conversation, account, isSuspended };
    await gather(tx, place, { key: row.key, load }, { ...reader, dueAt });
  }
}
