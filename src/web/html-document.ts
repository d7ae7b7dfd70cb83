/**
 * The HTML of a customer's mail as a document of its own, for a frame without rights: `GET /html/{message id}`. It holds the
 * sanitised HTML in a box that clips it, and the mail's own pictures as `data:`; nothing in it loads anything, runs
 * anything or sends anything. Its links open in a new tab that knows nothing of this one.
 *
 * Only kinds of pictures that hold no script are shown, so many and so large. The document goes out in pieces: one picture
 * at a time is in memory. What the agent may not see, or is not there, is null alike.
 */
import { readFile } from 'node:fs/promises';
import type { Headers } from '../base/http.js';
import type { AgentProfile, Message } from '../conversation/model.js';
import type { Store } from '../conversation/store.js';

export type DocumentStore = Pick<Store, 'accountOf' | 'message' | 'redacted' | 'attachment' | 'content'>;

const SHOWN: ReadonlySet<string> = new Set([
  ...['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp'],
]);
const MAX_PICTURES = 100;
const MAX_PICTURE = 4 * 1024 * 1024;
const MAX_BYTES = 16 * 1024 * 1024;
/** In base64 without a rest. */
const STEP = 48 * 1024;

export const DOCUMENT_HEADERS: Headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    ...["default-src 'none'", "style-src 'unsafe-inline'", 'img-src data:'],
    ...['sandbox allow-popups allow-popups-to-escape-sandbox', "form-action 'none'", "base-uri 'none'"],
    "frame-ancestors 'self'",
  ].join('; '),
};

const HEAD = `<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>mail</title>
<style>html{background:#fff;color:#111;color-scheme:light}body{margin:8px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}</style>
</head><body>
`;
const TAIL = '\n</body></html>\n';

/** Null: the agent has no such message, or it came without HTML. */
export async function documentOf(
  store: DocumentStore,
  agent: AgentProfile,
  messageId: string,
): Promise<AsyncIterable<Buffer> | null> {
  const account = await store.accountOf(messageId);
  if (account === null || !messageId.startsWith('msg_')) return null;
  if (!agent.accounts.some(each => each.account === account)) return null;
  const message = await store.message(messageId);
  if (message.html === null) return null;
  // As everything that is shown to an agent: without reply addresses.
  return pieces(store, message, await store.redacted(message.html, { account: null }));
}

/** As `attachmentAddress` of mail/html writes it. */
const PICTURE = / src="attachment:([0-9a-f]{64})"/g;

async function* pieces(store: DocumentStore, message: Message, html: string): AsyncGenerator<Buffer> {
  yield Buffer.from(HEAD);
  let [at, count, left] = [0, 0, MAX_BYTES];
  for (const match of html.matchAll(PICTURE)) {
    yield Buffer.from(html.slice(at, match.index));
    at = match.index + match[0].length;
    const file = message.attachments.find(({ sha256 }) => sha256 === match[1]);
    const type = file?.content_type.toLowerCase() ?? '';
    if (file === undefined || !SHOWN.has(type) || file.size > Math.min(left, MAX_PICTURE)) continue;
    count += 1;
    if (count > MAX_PICTURES) continue;
    left -= file.size;
    yield Buffer.from(` src="data:${type};base64,`);
    yield* inBase64(await bytesOf(store, file.id));
    yield Buffer.from('"');
  }
  yield Buffer.from(`${html.slice(at)}${TAIL}`);
}

async function bytesOf(store: DocumentStore, attachmentId: string): Promise<Uint8Array> {
  const content = await store.content((await store.attachment(attachmentId)).content);
  return 'bytes' in content ? content.bytes : readFile(content.file);
}

function* inBase64(bytes: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += STEP) {
    yield Buffer.from(Buffer.from(bytes.subarray(at, at + STEP)).toString('base64'));
  }
}
