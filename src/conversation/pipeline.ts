/**
 * The one inbound pipeline behind all doors: resolve → parse → place large contents → file in one transaction → answer.
 *
 * | when it stops                    | what is there                                  | what the client heard           |
 * |----------------------------------|------------------------------------------------|---------------------------------|
 * | while data comes in              | a spool file, cleared at the next start        | nothing: it sends again         |
 * | while parsing                    | the same, and the mail's hash in `parsing`     | nothing: it sends again         |
 * | large contents placed            | files without a row, cleared after a day       | nothing: it sends again         |
 * | in the transaction, before COMMIT| nothing of it                                  | nothing or 451: it sends again  |
 * | after COMMIT, before the answer  | mail and message                               | nothing: it sends again, and the|
 * |                                  |                                                | second one is the same mail     |
 * | after the answer                 | mail and message                               | 250                             |
 *
 * So a mail is at worst offered twice and stored once. Trouble on our side is temporary: 451, or 452 when the disk is
 * full. Nothing is accepted and then dropped: a mail that cannot be read is filed with its raw bytes. From here on an
 * envelope has one form (`envelopeAddress`), however a door wrote it.
 */
import { errorText, faultLevel, isReplydError } from '../base/errors.js';
import { type Log, shortToken } from '../base/log.js';
import { counter } from '../base/metrics.js';
import { envelopeAddress } from '../mail/address.js';
import type { Authentication } from '../mail/authentication.js';
import type { Content } from '../mail/mail.js';
import type { Notified } from '../mail/reply-text/agent-answer.js';
import { STATUS, type Status } from '../mail/status.js';
import type { Destination, FilingResult, StoredContent } from './filing.js';
import type { Arrival, Parsed, Parser, Reception, Resolution, Turn, Unverified, Verdict, Verifier } from './ports.js';
import { isForOperatorAlone, UNFILED_SIZE } from './rules/unfiled.js';
import { BEFORE_ANSWER, decideVerification, type VerifyMode } from './rules/verification.js';
import type { Store } from './store.js';

const mails = counter('replyd_mails_total', 'Mails by recipient: what each was answered.', ['door', 'verdict']);
const bytes = counter('replyd_mail_bytes_total', 'Bytes of mails that were stored.', ['door']);
const again = counter('replyd_mails_repeated_total', 'Mails that stood there already.', ['door']);
const quarantined = counter('replyd_mails_quarantined_total', 'Mails that were stored but could not be read.', [
  'door',
]);

export interface ReceptionOptions {
  readonly store: Store;
  readonly parser: Parser;
  readonly log: Log;
  readonly limits: () => { readonly loopMessages: number; readonly loopWindow: number };
  /** Our authserv-ids (`auth.authserv_id`); none: no Authentication-Results field counts. */
  readonly authservIds?: () => readonly string[];
  /** Absent: the DNS is never asked. */
  readonly verification?: {
    readonly mode: () => VerifyMode;
    readonly verifier: Verifier;
    /** There is something to ask after its commit. */
    readonly wake: () => void;
  };
  /** Removes a spool file that nobody took over; must not throw. */
  readonly discard: (raw: Content) => Promise<void>;
  readonly lowOnSpace: () => boolean;
}

export function createReception(options: ReceptionOptions): Reception {
  const { store, log } = options;
  return {
    async resolve(recipient) {
      try {
        const found = await store.resolve(envelopeAddress(recipient));
        return found.kind === 'destination'
          ? { kind: 'accepted', destination: found.destination }
          : { kind: 'rejected', status: REFUSALS[found.kind], detail: found.detail };
      } catch (error) {
        log[faultLevel(error)]('resolve_failed', { error: errorText(error) });
        return { kind: 'deferred', status: STATUS.tryLater, detail: errorText(error) } satisfies Resolution;
      }
    },

    async accept(given, { together }) {
      const arrival = { ...given, mailFrom: envelopeAddress(given.mailFrom) };
      try {
        const verdicts = await accept(options, arrival, together);
        for (const verdict of verdicts) mails.add([arrival.via, verdict.kind]);
        return verdicts;
      } catch (error) {
        mails.add([arrival.via, 'deferred'], arrival.destinations.length);
        const status = troubleStatus(error);
        log.error('deferred', {
          client: arrival.client,
          door: arrival.via,
          error: errorText(error),
          code: status.code,
        });
        return arrival.destinations.map(() => ({ kind: 'deferred', status, detail: errorText(error) }));
      } finally {
        await options.discard(arrival.raw);
      }
    },

    async refuse(given) {
      const { mailFrom, rcptTo } = given.envelope;
      const envelope = { mailFrom: envelopeAddress(mailFrom), rcptTo: rcptTo.map(envelopeAddress) };
      const refused = { ...given, envelope };
      mails.add([refused.via, 'rejected'], refused.envelope.rcptTo.length);
      try {
        const facts = await options.parser.facts(refused.raw);
        if (await isReplay(options, refused, facts.sha256)) return false;
        const raw = facts.size > UNFILED_SIZE ? null : await store.place(refused.raw, facts, { inRow: true });
        const kept = await store.refuse({ ...refused, facts, raw });
        if (kept.kind === 'other') return false;
        const id = kept.kind === 'recorded' ? kept.id : undefined;
        log.info('rejected', { id, door: refused.via, client: refused.client, reason: refused.reason });
      } catch (error) {
        log.error('refuse_failed', { door: refused.via, client: refused.client, error: errorText(error) });
      } finally {
        await options.discard(refused.raw);
      }
      return true;
    },

    lowOnSpace: options.lowOnSpace,
  };
}

/** More Received fields than these are a loop between MTAs (RFC 5321 section 6.3). */
const MAX_HOPS = 50;

const REFUSALS = {
  not_ours: STATUS.notOurs,
  unknown: STATUS.unknownRecipient,
  switched_off: STATUS.switchedOff,
} as const satisfies Record<string, Status>;

/** Our own trouble is temporary, whatever it was. */
function troubleStatus(error: unknown): Status {
  return isReplydError(error, 'unavailable') && error.details.reason === 'disk_full' ? STATUS.noSpace : STATUS.tryLater;
}

async function accept(options: ReceptionOptions, arrival: Arrival, together: boolean): Promise<readonly Verdict[]> {
  const { store, parser, log } = options;
  const about = {
    knownTexts: {
      texts: await store.quotable(conversationsOf(arrival.destinations)),
      // His mail program quotes the address that he answered to.
      replyAddresses: arrival.destinations.map(each => each.address.toLowerCase()),
    },
    mailFrom: arrival.mailFrom,
    ...(await notifiedOf(store, arrival.destinations)),
    authservIds: arrival.trusted ? (options.authservIds?.() ?? []) : [],
    ...(arrival.destinations.some(each => each.kind === 'inbox' && each.forwarders !== null) ? { forwards: true } : {}),
  };
  const parsed = await parser.parse(arrival.raw, about, turnOf(arrival));
  const attachments = parsed.kind === 'read' ? parsed.attachments : [];
  const unreadable = parsed.kind === 'read' ? null : parsed.reason;
  try {
    if (parsed.facts.hops > MAX_HOPS) {
      log.warn('rejected', { client: arrival.client, door: arrival.via, hops: parsed.facts.hops });
      return arrival.destinations.map(() => ({ kind: 'rejected', status: STATUS.tooManyHops, detail: 'hops' }));
    }
    if (await isReplay(options, arrival, parsed.facts.sha256)) {
      log.warn('rejected', { client: arrival.client, door: arrival.via, reason: STATUS.proofUsed.text });
      return arrival.destinations.map(() => verdictOf({ kind: 'proof_used' }));
    }
    const kept = isForOperatorAlone(arrival.destinations);
    if (kept && parsed.facts.size > UNFILED_SIZE) {
      log.warn('rejected', {
        client: arrival.client,
        door: arrival.via,
        recipient: 'operator',
        size: parsed.facts.size,
      });
      return arrival.destinations.map(() => ({
        kind: 'rejected',
        status: STATUS.tooLarge,
        detail: 'for the operator',
      }));
    }
    const { authentication, unverified } = await verification(options, arrival, parsed);
    const raw = await store.place(arrival.raw, parsed.facts, kept ? { inRow: true } : undefined);
    const placed: StoredContent[] = [];
    // What is kept for the operator stands in no message: its attachments are in the raw mail alone.
    for (const attachment of kept ? [] : attachments) placed.push(await store.place(attachment.content, attachment));
    const { loopMessages, loopWindow } = options.limits();
    const results = await store.file({
      envelope: { mailFrom: arrival.mailFrom, rcptTo: arrival.destinations.map(each => each.address) },
      destinations: arrival.destinations,
      via: arrival.via,
      client: arrival.client,
      trusted: arrival.trusted,
      evidence: arrival.evidence ?? [],
      limits: { loopMessages, loopWindow },
      together,
      facts: parsed.facts,
      raw,
      reading: parsed.kind === 'read' ? parsed.reading : null,
      reason: unreadable,
      attachments: placed,
      authentication,
      ...(arrival.login === undefined ? {} : { login: arrival.login }),
      ...(unverified === null ? {} : { unverified }),
      ...(arrival.proof === undefined ? {} : { proof: arrival.proof }),
    });
    // A stranger may bring as many of these as he likes; a file that no row names would stay for a day.
    // Of a forward either its own files are filed or those of the mail that it holds.
    const isWhole = parsed.kind !== 'read' || parsed.reading.forward === undefined;
    if (!isWhole || results.some(result => result.kind !== 'filed' || result.before)) {
      await store.unplace([raw, ...placed]);
    }
    if (unverified !== null) options.verification?.wake();
    logFiled(options, arrival, { size: parsed.facts.size, results, unreadable });
    return results.map(verdictOf);
  } finally {
    for (const { content } of attachments) await options.discard(content);
  }
}

function turnOf({ turn, destinations: [first], destinations }: Arrival): Turn {
  const account = first !== undefined && 'accountId' in first ? first.accountId : '';
  return { client: turn, account, last: isForOperatorAlone(destinations) };
}

/** Who is said to have sent it, asked of the DNS where the answer hangs on it; `unverified`: to be asked after the commit. */
async function verification(
  options: ReceptionOptions,
  arrival: Arrival,
  parsed: Parsed,
): Promise<{ readonly authentication: Authentication | null; readonly unverified: Pick<Unverified, 'client'> | null }> {
  const said = parsed.kind === 'read' ? parsed.authentication : null;
  const { verification: own } = options;
  if (own === undefined || parsed.kind !== 'read') return { authentication: said, unverified: null };
  const { reading } = parsed;
  const when = decideVerification({ mode: own.mode(), destinations: arrival.destinations, said, reading });
  const client = arrival.direct === true ? arrival.client : null;
  if (when !== 'before') return { authentication: said, unverified: when === 'after' ? { client } : null };
  const { raw, mailFrom } = arrival;
  const asked = await own.verifier.verify({ raw, mailFrom, client }, { within: BEFORE_ANSWER });
  return {
    authentication: said?.login === undefined ? asked : { ...asked, login: said.login },
    unverified: null,
  };
}

/** What the agents were told at whose addresses the mail came in; nothing for all other mail. */
async function notifiedOf(
  store: Store,
  destinations: readonly Destination[],
): Promise<{ readonly notified?: Notified }> {
  const agents = destinations.filter(each => each.kind === 'agent');
  if (agents.length === 0) return {};
  const notified = await store.notified(agents.map(({ conversationId, agentId }) => ({ conversationId, agentId })));
  const addresses = destinations.map(each => each.address.toLowerCase());
  return { notified: { ...notified, secrets: [...notified.secrets, ...addresses] } };
}

/** Asked before anything of it is put in place; the transaction asks again. */
async function isReplay(
  { store }: ReceptionOptions,
  { proof }: Pick<Arrival, 'proof'>,
  sha256: string,
): Promise<boolean> {
  return proof !== undefined && (await store.proofUse(proof, sha256)) === 'other';
}

function conversationsOf(destinations: readonly Destination[]): readonly string[] {
  return destinations.flatMap(each => ('conversationId' in each ? [each.conversationId] : []));
}

function verdictOf(result: FilingResult): Verdict {
  switch (result.kind) {
    case 'filed':
      return {
        kind: 'accepted',
        status: { ...STATUS.stored, text: result.mailId },
        mailId: result.mailId,
        messageId: result.messageId,
      };
    case 'changed':
      return { kind: 'deferred', status: STATUS.tryLater, detail: 'the recipient changed since RCPT' };
    case 'proof_used':
      return { kind: 'rejected', status: STATUS.proofUsed, detail: 'its proof came before, with another mail' };
    case 'blocked':
      return { kind: 'rejected', status: STATUS.blockedSender, detail: 'its writer is on the block list' };
    case 'unthreaded':
      return { kind: 'rejected', status: STATUS.unknownRecipient, detail: 'it belongs to no conversation' };
  }
}

function logFiled(
  { log }: ReceptionOptions,
  arrival: Arrival,
  filed: { size: number; results: readonly FilingResult[]; unreadable: string | null },
): void {
  const stored = filed.results.filter(result => result.kind === 'filed');
  if (stored.some(result => !result.before)) {
    bytes.add([arrival.via], filed.size);
    if (filed.unreadable !== null) quarantined.add([arrival.via]);
  } else if (stored.length > 0) again.add([arrival.via]);
  for (const [index, result] of filed.results.entries()) {
    const destination = arrival.destinations[index]!;
    const about = {
      client: arrival.client,
      door: arrival.via,
      recipient: destination.kind,
      token: destination.kind === 'operator' ? undefined : shortToken(destination.token),
      size: filed.size,
    };
    if (result.kind !== 'filed') {
      log.warn(result.kind === 'changed' ? 'deferred' : 'rejected', about);
      continue;
    }
    const event = result.before ? 'accepted' : filed.unreadable === null ? 'threaded' : 'quarantined';
    log.info(event, {
      id: result.mailId,
      message: result.messageId,
      ...about,
      before: result.before || undefined,
      reason: filed.unreadable ?? undefined,
    });
  }
}
