/**
 * A reading on its way between threads: what filing needs of it, as a flat list of texts. It is written where the mail
 * was read and opened only where it is filed.
 *
 * An object would be taken apart and put together again at each border, one text for all of it be escaped, measured and
 * parsed; a text that stands by itself is copied as it is, and one with foreign letters does not make the others twice
 * as long. Only short lists, most of them empty, go as JSON. Both together took a tenth of all that is done for a mail.
 * The contents of attachments are bytes and go beside it.
 */
import type { Mail, MailAttachment, Reading, ReplyText } from '../mail/mail.js';
import { SPAM_FIELD } from './rules/blocked.js';
import { ADDRESS_FIELDS } from './rules/filing.js';
import { LOOP_FIELD } from './rules/loop.js';

/**
 * What filing knows of a mail. A Reading is one too. Of the header there are only the fields that it asks for, those of
 * `ASKED`; whoever wants the rest, or the bodies whole, has the raw mail.
 */
export interface FiledReading extends Pick<Reading, 'kind' | 'evidence' | 'report' | 'reportedIds' | 'html'> {
  readonly text: Omit<ReplyText, 'evidence'>;
  readonly mail: Pick<
    Mail,
    'from' | 'to' | 'cc' | 'subject' | 'date' | 'messageId' | 'inReplyTo' | 'references' | 'headers' | 'returnedHeaders'
  > & { readonly attachments: readonly Omit<MailAttachment, 'content'>[] };
}

const ASKED: ReadonlySet<string> = new Set([LOOP_FIELD, SPAM_FIELD, ...ADDRESS_FIELDS]);

/** In this order, from `packReading` to `unpackReading`. `List`: JSON of one. */
export type PackedReading = readonly [
  kind: Reading['kind'],
  text: string,
  quotedText: string,
  signature: string,
  html: string | null,
  fromEmail: string | null,
  fromName: string,
  to: List,
  cc: List,
  subject: string,
  date: string | null,
  messageId: string | null,
  inReplyTo: List,
  references: List,
  headers: List,
  returnedHeaders: List,
  attachments: List,
  evidence: List,
  report: List,
  reportedIds: List,
];

export function packReading(reading: FiledReading): PackedReading {
  const { mail, text } = reading;
  return [
    reading.kind,
    text.text,
    text.quotedText,
    text.signature,
    reading.html,
    mail.from === null ? null : mail.from.email,
    mail.from === null ? '' : mail.from.name,
    packList(mail.to),
    packList(mail.cc),
    mail.subject,
    mail.date,
    mail.messageId,
    packList(mail.inReplyTo),
    packList(mail.references),
    packList(asked(mail.headers)),
    packList(asked(mail.returnedHeaders ?? [])),
    packList(mail.attachments.map(attachment => ({ ...attachment, content: undefined }))),
    packList(reading.evidence),
    packList(reading.report),
    packList(reading.reportedIds),
  ];
}

export function unpackReading(packed: PackedReading): FiledReading {
  const [kind, text, quotedText, signature, html, fromEmail, fromName, to, cc, subject, date, messageId, ...lists] =
    packed;
  const [inReplyTo, references, headers, returnedHeaders, attachments, evidence, report, reportedIds] = lists;
  return {
    kind,
    evidence: openList(evidence),
    report: openList(report),
    reportedIds: openList(reportedIds),
    html,
    text: { text, quotedText, signature },
    mail: {
      from: fromEmail === null ? null : { email: fromEmail, name: fromName },
      to: openList(to),
      cc: openList(cc),
      subject,
      date,
      messageId,
      inReplyTo: openList(inReplyTo),
      references: openList(references),
      headers: openList(headers),
      returnedHeaders: openList(returnedHeaders),
      attachments: openList(attachments),
    },
  };
}

function asked(headers: Mail['headers']): Mail['headers'] {
  return headers.filter(field => ASKED.has(field.name));
}

type List = string & { readonly packed: 'list' };

const EMPTY = '[]' as List;

function packList(list: readonly unknown[]): List {
  return list.length === 0 ? EMPTY : (JSON.stringify(list) as List);
}

function openList<Item>(packed: List): readonly Item[] {
  return packed === EMPTY ? [] : (JSON.parse(packed) as Item[]);
}
