/**
 * What a machine reports about our own mails: bounces (RFC 3464), receipts (RFC 8098), complaints (RFC 5965) and,
 * through `bounce-in-words.ts`, bounces that were written for people alone.
 *
 * Structure says what a mail is: a holiday reply to a bounce address is none of these. There is one entry for each
 * recipient, at most 100. A broken value is left out of its entry. A report without any readable recipient is still a
 * report, with no entries. Nothing throws.
 */
import { normalizeAddress } from '../address.js';
import type { HeaderField, Mail, ReportEntry } from '../mail.js';
import { parseMailboxes } from '../mailboxes.js';
import { parseMessageIds } from '../message-id.js';
import { firstValue, parseHeaderBlock } from '../mime/headers.js';
import { type Came, readTextBounce } from './bounce-in-words.js';
import { noticeOf, textOfReturnedMail } from './notice.js';
import { bestStatus, type MachineReport, oneLine } from './report-status.js';
import { isDaemon, isFailureNotice } from './senders.js';

const MAX_ENTRIES = 100;
const HOTMAIL_FIELD = 'x-hmxmroriginalrecipient';

/** The report that this mail is, or null. */
export function readReport(mail: Mail, came: Came): MachineReport | null {
  const fromMachine =
    came.nullSender ||
    isDaemon(mail) ||
    outlookClass(mail, OUTLOOK_FAILURE) !== null ||
    isFailureNotice(mail) ||
    mail.contentType.type === 'multipart/report';
  const body = (subtype: RegExp) => mail.reports.find(report => subtype.test(report.contentType))?.body;
  const feedback = body(/feedback-report$/);
  // Microsoft's feedback is no ARF: an attached mail with this field (it stands in for Feedback-Type too).
  const hotmail = mail.returnedHeaders?.some(field => field.name === HOTMAIL_FIELD) === true;
  if (feedback !== undefined || hotmail) return complaint(mail, feedback ?? 'Feedback-Type: abuse');
  const disposition = body(/disposition-notification$/);
  if (disposition !== undefined) return receipt(disposition);
  const outlook = outlookClass(mail, OUTLOOK_RECEIPT);
  if (outlook !== null) return outlookReceipt(mail, outlook);
  const status = body(/delivery-status$/);
  // A person may pass a report on to us as a part of his mail.
  if (status !== undefined && (fromMachine || came.toBounceAddress)) return deliveryStatus(mail, status, came);
  const failed = parseMailboxes(mail.headers.filter(field => field.name === 'x-failed-recipients').map(f => f.value));
  const known = failed.map(box => box.email).slice(0, MAX_ENTRIES);
  return known.length > 0 || fromMachine || came.toBounceAddress ? readTextBounce(mail, known, came) : null;
}

/**
 * Message-IDs of the mail of ours that a report is about: from its machine-readable part, the returned header, or the
 * text of the returned mail. Without duplicates, most reliable first.
 */
export function reportedMessageIds(mail: Mail): string[] {
  const values = mail.reports.flatMap(report =>
    groupsOf(report.body).map(fields => firstValue(fields, 'original-message-id')),
  );
  values.push(firstValue(mail.returnedHeaders ?? [], 'message-id'));
  const returned = parseHeaderBlock(Buffer.from(textOfReturnedMail(noticeOf(mail))));
  values.push(firstValue(returned.fields, 'message-id'));
  return parseMessageIds(values);
}

function deliveryStatus(mail: Mail, body: string, came: Came): MachineReport {
  const report: ReportEntry[] = [];
  for (const fields of groupsOf(body)) {
    const entry = recipientEntry(fields);
    if (entry !== null && report.length < MAX_ENTRIES) report.push(entry);
  }
  // Its words may say more; else the delivery that the address names has failed.
  if (report.length === 0 && came.toBounceAddress) {
    report.push(
      ...(readTextBounce(mail, [], came)?.report ?? [
        { recipient: '', action: 'failed', status: null, diagnostic: null } as const,
      ]),
    );
  }
  const succeeded = report.length > 0 && report.every(entry => !['failed', 'delayed'].includes(entry.action));
  const evidence = [`report: delivery status, ${report.map(entry => entry.action).join(', ') || 'no recipient'}`];
  return { kind: succeeded ? 'receipt' : 'bounce', evidence, report };
}

const ACTIONS = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const;

function recipientEntry(fields: readonly HeaderField[]): ReportEntry | null {
  // The recipient as we wrote it comes first: a forwarding address behind it means nothing to us.
  const recipient =
    typedAddress(firstValue(fields, 'original-recipient')) ?? typedAddress(firstValue(fields, 'final-recipient'));
  const word = firstValue(fields, 'action').toLowerCase();
  if (recipient === null && word === '') return null;
  const diagnostic = oneLine(firstValue(fields, 'diagnostic-code').replace(/^\s*[a-z0-9-]{1,30}\s*;/i, ''));
  const status = bestStatus(firstValue(fields, 'status'), diagnostic ?? '');
  const action = ACTIONS.find(name => word.startsWith(name)) ?? actionOfStatus(status);
  return { recipient: recipient ?? '', action, status, diagnostic };
}

function actionOfStatus(status: string | null): ReportEntry['action'] {
  if (status?.startsWith('4') === true) return 'delayed';
  return status?.startsWith('2') === true ? 'delivered' : 'failed';
}

function receipt(body: string): MachineReport {
  const fields = groupsOf(body).flat();
  const disposition = firstValue(fields, 'disposition');
  const recipient =
    typedAddress(firstValue(fields, 'original-recipient')) ?? typedAddress(firstValue(fields, 'final-recipient')) ?? '';
  // RFC 8098 3.2.6.2: only `displayed` says that somebody may have seen it.
  const action = /;\s*displayed/i.test(disposition) ? 'displayed' : 'delivered';
  const evidence = [`report: disposition notification, ${oneLine(disposition) ?? 'no disposition'}`];
  return { kind: 'receipt', evidence, report: [{ recipient, action, status: null, diagnostic: oneLine(disposition) }] };
}

/** Classes of Outlook's messages (MS-OXOMSG section 2.2.3): read, deleted unread, delivered; in winmail.dat alone. */
const OUTLOOK_RECEIPT = /^IPM\.Microsoft Mail\.(?:Read Receipt|Non-Read|Delivery)|^REPORT\..*\.(?:IPNRN|IPNNRN|DR)$/i;
const OUTLOOK_FAILURE = /^IPM\.Microsoft Mail\.Non-Delivery|^REPORT\..*\.NDR$/i;

function outlookClass(mail: Mail, classes: RegExp): string | null {
  for (const each of mail.opened)
    if (each.kind === 'winmail' && classes.test(each.messageClass)) return each.messageClass;
  return null;
}

function outlookReceipt(mail: Mail, messageClass: string): MachineReport {
  const action = /Read Receipt|IPNRN$/i.test(messageClass) ? 'displayed' : 'delivered';
  const evidence = [`report: Outlook's receipt, ${oneLine(messageClass) ?? ''}`];
  const report = [
    { recipient: mail.from?.email ?? '', action, status: null, diagnostic: oneLine(messageClass) } as const,
  ];
  return { kind: 'receipt', evidence, report };
}

function complaint(mail: Mail, body: string): MachineReport {
  const fields = groupsOf(body).flat();
  const type = firstValue(fields, 'feedback-type').toLowerCase();
  const evidence = [`report: feedback, ${oneLine(type) ?? 'no type'}`];
  // Reports of failed authentication, or that a mail is no spam, are no complaint of the recipient's.
  if (/^(?:auth-failure|not-spam)/.test(type)) return { kind: 'complaint', evidence, report: [] };
  const named = [...fields, ...(mail.returnedHeaders ?? [])]
    .filter(field => ['original-rcpt-to', 'removal-recipient', HOTMAIL_FIELD].includes(field.name))
    .map(field => typedAddress(field.value))
    .filter(address => address !== null);
  const returned = mail.returnedHeaders ?? [];
  const written = parseMailboxes(returned.filter(field => field.name === 'to').map(field => field.value));
  const recipients = new Set(named.length > 0 ? named : written.map(box => box.email));
  const report = [...recipients].slice(0, MAX_ENTRIES).map(recipient => {
    return { recipient, action: 'complaint', status: null, diagnostic: oneLine(type) } as const;
  });
  return { kind: 'complaint', evidence, report };
}

/** The groups of fields of a report's body, parted by blank lines (RFC 3464 section 2.1). At most as many as entries. */
function groupsOf(body: string): HeaderField[][] {
  return body
    .split(/\n[ \t]*\n/)
    .slice(0, 2 * MAX_ENTRIES)
    .map(group => [...parseHeaderBlock(Buffer.from(group.replace(/^\n+/, ''))).fields])
    .filter(fields => fields.length > 0);
}

/** `rfc822; ann@example.com`, with or without type, brackets and xtext (RFC 3461 section 4) in it. */
function typedAddress(value: string): string | null {
  const address = value.replace(/^\s*[a-z0-9-]{1,30}\s*;/i, '').trim();
  const plain = address.replaceAll(/\+([0-9A-F]{2})/g, (whole, hex: string) => {
    const code = Number.parseInt(hex, 16);
    // Only what xtext must encode: `+` itself, `=` and what is not printable. `ann+20@…` is an address.
    return code === 0x2b || code === 0x3d ? String.fromCharCode(code) : whole;
  });
  return normalizeAddress(plain) ?? parseMailboxes([plain])[0]?.email ?? null;
}
