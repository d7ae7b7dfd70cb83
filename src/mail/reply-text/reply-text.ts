/**
 * `splitReply` says what a person newly wrote in a mail, what is quoted history and what is signature. It uses three
 * sources, the strongest first: what we sent (`known-texts.ts`, `marker.ts`), what the HTML's containers say
 * (`html/containers.ts`), what mail programs write in many languages (`attribution.ts`, `header-block.ts`,
 * `signature.ts`). `assemble.ts` has the policy.
 *
 * It reads the plain part. It reads the HTML part where that tells more: when there is no plain part or an empty one,
 * or when containers settle where the quote begins and the plain part does not.
 *
 * It is pure and linear for any input and never throws. Every word of the part that was read is in `text`, `quotedText`
 * or `signature`. In doubt words stay in `text`: showing a quote is better than losing a sentence.
 */
import { hasContainers } from '../html/containers.js';
import { htmlLines } from '../html/lines.js';
import type { KnownTexts, ReplyText } from '../mail.js';
import { isForwardSubject } from '../subject.js';
import { assemble } from './assemble.js';
import { classify } from './classify.js';
import { wordsOf } from './known-texts.js';
import { type Line, plainLines } from './lines.js';

export interface ReplyTextOptions {
  /** The mail's subject; it tells a bare forward from an empty reply. */
  readonly subject?: string;
}

/** Splits a mail's body by authorship. `plain` has LF or CRLF line ends, `html` is hostile; either may be null. */
export function splitReply(
  body: { readonly plain: string | null; readonly html: string | null },
  knownTexts: KnownTexts,
  options: ReplyTextOptions = {},
): ReplyText {
  const context = { knownTexts, forward: isForwardSubject(options.subject ?? '') };
  const { html } = body;
  const { lines, isHtml } = bodyLines(body);
  const found = split(lines, context);
  if (isHtml) return withEvidence(found, 'read: the HTML part');
  if (html === null || html.trim() === '') return found;
  if (LONE_LETTER.test(found.text) && SYMBOL_FONTS.some(font => html.includes(font))) {
    const rich = htmlLines(html);
    const settled = rich.symbols ? split(rich.lines, context) : null;
    if (settled !== null && sameWords(longWordsOf(settled.text), longWordsOf(found.text))) {
      return withEvidence(settled, 'read: the HTML part, which has symbols');
    }
  }
  return !isSure(found) && hasContainers(html) ? settle(found, { lines, html, context }) : found;
}

/** The lines of the plain part, or of the HTML part where the plain one says nothing. */
export function bodyLines(body: { readonly plain: string | null; readonly html: string | null }): {
  readonly lines: readonly Line[];
  readonly isHtml: boolean;
} {
  const { html } = body;
  const plain = body.plain ?? '';
  if (html !== null && html.trim() !== '' && (isEmptyPart(plain) || isPointer(plain) || isMarkup(plain))) {
    const { lines } = htmlLines(html);
    if (lines.some(line => line.key !== '')) return { lines, isHtml: true };
  }
  return { lines: plainLines(plain), isHtml: false };
}

// A letter of its own, as Outlook leaves one in the plain part of what it sets in a font of symbols (Wingdings: J is a face).
const LONE_LETTER = /(?:^|\s)[B-HJ-NP-Zlnoquvà-þØß§·](?=$|[\s.,!?])/m;
const SYMBOL_FONTS = ['Wingdings', 'wingdings', 'Webdings', 'Symbol'];

interface Context {
  readonly knownTexts: KnownTexts;
  readonly forward: boolean;
}

/** Splits lines by authorship. */
export function split(lines: readonly Line[], context: Context): ReplyText {
  const items = classify(lines, context.knownTexts);
  return assemble(items, { forward: context.forward, traced: context.knownTexts.texts.length > 0 });
}

/** Own words, then a marked quote to the end: the HTML part can tell nothing more. */
function isSure(found: ReplyText): boolean {
  const { text, quotedText } = found;
  if (
    text === '' ||
    text.length > 4_000 ||
    text.includes('@') ||
    !found.evidence.some(line => line.includes('attribution line'))
  ) {
    return false;
  }
  return quotedText.slice(quotedText.lastIndexOf('\n') + 1).startsWith('>');
}

/** Lets the containers of the HTML part decide where the plain part leaves a quote in the text. */
function settle(
  found: ReplyText,
  { lines, html, context }: { lines: readonly Line[]; html: string; context: Context },
): ReplyText {
  const rich = htmlLines(html);
  if (!rich.settled) return found;
  const settled = split(rich.lines, context);
  const own = wordsOf(settled.text);
  const plain = wordsOf(found.text);
  if (own.length === 0 || settled.quotedText === '' || sameWords(own, plain)) return found;
  if (plain.length > 0 && plain.length <= own.length) {
    return addsBelow(found, settled, { plain, own })
      ? withEvidence(settled, 'read: the HTML part, which has more below the quote')
      : found;
  }
  const cut = cutAfter(lines, wordsOf(`${settled.text} ${settled.signature}`));
  if (cut !== null) {
    const marked = lines.map((line, index) => (index === cut ? { ...line, mark: 'history' as const } : line));
    const again = split(marked, context);
    if (again.text !== '') return withEvidence(again, 'quote: where the HTML part says');
  }
  return withEvidence(settled, 'read: the HTML part, which tells where the quote begins');
}

/** True when both see the same text and the same quote, and the HTML part shows more words of the writer after it. */
function addsBelow(
  found: ReplyText,
  settled: ReplyText,
  { plain, own }: { plain: readonly string[]; own: readonly string[] },
): boolean {
  if (!sameWords(plain, own.slice(0, plain.length))) return false;
  const more = own.slice(plain.length);
  const quoted = wordsOf(settled.quotedText);
  return quoted.length > 0 && sameWords(wordsOf(found.quotedText), [...quoted, ...more]);
}

/** The first filled line after exactly these words, or null when the plain part says something else. */
function cutAfter(lines: readonly Line[], words: readonly string[]): number | null {
  let at = 0;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const own = wordsOf(line.raw);
    if (own.length === 0) continue;
    if (at === words.length) return index;
    for (const word of own) if (words[at++] !== word) return null;
  }
  return null;
}

/** Words of more than one letter. */
function longWordsOf(text: string): readonly string[] {
  return wordsOf(text).filter(word => word.length > 1);
}

function sameWords(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((word, index) => word === right[index]);
}

function withEvidence(reply: ReplyText, line: string): ReplyText {
  return { ...reply, evidence: [line, ...reply.evidence] };
}

function isEmptyPart(plain: string): boolean {
  return !/[^\s>\u00a0\u200b\ufeff]/.test(plain);
}

/** A plain part that only says: look at the HTML part. */
function isPointer(plain: string): boolean {
  const text = plain.trim();
  if (text.length > 400 || !/html/i.test(text)) return false;
  return /view|display|reader|client|viewer|anzeig|darstell|ansehen|afficher|visualis|lire|ver |visuali|weergeven|bekijk|visa|vis |zobraz|wyświetl|просмотр|отобра|查看|表示|보기/i.test(
    text,
  );
}

/** A plain part that is HTML itself, as some senders make it. */
function isMarkup(plain: string): boolean {
  return /^\s*(?:<!doctype html|<html|<head|<body|<div|<p>|<table)/i.test(plain.slice(0, 200));
}
