/**
 * People in Cc: who gets the answers of a conversation beside its contact, who is suggested to the team, whom it removed.
 * `rules/carry.ts` decides. They become participants when the first answer goes to them.
 */
import { ReplydError } from '../../base/errors.js';
import { blockingEntry } from '../../conversation/rules/blocked.js';
import {
  type BringingMail,
  broughtAs,
  type CcChange,
  changesOf,
  namedIn,
  refusalToCarry,
  USUAL_POLICY,
} from '../../conversation/rules/carry.js';
import { isForwarder } from '../../conversation/rules/forward.js';
import { foldAddress, reasonNotMailable, sameAddress, takesNoAnswer } from '../../mail/address.js';
import type { Mailbox } from '../../mail/mail.js';
import { byKey } from '../by-key.js';
import { decodeId } from '../ids.js';
import type { AccountRow, DeliveryRow, ParticipantRow } from '../rows.js';
import { fromJson, type StoreTx, type Verb } from '../tx.js';
import { conversationView, latestContactParticipant } from '../views/conversations.js';
import { checkedAddress, mailableAddress } from './accounts.js';
import { CC_CHANGED, insertCc, type Place, rowsOf } from './cc-rows.js';
import { conversationRow } from './conversation-row.js';
import { emitDeliveryChange } from './deliveries.js';
import { emitEvents } from './events.js';
import { oursAmong } from './ours.js';
import { UNFINISHED } from './unfinished.js';

type CcAccount = Pick<AccountRow, 'key' | 'support_email' | 'settings'>;

type Known = Pick<ParticipantRow, 'key' | 'email'>;

export interface Bringer extends Omit<BringingMail, 'policy' | 'writer' | 'cameToOther'> {
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  /** Who wrote it; null: no participant. */
  readonly participant: Known | null;
  /** Whose reply address it came to; null: nobody's. */
  readonly owner: Known | null;
  /** Addresses of ours that it came to, as its envelope has them. */
  readonly addressed: readonly string[];
}

/** What a mail changes. Reading only. No statement where it names nobody beside us, as most do, or can bring in nobody. */
export async function broughtBy(
  tx: StoreTx,
  { account, conversation }: { readonly account: CcAccount; readonly conversation: Place },
  mail: Bringer,
): Promise<readonly CcChange[]> {
  const policy = fromJson(account.settings).cc_policy ?? USUAL_POLICY;
  const { participant } = mail;
  if (participant === null || broughtAs({ ...mail, policy, writer: 'contact', cameToOther: false }) === null) return [];
  const nobody = new Set([account.support_email, participant.email ?? '', ...mail.addressed].map(foldAddress));
  const named = namedIn(mail).filter(({ email }) => isReachable(email) && !nobody.has(foldAddress(email)));
  const people = named.length === 0 ? [] : await strangersAmong(tx, { account, conversation }, named);
  if (people.length === 0) return [];
  const known = new Map((await rowsOf(tx, conversation)).map(row => [row.email_key, row.state]));
  const contactKey = (await latestContactParticipant(tx, conversation))?.key;
  const standingOf = ({ key, email }: Known): BringingMail['writer'] => {
    // Only under the address that he has now: an old one may be another's.
    if (key === contactKey) return 'contact';
    return email !== null && known.get(foldAddress(email)) === 'carried' ? 'carried' : 'other';
  };
  const cameToOther = mail.owner !== null && standingOf(mail.owner) === 'other';
  const as = broughtAs({ ...mail, policy, writer: standingOf(participant), cameToOther });
  return as === null ? [] : changesOf(people, as, known);
}

function isReachable(email: string): boolean {
  return reasonNotMailable(email) === null && !takesNoAnswer(email);
}

/**
 * Without our own addresses, those of the team and of the operator, the contact himself, whom the account blocks, and whose
 * address is dead.
 */
async function strangersAmong(
  tx: StoreTx,
  { account, conversation }: { readonly account: CcAccount; readonly conversation: Place },
  people: readonly Mailbox[],
): Promise<readonly Mailbox[]> {
  const { blocked = [], forwarders = [] } = fromJson(account.settings);
  const ours = await oursAmong(
    tx,
    account,
    people.map(box => box.email),
  );
  const left = people.filter(
    ({ email }) =>
      !ours.has(email) &&
      !sameAddress(email, tx.rules.operator ?? '') &&
      !isForwarder(email, forwarders) &&
      blockingEntry(blocked, [email]) === null,
  );
  if (left.length === 0) return [];
  const rows = await tx.all<{ email_key: string }>(
    `select g.email_key from agent_account m join agent g on g.key = m.agent_key
       where m.account_key = $1 and m.leaving_at is null and g.email_key = any($2)
     union all select email_key from contact
       where account_key = $1 and email_key = any($2) and suspended_at is not null
     union all select email_key from participant
       where conversation_key = $3 and email_key = any($2) and role = 'contact'`,
    account.key,
    left.map(box => foldAddress(box.email)),
    conversation.key,
  );
  const others = new Set(rows.map(row => row.email_key));
  return left.filter(box => !others.has(foldAddress(box.email)));
}

/** `messageKey`: whose mail brought them in. */
export async function writeCc(
  tx: StoreTx,
  conversation: Place,
  { changes, messageKey }: { readonly changes: readonly CcChange[]; readonly messageKey: number },
): Promise<void> {
  for (const { person, state, isKnown } of changes) {
    if (isKnown) {
      await tx.run(
        'update cc set state = $1, message_key = $2 where conversation_key = $3 and email_key = $4',
        state,
        messageKey,
        conversation.key,
        foldAddress(person.email),
      );
    } else await insertCc(tx, conversation, { ...person, state, message_key: messageKey });
  }
}

export const addCc: Verb<'addCc'> = async (tx, ref, { email: written, name = '' }) => {
  const row = await conversationRow(tx, ref);
  const account = (await byKey(tx, 'account', row.account_key))!;
  const email = mailableAddress(written);
  const [stranger] = isReachable(email)
    ? await strangersAmong(tx, { account: withoutBlocks(account), conversation: row }, [{ name, email }])
    : [];
  if (stranger === undefined) {
    throw new ReplydError(
      'invalid_address',
      `${email} gets no answers: it is the contact's, the team's or replyd's own, takes none, or is dead`,
    );
  }
  const rows = await rowsOf(tx, row);
  const known = rows.find(each => each.email_key === foldAddress(email));
  if (known?.state !== 'carried') {
    const reason = refusalToCarry(rows.filter(each => each.state === 'carried').length);
    if (reason !== null) throw new ReplydError('too_many_cc', `${email} cannot be added: ${reason}`);
    if (known === undefined) await insertCc(tx, row, { name, email, state: 'carried', message_key: null });
    else {
      await tx.run(
        "update cc set state = 'carried', message_key = null, name = $1 where key = $2",
        name === '' ? known.name : name,
        known.key,
      );
    }
    await emitEvents(tx, row, [CC_CHANGED]);
  }
  return conversationView(tx, row.key);
};

/** The team may write to whom it takes no mail from. */
function withoutBlocks({ settings, ...account }: CcAccount): CcAccount {
  const { blocked: _, ...others } = fromJson(settings);
  return { ...account, settings: JSON.stringify(others) };
}

export const removeCc: Verb<'removeCc'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  const key = who.includes('@') ? null : decodeId('cc', who);
  const address = who.includes('@') ? foldAddress(checkedAddress(who)) : null;
  const found = (await rowsOf(tx, row)).find(each => each.key === key || each.email_key === address);
  if (found === undefined || found.state === 'removed') {
    throw new ReplydError(
      'cc_not_found',
      `there is no ${JSON.stringify(who.slice(0, 320))} in Cc of this conversation`,
    );
  }
  await tx.run("update cc set state = 'removed' where key = $1", found.key);
  await cancelWaiting(tx, row, found.email_key);
  await emitEvents(tx, row, [CC_CHANGED]);
  return conversationView(tx, row.key);
};

/** What has not gone to him yet does not go; only what the smarthost is being given just now does. */
async function cancelWaiting(tx: StoreTx, conversation: Place, address: string): Promise<void> {
  const rows = await tx.all<DeliveryRow>(
    `select * from delivery where conversation_key = $1 and kind = 'mail' and recipient_role = 'cc' and ${UNFINISHED}
       and state <> 'leased' and participant_key in (
         select key from participant where conversation_key = $1 and email_key = $2)`,
    conversation.key,
    address,
  );
  for (const row of rows) {
    await tx.update('delivery', row.key, {
      state: 'cancelled',
      reason: null,
      next_attempt_at: null,
      settled_at: tx.now(),
    });
    await emitDeliveryChange(tx, row);
  }
}
