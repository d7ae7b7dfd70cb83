/**
 * What an agent's mail says, as far as `conversation/rules/agent-mail.ts` asks. Nothing throws because of the mail: what is
 * wrong with it is said in the result. Throws what reading an attachment throws.
 */
import { foldAddress, normalizeAddress } from './address.js';
import type { Mail, MailAttachment } from './mail.js';
import { parseMailboxes } from './mailboxes.js';
import { allValues, decodeWords } from './mime/headers.js';
import {
  type AgentAnswer,
  answerAbove,
  holdsMarker,
  type Notified,
  picturesBeside,
} from './reply-text/agent-answer.js';

export interface ReadAgentMail {
  /** All addresses in From. */
  readonly from: readonly string[];
  readonly answer: AgentAnswer;
  /** How many files he attached. */
  readonly files: number;
  /** Content ids of pictures that are none of them: those of his signature. */
  readonly pictures: readonly string[];
  /** An attachment that may be our own mail, and so hold what is below the marker; null: none is. */
  readonly suspectFile: string | null;
}

type Reads = (file: MailAttachment) => Promise<Uint8Array>;

export async function readAgentMail(mail: Mail, notified: Notified, read: Reads): Promise<ReadAgentMail> {
  const pictures = mail.html === null ? [] : [...picturesBeside(mail.html)];
  return {
    from: addressesIn(allValues(mail.headers, 'from')),
    answer: answerAbove(mail, notified),
    files: mail.attachments.filter(file => isCarried(file, pictures)).length,
    pictures,
    suspectFile: await suspectOf(mail.attachments, read),
  };
}

const ADDRESS = /[^\s<>()"',;:[\]\\]{1,64}@[^\s<>()"',;:[\]\\]{1,255}/g;

/**
 * Also what stands in names and comments: whoever checked the mail may have read another address there than we do, and what
 * is proven of one says nothing of another.
 */
function addressesIn(values: readonly string[]): readonly string[] {
  const written = values.flatMap(value => {
    const text = value.slice(0, MAX_FROM);
    return [text, decodeWords(text)].flatMap(each => each.match(ADDRESS) ?? []);
  });
  const named = parseMailboxes(values).map(({ email }) => email);
  const known = new Set(named.map(foldAddress));
  const others = written.filter(address => !known.has(foldAddress(normalizeAddress(address) ?? address)));
  return [...new Map([...named, ...others].map(address => [foldAddress(address), address])).values()];
}

/** False for what is no file of his: a picture of his signature (`pictures`), and the signature that his program makes. */
export function isCarried(
  { contentType, contentId }: Pick<MailAttachment, 'contentType' | 'contentId'>,
  pictures: readonly string[],
): boolean {
  if (contentId !== null && pictures.includes(contentId) && contentType.startsWith('image/')) return false;
  return !/^application\/(?:(?:x-)?pkcs7-signature|pgp-(?:signature|keys))$/i.test(contentType);
}

const MAIL_NAME = /\.(?:eml|msg|mht|mhtml|mbox)$/i;
/** Of a From field. */
const MAX_FROM = 10_000;
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
