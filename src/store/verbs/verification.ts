/** Mails whose sender the DNS is asked about after they were committed: which they are, and what it said. */
import type { Authentication } from '../../mail/authentication.js';
import { blobRef } from '../blobs/blobs.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { MailRow, MessageRow } from '../rows.js';
import { fromJson, inTurn, type StoreTx, toJson, type Verb } from '../tx.js';
import { CC_CHANGED, doubtBrought } from './cc-rows.js';
import { emitEvents } from './events.js';

/** A verifier's verdicts, as `sender` of a message has them. */
export function verdictFields({ spf, dkim, dmarc, evidence }: Authentication) {
  return { dmarc, dkim, spf, evidence: evidence.map(field => `Authentication-Results: ${field}`) };
}

export async function rememberUnverified(tx: StoreTx, mailKey: number, client: string | null): Promise<void> {
  await tx.insert('unverified', { mail_key: mailKey, client });
}

export const unverified: Verb<'unverified'> = async (tx, limit) => {
  const rows = await tx.all<
    Pick<MailRow, 'key' | 'mail_from' | 'blob_key' | 'raw_gone_at'> & { client: string | null }
  >(
    `select m.key, m.mail_from, m.blob_key, m.raw_gone_at, u.client from unverified u join mail m on m.key = u.mail_key
      order by u.mail_key limit $1`,
    limit,
  );
  return inTurn(rows, async row => ({
    mailId: encodeId('mail', row.key),
    mailFrom: row.mail_from,
    client: row.client,
    raw: row.raw_gone_at === null ? await blobRef(tx, row.blob_key) : null,
  }));
};

export const verified: Verb<'verified'> = async (tx, mailId, verdicts) => {
  const key = keyOf('mail', mailId);
  if ((await tx.run('delete from unverified where mail_key = $1', key)) === 0 || verdicts === null) return;
  const { evidence, ...words } = verdictFields(verdicts);
  for (const message of await tx.all<MessageRow>('select * from message where mail_key = $1', key)) {
    if (message.sender === null) continue;
    const before = fromJson(message.sender);
    const kept = before.evidence.filter(line => !line.startsWith('Authentication-Results:'));
    await tx.update('message', message.key, {
      sender: toJson({ ...before, ...words, evidence: [...kept, ...evidence] }),
    });
    const conversation = (await byKey(tx, 'conversation', message.conversation_key))!;
    const isDoubted = verdicts.dmarc === 'fail' && (await doubtBrought(tx, message));
    await emitEvents(tx, conversation, [
      ...(isDoubted ? [CC_CHANGED] : []),
      { type: 'message.updated', messageKey: message.key, data: { changed: ['sender'] } },
    ]);
  }
};
