/**
 * What an agent's mail says, as far as `conversation/rules/agent-mail.ts` asks. Nothing throws because of the mail: what is
 * wrong with it is said in the result. Throws what reading an attachment throws.
 */
import type { Mail, MailAttachment } from './mail.js';
import { parseMailboxes } from './mailboxes.js';
import { allValues } from './mime/headers.js';
import { type AgentAnswer, answerAbove, holdsMarker, type Notified } from './reply-text/agent-answer.js';

export interface ReadAgentMail {
  /** All addresses in From. */
  readonly from: readonly string[];
  readonly answer: AgentAnswer;
  /** How many files he attached. */
  readonly files: number;
  /** An attachment that may be our own mail, and so hold what is below the marker; null: none is. */
  readonly suspectFile: string | null;
}

type Reads = (file: MailAttachment) => Promise<Uint8Array>;

export async function readAgentMail(mail: Mail, notified: Notified, read: Reads): Promise<ReadAgentMail> {
  return {
    from: parseMailboxes(allValues(mail.headers, 'from')).map(({ email }) => email),
    answer: answerAbove(mail, notified),
    files: mail.attachments.filter(isCarried).length,
    suspectFile: await suspectOf(mail.attachments, read),
  };
}

/** False for what is no file of his: the signature that his program makes. */
export function isCarried({ contentType }: Pick<MailAttachment, 'contentType'>): boolean {
  return !/^application\/(?:(?:x-)?pkcs7-signature|pgp-(?:signature|keys))$/i.test(contentType);
}

const MAIL_NAME = /\.(?:eml|msg|mht|mhtml|mbox)$/i;
/** Of a text that is searched. */
const MOST = 4 * 1024 * 1024;

async function suspectOf(files: readonly MailAttachment[], read: Reads): Promise<string | null> {
  for (const file of files) {
    if (/^message\//i.test(file.contentType) || MAIL_NAME.test(file.filename)) return file.filename;
    if (!/^text\//i.test(file.contentType)) continue;
    if (file.size > MOST) return file.filename;
    // Of two bytes for each letter one is 0.
    if (
      holdsMarker(
        Buffer.from(await read(file))
          .toString('latin1')
          .replaceAll('\0', ''),
      )
    )
      return file.filename;
  }
  return null;
}
