/** Accounts, contacts, mails and deliveries as labelled facts for people, and the small texts that views share. */
import { printDuration } from '../../config/values.js';
import type { Account, Contact, Delivery, MailRecord, MailResult, QueuedDelivery } from '../../conversation/model.js';
import { facts } from './table.js';
import { oneLine } from './text.js';

export function accountView(account: Account): string {
  const { settings } = account;
  const on = Object.entries(account.features)
    .filter(([, enabled]) => enabled)
    .map(([feature]) => feature);
  return facts([
    ['account', account.slug],
    ['name', account.name],
    ['support address', account.support_email],
    ['domains', account.domains.join(' ') || 'none: answers come to the support address'],
    ['forward mail to', account.inbox],
    ['features on', on.join(' ') || 'none'],
    ['delay', settings.delay === undefined ? null : printDuration(settings.delay)],
    ['context', settings.context ?? null],
    ['history', settings.history ?? null],
    ['people in Cc', settings.cc_policy ?? null],
    ['channels off', settings.channels_off?.join(' ') ?? null],
    ['blocked', settings.blocked?.join(' ') ?? null],
    ['forwarders', settings.forwarders?.join(' ') ?? null],
    ['subject template', settings.subject_template ?? null],
    ['intro', settings.intro ?? null],
    ['footer', settings.footer ?? null],
    ['locale', settings.locale ?? null],
    ['since', timeText(account.created_at)],
    ['id', account.id],
  ]);
}

export function contactView(contact: Contact): string {
  const { suspended } = contact;
  return facts([
    ['contact', contact.id],
    ['account', contact.account],
    ['name', contact.name],
    ['address', contact.email ?? 'none yet'],
    ['source id', contact.source_id],
    ['mailing', suspended ? `suspended since ${timeText(suspended.since)}: ${suspended.reason}` : 'allowed'],
    ['go on mailing', suspended ? `replyd contact clear ${contact.id}` : null],
    ['since', timeText(contact.created_at)],
  ]);
}

export function mailView(mail: MailRecord): string {
  return facts([
    ['mail', mail.id],
    ['state', mail.state],
    ['reason', mail.reason],
    ['from (envelope)', mail.envelope.mail_from || '<>'],
    ...mail.envelope.rcpt_to.map(recipient => ['to (envelope)', recipient] as const),
    ['size', sizeText(mail.size)],
    ['door', mail.client === null ? mail.door : `${mail.door}, from ${mail.client}`],
    ['received', timeText(mail.received_at)],
    ...mail.results.map(result => ['result', resultText(result)] as const),
  ]);
}

export function deliveryView(delivery: QueuedDelivery): string {
  return facts([
    ['delivery', delivery.id],
    ['kind', delivery.kind],
    ['recipient', delivery.recipient],
    ['state', deliveryState(delivery)],
    ['report', delivery.report],
    ['attempts', delivery.attempts === 0 ? null : delivery.attempts],
    ['next attempt', delivery.next_attempt_at ? timeText(delivery.next_attempt_at) : null],
    ['answer', delivery.smtp_response],
    ['last error', delivery.last_error === delivery.smtp_response ? null : delivery.last_error],
    ['account', delivery.account],
    ['conversation', delivery.conversation_id],
    ['messages', delivery.message_ids.join(' ')],
    ['since', timeText(delivery.created_at)],
    ['settled', delivery.settled_at ? timeText(delivery.settled_at) : null],
  ]);
}

function resultText({ recipient, verdict, message_id }: MailResult): string {
  return `${verdict} for ${recipient}${message_id === null ? '' : `: ${message_id}`}`;
}

/** What the receiver, the smarthost or a bounce said last about a delivery; null: nothing. */
export function answerOf({
  state,
  report,
  smtp_response: response,
  last_error: error,
}: Pick<Delivery, 'state' | 'report' | 'smtp_response' | 'last_error'>): string | null {
  // An error of an earlier try says nothing about a mail that was taken, unless a report came after it.
  if (state === 'sent' && report !== 'bounced' && report !== 'delayed') return response;
  return error ?? response;
}

/** `waiting (delay)` */
export function deliveryState(delivery: Pick<Delivery, 'state' | 'reason'>): string {
  return delivery.reason === null ? delivery.state : `${delivery.state} (${delivery.reason})`;
}

/** `Maria <maria@example.org>`, one of both, or `somebody`. */
export function personText(person: { readonly name: string; readonly email: string | null }): string {
  const name = oneLine(person.name);
  if (person.email === null) return name || 'somebody';
  const email = oneLine(person.email);
  return name === '' || name === email ? email : `${name} <${email}>`;
}

/** `2026-11-22 09:05:17+01:00` in the machine's time zone, which is `Z` where it is UTC. All times for people look so. */
export function timeText(iso: string | number): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return oneLine(String(iso));
  const east = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + east * 60_000).toISOString().slice(0, 19).replace('T', ' ');
  const two = (number: number) => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(Math.abs(east) / 60), Math.abs(east) % 60].map(two);
  return `${local}${east === 0 ? 'Z' : `${east > 0 ? '+' : '-'}${hours}:${minutes}`}`;
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
