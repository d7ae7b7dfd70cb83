/**
 * Earlier messages in a mail: the context of a conversation's first mail, oldest first, and the history that later ones
 * quote, newest first, below a line that asks to answer above it. Pure, nothing throws.
 *
 * The history has at most the bytes it is given, in the text and in the HTML part: of the last message that has room it
 * holds the beginning. No reply address is quoted: whoever reads one can write as its owner.
 */
import { cutText } from '../mail/cut.js';
import { escapeHtml } from '../mail/html/escape.js';
import { cleanSubject } from '../mail/subject.js';
import { CONTEXT_TEXT, type ComposeMessage } from './composing.js';
import { markdownToHtml, plainToHtml } from './markdown.js';
import type { Words } from './words.js';

/** A piece of a mail, as text and as HTML. */
export interface Part {
  readonly text: string;
  readonly html: string;
}

interface Style {
  /** The account's name. */
  readonly account: string;
  readonly words: Words;
}

const MAX_NAME = 100;
const MAX_CONTEXT_TEXT = 4000;
/** Of a message that is shortened so many characters are shown, or it is left out. */
const LEAST_SHOWN = 80;
const GREY = 'color:#59636e;font-size:13px';
const BAR = 'padding-left:12px;border-left:2px solid #d0d7de';

/** What was said before, for somebody who saw none of it in a mail. Null: nothing. */
export function contextPart(messages: readonly ComposeMessage[], style: Style): Part | null {
  if (messages.length === 0) return null;
  const { words } = style;
  const said = messages.map(message => {
    const text = shorten(quotedText(message), { most: MAX_CONTEXT_TEXT, words });
    const [name, when] = [authorName(message, style), whenOf(message, words)];
    return {
      text: `${name} · ${when}\n${marked(text)}`,
      html: `<p><b>${escapeHtml(name)}</b> · ${when}</p>\n${block(bodyHtml(text, message.format))}`,
    };
  });
  const html = said.map(each => each.html).join('\n');
  return {
    text: [`${words.earlier}:`, ...said.map(each => each.text)].join('\n\n'),
    html: `<div style="margin-top:24px;${BAR};${GREY}">\n<p>${escapeHtml(words.earlier)}:</p>\n${html}\n</div>`,
  };
}

/** The messages as a mail program quotes them, in at most `room` bytes of each part. Null: nothing, or no room. */
export function historyPart(
  messages: readonly ComposeMessage[],
  { room, ...style }: Style & { room: number },
): Part | null {
  const around = historyAround([], style);
  const left = { text: room - sizeOf(around.text), html: room - sizeOf(around.html) };
  const parts: Part[] = [];
  for (const message of messages.toReversed()) {
    const { part, isWhole } = fitted(message, left, style);
    if (part === null) break;
    parts.push(part);
    if (!isWhole) break;
    left.text -= sizeOf(part.text) + SEPARATOR;
    left.html -= sizeOf(part.html) + SEPARATOR;
  }
  return parts.length === 0 ? null : historyAround(parts, style);
}

/** Bytes in front of a message, at most. */
const SEPARATOR = 2;

function historyAround(parts: readonly Part[], { words }: Style): Part {
  return {
    text: [words.replyLine, ...parts.map(part => part.text)].join('\n\n'),
    html: `<div style="margin-top:24px;${GREY}">\n<p>${escapeHtml(words.replyLine)}</p>\n${parts.map(part => part.html).join('\n')}\n</div>`,
  };
}

/** As much of a message as has room. */
function fitted(
  message: ComposeMessage,
  left: { readonly text: number; readonly html: number },
  style: Style,
): { readonly part: Part | null; readonly isWhole: boolean } {
  const text = quotedText(message);
  const fits = (part: Part): boolean =>
    sizeOf(part.text) + SEPARATOR <= left.text && sizeOf(part.html) + SEPARATOR <= left.html;
  const shown = (most: number): Part => historyEntry(message, shorten(text, { most, words: style.words }), style);
  // The store cuts there, and does not say so.
  const whole = message.text.length < CONTEXT_TEXT ? shown(text.length) : null;
  if (whole !== null && fits(whole)) return { part: whole, isWhole: true };
  // The longest beginning that has room; each step halves what is left to try.
  let best: Part | null = null;
  let [low, high] = [LEAST_SHOWN, Math.min(text.length, CONTEXT_TEXT) - 1];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const part = shown(middle);
    if (fits(part)) {
      best = part;
      low = middle + 1;
    } else high = middle - 1;
  }
  return { part: best, isWhole: false };
}

function historyEntry(message: ComposeMessage, text: string, style: Style): Part {
  const line = style.words.wrote(whenOf(message, style.words), authorName(message, style));
  const body = block(bodyHtml(text, message.format));
  return {
    text: `${line}\n${marked(text)}`,
    html: `<p>${escapeHtml(line)}</p>\n<blockquote type="cite" style="margin:0 0 16px;${BAR}">\n${body}\n</blockquote>`,
  };
}

/** Our reply addresses, with the tokens of other systems that we understand. */
const TOKEN = /(?<=[+=-])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=@)/gi;

function quotedText({ text }: ComposeMessage): string {
  return cleanText(text).replaceAll(TOKEN, '…');
}

function shorten(text: string, { most, words }: { readonly most: number; readonly words: Words }): string {
  return text.length <= most ? text : `${cutText(text, most)} ${words.shortened}`;
}

function authorName(message: ComposeMessage, { account, words }: Style): string {
  const name = oneLine(message.author.name);
  const ours = message.author.role === 'agent' || message.author.role === 'system';
  if (!ours) return name || words.customer;
  return name === '' || name === account ? account : `${name} (${account})`;
}

function whenOf(message: ComposeMessage, words: Words): string {
  return words.when(new Date(message.date ?? message.received_at));
}

function marked(text: string): string {
  return text
    .split('\n')
    .map(line => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

function sizeOf(text: string): number {
  return Buffer.byteLength(text);
}

/** A cleaned text as HTML. */
export function bodyHtml(text: string, format: ComposeMessage['format']): string {
  return format === 'markdown' ? markdownToHtml(text) : plainToHtml(text);
}

/** `dir="auto"`: Hebrew and Arabic run the right way without anybody saying so. */
export function block(html: string, style?: string): string {
  return `<div dir="auto"${style === undefined ? '' : ` style="${style}"`}>\n${html}\n</div>`;
}

/** LF line ends, no controls but tab, no lone surrogates, no blank lines around. */
export function cleanText(text: string): string {
  return text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
    .toWellFormed()
    .replace(/^\n+/, '')
    .trimEnd();
}

export function oneLine(text: string): string {
  return cleanSubject(cleanSubject(text).slice(0, MAX_NAME));
}
