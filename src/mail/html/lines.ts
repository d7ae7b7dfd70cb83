/**
 * An HTML part as lines of text, with what its containers say of them. Blocks become lines, quotes get `> ` in front,
 * list items their bullets, links keep their words with the address behind them, pictures their alternative text.
 *
 * It reads htmlparser2's tokens and builds no tree, so deep nesting costs nothing and the time is linear in the input.
 * It never throws. What a reader would not see (scripts, styles, comments, hidden elements) is left out, all other
 * words are kept.
 * It reads at most HTML_LIMIT characters and leaves out the rest.
 */
import { Tokenizer } from 'htmlparser2';
import { type Line, plainLines } from '../reply-text/lines.js';
import { type Container, containerOf, type Marks } from './containers.js';
import { type Kind, kindOf } from './elements.js';
import { type Look, lookOf, NO_LOOK } from './looks.js';
import { inFont, type SymbolFont, symbolFontNamed } from './symbols.js';
import {
  addPicture,
  addRule,
  addText,
  breakLine,
  closeLink,
  endLine,
  type Flow,
  finish,
  newFlow,
  openLink,
  separateCells,
} from './text-flow.js';

export interface HtmlLines {
  readonly lines: readonly Line[];
  /** Some container says where the quoted mail begins. */
  readonly settled: boolean;
  /** Some letters are set in a font of symbols. */
  readonly symbols: boolean;
}

const HTML_LIMIT = 8 * 1024 * 1024;
/** How far up an end tag looks for its element; keeps hostile nesting linear. */
const REACH = 200;
/** So many different styles of one mail are kept with what they say. */
const LOOKS = 500;

interface Open {
  readonly kind: Kind;
  readonly container: Container | null;
  readonly spaced: boolean;
  readonly broken: boolean;
  readonly hidden: boolean;
  /** What held around it. */
  readonly unseen: boolean;
  readonly font: SymbolFont | null;
  readonly href: string;
  /** A wrapper's blockquote has been seen. */
  used: boolean;
}

interface State extends Flow {
  readonly html: string;
  readonly stack: Open[];
  readonly counts: Map<string, number>;
  readonly lists: { ordered: boolean; count: number }[];
  /** Words have no size or no visibility here. */
  unseen: boolean;
  /** Some element hides its words. */
  hides: boolean;
  font: SymbolFont | null;
  symbols: boolean;
  /** The latest style and what it says. */
  style: string;
  look: Look;
  /** Style → what it says. */
  readonly looks: Map<string, Look>;
  /** Hidden words are read as well. */
  readonly all: boolean;
}

/** Lines of an HTML part. A mail that hides all of its words hides none. */
export function htmlLines(html: string): HtmlLines {
  const shown = read(html, false);
  return shown.hides && shown.lines.every(line => line.key === '') ? read(html, true) : shown;
}

function read(html: string, all: boolean): HtmlLines & { readonly hides: boolean } {
  const state: State = {
    ...newFlow(),
    html: html.length > HTML_LIMIT ? html.slice(0, HTML_LIMIT) : html,
    stack: [],
    counts: new Map(),
    lists: [],
    unseen: false,
    hides: false,
    font: null,
    symbols: false,
    style: '',
    look: NO_LOOK,
    looks: new Map(),
    all,
  };
  tokenize(state);
  const lines = finish(state);
  const { settled, symbols, hides } = state;
  // A whole mail in one <pre> is plain text that somebody wrapped in HTML.
  const written = lines.filter(line => line.key !== '');
  if (written.length > 0 && written.every(line => line.mark === 'verbatim')) {
    return { lines: plainLines(lines.map(line => line.raw).join('\n')), settled: false, symbols, hides };
  }
  return { lines, settled, symbols, hides };
}

/** A tag as far as it has been read. */
interface Tag {
  kind: Kind;
  marks: Marks;
  href: string;
  alt: string;
  /** Of a list item or list: its number. */
  number: string;
  /** Of a font element. */
  face: string;
  hidden: boolean;
}

const NO_MARKS: Readonly<Marks> = { class: '', id: '', name: '', style: '', type: '' };

function tokenize(state: State): void {
  const { html } = state;
  const given: Tag = { kind: kindOf('p'), marks: NO_MARKS, href: '', alt: '', number: '', face: '', hidden: false };
  let attribute = '';
  let value = '';
  const open = (): void => openElement(state, given);
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      onopentagname(start, end) {
        given.kind = kindOf(html.slice(start, end));
        given.marks = NO_MARKS;
        given.href = '';
        given.alt = '';
        given.number = '';
        given.face = '';
        given.hidden = false;
      },
      onattribname(start, end) {
        attribute = end - start > 10 ? '' : html.slice(start, end).toLowerCase();
        value = '';
      },
      onattribdata(start, end) {
        if (attribute !== '' && value.length < 4_000) value += html.slice(start, Math.min(end, start + 4_000));
      },
      onattribentity(code) {
        if (attribute !== '' && value.length < 4_000) value += String.fromCodePoint(code);
      },
      onattribend() {
        if (
          attribute === 'class' ||
          attribute === 'id' ||
          attribute === 'name' ||
          attribute === 'style' ||
          attribute === 'type'
        ) {
          if (given.marks === NO_MARKS) given.marks = { ...NO_MARKS };
          given.marks[attribute] = given.marks[attribute] || value;
        } else if (attribute === 'href') given.href = given.href || value;
        else if (attribute === 'alt') given.alt = given.alt || value;
        else if (attribute === 'start' || attribute === 'value') given.number = given.number || value;
        else if (attribute === 'face') given.face = given.face || value;
        else if (attribute === 'hidden') given.hidden = true;
        attribute = '';
      },
      onopentagend: open,
      onselfclosingtag: open,
      onclosetag(start, end) {
        closeElement(state, kindOf(html.slice(start, end)));
      },
      ontext(start, end) {
        addWords(state, html.slice(start, end));
      },
      ontextentity(code) {
        addWords(state, String.fromCodePoint(code));
      },
      oncdata(start, end, offset) {
        addWords(state, html.slice(start, end - offset));
      },
      oncomment() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      onend() {},
    },
  );
  tokenizer.write(html);
  tokenizer.end();
}

function addWords(state: State, text: string): void {
  if (state.unseen) return;
  const shown = state.font === null ? text : inFont(text, state.font);
  state.symbols ||= shown !== text;
  addText(state, shown);
}

function openElement(state: State, given: Tag): void {
  const { kind, marks } = given;
  const { tag } = kind;
  const look = marks === NO_MARKS || marks.style === '' ? NO_LOOK : lookIn(state, marks.style);
  const isAway = (look.hidden || given.hidden) && !state.all;
  if (tag === 'br') breakLine(state);
  else if (tag === 'img' && !isAway) addPicture(state, given.alt);
  else if (tag === 'hr') addRule(state);
  if (kind.isVoid) return;
  if (tag === 'td' || tag === 'th') separateCells(state);
  if (kind.isBlock) endLine(state);
  const container = containerOf(tag, marks);
  const spaced = kind.isSpaced && !look.tight && !(marks !== NO_MARKS && /Mso|elementToProof/i.test(marks.class));
  const hidden = kind.isHidden || (isAway && tag !== 'body' && tag !== 'html');
  const { unseen, font } = state;
  if (spaced && !hidden) state.gap = true;
  const broken = look.broken && tag !== 'body';
  if (broken) state.broken++;
  if (tag === 'pre') state.pre++;
  if (hidden) hide(state, kind);
  if (look.seen !== null && !state.all) setUnseen(state, !look.seen);
  if (look.font !== undefined) state.font = look.font;
  else if (given.face !== '') state.font = symbolFontNamed(given.face);
  if (tag === 'ul' || tag === 'ol') {
    state.lists.push({ ordered: tag === 'ol', count: numberOf(given, 1) - 1 });
  }
  if (tag === 'li') state.bullet = bulletOf(state, given);
  if (container !== null) openContainer(state, container, marks);
  const href = tag === 'a' ? given.href : '';
  const element: Open = { kind, container, spaced, broken, hidden, unseen, font, href, used: false };
  if (href !== '') openLink(state);
  if (container === 'wrapper') state.wrappers.push(element);
  state.stack.push(element);
  state.counts.set(tag, (state.counts.get(tag) ?? 0) + 1);
}

function lookIn(state: State, style: string): Look {
  if (style === state.style) return state.look;
  state.style = style;
  state.look = lookOfStyle(state, style);
  return state.look;
}

function lookOfStyle(state: State, style: string): Look {
  const known = state.looks.get(style);
  if (known !== undefined) return known;
  const look = lookOf(style);
  if (state.looks.size < LOOKS) state.looks.set(style, look);
  return look;
}

function hide(state: State, kind: Kind): void {
  state.hidden++;
  if (!kind.isHidden) state.hides = true;
}

function setUnseen(state: State, unseen: boolean): void {
  state.unseen = unseen;
  if (unseen) state.hides = true;
}

function openContainer(state: State, container: Container, marks: Marks): void {
  const inside = state.depth > 0 || state.quoted > 0;
  switch (container) {
    case 'blockquote':
      endLine(state);
      for (let at = state.wrappers.length - 1; at >= 0 && !state.wrappers[at]!.used; at--)
        state.wrappers[at]!.used = true;
      state.depth++;
      if (marks.type.toLowerCase() === 'cite' || state.wrappers.length > 0 || marks.class !== '') state.settled = true;
      return;
    case 'quoted':
      endLine(state);
      state.quoted++;
      state.settled = true;
      return;
    case 'history':
    case 'forwarded':
      endLine(state);
      if (!inside && state.pending === null) state.pending = container;
      state.settled = true;
      return;
    case 'end':
      endLine(state);
      state.settled = true;
      return;
    case 'border':
      endLine(state);
      if (!inside && state.pending === null) state.pending = 'border';
      return;
    case 'attribution':
      endLine(state);
      state.attribution++;
      state.settled = true;
      return;
    case 'wrapper':
      endLine(state);
      return;
    case 'signature':
      state.signature++;
      return;
    case 'indent':
      endLine(state);
      return;
  }
}

function closeElement(state: State, kind: Kind): void {
  const { tag, isTabular } = kind;
  if (tag === 'br') breakLine(state);
  const isOpen = (state.counts.get(tag) ?? 0) > 0;
  if (tag === 'p' && !isOpen) {
    endLine(state);
    state.gap = true;
    return;
  }
  if (tag === 'body' || tag === 'html' || kind.isVoid || !isOpen) return;
  const block = kind.isBlock && tag !== 'p';
  const floor = Math.max(0, state.stack.length - REACH);
  for (let index = state.stack.length - 1; index >= floor; index--) {
    const other = state.stack[index]!.kind;
    if (other.tag === tag) {
      while (state.stack.length > index) closeTop(state);
      return;
    }
    // An end tag reaches neither out of a table cell nor, for text elements, out of a block.
    if (!isTabular && other.isCell) return;
    if (!block && !isTabular && (other.tag === 'div' || other.tag === 'blockquote')) return;
  }
}

function closeTop(state: State): void {
  const element = state.stack.pop()!;
  const { kind, container } = element;
  const { tag } = kind;
  state.counts.set(tag, state.counts.get(tag)! - 1);
  if (kind.isBlock || (container !== null && container !== 'signature')) endLine(state);
  if (element.spaced && !element.hidden) state.gap = true;
  if (element.href !== '') closeLink(state, element.href);
  if (element.broken) state.broken--;
  if (tag === 'pre') state.pre--;
  if (element.hidden) state.hidden--;
  state.unseen = element.unseen;
  state.font = element.font;
  if (tag === 'ul' || tag === 'ol') state.lists.pop();
  if (tag === 'li') state.bullet = '';
  if (container === 'blockquote') state.depth--;
  if (container === 'quoted') state.quoted--;
  if (container === 'attribution') state.attribution--;
  if (container === 'wrapper') state.wrappers.pop();
  if (container === 'end' && state.depth === 0 && state.quoted === 0) state.pending ??= 'history';
  if (container === 'signature') {
    if (kind.isBlock || !state.written) endLine(state);
    state.signature--;
  }
}

function bulletOf(state: State, given: Tag): string {
  const list = state.lists.at(-1);
  const indent = '  '.repeat(Math.min(Math.max(state.lists.length - 1, 0), 8));
  if (list === undefined || !list.ordered) return `${indent}- `;
  list.count = numberOf(given, list.count + 1);
  return `${indent}${list.count}. `;
}

/** What the attributes of a list or an item say of its number, as a browser reads them. */
function numberOf({ number }: Tag, otherwise: number): number {
  return /^\s*-?\d{1,6}(?!\d)/.test(number) ? Number.parseInt(number, 10) : otherwise;
}
