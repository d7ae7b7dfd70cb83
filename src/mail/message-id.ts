/**
 * Message identifiers (RFC 5322 section 3.6.4) as they really come: folded, glued together, with comments, without
 * brackets, with words around them. Ids are opaque and case-sensitive; they are given without their angle brackets.
 *
 * The reading is one linear pass and never throws: what cannot be an id is left out. At most 200 ids of a field are
 * kept, the first 20 and the last 180, because the root and the newest ones thread. An id has at most 998 characters.
 */

const MAX_IDS = 200;
const KEPT_ROOTS = 20;
const MAX_ID = 998;

/**
 * The ids of `In-Reply-To` or `References` in order, without duplicates; several values are fields of one name. Words
 * without brackets count only where the field has no bracketed id at all, and only when they hold an @: old clients
 * write `<id> from ann@example.com` here.
 */
export function parseMessageIds(values: string | readonly string[]): string[] {
  const text = typeof values === 'string' ? values : values.join(' ');
  const { bracketed, bare } = scan(text);
  const ids = [...new Set(bracketed.length > 0 ? bracketed : bare.filter(word => word.includes('@')))];
  return ids.length <= MAX_IDS ? ids : [...ids.slice(0, KEPT_ROOTS), ...ids.slice(KEPT_ROOTS - MAX_IDS)];
}

/** The id of `Message-ID`; null when there is none. A single word without brackets or @ counts too. */
export function parseMessageId(value: string): string | null {
  const { bracketed, bare } = scan(value);
  if (bracketed.length > 0) return bracketed[0]!;
  return bare.find(word => word.includes('@')) ?? (bare.length === 1 ? bare[0]! : null);
}

/** Reads the value once: ids in brackets, and words outside of brackets, comments and quoted strings. */
function scan(text: string): { bracketed: string[]; bare: string[] } {
  const bracketed: string[] = [];
  const bare: string[] = [];
  let position = 0;
  // Once one never closes, the next would be searched to the end as well: quadratic.
  let comments = true;
  while (position < text.length) {
    const char = text[position]!;
    if (char === '<') {
      const end = bracketEnd(text, position + 1);
      keep(bracketed, text.slice(position + 1, end));
      position = text[end] === '<' ? end : end + 1;
    } else if (char === '(' && comments) {
      const end = afterComment(text, position);
      comments = end > 0;
      position = comments ? end : position + 1;
    } else if (char === '"') {
      const end = text.indexOf('"', position + 1);
      position = end < 0 ? position + 1 : end + 1;
    } else if (isGap(char)) {
      position += 1;
    } else {
      const start = position;
      do position += 1;
      while (position < text.length && !isGap(text[position]!) && !'<("'.includes(text[position]!));
      keep(bare, text.slice(start, position));
    }
  }
  return { bracketed, bare };
}

/** Index of the `>` that closes, of the next `<` when it was forgotten, or of the end of a forgotten one's word. */
function bracketEnd(text: string, start: number): number {
  let position = start;
  while (position < text.length && text[position] !== '>' && text[position] !== '<') position += 1;
  if (position < text.length && text[position] === '>') return position;
  // Not closed: the id ends with its first word, so that words behind it are not glued on.
  let word = start;
  while (word < position && isSpace(text[word]!)) word += 1;
  while (word < position && !isSpace(text[word]!)) word += 1;
  return word;
}

/** Index behind a comment, nested ones included; -1 when it never closes. */
function afterComment(text: string, start: number): number {
  let depth = 0;
  for (let position = start; position < text.length; position += 1) {
    if (text[position] === '\\') position += 1;
    else if (text[position] === '(') depth += 1;
    else if (text[position] === ')' && --depth === 0) return position + 1;
  }
  return -1;
}

function keep(list: string[], raw: string): void {
  if (raw.length > 2 * MAX_ID) return;
  const words = raw.split(/\s+/).filter(word => word !== '');
  const id = words.join('').replaceAll(/[\x00-\x1f\x7f<>]|[\ud800-\udfff]/gu, '');
  // White space inside is a fold that a client broke badly, unless it is a phrase that happens to stand in brackets.
  if (id === '' || id.length > MAX_ID || (words.length > 1 && !id.includes('@'))) return;
  list.push(id);
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

function isGap(char: string): boolean {
  return isSpace(char) || char === ',' || char === ';' || char === '>';
}
