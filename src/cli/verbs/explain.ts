/**
 * `replyd mail explain`: what replyd understands of a mail and why. The mail comes from a file or from the store. It
 * needs no daemon and stores nothing.
 *
 * The mail is read twice: first to find its conversation, then with the texts that replyd sent there, as the daemon does.
 * Without a store that can be opened it says so, and explains what the file alone shows.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { errorText, isReplydError, ReplydError, reasonText } from '../../base/errors.js';
import type { Location } from '../../conversation/filing.js';
import type { Message } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import type { Envelope, Mailbox, Reading } from '../../mail/mail.js';
import { loadSettings, storeIsMissing, withStore } from '../context.js';
import { openInput } from '../named-files.js';
import { personText, sizeText, timeText } from '../terminal/render.js';
import { facts } from '../terminal/table.js';
import { styled, columns as terminalColumns, warn } from '../terminal/terminal.js';
import { printable, wrap } from '../terminal/text.js';
import { defineResultVerb } from '../verb.js';

interface Given {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of a mail on record; a file's is guessed from its header. */
  readonly envelope: Envelope | null;
  /** The messages that a mail on record became. */
  readonly filed: readonly Message[];
}

type Explained = Awaited<ReturnType<typeof explain>>;

export function defineExplain(group: Command): void {
  defineResultVerb(group.command('explain <file-or-id>'), {
    does: 'explain what replyd understands of a mail, and why',
    examples: ['mail explain mail.eml', 'mail explain mail_04x0g2k9c7d --json', 'mail explain - < mail.eml'],
    more: [
      'Its kind and by which signs, who is taken for its writer and why, which rule cut the text where, and what',
      'threads it. Needs no daemon and stores nothing. Of a file the envelope is guessed from the delivery fields of',
      'its header. Of a mail on record the verdicts on its sender (SPF, DKIM, DMARC) are those that stand in its message,',
      "also where replyd asked the DNS itself; of a file those of `auth.authserv_id`'s fields.",
    ].join('\n'),
    run: async ({ command }, what) =>
      /^mail_[0-9a-z]+$/.test(what) ? explainMail(what, command) : explainFile(what, command),
    json: jsonOf,
    view: viewOf,
  });
}

function explainMail(id: string, command: Command): Promise<Explained> {
  return withStore(command, async ({ store, loaded }) => {
    const { mail, raw } = await store.mail(id);
    const envelope = { mailFrom: mail.envelope.mail_from, rcptTo: mail.envelope.rcpt_to };
    const ids = [...new Set(mail.results.flatMap(({ message_id }) => message_id ?? []))];
    const found = await Promise.all(ids.map(each => store.message(each).catch(whenRemoved)));
    const given = {
      name: id,
      bytes: await store.read(raw),
      envelope,
      filed: found.filter(message => message !== null),
    };
    return explain(given, store, loaded.config.auth.authservId);
  });
}

/** A message may be removed while its mail's record stays. */
function whenRemoved(error: unknown): null {
  if (isReplydError(error, 'not_found')) return null;
  throw error;
}

async function explainFile(name: string, command: Command): Promise<Explained> {
  const loaded = await loadSettings(command);
  const bytes = await readBytes(name, loaded.config.dataDir);
  const given = { name: name === '-' ? 'standard input' : name, bytes, envelope: null, filed: [] };
  const ids = loaded.config.auth.authservId;
  let opened = false;
  try {
    if (await storeIsMissing(loaded)) return await explain(given, null, ids);
    const work = ({ store }: { store: Store }) => {
      opened = true;
      return explain(given, store, ids);
    };
    return await withStore(command, work, { loaded });
  } catch (error) {
    if (opened || !(isReplydError(error, 'unavailable') || isReplydError(error, 'unauthorized'))) throw error;
    warn(`explained without the store: ${errorText(error)}`);
    return explain(given, null, ids);
  }
}

async function readBytes(name: string, dataDir: string): Promise<Uint8Array> {
  try {
    if (name === '-') return readFileSync(0);
    const file = await openInput(name, dataDir);
    return await file.readFile().finally(() => file.close());
  } catch (error) {
    throw new ReplydError('unavailable', `cannot read ${name}: ${reasonText(error)}`, { cause: error });
  }
}

async function explain(given: Given, store: Store | null, authservIds: readonly string[]) {
  const [{ keepInMemory, parseMail }, { readMail }, { factsOf }, { authenticationOf }, { envelopeInHeader }, job] =
    await Promise.all([
      import('../../mail/message.js'),
      import('../../mail/reading.js'),
      import('../../mail/fingerprint.js'),
      import('../../mail/authentication.js'),
      import('../../ingress/recipients.js'),
      import('../../parsing/job.js'),
    ]);
  const envelope = given.envelope ?? (await envelopeInHeader({ bytes: given.bytes }));
  const mail = await parseMail(given.bytes, keepInMemory);
  const { mailFrom } = envelope;
  const nothingKnown = { texts: [], replyAddresses: [] };
  const first = await job.withForward(readMail(mail, nothingKnown, { mailFrom }), keepInMemory);
  const authentication = authenticationOf(mail.headers, authservIds);
  const about = { facts: factsOf(given.bytes), authentication };
  if (store === null) return { ...about, given, envelope, reading: first, locations: null };
  const locations = await store.locate({ recipients: envelope.rcptTo, mailFrom, reading: first, authentication });
  const conversations = locations.flatMap(each => (each.conversation === null ? [] : [each.conversation.id]));
  const knownTexts = { texts: await store.quotable(conversations), replyAddresses: envelope.rcptTo };
  const { forward } = first;
  const reading = { ...readMail(mail, knownTexts, { mailFrom }), ...(forward === undefined ? {} : { forward }) };
  return { ...about, given, envelope, reading, locations };
}

function jsonOf({ given, facts: raw, envelope, reading, locations, authentication }: Explained) {
  const { mail, text } = reading;
  return {
    mail: given.name,
    size: raw.size,
    sha256: raw.sha256,
    hops: raw.hops,
    envelope: { mail_from: envelope.mailFrom, rcpt_to: envelope.rcptTo, guessed: given.envelope === null },
    kind: reading.kind,
    evidence: reading.evidence,
    from: mail.from,
    sender: mail.sender,
    reply_to: mail.replyTo,
    to: mail.to,
    cc: mail.cc,
    subject: mail.subject,
    date: mail.date,
    message_id: mail.messageId,
    in_reply_to: mail.inReplyTo,
    references: mail.references,
    authentication,
    forward: forwardOf(reading),
    filed: given.filed.map(({ id, author, sender }) => ({ message_id: id, author, sender })),
    text: text.text,
    quoted_text: text.quotedText,
    signature: text.signature,
    text_evidence: text.evidence,
    html: reading.html,
    attachments: mail.attachments.map(file => ({
      filename: file.filename,
      content_type: file.contentType,
      size: file.size,
      sha256: file.sha256,
      inline: file.inline,
      content_id: file.contentId,
    })),
    report: reading.report,
    reported_message_ids: reading.reportedIds,
    threading: locations,
  };
}

function viewOf(explained: Explained, columns = terminalColumns()): string {
  const { given, facts: raw, envelope, reading, authentication } = explained;
  const { mail, text } = reading;
  const people = (boxes: readonly Mailbox[]) => boxes.map(personText).join(', ');
  const guess = given.envelope === null ? ' (guessed from the header)' : '';
  const parts = [
    facts(
      [
        ['mail', given.name],
        ['size', sizeText(raw.size)],
        ['kind', reading.kind],
        ...reading.evidence.map((line, at) => [at === 0 ? 'because' : '', line] as const),
        ['from', mail.from === null ? 'nobody: there is no From field' : personText(mail.from)],
        ['to', people(mail.to)],
        ['cc', people(mail.cc)],
        ['subject', mail.subject],
        ['date', mail.date === null ? null : timeText(mail.date)],
        ['message-id', mail.messageId ?? 'none: one is made from its content'],
        ['checked sender', given.filed.length === 0 ? verdictsText(authentication) : null],
        ['forwards', forwardText(reading)],
        ['envelope from', `${envelope.mailFrom || '<>'}${guess}`],
        ...threadingLines(explained),
        ...given.filed.flatMap(filedLines),
        ...reading.report.map(entry => ['reports', reportText(entry)] as const),
        ...reading.reportedIds.map(id => ['about', `<${id}>`] as const),
        ...mail.attachments.map(
          file =>
            [
              'attached',
              `${file.filename}, ${file.contentType}, ${sizeText(file.size)}${file.inline ? ', inline' : ''}`,
            ] as const,
        ),
        ...text.evidence.map((line, at) => [at === 0 ? 'text cut by' : '', line] as const),
      ],
      columns,
    ),
  ];
  const sections = [
    ['text', text.text],
    ['quoted', text.quotedText],
    ['signature', text.signature],
  ] as const;
  for (const [title, content] of sections) {
    if (content === '' && title !== 'text') continue;
    parts.push('', styled(title, 'bold'), body(content, columns));
  }
  return parts.join('\n');
}

const MAX_LINES = 60;

function body(content: string, columns: number): string {
  if (content === '') return '  (nothing)';
  const lines = wrap(printable(content), columns - 2);
  const shown = lines.slice(0, MAX_LINES).map(line => `  ${line}`.trimEnd());
  return [...shown, ...(lines.length > MAX_LINES ? [`  … ${lines.length - MAX_LINES} lines more`] : [])].join('\n');
}

function threadingLines({ given, envelope, locations, reading }: Explained): (readonly [string, string])[] {
  if (locations === null) {
    const ids = [...new Set([...reading.mail.inReplyTo, ...reading.mail.references])].slice(-3).map(id => `<${id}>`);
    return [
      ...envelope.rcptTo.slice(0, 5).map(address => ['addressed to', address] as const),
      ...(ids.length > 0 ? [['names', ids.join(' ')] as const] : []),
      ['goes to', 'unknown: there is no store to look in'],
    ];
  }
  // A file names everybody it was for; whose addresses are not ours says nothing.
  const ours = given.envelope === null ? locations.filter(each => each.goes !== 'not_ours') : locations;
  if (ours.length === 0) return [['goes to', 'nowhere: no address in it is ours']];
  return ours.flatMap(location => [
    ['addressed to', location.recipient] as const,
    ['goes to', DESTINATIONS[location.goes](location)] as const,
    ...(location.writer === null || given.filed.length > 0
      ? []
      : [
          ['written by', personText(location.writer)] as const,
          ...location.writer.evidence.map(line => ['', line] as const),
        ]),
    ...(location.goes === 'conversation' && !location.writer_known
      ? [['', 'its writer is no participant there'] as const]
      : []),
  ]);
}

/** Who was taken for its writer when it was filed, why, and what was said of the sender then or later. */
function filedLines({ id, author, sender }: Message): (readonly [string, string | null])[] {
  const { name, email } = author;
  return [
    ['filed as', id],
    ['written by', email === null ? name || 'nobody' : personText({ name, email })],
    ...(sender?.evidence ?? []).map(line => ['', line] as const),
    ['checked sender', sender === null ? null : verdictsText(sender)],
  ];
}

type Verdicts = Readonly<Record<'spf' | 'dkim' | 'dmarc', string | null>>;

function verdictsText(verdicts: Verdicts): string {
  return (['spf', 'dkim', 'dmarc'] as const)
    .filter(method => verdicts[method] !== null)
    .map(method => `${method}=${verdicts[method]}`)
    .join(' ');
}

function forwardOf({ forward }: Reading) {
  if (forward === undefined) return null;
  if (forward.kind === 'doubt') return { writer: null, attached: null, words: null, doubt: forward.reason };
  const { original, attached, words } = forward;
  return { writer: original.mail.from, attached, words: words.text, doubt: null };
}

function forwardText({ forward }: Reading): string | null {
  if (forward === undefined) return null;
  if (forward.kind === 'doubt') return `nothing that counts: ${forward.reason}`;
  const { original, attached } = forward;
  return `a mail of ${personText(original.mail.from!)}${attached === null ? '' : ', attached'}`;
}

const DESTINATIONS: Readonly<Record<Location['goes'], (location: Location) => string>> = {
  conversation: ({ account, conversation: to, by }) => `${account}#${to!.number} (${to!.id}), by its ${by}`,
  new: ({ account }) => `a new conversation of ${account}: it names none`,
  kept: () => 'the operator: kept, in no conversation',
  unthreaded: ({ account }) => `nowhere: it names no conversation, and ${account} opens none for mail`,
  blocked: ({ account, by }) => `nowhere: ${by} is on the block list of ${account}; it is refused (550)`,
  switched_off: () => 'nowhere: inbound mail of this account is off',
  unknown: () => 'nowhere: no address of ours, or its token is unknown or revoked',
  not_ours: () => 'nowhere: the domain is not ours',
};

function reportText({ recipient, action, status, diagnostic }: Reading['report'][number]): string {
  const about = [action, recipient === '' ? 'somebody' : `for ${recipient}`, status].filter(Boolean).join(' ');
  return diagnostic === null ? about : `${about}: ${diagnostic}`;
}
