/**
 * `replyd mail reprocess`: a mail that could not be read is read again, or, with `--all`, all mails in conversations, with
 * what this version understands of them. The raw mails stay as they are, so it can be done as often as one likes. A dry run
 * writes nothing. Each message is a transaction of its own: it may be stopped at any time, and the daemon goes on meanwhile.
 */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { StoredContent } from '../../conversation/filing.js';
import type { MailRecord } from '../../conversation/model.js';
import { REREAD_PARTS, type RereadPart, type Understood } from '../../conversation/rules/rereading.js';
import type { Store } from '../../conversation/store.js';
import type { MailAttachment } from '../../mail/mail.js';
import type { JobResult } from '../../parsing/job.js';
import { usageError } from '../errors.js';
import { readDuration } from '../readers.js';
import { progressReporter } from '../terminal/progress.js';
import { columns, print, printJson } from '../terminal/terminal.js';
import { cut, oneLine } from '../terminal/text.js';
import { messageView, plural } from '../terminal/thread.js';
import { defineStoreVerb, option, type StoreCall } from '../verb.js';

const PAGE = 100;
const MOST_SAMPLES = 10;
const MAX_AGE = 3650 * 86_400_000;
/** In this order in a sample. */
const SAMPLED: readonly RereadPart[] = ['kind', 'writer', 'files', 'text'];

interface Wanted {
  readonly all?: true;
  readonly dryRun?: true;
  readonly since?: number;
}

interface Changed {
  readonly message: string;
  readonly mail: string;
  readonly changed: readonly RereadPart[];
  readonly before: Understood;
  readonly after: Understood;
}

export function defineReprocess(group: Command): void {
  defineStoreVerb(group.command('reprocess [id]'), {
    does: 'read mails again with what this version understands',
    examples: [
      'mail reprocess mail_04x0g2k9c7d',
      'mail reprocess --all --dry-run --since 90d',
      'mail reprocess --all --since 90d --json',
    ],
    more: 'With an id: a quarantined mail, whose message is filled. With --all: every mail in a conversation whose bytes\nare kept; messages whose text, kind, writer or files are read otherwise now are changed, with an event each\n(message.updated). Nothing that a mail did is done again. Begin with --dry-run. Mails are read in this process,\nwithout limits of time and memory: end it with Ctrl-C when it takes too long.',
    options: [
      option('--all', 'every mail in a conversation, the newest first'),
      option('--dry-run', 'with --all: only say what would change'),
      option('--since <duration>', 'with --all: only mails that came within it, such as 90d', typed =>
        readDuration('--since', typed, MAX_AGE),
      ),
    ],
    async run({ store, options }: StoreCall<Wanted>, id?: string) {
      if ((id === undefined) !== (options.all === true))
        throw usageError('give the id of a mail or --all, one of both');
      if (id === undefined) return readAll(store, options);
      if (options.dryRun === true || options.since !== undefined)
        throw usageError('--dry-run and --since go with --all');
      const messages = await reprocess(store, id);
      const { mail } = await store.mail(id);
      return { mail, messages: await Promise.all(messages.map(each => store.message(each))) };
    },
    json: result => ('mail' in result ? result.mail : result),
    view: result =>
      'mail' in result ? result.messages.map(message => messageView(message)).join('\n') : summary(result),
  });
}

interface Summary {
  readonly dry_run: boolean;
  readonly mails: number;
  /** Messages by what changes in them. */
  readonly changed: Readonly<Record<RereadPart, number>>;
  readonly messages: number;
  /** Mails that could not be read: as they were. */
  readonly unreadable: number;
  /** Mails whose bytes are no longer kept. */
  readonly not_kept: number;
}

/** Prints each change (`--json`) or a few of them, and progress on standard error. */
async function readAll(store: Store, options: Wanted & { readonly json?: boolean }): Promise<Summary> {
  const since = options.since === undefined ? Number.NEGATIVE_INFINITY : Date.now() - options.since;
  const changed = Object.fromEntries(REREAD_PARTS.map(part => [part, 0])) as Record<RereadPart, number>;
  const tell = progressReporter();
  const counts = { mails: 0, messages: 0, unreadable: 0, not_kept: 0 };
  for await (const mail of filedMails(store, since)) {
    counts.mails += 1;
    tell({ doing: 'reading mails', done: counts.mails, total: null });
    const found = await readOne(store, mail, options.dryRun !== true);
    if (found === 'unreadable' || found === 'not_kept') counts[found] += 1;
    else {
      for (const each of found) {
        counts.messages += 1;
        for (const part of each.changed) changed[part] += 1;
        if (options.json === true) printJson(each);
        else if (counts.messages <= MOST_SAMPLES) print(`${sample(each)}\n`);
      }
    }
  }
  return { dry_run: options.dryRun === true, ...counts, changed };
}

/** The newest first, down to this moment. */
async function* filedMails(store: Store, since: number): AsyncGenerator<MailRecord> {
  let before: string | undefined;
  for (;;) {
    const page = await store.mails({ state: 'filed', limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const mail of page) {
      if (Date.parse(mail.received_at) < since) return;
      yield mail;
    }
    if (page.length < PAGE) return;
    before = page.at(-1)!.id;
  }
}

async function readOne(
  store: Store,
  record: MailRecord,
  write: boolean,
): Promise<readonly Changed[] | 'unreadable' | 'not_kept'> {
  const { mail, raw } = await store.mail(record.id);
  if (raw.key === null) return 'not_kept';
  const ids = [...new Set(mail.results.flatMap(({ message_id }) => message_id ?? []))];
  const messages = await Promise.all(ids.map(id => store.message(id).catch(missing)));
  const there = messages.filter(message => message !== null);
  if (there.length === 0) return [];
  const result = await readAgain(store, mail, {
    bytes: await store.read(raw),
    conversations: there.map(each => each.conversation_id),
  });
  if (result.kind !== 'read') return 'unreadable';
  const { reading, authentication } = result;
  const { mail_from: mailFrom, rcpt_to: recipients } = mail.envelope;
  const places = await store.locate({ recipients, mailFrom, reading, authentication });
  const conversations = new Set(places.flatMap(place => place.conversation?.id ?? []));
  const found: Changed[] = [];
  for (const message of there) {
    const elsewhere = conversations.size > 0 && !conversations.has(message.conversation_id);
    const look = await store.reread(message.id, reading, { elsewhere, contents: null });
    if (look.parts.length === 0) continue;
    if (write) {
      const contents = look.parts.includes('files') ? await placed(store, result.attachments) : [];
      await store.reread(message.id, reading, { elsewhere, contents });
    }
    const { parts, before, after } = look;
    found.push({ message: message.id, mail: mail.id, changed: parts, before, after });
  }
  return found;
}

/** A message may be removed while its mail's record stays. */
function missing(error: unknown): null {
  if (error instanceof ReplydError && error.kind === 'not_found') return null;
  throw error;
}

function sample({ message, changed, before, after }: Changed): string {
  const line = (sign: string, { text, kind, writer, files }: Understood) => {
    const words: Readonly<Record<RereadPart, string | null>> = {
      kind,
      writer: writer ?? 'nobody',
      files: files.length > 0 ? files.join(', ') : 'no files',
      text: JSON.stringify(text),
      thread: null,
    };
    const shown = SAMPLED.flatMap(part => (changed.includes(part) ? (words[part] ?? []) : []));
    return cut(`  ${sign} ${oneLine(shown.join(' · '))}`, columns());
  };
  return [`${message}: ${changed.join(', ')}`, line('-', before), line('+', after)].join('\n');
}

function summary({ dry_run, mails, messages, changed, unreadable, not_kept }: Summary): string {
  const parts = REREAD_PARTS.filter(part => changed[part] > 0).map(part => `${part} of ${changed[part]}`);
  const verb = dry_run ? 'would change' : 'changed';
  return [
    `${plural(mails, 'mail')} read again, ${plural(messages, 'message')} ${verb}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`,
    ...(changed.thread > 0 ? ['where a mail would go elsewhere today, it stays in its conversation'] : []),
    ...(unreadable > 0 ? [`${plural(unreadable, 'mail')} could not be read, and stay as they were`] : []),
    ...(not_kept > 0 ? [`of ${plural(not_kept, 'mail')} the bytes are no longer kept`] : []),
  ].join('\n');
}

/** Reads the mail again, by the second reader too. Returns the ids of the messages it filled; throws unavailable when it still can't be read. */
async function reprocess(store: Store, id: string): Promise<readonly string[]> {
  const { mail, raw } = await store.mail(id);
  if (mail.state !== 'quarantined') {
    throw new ReplydError('conflict', `mail ${id} is ${mail.state}, not quarantined: there is nothing to reprocess`);
  }
  const conversations: string[] = [];
  for (const { message_id } of mail.results) {
    if (message_id !== null) conversations.push((await store.message(message_id)).conversation_id);
  }
  const result = await readAgain(store, mail, { bytes: await store.read(raw), conversations });
  if (result.kind !== 'read') throw new ReplydError('unavailable', `mail ${id} still can't be read: ${result.reason}`);
  return store.refile(id, result.reading, await placed(store, result.attachments));
}

/** One after the other: together they may be large. */
async function placed(store: Store, attachments: readonly MailAttachment[]): Promise<readonly StoredContent[]> {
  const contents: StoredContent[] = [];
  for (const attachment of attachments) contents.push(await store.place(attachment.content, attachment));
  return contents;
}

async function readAgain(
  store: Store,
  mail: MailRecord,
  { bytes, conversations }: { readonly bytes: Uint8Array; readonly conversations: readonly string[] },
): Promise<JobResult> {
  const [{ readJob }, { readJobAgain }, { factsOf }, { keepInMemory }] = await Promise.all([
    import('../../parsing/job.js'),
    import('../../parsing/second-reader.js'),
    import('../../mail/fingerprint.js'),
    import('../../mail/message.js'),
  ]);
  const about = {
    knownTexts: { texts: await store.quotable(conversations), replyAddresses: mail.envelope.rcpt_to },
    mailFrom: mail.envelope.mail_from,
    authservIds: [],
  };
  const job = { id: 0, raw: { bytes }, about };
  const given = { bytes, facts: factsOf(bytes), keeper: keepInMemory };
  const first = await readJob(job, given);
  return first.kind === 'unreadable' ? readJobAgain(job, given) : first;
}
