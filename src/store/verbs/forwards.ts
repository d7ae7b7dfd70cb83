/**
 * The operator's copies of mail for postmaster and abuse: a delivery that belongs to no conversation, queued in the
 * transaction that keeps the mail, composed and sent like all others. `rules/relay.ts` says when none is sent.
 */

import type { FiledReading, Filing } from '../../conversation/filing.js';
import { keptFor, reasonNotToRelay } from '../../conversation/rules/relay.js';
import type { Forward, Store } from '../../conversation/store.js';
import { splitAddress } from '../../mail/address.js';
import { blobKey, blobRef } from '../blobs/blobs.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { MailRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { atMost } from '../sqlite/database.js';
import { SMARTHOST } from './outbox.js';

const HOUR = 3_600_000;

/** Queues the copy of a kept mail. Returns why none is sent, null when one is or nobody wants one. */
export function forwardToOperator(session: Session, mailKey: number, reading: FiledReading | null): string | null {
  const { db } = session;
  const operator = session.rules.operator ?? null;
  if (operator === null) return null;
  const now = session.clock();
  const sentInLastHour = db.value<number>(
    'select count(*) from delivery where forwarded_mail_key is not null and created_at > ?',
    now - HOUR,
  )!;
  const reason = reasonNotToRelay({ reading, operator, sentInLastHour });
  if (reason !== null) return reason;
  db.run(
    `insert into delivery (key, kind, destination, order_key, recipient, state, next_attempt_at, due_at, created_at,
       forwarded_mail_key)
     values (max(?1, (select coalesce(max(key), 0) + 1 from delivery)), 'mail', ?2, ?3, ?4, 'waiting', ?5, ?5, ?5, ?6)`,
    newKey(session),
    SMARTHOST,
    `operator:${mailKey}`,
    operator,
    now,
    mailKey,
  );
  return null;
}

/** The same bytes to the same addresses, kept before. */
export function keptBefore(session: Session, filing: Pick<Filing, 'raw' | 'envelope'>): number | undefined {
  return session.db.value<number>(
    `select m.key from blob b join mail m on m.blob_key = b.key
     where b.sha256 = ? and b.shared = 1 and m.state = 'kept' and m.rcpt_to = ? limit 1`,
    Buffer.from(filing.raw.sha256, 'hex'),
    JSON.stringify(filing.envelope.rcptTo),
  );
}

export interface ForwardOperations {
  dueForwards(options: { now: number; limit: number }): readonly Forward[];
  saveForward(composed: Parameters<Store['saveForward']>[0]): boolean;
}

export function forwardOperations(session: Session): ForwardOperations {
  const { db } = session;
  return {
    dueForwards: options =>
      db
        .all<MailRow & { delivery_key: number; recipient: string }>(
          `select m.*, d.key as delivery_key, d.recipient from delivery d join mail m on m.key = d.forwarded_mail_key
           where d.destination = ? and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
             and d.forwarded_mail_key is not null and d.next_attempt_at <= ?
           order by d.next_attempt_at${atMost(options.limit)}`,
          SMARTHOST,
          options.now,
        )
        .map(row => ({
          deliveryId: encodeId('delivery', row.delivery_key),
          mailId: encodeId('mail', row.key),
          mailFrom: row.mail_from,
          addressee: addresseeOf(session, row),
          operator: row.recipient,
          raw: blobRef(session, row.blob_key),
        })),

    saveForward(composed) {
      const key = keyOf('delivery', composed.deliveryId);
      const waits = db.get(
        `select 1 from delivery where key = ? and state = 'waiting' and outgoing_mail_key is null`,
        key,
      );
      if (!waits) return false;
      const mailKey = decodeId('mail', composed.mailId)!;
      db.run(
        'insert into outgoing_mail (key, conversation_key, message_id, blob_key, created_at) values (?, null, ?, ?, ?)',
        mailKey,
        composed.messageId,
        blobKey(session, composed.raw),
        session.clock(),
      );
      db.run(`update delivery set outgoing_mail_key = ?, envelope_sender = '' where key = ?`, mailKey, key);
      return true;
    },
  };
}

/** A full address: a bare `postmaster` gets a domain of ours. */
function addresseeOf(session: Session, row: MailRow): string {
  const found = keptFor(JSON.parse(row.rcpt_to) as string[]);
  if (splitAddress(found) !== null) return found;
  const domain = session.db.value<string>('select name from domain order by position, name limit 1') ?? 'localhost';
  return `${found}@${domain}`;
}
