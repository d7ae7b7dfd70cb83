/**
 * Own words, history, signature: `splitReply` reads a mail's body and says what the person newly wrote. Three kinds
 * of knowledge, strongest first: what we sent (`traces.ts`, `../marker.ts`), what the HTML's containers say
 * (`html-lines.ts`), what mail programs write in many languages (`attribution.ts`, `header-block.ts`,
 * `signature.ts`). The policy stands in `assemble.ts`.
 *
 * Pure and linear, for any input: it never throws, and every word of the part that was read is in `text`,
 * `quotedText` or `signature`. In doubt words stay in `text`: showing a quote is better than losing a sentence.
 */
import type { ReplyText, Traces } from './mail.js';
import { assemble } from './reply-text/assemble.js';
import { classify } from './reply-text/classify.js';
import { type Line, plainLines } from './reply-text/lines.js';

export interface ReplyTextOptions {
  /** The mail's subject; it tells a bare forward from an empty reply. */
  readonly subject?: string;
}

/** Splits a mail's body by authorship. `plain` has LF or CRLF line ends, `html` is hostile; either may be null. */
export function splitReply(
  body: { readonly plain: string | null; readonly html: string | null },
  traces: Traces,
  options: ReplyTextOptions = {},
): ReplyText {
  return splitLines(plainLines(body.plain ?? ''), traces, options);
}

function splitLines(lines: readonly Line[], traces: Traces, options: ReplyTextOptions): ReplyText {
  const items = classify(lines, traces);
  return assemble(items, { forward: isForwardSubject(options.subject ?? ''), traced: traces.texts.length > 0 });
}

function isForwardSubject(subject: string): boolean {
  return /^\s*(?:fwd?|wg|tr|rv|enc|i|vs|vb|vl|pd|fs|továbbítás|yönlendirme|ילט|إعادة توجيه|转发|轉寄|転送|전달)\s*[:：]/i.test(
    subject,
  );
}
