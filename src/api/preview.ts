/** How an answer will look: its Markdown as the HTML that its mail will carry. Nothing is kept of it but
 * the answer to a request with an Idempotency-Key. */
import { markdownToHtml } from '../conversation/markdown.js';
import { route } from './route.js';
import { PreviewBody } from './schema.js';

export const PREVIEW_ROUTE = route('POST /v1/preview', {
  summary: 'Show Markdown as the HTML that an answer of it is mailed with',
  body: PreviewBody,
  gives: { one: 'Preview' },
  run: ({ body, onceOutside }) => onceOutside(async () => ({ html: markdownToHtml(body.markdown) })),
});
