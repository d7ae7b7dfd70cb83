/**
 * The corpus: `test/corpus/NNN-name/` with `mail.eml` (the bytes), `expect.json` (what must be understood of it) and
 * `why.txt` (one line: why this mail is here). A field that stands in expect.json must match exactly; `knownTexts` and
 * `mail_from` are input. `opens` is what the whole daemon makes of a forward (`test/conversation/forwarded.test.ts`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readForward } from '#replyd/mail/forward.js';
import type { KnownTexts, Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { isHardBounce } from '#replyd/mail/status.js';

export interface CorpusMail {
  readonly name: string;
  readonly bytes: Buffer;
  readonly expect: Readonly<Record<string, unknown>>;
  readonly why: string;
}

/** All mails in the order of their numbers. */
export function corpusMails(): CorpusMail[] {
  const folder = path.resolve('test/corpus');
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return names.map(name => {
    const file = (entry: string) => readFileSync(path.join(folder, name, entry));
    return {
      name,
      bytes: file('mail.eml'),
      expect: JSON.parse(file('expect.json').toString()) as Record<string, unknown>,
      why: file('why.txt').toString().trim(),
    };
  });
}

/** What a mail is read as, in the words of expect.json. */
export async function understood(mail: CorpusMail): Promise<Record<string, unknown>> {
  const parsed = await parseMail(mail.bytes, keepInMemory);
  const mailFrom = mail.expect.mail_from;
  const reading = readMail(parsed, knownTextsOf(mail.expect), typeof mailFrom === 'string' ? { mailFrom } : {});
  return {
    kind: reading.kind,
    evidence: reading.evidence,
    forward: 'forward' in mail.expect ? await forwardIn(reading) : undefined,
    report: reading.report,
    suspends: reading.report.some(
      ({ action, status }) => action === 'complaint' || (action === 'failed' && isHardBounce(status)),
    ),
    reported_message_ids: reading.reportedIds,
    text: reading.text.text,
    quoted_text: reading.text.quotedText,
    signature: reading.text.signature,
    html: reading.html,
    from: parsed.from,
    sender: parsed.sender,
    reply_to: parsed.replyTo,
    to: parsed.to,
    cc: parsed.cc,
    subject: parsed.subject,
    date: parsed.date,
    message_id: parsed.messageId,
    in_reply_to: parsed.inReplyTo,
    references: parsed.references,
    plain: parsed.plain,
    raw_html: parsed.html,
    attachments: parsed.attachments.map(file => ({
      filename: file.filename,
      content_type: file.contentType,
      size: file.size,
      inline: file.inline,
      content_id: file.contentId,
    })),
  };
}

/** The mail that it holds when somebody sent it on. */
async function forwardIn(reading: Reading): Promise<Record<string, unknown> | null> {
  const forward = await readForward(reading, ({ content }) =>
    parseMail((content as { bytes: Uint8Array }).bytes, keepInMemory),
  );
  if (forward?.kind !== 'one') return forward === null ? null : { doubt: forward.reason };
  const { original, words } = forward;
  return {
    writer: original.mail.from,
    subject: original.mail.subject,
    date: original.mail.date,
    text: original.text.text,
    words: words.text,
    files: original.mail.attachments.map(file => file.filename),
  };
}

function knownTextsOf(expect: Readonly<Record<string, unknown>>): KnownTexts {
  const knownTexts = (expect.knownTexts ?? {}) as Record<string, readonly string[] | undefined>;
  return {
    replyAddresses: knownTexts.reply_addresses ?? knownTexts.replyAddresses ?? [],
    texts: knownTexts.texts ?? [],
  };
}
