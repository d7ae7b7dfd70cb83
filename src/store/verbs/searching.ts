/**
 * The search as the store sees it: what messages are found by, which ones the index has to look at, and what is shown of
 * those that it found. The index itself is the engine's (`search-index.ts`): it gives keys, and nothing of it is believed:
 * account, and phrases, are looked at in the rows.
 *
 * A message is found by its text, its subject and the conversation's, the names and addresses of author and contact, the
 * conversation's number, and the names of its attachments. Quoted text, signatures and HTML are not in.
 */

import { ReplydError } from '../../base/errors.js';
import type { SearchHit } from '../../conversation/search/hit.js';
import type { SearchPlan } from '../../conversation/search/query.js';
import { snippetOf } from '../../conversation/search/snippet.js';
import { type Searched, searchWords, spelled, TEXT_LOOKED_AT } from '../../conversation/search/words.js';
import { encodeId } from '../ids.js';
import type { MessageRow } from '../rows.js';
import type { SearchDoc } from '../search-index.js';
import type { StoreTx } from '../tx.js';
import { accountBySlug } from './accounts.js';

/** Who may search in all accounts searches in so many at once. */
const MAX_ACCOUNTS = 50;

// ---------------------------------------------------------------- what the index has to look at

/** Messages that came with the events after this one; `last`: the last event, null where there is none. */
export async function newMessages(
  tx: StoreTx,
  after: number,
  limit: number,
): Promise<{ readonly keys: readonly number[]; readonly last: number | null; readonly count: number }> {
  const events = await tx.all<{ key: number; type: string; message_key: number | null }>(
    'select key, type, message_key from event where key > $1 order by key limit $2',
    after,
    limit,
  );
  return {
    keys: events.flatMap(({ type, message_key }) => (type === 'message.updated' ? [] : (message_key ?? []))),
    last: events.at(-1)?.key ?? null,
    count: events.length,
  };
}

/** Some that came after this one have been cleared away. */
export async function eventsAreGone(tx: StoreTx, after: number): Promise<boolean> {
  return (await tx.get('select 1 from account where events_gone_to > $1 limit 1', after)) !== undefined;
}

export async function messagesBefore(tx: StoreTx, before: number, limit: number): Promise<readonly number[]> {
  const rows = await tx.all<{ key: number }>(
    'select key from message where key < $1 order by key desc limit $2',
    before,
    limit,
  );
  return rows.map(row => row.key);
}

export async function countMessages(tx: StoreTx): Promise<number> {
  return (await tx.value<number>('select count(*) from message'))!;
}

// ---------------------------------------------------------------- what they are found by

interface DocRow extends Pick<MessageRow, 'key' | 'text' | 'subject' | 'author_name' | 'author_email'> {
  readonly account_key: number;
  readonly number: number;
  readonly conversation_subject: string | null;
  readonly contact_name: string;
  readonly contact_email: string | null;
}

const FOUND_BY = `m.key, substr(m.text, 1, ${TEXT_LOOKED_AT}) as text, m.subject, m.author_name, m.author_email, c.account_key, c.number,
    c.subject as conversation_subject, k.name as contact_name, k.email as contact_email`;
const JOINED = `message m join conversation c on c.key = m.conversation_key join contact k on k.key = c.contact_key`;

/** Those that are there. */
export async function searchDocs(tx: StoreTx, keys: readonly number[]): Promise<readonly SearchDoc[]> {
  const rows = await tx.all<DocRow>(`select ${FOUND_BY} from ${JOINED} where m.key = any($1)`, keys);
  const names = await filenames(tx, keys);
  return rows.map(row => ({
    key: row.key,
    accountKey: row.account_key,
    words: searchWords(searchedOf(row, names.get(row.key) ?? [])),
  }));
}

async function filenames(tx: StoreTx, keys: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
  const rows = await tx.all<{ message_key: number; filename: string }>(
    'select message_key, filename from attachment where message_key = any($1) and inline = 0 order by message_key, position',
    keys,
  );
  const names = new Map<number, string[]>();
  for (const { message_key, filename } of rows) {
    const known = names.get(message_key);
    if (known === undefined) names.set(message_key, [filename]);
    else known.push(filename);
  }
  return names;
}

function searchedOf(row: DocRow, names: readonly string[]): Searched {
  return {
    text: row.text,
    subjects: [row.subject, row.conversation_subject],
    author: { name: row.author_name, email: row.author_email },
    contact: { name: row.contact_name, email: row.contact_email },
    number: row.number,
    filenames: names,
  };
}

// ---------------------------------------------------------------- what is shown

/** Keys of the accounts that are searched in. Throws account_not_found, account_required. */
export async function searchedAccounts(tx: StoreTx, slug: string | undefined): Promise<readonly number[]> {
  if (slug !== undefined) return [(await accountBySlug(tx, slug)).key];
  const rows = await tx.all<{ key: number }>(`select key from account order by key limit ${MAX_ACCOUNTS + 1}`);
  if (rows.length > MAX_ACCOUNTS)
    throw new ReplydError('account_required', `Say which \`account\`: there are more than ${MAX_ACCOUNTS}.`);
  return rows.map(row => row.key);
}

interface HitRow
  extends DocRow,
    Pick<MessageRow, 'seq' | 'direction' | 'kind' | 'author_role' | 'held' | 'received_at'> {
  readonly conversation_key: number;
  readonly status: SearchHit['conversation']['status'];
  readonly contact_key: number;
  readonly slug: string;
}

/** Of the messages with these keys those that are these accounts' and hold the plan's phrases, in the order of the keys. */
export async function searchHits(
  tx: StoreTx,
  plan: Pick<SearchPlan, 'phrases' | 'marks'>,
  { keys, accounts }: { readonly keys: readonly number[]; readonly accounts: readonly number[] },
): Promise<readonly { readonly key: number; readonly hit: SearchHit }[]> {
  if (keys.length === 0) return [];
  const rows = await tx.all<HitRow>(
    `select ${FOUND_BY}, m.conversation_key, m.seq, m.direction, m.kind, m.author_role, m.held, m.received_at, c.status,
       c.contact_key, a.slug
     from ${JOINED} join account a on a.key = c.account_key
     where m.key = any($1) and c.account_key = any($2) and c.removing_at is null`,
    keys,
    accounts,
  );
  const names = plan.phrases.length === 0 ? new Map() : await filenames(tx, keys);
  const found = new Map(
    rows.filter(row => holds(searchedOf(row, names.get(row.key) ?? []), plan.phrases)).map(row => [row.key, row]),
  );
  return keys.flatMap(key => {
    const row = found.get(key);
    return row === undefined ? [] : [{ key, hit: hitOf(row, plan) }];
  });
}

/** Each phrase stands in one of the fields. */
function holds(message: Searched, phrases: readonly string[]): boolean {
  if (phrases.length === 0) return true;
  const people = [message.author, message.contact].map(({ name, email }) => `${name} ${email ?? ''}`);
  const fields = [message.text, ...message.subjects, ...people, ...message.filenames].map(each => spelled(each ?? ''));
  return phrases.every(phrase => fields.some(field => field.includes(phrase)));
}

function hitOf(row: HitRow, { marks }: Pick<SearchPlan, 'marks'>): SearchHit {
  return {
    conversation: {
      id: encodeId('conversation', row.conversation_key),
      number: row.number,
      account: row.slug,
      subject: row.conversation_subject,
      status: row.status,
      contact: { id: encodeId('contact', row.contact_key), name: row.contact_name, email: row.contact_email },
    },
    message: {
      id: encodeId('message', row.key),
      seq: row.seq,
      direction: row.direction,
      kind: row.kind,
      author: { name: row.author_name, email: row.author_email, role: row.author_role },
      held: row.held === 1,
      received_at: new Date(row.received_at).toISOString(),
    },
    snippet: snippetOf(row.text, marks),
  };
}
