/**
 * Comments in structured header fields (RFC 5322 section 3.2.2). It is linear and never throws. It is a file of its own
 * because the store reads a word of a header and must not load the charsets for that.
 */

/** The value without its comments (RFC 5322 section 3.2.2); an unclosed one stays. Quoted strings are left alone. */
export function withoutComments(value: string): string {
  if (!value.includes('(')) return value;
  let out = '';
  let depth = 0;
  let quoted = false;
  let opened = 0;
  for (let index = 0; index < value.length; index += 1) {
    const char = value[index]!;
    const start = index;
    if (char === '\\') index += 1;
    else if (char === '"' && depth === 0) quoted = !quoted;
    else if (char === '(' && !quoted) {
      if (depth === 0) opened = index;
      depth += 1;
      continue;
    } else if (char === ')' && depth > 0) {
      depth -= 1;
      continue;
    }
    if (depth === 0) out += value.slice(start, index + 1);
  }
  return depth > 0 ? out + value.slice(opened) : out;
}
