/**
 * Turns what is due into mails: it takes the conversation's waiting messages and copies, composes one mail, renders it,
 * stores the bytes and ties them to the copies in one transaction. From then on the queue has it. Readers who may be quoted
 * different earlier messages get different bytes under one Message-ID: the mail is rendered once for each such group.
 *
 * If anything changed meanwhile (seen, cancelled, another answer), nothing is saved and the conversation is read again. A
 * conversation that cannot be composed is logged and retried later; others do not wait for it. After a crash before the
 * transaction the messages still wait.
 */

import { randomUUID } from 'node:crypto';
import { errorText, faultLevel, isReplydError } from '../base/errors.js';
import type { Log, LogFields } from '../base/log.js';
import type { SpaceBudget } from '../base/space.js';
import { readFileStream } from '../base/text-file.js';
import { createWaker, type Waker } from '../base/waker.js';
import { agentNotice, type NoticeSnapshot } from '../conversation/agent-notice.js';
import { compose, copyHead, type OutgoingAttachment } from '../conversation/compose.js';
import type { ComposeSnapshot, Forward } from '../conversation/composing.js';
import type { StoredContent } from '../conversation/filing.js';
import type { Message } from '../conversation/model.js';
import { operatorCopy } from '../conversation/operator-copy.js';
import type { Clock } from '../conversation/ports.js';
import { historyRoom } from '../conversation/rules/continuity.js';
import type { Store } from '../conversation/store.js';
import { splitAddress } from '../mail/address.js';
import { factsOf, factsOfStream } from '../mail/fingerprint.js';
import { renderMail } from './render.js';

export interface ComposerOptions {
  readonly store: Store;
  /** An existing folder on the store's file system, for large mails. */
  readonly folder: string;
  readonly space?: SpaceBudget;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => {
    /** `continuity.context` and `continuity.history`. */
    readonly context: number;
    readonly history: number;
    /** `bounce`, `support`, or an address. */
    readonly envelopeSender: string;
    /** `outbound.max_size`. */
    readonly maxSize: number;
    /** `web.public_url`, for links in notifications; null: there is no page. */
    readonly page: string | null;
  };
  /** Called after mails were composed. */
  readonly onComposed: () => void;
}

/** `wake`: something may be due. `close` ends after the current mail. */
export type Composer = Pick<Waker, 'wake' | 'close'>;

const AT_A_TIME = 50;
/** For a conversation that can't be composed, and for a store that fails. */
const RETRY = 60_000;
const STORE_RETRY = 5_000;
const LONGEST_SLEEP = 3_600_000;

export function openComposer(options: ComposerOptions): Composer {
  const { store, clock, log } = options;
  let timer: NodeJS.Timeout | undefined;
  /** Conversations that could not be composed, and when to try again. */
  const later = new Map<string, number>();

  const pass = async () => {
    clearTimeout(timer);
    // It is called up to a hundred times a second, and mostly nothing is due: one query instead of three.
    const next = await nextAt();
    if (next === null || next > clock()) return sleepUntil(next);
    let composed = 0;
    for (const delivery of await store.dueNotices({ now: clock(), limit: AT_A_TIME + later.size })) {
      if (!isPutOff(delivery)) composed += await tryOne(delivery, { delivery }, () => composeNotice(delivery));
    }
    for (const forward of await store.dueForwards({ now: clock(), limit: AT_A_TIME })) {
      const delivery = forward.deliveryId;
      if (!isPutOff(delivery)) composed += await tryOne(delivery, { delivery }, () => composeForward(options, forward));
    }
    if (composed === AT_A_TIME) waker.wake();
    const due = await store.dueConversations({ now: clock(), limit: AT_A_TIME + later.size });
    const ready = due.filter(id => !isPutOff(id));
    for (const id of ready) composed += await tryOne(id, { conversation: id }, () => composeConversation(id));
    if (composed > 0) options.onComposed();
    if (ready.length >= AT_A_TIME) waker.wake();
    sleepUntil(await nextAt());
  };

  const nextAt = async (): Promise<number | null> => {
    const [mail, notice] = [await store.nextComposeAt(), await store.nextNoticeAt()];
    return mail === null || notice === null ? (mail ?? notice) : Math.min(mail, notice);
  };

  /** A moment farther away than any wait comes from a clock that was put back since. */
  const isPutOff = (id: string): boolean => {
    const wait = (later.get(id) ?? 0) - clock();
    return wait > 0 && wait <= RETRY;
  };

  /** 1 when it was composed. What fails is put off. */
  const tryOne = async (id: string, about: LogFields, work: () => Promise<boolean>): Promise<0 | 1> => {
    if (waker.closed) return 0;
    try {
      const saved = await work();
      later.delete(id);
      return saved ? 1 : 0;
    } catch (error) {
      later.set(id, clock() + (isReplydError(error, 'unavailable') ? STORE_RETRY : RETRY));
      log[faultLevel(error)]('compose_failed', { ...about, error: errorText(error) });
      return 0;
    }
  };

  const composeConversation = async (id: string): Promise<boolean> => {
    const { context, history } = options.settings();
    const snapshot = await store.composeSnapshot(id, { now: clock(), context, history });
    if (snapshot === null) return false;
    const saved = await composeAndSave(options, snapshot);
    if (!saved) waker.wake();
    return saved;
  };

  const composeNotice = async (id: string): Promise<boolean> => {
    const snapshot = await store.openNotice(id);
    if (snapshot === null) return false;
    const saved = await composeAndSaveNotice(options, snapshot);
    if (!saved) waker.wake();
    return saved;
  };

  const sleepUntil = (next: number | null) => {
    if (next === null) return;
    // What is due already but could not be composed waits for its retry.
    const retries = [...later.keys()].filter(isPutOff).map(id => later.get(id)!);
    sleep((next <= clock() && retries.length > 0 ? Math.min(...retries) : next) - clock());
  };

  const sleep = (wait: number) => {
    if (waker.closed) return;
    timer = setTimeout(waker.wake, Math.min(Math.max(wait, 1), LONGEST_SLEEP));
    timer.unref();
  };

  const waker = createWaker(pass, error => {
    log[faultLevel(error)]('compose_failed', { error: errorText(error) });
    sleep(STORE_RETRY);
  });

  return {
    wake: waker.wake,
    close() {
      clearTimeout(timer);
      return waker.close();
    },
  };
}

async function composeAndSave(options: ComposerOptions, snapshot: ComposeSnapshot): Promise<boolean> {
  const { store, clock, log } = options;
  const { account, conversation, quoted, quoting } = snapshot;
  const attachments = await attachmentsOf(store, snapshot.unmailed);
  const { envelopeSender, maxSize } = options.settings();
  const made = { mailId: store.mintMailId(), date: clock(), attachments, historyRoom: roomIn(snapshot, maxSize) };
  const all = quoted.map(messages => compose({ ...snapshot, ...made, context: [], history: [], [quoting]: messages }));
  const stored: StoredContent[] = [];
  for (const { mail } of all) {
    const content = await renderMail(mail, options);
    const facts = 'bytes' in content ? factsOf(content.bytes) : await factsOfStream(readFileStream(content.file));
    stored.push(await store.place(content, facts));
  }
  const { mail, copies } = all[0]!;
  const [raw, ...others] = stored;
  const saved = await store.saveComposed({
    mailId: made.mailId,
    conversationId: conversation.id,
    messageId: mail.messageId,
    subject: mail.subject,
    messageIds: snapshot.unmailed.map(message => message.id),
    inReplyTo: mail.inReplyTo,
    references: mail.references,
    raw: raw!,
    others: others.map(other => ({ mailId: store.mintMailId(), raw: other })),
    copies: snapshot.copies.map((copy, index) => ({
      deliveryId: copy.deliveryId,
      head: copies[index]!.head,
      mailFrom: senderOf(envelopeSender, copy.bounceAddress, account.support_email),
      mail: copy.quoted,
    })),
    history: all.some(each => each.quotes),
  });
  if (saved) {
    log.info('queued', {
      id: made.mailId,
      conversation: conversation.id,
      messages: snapshot.unmailed.map(message => message.id),
      copies: copies.length,
      size: raw!.size,
      ...(others.length === 0 ? {} : { mails: stored.length }),
    });
  }
  return saved;
}

/** For how much history the mail has room beside what it carries. */
function roomIn({ unmailed }: ComposeSnapshot, maxSize: number): number {
  const textBytes = unmailed.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const attachmentBytes = unmailed.flatMap(each => each.attachments).reduce((sum, { size }) => sum + size, 0);
  return historyRoom({ messages: unmailed.length, textBytes, attachmentBytes }, maxSize);
}

async function composeAndSaveNotice(options: ComposerOptions, snapshot: NoticeSnapshot): Promise<boolean> {
  const { store, clock, log } = options;
  const { envelopeSender, page } = options.settings();
  const mailId = store.mintMailId();
  const link = page === null ? null : `${page}/conversations/${snapshot.conversation.id}`;
  const mail = agentNotice({ ...snapshot, link }, { mailId, date: clock() });
  const content = await renderMail(mail, options);
  const facts = 'bytes' in content ? factsOf(content.bytes) : await factsOfStream(readFileStream(content.file));
  const { deliveryId, messageIds, seq } = snapshot;
  const saved = await store.saveNotice({
    deliveryId,
    mailId,
    messageId: mail.messageId,
    messageIds,
    seq,
    raw: await store.place(content, facts),
    head: copyHead({ name: mail.from.name, email: snapshot.replyTo }),
    mailFrom: senderOf(envelopeSender, snapshot.bounceAddress, snapshot.account.support_email),
  });
  const about = { conversation: snapshot.conversation.id, messages: messageIds };
  if (saved) log.info('queued', { id: mailId, delivery: deliveryId, ...about, size: facts.size });
  return saved;
}

async function composeForward({ store, clock, log, settings }: ComposerOptions, forward: Forward): Promise<boolean> {
  const mailId = store.mintMailId();
  const domain = splitAddress(forward.addressee)!.domain;
  const messageId = `${mailId}@${domain}`;
  const bytes = operatorCopy({
    ...forward,
    messageId,
    date: clock(),
    boundary: `replyd-${randomUUID()}`,
    raw: await store.read(forward.raw),
    maxSize: settings().maxSize,
  });
  const facts = factsOf(bytes);
  const raw = await store.place({ bytes }, facts);
  const saved = await store.saveForward({ deliveryId: forward.deliveryId, mailId, messageId, raw });
  if (saved) log.info('queued', { id: mailId, mail: forward.mailId, delivery: forward.deliveryId, size: facts.size });
  return saved;
}

function senderOf(rule: string, bounceAddress: string | null, support: string): string {
  if (rule === 'bounce') return bounceAddress ?? support;
  return rule === 'support' ? support : rule;
}

async function attachmentsOf(store: Store, messages: readonly Message[]): Promise<readonly OutgoingAttachment[]> {
  const found: OutgoingAttachment[] = [];
  for (const attachment of messages.flatMap(message => message.attachments)) {
    const { content } = await store.attachment(attachment.id);
    found.push({
      filename: attachment.filename,
      contentType: attachment.content_type,
      size: attachment.size,
      content: await store.content(content),
    });
  }
  return found;
}
