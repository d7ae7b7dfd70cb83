/**
 * Seeded mutation of the corpus: mails that are broken in ways nobody thought of. A mail may be refused as `invalid`;
 * nothing else may be thrown, nothing may hang, no string may hold what a store refuses, and the three parts of a reply
 * together hold every word of the part that was read.
 */
import { isReplydError } from '#replyd/base/errors.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { htmlToText } from '#replyd/mail/html/sanitise.js';
import type { Mail, Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { corpusMails } from '../mail/corpus.js';
import { mutated } from './mutation.js';
import { type Random, randomFrom } from './random.js';

export interface FuzzResult {
  readonly mails: number;
  /** Refused as `invalid`: kept unread with their raw bytes, so not lost. */
  readonly invalid: number;
  /** One line for each fault, with what makes it again. */
  readonly faults: readonly string[];
}

/** No mail of the corpus takes a hundredth of this on the slowest machine. */
const HANG_MS = 10_000;

export async function runMails(count: number, seed: number): Promise<FuzzResult> {
  const corpus = corpusMails();
  const faults: string[] = [];
  let invalid = 0;
  for (let index = 0; index < count; index += 1) {
    const random = randomFrom(seed + index);
    const base = corpus[random(corpus.length)]!;
    const bytes = mutatedMail(base.bytes, corpus[random(corpus.length)]!.bytes, random);
    const from = performance.now();
    try {
      const mail = await parseMail(bytes, keepInMemory);
      const reading = readMail(mail, { replyAddresses: [], texts: ['Your parcel left on Friday.'] });
      factsOf(bytes);
      for (const fault of faultsOf(mail, reading)) faults.push(`${base.name}, runMails(1, ${seed + index}): ${fault}`);
    } catch (error) {
      if (isReplydError(error, 'invalid') && isLimit(error)) invalid += 1;
      else faults.push(`${base.name}, runMails(1, ${seed + index}): ${error instanceof Error ? error.stack : error}`);
    }
    const took = performance.now() - from;
    if (took > HANG_MS) faults.push(`${base.name}, runMails(1, ${seed + index}): took ${Math.round(took)} ms`);
  }
  return { mails: count, invalid, faults };
}

const SNIPPETS: readonly string[] = [
  '\r\n', '\n', '\r', '\r\n\r\n', '\0', '\xff', '\xc3', '\xed\xa0\x80', '--', '=', '==', '=3D', '=?', '?=', '=?utf-8?B?',
  '=?iso-2022-jp?Q?=1B$B?=', '"', '\\', '(', ')', '<', '>', ';', ',', ':', '@', '*0*=', "''", '> ', '>From ', 'From ',
  '-- \n', '___\n', '```\n', 'On Monday Ann wrote:\n', 'From: a@b.example\nSent: x\nTo: y\n', '<blockquote>', '<div>',
  '</div>', '<!--', '<script>', '<style>', '&#0;', '&#xd800;', '<img src="cid:x">', '<table><tr><td>', '\x1b$B',
  'Content-Type: multipart/mixed; boundary=x\n', 'Content-Transfer-Encoding: base64\n', 'Content-Type: text/html\n',
  'Content-Type: message/rfc822\n', 'Content-Type: text/plain; charset=utf-16\n', '\xef\xbb\xbf', '\u202e', ' ', '\t',
]; // biome-ignore format: a table

/** A mail of the corpus, broken in one to six ways. */
export function mutatedMail(mail: Buffer, other: Buffer, random: Random): Buffer {
  return mutated(mail, other, random, { snippets: SNIPPETS, repeats: 300, lineEnds: 'all', count: 1 + random(6) });
}

/** The parser's own limits; any other reason for `invalid` is a fault of ours that it hides. */
function isLimit(error: Error): boolean {
  return /Max (?:allowed child nodes|header size)|nested deeper/.test(error.message);
}

function faultsOf(mail: Mail, reading: Reading): string[] {
  const faults: string[] = [];
  const fields = { ...mail, attachments: mail.attachments.map(file => file.filename) };
  const text = JSON.stringify([fields, reading.text, reading.html, reading.evidence, reading.report]);
  if (/\\u0000|\\ud[89a-f]/i.test(text)) faults.push('NUL or lone surrogate in a string');
  const { text: own, quotedText, signature } = reading.text;
  const kept = wordsOf(`${own}\n${quotedText}\n${signature}`);
  const bodies = [mail.plain, mail.html === null ? null : htmlToText(mail.html)].filter(body => body !== null);
  const lost = bodies.map(body => missing(wordsOf(body), kept));
  // Either of two parts may be the one that was read.
  if (lost.length > 0 && lost.every(words => words.length > 0))
    faults.push(`words lost: ${lost[0]!.slice(0, 8).join(' ')}`);
  return faults;
}

function wordsOf(text: string): Map<string, number> {
  const words = new Map<string, number>();
  for (const [word] of text.matchAll(/[\p{L}\p{N}]+/gu)) words.set(word, (words.get(word) ?? 0) + 1);
  return words;
}

function missing(words: ReadonlyMap<string, number>, kept: ReadonlyMap<string, number>): string[] {
  return [...words].filter(([word, count]) => (kept.get(word) ?? 0) < count).map(([word]) => word);
}
