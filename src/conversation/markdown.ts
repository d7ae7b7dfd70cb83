/**
 * What agents write (Markdown) and what people write (plain text), as HTML that may stand in a mail.
 *
 * A small, safe subset: emphasis, lists, quotes, code, headings, tables, links. Raw HTML is text, pictures are links
 * (a remote picture in a mail is a tracker), links go to http, https, mailto and tel only. A line break stays a line
 * break, as in every chat box. Nothing throws. Linear enough by limits: nesting is bounded, and a text above
 * MAX_MARKDOWN characters is shown as plain text.
 */
import MarkdownIt from 'markdown-it';
import { escapeHtml } from '../mail/html/escape.js';

const MAX_MARKDOWN = 64 * 1024;
const MAX_NESTING = 20;

type Renderer = ReturnType<typeof MarkdownIt>;
let renderer: Renderer | undefined;

/** HTML block elements for a Markdown text. */
export function markdownToHtml(markdown: string): string {
  if (markdown.length > MAX_MARKDOWN) return plainToHtml(markdown);
  renderer ??= createRenderer();
  return renderer.render(markdown).trim();
}

/** HTML paragraphs for a plain text: blank lines part paragraphs, line breaks and leading spaces stay. */
export function plainToHtml(text: string): string {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .filter(paragraph => paragraph.trim() !== '')
    .map(paragraph => `<p>${paragraph.split('\n').map(plainLine).join('<br>\n')}</p>`)
    .join('\n');
}

function plainLine(line: string): string {
  const indent = line.length - line.trimStart().length;
  return '&nbsp;'.repeat(Math.min(indent, 40)) + escapeHtml(line.slice(indent));
}

function createRenderer(): Renderer {
  const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  markdown.set({ maxNesting: MAX_NESTING });
  markdown.disable('image');
  // Only what is written as a link becomes one: "report.py" and "1.2.3" are no web sites.
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  markdown.validateLink = url => /^(?:https?:|mailto:|tel:)/i.test(url.trim());
  return markdown;
}
