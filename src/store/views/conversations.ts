/** Conversations, those who take part in them and their contacts, as they are shown. */
import type { CcPerson } from '../../conversation/cc-model.js';
import type { Contact, Conversation, Participant } from '../../conversation/model.js';
import { groupedBy } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { CcRow, ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';
import { slugsOf } from './accounts.js';
import { replyAddress } from './addresses.js';

export async function contactView(tx: StoreTx, row: ContactRow): Promise<Contact> {
  return (await contactViews(tx, [row]))[0]!;
}

/** One statement: the names of their accounts. */
export async function contactViews(tx: StoreTx, rows: readonly ContactRow[]): Promise<readonly Contact[]> {
  const slugs = await slugsOf(
    tx,
    rows.map(row => row.account_key),
  );
  return rows.map(row => ({
    id: encodeId('contact', row.key),
    account: slugs(row.account_key),
    email: row.email,
    name: row.name,
    source_id: row.source_id,
    suspended: suspension(row),
    created_at: toIso(row.created_at),
  }));
}

function suspension(row: Pick<ContactRow, 'suspended_at' | 'suspended_reason'>): Contact['suspended'] {
  return row.suspended_at === null ? null : { since: toIso(row.suspended_at), reason: row.suspended_reason ?? '' };
}

/** A conversation beside the row that a view shows of it: its contact, its account, the domain of its reply addresses. */
type ConversationFacts = Omit<ConversationRow, 'account_key' | 'next_seq' | 'seen_at' | 'settled_seq'> &
  Pick<ContactRow, 'email' | 'name' | 'suspended_at' | 'suspended_reason'> & {
    readonly slug: string;
    readonly domain: string | null;
    readonly agent_name: string;
    readonly agent_email: string;
  };

const CONVERSATIONS = `select c.key, c.number, c.contact_key, c.channel, c.source_id, c.subject, c.status, c.metadata, c.created_at,
    c.last_activity_at, k.email, k.name, k.suspended_at, k.suspended_reason, a.slug,
    (select d.name from domain d where d.account_key = a.key order by d.position limit 1) as domain,
    g.key as assignee_key, g.name as agent_name, g.email as agent_email
  from conversation c join contact k on k.key = c.contact_key join account a on a.key = c.account_key
    left join agent_account m on m.account_key = c.account_key and m.agent_key = c.assignee_key and m.leaving_at is null
    left join agent g on g.key = m.agent_key
  where c.key = any($1)`;

type ParticipantFacts = Pick<ParticipantRow, 'key' | 'conversation_key' | 'name' | 'email' | 'role'> & {
  /** The token that lives; null: the last one is revoked. */
  readonly written: string | null;
  /** Of somebody in Cc; null: he is a participant. */
  readonly state: CcRow['state'] | null;
};

const PARTICIPANTS = `select p.key, p.conversation_key, p.name, p.email, p.role,
    (select t.written from token t where t.participant_key = p.key and t.revoked_at is null
     order by t.created_at desc limit 1) as written, null as state
  from participant p where p.conversation_key = any($1)
  union all select key, conversation_key, name, email, 'participant', null, state
  from cc where conversation_key = any($1) and state <> 'removed' order by conversation_key, key`;

export async function conversationView(tx: StoreTx, key: number): Promise<Conversation> {
  return (await conversationViews(tx, [key])).get(key)!;
}

/**
 * Two statements, by key those that are there; messages are added by those who show one conversation.
 */
export async function conversationViews(
  tx: StoreTx,
  keys: readonly number[],
): Promise<ReadonlyMap<number, Conversation>> {
  if (keys.length === 0) return new Map();
  const rows = await tx.all<ConversationFacts>(CONVERSATIONS, keys);
  const participantsOf = groupedBy(
    await tx.all<ParticipantFacts>(PARTICIPANTS, keys),
    participant => participant.conversation_key,
  );
  return new Map(rows.map(row => [row.key, conversationShape(tx, row, participantsOf(row.key))]));
}

function conversationShape(tx: StoreTx, row: ConversationFacts, people: readonly ParticipantFacts[]): Conversation {
  const participants = people.filter(isParticipant).map(person => participantShape(tx, person, row.domain));
  const contact = participants.findLast(participant => participant.role === 'contact');
  return {
    id: encodeId('conversation', row.key),
    number: row.number,
    account: row.slug,
    channel: row.channel,
    source_id: row.source_id,
    subject: row.subject,
    status: row.status,
    contact: {
      id: encodeId('contact', row.contact_key),
      email: row.email,
      name: row.name,
      suspended: suspension(row),
    },
    assignee:
      row.assignee_key === null
        ? null
        : { id: encodeId('agent', row.assignee_key), name: row.agent_name, email: row.agent_email },
    participants,
    cc: people.filter(person => !isParticipant(person)).map(ccShape),
    reply_to: contact?.reply_to ?? null,
    unread: null,
    metadata: fromJson(row.metadata),
    created_at: toIso(row.created_at),
    last_activity_at: toIso(row.last_activity_at),
  };
}

/** The participant who is the contact with his present address. */
export async function latestContactParticipant(
  tx: StoreTx,
  row: Pick<ConversationRow, 'key'>,
): Promise<ParticipantRow | undefined> {
  return tx.get<ParticipantRow>(
    "select * from participant where conversation_key = $1 and role = 'contact' order by key desc limit 1",
    row.key,
  );
}

function isParticipant({ state }: ParticipantFacts): boolean {
  return state === null;
}

function ccShape(row: ParticipantFacts): CcPerson {
  return { id: encodeId('cc', row.key), name: row.name, email: row.email!, state: row.state as CcPerson['state'] };
}

function participantShape(tx: StoreTx, row: ParticipantFacts, domain: string | null): Participant {
  const address = domain === null || row.written === null ? null : replyAddress(tx, row.written, domain);
  return {
    id: encodeId('participant', row.key),
    name: row.name,
    email: row.email,
    role: row.role,
    reply_to: address,
    revoked: domain !== null && address === null,
  };
}
