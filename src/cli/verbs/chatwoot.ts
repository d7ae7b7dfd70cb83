/**
 * Reads an export of Chatwoot's conversations: CSV, whose first line names the columns, or JSON lines. Columns: `uuid`,
 * `account`, `contact_name`, `contact_email`, `channel`, `subject`, and optionally `status`, `contact_id`. Other columns
 * are ignored. A row that is wrong yields the reason in its place; the rows after it are read.
 */

import { ReplydError } from '../../base/errors.js';
import type { Channel } from '../../conversation/model.js';
import type { ImportedConversation } from '../../conversation/store.js';
import { CHANNELS, MAX_SOURCE_ID } from '../../conversation/vocabulary.js';
import { normalizeAddress } from '../../mail/address.js';
import { readCsv } from '../terminal/csv.js';

/** In front of the contact's id there. */
const ID_PREFIX = 'chatwoot:';

export interface Row {
  readonly line: number;
  readonly conversation: ImportedConversation | { readonly refused: string };
}

type Column = 'uuid' | 'account' | 'contactName' | 'contactEmail' | 'contactId' | 'channel' | 'subject' | 'status';

/** Names in lower case with `_` between words, as exports write them. */
const COLUMNS: Readonly<Record<Column, readonly string[]>> = {
  uuid: ['uuid', 'conversation_uuid', 'conversation_id', 'token'],
  account: ['account', 'account_slug', 'account_id', 'account_name'],
  contactName: ['contact_name', 'contact.name', 'name'],
  contactEmail: ['contact_email', 'contact.email', 'email'],
  contactId: ['contact_id', 'contact.id'],
  channel: ['channel', 'channel_type', 'inbox_channel'],
  subject: ['subject', 'mail_subject', 'additional_attributes.mail_subject'],
  status: ['status', 'conversation_status'],
};

/** Classes of Chatwoot's inboxes, without `Channel::`. */
const CHATWOOT_CHANNELS: Readonly<Record<string, Channel>> = {
  webwidget: 'web_widget',
  facebookpage: 'facebook',
  instagram: 'facebook',
  twitterprofile: 'twitter',
  sms: 'twilio_sms',
  whatsapp: 'whatsapp',
  twiliosms: 'twilio_sms',
  telegram: 'telegram',
  line: 'line',
  api: 'api',
  email: 'email',
};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `account`: the slug for all rows, in place of theirs. Throws invalid when the file is no such export at all. */
export async function* readExport(chunks: AsyncIterable<string>, account: string | null): AsyncGenerator<Row> {
  const { first, all } = await peek(chunks);
  if (first === '{') yield* readJsonLines(all, account);
  else yield* readTable(all, account);
}

async function* readTable(chunks: AsyncIterable<string>, account: string | null): AsyncGenerator<Row> {
  let names: readonly string[] | null = null;
  for await (const { line, fields } of readCsv(chunks)) {
    if (names === null) {
      names = readHeader(fields, account);
    } else {
      const header = names;
      yield { line, conversation: conversationOf(name => fields[header.indexOf(name)] ?? '', account) };
    }
  }
}

function readHeader(fields: readonly string[], account: string | null): readonly string[] {
  const names = fields.map(field =>
    field
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, '_'),
  );
  const has = (column: Column) => COLUMNS[column].some(name => names.includes(name));
  if (has('uuid') && (has('account') || account !== null)) return names;
  const missing = has('uuid') ? 'account (or give --account)' : 'uuid';
  throw new ReplydError('invalid', `the first line must name the columns; there is none called ${missing}`);
}

async function* readJsonLines(chunks: AsyncIterable<string>, account: string | null): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of linesOf(chunks)) {
    line++;
    if (text.trim() === '') continue;
    yield { line, conversation: fromJson(text, account) };
  }
}

function fromJson(text: string, account: string | null): Row['conversation'] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { refused: 'no JSON' };
  }
  if (typeof value !== 'object' || value === null) return { refused: 'no object' };
  const cell = (name: string) => {
    const found = name.split('.').reduce<unknown>((at, part) => {
      return typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
    }, value);
    return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
  };
  return conversationOf(cell, account);
}

/** `cell` gives what stands under a name in the row, '' for nothing. */
function conversationOf(cell: (name: string) => string, account: string | null): Row['conversation'] {
  const get = (column: Column) => (COLUMNS[column].map(cell).find(found => found !== '') ?? '').trim();
  const uuid = get('uuid');
  if (!UUID.test(uuid)) return { refused: `${JSON.stringify(uuid.slice(0, 40))} is no UUID` };
  const slug = account ?? get('account');
  if (slug === '') return { refused: 'no account' };
  const channel = channelOf(get('channel'));
  if (channel === null) return { refused: `unknown channel ${JSON.stringify(get('channel').slice(0, 40))}` };
  const written = get('contactEmail');
  const email = written === '' ? null : normalizeAddress(written);
  if (written !== '' && email === null) return { refused: 'the e-mail address of the contact is none' };
  const id = get('contactId');
  if (ID_PREFIX.length + id.length > MAX_SOURCE_ID) return { refused: 'the id of the contact is too long' };
  return {
    token: uuid.toLowerCase(),
    account: slug,
    channel,
    subject: get('subject').replaceAll(/\s+/g, ' ').slice(0, 1000) || null,
    status: ['resolved', '1'].includes(get('status').toLowerCase()) ? 'resolved' : 'open',
    contact: {
      email,
      name: get('contactName').replaceAll(/\s+/g, ' ').slice(0, 500),
      ...(id === '' ? {} : { source_id: `${ID_PREFIX}${id}` }),
    },
    metadata: { chatwoot_uuid: uuid.toLowerCase() },
  };
}

function channelOf(written: string): Channel | null {
  const word = written.toLowerCase();
  if (word === '') return 'api';
  const ours = CHANNELS.find(channel => channel === word);
  return ours ?? CHATWOOT_CHANNELS[word.replace(/^channel::/, '').replaceAll(/[^a-z]/g, '')] ?? null;
}

/** The first character that is no space, and everything, it included. */
async function peek(chunks: AsyncIterable<string>): Promise<{ first: string; all: AsyncIterable<string> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const read: string[] = [];
  let first = '';
  while (first === '') {
    const next = await iterator.next();
    if (next.done) break;
    read.push(next.value);
    first = next.value
      .replace(/^\ufeff/, '')
      .trimStart()
      .slice(0, 1);
  }
  async function* all(): AsyncGenerator<string> {
    yield* read;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  return { first, all: all() };
}

async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  yield rest;
}
