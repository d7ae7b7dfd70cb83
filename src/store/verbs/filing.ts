/**
 * Files a mail: the transaction behind every 250. It checks the destinations again (they may have changed since RCPT),
 * finds or opens the conversations, and stores raw mail, message, attachments, dedupe key and events. What it decides
 * stands in `conversation/rules`: filing (where it goes), writer, hold, loop, delivery (what it reports).
 */

import type { Filing, FilingResult } from '../../conversation/filing.js';
import { isFlaggedAsSpam } from '../../conversation/rules/blocked.js';
import { planFiling, refusalOfAll } from '../../conversation/rules/filing.js';
import { decideEffects, isPersonal, unreadKind } from '../../conversation/rules/hold.js';
import { carriesLoopMark } from '../../conversation/rules/loop.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { NO_AUTHENTICATION } from '../../mail/authentication.js';
import { encodeId, keyOf } from '../ids.js';
import { SMARTHOST, type StoredResult } from '../rows.js';
import { inTurn, type StoreTx, toJson } from '../tx.js';
import { firstDomain } from '../views/accounts.js';
import { fileAgentMail } from './agent-mails.js';
import { type Around, type AskingMail, aroundOf, type FiledBefore } from './around.js';
import { broughtBy, writeCc } from './cc.js';
import { CC_CHANGED } from './cc-rows.js';
import { advance, emitNumbered, type NewEvent } from './events.js';
import { notifyFollowers } from './followers.js';
import { forwardToOperator, keptBefore } from './forwards.js';
import { recentMails } from './loops.js';
import { insertMail } from './mails.js';
import { insertAttachments, insertMessage } from './messages.js';
import { openConversations } from './opening.js';
import { clearSuspension, joinWriter } from './participants.js';
import { proofUse, rememberProof } from './proofs.js';
import { attachmentsOf, columnsOf, filedAttachments, judgedColumns } from './reading-columns.js';
import { applyReports, reportedDeliveries } from './reports.js';
import { lookAgain } from './search-again.js';
import { insertForwarderNote } from './team-forwards.js';
import { CONTENT_KEY_BYTES, madeId, rememberIds } from './thread-ids.js';
import { askingMail, type Place, type Target, type ThreadedMail, targetOf } from './threading.js';
import { rememberUnverified, verdictFields } from './verification.js';

type SettledTarget = Exclude<Target, { kind: 'opens' }>;

export async function fileMail(tx: StoreTx, filing: Filing): Promise<readonly FilingResult[]> {
  if (filing.proof === undefined) return fileProven(tx, filing);
  if ((await proofUse(tx, filing.proof, filing.facts.sha256)) === 'other')
    return filing.destinations.map(() => ({ kind: 'proof_used' }));
  const results = await fileProven(tx, filing);
  if (results.some(result => result.kind === 'filed')) await rememberProof(tx, filing);
  return results;
}

async function fileProven(tx: StoreTx, filing: Filing): Promise<readonly FilingResult[]> {
  const mail = mailOf(filing);
  const found = await inTurn(filing.destinations, destination => targetOf(tx, mail, destination));
  await lockTargets(tx, found);
  const refusal = filing.together
    ? refusalOfAll(found.map(target => (target.kind === 'refused' ? target.refusal : null)))
    : null;
  if (refusal !== null) return found.map(() => ({ kind: refusal }));
  const targets = await openConversations(tx, filing, found);
  const around = await aroundTargets(tx, targets, askingMail(mail));
  const before = new Map([...around].flatMap(([key, each]) => (each.before === null ? [] : [[key, each.before]])));
  const keptKey = targets.some(target => target.kind === 'operator')
    ? await operatorHas(tx, filing, before)
    : undefined;
  const plan = planFiling({
    addressed: targets.map(target =>
      target.kind === 'conversation' ? { kind: target.kind, conversation: target.conversation.key } : target,
    ),
    readable: filing.reading !== null,
    isFiled: conversation => before.has(conversation),
    isKept: keptKey !== undefined,
  });
  // Known before anything is written, so that each row is written once.
  const mailKey = tx.key();
  const messageKeys = new Map(plan.conversations.map(conversation => [conversation, tx.key()]));
  const results = targets.map((target): FilingResult => {
    if (target.kind === 'refused') return { kind: target.refusal };
    const known = target.kind === 'operator' ? undefined : before.get(target.conversation.key);
    const mailBefore = target.kind === 'operator' ? keptKey : known?.mail_key;
    const message = target.kind === 'operator' ? undefined : (known?.key ?? messageKeys.get(target.conversation.key));
    return {
      kind: 'filed',
      mailId: encodeId('mail', mailBefore ?? mailKey),
      messageId: message === undefined ? null : encodeId('message', message),
      before: mailBefore !== undefined,
    };
  });
  if (plan.mail === null) return results;
  await insertMail(tx, filing, { key: mailKey, state: plan.mail, results: storedResults(filing, targets, results) });
  for (const [conversation, messageKey] of messageKeys) {
    const places = targets
      .filter(target => target.kind === 'conversation')
      .filter(each => each.conversation.key === conversation);
    await fileInConversation(tx, filing, {
      places,
      mailKey,
      messageKey,
      contentKey: mail.contentKey,
      around: around.get(conversation)!,
      // What came in lately was counted before one of this mail's messages was written.
      isCounted: messageKeys.size === 1,
    });
  }
  if (filing.unverified !== undefined && messageKeys.size > 0)
    await rememberUnverified(tx, mailKey, filing.unverified.client);
  const unsent = plan.keeps ? await forwardToOperator(tx, mailKey, filing.reading) : null;
  if (unsent !== null && plan.mail === 'kept') await tx.update('mail', mailKey, { reason: unsent });
  return results;
}

/** As far as threading asks. */
export function mailOf(filing: Filing): ThreadedMail & { readonly contentKey: Uint8Array } {
  return {
    reading: filing.reading,
    mailFrom: filing.envelope.mailFrom,
    ownId: ownMessageId(filing),
    contentKey: Buffer.from(filing.facts.contentKey, 'hex').subarray(0, CONTENT_KEY_BYTES),
    limits: filing.limits,
  };
}

async function lockTargets(tx: StoreTx, targets: readonly Target[]): Promise<void> {
  for (const target of targets) {
    if (target.kind === 'opens') await tx.lock('account', [target.account.key]);
    if (target.kind === 'conversation') await tx.lock('conversation', [target.conversation.key]);
    if (target.kind === 'operator') await tx.lock('destination', [SMARTHOST]);
  }
}

/** The same mail: its message and mail in each of the conversations that have it. */
type FiledBeforeIn = ReadonlyMap<number, FiledBefore>;

/** What the mail asks of each conversation. */
async function aroundTargets(
  tx: StoreTx,
  targets: readonly SettledTarget[],
  mail: AskingMail,
): Promise<ReadonlyMap<number, Around>> {
  const around = new Map<number, Around>();
  for (const target of targets) {
    if (target.kind !== 'conversation' || around.has(target.conversation.key)) continue;
    const { key } = target.conversation;
    around.set(key, target.around ?? (await aroundOf(tx, key, mail)));
  }
  return around;
}

/** The same mail to the same recipients, postmaster or abuse among them: filed in one of its conversations, or kept. */
async function operatorHas(tx: StoreTx, filing: Filing, before: FiledBeforeIn): Promise<number | undefined> {
  const recipients = JSON.stringify(filing.envelope.rcptTo);
  for (const { mail_key: key } of before.values()) {
    if (await tx.get('select 1 from mail where key = $1 and rcpt_to = $2', key, recipients)) return key;
  }
  return keptBefore(tx, filing);
}

function ownMessageId(filing: Filing): string {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey);
}

const VERDICTS = {
  filed: 'accepted',
  changed: 'deferred',
  blocked: 'rejected',
  unthreaded: 'rejected',
  proof_used: 'rejected',
} as const;

function storedResults(
  filing: Filing,
  targets: readonly SettledTarget[],
  results: readonly FilingResult[],
): readonly StoredResult[] {
  return results.map((result, index) => {
    const target = targets[index]!;
    return {
      recipient: filing.destinations[index]!.address,
      verdict: VERDICTS[result.kind],
      message: result.kind === 'filed' && result.messageId !== null ? keyOf('message', result.messageId) : null,
      account: target.kind === 'conversation' ? target.account.key : null,
    };
  });
}

async function fileInConversation(
  tx: StoreTx,
  filing: Filing,
  at: {
    readonly places: readonly Place[];
    readonly mailKey: number;
    readonly messageKey: number;
    readonly contentKey: Uint8Array;
    readonly around: Around;
    readonly isCounted: boolean;
  },
): Promise<void> {
  if (at.places.some(place => place.agent !== undefined)) return fileAgentMail(tx, filing, at);
  const { account, conversation, evidence, opened, opener, forward, recent } = at.places[0]!;
  const reading = forward?.original ?? filing.reading;
  const from = opener === undefined ? (reading?.mail.from ?? null) : opener.person;
  const { named, others, suspended } = at.around;
  const owner = at.places.find(each => each.participantKey !== null)?.owner ?? null;
  const writer = writerOf(reading && { from, kind: reading.kind }, named, owner);
  const verdicts = verdictFields(filing.authentication ?? NO_AUTHENTICATION);
  const { headers } = filing.reading?.mail ?? { headers: [] };
  const ownMail = carriesLoopMark(headers, encodeId('account', account.key));
  const contactKey = conversation.contact_key;
  const deliveryKey = at.places.find(each => each.deliveryKey !== null)?.deliveryKey ?? null;
  const effects = decideEffects({
    kind: reading?.kind ?? unreadKind({ mailFrom: filing.envelope.mailFrom, toBounceAddress: deliveryKey !== null }),
    status: conversation.status,
    writer: writer.standing,
    holdStrangers: account.hold_strangers === 1,
    dmarc: verdicts.dmarc,
    flaggedAsSpam: isFlaggedAsSpam(headers),
    trusted: filing.trusted,
    opens: opened === true,
    recent:
      at.isCounted && recent !== undefined
        ? recent
        : await recentMails(
            tx,
            { contactKey, conversation, ownMail, others: at.isCounted ? others : undefined },
            filing.limits,
          ),
    loopMessages: filing.limits.loopMessages,
    ownMail,
  });
  const joined = effects.joins && from !== null ? await joinWriter(tx, conversation.key, from) : null;
  const participant = joined === null ? writer.participant : joined.participant;
  const { messageKey } = at;
  const events: NewEvent[] = [];
  const brought = await broughtBy(
    tx,
    { account, conversation },
    {
      kind: reading?.kind ?? null,
      hasNoEffect: effects.held || effects.looping,
      dmarc: verdicts.dmarc,
      owner,
      addressed: filing.destinations.map(each => each.address),
      isForward: forward !== undefined,
      to: reading?.mail.to ?? [],
      cc: reading?.mail.cc ?? [],
      // Whoever wrote it did not say who he is.
      participant: from === null ? null : participant,
    },
  );
  if (brought.length > 0) events.push(CC_CHANGED);
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  if (effects.event !== null) events.push({ type: effects.event, messageKey });
  const hasNote = forward?.note != null;
  const step = await advance(tx, conversation, {
    messages: hasNote ? 2 : 1,
    events: events.length + (hasNote ? 1 : 0),
    ...(effects.reopens ? { status: 'open' } : {}),
  });
  const reported = reading === null ? [] : await reportedDeliveries(tx, { conversation, deliveryKey }, reading);
  await insertMessage(tx, {
    key: messageKey,
    conversation_key: conversation.key,
    seq: step.seq,
    direction: 'incoming',
    ...(reading === null ? { kind: 'reply' } : columnsOf(reading)),
    ...judgedColumns(writer.author, { participant, held: effects.held, reported }),
    message_id: reading?.mail.messageId ?? (await messageIdOf(tx, filing, account.key)),
    via: filing.via,
    mail_key: at.mailKey,
    sender: toJson({
      is_participant: writer.sender.is_participant,
      token_of: writer.sender.token_of,
      // They are about him who sent the mail.
      ...(forward === undefined ? verdicts : verdictFields(NO_AUTHENTICATION)),
      evidence: [...(opener?.evidence ?? []), ...writer.sender.evidence, ...verdicts.evidence],
      ...(forward === undefined ? {} : { forwarded_by: forward.forwarder }),
    }),
    evidence: toJson([
      ...filing.evidence,
      ...evidence,
      ...(reading ? reading.evidence : [`unparsed: ${filing.reason}`]),
      ...effects.evidence,
      ...(joined?.evidence ?? []),
    ]),
    looping: effects.looping ? 1 : 0,
    content_key: at.contentKey,
  });
  const files = forward === undefined ? filedAttachments(filing) : attachmentsOf(forward.original, forward.contents);
  await insertAttachments(tx, { key: messageKey, conversation_key: conversation.key }, files);
  const messageId = reading?.mail.messageId ?? ownMessageId(filing);
  // The mail in which it was sent on may come again, and so may those that it names.
  const aliases = [ownMessageId(filing), ...(forward?.originalIds ?? [])].filter(id => id !== messageId);
  await rememberIds(tx, conversation.key, { ofMessage: messageId, aliases });
  if (forward !== undefined && hasNote) {
    const place = { conversation_key: conversation.key, seq: step.seq + 1, via: filing.via };
    events.push({ type: 'message.created', messageKey: await insertForwarderNote(tx, forward, place) });
  }
  emitNumbered(tx, conversation, step.eventSeq, events);
  // No event tells of it.
  if (effects.event === null) await lookAgain(tx, [messageKey]);
  await writeCc(tx, conversation, { changes: brought, messageKey });
  await applyReports(tx, reported);
  if (effects.event === 'message.created' && (reading === null || isPersonal(reading.kind)))
    await notifyFollowers(tx, { ...conversation, account }, { key: messageKey, direction: 'incoming', writer: null });
  // That he wrote again is somebody else's word.
  if (effects.resumesMailing && forward === undefined && suspended && participant?.contact_key)
    await clearSuspension(tx, participant.contact_key);
}

async function messageIdOf(tx: StoreTx, filing: Filing, accountKey: number): Promise<string> {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey, await firstDomain(tx, accountKey));
}
