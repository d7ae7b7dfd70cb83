/**
 * Format=flowed (RFC 3676): joins the lines that a sending program wrapped softly. Quotes keep their signs, one `> `
 * per level in front of the joined paragraph. A signature delimiter never flows. Line ends are LF in and out. It is
 * linear.
 */

/** `delSp`: the space at a soft line end belongs to the wrapping, not to the text. */
export function unflow(text: string, delSp: boolean): string {
  const paragraphs: string[] = [];
  let parts: string[] = [];
  let openDepth = -1;
  const close = () => {
    if (openDepth >= 0) paragraphs.push(quoted(openDepth, parts.join('')));
    openDepth = -1;
    parts = [];
  };
  for (const line of text.split('\n')) {
    const depth = quoteDepth(line);
    const stuffed = line.slice(depth);
    const content = stuffed.startsWith(' ') ? stuffed.slice(1) : stuffed;
    // A blank line parts paragraphs even after a soft line end, which some programs leave there.
    if (depth !== openDepth || content === '-- ' || content === '') close();
    openDepth = depth;
    const flows = content.endsWith(' ') && content !== '-- ';
    parts.push(flows && delSp ? content.slice(0, -1) : content);
    if (!flows) close();
  }
  close();
  return paragraphs.join('\n');
}

function quoteDepth(line: string): number {
  let depth = 0;
  while (line[depth] === '>') depth += 1;
  return depth;
}

function quoted(depth: number, content: string): string {
  if (depth === 0) return content;
  return content === '' ? '>'.repeat(depth) : `${'>'.repeat(depth)} ${content}`;
}
