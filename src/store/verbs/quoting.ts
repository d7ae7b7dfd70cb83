/**
 * Which earlier messages a mail carries, for each of its readers: `rules/continuity.ts` decides, the rows are read here. The
 * contact's are found in the order of the conversation; for others the latest messages are looked at one by one.
 */
import { CONTEXT_TEXT, type ComposeMessage } from '../../conversation/composing.js';
import {
  type Earlier,
  mayBeQuoted,
  QUOTED_KINDS,
  quotesAll,
  type ReaderKind,
} from '../../conversation/rules/continuity.js';
import { sameAddress } from '../../mail/address.js';
import type { DeliveryRow, MessageRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';
import { formatOf } from '../views/messages.js';

/** Of a conversation so many of its latest messages are looked at for a reader who is not the contact. */
const LOOKED_AT = 200;
/** Characters of an address list; whoever stands in a longer one is taken for one of a crowd. */
const LONGEST_LIST = 20_000;

/** Nothing that a robot wrote, nothing that is held, dropped or part of a loop. */
const SAID = `m.conversation_key = $1 and m.seq < $2 and m.direction in ('incoming', 'outgoing') and m.held = 0
  and m.looping = 0 and m.kind in (${QUOTED_KINDS.map(kind => `'${kind}'`).join(', ')})`;
/** Nor what says nothing, nor an answer whose mails were all cancelled before they went. */
const QUOTABLE = `${SAID} and m.text <> '' and not (m.direction = 'outgoing'
    and exists (select 1 from delivery_message dm where dm.message_key = m.key)
    and not exists (select 1 from delivery_message dm join delivery d on d.key = dm.delivery_key
      where dm.message_key = m.key and d.state <> 'cancelled'))`;

const SHOWN = `m.key, m.direction, substr(m.text, 1, ${CONTEXT_TEXT}) as text, m.format, m.date, m.received_at, m.author_name, m.author_role`;

type ShownRow = Pick<
  MessageRow,
  'key' | 'direction' | 'text' | 'format' | 'date' | 'received_at' | 'author_name' | 'author_role'
>;

/** Earlier than the message with this `seq`; at most so many. */
interface Before {
  readonly conversation: number;
  readonly seq: number;
  readonly as: 'context' | 'history';
  readonly most: number;
}

/** One who gets a copy. Null: no participant. */
export interface Reader {
  readonly participant: number | null;
  readonly email: string;
  readonly kind: ReaderKind;
}

/** What each of these readers is quoted, oldest first: by its index in `lists`, where the same stands once. */
export interface Quoted {
  readonly lists: readonly (readonly ComposeMessage[])[];
  readonly of: readonly number[];
}

export async function quotedTo(tx: StoreTx, readers: readonly Reader[], before: Before): Promise<Quoted> {
  if (before.most === 0) return { lists: [[]], of: readers.map(() => 0) };
  const isWhole = (reader: Reader) => quotesAll(reader.kind, before.as);
  const others = readers.filter(reader => !isWhole(reader));
  const whole = readers.some(isWhole) ? await latestOf(tx, before) : [];
  const own = others.length === 0 ? [] : await latestOfEach(tx, others, before);
  const places = new Map<string, number>();
  const lists: (readonly ComposeMessage[])[] = [];
  const of = readers.map(reader => {
    const rows = isWhole(reader) ? whole : own[others.indexOf(reader)]!;
    const name = rows.map(row => row.key).join(' ');
    if (!places.has(name)) places.set(name, lists.push(rows.map(shapeOf)) - 1);
    return places.get(name)!;
  });
  return { lists, of };
}

/** A customer's text may have megabytes: only what can be shown is read. */
async function latestOf(tx: StoreTx, { conversation, seq, as, most }: Before): Promise<readonly ShownRow[]> {
  const rows = await tx.all<ShownRow>(
    `select ${SHOWN} from message m where ${as === 'context' ? SAID : QUOTABLE} order by m.seq desc limit $3`,
    conversation,
    seq,
    most,
  );
  return rows.reverse();
}

type Candidate = Pick<
  MessageRow,
  'key' | 'direction' | 'participant_key' | 'mail_key' | 'sender' | 'recipients_to' | 'recipients_cc'
>;

async function latestOfEach(
  tx: StoreTx,
  readers: readonly Reader[],
  { conversation, seq, most }: Before,
): Promise<readonly (readonly ShownRow[])[]> {
  const list = (column: string) =>
    `case when length(m.${column}) <= ${LONGEST_LIST} then m.${column} else '[]' end as ${column}`;
  const candidates = await tx.all<Candidate>(
    `select m.key, m.direction, m.participant_key, m.mail_key, m.sender, ${list('recipients_to')}, ${list('recipients_cc')}
     from message m where ${QUOTABLE} order by m.seq desc limit ${LOOKED_AT}`,
    conversation,
    seq,
  );
  const outgoing = candidates.filter(each => each.direction === 'outgoing').map(each => each.key);
  const sent =
    outgoing.length === 0
      ? []
      : await tx.all<Pick<DeliveryRow, 'participant_key' | 'recipient'> & { readonly message_key: number }>(
          `select dm.message_key, d.participant_key, d.recipient from delivery_message dm
             join delivery d on d.key = dm.delivery_key
           where dm.message_key = any($1) and d.kind = 'mail' and d.state = 'sent'`,
          outgoing,
        );
  const chosen = readers.map(reader => {
    const his = new Set(
      sent
        .filter(row => row.participant_key === reader.participant && row.recipient === reader.email)
        .map(keyOfMessage),
    );
    return candidates
      .filter(row => reader.participant !== null && mayBeQuoted(earlierOf(row, reader, his)))
      .slice(0, most)
      .map(row => row.key)
      .reverse();
  });
  const keys = [...new Set(chosen.flat())];
  const rows =
    keys.length === 0 ? [] : await tx.all<ShownRow>(`select ${SHOWN} from message m where m.key = any($1)`, keys);
  const byKey = new Map(rows.map(row => [row.key, row]));
  return chosen.map(own => own.map(key => byKey.get(key)!));
}

function keyOfMessage(row: { readonly message_key: number }): number {
  return row.message_key;
}

function earlierOf(row: Candidate, reader: Reader, sentToHim: ReadonlySet<number>): Earlier {
  const named = row.direction === 'incoming' ? [...fromJson(row.recipients_to), ...fromJson(row.recipients_cc)] : [];
  return {
    direction: row.direction,
    sentToHim: sentToHim.has(row.key),
    namesHim: named.some(box => sameAddress(box.email, reader.email)),
    // What he said in a channel came from no address.
    isHis: row.participant_key === reader.participant && row.mail_key !== null,
    isDoubted: row.sender !== null && fromJson(row.sender).dmarc === 'fail',
  };
}

function shapeOf(row: ShownRow): ComposeMessage {
  return {
    text: row.text,
    format: formatOf(row),
    date: toIso(row.date),
    received_at: toIso(row.received_at),
    author: { name: row.author_name, role: row.author_role },
  };
}
