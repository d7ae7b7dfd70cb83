/**
 * What was acknowledged, held against what stands in the store: every 250 has its mail there, byte for byte what was
 * sent, or the same mail that came before; every mail there got a 250, or its client went away before it could hear
 * of it; nothing stands there twice.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import { encodeId, keyOf } from '#replyd/store/ids.js';
import type { Connection } from '#replyd/store/sqlite/database.js';
import type { SentMail } from './dialogue-model.js';

export interface Ledger {
  /** `label`: which dialogue it was. */
  stored(mailId: string, mail: SentMail, label: string): void;
  unsure(bytes: Buffer): void;
  /** Looks at what came since the last look; one line for each fault. All clients must be settled or gone. */
  compare(db: Connection): string[];
  readonly acknowledged: number;
  readonly standing: number;
}

interface Row {
  readonly key: number;
  readonly state: string;
  readonly rcpt_to: string;
  readonly sha256: Buffer;
}

/** `alive`: every address that may stand in an envelope, in lower case. */
export function createLedger(alive: ReadonlySet<string>, dataDir: string): Ledger {
  let acknowledged = 0;
  let lastKey = 0;
  let fresh: { mailId: string; mail: SentMail; hash: string; label: string }[] = [];
  const standing = new Map<string, string>();
  const reached = new Map<string, readonly string[]>();
  /** The transactions with these bytes: a conversation that has a mail gets no second one, whoever it is for. */
  const transactions = new Map<string, Set<Buffer>>();
  const sent = new Set<string>();
  const unsure = new Set<string>();

  const lookAtNew = (db: Connection): string[] => {
    const faults: string[] = [];
    const rows = db.all<Row>(
      `select mail.key, state, rcpt_to, sha256 from mail join blob on blob.key = blob_key
       where mail.key > ? order by mail.key`,
      lastKey,
    );
    for (const row of rows) {
      lastKey = row.key;
      const id = encodeId('mail', row.key);
      const hash = row.sha256.toString('hex');
      const recipients = (JSON.parse(row.rcpt_to) as string[]).map(address => address.toLowerCase());
      standing.set(id, hash);
      reached.set(hash, recipients);
      if (!['filed', 'quarantined', 'kept'].includes(row.state)) faults.push(`${id} is ${row.state}`);
      const strangers = recipients.filter(address => !alive.has(address));
      if (strangers.length > 0) faults.push(`${id} is for ${strangers.join()}`);
      if (!sent.has(hash) && !unsure.has(hash)) faults.push(`${id} stands in the store, and nobody sent it`);
    }
    return faults;
  };

  const lookAtTold = (db: Connection): string[] => {
    const faults: string[] = [];
    for (const { mailId, mail, hash, label } of fresh) {
      const there = standing.get(mailId);
      if (there === undefined) faults.push(`${label}: 250 for ${mailId}, which is not in the store`);
      else if (there !== hash) {
        if (!isSame(db, { dataDir, mailId }, mail.bytes))
          faults.push(`${label}: 250 for ${mailId}, which is another mail`);
      } else if (transactions.get(hash)!.size === 1 && !unsure.has(hash)) {
        const missing = mail.recipients.filter(address => !reached.get(hash)!.includes(address));
        if (missing.length > 0) faults.push(`${label}: ${mailId} is stored without ${missing.join()}`);
      }
    }
    fresh = [];
    return faults;
  };

  return {
    stored(mailId, mail, label) {
      acknowledged += 1;
      const hash = createHash('sha256').update(mail.bytes).digest('hex');
      sent.add(hash);
      transactions.set(hash, (transactions.get(hash) ?? new Set()).add(mail.bytes));
      fresh.push({ mailId, mail, hash, label });
    },
    unsure(bytes) {
      unsure.add(createHash('sha256').update(bytes).digest('hex'));
    },
    compare: db => [...lookAtNew(db), ...lookAtTold(db)],
    get acknowledged() {
      return acknowledged;
    },
    get standing() {
      return standing.size;
    },
  };
}

/** What the whole store must not hold, one line for each. */
export function storedTwice(db: Connection): string[] {
  const questions: readonly (readonly [string, string])[] = [
    [
      'mails stand twice in a conversation',
      `select 1 from message join mail on mail.key = mail_key group by conversation_key, blob_key having count(*) > 1`,
    ],
    ['mails are kept twice', `select 1 from mail where state = 'kept' group by blob_key, rcpt_to having count(*) > 1`],
    [
      'mails are filed without a message',
      `select 1 from mail where state = 'filed' and not exists (select 1 from message where mail_key = mail.key)`,
    ],
  ];
  return questions.flatMap(([what, question]) => {
    const count = db.value<number>(`select count(*) from (${question})`) ?? 0;
    return count > 0 ? [`${count} ${what}`] : [];
  });
}

/** Equal but for line ends, blank lines at the end and fields that are added on the way (docs/contract.md section 2). */
function isSame(db: Connection, at: { dataDir: string; mailId: string }, bytes: Buffer): boolean {
  const row = db.get<{ sha256: Buffer; data: Buffer | null }>(
    'select sha256, data from mail join blob on blob.key = blob_key where mail.key = ?',
    keyOf('mail', at.mailId),
  );
  const stored = row && (row.data ?? readFileSync(blobFile(at.dataDir, row.sha256.toString('hex'))));
  if (stored === undefined || factsOf(stored).contentKey !== factsOf(bytes).contentKey) return false;
  return wordsOf(stored) === wordsOf(bytes);
}

/** What stands behind the fields: no two mails with other words there may be taken for one, whatever their keys are. */
function wordsOf(bytes: Buffer): string {
  const lines = bytes
    .toString('latin1')
    .replaceAll(/\r+\n|\r/g, '\n')
    .split('\n');
  const first = lines.findIndex(line => !/^(?:[ \t]|>*From |[^:]+:)/.test(line));
  return first === -1
    ? ''
    : lines
        .slice(first)
        .join('\n')
        .replaceAll(/^>+From /gm, 'From ')
        .trim();
}
