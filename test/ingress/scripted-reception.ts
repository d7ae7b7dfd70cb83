/**
 * A reception for door tests that does what the address says, without a store: addresses at in.example name the case.
 *
 * At RCPT: `reply+…` and postmaster are accepted, `off`, `busy`, `throws`, `hangs` do that, any other is unknown; other
 * domains are not ours. After the data: `reply+changed`, `+hops`, `+full`, `+throws`, `+hangs`, `+few` (a verdict is
 * missing) do that, any other is stored; `+used` has a proof that was another mail's, also where it is refused. It adopts spool files as the pipeline does: reads and removes them.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import type { Destination } from '#replyd/conversation/filing.js';
import type { Arrival, Reception, Resolution, Verdict } from '#replyd/conversation/ports.js';
import { STATUS } from '#replyd/mail/status.js';

export interface StoredMail extends Omit<Arrival, 'raw'> {
  readonly bytes: Buffer;
  readonly spooled: boolean;
}

export interface ScriptedReception extends Reception {
  /** What was stored, in order. */
  readonly mails: StoredMail[];
  /** Every address RCPT asked for. */
  readonly asked: string[];
  /** What was recorded as refused, in order. */
  readonly refusals: { readonly rcptTo: readonly string[]; readonly bytes: Buffer; readonly reason: string }[];
  lowSpace: boolean;
  /** Called at the start of each accept. */
  onAccept: () => void | Promise<void>;
}

export function scriptedReception(): ScriptedReception {
  const mails: StoredMail[] = [];
  const asked: string[] = [];
  const refusals: ScriptedReception['refusals'] = [];
  const reception: ScriptedReception = {
    mails,
    asked,
    refusals,
    lowSpace: false,
    onAccept() {},
    resolve(recipient) {
      asked.push(recipient);
      return resolve(recipient);
    },
    async accept(arrival, { together }) {
      await reception.onAccept();
      const bytes = takeBytes(arrival.raw);
      const words = arrival.destinations.map(destination => destination.address.split('@')[0]!.split('+')[1] ?? '');
      if (words.includes('throws')) throw new Error('scripted to throw');
      if (words.includes('hangs')) return new Promise(() => {});
      const verdicts = words.map(word => verdictFor(word, `ml_${mails.length + 1}`));
      const bad = verdicts.find(verdict => verdict.kind !== 'accepted');
      if (!together || bad === undefined) {
        mails.push({ ...arrival, bytes, spooled: 'file' in arrival.raw });
      }
      if (words.includes('few')) verdicts.pop();
      return together && bad !== undefined ? verdicts.map(() => bad) : verdicts;
    },
    async refuse({ envelope, raw, reason }) {
      const bytes = takeBytes(raw);
      refusals.push({ rcptTo: envelope.rcptTo, bytes, reason });
      return !envelope.rcptTo.some(address => address.startsWith('used'));
    },
    lowOnSpace: () => reception.lowSpace,
  };
  return reception;
}

function takeBytes(raw: Arrival['raw']): Buffer {
  if ('bytes' in raw) return Buffer.from(raw.bytes);
  const bytes = readFileSync(raw.file);
  unlinkSync(raw.file);
  return bytes;
}

async function resolve(recipient: string): Promise<Resolution> {
  const [local = '', domain = ''] = recipient.split('@');
  if (recipient.toLowerCase() === 'postmaster') return accepted(operator(recipient));
  if (domain.toLowerCase() !== 'in.example') return { kind: 'rejected', status: STATUS.notOurs, detail: 'foreign' };
  if (local === 'off') return { kind: 'rejected', status: STATUS.switchedOff, detail: 'inbound_emails is off' };
  if (local === 'busy') return { kind: 'deferred', status: STATUS.tryLater, detail: 'the store is busy' };
  if (local === 'throws') throw new Error('scripted to throw');
  if (local === 'hangs') return new Promise(() => {});
  if (local === 'postmaster') return accepted(operator(recipient));
  if (!/^"?reply\+/i.test(local)) return { kind: 'rejected', status: STATUS.unknownRecipient, detail: 'no such token' };
  return accepted({
    kind: 'reply',
    address: recipient.toLowerCase(),
    token: local.slice(6),
    holdsStrangers: false,
    accountId: 'ac_1',
    conversationId: 'cv_1',
    participantId: 'pt_1',
  });
}

function operator(address: string): Destination {
  return { kind: 'operator', address, localPart: 'postmaster' };
}

function accepted(destination: Destination): Resolution {
  return { kind: 'accepted', destination };
}

function verdictFor(word: string, mailId: string): Verdict {
  if (word === 'changed') return { kind: 'deferred', status: STATUS.tryLater, detail: 'changed since RCPT' };
  if (word === 'hops') return { kind: 'rejected', status: STATUS.tooManyHops, detail: '51 Received fields' };
  if (word === 'used') return { kind: 'rejected', status: STATUS.proofUsed, detail: 'another mail' };
  if (word === 'full') return { kind: 'deferred', status: STATUS.noSpace, detail: 'disk full' };
  return { kind: 'accepted', status: STATUS.stored, mailId, messageId: `msg_${mailId}` };
}
