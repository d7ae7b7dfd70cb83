/**
 * The mail that brings an agent his link to sign in: plain text in RFC 5322 form with CRLF line ends, in the words of the
 * account's language. A machine sends it, and says so (RFC 3834), so that no robot answers; it carries our loop mark.
 *
 * The link has its secret behind the `#`, where no server's log and no Referer sees it. What stands in the mail comes from
 * people: names are encoded (RFC 2047), and no control character of theirs gets into the header.
 */
import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { splitAddress } from '../mail/address.js';
import type { AgentStore, SignInLink } from './agent-store.js';
import type { Account } from './model.js';
import { LOOP_HEADER } from './rules/loop.js';
import type { Store } from './store.js';
import { wordsFor } from './words.js';

/** `web`: where the page for agents is. */
export function signInUrl(web: string, secret: string): string {
  return `${web}/sign-in#${secret}`;
}

export interface SignInMail {
  readonly account: Pick<Account, 'id' | 'name' | 'support_email' | 'settings'>;
  readonly agent: Pick<SignInLink['agent'], 'name' | 'email' | 'has_password'>;
  readonly url: string;
  /** Without brackets. */
  readonly messageId: string;
  /** Milliseconds. */
  readonly date: number;
}

export function signInMail({ account, agent, url, messageId, date }: SignInMail): Buffer {
  const words = wordsFor(account.settings.locale);
  const about = { name: oneLine(agent.name), account: oneLine(account.name), link: url, again: agent.has_password };
  const text = `${words.signIn.text(about).join('\n\n')}\n`.replaceAll('\n', '\r\n');
  const plain = isAscii(Buffer.from(text)) && text.split('\r\n').every(line => line.length <= MAX_LINE);
  const head = [
    `From: ${phrase(account.name)} <${account.support_email}>`,
    `To: ${phrase(agent.name)} <${agent.email}>`,
    `Subject: ${phrase(words.signIn.subject(about.account))}`,
    `Date: ${new Date(date).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${messageId}>`,
    'Auto-Submitted: auto-generated',
    `${LOOP_HEADER}: ${account.id}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Transfer-Encoding: ${plain ? '7bit' : 'base64'}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${plain ? text : inBase64(text)}`);
}

/** Queues the mail with this link and returns its delivery. Throws too_many_requests. */
export async function mailSignInLink(
  store: Pick<Store, 'account' | 'place' | 'mintMailId'> & Pick<AgentStore, 'notifyAgent'>,
  link: Pick<SignInLink, 'secret' | 'agent'>,
  how: {
    /** Slug of the account in whose name it is sent. */
    readonly account: string;
    readonly web: string;
    /** `outbound.envelope_sender`. */
    readonly envelopeSender: string;
    readonly now: number;
  },
): Promise<string> {
  const account = await store.account(how.account);
  const mailId = store.mintMailId();
  const messageId = `${mailId}@${account.domains[0] ?? splitAddress(account.support_email)!.domain}`;
  const url = signInUrl(how.web, link.secret);
  const bytes = signInMail({ account, agent: link.agent, url, messageId, date: how.now });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return store.notifyAgent({
    agent: link.agent.id,
    account: account.slug,
    mailId,
    messageId,
    // No bounce address: it names a conversation.
    mailFrom: how.envelopeSender.includes('@') ? how.envelopeSender : account.support_email,
    raw: await store.place({ bytes }, { sha256, size: bytes.length }),
  });
}

/** RFC 5322 section 2.1.1, without the line end. */
const MAX_LINE = 998;
/** Bytes of an encoded word before base64: with what is around it there are at most 75 characters. */
const WORD = 42;

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
}

/** A display name or a subject: plain where it can be, else as encoded words (RFC 2047), one a line. */
function phrase(text: string): string {
  const line = oneLine(text);
  // Letters of an atom (RFC 5322 section 3.2.3) and spaces; a subject may have a colon too, but may go encoded.
  if (/^[\w '!#$%&*+/^`{|}~-]{1,60}$/.test(line)) return line;
  const words: string[] = [];
  let word = '';
  for (const character of line) {
    if (Buffer.byteLength(word + character) > WORD) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map(each => `=?utf-8?B?${Buffer.from(each).toString('base64')}?=`).join('\r\n ');
}

function inBase64(text: string): string {
  return `${Buffer.from(text)
    .toString('base64')
    .replaceAll(/.{76}(?=.)/g, '$&\r\n')}\r\n`;
}
